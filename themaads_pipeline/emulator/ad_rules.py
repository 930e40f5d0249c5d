"""What makes a responsive search ad valid, in the order of its fields. On the hot path: 10,000 ads a second
pass here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from themaads_pipeline.emulator.ad_texts import is_past, text_facts
from themaads_pipeline.emulator.ad_urls import check_app_urls, check_collections, check_urls
from themaads_pipeline.emulator.failures import Errors, Path
from themaads_pipeline.emulator.messages import Message, enum_values

_PATH_WIDTH = 15
_MAX_PLAIN = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _TextRule:
    """`pins` are the positions an asset can be kept to, `shown` those that every ad shows."""

    name: str
    at_least: int
    at_most: int
    width: int
    pins: frozenset[int]
    shown: frozenset[int]
    plain: set[str] = field(default_factory=set)  # texts that nothing is wrong with


class AdRules:
    """The documented limits of responsive search ads, with the enum numbers looked up once."""

    def __init__(self) -> None:
        pins = enum_values("ServedAssetFieldType")
        self._rules = (
            _TextRule(
                name="headlines",
                at_least=3,
                at_most=15,
                width=30,
                pins=frozenset(pins[f"HEADLINE_{position}"] for position in (1, 2, 3)),
                shown=frozenset(pins[f"HEADLINE_{position}"] for position in (1, 2)),
            ),
            _TextRule(
                name="descriptions",
                at_least=2,
                at_most=4,
                width=90,
                pins=frozenset(pins[f"DESCRIPTION_{position}"] for position in (1, 2)),
                shown=frozenset({pins["DESCRIPTION_1"]}),
            ),
        )

    def check(
        self, ad: Message, errors: Errors, path: Path, *, now: float, time_zone: str
    ) -> tuple[list[str], list[str]]:
        """Adds everything that is wrong with the ad; `path` leads to the ad itself. Gives its headlines and
        descriptions.
        """
        check_urls(ad, errors, path)
        if ad.final_app_urls:
            check_app_urls(ad, errors, path)
        if ad.url_collections:
            check_collections(ad, errors, path)
        rsa = ad.responsive_search_ad
        below = (*path, ("responsive_search_ad", None))
        first, second = self._rules
        headlines = _check_texts(rsa.headlines, first, errors, below, now=now, time_zone=time_zone)
        descriptions = _check_texts(rsa.descriptions, second, errors, below, now=now, time_zone=time_zone)
        path1, path2 = rsa.path1, rsa.path2
        if path2 and not path1:
            errors.add("AdError.CANNOT_SET_PATH2_WITHOUT_PATH1", (*below, ("path2", None)), trigger=path2)
        for name, text in (("path1", path1), ("path2", path2)):
            if text:
                _check_path(text, errors, (*below, (name, None)))
        return headlines, descriptions


def _check_path(text: str, errors: Errors, at: Path) -> None:
    facts = text_facts(text)
    if facts.problem:
        errors.add(facts.problem, at, trigger=text)
    elif "/" in text or facts.countdowns:
        errors.add("AdError.INVALID_INPUT", at, trigger=text)
    elif facts.width > _PATH_WIDTH:
        errors.add("StringLengthError.TOO_LONG", at, message="Too long.", trigger=text)


def _check_texts(
    assets: Iterable[Message], rule: _TextRule, errors: Errors, below: Path, *, now: float, time_zone: str
) -> list[str]:
    held = [*assets]  # each look at a repeated field would make its wrappers anew
    texts = [asset.text for asset in held]
    pinned = [pin for asset in held if (pin := asset.pinned_field)]
    if not rule.pins.issuperset(pinned):
        _check_pins(held, rule, errors, below)
    if not rule.at_least <= len(texts) <= rule.at_most:
        name = "TOO_FEW" if len(texts) < rule.at_least else "TOO_MANY"
        errors.add(f"CollectionSizeError.{name}", (*below, (rule.name, None)))
    elif pinned and len(rule.shown.difference(pinned)) > len(texts) - len(pinned):
        code = "AssetLinkError.NOT_ENOUGH_AVAILABLE_ASSET_LINKS_FOR_VALID_COMBINATION"
        errors.add(code, (*below, (rule.name, None)))
    distinct = set(texts)
    # What was plain in another ad is plain in this one: nearly all of a theme's texts are known here.
    may_repeat = len(distinct) != len(texts)
    for text in distinct - rule.plain:
        if _is_plain(text, rule.width):
            if len(rule.plain) > _MAX_PLAIN:
                rule.plain.clear()
            rule.plain.add(text)
            continue
        may_repeat = may_repeat or text != text.strip()
        at = (*below, (rule.name, texts.index(text)), ("text", None))
        _check_text(text, rule.width, errors, at, now=now, time_zone=time_zone)
    if may_repeat:
        _check_duplicates(texts, rule.name, errors, below)
    return texts


def _check_pins(assets: Iterable[Message], rule: _TextRule, errors: Errors, below: Path) -> None:
    for index, asset in enumerate(assets):
        if asset.pinned_field and asset.pinned_field not in rule.pins:
            at = (*below, (rule.name, index), ("pinned_field", None))
            errors.add(_pin_problem(asset.pinned_field), at)


def _pin_problem(pin: int) -> str:
    given = pin > 1 and pin in enum_values("ServedAssetFieldType").values()
    return "AssetLinkError.INVALID_PINNED_FIELD" if given else "EnumError.ENUM_VALUE_NOT_PERMITTED"


def _is_plain(text: str, width: int) -> bool:
    """Whether nothing is wrong with a text, today or later: without outer spaces and countdowns."""
    if not text or text != text.strip():
        return False
    if text.isascii() and text.isprintable() and "{" not in text and "}" not in text:
        return len(text) <= width
    facts = text_facts(text)
    return not facts.problem and not facts.countdowns and facts.width <= width


def _check_duplicates(texts: list[str], name: str, errors: Errors, below: Path) -> None:
    """The same text twice, outer spaces left out of account; the first of them is fine."""
    seen = set()
    for index, text in enumerate(texts):
        stripped = text.strip()
        if stripped and stripped in seen:
            errors.add("AssetError.DUPLICATE_ASSET", (*below, (name, index)), trigger=text)
        seen.add(stripped)


def _check_text(text: str, width: int, errors: Errors, at: Path, *, now: float, time_zone: str) -> None:
    """A text that is not plain."""
    facts = text_facts(text)
    if not text:
        errors.add("FieldError.REQUIRED", at)
    elif not text.strip():
        errors.add("StringLengthError.EMPTY", at, trigger=text)
    elif facts.problem:
        errors.add(facts.problem, at, trigger=text)
    elif facts.width > width:
        # Too many characters, or few enough that are too wide: both errors are seen in practice.
        code = "StringLengthError.TOO_LONG" if facts.length > width else "AdError.LINE_TOO_WIDE"
        errors.add(code, at, message="Too long.", trigger=text)
    elif any(is_past(date, now, time_zone) for _, date in facts.countdowns):
        errors.add("AdError.DATE_TIME_IN_COUNTDOWN_TAG_IS_PAST", at, trigger=text)
