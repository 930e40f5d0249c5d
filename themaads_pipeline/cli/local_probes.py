"""What `themaads doctor` looks at on this machine and in its database: importing it costs seconds."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import dagster as dg
import psutil
import psycopg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, TickStatus
from psycopg.conninfo import conninfo_to_dict

from themaads_pipeline.cli import diagnosis
from themaads_pipeline.cli.diagnosis import Finding, Level
from themaads_pipeline.cli.installation import dagster_home
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.quota import Gone
from themaads_pipeline.ledger.release import difference, head
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.objects import AnyPath, ObjectPath
from themaads_pipeline.settings import Settings

__all__ = ["SENSORS", "Seen", "dagster", "database", "folder", "stack_runs", "themes"]

# Those that make uploads go on, and whether they are needed for it.
SENSORS = {"upload_folder": True, "unfinished_uploads": True, "alerts": False}

_CONNECT_S = 5
_LEAST_CONNECTIONS = 30  # a run has 24 for the ledger; Dagster's processes have pools of their own
_SERVER = """select current_setting('server_version'), clock_timestamp(),
  pg_is_in_recovery() or current_setting('transaction_read_only')::bool,
  current_setting('max_connections')::int
    - (select count(*) from pg_stat_activity where backend_type = 'client backend'),
  to_regclass('themaads.schema_version') is not null"""
_MISSING_RIGHTS = """
select lower(wanted) || ' on ' || relation.oid::regclass::text
from pg_class as relation join pg_namespace as schema on schema.oid = relation.relnamespace
cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as wanted
where relation.relkind in ('r', 'p') and relation.relname <> 'schema_version'
  and (schema.nspname = 'themaads' or relation.oid = to_regclass('daemon_heartbeats'))
  and not has_table_privilege(relation.oid, wanted)
union all select 'temporary tables' where not has_database_privilege(current_database(), 'TEMP')
union all select 'create in schema ' || coalesce(current_schema(), 'public') || ' (for Dagster)'
where to_regclass('daemon_heartbeats') is null
  and not coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
order by 1"""


@dataclass(kw_only=True)
class Seen:
    """What one check found out for others, which wait for it."""

    gone: Future[Gone | None] = field(default_factory=Future)
    accounts: Future[dict[int, Account] | None] = field(default_factory=Future)


def database(ours: Settings, seen: Seen) -> Iterator[Finding]:
    """Postgres: whether it answers, has our schema, lets us in, and what it knows of the day's operations."""
    try:
        yield from _database(ours, seen)
    finally:
        if not seen.gone.done():
            seen.gone.set_result(None)


def _database(ours: Settings, seen: Seen) -> Iterator[Finding]:
    url = _url(ours)
    if url is None:
        text = f"the embedded Postgres in {ours.home} is stopped; `themaads up` starts it"
        yield Finding(level=Level.OK, name="database", text=text)
        return
    with _connected(url) as connection:
        asked_at = datetime.now(UTC)
        row = connection.execute(_SERVER).fetchone()
        assert row is not None  # noqa: S101  # a row without a table
        version, there, reads_only, connections_left, has_schema = row
        here = asked_at + (datetime.now(UTC) - asked_at) / 2
        text = f"Postgres {version} at {connection.info.host}"
        if reads_only:
            yield Finding(level=Level.WRONG, name="database", text=f"{text} can only be read")
        elif connections_left < _LEAST_CONNECTIONS:
            text += f" has {connections_left} connections left: raise max_connections"
            yield Finding(level=Level.WARN, name="database", text=text)
        else:
            yield Finding(level=Level.OK, name="database", text=text)
        yield diagnosis.clock("the database", ahead_s=(here - there).total_seconds())
        found = _schema(connection, is_there=has_schema)
        yield found
        if found.level is Level.WRONG:
            return
        yield _rights(connection)
    with Ledger(url, ours, connections=1) as ledger:
        gone = ledger.quota.gone()
        seen.gone.set_result(gone)
        yield diagnosis.operations(
            gone_until=gone.until if gone else None, used=ledger.quota.used(), budget=ours.daily_operations
        )


def _url(ours: Settings) -> str | None:
    """The database's address; None: the embedded one does not run.

    Raises:
        PermanentError: The configured one is no address; it may hold a password, and is not quoted.
    """
    if ours.database_url is None:
        return embedded.running_url(ours.home)
    with suppress(psycopg.ProgrammingError):
        if "://" in ours.database_url and conninfo_to_dict(ours.database_url):
            return ours.database_url
    raise PermanentError("THEMAADS_DATABASE_URL must be a URL: postgresql://user:password@host:port/database")


def _connected(url: str) -> "closing[psycopg.Connection[tuple[Any, ...]]]":
    connection = psycopg.connect(url, connect_timeout=_CONNECT_S, autocommit=True)
    connection.execute(f"set statement_timeout = {_CONNECT_S * 1000}".encode())
    return closing(connection)


def _schema(connection: "psycopg.Connection[tuple[Any, ...]]", *, is_there: bool) -> Finding:
    row = (
        connection.execute("select version_num from themaads.schema_version").fetchone() if is_there else None
    )
    wrong = difference(str(row[0]) if row else None)
    text = f"that of this release ({head()})" if wrong is None else wrong
    return Finding(level=Level.OK if wrong is None else Level.WRONG, name="schema", text=text)


def _rights(connection: "psycopg.Connection[tuple[Any, ...]]") -> Finding:
    role = connection.info.user
    missing = [str(each) for (each,) in connection.execute(_MISSING_RIGHTS).fetchall()]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        text = f"the role {role} lacks {shown}: grant them, or migrate and run as the same role"
        return Finding(level=Level.WRONG, name="rights", text=text)
    return Finding(level=Level.OK, name="rights", text=f"the role {role} may read and write everything")


def dagster(ours: Settings) -> Iterator[Finding]:
    """Dagster's files, its daemon, and the sensors that make uploads go on."""
    home = dagster_home()
    yield Finding(level=Level.OK, name="dagster", text=f"dagster.yaml in {home}")
    runs = stack_runs(ours)
    try:
        url = _url(ours)
        has_tables = url is not None and _has_dagster(url)
    except (psycopg.Error, PermanentError):
        text = "cannot be asked, as the database does not answer"
        yield Finding(level=Level.WARN, name="dagster's daemon", text=text)
        return
    if not has_tables:
        yield diagnosis.daemon({}, stack_runs=runs)
        return
    instance = dg.DagsterInstance.from_config(str(home))
    try:
        now, beats = time.time(), instance.get_daemon_statuses()
        ages = {
            name.lower().replace("_", " "): now - beat.last_heartbeat.timestamp
            if beat.last_heartbeat
            else None
            for name, beat in beats.items()
        }
        yield diagnosis.daemon(ages, stack_runs=runs)
        yield from _sensors(instance)
    finally:
        instance.dispose()


def _has_dagster(url: str) -> bool:
    """Opening an instance of Dagster's where there is none would make its tables."""
    with _connected(url) as connection:
        row = connection.execute("select to_regclass('daemon_heartbeats') is not null").fetchone()
    return bool(row and row[0])


def _sensors(instance: dg.DagsterInstance) -> Iterator[Finding]:
    states: dict[str, list[InstigatorState]] = {}
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        states.setdefault(state.instigator_name, []).append(state)
    for name, is_needed in SENSORS.items():
        # One that nobody ever switched is on: that is how they are defined.
        known = states.get(name, [])
        running = [state for state in known if state.is_running]
        yield diagnosis.sensor(
            name,
            is_needed=is_needed,
            is_stopped=bool(known) and not running,
            last_error=_last_error(instance, running[-1]) if running else "",
        )


def _last_error(instance: dg.DagsterInstance, state: InstigatorState) -> str:
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    if not ticks or ticks[0].status is not TickStatus.FAILURE or ticks[0].error is None:
        return ""
    # The last line of an error is what it says, the cause is what it comes from.
    error = ticks[0].error.cause or ticks[0].error
    return error.message.strip().splitlines()[-1][:300]


def stack_runs(ours: Settings) -> bool:
    """Whether the daemon of a `themaads up` in this home lives."""
    with suppress(OSError, ValueError, KeyError, TypeError, psutil.Error):
        for child in json.loads((ours.home / "stack.json").read_text())["children"]:
            if child["name"] == "daemon":
                created: float = child["created"]
                return abs(psutil.Process(child["pid"]).create_time() - created) < 0.1
    return False


def folder(name: str, path: AnyPath) -> Iterator[Finding]:
    """Whether a folder is there, or can be made, can be written to, and has room; in object storage, whether
    it can be listed.
    """
    if isinstance(path, ObjectPath):
        yield _objects(name, path)
        return
    if not path.exists():
        parent = next(each for each in path.parents if each.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            text = f"{path} cannot be made: {parent} is no folder that can be written to"
            yield Finding(level=Level.WRONG, name=name, text=text)
            return
        found = _space(name, f"{path} (made when it is needed)", parent)
    else:
        try:
            with NamedTemporaryFile(dir=path, prefix=".themaads-doctor-", buffering=0) as file:
                file.write(bytes(4096))
            os.listdir(path)  # noqa: PTH208 - only whether it can be listed
        except OSError as error:
            why = error.strerror or type(error).__name__
            yield Finding(level=Level.WRONG, name=name, text=f"{path} cannot be written to: {why}")
            return
        found = _space(name, str(path), path)
    yield found


def _objects(name: str, path: ObjectPath) -> Finding:
    try:
        count = len(path.listed())
    except OSError as error:
        return Finding(level=Level.WRONG, name=name, text=f"{path} cannot be listed: {error.strerror}")
    text = f"{path} can be listed ({count:,} objects); whether it can be written to, the first report tells"
    return Finding(level=Level.OK, name=name, text=text)


def _space(name: str, shown: str, path: Path) -> Finding:
    space = os.statvfs(path)
    return diagnosis.free_space(
        name,
        shown,
        free=space.f_bavail * space.f_frsize,
        files_left=space.f_favail if space.f_files else None,
    )


def themes(ours: Settings, catalogue: Catalogue, today: date) -> Iterator[Finding]:
    """What themes there are, and what is wrong with one."""
    yield from diagnosis.themes(catalogue, today=today, own=ours.theme_dir is not None)
