"""Uploads in the ledger: registered once, owned by one run at a time, with a status a person understands."""

import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from themaads_pipeline.exceptions import PermanentError, UploadBusyError
from themaads_pipeline.ledger.database import Database, Owner, queries, session_name
from themaads_pipeline.ledger.outages import rides_out
from themaads_pipeline.model.unfinished import RecentRun
from themaads_pipeline.model.uploads import Upload, UploadStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """A file that was hashed before: unchanged size and mtime mean the same upload."""

    path: str
    size: int
    mtime_ns: int
    upload: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an upload is. Counts are items; `rejected` counts rows. Ages and durations in seconds."""

    number: int
    key: str
    file_name: str
    status: UploadStatus
    message: str
    total: int
    pending: int
    sending: int
    applied: int
    done: int
    skipped: int
    failed: int
    rejected: int
    items_per_s: float | None
    eta_s: float | None
    progress_age_s: float | None
    run_id: str | None
    stage: str | None
    doing: str
    waiting_until: datetime | None
    epoch: int
    is_read: bool

    @property
    def final(self) -> int:
        """Items whose outcome is known for good."""
        return self.done + self.skipped + self.failed

    @property
    def percent(self) -> float:
        """Share of items that are final, 0 to 100, in tenths; 100 means all of them, as for an upload that
        was read and has no items.
        """
        if self.total:
            share = round(100 * self.final / self.total, 1)
            return share if self.final == self.total else min(share, 99.9)
        return 100.0 if self.is_read else 0.0


class Uploads:
    """Everything the ledger knows of uploads and of the runs that own them."""

    def __init__(self, database: Database, *, stall_seconds: float) -> None:
        """Keep after how many seconds without progress an owner counts as stalled."""
        self._database = database
        self._stall = stall_seconds

    def register(
        self,
        *,
        key: str,
        file_path: str,
        file_name: str,
        content_sha256: str,
        edition: str | None,
        item_limit: int | None = None,
    ) -> tuple[Upload, bool]:
        """The upload with this key, and whether it is new; the limit of one that is known stays as it is."""
        with self._database.transaction() as connection:
            row = None
            while row is None:  # no row: another process registered it in this very moment
                row = queries.register_upload(
                    connection,
                    key=key,
                    file_path=file_path,
                    file_name=file_name,
                    content_sha256=content_sha256,
                    edition=edition,
                    item_limit=item_limit,
                )
            return as_upload(row), row["is_new"]

    def remember_file(self, file: KnownFile) -> None:
        """Note that this file is this upload's, so that it is not hashed again."""
        with self._database.transaction() as connection:
            queries.remember_file(
                connection, path=file.path, size=file.size, mtime_ns=file.mtime_ns, upload=file.upload
            )

    def remembered_files(self, paths: Iterable[str]) -> dict[str, KnownFile]:
        """Which of these paths were seen before, and as what."""
        with self._database.transaction() as connection:
            rows = queries.remembered_files(connection, paths=list(paths))
            return {row["path"]: KnownFile(**row) for row in rows}

    def relocate(self, number: int, *, file_path: str, file_name: str) -> Upload:
        """The upload's file is there now: its first copy went away before it was read."""
        with self._database.transaction() as connection:
            queries.relocate_upload(connection, number=number, file_path=file_path, file_name=file_name)
            return as_upload(queries.upload_by_number(connection, number=number))

    @rides_out
    def by_key(self, key: str) -> Upload | None:
        """The upload of a partition."""
        with self._database.transaction() as connection:
            row = queries.upload_by_key(connection, key=key)
            return as_upload(row) if row else None

    @rides_out
    def by_number(self, number: int) -> Upload | None:
        """The upload that people call #`number`."""
        with self._database.transaction() as connection:
            row = queries.upload_by_number(connection, number=number)
            return as_upload(row) if row else None

    def find(self, key_or_number: str) -> Upload:
        """The upload that a person means by `213`, `#213` or its key.

        Raises:
            PermanentError: There is none.
        """
        text = key_or_number.strip().removeprefix("#")
        found = self.by_number(int(text)) if text.isdecimal() else self.by_key(text)
        if found is None:
            raise PermanentError(f"no upload {key_or_number!r}: `themaads status` lists them all")
        return found

    def with_status(self, *statuses: UploadStatus) -> list[Upload]:
        """All uploads that are in one of these states, oldest first."""
        with self._database.transaction() as connection:
            return [
                as_upload(row)
                for row in queries.uploads_with_status(connection, statuses=[str(s) for s in statuses])
            ]

    def set_status(
        self, number: int, status: UploadStatus, *, was: Iterable[UploadStatus], message: str = ""
    ) -> bool:
        """Change the status by hand; False when it is none of `was` any more."""
        with self._database.transaction() as connection:
            changed = queries.set_status(
                connection, number=number, status=str(status), was=[str(s) for s in was], message=message
            )
            return bool(changed)

    def resume(self, number: int, *, was: Iterable[UploadStatus]) -> bool:
        """By a person: waiting again, without a limit; False when its status is none of `was` any more."""
        with self._database.transaction() as connection:
            return bool(queries.resume_upload(connection, number=number, was=[str(s) for s in was]))

    # One owner (invariant 3)

    @rides_out
    def take(
        self,
        upload: int,
        *,
        run_id: str,
        stage: str,
        is_active: Callable[[str], bool],
        looks_only: bool = False,
    ) -> Owner:
        """Take the upload for a run: its epoch fences whoever had it before.

        Args:
            upload: Its number.
            run_id: The Dagster run that asks.
            stage: What the run is about to do (`reading`, `pushing` ...).
            is_active: Whether a run may still be working; asked only of another run that holds the upload.
            looks_only: The stage changes nothing: the upload's status stays as it is.

        Raises:
            UploadBusyError: Another run works on it, or this run was declared dead and replaced.
        """
        while True:
            with self._database.transaction() as connection:
                if queries.was_fenced(connection, upload=upload, run_id=run_id):
                    raise UploadBusyError(
                        f"run {run_id} was declared dead and #{upload} given to another run: start a new run",
                        upload=upload,
                        owner_run_id=None,
                    )
                held = queries.current_ownership(connection, upload=upload)
            if held and not self._may_take_over(held, run_id, is_active):
                raise UploadBusyError(
                    f"#{upload} is being worked on by run {held['run_id']}: wait for it, or terminate it",
                    upload=upload,
                    owner_run_id=held["run_id"],
                )
            seen_epoch = held["seen_epoch"] if held else 0
            epoch = self._take_over(upload, seen_epoch, run_id, stage, looks_only=looks_only)
            if epoch is not None:
                return Owner(upload=upload, epoch=epoch, run_id=run_id)

    def _may_take_over(self, held: dict[str, Any], run_id: str, is_active: Callable[[str], bool]) -> bool:
        if held["run_id"] is None or held["stage_ended"] or held["run_id"] == run_id:
            return True
        return held["age_s"] > self._stall or not is_active(held["run_id"])

    def _take_over(
        self, upload: int, seen_epoch: int, run_id: str, stage: str, *, looks_only: bool
    ) -> int | None:
        with self._database.transaction() as connection:
            list(queries.end_sessions(connection, upload=upload, epoch=seen_epoch, own=session_name()))
        with self._database.transaction() as connection:
            epoch: int | None = queries.next_epoch(
                connection, upload=upload, seen_epoch=seen_epoch, looks_only=looks_only
            )
            if epoch is None:
                return None
            queries.fence_previous(
                connection, upload=upload, epoch=epoch, why=f"taken over by run {run_id} for {stage}"
            )
            queries.bury_attempts(connection, upload=upload, epoch=epoch)
            queries.begin_ownership(
                connection,
                upload=upload,
                epoch=epoch,
                run_id=run_id,
                stage=stage,
                host=socket.gethostname(),
                pid=os.getpid(),
            )
            return epoch

    @rides_out
    def expect_ours(self, owner: Owner) -> None:
        """Look whether the upload is still this owner's.

        Raises:
            FencedError: It is not.
        """
        with self._database.owned(owner):
            pass

    @rides_out
    def beat(self, owner: Owner, *, doing: str = "", waits_s: float = 0.0) -> None:
        """Say that the run progresses, or for what it waits and how long at most. Harmless when fenced."""
        with self._database.transaction() as connection:
            queries.beat(connection, upload=owner.upload, epoch=owner.epoch, doing=doing, waits_s=waits_s)

    @rides_out
    def end(
        self,
        owner: Owner,
        *,
        how: str,
        why: str = "",
        status: UploadStatus | None = None,
        due_s: float | None = None,
    ) -> None:
        """End this stage of the run; `status`, when given, becomes the upload's, with `why` as its message.
        With `due_s` no run is launched for it before so many seconds have passed.

        Raises:
            FencedError: Another run owns the upload.
        """
        with self._database.owned(owner) as connection:
            queries.end_ownership(connection, upload=owner.upload, epoch=owner.epoch, how=how, why=why)
            if status is not None:
                queries.end_status(
                    connection,
                    upload=owner.upload,
                    epoch=owner.epoch,
                    status=str(status),
                    message=why,
                    due_s=due_s,
                )

    def recent_runs(self, number: int) -> list[RecentRun]:
        """The upload's last runs, the newest first; those before a person resumed it are left out."""
        with self._database.transaction() as connection:
            return [RecentRun(**row) for row in queries.recent_runs(connection, upload=number)]

    @rides_out
    def progress(self, number: int | None = None) -> list[Progress]:
        """How far one upload is, or all of them."""
        with self._database.transaction() as connection:
            return [_progress(row) for row in queries.progress_of(connection, number=number)]


def as_upload(row: dict[str, Any]) -> Upload:
    """A row of `themaads.upload`."""
    names = Upload.__dataclass_fields__
    return Upload(**{name: row[name] for name in names} | {"status": UploadStatus(row["status"])})


def _progress(row: dict[str, Any]) -> Progress:
    final = row["done"] + row["skipped"] + row["failed"]
    started_with = row["final_at_start"]
    rate = (final - started_with) / row["push_s"] if row["push_s"] and started_with is not None else None
    running = row["status"] == UploadStatus.RUNNING and row["progress_age_s"] is not None
    eta = (row["total"] - final) / rate if running and rate else None
    return Progress(
        **{name: row[name] for name in Progress.__dataclass_fields__ if name in row}
        | {
            "status": UploadStatus(row["status"]),
            "doing": row["doing"] or "",
            "items_per_s": rate,
            "eta_s": eta,
            "is_read": row["read_at"] is not None,
        }
    )
