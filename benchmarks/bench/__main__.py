"""Run the cases, and show them as a table and as JSON."""

import csv
import json
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

import click
import openpyxl
from rich.console import Console
from rich.table import Table

from benchmarks.bench.place import ROOT, Place, a_place
from themaads_pipeline.push.work import PushConfig
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import EDITION

_DEFAULTS = PushConfig()
# What the profile `realistic` is set to, in seconds.
_REQUEST_S, _AD_S, _LABEL_S = 0.150, 0.013, 0.001
_NO_SITES = {"THEMAADS_SITE_ADS_PER_SECOND": "0"}

# What is measured by itself: the module and its arguments.
_PARTS = {
    "startup": ("startup_case", "5"),
    "ledger": ("ledger_case", "50000", "28", "28"),
    "first_request": ("first_request_case", "5"),
    "queries": ("queries_case", "5000000"),
}

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
@click.option(
    "--parts",
    default="startup,ledger",
    show_default=True,
    help=f"By themselves, of {', '.join(_PARTS)}; the last two take minutes. Empty: none.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(  # noqa: PLR0917 - as click gives them
    sizes: str, accounts: int, profiles: str, xlsx: bool, parts: str, json_file: Path | None
) -> None:
    """Push uploads of SIZES ad groups, each case in processes of its own, beside the floor."""
    found = []
    cases = [_cases(int(size), accounts, profiles.split(","), xlsx=xlsx) for size in sizes.split(",") if size]
    for case in chain(*cases, map(_part, filter(None, parts.split(",")))):
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
            blind = place.run("floor_case", number, "blind")
            place.emulator.reset()
            push = place.run("push_case", number, **_NO_SITES)
            yield {"case": f"floor, instant, {title}"} | floor
            yield {"case": f"floor that reads ids alone, instant, {title}"} | blind
            yield {"case": f"push, instant, sites not minded, {title}"} | _beside(push, floor, blind)
    if "realistic" in profiles:
        for told, environment, equal in (
            ("sites not minded", _NO_SITES, True),
            ("sites not minded, unequal accounts", _NO_SITES, False),
            ("sites at their pace", {}, True),
        ):
            with _seeded(size, accounts, equal=equal) as (place, file):
                intake = place.run("intake_case", str(file), EDITION)
                place.emulator.profile("realistic", request_s=_REQUEST_S, ad_s=_AD_S, label_s=_LABEL_S)
                push = place.run("push_case", str(intake["upload"]), **environment)
                yield {"case": f"push, realistic, {told}, {title}"} | _beside_ideal(push, file)
    if xlsx:
        with _seeded(size, accounts) as (place, file):
            workbook = _workbook(file)
            yield {"case": f"intake of XLSX, {title}"} | place.run("intake_case", str(workbook), EDITION)


def _part(name: str) -> Figures:
    module, *arguments = _PARTS[name]
    command = [sys.executable, "-m", f"benchmarks.bench.{module}", *arguments]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    said: Figures = json.loads(ended.stdout.splitlines()[-1])
    return {"case": f"{name} by itself"} | said


@contextmanager
def _seeded(size: int, accounts: int, *, equal: bool = True) -> Iterator[tuple[Place, Path]]:
    with a_place() as place:
        place.emulator.set_now(NOW)
        place.seed(accounts=accounts, ad_groups=size, equal=equal)
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


def _beside(push: Figures, floor: Figures, blind: Figures) -> Figures:
    return push | {
        "items_per_s": push["items"] / push["wall_s"],
        "cpu_to_floor": push["cpu_s"] / floor["cpu_s"],
        "cpu_to_blind_floor": push["cpu_s"] / blind["cpu_s"],
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
    for name, value in _flat({name: value for name, value in case.items() if name != "case"}):
        table.add_row(name, _shown(value))
    return table


def _shown(value: Any) -> str:
    if isinstance(value, int | float):
        return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
    return str(value)


def _flat(figures: Figures) -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from ((f"{name}: {part}", number) for part, number in _flat(value))
        elif isinstance(value, list):
            yield from ((f"{name} {number}", each) for number, each in enumerate(value, 1))
        else:
            yield name, value


if __name__ == "__main__":
    main()
