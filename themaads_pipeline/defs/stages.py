"""A stage of a run: it takes the upload, works, and gives it back, however it ends (invariants 3 and 7)."""

import gc
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NoReturn

import dagster as dg

import themaads_pipeline
from themaads_pipeline.exceptions import FencedError, PermanentError, ThemaAdsError, UploadBusyError
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.masking import cover, nothing_secret
from themaads_pipeline.model.lines import Fact, line
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.endings import due_in_s, how_ended, note_quota, reason_of, status_after
from themaads_pipeline.push.lines import say, show_lines
from themaads_pipeline.push.memory import collect_seldom, keep_memory, switch_seldom
from themaads_pipeline.settings import settings

__all__ = ["Stage", "refuse", "stage_of", "upload_of"]

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext

_NO_RETRY_TAG = "dagster/retry_on_asset_or_op_failure"
_RUNS_STATUS = frozenset({UploadStatus.RUNNING, UploadStatus.FINISHED})
_IN_A_PERSONS_HANDS = frozenset({UploadStatus.PAUSED, UploadStatus.FAILED})
_LEFT_OVER = {UploadStatus.PAUSED: "limited", UploadStatus.INTERRUPTED: "interrupted"}
_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Stage:
    """The upload as it was when it was taken, and our hold on it."""

    upload: Upload
    owner: Owner
    ledger: Ledger
    name: str
    started: float = field(default_factory=time.monotonic)  # on the process's own clock
    has_ended: bool = field(default=False)
    how: str = field(default="")  # as it was given back by us

    def end(
        self, *, how: str, why: str = "", status: UploadStatus | None = None, due_s: float | None = None
    ) -> None:
        """Give the upload back; see `ledger.uploads.end`."""
        self.ledger.uploads.end(self.owner, how=how, why=why, status=status, due_s=due_s)
        self.has_ended, self.how = True, how

    def say_ended(self, how: str, *, level: int = logging.INFO, **facts: Fact) -> None:
        """The stage's last line, with how far the upload is where the ledger has just been reached."""
        if self.has_ended:
            with suppress(Exception):  # a line is not worth a run
                [progress] = self.ledger.uploads.progress(self.upload.number)
                counts = {name: getattr(progress, name) for name in ("done", "skipped", "failed")}
                facts = {"items": progress.total, **counts, **facts}
        facts["seconds"] = time.monotonic() - self.started
        say(self.owner, "stage_ended", level=level, stage=self.name, how=how, **facts)


@contextmanager
def stage_of(context: Context, ledger: Ledger, name: str, *, looks_only: bool = False) -> Iterator[Stage]:
    """Own the partition's upload for as long as the block runs.

    Args:
        context: Of the asset or check.
        ledger: The ledger.
        name: What is done, as `status` tells it (`reading`).
        looks_only: Reports and checks leave the upload's status as they found it.

    Raises:
        dagster.Failure: There is no such upload, or another run works on it.
        dagster.DagsterExecutionInterruptedError: A person has paused it since Dagster decided on this run.
    """
    if _is_a_worker():
        load_our_code()
        collect_seldom()
        switch_seldom()
        keep_memory()
        cover("stdout")
        show_lines(settings().log_level)
    ledger.patience.have()
    upload = upload_of(context, ledger)
    if not looks_only and upload.status in _IN_A_PERSONS_HANDS and _is_launched_by_itself(context.run):
        _leave_to_a_person(context, upload, name)
    try:
        owner = ledger.uploads.take(
            upload.number,
            run_id=context.run.run_id,
            stage=name,
            is_active=lambda run_id: _is_active(context.instance, run_id),
            looks_only=looks_only,
        )
    except UploadBusyError as error:
        _say_refused(context, upload, name, str(error))
        refuse(context, error)
    stage = Stage(upload=upload, owner=owner, ledger=ledger, name=name)
    say(owner, "stage_begun", stage=name)
    found = upload.status if upload.status not in _RUNS_STATUS else None
    try:
        with nothing_secret():
            yield stage
        if not stage.has_ended:
            stage.end(
                how="finished",
                why=upload.message if looks_only else "",
                status=found if looks_only else None,
            )
        _say_over(stage)
    except FencedError as error:
        _leave(context, stage, error)
    except BaseException as error:
        if not stage.has_ended:
            how_left = _how_left(context, stage, error)
            keep = looks_only or upload.status is UploadStatus.FINISHED
            status, why = (found, upload.message) if keep else how_left
            how = "paused" if how_left[0] is UploadStatus.PAUSED else how_ended(error)
            _end_early(context, stage, error, how=how, why=why, status=status)
            _say_left(stage, how_left, error)
        else:
            stage.say_ended("failed", level=logging.ERROR, why=reason_of(error))
        if isinstance(error, ThemaAdsError):
            said = str(error) if due_in_s(error) is None else reason_of(error)
            raise dg.Failure(said) from error  # our message first, not a page of traceback
        raise


def upload_of(context: Context | dg.OpExecutionContext, ledger: Ledger) -> Upload:
    """The upload of the run's partition.

    Raises:
        dagster.Failure: There is none, or it was pruned: a report of nothing would replace the one there.
    """
    upload = ledger.uploads.by_key(context.partition_key)
    if upload is None:
        raise dg.Failure(
            f"no upload is called {context.partition_key!r}: put its file into the upload folder, or "
            "`themaads submit` it",
            allow_retries=False,
        )
    try:
        upload.expect_items()
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    return upload


def refuse(context: Context, error: Exception, **metadata: dg.MetadataValue[Any]) -> NoReturn:
    """Fail the run with a message for a person, such that nothing tries it again.

    `allow_retries` reaches op retries only; run retries are asked to keep away by a tag.
    """
    context.instance.add_run_tags(context.run.run_id, {_NO_RETRY_TAG: "false"})
    raise dg.Failure(str(error), metadata=metadata, allow_retries=False) from error


def _is_launched_by_itself(run: dg.DagsterRun) -> bool:
    """Whether Dagster's retry or a sensor launched it. What a person re-executes keeps the sensor's tags."""
    by_sensor = "dagster/sensor_name" in run.tags and run.parent_run_id is None
    return by_sensor or "dagster/retry_number" in run.tags


def _say_refused(context: Context, upload: Upload, name: str, why: str) -> None:
    _log.info("%s", line("stage_refused", upload=upload.number, run=context.run.run_id, stage=name, why=why))


def _say_over(stage: Stage) -> None:
    """A push may end with items left, and has said why."""
    how, why = stage.how, ""
    with suppress(Exception):  # a line is not worth a run
        if not how and (now := stage.ledger.uploads.by_number(stage.upload.number)) is not None:
            how, why = _LEFT_OVER.get(now.status, ""), now.message
    stage.say_ended(how or "finished", why=why or None)


def _say_left(stage: Stage, how_left: tuple[UploadStatus, str], error: BaseException) -> None:
    status, why = how_left
    due_s = due_in_s(error)
    if due_s is not None:
        until = datetime.now(UTC) + timedelta(seconds=due_s)
        stage.say_ended("waiting", until=until, why=str(error))
    elif status is UploadStatus.PAUSED:
        stage.say_ended("cancelled", by="person", why=why)
    elif status is UploadStatus.FAILED:
        stage.say_ended("failed", level=logging.ERROR, why=why)
    else:
        by = "machine" if how_ended(error) == "interrupted" else None
        stage.say_ended("interrupted", level=logging.WARNING, by=by, why=why)


def _leave_to_a_person(context: Context, upload: Upload, name: str) -> NoReturn:
    """End as cancelled: a retry that was on its way when a person paused would have undone the pause."""
    why = f"#{upload.number} is {upload.status}, and this run was launched by itself: {upload.message}"
    _say_refused(context, upload, name, why)
    context.instance.report_run_canceling(context.run, why)
    raise dg.DagsterExecutionInterruptedError(why)


def _is_active(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run may still be working: one that is being cancelled may."""
    run = instance.get_run_by_id(run_id)
    return run is not None and not run.is_finished


def _how_left(context: Context, stage: Stage, error: BaseException) -> tuple[UploadStatus, str]:
    """A person pauses, a machine interrupts: the launcher told the ledger, and Dagster knows of the rest."""
    if how_ended(error) == "interrupted" and _stopped_by_a_person(context, stage):
        now = stage.ledger.uploads.by_number(stage.upload.number)
        if now is not None and now.status is UploadStatus.PAUSED:
            return UploadStatus.PAUSED, now.message  # by `themaads pause`, which has said so
        why = f"stopped by a person in Dagster: `themaads resume {stage.upload.number}` goes on"
        return UploadStatus.PAUSED, why
    return status_after(error), reason_of(error)


def _stopped_by_a_person(context: Context, stage: Stage) -> bool:
    by = stage.ledger.beats.stop_asked_by(stage.owner)
    if by is not None:
        return by == "person"
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status in {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}


def _end_early(
    context: Context, stage: Stage, cause: BaseException, *, how: str, why: str, status: UploadStatus | None
) -> None:
    try:
        due_s = note_quota(stage.ledger, cause)
        stage.end(how=how, why=why, status=status, due_s=due_s)
    except FencedError as error:
        _leave(context, stage, error)
    except Exception:  # noqa: BLE001 - what interrupted the stage is what a person has to hear of
        _log.exception("the ledger could not be told that #%d was interrupted", stage.upload.number)


def _leave(context: Context, stage: Stage, error: FencedError) -> NoReturn:
    """End without another Dagster event: the run was given up, and its end is written by others.

    An exception would write one, and turn a run that was declared failed into what it says. In a process that
    is the run's own, ending it is enough; elsewhere (a run inside a command or a test) the exception is all
    there is.

    Nobody but us ends a run that is being cancelled, as when its upload was resumed meanwhile: it would stay
    so for `cancel_timeout_seconds`, and keep the next run waiting as long.
    """
    stage.say_ended("fenced", level=logging.ERROR, why=str(error))
    if _is_a_worker():
        with suppress(Exception):  # it is told later, and the process has to end now
            run = context.instance.get_run_by_id(context.run.run_id)
            if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
                context.instance.report_run_canceled(run, str(error))
        os._exit(1)
    raise error


def _is_a_worker() -> bool:
    """Whether this process is the run's own: told by its environment on a host, by its command elsewhere."""
    by_command = sys.argv[1:3] == ["api", "execute_run"]
    return (
        by_command or multiprocessing.parent_process() is not None or "DAGSTER_EXECUTE_RUN_ARGS" in os.environ
    )


@cache
def load_our_code() -> None:
    """Import all that a run may need, before it does anything.

    Some of it is imported where it is used, since it is slow to load. An edit that is saved, or a version
    that is deployed, while the run goes on must not reach it in mid-run.
    """
    gc.disable()  # what is loaded stays: looking for garbage in it took a quarter of the time
    try:
        for package in ("model", "themes", "intake", "ads", "ledger", "push", "reports"):
            path = [str(Path(themaads_pipeline.__file__).parent / package)]
            for module in walk_packages(path, f"themaads_pipeline.{package}."):
                if ".migrations" not in module.name:
                    import_module(module.name)
    finally:
        gc.enable()
