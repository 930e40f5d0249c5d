"""Fields of GoogleAdsRow by their GAQL names, found in the message descriptors, so that new fields come for
free.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from themaads_pipeline.emulator.gaql.dates import check_moment
from themaads_pipeline.emulator.gaql.query import Condition
from themaads_pipeline.emulator.gaql.tokens import query_error
from themaads_pipeline.emulator.messages import Descriptor, Message, message_class

_MESSAGE, _STRING = 11, 9
_DATA_TYPES = {
    1: "DOUBLE",
    2: "FLOAT",
    3: "INT64",
    4: "UINT64",
    5: "INT32",
    8: "BOOLEAN",
    9: "STRING",
    11: "MESSAGE",
    12: "STRING",
    13: "UINT64",
    14: "ENUM",
}
# The only single messages that are selected as a whole; of all others, their fields are.
_WHOLE = frozenset({"google.protobuf.FieldMask", "ChangedResource"})
_REFERENCES = frozenset({"labels", "base_campaign", "base_ad_group", "client_customer", "manager_customer"})
_DATES = frozenset({"date", "week", "month", "quarter", "start_date", "end_date"})
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Field:
    """A selectable field. `steps` are protobuf names below the resource's message (`type_` for `type`)."""

    name: str
    resource: str
    steps: tuple[str, ...]
    descriptor: Descriptor
    data_type: str  # as GoogleAdsFieldDataType calls it

    @property
    def repeated(self) -> bool:
        return bool(self.descriptor.is_repeated)

    @property
    def is_message(self) -> bool:
        return self.data_type == "MESSAGE"

    @property
    def category(self) -> str:
        return {"metrics": "METRIC", "segments": "SEGMENT"}.get(self.resource, "ATTRIBUTE")

    @property
    def filterable(self) -> bool:
        return not self.is_message

    @property
    def sortable(self) -> bool:
        return not self.is_message and not self.repeated

    @property
    def has_time(self) -> bool:
        """Whether a DATE has a time of day, too."""
        return self.name.endswith("date_time")

    def values(self, condition: Condition) -> list[Any]:
        """The literals of a condition as values of this field, in one go: there may be 20,000.

        Raises:
            RequestRefusedError: A literal is no value of this field.
        """
        literals = condition.values
        match self.data_type:
            case "STRING" | "RESOURCE_NAME":
                if condition.kind != "string":
                    error = "LIKE" in condition.operator and "INVALID_VALUE_WITH_LIKE_OPERATOR"
                    raise query_error(
                        error or "INVALID_STRING_VALUE",
                        f"'{self.name}' wants a string in quotes, got {literals[0]}",
                        literals[0],
                    )
                return list(literals)
            case "DATE":
                between = condition.operator == "BETWEEN"
                error = "INVALID_VALUE_WITH_BETWEEN_OPERATOR" if between else "INVALID_DATE_FORMAT"
                return [check_moment(text, with_time=self.has_time, error=error) for text in literals]
            case "ENUM":
                return [self._constant(literal) for literal in literals]
            case "BOOLEAN":
                return [self._truth(literal) for literal in literals]
            case "DOUBLE" | "FLOAT":
                return [self._number(float, literal) for literal in literals]
        try:  # in one go where Python's idea of a number cannot be wider than Google's
            numbers = list(map(int if condition.kind == "number" else self._integer, literals))
        except ValueError:
            numbers = list(map(self._integer, literals))
        if max(numbers) >= _LARGEST or min(numbers) < -_LARGEST:
            raise query_error("BAD_NUMBER", f"a number is too large for '{self.name}'")
        return numbers

    def _constant(self, literal: str) -> int:
        value = self.descriptor.enum_type.values_by_name.get(literal)
        if value is None:
            raise query_error(
                "BAD_ENUM_CONSTANT", f"invalid enum constant '{literal}' of '{self.name}'", literal
            )
        if literal == "UNSPECIFIED":
            raise query_error("PROHIBITED_ENUM_CONSTANT", f"'{literal}' cannot be asked for", literal)
        return int(value.number)

    def _truth(self, literal: str) -> bool:
        if literal.lower() not in {"true", "false"}:
            raise query_error("BAD_VALUE", f"'{literal}' is no boolean", literal)
        return literal.lower() == "true"

    def _integer(self, literal: str) -> int:
        return int(self._number(int, literal))

    def _number(self, kind: type, literal: str) -> Any:
        digits = literal.isascii() and not literal.strip("-.0123456789")  # Python takes 1_000 and inf, too
        try:
            return kind(literal if digits else "")
        except ValueError:
            raise query_error("BAD_NUMBER", f"'{literal}' is no number for '{self.name}'", literal) from None

    def getter(self) -> Callable[[Message], Any]:
        """Reads the field from the resource's message; None when it is not set."""
        *parents, last = self.steps
        optional = self.descriptor.has_presence
        enum = self.data_type == "ENUM" and not self.repeated

        def get(message: Message) -> Any:
            for step in parents:
                if not message.HasField(step):
                    return None
                message = getattr(message, step)
            if optional and not message.HasField(last):
                return None
            value = getattr(message, last)
            return None if enum and not value else value

        return get


@cache
def resource_names() -> frozenset[str]:
    """Everything that GoogleAdsRow knows, whether the emulator keeps it or not."""
    return frozenset(row_fields()) - {"metrics", "segments"}


@cache
def row_fields() -> dict[str, Descriptor]:
    """The fields of GoogleAdsRow: all resources, metrics and segments."""
    return dict(message_class("services.GoogleAdsRow").DESCRIPTOR.fields_by_name)


@cache
def find_field(name: str) -> Field:
    """The field of a GAQL name.

    Raises:
        RequestRefusedError: UNRECOGNIZED_FIELD.
    """
    resource, *rest = name.split(".")
    descriptor = row_fields().get(resource)
    steps: list[str] = []
    for part in rest:
        if descriptor is None or descriptor.type != _MESSAGE or (steps and descriptor.is_repeated):
            descriptor = None
            break
        fields = descriptor.message_type.fields_by_name
        step = f"{part}_" if f"{part}_" in fields else part
        if part.endswith("_"):
            step = ""  # `type_` is how protobuf gets round a keyword; in a query it is `type`
        descriptor = fields.get(step)
        steps.append(step)
    if descriptor is None or not steps or is_inner_message(descriptor):
        raise query_error("UNRECOGNIZED_FIELD", f"unrecognized field in the query: '{name}'", name)
    return make_field(name, resource, tuple(steps), descriptor)


def make_field(name: str, resource: str, steps: tuple[str, ...], descriptor: Descriptor) -> Field:
    return Field(
        name=name,
        resource=resource,
        steps=steps,
        descriptor=descriptor,
        data_type=_data_type(steps[-1], descriptor, resource),
    )


def _data_type(name: str, descriptor: Descriptor, resource: str) -> str:
    if descriptor.type != _STRING:
        return _DATA_TYPES.get(descriptor.type, "UNKNOWN")
    if name == "resource_name" or name in _REFERENCES or name in resource_names():
        return "RESOURCE_NAME"
    if name.endswith("date_time") or name in _DATES or (resource == "segments" and name.endswith("_date")):
        return "DATE"
    return "STRING"


def is_inner_message(descriptor: Descriptor) -> bool:
    """A single message whose fields are selected, not the message itself."""
    if descriptor.type != _MESSAGE or descriptor.is_repeated:
        return False
    message = descriptor.message_type
    return bool(message.fields) and not {message.full_name, message.name} & _WHOLE
