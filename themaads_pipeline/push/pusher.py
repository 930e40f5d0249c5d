"""Pushes one upload: all accounts side by side, one mutate in flight in each, until every item is final."""

import heapq
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass

from themaads_pipeline.ads.wire import InFlight
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsStoppedError,
    FencedError,
    LedgerAwayError,
    StopAskedError,
    TransientError,
)
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.push.account import AccountPush, Later
from themaads_pipeline.push.endings import how_ended, note_quota, reason_of, status_after
from themaads_pipeline.push.heartbeat import Heartbeat
from themaads_pipeline.push.lines import say
from themaads_pipeline.push.pulse import Pulse
from themaads_pipeline.push.turns import Wait
from themaads_pipeline.push.work import Work

_TICK_S = 1.0
_WRITING_DOWN_S = 15
_BEAT_S = 5.0
_MOST_THREADS = 200
# What stops every account, the gravest first.
_FOR_ALL = (FencedError, AdsStoppedError, StopAskedError)


@dataclass(frozen=True, kw_only=True, slots=True)
class PushSummary:
    """What a push did. `reason` says why items are left, where some are."""

    progress: Progress
    accounts: int
    seconds: float
    items_settled: int
    calls_by_method: dict[str, int]
    reason: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether every item is final."""
        return self.progress.final == self.progress.total


def push_upload(
    work: Work,
    *,
    on_progress: Callable[[Progress], None],
    every_s: float = 15,
    grace_s: float | None = None,
) -> PushSummary:
    """Work on every item that is not final, and end the run's stage with the upload's status.

    Args:
        work: The upload, and what to work with.
        on_progress: Called at the start and then every `every_s` seconds, for as long as the upload is ours.
        every_s: See there.
        grace_s: How long requests in flight are waited for when the run is interrupted; by default as long
            as the settings' `stop_grace_seconds` allow.

    Raises:
        AdsStoppedError: Nothing can be done in any account; its message has the remedy. Items stay pending.
        TransientError: Something that should have gone away did not. Items stay pending.
        FencedError: Another run has taken the upload over.
    """
    if grace_s is None:
        grace_s = settling_s(work.settings.stop_grace_seconds)
    work.ledger.patience.have()
    started, calls_before = time.monotonic(), work.gateway.calls_by_method()
    before = _progress(work)
    heartbeat = Heartbeat(work.ledger, lease_seconds=work.settings.lease_seconds)
    scheduler = _Scheduler(work, heartbeat, on_progress=on_progress, every_s=every_s)
    try:
        scheduler.run()
    except BaseException as error:
        scheduler.stop(grace_s=0 if isinstance(error, FencedError) else grace_s)
        if not isinstance(error, FencedError):
            status = None if before.status is UploadStatus.FINISHED else status_after(error)
            with suppress(LedgerAwayError):  # whoever finds the run dead writes it down
                due_s = note_quota(work.ledger, error)
                work.ledger.uploads.end(
                    work.owner, how=how_ended(error), why=reason_of(error), status=status, due_s=due_s
                )
        raise
    finally:
        heartbeat.end()
    after = _progress(work)
    reason = _end(work, after)
    calls = Counter(work.gateway.calls_by_method()) - Counter(calls_before)
    return PushSummary(
        progress=_progress(work),
        accounts=scheduler.accounts,
        seconds=time.monotonic() - started,
        items_settled=after.final - before.final,
        calls_by_method=dict(calls),
        reason=reason,
    )


def settling_s(stop_grace_seconds: float) -> float:
    """How long a run may wait that is killed after so long: the rest it needs to write down how it ended.

    >>> settling_s(45), settling_s(140), settling_s(3)
    (30, 125, 2.0)
    """
    return max(stop_grace_seconds - _WRITING_DOWN_S, stop_grace_seconds * 2 / 3)


def _end(work: Work, progress: Progress) -> str:
    """Record how the push ended; returns why items are left, where some are."""
    left = progress.total - progress.final
    if not left:
        work.ledger.uploads.end(work.owner, how="finished", status=UploadStatus.FINISHED)
        return ""
    if work.budget.is_spent:
        reason = f"the limit of {work.config.item_limit:,} items is reached; {left:,} are left"
    elif work.config.only_accounts:
        reason = f"only {len(work.config.only_accounts)} accounts were asked for; {left:,} items are left"
    else:
        reason = f"{left:,} items are left that no account took up"
        work.ledger.uploads.end(work.owner, how="failed", why=reason, status=UploadStatus.INTERRUPTED)
        return reason
    reason += f": `themaads resume {work.owner.upload}` goes on"
    work.ledger.uploads.end(work.owner, how="paused", why=reason, status=UploadStatus.PAUSED)
    return reason


def _progress(work: Work) -> Progress:
    [progress] = work.ledger.uploads.progress(work.owner.upload)
    return progress


class _Scheduler:
    """Serves accounts with a few threads; one that has to wait makes room for the others."""

    def __init__(
        self,
        work: Work,
        heartbeat: Heartbeat,
        *,
        on_progress: Callable[[Progress], None],
        every_s: float,
    ) -> None:
        self._work = work
        self._heartbeat = heartbeat
        self._on_progress = on_progress
        self._every = every_s
        opened = work.ledger.rows.open_accounts(work.owner.upload)
        wanted = work.config.only_accounts
        pushes = [
            AccountPush(work, account.customer_id, heartbeat, urgency=account.items)
            for account in opened
            if not wanted or account.customer_id in wanted
        ]
        self.accounts = len(pushes)
        self._expect_some_in_reach(pushes)
        self._denied: list[tuple[AccountPush, AccountStoppedError]] = []
        self._ready = pushes[::-1]  # the longest is taken first: it decides when the upload ends
        self._waiting: list[tuple[float, int, AccountPush, Later]] = []
        self._running: dict[Future[Later | None], AccountPush] = {}
        self._errors: list[BaseException] = []
        self._pulse = Pulse()
        # One that pauses makes room for another, and goes on in the same thread.
        self._pool = ThreadPoolExecutor(
            max_workers=max(1, work.config.accounts_at_once, min(self.accounts, _MOST_THREADS)),
            thread_name_prefix="account",
        )

    def run(self) -> None:
        """Serve all accounts until none has anything left to do, then raise what one of them met."""
        next_beat = next_report = 0.0
        while self._ready or self._waiting or self._running:
            now = time.monotonic()
            if now >= next_report:
                # A run that was shut out says nothing more to anybody, Dagster included.
                self._work.ledger.uploads.expect_ours(self._work.owner)
                self._on_progress(_progress(self._work))
                next_report = now + self._every
            self._start()
            if now >= next_beat:
                self._beat()
                next_beat = now + _BEAT_S
            tick = _TICK_S
            if self._waiting:
                tick = min(tick, max(0.01, self._waiting[0][0] - time.monotonic()))
            if self._running:
                finished, _ = wait(self._running, timeout=tick, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finish(future)
            elif self._waiting:
                self._work.stop.wait(tick)
            self._judge_denials()
            if self._work.stop.is_set():
                self._ready.clear()
                self._waiting.clear()
        self._pool.shutdown(wait=True)
        if self._errors:
            raise _gravest(self._errors)

    def stop(self, *, grace_s: float) -> None:
        """No new request leaves; those in flight are waited for, up to the grace."""
        self._work.stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._running and grace_s:
            wait(self._running, timeout=grace_s)
        self._work.ledger.patience.lose()

    def _start(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heapq.heappop(self._waiting)[2])
        while self._ready and self._at_work() < self._work.config.accounts_at_once:
            push = self._ready.pop()
            self._running[self._pool.submit(push.visit)] = push

    def _finish(self, future: Future[Later | None]) -> None:
        push = self._running.pop(future)
        error = future.exception()
        if isinstance(error, AccountStoppedError):
            self._denied.append((push, error))
            self._say_left(push, error)
            return
        if error is not None:
            # The other accounts go on, unless nothing can go on.
            self._errors.append(error)
            if isinstance(error, FencedError | AdsStoppedError | StopAskedError) or not isinstance(
                error, Exception
            ):
                self._work.stop.set()
            self._say_left(push, error)
            return
        later = future.result()
        if later is not None:
            delay = (later.due_at - self._work.ledger.attempts.now()).total_seconds()
            due = time.monotonic() + max(delay, 0.0)
            heapq.heappush(self._waiting, (due, push.customer_id, push, later))

    def _say_left(self, push: AccountPush, error: BaseException) -> None:
        """Its items stay as they are, whatever comes of it; what is only asked to stop is no trouble."""
        level = logging.INFO if isinstance(error, StopAskedError) else logging.WARNING
        account, why = push.customer_id, reason_of(error)
        say(self._work.owner, "account_left", level=level, account=account, why=why)

    def _at_work(self) -> int:
        return sum(1 for push in self._running.values() if push.turn.waits is None)

    def _expect_some_in_reach(self, pushes: Sequence[AccountPush]) -> None:
        """Where none of several accounts is within reach, it is not the accounts.

        Raises:
            AdsStoppedError: With the remedy.
        """
        reach = self._work.accounts
        if len(pushes) > 1 and not any(push.customer_id in reach for push in pushes):
            raise _wrong_access(len(pushes), f"they reach {len(reach):,} other accounts")

    def _judge_denials(self) -> None:
        """Denied accounts fail once another one was reached; where all are denied, it is not the accounts."""
        proven = self._work.access.is_proven
        if not self._denied or (not proven and (self._ready or self._waiting or self._running)):
            return
        denied, self._denied = self._denied, []
        if proven or self.accounts == 1:
            for push, error in denied:
                push.stop(error)
            return
        self._errors.append(_wrong_access(self.accounts, str(denied[0][1])))
        self._work.stop.set()

    def _beat(self) -> None:
        """Tell the ledger of progress, and of waits that have an end; of anything else, nothing."""
        now = time.monotonic()
        beats, at_rest = self._pulse.news(
            working=[push.customer_id for push in self._running.values()],
            later={
                push.customer_id: Wait(reason=later.reason, until=due)
                for due, _, push, later in self._waiting
            },
            requests={
                push.customer_id: push.turn.waits
                for push in self._running.values()
                if push.turn.waits is not None
            }
            | _waits_of(self._work.gateway.in_flight()),
            steps=self._heartbeat.steps(),
            now=now,
        )
        if beats or at_rest:
            self._work.ledger.beats.write(self._work.owner, beats, at_rest=at_rest)
        if any(beat.progressed for beat in beats):
            self._work.ledger.uploads.beat(self._work.owner, doing="pushing")


def _waits_of(requests: Iterable[InFlight]) -> dict[int, Wait]:
    """By account; of a request and a look ahead meanwhile the one that may last longer."""
    in_order = sorted(requests, key=lambda request: request.ends_at_monotonic)
    return {
        request.customer_id: Wait(reason=request.where, until=request.ends_at_monotonic)
        for request in in_order
    }


def _wrong_access(accounts: int, why: str) -> AdsStoppedError:
    return AdsStoppedError(
        f"none of the {accounts} accounts can be reached with these credentials: {why}. Put a manager "
        "account of theirs into login_customer_id of google-ads.yaml, or give its user access to them.",
        code="AuthorizationError.USER_PERMISSION_DENIED",
    )


def _gravest(errors: list[BaseException]) -> BaseException:
    """Of several errors the one a person has to know of: fenced, stopped, a bug, then what may go away."""
    for kind in _FOR_ALL:
        for error in errors:
            if isinstance(error, kind):
                return error
    return next((error for error in errors if not isinstance(error, TransientError)), errors[0])
