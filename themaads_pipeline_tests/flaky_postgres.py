"""A way to Postgres that loses commits, answers to commits, or everything for a while."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from urllib.parse import parse_qs, urlsplit

_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # as the client sends it, alone in a packet
_LARGEST = 1 << 16


class FlakyPostgres:
    """Listens on a port of its own, and passes on what it does not lose."""

    def __init__(self, url: str, *, seed: int = 0) -> None:
        """Connections come from `self.url` and go to `url`."""
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._server = f"{query['host']}/.s.PGSQL.{query['port']}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self._random = Random(seed)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.away = False
        self.share_lost = 0.0  # of commits: half of them before they are done, half after
        self.commits_lost = self.answers_lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def go_away(self) -> None:
        """End all connections, and take no new one."""
        self.away = True
        self._close_all()

    def come_back(self) -> None:
        """Be there again."""
        self.away = False

    def close(self) -> None:
        """End it."""
        self._listener.close()
        self._close_all()

    def _close_all(self) -> None:
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.away:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                lose_answers = threading.Event()
                with self._lock:
                    self._open |= {client, server}
                for source, sink, loses in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pass_on, args=(source, sink, loses, lose_answers), daemon=True
                    ).start()

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, loses: bool, lose_answers: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := source.recv(_LARGEST):
                if loses and data == _COMMIT and self._random.random() < self.share_lost:
                    if self._random.random() < 0.5:
                        self.commits_lost += 1
                        break
                    self.answers_lost += 1
                    lose_answers.set()
                if not loses and lose_answers.is_set():
                    break  # done, and the answer is lost
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
                each.close()


@contextmanager
def flaky_postgres(url: str, *, seed: int = 0) -> Iterator[FlakyPostgres]:
    """It ends with the block."""
    flaky = FlakyPostgres(url, seed=seed)
    try:
        yield flaky
    finally:
        flaky.close()
