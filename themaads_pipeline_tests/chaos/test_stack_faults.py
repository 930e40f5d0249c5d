"""Seeded faults against a whole stack, each while a mutate is in flight: nothing is lost, nothing is twice.

`THEMAADS_CHAOS_SEED=4711` replays a schedule, which is printed at the start. When exactly a fault lands
depends on the machine, too.
"""

import os
import re
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline_tests.chaos.sent_log import SentLog
from themaads_pipeline_tests.chaos.stack_faults import FEW, MANY, PARTS, Kind, Strike, described, schedule
from themaads_pipeline_tests.chaos.strikes import do, random_seed
from themaads_pipeline_tests.running_upload import RunningUpload, stop, upload_at_work

_SHORT_SEED = 213
# A batch of 20 ads takes 4 s, so that there is always one in flight.
_SLOW = {"name": "realistic", "site_checks_per_s": 0, "ad_s": 0.2}
_FAST = {"name": "instant"}
_APART_S = 40.0  # a part that dies twice within 30 s of its restart stops the stack by design
_BY_A_PERSON = frozenset({Kind.PAUSED_AND_RESUMED, Kind.CANCELLED_AND_RE_EXECUTED})
_HOW_FAR = re.compile(r"at [\d,]+ of [\d,]+|while [a-z]+ #\d+")


@dataclass(kw_only=True)
class Story:
    """One upload, what befell it, and what was sent for it."""

    at_work: RunningUpload
    began_at: float = field(default_factory=time.time)
    befallen: list[Kind] = field(default_factory=list)
    struck_at: dict[str, float] = field(default_factory=dict)  # by part
    sent: SentLog = field(default_factory=SentLog)

    def say(self, text: str) -> None:
        progress = self.at_work.progress
        far = f"{progress.final:,} of {progress.total:,} final, {progress.sending} in flight"
        print(f"{time.time() - self.began_at:7.1f} s  {text} ({far})", flush=True)

    def pace(self) -> None:
        self.at_work.control("/profile", _SLOW)

    def note_requests(self) -> None:
        with suppress(OSError):
            self.sent.add(self.at_work.control("/requests?method=MutateAdGroupAds&full=1"))

    def strike(self, strike: Strike) -> bool:
        """Do it while a mutate is in flight, and after there was progress; False when too little is left."""
        at_work, before = self.at_work, self.at_work.progress.final
        for part in PARTS.get(strike.kind, ()):
            while time.monotonic() < self.struck_at.get(part, -_APART_S) + _APART_S:
                time.sleep(0.2)
        at_work.stack.wait_until(lambda: self._may_strike(before) is not None, timeout=300)
        if not self._may_strike(before):
            return False
        time.sleep(strike.delay_s)
        at_work.stack.wait_until(lambda: self._may_strike(before) is not None, timeout=300)
        self.note_requests()
        self.say(f"{strike.number}. {strike.kind}")
        self.befallen.append(strike.kind)
        do(strike, at_work, pace=self.pace)
        for part in PARTS.get(strike.kind, ()):
            self.struck_at[part] = time.monotonic()
        return True

    def _may_strike(self, before: int) -> bool | None:
        """None: not yet."""
        assert self.at_work.stack.process.poll() is None, self.at_work.stack.output.read_text()
        progress = self.at_work.progress
        assert progress.status is not UploadStatus.FAILED, progress.message
        if progress.total and progress.final > 0.85 * progress.total:
            return False
        at_it = progress.sending > 0 and bool(workers_of(self.at_work.home))
        return True if at_it and progress.final > before else None

    def finish(self) -> None:
        """Let it end, and look whether all is right."""
        at_work = self.at_work
        at_work.control("/profile", _FAST)
        at_work.stack.wait_until(lambda: at_work.progress.status is UploadStatus.FINISHED, timeout=400)
        at_work.stack.wait_until(lambda: not workers_of(at_work.home), timeout=120)
        self.say("finished")
        assert (at_work.progress.done, at_work.progress.failed) == (at_work.progress.total, 0)
        assert at_work.wrongs() == []
        self.note_requests()
        assert self.sent.again() == []
        self._check_runs()

    def _check_runs(self) -> None:
        runs = self.at_work.runs()[::-1]
        ends = {run["runId"]: self.at_work.ends_of(run["runId"]) for run in runs}
        for run in runs:
            times = [f"{(run[name] or 0) - self.began_at:.1f}" for name in ("startTime", "endTime")]
            words = " | ".join(ends[run["runId"]])[:200].replace("\n", " ")
            print(f"  run {run['runId'][:8]} {run['status']} {' to '.join(times)} s: {words}", flush=True)
        assert [run["status"] for run in runs].count("SUCCESS") == 1, runs
        assert runs[-1]["status"] == "SUCCESS", runs
        canceled = [run for run in runs if run["status"] == "CANCELED"]
        assert len(canceled) == len([kind for kind in self.befallen if kind in _BY_A_PERSON]), runs
        for one, next_one in pairwise(run for run in runs if run["startTime"]):
            assert one["endTime"] <= next_one["startTime"], (one, next_one)
        for run in runs:
            told = ends[run["runId"]]
            if run["status"] != "SUCCESS":
                assert len(told) == 1, (run, told)
            if "worker pid" in "".join(told):
                assert _HOW_FAR.search(told[0]), told


def _survives(home: Path, *, seed: int, amounts: Mapping[Kind, int], ad_groups: int) -> None:
    strikes = deque(schedule(seed, amounts))
    print(f"\nseed {seed}:\n{described(tuple(strikes))}", flush=True)
    uploads = 0
    while strikes:
        uploads += 1
        assert uploads <= 12, "the uploads end too soon"
        (folder := home / str(uploads)).mkdir()
        with upload_at_work(folder, ad_groups=ad_groups, accounts=ad_groups // 20) as at_work:
            story = Story(at_work=at_work)
            story.pace()
            try:
                while strikes and story.strike(strikes[0]):
                    strikes.popleft()
                story.finish()
            finally:
                stop(at_work)
    print(f"{uploads} uploads", flush=True)


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("stack")
def test_an_upload_survives_a_few_faults_of_the_whole_stack(home: Path) -> None:
    _survives(home, seed=_SHORT_SEED, amounts=FEW, ad_groups=2_000)


@pytest.mark.chaos
@pytest.mark.timeout(5_400)
@pytest.mark.xdist_group("stack")
def test_uploads_survive_forty_faults_of_the_whole_stack(home: Path) -> None:
    seed = int(os.environ.get("THEMAADS_CHAOS_SEED") or random_seed())
    _survives(home, seed=seed, amounts=MANY, ad_groups=4_000)
