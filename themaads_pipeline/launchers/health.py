"""Whether a run is alive: decided from its process and from the progress that the ledger saw. Pure."""

from dataclasses import dataclass

from themaads_pipeline.launchers.worker import ProcessState, WorkerMark
from themaads_pipeline.ledger.progress import RunProgress

__all__ = ["Verdict", "judge"]

_STOPPED_FOR_S = 5.0  # a debugger attaches and lets go; longer than that, nobody works


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Alive, or failed and why. `kill`: the worker still lives and has to go before it is declared failed."""

    alive: bool
    why: str = ""
    kill: bool = False


def judge(
    mark: WorkerMark | None,
    process: ProcessState,
    *,
    stopped_for_s: float,
    exit_code: int | None,
    progress: RunProgress | None,
    stall_seconds: float,
) -> Verdict:
    """Judge a run that Dagster believes to be working.

    Args:
        mark: Which process works on it; None: none of ours, as in a run inside a command.
        process: How that process is; without a mark it does not matter.
        stopped_for_s: For how long it has been seen stopped.
        exit_code: How it ended, where we were its parent; negative: the signal.
        progress: What the ledger says; None: the run works on no upload, or the ledger is out of reach,
            which proves nothing.
        stall_seconds: No progress for so long is a stall.
    """
    where = f"worker pid {mark.pid} on host {mark.host}" if mark else "a worker that is not ours"
    far = f" {progress.how_far()}" if progress else ""
    if mark is not None:
        match process:
            case ProcessState.OTHER_BOOT:
                return Verdict(alive=False, why=f"host {mark.host} was restarted{far}, {where}")
            case ProcessState.GONE | ProcessState.ZOMBIE:
                return Verdict(alive=False, why=f"the worker {_ended(exit_code)}{far}, {where}", kill=True)
            case ProcessState.STOPPED if stopped_for_s >= _STOPPED_FOR_S:
                why = f"the worker was stopped (SIGSTOP) {stopped_for_s:.0f} s ago{far}, {where}"
                return Verdict(alive=False, why=why, kill=True)
    if progress is not None and progress.age_s > stall_seconds:
        why = f"no progress for {progress.age_s:.0f} s{far}{progress.last_seen_doing()}, {where}"
        return Verdict(alive=False, why=why, kill=mark is not None)
    return Verdict(alive=True)


def _ended(exit_code: int | None) -> str:
    if exit_code is None:
        return "is gone"
    return f"was killed by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
