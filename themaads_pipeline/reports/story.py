"""The story of an upload's runs: when each worked, how it ended, and why there was another one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from themaads_pipeline.ledger.looks import AboutUpload, Stage
from themaads_pipeline.reports.words import ENDINGS

__all__ = ["RunStory", "at_work_s", "runs_of"]

# Stages that make or could make ads. Reports and checks only look; the one that writes this is among them.
_WORK = ("reading", "pushing")
_DEATHS = frozenset({"died", "fenced", "interrupted", "failed"})
_AFTER = {
    "died": "went on by itself, since the run before it died",
    "interrupted": "went on by itself, since the run before it was interrupted",
    "fenced": "took over, since the run before it did nothing any more",
    "failed": "tried again after the failure",
    "paused": "went on after the pause",
    "finished": "went on",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStory:
    """One run's work. `final_at_start`: items that had an outcome when it began to make ads."""

    number: int
    run_id: str
    where: str
    began: str
    started_at: datetime
    ended_at: datetime
    is_over: bool
    ending: str
    why: str
    final_at_start: int
    pushing_s: float

    @property
    def ended_badly(self) -> bool:
        """It did not get to its end, and no person wanted that."""
        return self.ending in {ENDINGS[how] for how in _DEATHS}


def runs_of(stages: Sequence[Stage], about: AboutUpload) -> list[RunStory]:
    """The runs behind these stages, the oldest first.

    Args:
        stages: The newest first, as the ledger gives them.
        about: When a person resumed the upload.
    """
    runs: list[RunStory] = []
    before: Stage | None = None
    work = [stage for stage in reversed(stages) if stage.stage in _WORK]
    for run_id, of_run in groupby(work, key=lambda stage: stage.run_id):
        own = list(of_run)
        first, last = own[0], own[-1]
        pushing = [stage for stage in own if stage.stage == "pushing"]
        runs.append(
            RunStory(
                number=len(runs) + 1,
                run_id=run_id,
                where=f"process {last.pid} on {last.host}",
                began=_why_it_began(first, before, about),
                started_at=first.started_at,
                ended_at=_end_of(last),
                is_over=last.ended_at is not None,
                ending=ENDINGS.get(last.ended_how or "", "is at it"),
                why="" if last.ended_how == "finished" else last.ended_why or "",
                final_at_start=pushing[0].final_at_start if pushing else last.final_at_start,
                pushing_s=sum(
                    ((_end_of(stage) - stage.started_at).total_seconds() for stage in pushing), 0.0
                ),
            )
        )
        before = last
    return runs


def at_work_s(runs: Sequence[RunStory]) -> float:
    """For how long ads were being made."""
    return sum((run.pushing_s for run in runs), 0.0)


def _end_of(stage: Stage) -> datetime:
    """Until when it had the upload: one that died, until somebody saw that it had."""
    return max(stage.ended_at or stage.progress_at, stage.started_at + timedelta(milliseconds=1))


def _why_it_began(first: Stage, before: Stage | None, about: AboutUpload) -> str:
    if before is None:
        return "began with the file"
    if about.resumed_at is not None and before.started_at <= about.resumed_at <= first.started_at:
        return "resumed by a person"
    return _AFTER.get(before.ended_how or "fenced", "went on")
