"""What a child process does for `channels`: check addresses, or send one message. The only user of apprise.

In a process of its own, since apprise and what it sends with log addresses: here nobody reads that. And since
a channel that hangs can be ended with it, as a thread could not.

Reads one JSON object from standard input and writes one to standard output:
`{"urls": [...]}` -> `{"usable": [true, ...]}`;
`{"url", "title", "body", "severity"}` -> `{"is_told", "error"}`. No answer has any part of an address.
"""

import json
import logging
import re
import signal
import sys
from typing import Any

import apprise

__all__ = ["main"]

_ANSWERED = re.compile(r"error=(\d{3})\b")


class _Words(logging.Handler):
    """Keeps what apprise says of a failure, for `_why`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main() -> None:
    """Do what standard input asks for, or die after as many seconds as the first argument says."""
    signal.alarm(int(sys.argv[1]))  # also when whoever started it is gone
    asked: dict[str, Any] = json.load(sys.stdin)
    answer = _check(asked["urls"]) if "urls" in asked else _send(**asked)
    json.dump(answer, sys.stdout)


def _check(urls: list[str]) -> dict[str, list[bool]]:
    return {"usable": [apprise.Apprise().add(url) for url in urls]}


def _send(*, url: str, title: str, body: str, severity: str) -> dict[str, Any]:
    words = _Words()
    logging.getLogger("apprise").addHandler(words)
    channel = apprise.Apprise()
    channel.add(url)
    is_told = channel.notify(
        title=title,
        body=body,
        notify_type=apprise.NotifyType(severity),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return {"is_told": bool(is_told), "error": "" if is_told else _why("\n".join(words.lines))}


def _why(said: str) -> str:
    """Picked out, not passed on: it may name the address."""
    if answered := _ANSWERED.search(said):
        return f"it answered {answered[1]}"
    if re.search("connection error|socket", said, re.IGNORECASE):
        return "it cannot be reached"
    return "it did not take the message"


if __name__ == "__main__":
    main()
