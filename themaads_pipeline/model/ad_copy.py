"""The themed ad: what it keeps of the ad it is made from, and what the theme gives it."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.model.ads import IDENTITY_PARAMETER, AdContent, AdText
from themaads_pipeline.model.editions import Edition, EditionMoment, LastingTexts
from themaads_pipeline.model.landing_urls import is_sane, with_parameters
from themaads_pipeline.model.outcomes import Category, Failure
from themaads_pipeline.model.texts import (
    PATH_WIDTH,
    countdown_targets,
    display_width,
    has_countdown,
    is_over,
    normalised,
)
from themaads_pipeline.model.theme_texts import DESCRIPTION, HEADLINE, TextKind

FINAL_URL_BYTES = 2_084
CUSTOM_PARAMETERS = 8


class CopyError(PermanentError):
    """No valid ad can be made from this one; `code` is ours, and stands in the item's outcome."""

    def __init__(self, message: str, *, code: str, trigger: str = "") -> None:
        """Keep the code, and the text or URL that is in the way."""
        super().__init__(message)
        self.code = code
        self.trigger = trigger

    @property
    def failure(self) -> Failure:
        """The same as an item's outcome."""
        return Failure(category=Category.INVALID, code=self.code, message=str(self), trigger=self.trigger)


def compose(edition: Edition, source: AdContent, *, at: EditionMoment) -> AdContent:
    """The themed ad made from `source`, at this moment on the account's wall clock.

    Copied: the first 3 headlines and the first description, and every pinned text wherever it stands, since
    pins hold what law requires; where more than 3 (1) are pinned, the theme gives way. Then the theme's texts
    in order of priority until the ad is full (15 and 4). Left out: countdowns that are over within the hour,
    and what the ad says already. Final URLs get the theme's parameters; tracking, mobile URLs and path2 are
    kept as they are. The identity goes into the custom parameters where there is room for it.

    Raises:
        CopyError: No valid ad can be made without losing something that is pinned, or at all.
    """
    if not source.final_urls:
        raise CopyError("the copied ad has no final URL: give it one", code="no_final_url")
    return AdContent(
        headlines=_texts(source.headlines, at.headlines, HEADLINE, at.now),
        descriptions=_texts(source.descriptions, at.descriptions, DESCRIPTION, at.now),
        final_urls=tuple([_final_url(url, edition) for url in source.final_urls]),
        path1=edition.theme.path1 or _path(source.path1),
        path2=_path(source.path2),
        final_mobile_urls=source.final_mobile_urls,
        tracking_url_template=source.tracking_url_template,
        final_url_suffix=source.final_url_suffix,
        url_custom_parameters=_with_identity(source.url_custom_parameters, edition),
    )


def edition_of(content: AdContent) -> str | None:
    """The edition whose identity an ad carries; None: not ours, or its identity did not survive."""
    for key, value in content.url_custom_parameters:
        if key == IDENTITY_PARAMETER:
            return value
    return None


def _texts(
    source: Sequence[AdText], themed: LastingTexts, kind: TextKind, now: datetime
) -> tuple[AdText, ...]:
    copied = _copied(source, kind, now)
    taken = themed.other_than(copied.keys())[: kind.most - len(copied)]
    if not taken:
        raise CopyError(
            f"the copied ad pins {len(copied)} {kind.noun}s, and no room is left for the theme: unpin some",
            code="no_room_for_theme",
        )
    texts = (*copied.values(), *taken)
    if len(taken) - themed.countdowns < kind.fewest:  # the theme alone does not see to it
        lasting = sum(not has_countdown(text.text) for text in texts)
        if lasting < kind.fewest:
            raise CopyError(
                f"{lasting} {kind.noun}s are left after the countdowns, and an ad needs {kind.fewest}: "
                "add texts",
                code="too_few_texts",
            )
    return texts


def _copied(source: Sequence[AdText], kind: TextKind, now: datetime) -> dict[str, AdText]:
    """By their keys."""
    pins = _pins(source, kind, now)
    others, width = kind.copied - len(pins), kind.width
    kept: dict[str, AdText] = {}
    for original in source:
        if original.pin:
            ad_text, key, _, _ = _facts_of(original.text)
            kept[key] = original if ad_text.text == original.text else AdText(ad_text.text, original.pin)
        elif others > 0:
            ad_text, key, counted, targets = _facts_of(original.text)
            is_new = key and key not in kept and key not in pins
            if is_new and counted <= width and not is_over(targets, now):
                kept[key] = ad_text
                others -= 1
    return kept


class _Facts(NamedTuple):
    ad_text: AdText  # without outer spaces, and without a pin
    key: str
    width: int
    targets: tuple[datetime | None, ...]


@lru_cache(maxsize=16_384)  # an account's ads repeat their texts
def _facts_of(text: str) -> _Facts:
    stripped = text.strip()
    return _Facts(
        AdText(stripped), normalised(stripped), display_width(stripped), countdown_targets(stripped)
    )


def _pins(source: Sequence[AdText], kind: TextKind, now: datetime) -> dict[str, str]:
    """The pin of each pinned text, by its key."""
    pins: dict[str, str] = {}
    for text in source:
        if not text.pin:
            continue
        facts = _facts_of(text.text)
        _check_pinned(facts, kind, now)
        if pins.setdefault(facts.key, text.pin) != text.pin:
            raise CopyError(
                f"the copied ad pins the {kind.noun} {text.text!r} to two places, and an ad says it once: "
                f"remove one",
                code="duplicate_pinned_text",
                trigger=text.text,
            )
    if len(pins) > kind.most:
        raise CopyError(f"the copied ad pins {len(pins)} {kind.noun}s: unpin some", code="no_room_for_theme")
    return pins


def _check_pinned(facts: _Facts, kind: TextKind, now: datetime) -> None:
    text = facts.ad_text.text
    if not text:
        raise CopyError(f"the copied ad pins an empty {kind.noun}: remove it", code="text_empty")
    if is_over(facts.targets, now):
        raise CopyError(
            f"the copied ad pins the {kind.noun} {text!r}, whose countdown is over: change or unpin it",
            code="countdown_over",
            trigger=text,
        )
    if facts.width > kind.width:
        raise CopyError(
            f"the copied ad pins the {kind.noun} {text!r}, which counts {facts.width} characters, and "
            f"{kind.width} fit: shorten or unpin it",
            code="text_too_long",
            trigger=text,
        )


def _final_url(url: str, edition: Edition) -> str:
    themed = with_parameters(url, edition.theme.url_pairs)
    if not is_sane(themed):
        raise CopyError(
            f"Google cannot open the copied ad's final URL {url!r}: it needs http:// or https:// and a site, "
            "and no spaces",
            code="final_url_unusable",
            trigger=url,
        )
    length = len(themed if themed.isascii() else themed.encode())
    if length > FINAL_URL_BYTES:
        raise CopyError(
            f"the themed final URL has {length} bytes and {FINAL_URL_BYTES} fit: shorten it",
            code="final_url_too_long",
            trigger=url,
        )
    return themed


def _path(path: str) -> str:
    if display_width(path) > PATH_WIDTH:
        raise CopyError(
            f"the copied ad's path {path!r} counts more than {PATH_WIDTH} characters: shorten it",
            code="path_too_long",
            trigger=path,
        )
    return path


def _with_identity(parameters: tuple[tuple[str, str], ...], edition: Edition) -> tuple[tuple[str, str], ...]:
    for known, _ in parameters:
        if known == IDENTITY_PARAMETER:
            return tuple((key, edition.name if key == known else value) for key, value in parameters)
    if len(parameters) >= CUSTOM_PARAMETERS:
        return parameters
    return (*parameters, (IDENTITY_PARAMETER, edition.name))
