"""One event as one line: `batch_sent upload=213 account=1234567890 items=500 seconds=1.204`.

Logfmt, which log stores read without a schema. No library: those there are format whole log records, and the
rules for times, durations and what is left out would still be ours.
"""

import json
import re
from datetime import UTC, datetime

__all__ = ["Fact", "line"]

Fact = str | int | float | bool | datetime | None

_PLAIN = re.compile(r"""[^\s"=\\]+""")


def line(event: str, /, **facts: Fact) -> str:
    r"""The event and its facts, in their order. A fact that is None is left out; a float has three decimals.

    >>> line("batch_sent", upload=213, seconds=1.20449, request_id=None, why="said \"no\"")
    'batch_sent upload=213 seconds=1.204 why="said \\"no\\""'
    """
    return " ".join([event, *(f"{key}={_value(fact)}" for key, fact in facts.items() if fact is not None)])


def _value(fact: Fact) -> str:
    match fact:
        case bool():
            return str(fact).lower()
        case float():
            return f"{fact:.3f}"
        case datetime():
            return f"{fact.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case str():
            # A line stays a line: what would break it is written as JSON writes it.
            if _PLAIN.fullmatch(fact) and fact.isprintable():
                return str(fact)
            return json.dumps(fact, ensure_ascii=not fact.isprintable())
    return str(fact)
