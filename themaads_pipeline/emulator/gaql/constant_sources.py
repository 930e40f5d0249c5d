"""Places, languages and currencies behind FROM: the same rows for every account, and no other resource."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.gaql.sources import Source
from themaads_pipeline.emulator.resources.constants import Constant, currencies, geo_targets, languages


def _source(name: str, constants: Callable[[], tuple[Constant, ...]]) -> Source:
    def rows(_: Account) -> Iterable[Constant]:
        return constants()

    def by_name(_: Account, names: Iterable[Any]) -> Iterator[Constant]:
        wanted = set(names)
        return (constant for constant in constants() if constant.body.resource_name in wanted)

    return Source(rows=rows, indexes={f"{name}.resource_name": by_name})


CONSTANT_SOURCES: dict[str, Source] = {
    "geo_target_constant": _source("geo_target_constant", geo_targets),
    "language_constant": _source("language_constant", languages),
    "currency_constant": _source("currency_constant", currencies),
}
