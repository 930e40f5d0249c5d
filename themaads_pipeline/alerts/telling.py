"""Tells each channel what it is still to be told of, in bounded time, whatever the channels do."""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from themaads_pipeline.alerts.channels import TIMEOUT_S, Channel
from themaads_pipeline.ledger.alerts import MOST_TRIES
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.alerts import Event, Message, Occasion, Reason, message_of, occasions_of
from themaads_pipeline.settings import Settings

__all__ = ["tell", "web_url_of"]

_log = logging.getLogger(__name__)
_AT_ONCE = 5  # messages to one channel; more come with the next look
_BEGINS_UNTIL_S = 15.0  # no message is begun later: with its timeout half of what a sensor's look may take
_WITH_REASONS = frozenset({Event.FAILURES_OVER_BOUND, Event.FINISHED})


def tell(
    ledger: Ledger, channels: Sequence[Channel], settings: Settings, *, timeout_s: float = TIMEOUT_S
) -> list[str]:
    """Look what there is to tell, and tell it; returns what was told and what could not be.

    Channels are told side by side, and one that fails is left alone until the next look. Nothing that a
    channel does is an error here. How often a message is tried, and why it may come twice: `ledger.alerts`.

    Args:
        ledger: The outbox, and what has happened.
        channels: Whom to tell; at least one.
        settings: The bound of failures, and where the web interface is.
        timeout_s: Of one message.
    """
    with ledger.alerts.told_alone() as is_alone:
        if not is_alone:
            return ["another process is telling"]
        now, bound = ledger.attempts.now(), settings.failure_bound
        found = [
            occasion
            for state in ledger.alerts.states()
            for occasion in occasions_of(state, now=now, failure_bound=bound)
        ]
        if not found:
            return []
        ledger.alerts.note(found, [channel.name for channel in channels])
        teller = _Teller(ledger, settings, found, timeout_s=timeout_s)
        with ThreadPoolExecutor(len(channels), thread_name_prefix="alerts") as pool:
            return list(chain.from_iterable(pool.map(teller.tell_channel, channels)))


class _Teller:
    """One look's messages."""

    def __init__(
        self, ledger: Ledger, settings: Settings, found: Sequence[Occasion], *, timeout_s: float
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._found = found
        self._timeout_s = timeout_s
        self._begins_until = time.monotonic() + _BEGINS_UNTIL_S

    def tell_channel(self, channel: Channel) -> list[str]:
        """One after the other, until one fails or the time is over."""
        notes: list[str] = []
        while len(notes) < _AT_ONCE and time.monotonic() < self._begins_until:
            claim = self._ledger.alerts.claim(self._found, channel.name)
            if claim is None:
                break
            what = f"#{claim.occasion.state.number} {claim.occasion.event}"
            if error := channel.send(self._message(claim.occasion), timeout_s=self._timeout_s):
                self._ledger.alerts.note_error(claim, error)
                end = "given up" if claim.tries >= MOST_TRIES else f"try {claim.tries} of {MOST_TRIES}"
                notes.append(f"{channel.name} was not told of {what}: {error} ({end})")
                _log.warning("the alert channel %s", notes[-1])
                break
            self._ledger.alerts.note_told(claim)
            notes.append(f"{channel.name} was told of {what}")
        return notes

    def _message(self, occasion: Occasion) -> Message:
        reasons: Iterable[Reason] = ()
        if occasion.event in _WITH_REASONS and occasion.state.failed:
            reasons = self._reasons(occasion.state.number)
        return message_of(
            occasion,
            failure_bound=self._settings.failure_bound,
            reasons=tuple(reasons),
            web_url=web_url_of(self._settings),
        )

    def _reasons(self, upload: int) -> Iterable[Reason]:
        for row in self._ledger.outcomes.failures_by_reason(upload):
            yield Reason(
                items=row["items"],
                category=row["category"],
                code=row["code"],
                example=row["example"] or "",
            )


def web_url_of(settings: Settings) -> str | None:
    """Where Dagster's web interface is: as set, else that of the stack that runs in this home."""
    if settings.web_url:
        return settings.web_url
    try:
        stack = json.loads((settings.home / "stack.json").read_text())
    except (OSError, ValueError):
        return None
    return stack.get("url") or None
