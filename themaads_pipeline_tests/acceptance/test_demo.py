"""The demo's uploads, end to end: every outcome and every field of every new ad is what the design asks for.

What must come out of the sample is written by hand in `expected/demo.yaml` and compared with the emulator's
own state. So is what comes out of the upload whose worker the demo kills: one ad in each ad group.
Nothing of the pipeline is imported here; it runs in processes of its own, as it does for a user.
"""

import copy
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from themaads_pipeline_tests.acceptance.demo_comparison import (
    AccountState,
    Editions,
    Row,
    State,
    black_friday,
    compare,
    dashed,
    expectations,
)
from themaads_pipeline_tests.acceptance.job_213_comparison import job_213_problems
from themaads_pipeline_tests.running_emulator import RunningEmulator

_HERE = Path(__file__).parent
_DATA = _HERE.parents[1] / "themaads_pipeline" / "emulator" / "demo"
_FILE = _DATA / "black_friday_demo.csv"
_EXPECTED: Row = yaml.safe_load((_HERE / "expected" / "demo.yaml").read_text(encoding="utf-8"))

_MOMENTS = {
    "Black Friday": datetime.fromisoformat("2026-11-27T12:00:00+00:00"),
    "next year": datetime.fromisoformat("2027-01-15T10:00:00+00:00"),
    # On the last day: over in Tokyo, and not yet in Amsterdam and Curaçao.
    "the last evening": datetime.fromisoformat("2026-11-29T16:30:00+00:00"),
    # The last half hour in Amsterdam: no countdowns there, and full ones in Curaçao.
    "the last half hour": datetime.fromisoformat("2026-11-29T22:30:00+00:00"),
}
_DEMO_TIMEOUT_S = 300.0


def _get(control_url: str, path: str) -> list[Row]:
    with urlopen(f"{control_url}{path}", timeout=60) as response:
        return list(json.load(response))


def _state(control_url: str) -> State:
    """Every account as it is now."""
    state = {}
    for account in _get(control_url, "/accounts"):
        ads, labels, ad_groups = (
            _get(control_url, f"/accounts/{account['customer_id']}/{part}")
            for part in ("ads", "labels", "ad_groups")
        )
        state[dashed(account["customer_id"])] = AccountState(
            time_zone=account["time_zone"],
            ads={ad["ad_id"]: ad for ad in ads},
            labels={label["id"]: label for label in labels},
            ad_groups={ad_group["ad_group_id"]: ad_group for ad_group in ad_groups},
        )
    return state


def _table(folder: Path, name: str) -> list[Row]:
    with (folder / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _check(before: State, control_url: str, report: Path, now: datetime) -> None:
    """All of it: accounts, outcomes, rejected rows, what to upload again, and what was sent.

    Accounts that were not there before are somebody else's to check.
    """
    after = {number: account for number, account in _state(control_url).items() if number in before}
    outcomes, rejected = _table(report, "outcomes.csv"), _table(report, "rejected_rows.csv")
    problems = compare(before, after, outcomes=outcomes, rejected=rejected, expected=_EXPECTED, now=now)
    assert not problems, "\n".join(problems)
    items = expectations(_EXPECTED, Editions.at(now), before)
    again = [
        (row["customer_id"], row["ad_group_id"].removeprefix("'"))
        for row in _table(report, "failed_items.csv")
    ]
    assert Counter(again) == Counter(
        (item.key[0], str(item.key[1])) for item in items if item.outcome == "failed"
    )
    _check_requests(control_url, ads=sum(item.outcome == "done" for item in items))


def _check_requests(control_url: str, *, ads: int) -> None:
    requests = [
        request
        for request in _get(control_url, "/requests?full=1")
        if dashed(request["account"]) in _EXPECTED["accounts"]
    ]
    made = Counter(
        (request["account"], result["create"]["ad_group_id"], result["create"]["path1"])
        for request in requests
        for result in request["results"]
        if result["kind"] == "ad_group_ad.create" and result["resource_name"]
    )
    assert len(made) == made.total() == ads
    for request in requests:
        account = _EXPECTED["accounts"][dashed(request["account"])]
        assert account.get("mutates", True) or not _is_mutate(request), request
        if "login" in account:
            assert request["login_customer_id"] == str(account["login"] or ""), request
    with urlopen(f"{control_url}/stats", timeout=60) as response:
        assert set(json.load(response)["peak_mutates_in_flight_by_account"].values()) == {1}


def _is_mutate(request: Row) -> bool:
    return str(request["method"]).startswith("Mutate")


class Demo:
    """An emulator with the demo's accounts at some moment, and pushes into it."""

    def __init__(self, folder: Path, emulator: RunningEmulator, database_url: str, now: datetime) -> None:
        self.control_url, self.now = emulator.control_url, now
        self._folder = folder
        self._environment = emulator.environment() | {
            "THEMAADS_HOME": str(folder / "home"),
            "THEMAADS_DATABASE_URL": database_url,
            "THEMAADS_GOOGLE_ADS_CONFIG": str(emulator.google_ads_yaml),
        }
        self.before = self.state()

    def state(self) -> State:
        return _state(self.control_url)

    def upload(self, name: str = _FILE.name, *, with_more_columns: bool = False) -> Path:
        """The sample in an upload folder."""
        file = self._folder / "uploads" / name
        file.parent.mkdir(exist_ok=True)
        content = _FILE.read_text(encoding="utf-8-sig")
        if with_more_columns:
            # Not before the second line of a cell with two lines, nor on a line without cells.
            content = "\n".join(
                f"{'x' if at else 'Nr'};{line}" if line and not line.startswith("regel 2") else line
                for at, line in enumerate(content.split("\n"))
            )
        file.write_text(content, encoding="utf-8")
        return file

    def push(self, file: Path) -> tuple[Row, Path]:
        """Push a file in a process of its own; what it says of the upload, and where the report is."""
        command = [sys.executable, str(_HERE / "push_file.py"), str(file), self.now.isoformat()]
        ended = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert ended.returncode == 0, ended.stderr
        said: Row = json.loads(ended.stdout.splitlines()[-1])
        assert said["is_finished"], said
        return said, Path(said["report"])

    def mutates(self) -> int:
        """How many requests that change something were sent so far."""
        return sum(map(_is_mutate, _get(self.control_url, "/requests")))


def _planted(emulator: RunningEmulator) -> RunningEmulator:
    """The emulator with the demo's accounts, as fresh as they come."""
    emulator.clear_faults()
    emulator.seed(yaml.safe_load((_DATA / "seed.yaml").read_text(encoding="utf-8")))
    emulator.reset()
    return emulator


@pytest.fixture
def demo(
    request: pytest.FixtureRequest, tmp_path: Path, emulator_process: RunningEmulator, database_url: str
) -> Iterator[Demo]:
    """The demo's accounts at the moment that the test names, by default now."""
    now: datetime = getattr(request, "param", datetime.now(UTC))
    emulator = _planted(emulator_process)
    emulator.clock(offset_s=(now - datetime.now(UTC)).total_seconds())
    yield Demo(tmp_path, emulator, database_url, now)
    emulator.clock(offset_s=0)


@pytest.mark.timeout(_DEMO_TIMEOUT_S + 120)
def test_themaads_demo_makes_what_was_written_down(home: Path, emulator_process: RunningEmulator) -> None:
    before = _state(_planted(emulator_process).control_url)
    now = datetime.now(UTC)
    with _themaads_demo(home) as demo_home:
        control_url = json.loads((demo_home / "emulator" / "emulator.json").read_text(encoding="utf-8"))[
            "control_url"
        ]
        sample, job_213 = sorted((demo_home / "reports").iterdir())
        _check(before, control_url, sample, now)
        _check_job_213(before, control_url, job_213, now)
    _check_what_was_said((home / "output.txt").read_text(encoding="utf-8"))


def _check_job_213(before: State, control_url: str, report: Path, now: datetime) -> None:
    """The second act's accounts: 5,000 ad groups, and one new ad in each."""
    after = {
        number: account
        for number, account in _state(control_url).items()
        if number not in before and account.ad_groups
    }
    assert (len(after), sum(len(account.ad_groups) for account in after.values())) == (14, 5_000)
    # Its edition is that of tomorrow: none ends while the demo runs.
    editions, theme = Editions.at(now + timedelta(days=1)), _EXPECTED["themes"]["black_friday"]
    edition, label = editions.filled(theme["edition"]), editions.filled(theme["label"])
    outcomes = _table(report, "outcomes.csv")
    problems = job_213_problems(after, outcomes, edition=edition, label=label, path1=theme["path1"])
    assert not (found := list(problems)), "\n".join(found[:20])
    # The comparison sees an ad that is lost, one that is there twice, and one that is not as it has to be.
    number, account = next(iter(after.items()))
    [[lost, ad], [other, _], *_] = [each for each in account.ads.items() if not each[1]["seeded"]]
    for ads in (
        {ad_id: each for ad_id, each in account.ads.items() if ad_id != lost},
        account.ads | {1: ad | {"ad_id": 1}},
        account.ads | {lost: ad | {"status": "ENABLED"}},
        account.ads | {other: ad | {"ad_id": other}},
    ):
        own = [row for row in outcomes if row["customer_id"] == number]
        spoilt = {number: replace(account, ads=ads)}
        assert list(job_213_problems(spoilt, own, edition=edition, label=label, path1=theme["path1"]))


def _check_what_was_said(output: str) -> None:
    """Where it was killed, how that was told, and that what was in flight was looked up, in this order."""
    figures = r"at ([\d,]+) of 5,000 items \((\d+\.\d)%\)"
    patterns = (
        rf"killed the worker, pid (\d+) \(SIGKILL\), {figures}, with \d+ requests for ([\d,]+) ads in flight",
        r'is FAILURE: ".* at \2 of 5,000 items \(\3%\) of #2, worker pid \1 ',
        r"goes on by itself",
        r"looked up: ([\d,]+) ads found in the accounts and adopted, ([\d,]+) proven absent",
        r"finished [\d.]+ s after the kill: 5,000 items done, 0 lost, 0 twice",
    )
    found = re.search(".*".join(patterns), output, flags=re.DOTALL)
    assert found, output
    assert float(found[3]) >= 43.2
    in_flight, adopted, absent = (int(found[group].replace(",", "")) for group in (4, 5, 6))
    assert adopted + absent == in_flight > 0


@contextmanager
def _themaads_demo(folder: Path) -> Iterator[Path]:
    """`themaads demo`, from when both of its uploads are finished; its home."""
    output = folder / "output.txt"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "themaads_pipeline.cli", "demo"],
            cwd=folder,
            env={**os.environ, "THEMAADS_HOME": str(folder / "home")},
            stdout=log,
            stderr=log,
        )
    try:
        give_up = time.monotonic() + _DEMO_TIMEOUT_S
        while "look around" not in (said := output.read_text(encoding="utf-8", errors="replace")):
            assert process.poll() is None, said
            assert time.monotonic() < give_up, said
            time.sleep(0.5)
        yield folder / "home" / "demo"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=90)


@pytest.mark.parametrize("demo", _MOMENTS.values(), ids=_MOMENTS.keys(), indirect=True)
def test_the_upload_makes_what_was_written_down_on_other_days_too(demo: Demo) -> None:
    _, report = demo.push(demo.upload())
    _check(demo.before, demo.control_url, report, demo.now)


def test_the_same_file_again_sends_no_mutate_and_other_files_make_no_second_ad(demo: Demo) -> None:
    first, report = demo.push(demo.upload())
    pushed, sent = demo.state(), demo.mutates()
    outcomes = _table(report, "outcomes.csv")
    _check_the_comparison(demo, pushed, outcomes, _table(report, "rejected_rows.csv"))

    again, _ = demo.push(demo.upload())
    assert (again["number"], again["is_new"]) == (first["number"], False)
    assert demo.mutates() == sent
    assert demo.state() == pushed

    other, report = demo.push(demo.upload("bf nog een keer.csv", with_more_columns=True))
    assert other["number"] != first["number"]
    assert demo.state() == pushed
    ends = {_key(row): (row["outcome"], row["reason"]) for row in _table(report, "outcomes.csv")}
    present = ("skipped", "already_present")
    assert ends == {
        _key(row): present if row["outcome"] == "done" else (row["outcome"], row["reason"])
        for row in outcomes
    }


def _key(row: Row) -> tuple[str, str, str]:
    return row["customer_id"], row["ad_group_id"], row["edition"]


def _check_the_comparison(demo: Demo, after: State, outcomes: list[Row], rejected: list[Row]) -> None:
    """Whatever is changed in what was found, the comparison sees it."""

    def problems(after: State, outcomes: list[Row], rejected: list[Row]) -> set[str]:
        return set(
            compare(
                demo.before, after, outcomes=outcomes, rejected=rejected, expected=_EXPECTED, now=demo.now
            )
        )

    found = problems(after, outcomes, rejected)
    for number, spoil in enumerate(_SPOILS):
        spoilt = copy.deepcopy((after, outcomes, rejected))
        spoil(*spoilt)
        assert problems(*spoilt) - found, f"the comparison does not see change {number}"


def _new_ad(state: State) -> Row:
    """The new ad of the first ad group, Dameslaarzen."""
    ads = state["731-604-2985"].ads
    return next(ad for ad in ads.values() if ad["ad_group_id"] == 176256000101 and not ad["seeded"])


def _old_ad(state: State) -> Row:
    return state["731-604-2985"].ads[716000000101]


def _done(outcomes: list[Row]) -> Row:
    return next(row for row in outcomes if row["outcome"] == "done")


def _twice(state: State) -> None:
    ad = _new_ad(state)
    state["731-604-2985"].ads[1] = ad | {"ad_id": 1}


Spoil = Callable[[State, list[Row], list[Row]], object]
_SPOILS: tuple[Spoil, ...] = (
    lambda state, *_: _new_ad(state).update(status="ENABLED"),
    lambda state, *_: _new_ad(state)["headlines"].reverse(),
    lambda state, *_: _new_ad(state)["descriptions"].pop(),
    lambda state, *_: _new_ad(state)["url_custom_parameters"].clear(),
    lambda state, *_: _new_ad(state)["labels"].append("Topper"),
    lambda state, *_: _new_ad(state).update(path2="dames"),
    lambda state, *_: _new_ad(state)["headlines"][0].update(pinned="HEADLINE_1"),
    lambda state, *_: state["731-604-2985"].ads.pop(_new_ad(state)["ad_id"]),
    lambda state, *_: _twice(state),
    lambda state, *_: _old_ad(state).update(status="PAUSED"),
    lambda state, *_: _old_ad(state)["labels"].append("THEMA_ORIGINAL"),
    lambda state, *_: state["731-604-2985"].labels.popitem(),
    lambda state, *_: state["731-604-2985"].labels.update({1: {"id": 1, "name": "x", "status": "ENABLED"}}),
    lambda state, *_: state["867-204-9531"].ad_groups[127733000101]["labels"].append("x"),
    lambda _, outcomes, __: outcomes.pop(),
    lambda _, outcomes, __: outcomes.append(outcomes[0]),
    lambda _, outcomes, __: _done(outcomes).update(new_ad_id="1"),
    lambda _, outcomes, __: _done(outcomes).update(copied_ad_id="1"),
    lambda _, outcomes, __: _done(outcomes).update(outcome="skipped"),
    lambda _, outcomes, __: _done(outcomes).update(ad_group_name="=1+1"),
    lambda *found: found[2].pop(),
    lambda *found: found[2][0].update(reason="no_theme"),
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
