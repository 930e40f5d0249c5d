"""The story of an upload's runs: what each did, how that ended, and why the next one came. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from themaads_pipeline.dashboard.words import ENDINGS, STAGES
from themaads_pipeline.ledger.looks import AboutUpload, Stage

__all__ = ["RunStory", "StageStory", "runs_of"]

_NEED_A_REASON = frozenset({"died", "fenced", "failed", "interrupted", "paused"})
_AFTER = {
    "died": "went on by itself, since the run before it died",
    "interrupted": "went on by itself, since the run before it was interrupted",
    "fenced": "took over, since the run before it did nothing any more",
    "failed": "tried again after the failure",
    "paused": "went on after the pause",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StageStory:
    """One stage of a run. `level` as of a heartbeat; not `ended_at`: it goes on."""

    did: str
    started_at: datetime
    ended_at: datetime | None
    ending: str
    level: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStory:
    """A run with its stages in their order. `began`: why there was a run at all."""

    run_id: str
    where: str
    started_at: datetime
    began: str
    final_at_start: int
    stages: tuple[StageStory, ...]

    @property
    def level(self) -> str:
        """That of its last stage."""
        return self.stages[-1].level


def runs_of(stages: Sequence[Stage], about: AboutUpload) -> list[RunStory]:
    """The runs behind these stages, the newest first.

    Args:
        stages: The newest first.
        about: When a person resumed the upload.
    """
    runs: list[RunStory] = []
    before: Stage | None = None
    for run_id, of_run in groupby(reversed(stages), key=lambda stage: stage.run_id):
        own = list(of_run)
        runs.append(
            RunStory(
                run_id=run_id,
                where=f"process {own[0].pid} on {own[0].host}",
                started_at=own[0].started_at,
                began=_why_it_began(own[0], before, about),
                final_at_start=own[0].final_at_start,
                stages=tuple(_story(stage) for stage in own),
            )
        )
        before = own[-1]
    return runs[::-1]


def _story(stage: Stage) -> StageStory:
    ending, level = ENDINGS.get(stage.ended_how or "", ("is at it", "alive"))
    why = stage.ended_why or ("nobody said why" if stage.ended_how in _NEED_A_REASON else "")
    return StageStory(
        did=STAGES.get(stage.stage, stage.stage),
        started_at=stage.started_at,
        ended_at=stage.ended_at,
        ending=ending,
        level=level,
        why="" if stage.ended_how == "finished" else why,
    )


def _why_it_began(first: Stage, before: Stage | None, about: AboutUpload) -> str:
    if before is None:
        return "began with the file" if first.epoch == 1 else "went on"
    if about.resumed_at is not None and before.started_at <= about.resumed_at <= first.started_at:
        return "resumed by a person"
    return _AFTER.get(before.ended_how or "fenced", "went on")
