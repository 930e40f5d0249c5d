"""What differs between two states of a resource: the paths of the fields, and their values on either side."""

from functools import cache
from typing import Any

from themaads_pipeline.emulator.field_rules import field_rules
from themaads_pipeline.emulator.messages import CLASSES, Descriptor, Message


@cache
def _output_only(message: str) -> frozenset[str]:
    try:
        return field_rules(message.removeprefix(f"{CLASSES}.")).output_only
    except (KeyError, ModuleNotFoundError):  # a message of protobuf's own
        return frozenset()


def copy_differences(
    old: Message, new: Message, old_only: Message, new_only: Message, prefix: str = ""
) -> list[str]:
    """Copies the fields that differ into two messages of the same type, and gives their paths.

    Fields that only Google writes are left out, and lists are told as a whole.
    """
    paths: list[str] = []
    left_out = _output_only(new.DESCRIPTOR.full_name)
    present = {field.index: field for message in (old, new) for field, _ in message.ListFields()}
    for _, field in sorted(present.items()):
        if field.name in left_out:
            continue
        path = prefix + field.name.rstrip("_")
        if field.is_repeated or field.message_type is None:
            if _value(old, field) != _value(new, field):
                paths.append(path)
                _keep(old, old_only, field)
                _keep(new, new_only, field)
        elif old.HasField(field.name) or new.HasField(field.name):
            name = field.name
            both, either = (
                (getattr(old, name), getattr(new, name)),
                (getattr(old_only, name), getattr(new_only, name)),
            )
            found = copy_differences(*both, *either, prefix=f"{path}.")
            if not found and old.HasField(name) != new.HasField(name):
                found = [path]
                for message, kept in ((old, old_only), (new, new_only)):
                    if message.HasField(name):
                        getattr(kept, name).SetInParent()
            paths.extend(found)
    return paths


def _value(message: Message, field: Descriptor) -> Any:
    if field.is_repeated:
        return list(getattr(message, field.name))
    if field.has_presence and not message.HasField(field.name):
        return None
    return getattr(message, field.name)


def _keep(source: Message, target: Message, field: Descriptor) -> None:
    """Copies a value, unless there is none: writing nothing would make the messages above it appear."""
    value = _value(source, field)
    if field.is_repeated and value:
        getattr(target, field.name).MergeFrom(getattr(source, field.name))
    elif not field.is_repeated and value is not None and (value or field.has_presence):
        setattr(target, field.name, value)
