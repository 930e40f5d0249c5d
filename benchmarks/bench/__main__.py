"""Run the cases, and show them as a table and as JSON."""

import csv
import json
import os
import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import click
import openpyxl
from rich.console import Console
from rich.table import Table

from benchmarks.bench.place import Place, a_place
from themaads_pipeline.push.work import PushConfig
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import EDITION

_DEFAULTS = PushConfig()
# What the profile `realistic` is set to, in seconds.
_REQUEST_S, _AD_S, _LABEL_S = 0.150, 0.013, 0.001
_NO_SITES = {"THEMAADS_SITE_ADS_PER_SECOND": "0"}

Figures = dict[str, Any]


@click.command()
@click.option("--sizes", default="5000,50000", show_default=True, help="Ad groups, one upload each.")
@click.option("--accounts", default=28, show_default=True)
@click.option(
    "--profiles",
    default="instant,realistic",
    show_default=True,
    help="Of the emulator; see docs/emulator.md.",
)
@click.option("--xlsx/--no-xlsx", default=True, show_default=True, help="Read the file as a workbook, too.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(sizes: str, accounts: int, profiles: str, xlsx: bool, json_file: Path | None) -> None:
    """Push uploads of SIZES ad groups, each case in processes of its own, beside the floor."""
    found = []
    for size in map(int, sizes.split(",")):
        for case in _cases(size, accounts, profiles.split(","), xlsx=xlsx):
            found.append(case)
            Console().print(_table(case))
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    if json_file:
        json_file.write_text(json.dumps({"machine": machine, "cases": found}, indent=2) + "\n")


def _cases(size: int, accounts: int, profiles: list[str], *, xlsx: bool) -> Iterator[Figures]:
    title = f"{size:,} ad groups, {accounts} accounts"
    if "instant" in profiles:
        with _seeded(size, accounts) as (place, file):
            intake = place.run("intake_case", str(file), EDITION)
            yield {"case": f"intake of CSV, {title}"} | intake
            number = str(intake["upload"])
            floor = place.run("floor_case", number)
            place.emulator.reset()
            push = place.run("push_case", number, **_NO_SITES)
            yield {"case": f"floor, instant, {title}"} | floor
            yield {"case": f"push, instant, sites not minded, {title}"} | _beside(push, floor)
    if "realistic" in profiles:
        for told, environment in (("sites not minded", _NO_SITES), ("sites at their pace", {})):
            with _seeded(size, accounts) as (place, file):
                intake = place.run("intake_case", str(file), EDITION)
                place.emulator.profile("realistic", request_s=_REQUEST_S, ad_s=_AD_S, label_s=_LABEL_S)
                push = place.run("push_case", str(intake["upload"]), **environment)
                yield {"case": f"push, realistic, {told}, {title}"} | _beside_ideal(push, file)
    if xlsx:
        with _seeded(size, accounts) as (place, file):
            workbook = _workbook(file)
            yield {"case": f"intake of XLSX, {title}"} | place.run("intake_case", str(workbook), EDITION)


@contextmanager
def _seeded(size: int, accounts: int) -> Iterator[tuple[Place, Path]]:
    with a_place() as place:
        place.emulator.set_now(NOW)
        place.seed(accounts=accounts, ad_groups=size)
        file = place.home / "benchmark.csv"
        file.write_text(place.emulator.upload_file(), encoding="utf-8")
        yield place, file


def _beside_ideal(push: Figures, file: Path) -> Figures:
    ideal = _ideal_s(file)
    return push | {"ideal_s": ideal, "wall_to_ideal": push["wall_s"] / ideal}


def _ideal_s(file: Path) -> float:
    """The longest account's requests in series: labels read and created, ads read, created and labelled."""
    with file.open(encoding="utf-8", newline="") as lines:
        items = Counter(row["customer_id"] for row in csv.DictReader(lines))
    longest = max(items.values())
    reads = 1 + ceil(longest / _DEFAULTS.read_size)
    mutates = 1 + 2 * ceil(longest / _DEFAULTS.batch_size)
    return (reads + mutates) * _REQUEST_S + longest * (_AD_S + 2 * _LABEL_S)


def _beside(push: Figures, floor: Figures) -> Figures:
    return push | {
        "items_per_s": push["items"] / push["wall_s"],
        "cpu_to_floor": push["cpu_s"] / floor["cpu_s"],
        "wall_to_floor": push["wall_s"] / floor["wall_s"],
    }


def _workbook(file: Path) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines):
            sheet.append(row)
    path = file.with_suffix(".xlsx")
    book.save(path)
    return path


def _table(case: Figures) -> Table:
    table = Table("figure", "value", title=str(case["case"]))
    for name, value in case.items():
        if name == "case":
            continue
        if isinstance(value, dict):
            for part, number in value.items():
                table.add_row(f"{name}: {part}", f"{number:,}")
        else:
            table.add_row(name, f"{value:,.2f}" if isinstance(value, float) else f"{value:,}")
    return table


if __name__ == "__main__":
    main()
