"""The demo's second act: what killed job 213, on this system.

A code reload killed job 213 at 43.2% (21,595 of 50,000 items). It stayed "running" for 1.5 hours; nobody was
told, and nobody knew which items were done.
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import psutil
from rich.console import Console
from rich.text import Text

from themaads_pipeline.cli import emulated
from themaads_pipeline.cli.aftermath import Aftermath, Death, Fate, Look, fates, is_the_moment
from themaads_pipeline.cli.following import follow
from themaads_pipeline.cli.opened import now
from themaads_pipeline.cli.progress import table
from themaads_pipeline.cli.stack import Stack
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.settings import Settings
from themaads_pipeline.steering import runs
from themaads_pipeline.themes.catalogue import load_catalogue

__all__ = ["ACCOUNTS", "SHORT_TIMES", "DemoError", "reenact", "shortened"]

# A tenth of job 213, as the emulator's seed wants it.
ACCOUNTS = {"accounts": 14, "ad_groups": 5_000}
# What was in flight counts as absent only once it cannot arrive any more: minutes, which nobody waits for.
SHORT_TIMES = {
    "request_deadline_seconds": 10.0,
    "minimum_send_seconds": 1.0,
    "absence_margin_seconds": 3.0,
    "second_read_seconds": 1.0,
    "lease_seconds": 3.0,
}
_BATCH = 25  # ads a request: a tenth of a real upload in as many requests
_LOST_AFTER = 4  # requests of its account: it is on its way before the kill, and nothing of it is after
_TIMEOUT = 600.0  # seconds; it takes well under one minute
_AIM_EVERY_S, _LOOK_EVERY_S = 0.01, 0.3


class DemoError(PermanentError):
    """An upload of the demo did not end as it had to."""


class _KilledError(Exception):
    """The worker was killed: there is nothing to follow until somebody has noticed."""

    def __init__(self, death: Death) -> None:
        super().__init__()
        self.death = death


def shortened(settings: Settings) -> str:
    """Which times are not as they are by default, in one line."""
    told = [
        f"{name.removesuffix('_seconds').replace('_', ' ')} {getattr(settings, name):g} s "
        f"({Settings.model_fields[name].default:g})"
        for name in SHORT_TIMES
    ]
    return f"times are shortened for the demo: {', '.join(told)}"


def reenact(stack: Stack, ledger: Ledger, console: Console, *, rest: Callable[[], None]) -> None:
    """Push an upload, kill its worker where job 213 was lost, and tell what follows.

    Args:
        stack: A running one whose emulator has `ACCOUNTS`.
        ledger: The stack's.
        console: Where it is told.
        rest: Returns when no run works any more.

    Raises:
        DemoError: It was not told, did not go on, or an ad is lost or there twice.
    """
    act = _Act(stack, ledger, console)
    control_url = stack.emulator_control
    emulated.behave(control_url, "realistic")
    account = emulated.lose_a_request(
        control_url, after=_LOST_AFTER, seconds=stack.settings.request_deadline_seconds
    )
    upload = act.submit()
    act.say(
        f"job 213 again: #{upload.number} has {ACCOUNTS['ad_groups']:,} ad groups in {ACCOUNTS['accounts']} "
        f"accounts, now as slow as real ones; a request to account {account} will get lost on its way"
    )
    act.say(shortened(stack.settings))
    act.launch(upload)
    death = act.kill_at_the_moment(upload)
    act.say(death.in_words(), style="bold red")
    aftermath = Aftermath(death)
    ended, ended_after_s = act.see_it_go_on(death, aftermath)
    rest()
    console.print(table([ended]))
    wrong = emulated.wrong_ads(control_url, ledger.outcomes.made_ads(upload.number))
    if problems := aftermath.problems(ended, wrong):
        raise DemoError("job 213 did not end as it should:\n" + "\n".join(problems[:20]))
    act.say(
        f"finished {ended_after_s:.1f} s after the kill: {ended.done:,} items done, 0 lost, 0 twice; "
        'job 213 stayed "running" for 1.5 hours',
        style="bold green",
    )
    emulated.behave(control_url, "instant")


class _Act:
    """Its steps, in this order."""

    def __init__(self, stack: Stack, ledger: Ledger, console: Console) -> None:
        self._stack = stack
        self._ledger = ledger
        self._console = console

    def say(self, words: str, *, style: str = "") -> None:
        self._console.print(Text(words, style=style), soft_wrap=True)

    def submit(self) -> Upload:
        """Registered and held back: the folder's sensor would push it in a few large requests."""
        settings = self._stack.settings
        file = settings.home / "black_friday_job_213.csv"
        file.write_bytes(emulated.upload_file(self._stack.emulator_control))
        # As of tomorrow: an edition that ends while the demo runs would be refused.
        day = (now() + timedelta(days=1)).date()
        catalogue = load_catalogue(settings.theme_dir)
        upload = register_file(file, ledger=self._ledger, catalogue=catalogue, today=day).upload
        self._ledger.uploads.set_status(
            upload.number,
            UploadStatus.PAUSED,
            was=(UploadStatus.WAITING,),
            message="the demo launches it by itself",
        )
        return upload

    def launch(self, upload: Upload) -> None:
        """A run in small batches, from its launch until it has taken the upload."""
        run_id = runs.launch_push(self._stack.settings, upload, batch_size=_BATCH)
        self.say(f"run {run_id[:8]} pushes it, {_BATCH} ads a request")
        deadline = time.monotonic() + _TIMEOUT
        while self._progress(upload.number).status is UploadStatus.PAUSED:
            self._pause(_LOOK_EVERY_S)
            failed = [run.why for run in self._runs_of(upload.key) or () if run.status == "FAILURE"]
            if failed or time.monotonic() > deadline:
                raise DemoError(f"run {run_id} did not take #{upload.number} up: {' '.join(failed)}")

    def kill_at_the_moment(self, upload: Upload) -> Death:
        """SIGKILL to the run's worker when job 213's share is final."""
        run_id = str(self._progress(upload.number).run_id)
        worker = next(
            (each for each in workers_of(self._stack.settings.home) if _works_for(each, run_id)), None
        )
        if worker is None:
            raise DemoError(f"run {run_id} has no worker on this machine")
        try:
            [ended] = self._follow(upload.number, lambda: self._aim(upload.number, run_id, worker))
        except _KilledError as killed:
            return killed.death
        raise DemoError(f"#{ended.number} is {ended.status} before its worker was killed: {ended.message}")

    def _aim(self, number: int, run_id: str, worker: psutil.Process) -> None:
        self._pause(_AIM_EVERY_S)
        if not is_the_moment(self._progress(number)):
            return
        try:
            worker.kill()
        except psutil.NoSuchProcess:
            return  # how it ended shows in the upload
        killed_at = time.monotonic()
        with suppress(psutil.TimeoutExpired):
            worker.wait(timeout=10)
        emulated.behave(self._stack.emulator_control, "realistic")  # what gets lost is lost by now
        left = self._progress(number)  # exact: nobody writes any more
        raise _KilledError(
            Death(
                at=killed_at,
                run_id=run_id,
                pid=worker.pid,
                key=left.key,
                number=number,
                final=left.final,
                total=left.total,
                in_flight=self._in_flight(number),
            )
        )

    def see_it_go_on(self, death: Death, aftermath: Aftermath) -> tuple[Progress, float]:
        """Tell what is seen until the upload has ended; how it ended, and how long after the kill."""
        in_doubt: Counter[Fate] = Counter({Fate.IN_DOUBT: len(death.in_flight)})

        def look() -> None:
            nonlocal in_doubt
            progress = self._progress(death.number)
            if in_doubt[Fate.IN_DOUBT]:
                in_doubt = self._fates(death)
            found = () if aftermath.knows_the_runs() else self._runs_of(death.key) or ()
            after_s = time.monotonic() - death.at
            for line in aftermath.news(Look(after_s=after_s, progress=progress, runs=found, fates=in_doubt)):
                self.say(line)

        def tick() -> None:
            self._pause(_LOOK_EVERY_S)
            look()

        [ended] = self._follow(death.number, tick)
        ended_after_s = time.monotonic() - death.at
        look()
        return ended, ended_after_s

    def _follow(self, number: int, tick: Callable[[], None]) -> list[Progress]:
        stall_s = self._stack.settings.stall_seconds
        found = follow(
            self._ledger,
            self._console,
            tick=tick,
            timeout=_TIMEOUT,
            stall_seconds=stall_s,
            number=number,
        )
        return list(found)

    def _pause(self, seconds: float) -> None:
        self._stack.check()
        self._stack.pause(seconds)

    def _progress(self, number: int) -> Progress:
        [progress] = self._ledger.uploads.progress(number)
        return progress

    def _runs_of(self, key: str) -> list[runs.Run] | None:
        with suppress(runs.DagsterUnreachableError):  # it may just be restarted: the next look tells
            return runs.runs_of(self._stack.settings, key)
        return None

    def _in_flight(self, number: int) -> dict[int, int]:
        items = self._ledger.outcomes.items(number, state=ItemState.SENDING)
        return {item["item_id"]: item["attempt_id"] for item in items}

    def _fates(self, death: Death) -> Counter[Fate]:
        still = self._in_flight(death.number).items() & death.in_flight.items()
        if still:  # all items are asked for once only
            return Counter({Fate.IN_DOUBT: len(still)})
        return fates(death.in_flight, self._ledger.outcomes.items(death.number))


def _works_for(worker: psutil.Process, run_id: str) -> bool:
    with suppress(psutil.Error, KeyError):
        return run_id in worker.environ()["DAGSTER_EXECUTE_RUN_ARGS"]
    return False
