"""Update masks: which fields an update may name."""

from collections.abc import Iterable

from themaads_pipeline.emulator.failures import Errors
from themaads_pipeline.emulator.messages import Message


def checked_paths(operation: Message, mutable: Iterable[str]) -> list[str]:
    """The mask's paths.

    Raises:
        OperationRefusedError: No mask, an unknown field, or one that cannot be changed.
    """
    errors = Errors()
    at = (("update_mask", None),)
    paths = list(operation.update_mask.paths)
    if not paths:
        errors.add("FieldMaskError.FIELD_MASK_MISSING", at)
    allowed = tuple(mutable)
    for path in paths:
        if path in allowed or path == "resource_name":
            continue
        code = (
            "FieldError.IMMUTABLE_FIELD"
            if _exists(operation.update, path)
            else "FieldMaskError.FIELD_NOT_FOUND"
        )
        errors.add(code, (("update", None), *((part, None) for part in path.split("."))), trigger=path)
    errors.raise_any()
    return paths


def _exists(message: Message, path: str) -> bool:
    descriptor = message.DESCRIPTOR
    for part in path.split("."):
        field = (
            None
            if descriptor is None
            else (descriptor.fields_by_name.get(part) or descriptor.fields_by_name.get(part + "_"))
        )
        if field is None:
            return False
        descriptor = field.message_type
    return True
