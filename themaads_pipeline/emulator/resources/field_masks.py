"""Update masks: which fields an update may name."""

from collections.abc import Iterable

from google.protobuf.field_mask_pb2 import FieldMask

from themaads_pipeline.emulator.failures import Errors
from themaads_pipeline.emulator.field_rules import FieldRules
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
        if path.partition(".")[0] not in frozen and _exists(operation.update, path)
    ]
    paths = [path for path in checked_paths(operation, changeable) if path != "resource_name"]
    body = type(before)()
    body.CopyFrom(before)
    mask = FieldMask(paths=[_protobuf_path(body, path) for path in paths])
    mask.MergeMessage(operation.update, body, True, True)
    return body


def _protobuf_path(message: Message, path: str) -> str:
    """`type` as clients may write it, `type_` as the message has it."""
    steps, descriptor = [], message.DESCRIPTOR
    for part in path.split("."):
        step = part if part in descriptor.fields_by_name else part + "_"
        steps.append(step)
        descriptor = descriptor.fields_by_name[step].message_type
    return ".".join(steps)
