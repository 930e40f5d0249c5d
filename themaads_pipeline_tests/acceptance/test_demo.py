"""The demo's upload, end to end: every outcome and every field of every new ad is what the design asks for.

What must come out is written by hand in `expected/demo.yaml` and compared with the emulator's own state. Nothing
of the pipeline is imported here; it runs in processes of its own, as it does for a user.
"""

import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from themaads_pipeline_tests.acceptance.demo_comparison import (
    AccountState,
    Editions,
    State,
    black_friday,
    compare,
    dashed,
    expectations,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

_HERE = Path(__file__).parent
_DATA = _HERE.parents[1] / "themaads_pipeline" / "emulator" / "demo"
_FILE = _DATA / "black_friday_demo.csv"
_EXPECTED: dict[str, Any] = yaml.safe_load((_HERE / "expected" / "demo.yaml").read_text(encoding="utf-8"))

_MOMENTS = {
    "now": datetime.now(UTC),
    "Black Friday": datetime.fromisoformat("2026-11-27T12:00:00+00:00"),
    "next year": datetime.fromisoformat("2027-01-15T10:00:00+00:00"),
    # On the last day: over in Tokyo, and not yet in Amsterdam and Curaçao.
    "the last evening": datetime.fromisoformat("2026-11-29T16:30:00+00:00"),
    # The last half hour in Amsterdam: no countdowns there, and full ones in Curaçao.
    "the last half hour": datetime.fromisoformat("2026-11-29T22:30:00+00:00"),
}


class Demo:
    """An emulator with the demo's accounts at some moment, and pushes into it."""

    def __init__(self, folder: Path, emulator: RunningEmulator, database_url: str, now: datetime) -> None:
        self.emulator, self.now = emulator, now
        self._folder = folder
        self._environment = emulator.environment() | {
            "THEMAADS_HOME": str(folder / "home"),
            "THEMAADS_DATABASE_URL": database_url,
            "THEMAADS_GOOGLE_ADS_CONFIG": str(emulator.google_ads_yaml),
        }
        self.before = self.state()

    def state(self) -> State:
        """Every account as it is now."""
        return {
            dashed(account["customer_id"]): AccountState(
                time_zone=account["time_zone"],
                ads={ad["ad_id"]: ad for ad in self.emulator.ads(account["customer_id"])},
                labels={label["id"]: label for label in self.emulator.labels(account["customer_id"])},
                ad_groups={
                    group["ad_group_id"]: group for group in self.emulator.ad_groups(account["customer_id"])
                },
            )
            for account in self.emulator.accounts()
        }

    def upload(self, name: str = _FILE.name, *, extra_column: bool = False) -> Path:
        """The sample in an upload folder, perhaps with one more column."""
        file = self._folder / "uploads" / name
        file.parent.mkdir(exist_ok=True)
        content = _FILE.read_text(encoding="utf-8-sig")
        if extra_column:
            lines = content.split("\n")
            # Not before the second line of a cell with two lines, nor on a line without cells.
            content = "\n".join(
                f"{'x' if at else 'Nr'};{line}" if line and not line.startswith("regel 2") else line
                for at, line in enumerate(lines)
            )
        file.write_text(content, encoding="utf-8")
        return file

    def push(self, file: Path) -> dict[str, Any]:
        """Push a file in a process of its own; what it says of the upload."""
        command = [sys.executable, str(_HERE / "push_file.py"), str(file), self.now.isoformat()]
        ended = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert ended.returncode == 0, ended.stderr
        said: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        assert said["is_finished"], said
        return said

    def mutates(self) -> list[dict[str, Any]]:
        """All requests so far that change something."""
        return [
            request for request in self.emulator.requests(full=True) if request["method"].startswith("Mutate")
        ]


@pytest.fixture
def demo(
    request: pytest.FixtureRequest, tmp_path: Path, emulator_process: RunningEmulator, database_url: str
) -> Iterator[Demo]:
    """The demo's accounts at the moment that the test names, by default now."""
    now: datetime = getattr(request, "param", _MOMENTS["now"])
    seed = yaml.safe_load((_DATA / "seed.yaml").read_text(encoding="utf-8"))
    emulator_process.seed(seed)
    emulator_process.reset()
    emulator_process.clock(offset_s=(now - datetime.now(UTC)).total_seconds())
    yield Demo(tmp_path, emulator_process, database_url, now)
    emulator_process.clock(offset_s=0)


def _table(folder: str, name: str) -> list[dict[str, Any]]:
    with (Path(folder) / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("demo", _MOMENTS.values(), ids=_MOMENTS.keys(), indirect=True)
def test_every_outcome_and_every_field_of_every_new_ad_is_as_it_was_written_down(demo: Demo) -> None:
    said = demo.push(demo.upload())
    outcomes, rejected = _table(said["report"], "outcomes.csv"), _table(said["report"], "rejected_rows.csv")
    problems = compare(demo.before, demo.state(), outcomes, rejected, _EXPECTED, demo.now)
    assert not problems, "\n".join(problems)
    _check_requests(demo)


def _check_requests(demo: Demo) -> None:
    items = expectations(_EXPECTED, Editions.at(demo.now), demo.before)
    made = [
        (request["account"], result["create"]["ad_group_id"], result["create"]["path1"])
        for request in demo.mutates()
        for result in request["results"]
        if result["kind"] == "ad_group_ad.create" and result["resource_name"]
    ]
    assert max(Counter(made).values()) == 1
    assert len(made) == sum(item.outcome == "done" for item in items)
    for request in demo.emulator.requests():
        account = _EXPECTED["accounts"].get(dashed(request["account"])) if request["account"] else None
        if account is None:
            continue
        if request["method"].startswith("Mutate"):
            assert account.get("mutates", True), request
        if "login" in account:
            assert (request["login_customer_id"] or None) == (
                str(account["login"]) if account["login"] else None
            ), request
    peaks = demo.emulator.stats()["peak_mutates_in_flight_by_account"]
    assert set(peaks.values()) == {1}


def test_the_same_file_again_sends_no_mutate_and_other_files_make_no_second_ad(demo: Demo) -> None:
    first = demo.push(demo.upload())
    pushed, sent = demo.state(), len(demo.mutates())

    again = demo.push(demo.upload())
    assert (again["number"], again["is_new"]) == (first["number"], False)
    assert len(demo.mutates()) == sent
    assert demo.state() == pushed

    other = demo.push(demo.upload("bf nog een keer.csv", extra_column=True))
    assert other["number"] != first["number"]
    assert demo.state() == pushed
    reasons = {
        (row["customer_id"], row["ad_group_id"], row["edition"]): (row["outcome"], row["reason"])
        for row in _table(other["report"], "outcomes.csv")
    }
    for row in _table(first["report"], "outcomes.csv"):
        key = (row["customer_id"], row["ad_group_id"], row["edition"])
        done = row["outcome"] == "done"
        assert reasons.pop(key) == (
            ("skipped", "already_present") if done else (row["outcome"], row["reason"])
        ), key
    assert not reasons


def test_the_report_has_the_failed_items_to_upload_again(demo: Demo) -> None:
    said = demo.push(demo.upload())
    failed = [
        (row["customer_id"], row["ad_group_id"].removeprefix("'"))
        for row in _table(said["report"], "failed_items.csv")
    ]
    items = expectations(_EXPECTED, Editions.at(demo.now), demo.before)
    assert Counter(failed) == Counter(
        (item.key[0], str(item.key[1])) for item in items if item.outcome == "failed"
    )


@pytest.mark.parametrize(
    ("moment", "year", "end"),
    [
        ("2026-11-23T12:00:00+00:00", 2026, "2026-11-30"),
        ("2026-11-29T23:59:00+00:00", 2026, "2026-11-30"),
        ("2026-11-30T00:00:00+00:00", 2027, "2027-11-29"),
        ("2024-11-01T00:00:00+00:00", 2024, "2024-12-02"),
    ],
)
def test_the_expectation_knows_its_calendar(moment: str, year: int, end: str) -> None:
    editions = Editions.at(datetime.fromisoformat(moment))
    assert editions.years["bf_year"] == year
    assert editions.ends["black_friday"].isoformat() == end
    assert black_friday(year).strftime("%A") == "Friday"
