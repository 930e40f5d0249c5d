"""The catalogue of fields: every resource, attribute, metric and segment that GoogleAdsRow knows, and what
goes with it.

What goes together is what the emulator itself would answer, so that a client which builds its queries from
the catalogue builds queries that work here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from themaads_pipeline.emulator.gaql.fields import Field, is_inner_message, make_field, row_fields
from themaads_pipeline.emulator.gaql.metrics import RESOURCES, SEGMENTS, resources_with
from themaads_pipeline.emulator.gaql.registry import SOURCES
from themaads_pipeline.emulator.messages import CLASSES, Descriptor, Message, enum_values, message_class

_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Artifact:
    """One entry. `field` is None for a resource."""

    name: str
    field: Field | None

    @property
    def resource(self) -> str:
        return self.name.partition(".")[0]

    def message(self, version: str) -> Message:
        """The entry as a GoogleAdsField, with the type names of an API version."""
        found = self.field
        entry = message_class("resources.GoogleAdsField")(
            resource_name=f"googleAdsFields/{self.name}",
            name=self.name,
            category=enum_values("GoogleAdsFieldCategory")[found.category if found else "RESOURCE"],
            data_type=enum_values("GoogleAdsFieldDataType")[found.data_type if found else "MESSAGE"],
            selectable=found is not None,
            filterable=found is not None and found.filterable,
            sortable=found is not None and found.sortable,
            is_repeated=found is not None and found.repeated,
            type_url=self._type_name().replace(CLASSES, CLASSES.replace("v26", version)),
            selectable_with=self._companions(),
        )
        if found is None:
            entry.attribute_resources.extend(_attributed(self.name))
            entry.metrics.extend(_metrics(self.name))
            entry.segments.extend(_segments(self.name))
        elif found.data_type == "ENUM":
            entry.enum_values.extend([value.name for value in found.descriptor.enum_type.values])
        return entry

    def _type_name(self) -> str:
        descriptor = row_fields()[self.name] if self.field is None else self.field.descriptor
        kind = descriptor.message_type or descriptor.enum_type
        return str(kind.full_name) if kind is not None else ""

    def _companions(self) -> list[str]:
        match self.field.category if self.field is not None else "":
            case "METRIC":
                return _with_metric(self.name)
            case "SEGMENT":
                return _with_segment(self.name)
        return sorted((*_attributed(self.resource), *_metrics(self.resource), *_segments(self.resource)))


@cache
def catalogue() -> dict[str, Artifact]:
    """All entries by name, in their alphabetical order."""
    entries = {}
    for resource, descriptor in row_fields().items():
        if resource not in {"metrics", "segments"}:
            entries[resource] = Artifact(resource, None)
        for field in _leaves(resource, descriptor.message_type):
            entries[field.name] = Artifact(field.name, field)
    return dict(sorted(entries.items()))


def _leaves(
    resource: str, message: Descriptor, name: str = "", steps: tuple[str, ...] = ()
) -> Iterator[Field]:
    if len(steps) > _DEEPEST:
        return
    for descriptor in message.fields:
        path = f"{name or resource}.{descriptor.name.rstrip('_')}"
        below = (*steps, descriptor.name)
        if is_inner_message(descriptor):
            yield from _leaves(resource, descriptor.message_type, path, below)
        else:
            yield make_field(path, resource, below, descriptor)


@cache
def _attributed(resource: str) -> tuple[str, ...]:
    return tuple(sorted(SOURCES[resource].attributed)) if resource in SOURCES else ()


@cache
def _metrics(resource: str) -> tuple[str, ...]:
    names = (field.name for field in row_fields()["metrics"].message_type.fields)
    if resource not in RESOURCES:
        return ()
    return tuple(f"metrics.{name}" for name in sorted(names) if resource in resources_with(name))


@cache
def _segments(resource: str) -> tuple[str, ...]:
    return tuple(f"segments.{name}" for name in sorted(SEGMENTS)) if resource in RESOURCES else ()


@cache
def _with_metric(name: str) -> list[str]:
    resources = resources_with(name.removeprefix("metrics."))
    if not resources:
        return []
    others = {other for resource in resources for other in (*_attributed(resource), *_metrics(resource))}
    return sorted({*resources, *others, *_segments("campaign")} - {name})


@cache
def _with_segment(name: str) -> list[str]:
    if name.removeprefix("segments.") not in SEGMENTS:
        return []
    others = {other for resource in RESOURCES for other in (*_attributed(resource), *_metrics(resource))}
    return sorted({*RESOURCES, *others, *_segments("campaign")} - {name})
