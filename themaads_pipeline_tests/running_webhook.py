"""A webhook that keeps what it is sent, and misbehaves as a test wants."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(kw_only=True)
class Webhook:
    """Use it in a `with` block. `answers`: with which code; `hangs`: so many seconds, a byte at a time."""

    answers: int = 200
    hangs: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Listen on a port of this machine."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Refuse connections from now on."""
        self.close()

    def close(self) -> None:
        """The same before the end of the block."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """For apprise."""
        return f"json://127.0.0.1:{self.port}/"

    @property
    def titles(self) -> list[str]:
        """Of what was sent, in order."""
        return [message["title"] for message in self.asked]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.asked.append(json.loads(body))
                webhook.paths.append(self.path)
                end = time.monotonic() + webhook.hangs
                with suppress(ConnectionError):  # it was not waited for
                    while time.monotonic() < end:  # each byte starts the client's own timeout anew
                        self.wfile.write(b"H")
                        time.sleep(0.2)
                    self.send_response(webhook.answers)
                    self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        return Handler
