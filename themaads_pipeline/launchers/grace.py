"""Kills a worker that has not ended after its grace. A process of its own, so that the web interface which
asked for it may be restarted meanwhile: `python -m themaads_pipeline.launchers.grace MARK SECONDS`.
"""

import sys
import time

from themaads_pipeline.launchers.worker import ProcessState, WorkerMark, kill, look_at


def main(tag: str, seconds: float) -> None:
    """Wait until the worker has ended, or its time is up; then kill what is left."""
    mark = WorkerMark.from_tag(tag)
    if mark is None:
        raise SystemExit(f"{tag!r} marks no worker")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if look_at(mark) not in {ProcessState.ALIVE, ProcessState.STOPPED}:
            break
        time.sleep(0.2)
    kill(mark)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
