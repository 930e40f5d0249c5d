"""The rules that a theme's texts must keep, each breach a sentence that says what to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from themaads_pipeline.model.texts import (
    COUNTDOWN,
    DEFAULTED,
    DESCRIPTION_WIDTH,
    HEADLINE_WIDTH,
    display_width,
    has_countdown,
    normalised,
)

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_DAYS_BEFORE = re.compile(r",\s*[1-9]\d{0,2}\s*")
_TARGETS = ("start", "event", "end")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextKind:
    """Headlines or descriptions: Google's limits for them, and how many come from where."""

    noun: str
    width: int
    fewest: int  # in one ad, and so in a theme without its countdowns
    most: int  # in one ad
    copied: int  # from the ad that is copied
    exclamations: int  # Google's policy on punctuation: how many "!" one text may hold

    @property
    def themed(self) -> int:
        """How many a theme gives to an ordinary ad."""
        return self.most - self.copied


HEADLINE = TextKind(noun="headline", width=HEADLINE_WIDTH, fewest=3, most=15, copied=3, exclamations=0)
DESCRIPTION = TextKind(
    noun="description", width=DESCRIPTION_WIDTH, fewest=2, most=4, copied=1, exclamations=1
)


def text_problems(texts: Sequence[str], kind: TextKind) -> tuple[str, ...]:
    """All that is wrong with a theme's headlines or descriptions."""
    problems = [problem for text in texts for problem in _problems_of(text, kind)]
    seen: dict[str, str] = {}
    for text in texts:
        first = seen.setdefault(normalised(text), text)
        if first is not text:
            problems.append(
                f"{text!r} repeats {first!r}; Google refuses an ad that says the same twice: change one"
            )
    if len(texts) > kind.most:
        surplus = len(texts) - kind.most
        problems.append(f"there are {len(texts)} {kind.noun}s and an ad holds {kind.most}: remove {surplus}")
    if (plain := _plain(texts)) < kind.fewest:
        problems.append(
            f"{plain} {kind.noun}s stand without a countdown, and an ad needs {kind.fewest} when it is over: "
            f"add {kind.fewest - plain} without one"
        )
    return tuple(problems)


def text_warnings(texts: Sequence[str], kind: TextKind) -> tuple[str, ...]:
    """What makes poorer ads, and no wrong ones."""
    if (plain := _plain(texts)) >= kind.themed:
        return ()
    warning = f"{plain} {kind.noun}s stand without a countdown, and ads are not full once it is over"
    return (f"{warning}: make it {kind.themed}",)


def _plain(texts: Sequence[str]) -> int:
    return len({normalised(text) for text in texts if not has_countdown(text)})


def _problems_of(text: str, kind: TextKind) -> list[str]:
    problems = []
    if not text.strip():
        return [f"a {kind.noun} is empty: write a text or remove it"]
    if (width := display_width(text)) > kind.width:
        problems.append(
            f"{text!r} counts {width} characters and {kind.width} fit: take {width - kind.width} off"
        )
    if text.count("!") > kind.exclamations:
        allowed = "one '!' is" if kind.exclamations else "no '!' is"
        problems.append(f"{text!r}: {allowed} allowed in a {kind.noun} by Google's policy: remove it")
    if any(ord(character) < 32 for character in text):
        problems.append(f"{text!r} holds a line break or another control character: remove it")
    placeholders = _PLACEHOLDER.findall(text)
    if any(brace in _PLACEHOLDER.sub("", text) for brace in "{}"):
        problems.append(f"{text!r} has a '{{' or '}}' without its other half: close it or remove it")
    problems.extend(
        f"{text!r}: {problem}" for held in placeholders if (problem := _placeholder_problem(held)) is not None
    )
    return problems


def _placeholder_problem(placeholder: str) -> str | None:
    if countdown := COUNTDOWN.fullmatch(placeholder):
        if countdown["equals"]:
            return f"an RSA refuses '{{=': write {placeholder.replace('{=', '{')}"
        if countdown["target"].strip().lower() not in _TARGETS:
            target = countdown["target"]
            return f"{placeholder} counts to {target!r}: write start, event or end, which hold every year"
        if not _DAYS_BEFORE.fullmatch(countdown["rest"]):
            return f"{placeholder} does not say for how many days it is shown: write {{COUNTDOWN(end,5)}}"
        return None
    if defaulted := DEFAULTED.fullmatch(placeholder):
        return (
            None
            if defaulted["default"].strip()
            else f"{placeholder} has no default: write one after the colon"
        )
    return f"{placeholder} is no placeholder that Google knows: remove the braces"
