"""The sensor `upload_folder`: a file in the folder becomes an upload, a partition and a run."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg

from themaads_pipeline.defs import partitions
from themaads_pipeline.defs.jobs import push_upload
from themaads_pipeline.defs.resources import Now, Themes
from themaads_pipeline.exceptions import ThemaAdsError, UnusableFileError
from themaads_pipeline.intake.folder import FileMark, FolderLook, look_into, settled_files
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import KnownFile
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.registration import Registered, register_file
from themaads_pipeline.settings import Settings

__all__ = ["Tick", "marks_from", "new_files", "register_all", "requests_for", "to_cursor", "upload_folder"]

INTERVAL_S = 5  # the shortest that Dagster knows
SETTLE_S = 15.0  # at the first look; later, a file that rests between two looks is complete
BUDGET_S = 20.0  # a tick that takes a minute is cut off

UPLOAD_TAG = "themaads/upload"


@dataclass(kw_only=True)
class Tick:
    """What one look at the folder came to."""

    registered: list[Upload] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # about files that became no new upload


@dg.sensor(
    job=push_upload,
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Watches the upload folder. A file that is complete is registered and pushed. The same list again, "
        "for the same theme, is not pushed twice."
    ),
)
def upload_folder(
    context: dg.SensorEvaluationContext,
    ledger: dg.ResourceParam[Ledger],
    themes: dg.ResourceParam[Themes],
    clock: dg.ResourceParam[Now],
    settings: dg.ResourceParam[Settings],
) -> dg.SensorResult:
    folder = settings.uploads
    try:
        look = look_into(folder)
    except UnusableFileError as error:
        look = FolderLook(passed_over={folder.name: str(error)})
    known = ledger.uploads.remembered_files([str(folder / name) for name in look.marks])
    unknown = new_files(look.marks, {Path(path).name: file for path, file in known.items()})
    # How long a file has rested is told by the clock that stamps files, whatever day it is for editions.
    settled = settled_files(
        unknown, now=time.time(), settle_seconds=SETTLE_S, seen=marks_from(context.cursor)
    )
    tick = register_all(
        [folder / name for name in settled],
        register=lambda path: register_file(path, ledger=ledger, catalogue=themes(), today=clock().date()),
    )
    tick.notes += [f"{name}: {why}" for name, why in look.passed_over.items()]
    for note in tick.notes:
        context.log.info(note)
    requests = requests_for(ledger.uploads.with_status(UploadStatus.WAITING))
    skipped = None if requests else "; ".join(tick.notes) or f"nothing new in {folder}"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=skipped,
        dynamic_partitions_requests=[
            partitions.uploads.build_add_request([str(request.partition_key) for request in requests])
        ]
        if requests
        else [],
        cursor=to_cursor(unknown),
    )


def new_files(marks: Mapping[str, FileMark], known: Mapping[str, KnownFile]) -> dict[str, FileMark]:
    """The files that were not registered as they are now."""
    return {
        name: mark
        for name, mark in marks.items()
        if name not in known or (known[name].size, known[name].mtime_ns) != (mark.size, mark.mtime_ns)
    }


def register_all(
    paths: Sequence[Path],
    *,
    register: Callable[[Path], Registered],
    budget_s: float = BUDGET_S,
    timer: Callable[[], float] = time.monotonic,
) -> Tick:
    """Register complete files, one after the other; one that fails is noted, and the next has its turn.

    When the time is up, the rest waits for the next tick: a folder of a hundred large files must not make a
    tick so long that Dagster cuts it off, and its work is done again and again.
    """
    tick, until = Tick(), timer() + budget_s
    for at, path in enumerate(paths):
        if at and timer() >= until:
            tick.notes.append(f"{len(paths) - at:,} more files are looked at in the next tick")
            break
        try:
            registered = register(path)
        except ThemaAdsError as error:
            tick.notes.append(str(error))
            continue
        upload = registered.upload
        if registered.is_new:
            tick.registered.append(upload)
        else:
            tick.notes.append(
                f"{path.name}: same as #{upload.number} ({upload.file_name}, {upload.status}); "
                f"`themaads retry {upload.number}` tries what failed again"
            )
    return tick


def requests_for(waiting: Sequence[Upload]) -> list[dg.RunRequest]:
    """A run for each upload that waits for one. Dagster starts none twice: the epoch counts who had it."""
    return [
        dg.RunRequest(
            run_key=f"{upload.key}:{upload.epoch}",
            partition_key=upload.key,
            tags={UPLOAD_TAG: str(upload.number)},
        )
        for upload in waiting
    ]


def to_cursor(marks: Mapping[str, FileMark]) -> str:
    """What the next look compares with."""
    return json.dumps({name: [mark.size, mark.mtime_ns, mark.inode] for name, mark in marks.items()})


def marks_from(cursor: str | None) -> dict[str, FileMark]:
    """The marks of the look before; a cursor that is not ours is as good as none."""
    try:
        entries = json.loads(cursor or "{}")
        return {
            str(name): FileMark(size=int(size), mtime_ns=int(mtime_ns), inode=int(inode))
            for name, (size, mtime_ns, inode) in entries.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}
