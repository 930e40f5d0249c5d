"""What the stack runs: each process's command, and how to tell that it is ready."""

import json
import os
import socket
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import sample
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil
import yaml

from themaads_pipeline.cli.children import Spec
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.settings import Settings

DEFAULT_PORT = 3000
DEFAULT_DASHBOARD_PORT = 3100
_OF_NO_CONNECTION = range(20_000, 32_000)  # Linux gives outgoing ones 32768 to 60999, others higher ones
_LONGEST_SOCKET_PATH = 100  # bytes; a socket's path is at most 104 on macOS
_RUNS_QUERY = """{
  runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING]}, limit: 1) {
    ... on Runs { results { id } } }
}"""
_HEALTH_QUERY = """{
  workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { ... on PythonError { message } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime } } }
}"""


class StackError(PermanentError):
    """The stack cannot start, or a part of it ended twice in a row."""


def code_server(settings: Settings, workspace: Path) -> Spec:
    """One for webserver and daemon together; its address is written to `home`/workspace.yaml for them."""
    name, target = _code_of(workspace)
    path = code_server_socket(settings.home)
    path.unlink(missing_ok=True)
    location = {"grpc_server": {"socket": str(path), "location_name": name}}
    own_workspace(settings).write_text(yaml.safe_dump({"load_from": [location]}))
    command: tuple[str, ...] = (
        "-m",
        "dagster",
        "api",
        "grpc",
        "--socket",
        str(path),
        "--location-name",
        name,
    )
    # Whatever it starts, it starts with this Python: .venv/bin need not be in the PATH.
    command += ("--use-python-environment-entry-point", "--empty-working-directory", *target)
    return Spec(name="code-server", command=command, is_ready=lambda _: _listens(path), grace=30)


def emulator(settings: Settings, *, control_port: int, seed: Path | None) -> Spec:
    """Its ports are chosen here, so that a restarted one is found again; its accounts outlive it."""
    folder = settings.emulator_dir
    described = folder / "emulator.json"
    described.unlink(missing_ok=True)
    command: tuple[str, ...] = (
        "-m",
        "themaads_pipeline.emulator",
        "--dir",
        str(folder),
        "--profile",
        "instant",
    )
    command += ("--port", str(free_port()), "--control-port", str(control_port))
    command += ("--state", str(folder / "state"))
    command += ("--seed", str(seed)) if seed is not None else ()
    return Spec(name="emulator", command=command, is_ready=lambda _: described.exists(), grace=5)


def webserver(settings: Settings, web: "Web") -> Spec:
    """Dagster's web interface, on loopback."""
    command: tuple[str, ...] = ("-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(web.port))
    command += ("-w", str(own_workspace(settings)))
    return Spec(name="webserver", command=command, is_ready=web.is_served_by, grace=10)


def daemon(settings: Settings, web: "Web") -> Spec:
    """Sensors, queue, monitoring, retries. Ready needs the webserver, which knows the heartbeats."""
    command = ("-m", "dagster._daemon", "run", "-w", str(own_workspace(settings)))
    return Spec(name="daemon", command=command, is_ready=lambda _: web.daemons_beat(), grace=30)


def dashboard(port: int) -> Spec:
    """Job health in a browser, on loopback. Runs do not hang on it, and are not ended for it."""
    command = ("-m", "themaads_pipeline.cli", "dashboard", "--port", str(port))
    return Spec(
        name="dashboard",
        command=command,
        is_ready=lambda pid: listens_on(pid, port),
        grace=10,
        is_vital=False,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Web:
    """The web interface of a stack that is started at `since` (seconds since 1970)."""

    port: int
    since: float

    @classmethod
    def choose(cls, wanted: int | None, *, since: float) -> "Web":
        """On the wanted port (0: any that is free); without one on 3000, or another when that is taken."""
        return cls(port=choose_port(wanted, DEFAULT_PORT, option="--port"), since=since)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_served_by(self, pid: int) -> bool:
        """Whether this process answers, and not that of another stack which took the port meanwhile."""
        return listens_on(pid, self.port) and self.health() is not None

    def health(self) -> dict[str, Any] | None:
        """What it says of code locations and daemons; None when it does not answer."""
        return self._ask(_HEALTH_QUERY)

    def is_idle(self) -> bool:
        """Whether it answers, and no run is waiting or working."""
        answer = self._ask(_RUNS_QUERY)
        return answer is not None and not answer["runsOrError"]["results"]

    def _ask(self, query: str) -> dict[str, Any] | None:
        body = json.dumps({"query": query}).encode()
        request = Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310  # http
        try:
            with urlopen(request, timeout=10) as response:  # noqa: S310  # our own address
                answer = json.load(response)["data"]
        except (URLError, OSError, ValueError, KeyError):
            return None
        return answer if isinstance(answer, dict) else None

    def daemons_beat(self) -> bool:
        """Each daemon has beaten since the start; heartbeats of earlier stacks are in the database, too."""
        health = self.health()
        if health is None:
            return False
        for entry in health["workspaceOrError"].get("locationEntries", []):
            if message := (entry["locationOrLoadError"] or {}).get("message"):
                raise StackError(f"the code location {entry['name']} does not load:\n{message}")
        statuses = health["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all((each["lastHeartbeatTime"] or 0) >= self.since for each in statuses if each["required"])


def own_workspace(settings: Settings) -> Path:
    """The workspace file of the stack's own processes."""
    return settings.home / "workspace.yaml"


def code_server_socket(home: Path) -> Path:
    """In `home`; where that path is too long for a socket, a short one that stays the same for this home."""
    path = home / "code-server.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"themaads-{sha256(os.fsencode(home)).hexdigest()[:16]}.sock"


def free_port() -> int:
    """A port of this machine that nobody listens on, and that no outgoing connection is given before whoever
    it is for listens there: these are from a range of their own.
    """
    for port in sample(_OF_NO_CONNECTION, 100):
        if _is_free(port):
            return port
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def choose_port(wanted: int | None, default: int, *, option: str) -> int:
    """The wanted port (0: any that is free); without one the default, or another when that is taken.

    Raises:
        StackError: The wanted one is taken; `option` chooses another.
    """
    port = wanted or (default if wanted is None and _is_free(default) else free_port())
    if not _is_free(port):
        raise StackError(f"port {port} is taken: choose another with {option}")
    return port


def listens_on(pid: int, port: int) -> bool:
    """Whether this process listens on the port, and not one that took it meanwhile."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _code_of(workspace: Path) -> tuple[str, list[str]]:
    """The location name, and the options that name the code, of a workspace with one Python location."""
    try:
        [location] = yaml.safe_load(workspace.read_text())["load_from"]
        if "python_module" in location:
            module = location["python_module"]
            return module["location_name"], ["--module-name", module["module_name"]]
        file = location["python_file"]
        return file["location_name"], ["--python-file", str(workspace.parent / file["relative_path"])]
    except (OSError, TypeError, KeyError, ValueError) as error:
        raise StackError(
            f"{workspace} must name one python_module or python_file with its location_name"
        ) from error
