"""Update masks: which fields an update may name."""

from collections.abc import Iterable

from themaads_pipeline.emulator.failures import Errors
from themaads_pipeline.emulator.field_rules import FieldRules
from themaads_pipeline.emulator.messages import Descriptor, Message


def checked_paths(operation: Message, mutable: Iterable[str]) -> list[str]:
    """The mask's paths.

    Raises:
        OperationRefusedError: No mask, an unknown field, one that cannot be changed, or one with fields below
            it, where Google wants those named.
    """
    errors = Errors()
    at = (("update_mask", None),)
    paths = list(operation.update_mask.paths)
    if not paths:
        errors.add("FieldMaskError.FIELD_MASK_MISSING", at)
    allowed = tuple(mutable)
    for path in paths:
        field = field_at(operation.update, path)
        code = ""
        if field is None:
            code = "FieldMaskError.FIELD_NOT_FOUND"
        elif path not in allowed and path != "resource_name":
            code = "FieldError.IMMUTABLE_FIELD"
        elif field.message_type is not None and not field.is_repeated and field.message_type.fields:
            code = "FieldMaskError.FIELD_HAS_SUBFIELDS"
        if code:
            errors.add(code, (("update", None), *((part, None) for part in path.split("."))), trigger=path)
    errors.raise_any()
    return paths


def field_at(message: Message, path: str) -> Descriptor | None:
    """The field at the end of a path, None where there is none: nothing leads on from a repeated field."""
    descriptor, field = message.DESCRIPTOR, None
    for part in path.split("."):
        if descriptor is None or (field is not None and field.is_repeated):
            return None
        field = descriptor.fields_by_name.get(part) or descriptor.fields_by_name.get(part + "_")
        if field is None:
            return None
        descriptor = field.message_type
    return field


def merged(operation: Message, before: Message, rules: FieldRules) -> Message:
    """The message after an update: `before` with the mask's fields as the operation has them.

    A field of the mask that the operation leaves unset is cleared.

    Raises:
        OperationRefusedError: No mask, an unknown field, or one that cannot be changed.
    """
    frozen = rules.immutable | rules.output_only
    changeable = [
        path
        for path in operation.update_mask.paths
        if not frozen & {path.partition(".")[0], path.partition(".")[0] + "_"}
    ]
    paths = [path for path in checked_paths(operation, changeable) if path != "resource_name"]
    body = type(before)()
    body.CopyFrom(before)
    merge(operation.update, body, paths)
    return body


def merge(source: Message, target: Message, paths: Iterable[str]) -> None:
    """Copies the fields at the paths, and clears those that the source leaves unset.

    By hand, since `FieldMask.MergeMessage` leaves what is below an unset message as it was.
    """
    for path in paths:
        given, kept = source, target
        *steps, last = _protobuf_path(target, path).split(".")
        for step in steps:
            present = given.HasField(step)
            given, kept = getattr(given, step), getattr(kept, step)
            if present:
                kept.SetInParent()
        field = kept.DESCRIPTOR.fields_by_name[last]
        is_given = bool(getattr(given, last)) if not field.has_presence else given.HasField(last)
        kept.ClearField(last)
        if not is_given:
            continue
        if field.is_repeated:
            getattr(kept, last).MergeFrom(getattr(given, last))
        elif field.message_type is not None:
            getattr(kept, last).CopyFrom(getattr(given, last))
            getattr(kept, last).SetInParent()
        else:
            setattr(kept, last, getattr(given, last))


def _protobuf_path(message: Message, path: str) -> str:
    """`type` as clients may write it, `type_` as the message has it."""
    steps, descriptor = [], message.DESCRIPTOR
    for part in path.split("."):
        step = part if part in descriptor.fields_by_name else part + "_"
        steps.append(step)
        descriptor = descriptor.fields_by_name[step].message_type
    return ".".join(steps)
