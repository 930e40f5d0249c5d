"""Where alerts go: each address of THEMAADS_ALERT_URLS is a channel. Addresses are secrets, names are not."""

import json
import logging
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from themaads_pipeline.model.alerts import Message

__all__ = ["Channel", "channels_of", "usable_channels"]

_log = logging.getLogger(__name__)

TIMEOUT_S = 15.0  # of one message
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,15})://", re.IGNORECASE)


class _NoAnswerError(Exception):
    """The child process did not say what became of the message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """An address, and what it is called in logs and in the ledger: `slack-1`, the first one of its kind.

    An address that is corrected or renewed keeps the name, and so gets what it could not be told before.
    """

    name: str
    url: str = field(repr=False)

    def send(self, message: Message, *, timeout_s: float = TIMEOUT_S) -> str:
        """Send it; returns why that failed, without any part of the address, or nothing."""
        asked = {
            "url": self.url,
            "title": message.title,
            "body": message.body,
            "severity": str(message.severity),
        }
        try:
            answer = _ask_sender(asked, timeout_s=timeout_s)
        except _NoAnswerError as error:
            return str(error)
        return "" if answer["is_told"] else str(answer["error"])


def channels_of(urls: str) -> list[Channel]:
    """All channels of the setting, usable or not.

    >>> [channel.name for channel in channels_of("slack://A/B/C json://host json://other")]
    ['slack-1', 'json-1', 'json-2']
    """
    found: list[Channel] = []
    seen: Counter[str] = Counter()
    for url in urls.split():
        scheme = _SCHEME.match(url)
        kind = scheme[1].lower() if scheme else "unknown"
        seen[kind] += 1
        found.append(Channel(name=f"{kind}-{seen[kind]}", url=url))
    return found


def _unusable(channels: Sequence[Channel]) -> list[Channel]:
    """Those whose address means nothing to apprise; none when that could not be found out."""
    try:
        answer = _ask_sender({"urls": [channel.url for channel in channels]}, timeout_s=TIMEOUT_S)
    except _NoAnswerError:
        return []
    return [channel for channel, is_usable in zip(channels, answer["usable"], strict=True) if not is_usable]


@cache
def usable_channels(urls: str) -> tuple[Channel, ...]:
    """The channels that can be told; of the others the log is told, once in this process."""
    channels = channels_of(urls)
    wrong = _unusable(channels) if channels else []
    for channel in wrong:
        _log.warning(
            "the alert channel %s cannot be used: its address in THEMAADS_ALERT_URLS is not one that apprise "
            "knows (see docs/alerts.md); the other channels are told",
            channel.name,
        )
    return tuple(channel for channel in channels if channel not in wrong)


def _ask_sender(asked: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
    """What the child process answers.

    Raises:
        _NoAnswerError: It did not in time, or not at all; without its cause, which has what was asked.
    """
    command = [sys.executable, "-m", "themaads_pipeline.alerts.sender", str(int(timeout_s) + 5)]
    try:
        ended = subprocess.run(  # noqa: S603  # our own module
            command, input=json.dumps(asked), capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise _NoAnswerError(f"it did not answer within {timeout_s:.0f} s") from None
    try:
        answer: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        raise _NoAnswerError(f"what sends to it ended with code {ended.returncode}") from None
    return answer
