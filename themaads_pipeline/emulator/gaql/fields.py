"""Fields of GoogleAdsRow by their GAQL names, found in the message descriptors, so that new fields come for
free.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from themaads_pipeline.emulator.gaql.tokens import query_error
from themaads_pipeline.emulator.messages import Descriptor, Message, message_class

_ENUM, _MESSAGE, _STRING, _BOOL = 14, 11, 9, 8
_FLOATS = frozenset({1, 2})


@dataclass(frozen=True, slots=True)
class Field:
    """A selectable field. `steps` are protobuf names below the resource's message (`type_` for `type`)."""

    name: str
    resource: str
    steps: tuple[str, ...]
    descriptor: Descriptor

    @property
    def repeated(self) -> bool:
        return bool(self.descriptor.is_repeated)

    @property
    def is_message(self) -> bool:
        return bool(self.descriptor.type == _MESSAGE)

    @property
    def is_string(self) -> bool:
        return bool(self.descriptor.type == _STRING)

    def convert(self, literal: str) -> Any:
        """A literal of a query as a value of this field.

        Raises:
            RequestRefusedError: The literal is no value of this field.
        """
        kind = self.descriptor.type
        if kind == _STRING:
            return literal
        if kind == _ENUM:
            value = self.descriptor.enum_type.values_by_name.get(literal)
            if value is None:
                raise query_error(
                    "BAD_ENUM_CONSTANT", f"invalid enum constant '{literal}' of '{self.name}'", literal
                )
            return value.number
        if kind == _BOOL:
            if literal.lower() not in {"true", "false"}:
                raise query_error("BAD_VALUE", f"'{literal}' is no boolean", literal)
            return literal.lower() == "true"
        try:
            return float(literal) if kind in _FLOATS else int(literal)
        except ValueError:
            raise query_error("BAD_NUMBER", f"'{literal}' is no number for '{self.name}'", literal) from None

    def getter(self) -> Callable[[Message], Any]:
        """Reads the field from the resource's message; None when it is not set."""
        *parents, last = self.steps
        optional = self.descriptor.has_presence

        def get(message: Message) -> Any:
            for step in parents:
                if not message.HasField(step):
                    return None
                message = getattr(message, step)
            if optional and not message.HasField(last):
                return None
            return getattr(message, last)

        return get


@cache
def resource_names() -> frozenset[str]:
    """Everything that GoogleAdsRow knows, whether the emulator keeps it or not."""
    return frozenset(field.name for field in message_class("services.GoogleAdsRow").DESCRIPTOR.fields)


@cache
def find_field(name: str) -> Field:
    """The field of a GAQL name.

    Raises:
        RequestRefusedError: UNRECOGNIZED_FIELD.
    """
    resource, *rest = name.split(".")
    descriptor = message_class("services.GoogleAdsRow").DESCRIPTOR.fields_by_name.get(resource)
    steps: list[str] = []
    for part in rest:
        if descriptor is None or descriptor.type != _MESSAGE or (steps and descriptor.is_repeated):
            descriptor = None
            break
        fields = descriptor.message_type.fields_by_name
        step = part if part in fields else f"{part}_"
        descriptor = fields.get(step)
        steps.append(step)
    if descriptor is None or not steps or _is_inner_message(descriptor):
        raise query_error("UNRECOGNIZED_FIELD", f"unrecognized field in the query: '{name}'", name)
    return Field(name=name, resource=resource, steps=tuple(steps), descriptor=descriptor)


def _is_inner_message(descriptor: Descriptor) -> bool:
    """A single message with fields of its own: its fields are selected, not the message."""
    return bool(descriptor.type == _MESSAGE and not descriptor.is_repeated and descriptor.message_type.fields)
