"""The sensor `upload_folder`: a file in the folder becomes an upload, a partition and a run."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from themaads_pipeline.defs import labels, partitions
from themaads_pipeline.defs.jobs import push_upload
from themaads_pipeline.defs.resources import Now, Themes
from themaads_pipeline.exceptions import ThemaAdsError
from themaads_pipeline.intake.folder import FileMark, FolderLook, settled_files
from themaads_pipeline.intake.sources import shown
from themaads_pipeline.intake.storage import look_at
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import KnownFile
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.push.registration import Registered, register_file
from themaads_pipeline.settings import Settings

__all__ = [
    "Tick",
    "complete_files",
    "marks_from",
    "new_files",
    "register_all",
    "requests_for",
    "to_cursor",
    "upload_folder",
]

INTERVAL_S = 4  # Dagster looks every 5 s; with 5, it often comes milliseconds too early, and goes again
SETTLE_S = 15.0  # at the first look; later, a file that rests between two looks is complete
REST_S = 5.0  # by its stamp
LEAST_WAIT_S = 2.0  # before our eyes: a file server's clock may differ from ours
BUDGET_S = 20.0  # a tick that takes a minute is cut off

UPLOAD_TAG = "themaads/upload"


@dataclass(kw_only=True)
class Tick:
    """What one look at the folder came to."""

    registered: list[Upload] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # about files that became no new upload


@dg.sensor(
    tags=labels.SENDS,
    job=push_upload,
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Watches the upload folder, here or in object storage. A file that is complete is registered and "
        "pushed. The same list again, for the same theme, is not pushed twice."
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
    look = _look_into(folder)
    unknown = new_files(look.marks, _known(folder, look, ledger))

    def look_again() -> Mapping[str, FileMark]:
        again = _look_into(folder)
        return new_files(again.marks, _known(folder, again, ledger))

    if look.are_complete:
        settled = sorted(unknown)
    else:
        settled = complete_files(unknown, seen=marks_from(context.cursor), look_again=look_again)
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


def complete_files(
    marks: Mapping[str, FileMark],
    *,
    seen: Mapping[str, FileMark],
    look_again: Callable[[], Mapping[str, FileMark]],
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """The names of the files that are complete.

    Where none is, and young ones only have to rest for some seconds more, these are waited for: it would take
    longer until the next tick. One that was moved in as a whole has to rest before our eyes alone.

    Args:
        marks: This look.
        seen: The marks of the tick before, seconds ago.
        look_again: The marks once more.
        now: The clock that stamps files, whatever day it is for editions.
        sleep: Waits so many seconds.
    """
    at = now()
    complete = settled_files(marks, now=at, settle_seconds=SETTLE_S, seen=seen)
    moved = {name for name, mark in marks.items() if mark.was_moved and mark.size}
    ages = [at - mark.mtime_ns / 1e9 for name, mark in marks.items() if name not in moved]
    rests = [REST_S - age for age in ages if age >= 0]  # stamps of the future say nothing
    if complete or not (moved or rests):
        return complete
    sleep(max([LEAST_WAIT_S, *rests]))
    unchanged = {name: mark for name, mark in look_again().items() if marks.get(name) == mark}
    rested = settled_files(unchanged, now=now(), settle_seconds=REST_S, seen={})
    return sorted({*rested, *(moved & unchanged.keys())})


def new_files(marks: Mapping[str, FileMark], known: Mapping[str, KnownFile]) -> dict[str, FileMark]:
    """The files that were not registered as they are now."""
    return {
        name: mark
        for name, mark in marks.items()
        if name not in known or (known[name].size, known[name].mtime_ns) != (mark.size, mark.mtime_ns)
    }


def register_all(
    paths: Sequence[AnyPath],
    *,
    register: Callable[[AnyPath], Registered],
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
                f"{shown(path)}: same as #{upload.number} ({upload.file_name}, {upload.status}); "
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


def _look_into(folder: AnyPath) -> FolderLook:
    """A folder that cannot be read, or storage that is away, is told; all else in a tick goes on."""
    try:
        return look_at(folder)
    except ThemaAdsError as error:
        return FolderLook(passed_over={folder.name: str(error)})


def _known(folder: AnyPath, look: FolderLook, ledger: Ledger) -> dict[str, KnownFile]:
    """The files of the folder that were registered before, by name."""
    names = {str(folder / name): name for name in look.marks}
    return {names[path]: file for path, file in ledger.uploads.remembered_files(list(names)).items()}


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
