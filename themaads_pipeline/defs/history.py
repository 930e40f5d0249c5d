"""What Dagster keeps of an upload: its runs with their events and output, and its partition."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from sqlalchemy import func, select

from themaads_pipeline.defs.partitions import uploads

__all__ = ["History", "forget", "history_of"]

_PARTITION = "dagster/partition"


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """An upload's runs, how many events they have, and one that is not over, if there is one."""

    run_ids: tuple[str, ...]
    events: int
    active_run_id: str | None

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.run_ids)


def history_of(instance: dg.DagsterInstance, key: str) -> History:
    """What Dagster knows of the upload with this key."""
    runs = instance.get_runs(dg.RunsFilter(tags={_PARTITION: key}))
    run_ids = tuple(run.run_id for run in runs)
    active = next((run.run_id for run in runs if not run.is_finished), None)
    return History(run_ids=run_ids, events=_events_of(instance, run_ids), active_run_id=active)


def forget(instance: dg.DagsterInstance, key: str, history: History) -> None:
    """Delete the upload's runs, their events and output, one run at a time, and its partition.

    The partition goes too: without its materializations it would look like one that was never worked on.
    """
    for run_id in history.run_ids:
        instance.delete_run(run_id)
        with suppress(OSError, NotImplementedError):  # kept on another machine, or by a store of its own
            instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_dynamic_partition(str(uploads.name), key)


def _events_of(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> int:
    """Counted by Postgres: Dagster itself would load each of them."""
    storage = instance.event_log_storage
    if not run_ids or not isinstance(storage, SqlEventLogStorage):
        return sum(len(instance.all_logs(run_id)) for run_id in run_ids)
    wanted = select(func.count()).where(SqlEventLogStorageTable.c.run_id.in_(run_ids))
    with storage.index_connection() as connection:
        return int(connection.execute(wanted).scalar_one())
