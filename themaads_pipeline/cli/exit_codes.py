"""What the exit codes of the command mean; scripts rely on them, and docs/commands.md lists them."""

from collections.abc import Iterable
from enum import IntEnum

from themaads_pipeline.model.uploads import UploadStatus

__all__ = ["EXIT_CODES", "ExitCode", "code_of"]


class ExitCode(IntEnum):
    """Each has one meaning, whichever command ends with it."""

    DONE = 0
    ERROR = 1
    USAGE = 2  # click's
    FAILED = 3
    PAUSED = 4
    INTERRUPTED = 5
    WAITING = 6
    RUNNING = 7
    STOPPED_LOOKING = 130  # as shells have it


EXIT_CODES = {
    ExitCode.DONE: "done what was asked; of uploads that were waited for: all are finished",
    ExitCode.ERROR: "it could not be done, or what was looked for is wrong; the message says what to do",
    ExitCode.USAGE: "the command line was not understood",
    ExitCode.FAILED: "an upload failed, and cannot go on without a person",
    ExitCode.PAUSED: "an upload is paused, by a person or its --limit",
    ExitCode.INTERRUPTED: "an upload's run ended too early; another one goes on by itself",
    ExitCode.WAITING: "an upload waits for its turn or the next day's operations",
    ExitCode.RUNNING: "an upload is being worked on",
    ExitCode.STOPPED_LOOKING: "Ctrl-C: only the looking ended; uploads go on",
}

# What asks for a person most comes first.
_BY_URGENCY = (
    (UploadStatus.FAILED, ExitCode.FAILED),
    (UploadStatus.PAUSED, ExitCode.PAUSED),
    (UploadStatus.INTERRUPTED, ExitCode.INTERRUPTED),
    (UploadStatus.WAITING, ExitCode.WAITING),
    (UploadStatus.RUNNING, ExitCode.RUNNING),
)


def code_of(statuses: Iterable[UploadStatus]) -> ExitCode:
    """The code that tells how uploads are: of several, what asks for a person most.

    >>> code_of([UploadStatus.FINISHED, UploadStatus.RUNNING, UploadStatus.PAUSED])
    <ExitCode.PAUSED: 4>
    """
    there_are = set(statuses)
    return next((code for status, code in _BY_URGENCY if status in there_are), ExitCode.DONE)
