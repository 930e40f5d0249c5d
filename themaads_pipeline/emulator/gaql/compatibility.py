"""What may stand together in a query: resources that go with the one in FROM, metrics, and segments."""

from collections.abc import Container
from dataclasses import dataclass

from themaads_pipeline.emulator.gaql.dates import CORE_SEGMENTS, is_core_segment
from themaads_pipeline.emulator.gaql.fields import Field, find_field
from themaads_pipeline.emulator.gaql.metrics import (
    COMPANIONS,
    CONVERSION_SEGMENTS,
    RESOURCES,
    SEGMENTS,
    resources_with,
)
from themaads_pipeline.emulator.gaql.query import Query
from themaads_pipeline.emulator.gaql.tokens import query_error

_UNSPLIT = frozenset({"impressions", "clicks", "interactions", "cost_micros", "ctr", "average_cpc"})


@dataclass(frozen=True, slots=True)
class CheckedFields:
    """The fields of a query by clause, all of which may be there."""

    selected: list[Field]
    conditioned: list[Field]
    ordered: list[Field]

    @property
    def wants_metrics(self) -> bool:
        return any(field.category == "METRIC" for field in (*self.selected, *self.conditioned))

    @property
    def segments(self) -> list[str]:
        """The selected segments, each once."""
        names = (field.steps[0] for field in self.selected if field.category == "SEGMENT")
        return list(dict.fromkeys(names))


def check_fields(query: Query, attributed: Container[str], *, manager: bool) -> CheckedFields:
    """Finds a query's fields and checks them against each other.

    Raises:
        RequestRefusedError: A field is unknown or has no place where it stands.
    """
    selected = [_field(name, query, attributed, "SELECT") for name in query.fields]
    conditioned = [_field(item.field, query, attributed, "WHERE") for item in query.conditions]
    ordered = [_field(name, query, attributed, "ORDER_BY") for name, _ in query.order]
    fields = CheckedFields(selected, conditioned, ordered)
    if fields.wants_metrics and manager:
        raise query_error("REQUESTED_METRICS_FOR_MANAGER", "a manager account has no metrics of its own")
    _check_segments(fields)
    _check_order(query, fields)
    return fields


def _field(name: str, query: Query, attributed: Container[str], clause: str) -> Field:
    field = find_field(name)
    match field.category:
        case "METRIC":
            if query.resource not in RESOURCES or query.resource not in resources_with(field.steps[0]):
                raise query_error(
                    "PROHIBITED_METRIC_IN_SELECT_OR_WHERE_CLAUSE",
                    f"'{name}' cannot be used with FROM {query.resource}",
                    name,
                )
        case "SEGMENT":
            _check_segment(field, query)
        case _:
            if field.resource != query.resource and field.resource not in attributed:
                raise query_error(
                    f"PROHIBITED_RESOURCE_TYPE_IN_{'SELECT' if clause == 'ORDER_BY' else clause}_CLAUSE",
                    f"'{field.resource}' cannot be used with FROM {query.resource}",
                    name,
                )
    return field


def _check_segment(field: Field, query: Query) -> None:
    segment = field.steps[0]
    metrics = {name.removeprefix("metrics.") for name in query.fields if name.startswith("metrics.")}
    companion = COMPANIONS.get(segment)
    if companion is not None and f"segments.{companion}" not in query.fields:
        raise query_error(
            "REQUIRED_SEGMENT_FIELD_MISSING", f"'{field.name}' needs segments.{companion}", field.name
        )
    if segment in CONVERSION_SEGMENTS and metrics & _UNSPLIT:
        raise query_error(
            "PROHIBITED_SEGMENT_WITH_METRIC_IN_SELECT_OR_WHERE_CLAUSE",
            f"'{field.name}' cannot segment {', '.join(sorted(metrics & _UNSPLIT))}",
            field.name,
        )
    if segment not in SEGMENTS or query.resource not in RESOURCES:
        about = "" if query.resource not in RESOURCES else ": the emulator does not know this segment"
        raise query_error(
            "PROHIBITED_SEGMENT_IN_SELECT_OR_WHERE_CLAUSE",
            f"'{field.name}' cannot be used with FROM {query.resource}{about}",
            field.name,
        )


def _check_segments(fields: CheckedFields) -> None:
    """Segments in WHERE are selected too, unless they are dates; selected dates are filtered on."""
    for field in fields.conditioned:
        if field.category == "SEGMENT" and not (
            is_core_segment(field.name) or field.steps[0] in fields.segments
        ):
            raise _unreferenced(field, "WHERE")
    if set(fields.segments) & set(CORE_SEGMENTS) and not any(
        is_core_segment(field.name) for field in fields.conditioned
    ):
        raise query_error(
            "EXPECTED_FILTERS_ON_DATE_RANGE", "a selected date segment needs a date range in WHERE"
        )


def _check_order(query: Query, fields: CheckedFields) -> None:
    resources = {query.resource, *(field.resource for field in fields.selected)}
    names = {field.name for field in fields.selected}
    for field in fields.ordered:
        if not field.sortable:
            raise query_error(
                "PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE", f"cannot order by '{field.name}'", field.name
            )
        found = field.resource in resources if field.category == "ATTRIBUTE" else field.name in names
        if not found:
            raise _unreferenced(field, "ORDER BY")


def _unreferenced(field: Field, clause: str) -> Exception:
    return query_error(
        "EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE",
        f"'{field.name}' is used in {clause} and must be selected, too",
        field.name,
    )
