"""The project of docker-compose.yml under a name of its own: with a copy of the checkout that may be edited,
with ports of its own, and with nothing left of it at the end.
"""

import csv
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.error import URLError
from urllib.request import Request, urlopen

__all__ = ["ComposeError", "Project"]

ROOT = Path(__file__).parents[2]
_SOCKET = Path("/var/run/docker.sock")
_T = TypeVar("_T")


class ComposeError(Exception):
    """A command failed, or what had to happen did not; the message says which."""


class Project:
    """Use it in a `with` block, whose end removes containers, network, volumes and images."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        """Copy the checkout, and make an .env from its .env.example."""
        self.say = say
        self.name = f"themaads-test-{secrets.token_hex(3)}"
        self.web_port, self.control_port, self.dashboard_port = _free_port(), _free_port(), _free_port()
        self.dashboard_password = secrets.token_hex(12)
        self._home = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.source = self._home / "checkout"
        self._images: set[str] = set()
        self._compose = _compose_command()
        _copy_checkout(self.source)
        (self._home / "config").mkdir()
        self._env = {
            "COMPOSE_PROJECT_NAME": self.name,
            "POSTGRES_PASSWORD": secrets.token_hex(12),
            "THEMAADS_DASHBOARD_PASSWORD": self.dashboard_password,
            "THEMAADS_DASHBOARD_PORT": str(self.dashboard_port),
            "DOCKER_GID": str(_SOCKET.stat().st_gid),
            "THEMAADS_CONFIG_DIR": str(self._home / "config"),
            "THEMAADS_WEB_PORT": str(self.web_port),
            "THEMAADS_EMULATOR_CONTROL_PORT": str(self.control_port),
            "THEMAADS_BUILD_NETWORK": os.environ.get("THEMAADS_BUILD_NETWORK", "default"),
        }

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Remove all of it; what went wrong is shown first."""
        if kind is not None:
            self._show_logs()
        docker("rm", "--force", "--volumes", *self.run_containers(running=False), check=False)
        self.compose("--profile", "demo", "down", "--volumes", "--remove-orphans", check=False)
        for image in self._images:
            docker("rmi", image, check=False)
        shutil.rmtree(self._home)

    # Docker

    def set(self, **env: str) -> None:
        """Change lines of .env."""
        self._env |= env

    def compose(self, *arguments: str, check: bool = True) -> str:
        """`docker compose …` in the checkout."""
        lines = (self.source / ".env.example").read_text().splitlines()
        known = {name: value for name, value in self._env.items() if value}
        kept = [line for line in lines if line.partition("=")[0] not in known]
        text = "\n".join([*kept, *(f"{name}={value}" for name, value in known.items())])
        (self.source / ".env").write_text(f"{text}\n")
        # The shell's variables go before .env.
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COMPOSE_", "THEMAADS_", "POSTGRES_"))
        }
        return _run([*self._compose, *arguments], cwd=self.source, env=clean, check=check)

    def build(self, tag: str) -> None:
        """An image of the checkout as it is now, used from the next `up` on."""
        image = f"{self.name}:{tag}"
        self.set(THEMAADS_IMAGE=image)
        self._images.add(image)
        self.compose("build", "migrate")

    def container(self, service: str) -> str:
        """Its name or id."""
        return self.compose("--profile", "demo", "ps", "-q", service).strip()

    def run_containers(self, *, running: bool = True) -> list[str]:
        """The ids of the runs' containers."""
        wanted = ["--filter", f"network={self.name}", "--filter", "label=themaads=run"]
        more = [] if running else ["--all"]
        return docker("ps", "--quiet", "--no-trunc", *more, *wanted).split()

    def wait_healthy(self, *services: str, timeout: float = 180) -> None:
        """Until the engine says so of each."""
        for service in services:
            container = self.container(service)
            self.wait(
                lambda container=container: inspected(container)["State"]["Health"]["Status"] == "healthy",  # type: ignore[misc]  # bound now
                f"{service} is healthy",
                timeout=timeout,
            )

    # What is in it

    def themaads(self, *arguments: str, service: str = "emulator") -> str:
        """The `themaads` command in a container; the emulator's is never redeployed."""
        return docker("exec", self.container(service), "themaads", *arguments)

    def upload(self, number: int) -> dict[str, Any]:
        """As `themaads status --json` tells it."""
        found: dict[str, Any] = json.loads(self.themaads("status", str(number), "--json"))
        return found

    def outcomes(self, number: int) -> list[dict[str, str]]:
        """As `themaads outcomes --csv` tells them."""
        return list(csv.DictReader(self.themaads("outcomes", str(number), "--csv", "-").splitlines()))

    @property
    def dagster_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control_port}"

    def ask_dagster(self, query: str) -> dict[str, Any] | None:
        """The data of its answer; None while it does not answer."""
        try:
            data = _ask(f"{self.dagster_url}/graphql", {"query": query}).get("data")
        except (URLError, OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def control(self, path: str, content: Mapping[str, Any] | None = None) -> Any:
        """The emulator's control port."""
        return _ask(f"{self.control_url}/{path}", content)

    def wait(self, happened: Callable[[], _T | None], what: str, *, timeout: float, every: float = 0.5) -> _T:
        """What `happened` gives as soon as it gives something.

        Raises:
            ComposeError: It did not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            if found := happened():
                return found
            if time.monotonic() > deadline:
                raise ComposeError(f"not after {timeout:.0f} s: {what}")
            time.sleep(every)

    def _show_logs(self) -> None:
        self.say(self.compose("--profile", "demo", "ps", check=False))
        self.say(self.compose("--profile", "demo", "logs", "--tail=40", check=False))
        for container in self.run_containers(running=False):
            self.say(f"{container[:12]}: {docker('logs', '--tail=30', container, check=False)}")


def docker(*arguments: str, check: bool = True) -> str:
    """`docker …`; what it printed."""
    return _run(["docker", *arguments], check=check)


def inspected(container: str) -> dict[str, Any]:
    """All that the engine knows of a container."""
    [found] = json.loads(docker("inspect", container))
    return dict(found)


def _run(
    command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, check: bool
) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if check and done.returncode:
        told = (done.stdout + done.stderr)[-3000:]
        raise ComposeError(f"{' '.join(command)} ended with exit code {done.returncode}:\n{told}")
    return done.stdout if check else done.stdout + done.stderr


def _compose_command() -> list[str]:
    """Compose v2 where it is there, else docker-compose."""
    has_plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if has_plugin.returncode == 0 else ["docker-compose"]


def _copy_checkout(target: Path) -> None:
    """What git knows of it, as it lies there now."""
    listed = _run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True
    )
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def _ask(url: str, content: Mapping[str, Any] | None) -> Any:
    body = None if content is None else json.dumps(content).encode()
    request = Request(url, body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as response:
        return json.load(response)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
