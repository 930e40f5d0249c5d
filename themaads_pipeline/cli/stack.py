"""The whole system on one machine: started in order, watched, and stopped in order without an orphan.

Postgres, the schema, the emulator (without Google credentials only), one code server, webserver and daemon,
and the dashboard, without which all of that goes on.
The code server is the stack's own, rather than one of the webserver and one of the daemon as the top-level
workspace.yaml would have it: it starts once, and it is restarted when it dies. Its address is written to
`home`/workspace.yaml; module and location name come from the top-level file.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Self, TextIO

import psutil

from themaads_pipeline.cli import parts
from themaads_pipeline.cli.children import Child, Spec, session_of, stop_all
from themaads_pipeline.cli.installation import environment
from themaads_pipeline.cli.parts import StackError
from themaads_pipeline.cli.postgres_watch import PostgresWatch
from themaads_pipeline.cli.put_right import put_right
from themaads_pipeline.exceptions import ThemaAdsError
from themaads_pipeline.launchers.worker import workers_of
from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.settings import Settings

__all__ = ["Stack", "StackError", "StoppedError", "stoppable"]

_RESTARTED_TOO_SOON = 30.0  # seconds; a child that ends so soon after its restart would do so for ever


class StoppedError(ThemaAdsError):
    """A person or the machine asked the stack to stop."""


class Stack:
    """Use it in a `with` block: `start`, then `check` every second; the end of the block stops it."""

    def __init__(
        self,
        settings: Settings,
        *,
        dagster_home: Path,
        port: int | None = None,
        dashboard_port: int | None = None,
        seed: Path | None = None,
        workspace: Path | None = None,
        say: Callable[[str], None],
    ) -> None:
        """Nothing is started yet.

        Args:
            settings: Where everything is kept, and whether there are Google credentials.
            dagster_home: The folder with dagster.yaml.
            port: Of Dagster's web interface; None: 3000, or another when that is taken.
            dashboard_port: Of the dashboard; None: 3100, or another when that is taken.
            seed: What the emulator's accounts hold at the start.
            workspace: The workspace file that names the code; None: the one beside dagster.yaml.
            say: Gets each line meant for the person in front of the terminal.
        """
        self.settings = settings
        self.web: parts.Web | None = None  # once it is started
        self.emulator_control = ""
        self._dagster_home = dagster_home
        self._wanted_port = port
        self._wanted_dashboard_port = dashboard_port
        self._seed = seed
        self._workspace = workspace or dagster_home / "workspace.yaml"
        self._say = say
        self._children: list[Child] = []
        self._restarted_at: dict[str, float] = {}
        self._postgres: PostgresWatch | None = None  # once it is started
        self._waits_for_postgres: set[str] = set()  # parts that ended while it was away
        self._stops_postgres = False
        self._signals = 0
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        """Be the only stack in this home."""
        home = self.settings.home
        for folder in (home, self.settings.uploads, self.settings.reports):
            if isinstance(folder, Path):
                folder.mkdir(parents=True, exist_ok=True)
        self._lock = (home / "stack.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StackError(f"a stack is running in {home} already: stop it with Ctrl-C first") from error
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything that was started."""
        try:
            self._stop()
        finally:
            if self._lock:
                self._lock.close()

    def signalled(self, number: int, _frame: FrameType | None = None) -> None:
        """A signal handler: the first one stops in order, the second one at once."""
        self._signals += 1
        if self._signals == 2:
            self._say(f"{signal.Signals(number).name} again: stopping at once")

    def start(self) -> str:
        """Start everything, and return the address of the web interface once it and the daemon work.

        Raises:
            StackError: A part does not start; the message has the end of its log.
            StoppedError: A signal came meanwhile.
        """
        self.end_remains()
        if self.settings.database_url is None:
            # One that runs on its own (`themaads postgres start`) is left running at the end.
            self._stops_postgres |= embedded.running_url(self.settings.home) is None
        url = embedded.database_url(self.settings)
        migrate(url)
        self._postgres = PostgresWatch(self.settings, url=url, say=self._say)
        with Ledger(url, self.settings, connections=2) as ledger:
            for line in put_right(ledger, self.settings.home):
                self._say(line)
        self.pause(0)
        self.web = web = parts.Web.choose(self._wanted_port, since=time.time())
        early = [parts.code_server(self.settings, self._workspace)]
        if self.settings.uses_emulator:
            control_port = parts.free_port()
            self.emulator_control = f"http://127.0.0.1:{control_port}"
            early.append(parts.emulator(self.settings, control_port=control_port, seed=self._seed))
        dashboard_port = parts.choose_port(
            self._wanted_dashboard_port, parts.DEFAULT_DASHBOARD_PORT, option="--dashboard-port"
        )
        dashboard_url = f"http://127.0.0.1:{dashboard_port}"
        if self.settings.dashboard_url is None:  # for the links in Dagster
            self.settings = self.settings.model_copy(update={"dashboard_url": dashboard_url})
        self._start_all(early)
        late = [parts.webserver(self.settings, web), parts.daemon(self.settings, web)]
        self._start_all([*late, parts.dashboard(dashboard_port)])
        if any(child.spec.name == "dashboard" for child in self._children):
            self._say(f"dashboard: {dashboard_url}")
        return web.url

    def check(self) -> None:
        """Restart what has ended.

        Raises:
            StackError: It ended again right after its restart, and not for want of Postgres.
            StoppedError: A signal came.
        """
        self.pause(0)
        if self._postgres:
            self._postgres.look()
        for child in tuple(self._children):
            if (how := child.ended()) is not None:
                self._restart(child, how)

    def pause(self, seconds: float) -> None:
        """Sleep, unless a signal comes."""
        deadline = time.monotonic() + seconds
        while True:
            if self._signals:
                raise StoppedError("stopped by a signal")
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            time.sleep(min(0.1, remaining))

    # Starting

    def _start_all(self, specs: list[Spec]) -> None:
        """Start these side by side and wait until all of them are ready."""
        # The database's address as it is: a process that outlives the stack must not start Postgres again.
        settings = self.settings.model_copy(update={"database_url": embedded.database_url(self.settings)})
        started = []
        for spec in specs:
            child = Child(
                spec,
                log=settings.home / "logs" / f"{spec.name}.log",
                environment=environment(settings, dagster_home=self._dagster_home),
                folder=settings.home,  # Dagster lets a .env in the working folder override the environment
            )
            child.start()
            self._children.append(child)
            started.append(child)
        self._write_remains()
        for child in started:
            self._wait_until_ready(child)

    def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + child.spec.ready_timeout
        while not child.is_ready():
            for each in tuple(self._children):
                if (how := each.ended()) is not None:
                    self._lose(each, f"does not start: {how}")
            if time.monotonic() > deadline:
                self._lose(child, f"was not ready after {child.spec.ready_timeout:.0f} s")
            if child not in self._children:
                return
            self.pause(0.2)

    def _restart(self, child: Child, how: str) -> None:
        name = child.spec.name
        if self._has_to_wait_for_postgres(child, how):
            return
        excused = self._postgres is not None and self._postgres.was_away_since(child.started_at)
        too_soon = name in self._restarted_at and child.started_at + _RESTARTED_TOO_SOON > time.monotonic()
        if too_soon and not excused:
            self._lose(child, f"ended again right after its restart: {how}")
            return
        self._say(f"{name} ended ({how}): restarting it; its log is {child.log}")
        self._restarted_at[name] = time.monotonic()
        child.start()
        self._write_remains()

    def _lose(self, child: Child, what: str) -> None:
        """Go on without it, where that can be. Raises StackError."""
        if child.spec.is_vital:
            raise _ended(child, what)
        child.stop(is_urgent=lambda: self._signals > 0)
        self._children.remove(child)
        self._write_remains()
        self._say(f"{_ended(child, what)}\neverything else goes on without it")

    def _has_to_wait_for_postgres(self, child: Child, how: str) -> bool:
        """Without Postgres none but the emulator can start: it would end again at once, time after time."""
        name = child.spec.name
        if name == "emulator" or self._postgres is None or self._postgres.answers():
            self._waits_for_postgres.discard(name)
            return False
        if name not in self._waits_for_postgres:
            self._say(f"{name} ended ({how}): it is restarted once postgres is back; its log is {child.log}")
            self._waits_for_postgres.add(name)
        return True

    # Stopping

    def _stop(self) -> None:
        """Dashboard and daemon first: nothing new is launched. Then the runs, which settle what is in flight.
        Postgres last, so that all can write how they end.
        """
        order = ("dashboard", "daemon", "code-server", "webserver", "emulator")
        for child in sorted(self._children, key=lambda each: order.index(each.spec.name)):
            if child.spec.name == "code-server":
                self._stop_runs()
            if child.stop(is_urgent=lambda: self._signals > 1):
                self._say(f"{child.spec.name} did not stop by itself and was killed; its log is {child.log}")
        if self._postgres:
            self._postgres.end()
        if self._stops_postgres:
            embedded.stop(self.settings.home)
        self._remains().unlink(missing_ok=True)
        parts.code_server_socket(self.settings.home).unlink(missing_ok=True)

    def _stop_runs(self) -> None:
        """A machine interrupts: the runs fail, and go on when the stack is started again (invariant 7)."""
        workers = workers_of(self.settings.home)
        sessions = [process for worker in workers for process in session_of(worker.pid)]
        if workers:
            self._say(f"ending {len(workers)} run(s); what is not finished goes on with the next start")
        grace = self.settings.stop_grace_seconds
        if killed := stop_all(workers, grace, is_urgent=lambda: self._signals > 1):
            self._say(f"{killed} of them did not end within {grace:.0f} s and were killed")
        stop_all(sessions, 5, is_urgent=lambda: self._signals > 1)

    def _remains(self) -> Path:
        return self.settings.home / "stack.json"

    def _write_remains(self) -> None:
        """Who runs, for the next start: a stack that is killed with SIGKILL leaves its children behind."""
        children = []
        for child in self._children:
            with suppress(psutil.Error):
                created = psutil.Process(child.pid).create_time()
                children.append({"name": child.spec.name, "pid": child.pid, "created": created})
        content = {
            "pid": os.getpid(),
            "url": self.web.url if self.web else "",
            "stops_postgres": self._stops_postgres,
        }
        new = self._remains().with_suffix(".new")
        new.write_text(json.dumps(content | {"children": children}))
        new.replace(self._remains())

    def end_remains(self) -> None:
        """Two daemons on one database would launch everything twice: end those of a stack that was killed."""
        try:
            remains = json.loads(self._remains().read_text())
        except (OSError, ValueError):
            return
        self._stops_postgres = remains["stops_postgres"]
        for child in remains["children"]:
            with suppress(psutil.Error):
                process = psutil.Process(child["pid"])
                if abs(process.create_time() - child["created"]) < 0.1:
                    self._say(f"ending {child['name']} of a stack that was killed (pid {process.pid})")
                    stop_all(session_of(process.pid), 10, is_urgent=lambda: self._signals > 0)


@contextmanager
def stoppable(stack: Stack) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal stop the stack in order instead of ending this process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, stack.signalled)
        for number in numbers
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN  # nohup
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(child: Child, what: str) -> StackError:
    return StackError(f"{child.spec.name} {what}\n{child.last_words()}\n(its log: {child.log})")
