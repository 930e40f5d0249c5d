"""Whether a run is alive: decided from its worker and from the progress that the ledger saw. Pure."""

from dataclasses import dataclass

from themaads_pipeline.launchers.worker import ProcessState, WorkerMark
from themaads_pipeline.ledger.progress import RunProgress

__all__ = ["STOPPED_FOR_S", "Verdict", "Worker", "ended", "exit_of_container", "judge", "process_worker"]

STOPPED_FOR_S = 5.0  # a debugger attaches and lets go; longer than that, nobody works
_SIGNALS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A run's worker as its launcher sees it, without the ledger.

    `where`: how a person finds it. `dead`: why it is dead; empty: it lives. `kill`: something of it may be
    left, and has to go before the run is declared failed.
    """

    where: str
    dead: str = ""
    kill: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Alive, or failed and why. `kill`: the worker still lives and has to go before it is declared failed."""

    alive: bool
    why: str = ""
    kill: bool = False


def judge(worker: Worker | None, *, progress: RunProgress | None, stall_seconds: float) -> Verdict:
    """Judge a run that Dagster believes to be working.

    Args:
        worker: What works on it; None: nothing of ours, as in a run inside a command.
        progress: What the ledger says; None: the run works on no upload, or the ledger is out of reach,
            which proves nothing.
        stall_seconds: No progress for so long is a stall.
    """
    where = worker.where if worker else "a worker that is not ours"
    far = f" {progress.how_far()}" if progress else ""
    if worker is not None and worker.dead:
        return Verdict(alive=False, why=f"{worker.dead}{far}, {where}", kill=worker.kill)
    if progress is not None and progress.age_s > stall_seconds:
        why = f"no progress for {progress.age_s:.0f} s{far}{progress.last_seen_doing()}, {where}"
        return Verdict(alive=False, why=why, kill=worker is not None)
    return Verdict(alive=True)


def process_worker(
    mark: WorkerMark, process: ProcessState, *, stopped_for_s: float, exit_code: int | None
) -> Worker:
    """A worker that is a process of this host.

    Args:
        mark: Which process.
        process: How it is.
        stopped_for_s: For how long it has been seen stopped.
        exit_code: How it ended, where we were its parent; negative: the signal.
    """
    where = f"worker pid {mark.pid} on host {mark.host}"
    match process:
        case ProcessState.OTHER_BOOT:
            return Worker(where=where, dead=f"host {mark.host} was restarted", kill=False)
        case ProcessState.GONE | ProcessState.ZOMBIE:
            return Worker(where=where, dead=ended(exit_code))
        case ProcessState.STOPPED if stopped_for_s >= STOPPED_FOR_S:
            return Worker(
                where=where, dead=f"the worker was stopped (SIGSTOP) {stopped_for_s:.0f} s ago", kill=True
            )
    return Worker(where=where)


def ended(exit_code: int | None, *details: str) -> str:
    """How a worker ended, for a person; a negative exit code is a signal, None one that nobody knows."""
    told = f" ({', '.join(details)})" if details else ""
    if exit_code is None:
        return f"the worker is gone{told}"
    if exit_code < 0:
        return f"the worker was killed by signal {-exit_code}{told}"
    return f"the worker ended with exit code {exit_code}{told}"


def exit_of_container(code: int) -> int:
    """A container's exit code as a process's: 137 is signal 9, as shells have it."""
    return 128 - code if 128 < code <= 128 + _SIGNALS else code
