"""What the pages say beyond what reports and the command say, too: `reports/words.py`. Pure."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

from themaads_pipeline.model.outcomes import Category

__all__ = ["CATEGORIES", "ENDINGS", "STAGES", "count", "edition_title", "prose"]

# Of each kind of failure: who can do something about it, and whether it makes sense to try again.
CATEGORIES: Mapping[str, tuple[str, str]] = {
    Category.POLICY: (
        "Google's policy",
        "Google refused the text or the page. Change it, or ask for an exception: as it is it fails again.",
    ),
    Category.INVALID: (
        "a rule is broken",
        "The ad or ad group breaks a rule or a limit. Repair it as the example says, then try again.",
    ),
    Category.ACCOUNT: (
        "the account",
        "The account is suspended, closed, or not open to us. Repair that in Google Ads, then try again.",
    ),
    Category.TEMPORARY: (
        "passing trouble",
        "It should have passed, and did not in time. Try again: it may go well now.",
    ),
    Category.TECHNICAL: (
        "our side",
        "Something went wrong on our side. Try again once; if it fails again, report it with its code.",
    ),
}

# What a run did, once a stage is over.
STAGES: Mapping[str, str] = {
    "reading": "read the file",
    "pushing": "made ads",
    "reporting": "wrote the report",
    "checking": "checked the accounts",
}

# How a stage ended, and the level it is shown at.
ENDINGS: Mapping[str, tuple[str, str]] = {
    "finished": ("finished", "alive"),
    "interrupted": ("was interrupted", "slow"),
    "paused": ("was paused", "resting"),
    "failed": ("failed", "dead"),
    "fenced": ("was replaced by another run", "slow"),
    "died": ("died", "dead"),
}

_CODE = re.compile(r"`([^`]+)`")
_CLASS_NAME = re.compile(r"^\w+(Error|Exception): ")


def count(number: float | None) -> str:
    """A whole number for people: `21,595`; a dash where nobody knows it."""
    return "–" if number is None else f"{number:,.0f}"


def edition_title(edition: str | None) -> str:
    """An edition for people.

    >>> edition_title("black_friday_2026"), edition_title(None)
    ('Black friday 2026', 'by the theme column')
    """
    return "by the theme column" if edition is None else edition.replace("_", " ").capitalize()


def prose(text: str | None) -> Markup:
    """A message of ours or Google's: never markup, but commands in it look like commands; no class names.

    >>> prose("paused: `themaads resume 4` <b>")
    Markup('paused: <code>themaads resume 4</code> &lt;b&gt;')
    """
    safe = str(escape(_CLASS_NAME.sub("", text or "")))
    return Markup(_CODE.sub(r"<code>\1</code>", safe))  # noqa: S704 - escaped the line before
