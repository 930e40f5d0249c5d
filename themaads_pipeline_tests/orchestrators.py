"""Docker's engine and Kubernetes' API server, as run launchers use them, for the real clients over HTTP.

One container, or one job with one pod, at a time. What Docker answers was taken down from a real engine.
"""

import json
import re
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

__all__ = ["Docker", "Kubernetes", "Orchestrator"]

Answer = tuple[int, Any]  # HTTP status; JSON, or bytes as they are
CONTAINER = "3f2a1b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708"


class Orchestrator(ABC):
    """Runs one worker that a launcher starts, and what a test has befall it."""

    module: str
    launcher: str
    config: dict[str, Any]
    where: str  # as a failure's message has it
    kill: str  # what is in a request that kills
    stop: str  # what is in a request to end in order

    def __init__(self) -> None:
        """Listen on a port of its own."""
        self.requests: list[str] = []  # `POST /containers/…/kill`
        self.before: Callable[[str], object] = lambda _: None  # called with each request, before it is done
        self.refuses = ""  # requests with this in them are answered so: 403
        self.trouble = 0  # every request is answered so
        self.hangs = threading.Event()
        self.is_away = False
        self.cannot_be_killed = False
        self.log = "the last words"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it at the end of the block."""
        self.hangs.clear()
        self.go_away()

    def go_away(self) -> None:
        """Whoever asks is refused the connection; one that is open ends at the next request."""
        self.is_away = True
        self._server.shutdown()
        self._server.server_close()

    def asked(self, words: str) -> list[str]:
        """The requests with this in them."""
        return [request for request in self.requests if words in request]

    @abstractmethod
    def environment(self, folder: Path) -> dict[str, str]:
        """How its client finds it; files in `folder`."""

    @property
    @abstractmethod
    def is_at_work(self) -> bool:
        """Whether the worker lives."""

    @abstractmethod
    def end(self, exit_code: int, *, out_of_memory: bool = False) -> None:
        """The worker ends."""

    @abstractmethod
    def vanish(self) -> None:
        """The worker is removed by a person."""

    @abstractmethod
    def answer(self, method: str, path: str, body: Any) -> Answer:
        """To one request."""

    def reply(self, method: str, target: str, body: Any) -> Answer:
        """To one request, with what a test has befall all of them."""
        parts = urlsplit(target)
        path = re.sub(r"^/v[\d.]+", "", parts.path)
        self.before(f"{method} {path}")
        self.requests.append(f"{method} {path}?{parts.query}".rstrip("?"))
        while self.hangs.is_set():
            time.sleep(0.05)
        if self.trouble:
            return self.trouble, {"message": "trouble"}
        if self.refuses and self.refuses in self.requests[-1]:
            return 403, {"message": "forbidden"}
        return self.answer(method, path, body)


class Docker(Orchestrator):
    """The engine. A container takes `stop` as its worker takes SIGTERM: it ends."""

    module = "themaads_pipeline.launchers.docker"
    launcher = "WatchedDockerRunLauncher"
    config: dict[str, Any] = {"image": "themaads:1"}  # noqa: RUF012 - read only
    kill, stop = "/kill", "/stop"
    where = f"container brave_hopper ({CONTAINER[:12]})"

    def __init__(self) -> None:
        """No container yet."""
        super().__init__()
        self.state: dict[str, Any] | None = None
        self.created_with: dict[str, Any] = {}

    def environment(self, folder: Path) -> dict[str, str]:  # noqa: ARG002 - needs no file
        return {"DOCKER_HOST": f"tcp://{self.address}"}

    @property
    def is_at_work(self) -> bool:
        return self.state is not None and self.state["Status"] in {"running", "paused"}

    def end(self, exit_code: int, *, out_of_memory: bool = False) -> None:
        self._is("exited", ExitCode=exit_code, OOMKilled=out_of_memory, FinishedAt="2026-11-27T08:03:11.1Z")

    def vanish(self) -> None:
        self.state = None

    def pause(self) -> None:
        """As `docker pause` does."""
        self._is("paused")

    def _is(self, status: str, **more: Any) -> None:
        never = {"ExitCode": 0, "OOMKilled": False, "Error": "", "FinishedAt": "0001-01-01T00:00:00Z"}
        self.state = {"Status": status, **never, **more}

    def answer(self, method: str, path: str, body: Any) -> Answer:  # noqa: PLR0911 - one return an endpoint
        match method, path.strip("/").split("/"):
            case "GET", ["version"]:
                return 200, {"ApiVersion": "1.44"}
            case "POST", ["containers", "create"]:
                self._is("created")
                self.created_with = body
                return 201, {"Id": CONTAINER, "Warnings": []}
            case _, ["containers", _, *_] if self.state is None:
                return 404, {"message": f"No such container: {CONTAINER}"}
            case "GET", ["containers", _, "json"]:
                found = {
                    "Id": CONTAINER,
                    "Name": "/brave_hopper",
                    "State": self.state,
                    "Config": {"Tty": False},
                }
                return 200, found
            case "POST", ["containers", _, "start" | "unpause"]:
                self._is("running")
                return 204, b""
            case "POST", ["containers", _, "kill"]:
                if not self.is_at_work:
                    return 409, {"message": f"Cannot kill container: {CONTAINER} is not running"}
                if not self.cannot_be_killed:
                    self.end(137)
                return 204, b""
            case "POST", ["containers", _, "wait"]:
                return 200, {"StatusCode": 137, "Error": None}
            case "POST", ["containers", _, "stop"]:
                self.end(0)
                return 204, b""
            case "GET", ["containers", _, "logs"]:
                words = self.log.encode()
                return 200, struct.pack(">BxxxI", 1, len(words)) + words
        return 501, {"message": f"{method} {path}"}


class Kubernetes(Orchestrator):
    """The API server, its job controller and a node. A pod that is deleted is gone at once."""

    module = "themaads_pipeline.launchers.kubernetes"
    launcher = "WatchedK8sRunLauncher"
    kill = stop = "DELETE"
    where = "pod worker-x7k2p on node node-3, job dagster-run-{run_id} in namespace ads"

    def __init__(self) -> None:
        """No job yet."""
        super().__init__()
        self.config = {
            "job_image": "themaads:1",
            "service_account_name": "themaads",
            "instance_config_map": "dagster",
            "job_namespace": "ads",
            "load_incluster_config": False,
        }
        self.job: dict[str, Any] | None = None  # as it was posted
        self.job_status: dict[str, Any] = {}
        self.pod: dict[str, Any] | None = None

    def environment(self, folder: Path) -> dict[str, str]:
        file = folder / "kubeconfig"
        cluster = {"server": f"http://{self.address}"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {}}],
        }
        file.write_text(json.dumps(config))
        self.config["kubeconfig_file"] = str(file)
        return {}

    @property
    def is_at_work(self) -> bool:
        return self.pod is not None and self.pod["status"]["phase"] == "Running"

    def end(self, exit_code: int, *, out_of_memory: bool = False) -> None:
        terminated = {
            "exitCode": exit_code,
            "reason": "OOMKilled" if out_of_memory else "Error" if exit_code else "Completed",
            "finishedAt": "2026-11-27T08:03:11Z",
        }
        self._pod_is("Failed" if exit_code else "Succeeded", state={"terminated": terminated})
        self.job_status = {"failed": 1} if exit_code else {"succeeded": 1}

    def evict(self) -> None:
        """The node needs the memory for others."""
        self._pod_is("Failed", reason="Evicted", message="The node was low on resource: memory.")
        self.job_status = {"failed": 1}

    def vanish(self) -> None:
        self.job = self.pod = None

    def collect_pod(self, reason: str, message: str) -> None:
        """The job has failed, and its pod is not kept."""
        self.pod = None
        failed = {"type": "Failed", "status": "True", "reason": reason, "message": message}
        self.job_status = {"failed": 1, "conditions": [failed]}

    def _pod_is(self, phase: str, *, state: dict[str, Any] | None = None, **more: Any) -> None:
        container = {"name": "dagster", "image": "", "imageID": "", "ready": True, "restartCount": 0}
        containers = [{**container, "state": state}] if state else []
        self.pod = {
            "metadata": {"name": "worker-x7k2p", "creationTimestamp": "2026-11-27T08:00:00Z"},
            "spec": {"nodeName": "node-3", "containers": [{"name": "dagster"}]},
            "status": {"phase": phase, "containerStatuses": containers, **more},
        }

    def answer(self, method: str, path: str, body: Any) -> Answer:  # noqa: PLR0911 - one return an endpoint
        pods = [self.pod] if self.pod else []
        match method, path.removeprefix("/apis/batch/v1").removeprefix("/api/v1").strip("/").split("/"):
            case "POST", ["namespaces", "ads", "jobs"]:
                self.job, self.job_status = body, {"active": 1}
                self._pod_is("Running", state={"running": {"startedAt": "2026-11-27T08:00:00Z"}})
                return 201, body
            case "GET", ["namespaces", "ads", "jobs"]:
                return 200, {"items": [self._job()] if self.job else []}
            case "GET", ["namespaces", "ads", "jobs", name, "status"] if self._has(name):
                return 200, self._job()
            case "DELETE", ["namespaces", "ads", "jobs", name] if self._has(name):
                self.job = None
                return 200, {"kind": "Status", "status": "Success"}
            case "GET", ["namespaces", "ads", "pods"]:
                return 200, {"items": pods}
            case "DELETE", ["namespaces", "ads", "pods", "worker-x7k2p"] if pods:
                if not self.cannot_be_killed:
                    self.pod = None
                return 200, pods[0]
            case "GET", ["namespaces", "ads", "pods", "worker-x7k2p", "log"] if pods:
                return 200, self.log.encode()
            case "GET", ["namespaces", "ads", "events"]:
                return 200, {"items": []}
        return 404, {"kind": "Status", "reason": "NotFound", "message": f"{method} {path}"}

    def _has(self, name: str) -> bool:
        return self.job is not None and self.job["metadata"]["name"] == name

    def _job(self) -> dict[str, Any]:
        assert self.job is not None
        status = {"startTime": "2026-11-27T08:00:00Z", **self.job_status}
        return {"metadata": self.job["metadata"], "status": status}


def _handler(orchestrator: Orchestrator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            if orchestrator.is_away:
                self.close_connection = True
                return
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, told = orchestrator.reply(self.command, self.path, json.loads(sent or b"null"))
            content = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(told, bytes) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _reply  # noqa: N815 - as http.server has it

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler
