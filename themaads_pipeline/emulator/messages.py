"""Raw protobuf classes of one API version, by name.

All versions that the client has (v23 to v26) agree on the wire in everything the emulator reads or writes:
fields were
added between them, none was renumbered. So one set of classes serves them all, and only names that travel
as text
(type URLs, the failure's metadata key) are written per version. Raw classes, since proto-plus costs ten
times as much.
"""

from functools import cache
from importlib import import_module
from typing import Any

VERSIONS = ("v23", "v24", "v25", "v26")
CLASSES = "google.ads.googleads.v26"

# The protobuf packages ship without types; a name says more than Any.
Message = Any
Descriptor = Any


@cache
def _pool() -> Any:
    """The descriptor pool, filled. Importing the version takes about 3 s, so it happens on first use."""
    from google.protobuf import descriptor_pool  # noqa: PLC0415 - import does nothing here until asked

    import_module(CLASSES)
    return descriptor_pool.Default()


@cache
def message_class(name: str) -> Any:
    """The class of `services.SearchGoogleAdsRequest`, `resources.Ad` and so on, or of a full `google.` name.

    Raises:
        KeyError: The API has no such message.
    """
    from google.protobuf import message_factory  # noqa: PLC0415 - as above

    full_name = name if name.startswith("google.") else f"{CLASSES}.{name}"
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(full_name))


@cache
def enum_values(name: str) -> dict[str, int]:
    """Numbers by name of `AdGroupAdStatus` and so on."""
    descriptor = _pool().FindEnumTypeByName(f"{CLASSES}.enums.{name}Enum.{name}")
    return {value.name: value.number for value in descriptor.values}


@cache
def enum_name(name: str, number: int) -> str:
    """The name of an enum's number, UNKNOWN for a number that this version does not have."""
    return next((key for key, value in enum_values(name).items() if value == number), "UNKNOWN")


@cache
def error_code_field(kind: str) -> tuple[str, dict[str, int]]:
    """The field of `ErrorCode` that holds errors of a kind (`AdError`), and its numbers by name.

    Raises:
        KeyError: Google Ads has no such kind of error.
    """
    for field in message_class("errors.ErrorCode").DESCRIPTOR.fields:
        if field.enum_type.name == kind:
            return field.name, {value.name: value.number for value in field.enum_type.values}
    raise KeyError(kind)
