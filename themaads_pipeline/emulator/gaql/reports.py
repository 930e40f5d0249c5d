"""Rows of reports: what entities did, summed over the days asked for and split by the selected segments."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from themaads_pipeline.emulator.entities import Account, Ad
from themaads_pipeline.emulator.gaql.dates import today_in
from themaads_pipeline.emulator.gaql.metrics import DEVICES, Figures, segment_of_day
from themaads_pipeline.emulator.messages import enum_values
from themaads_pipeline.emulator.traffic import FIGURES, Array, Traffic

Unit = tuple[int, int]  # an ad's id, and the day it was created on, since 1970

NOTHING: Figures = dict.fromkeys(FIGURES, 0)
_ZONES_S = 900  # time zones differ by quarters of hours
_KEYWORD_SALT = 0x5851_F42D_4C95_7F2D


@dataclass(frozen=True, slots=True)
class ReportRow:
    """An entity, the values of the selected segments, and what it did there."""

    entity: Any
    segments: dict[str, Any]
    figures: Figures


def report(
    account: Account,
    resource: str,
    entities: Iterable[Any],
    *,
    traffic: Traffic | None,
    days: list[date],
    segments: list[str],
) -> Iterator[ReportRow]:
    """The entities' rows; with segments, only those in which something was shown."""
    if traffic is None or not days:
        if not segments:
            yield from (ReportRow(entity, {}, NOTHING) for entity in entities)
        return
    by_day, columns, starts = _grouped(days, [name for name in segments if name != "device"])
    shares: list[tuple[dict[str, Any], Callable[[Array], Array]]] = [({}, lambda whole: whole)]
    if "device" in segments:
        shares = _device_shares()
    units_of = _units(account, resource)
    for batch, keys, offsets in _batches(entities, units_of, traffic.batch_size(len(days))):
        matrices = traffic.figures([key for key, _ in keys], [born for _, born in keys], days) if keys else {}
        totals = {
            name: np.add.reduceat(matrix, [offset for offset in offsets if offset >= 0], axis=0)
            for name, matrix in matrices.items()
        }
        parts = [
            (device, {name: _summed(share(whole), columns, starts) for name, whole in totals.items()})
            for device, share in shares
        ]
        position = 0
        for entity, offset in zip(batch, offsets, strict=True):
            if offset >= 0:
                yield from _rows_of(entity, position, by_day, parts, split=bool(segments))
                position += 1
            elif not segments:
                yield ReportRow(entity, {}, NOTHING)


def _rows_of(
    entity: Any,
    position: int,
    by_day: list[dict[str, Any]],
    parts: list[tuple[dict[str, Any], dict[str, Array]]],
    *,
    split: bool,
) -> Iterator[ReportRow]:
    for group, values in enumerate(by_day):
        for device, sums in parts:
            figures = {name: sums[name][position, group].item() for name in FIGURES}
            if not split or figures["impressions"]:
                yield ReportRow(entity, {**values, **device}, figures)


def summed(rows: Iterable[ReportRow]) -> Figures:
    """The figures of all rows together: the summary row."""
    total = dict(NOTHING)
    for row in rows:
        for name in FIGURES:
            total[name] += row.figures[name]
    return total


def all_days(first: date, last: date) -> list[date]:
    return [first + timedelta(number) for number in range((last - first).days + 1)]


def _grouped(days: list[date], segments: list[str]) -> tuple[list[dict[str, Any]], Array, list[int]]:
    """The combinations of the segments' values, the days in their order, and where each begins."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, day in enumerate(days):
        groups[tuple(segment_of_day(name, day) for name in segments)].append(index)
    values = [dict(zip(segments, group, strict=True)) for group in groups]
    columns = [index for members in groups.values() for index in members]
    starts, position = [], 0
    for members in groups.values():
        starts.append(position)
        position += len(members)
    return values, np.array(columns), starts


def _summed(matrix: Array, columns: Array, starts: list[int]) -> Array:
    return np.add.reduceat(matrix[:, columns], starts, axis=1)


def _device_shares() -> list[tuple[dict[str, Any], Callable[[Array], Array]]]:
    def of(percent: int) -> Callable[[Array], Array]:
        return lambda whole: whole * percent // 100

    *most, last = DEVICES
    taken = [of(DEVICES[name]) for name in most]
    numbers = enum_values("Device")
    shares = [({"device": numbers[name]}, share) for name, share in zip(most, taken, strict=True)]
    return [*shares, ({"device": numbers[last]}, lambda whole: whole - sum(share(whole) for share in taken))]


def _batches(
    entities: Iterable[Any], units_of: Callable[[Any], list[Unit]], size: int
) -> Iterator[tuple[list[Any], list[Unit], list[int]]]:
    """Entities with their units and where each one's begin, -1 for an entity that has none."""
    batch: list[Any] = []
    keys: list[Unit] = []
    offsets: list[int] = []
    for entity in entities:
        units = units_of(entity)
        batch.append(entity)
        offsets.append(len(keys) if units else -1)
        keys.extend(units)
        if len(keys) >= size:
            yield batch, keys, offsets
            batch, keys, offsets = [], [], []
    if batch:
        yield batch, keys, offsets


def _units(account: Account, resource: str) -> Callable[[Any], list[Unit]]:
    """The ads behind an entity of a resource."""

    def unit(ad: Ad) -> Unit:
        return ad.ad_id, _birthday(ad.created_at, account.time_zone)

    def keyword(view: Any) -> list[Unit]:
        criterion = view.criterion
        ad_group, _, number = criterion.resource_name.rpartition("/")[2].partition("~")
        born = _birthday(criterion.created_at, account.time_zone)
        return [(int(ad_group) * _KEYWORD_SALT + int(number), born)]

    match resource:
        case "ad_group_ad":
            return lambda ad: [unit(ad)]
        case "ad_group":
            return lambda group: list(map(unit, group.ads))
        case "customer":
            return lambda _: list(map(unit, account.ads.values()))
        case "campaign":
            units: dict[int, list[Unit]] = defaultdict(list)
            for ad in account.ads.values():
                units[ad.ad_group.campaign.campaign_id].append(unit(ad))
            return lambda campaign: units.get(campaign.campaign_id, [])
    return keyword


def _birthday(created_at: float, time_zone: str) -> int:
    """The day in the account's time zone, since 1970; 0 for what was always there."""
    return _day_of(created_at // _ZONES_S * _ZONES_S, time_zone) if created_at else 0


@lru_cache(maxsize=1_000)
def _day_of(moment: float, time_zone: str) -> int:
    return (today_in(time_zone, moment) - date(1970, 1, 1)).days
