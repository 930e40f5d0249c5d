"""Fields that have to be given, by the documentation of each message, however deep it lies."""

from collections.abc import Iterator

from themaads_pipeline.emulator.field_rules import field_rules
from themaads_pipeline.emulator.messages import CLASSES, Message


def is_set(body: Message, name: str) -> bool:
    """Whether a field holds something. An empty text counts as none: the API takes it for a missing one."""
    descriptor = body.DESCRIPTOR.fields_by_name[name]
    if descriptor.is_repeated or not descriptor.has_presence:
        return bool(getattr(body, name))
    return bool(body.HasField(name)) and getattr(body, name) != ""


def missing_inside(body: Message, field: str) -> Iterator[tuple[str, ...]]:
    """The paths of required fields that a message in `field` lacks: `("sitelink_asset", "link_text")`."""
    message = getattr(body, field)
    rules = field_rules(message.DESCRIPTOR.full_name.removeprefix(f"{CLASSES}."))
    for name in sorted(rules.required):
        if not is_set(message, name):
            yield (field, name)
    for inner, value in message.ListFields():
        if (
            inner.message_type is not None
            and not inner.is_repeated
            and value.DESCRIPTOR.file.package.startswith(CLASSES)
        ):
            yield from ((field, *path) for path in missing_inside(message, inner.name))
