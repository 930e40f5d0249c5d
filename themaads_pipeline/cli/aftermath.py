"""What follows when a run's worker is killed: what was in flight, what is seen of it, and when. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.steering.runs import Run

__all__ = ["Aftermath", "Death", "Fate", "Look", "fates", "is_the_moment"]

_JOB_213 = 21_595 / 50_000


class Fate(StrEnum):
    """What became of an item that was in flight when the worker died."""

    IN_DOUBT = "in doubt"  # not looked up yet
    ADOPTED = "adopted"  # its ad was found in the account
    ABSENT = "absent"  # proven not to be there: it is sent again


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """A worker that was killed, and what the ledger said right after."""

    at: float  # of the clock `time.monotonic`
    run_id: str
    pid: int
    key: str  # of the upload, as its number
    number: int
    final: int
    total: int
    in_flight: Mapping[int, int]  # item -> the attempt that it was sent in

    def in_words(self) -> str:
        """Who was killed, and where."""
        ads, requests = len(self.in_flight), len(set(self.in_flight.values()))
        return (
            f"killed the worker, pid {self.pid} (SIGKILL), at {_how_far(self.final, self.total)}, "
            f"with {requests} requests for {ads:,} ads in flight: this is where job 213 was lost"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look at everything, so many seconds after the kill."""

    after_s: float
    progress: Progress
    runs: Sequence[Run]  # the newest first
    fates: Counter[Fate]  # of what was in flight


def is_the_moment(progress: Progress) -> bool:
    """Whether job 213's share is final, and requests are in flight."""
    return progress.total > 0 and progress.final >= _JOB_213 * progress.total and progress.sending > 0


def fates(in_flight: Mapping[int, int], items: Iterable[Mapping[str, Any]]) -> Counter[Fate]:
    """What became of what was in flight, by the ledger's items now (`item_id`, `attempt_id`, `state`)."""
    return Counter(
        _fate(ItemState(item["state"]), is_same_attempt=item["attempt_id"] == in_flight[item["item_id"]])
        for item in items
        if item["item_id"] in in_flight
    )


def _fate(state: ItemState, *, is_same_attempt: bool) -> Fate:
    if not is_same_attempt or state is ItemState.PENDING:
        return Fate.ABSENT
    return Fate.IN_DOUBT if state is ItemState.SENDING else Fate.ADOPTED


class Aftermath:
    """Tells each thing once, when it is first seen, with the seconds since the kill."""

    def __init__(self, death: Death) -> None:
        """Nothing is seen yet."""
        self._death = death
        self._seen: set[str] = set()

    def news(self, look: Look) -> list[str]:
        """What this look shows that none before did."""
        seen = {
            "failed": self._failed(look),
            "interrupted": self._interrupted(look),
            "retried": self._retried(look),
            "looked up": self._looked_up(look),
            "progress": self._progress(look),
        }
        new = {name: words for name, words in seen.items() if words and name not in self._seen}
        self._seen |= new.keys()
        return [f"{look.after_s:6.1f} s  {words}" for words in new.values()]

    def knows_the_runs(self) -> bool:
        """Whether Dagster need not be asked any more."""
        return {"failed", "retried"} <= self._seen

    def problems(self, progress: Progress, wrong_ads: Sequence[str]) -> list[str]:
        """What did not go as it has to, by all looks and by how the upload ended."""
        number, death = progress.number, self._death
        found = []
        if "failed" not in self._seen:
            found.append(f"the death of run {death.run_id} was not told with its reason")
        if "retried" not in self._seen:
            found.append(f"no run went on where run {death.run_id} died")
        if "looked up" not in self._seen:
            found.append(f"{len(death.in_flight):,} items were in flight, and not all of them were looked up")
        if progress.status is not UploadStatus.FINISHED:
            found.append(f"#{number} is {progress.status}: {progress.message}")
        if progress.done != progress.total:
            found.append(f"#{number} has {progress.done:,} items done of {progress.total:,}")
        return found + list(wrong_ads)

    def _failed(self, look: Look) -> str:
        """Dagster's word for it; only one that names the worker and how far it was counts as a reason."""
        death = self._death
        for run in look.runs:
            if run.run_id == death.run_id and run.status == "FAILURE":
                tells = f"pid {death.pid} " in run.why and f"of {death.total:,} items" in run.why
                # The end of the worker's log follows.
                why = run.why.partition("\n")[0]
                return f'Dagster\'s run {_short(run.run_id)} is FAILURE: "{why}"' if tells else ""
        return ""

    def _interrupted(self, look: Look) -> str:
        is_so = look.progress.status is UploadStatus.INTERRUPTED
        return f"upload #{look.progress.number} is interrupted, and says why" if is_so else ""

    def _retried(self, look: Look) -> str:
        for run in look.runs:
            if run.run_id != self._death.run_id:
                is_retry = run.retry_of == self._death.run_id
                by = (
                    "Dagster's retry from failure"
                    if is_retry
                    else "launched by the sensor unfinished_uploads"
                )
                return f"run {_short(run.run_id)} goes on by itself: {by}"
        return ""

    def _looked_up(self, look: Look) -> str:
        if look.fates[Fate.IN_DOUBT]:
            return ""
        adopted, absent = look.fates[Fate.ADOPTED], look.fates[Fate.ABSENT]
        return (
            f"what was in flight has been looked up: {adopted:,} ads found in the accounts and adopted, "
            f"{absent:,} proven absent and free to be sent again"
        )

    def _progress(self, look: Look) -> str:
        progress = look.progress
        if progress.final <= self._death.final or progress.run_id in {None, self._death.run_id}:
            return ""
        return f"new progress: {_how_far(progress.final, progress.total)}"


def _how_far(final: int, total: int) -> str:
    return f"{final:,} of {total:,} items ({100 * final / total:.1f}%)"


def _short(run_id: str) -> str:
    return run_id[:8]
