"""What makes a responsive search ad valid, in the order of its fields. On the hot path: 10,000 ads a second pass here."""

from dataclasses import dataclass

from themaads_pipeline.emulator.ad_texts import is_past, text_facts
from themaads_pipeline.emulator.ad_urls import check_urls
from themaads_pipeline.emulator.failures import Errors, Path
from themaads_pipeline.emulator.messages import Message, enum_values


@dataclass(frozen=True, kw_only=True, slots=True)
class _TextRule:
    field: str
    at_least: int
    at_most: int
    width: int
    pins: frozenset[int]


class AdRules:
    """The documented limits of responsive search ads, with the enum numbers looked up once."""

    def __init__(self) -> None:
        pins = enum_values("ServedAssetFieldType")
        headline_pins = frozenset({0, pins["HEADLINE_1"], pins["HEADLINE_2"], pins["HEADLINE_3"]})
        description_pins = frozenset({0, pins["DESCRIPTION_1"], pins["DESCRIPTION_2"]})
        self._rules = (
            _TextRule(field="headlines", at_least=3, at_most=15, width=30, pins=headline_pins),
            _TextRule(field="descriptions", at_least=2, at_most=4, width=90, pins=description_pins),
        )

    def check(self, ad: Message, errors: Errors, path: Path, *, now: float, time_zone: str) -> None:
        """Adds everything that is wrong with the ad. `path` leads to the ad itself."""
        check_urls(ad, errors, path)
        rsa = ad.responsive_search_ad
        below = (*path, ("responsive_search_ad", None))
        for rule in self._rules:
            self._check_texts(rsa, rule, errors, below, now, time_zone)
        if rsa.path2 and not rsa.path1:
            errors.add("AdError.CANNOT_SET_PATH2_WITHOUT_PATH1", (*below, ("path2", None)), trigger=rsa.path2)
        for name in ("path1", "path2"):
            text = getattr(rsa, name)
            if text and text_facts(text).width > 15:
                errors.add(
                    "StringLengthError.TOO_LONG", (*below, (name, None)), message="Too long.", trigger=text
                )
            if "/" in text:
                errors.add("AdError.INVALID_INPUT", (*below, (name, None)), trigger=text)

    @staticmethod
    def _check_texts(
        rsa: Message, rule: _TextRule, errors: Errors, below: Path, now: float, time_zone: str
    ) -> None:
        assets = getattr(rsa, rule.field)
        if not rule.at_least <= len(assets) <= rule.at_most:
            name = "TOO_FEW" if len(assets) < rule.at_least else "TOO_MANY"
            errors.add(f"CollectionSizeError.{name}", (*below, (rule.field, None)))
        seen: set[str] = set()
        for index, asset in enumerate(assets):
            text = asset.text
            facts = text_facts(text)
            if text in seen:
                errors.add("AssetError.DUPLICATE_ASSET", (*below, (rule.field, index)), trigger=text)
            seen.add(text)
            if asset.pinned_field not in rule.pins:
                at = (*below, (rule.field, index), ("pinned_field", None))
                errors.add("AssetLinkError.INVALID_PINNED_FIELD", at)
            if facts.width <= rule.width and facts.width and not facts.problem and not facts.countdowns:
                continue
            at = (*below, (rule.field, index), ("text", None))
            if not text:
                errors.add("FieldError.REQUIRED", at)
            if facts.problem:
                errors.add(facts.problem, at, trigger=text)
            elif facts.width > rule.width:
                # Too many characters, or few enough that are too wide: both errors are seen in practice.
                code = "StringLengthError.TOO_LONG" if facts.length > rule.width else "AdError.LINE_TOO_WIDE"
                errors.add(code, at, message="Too long.", trigger=text)
            elif any(is_past(date, now, time_zone) for _, date in facts.countdowns):
                errors.add("AdError.DATE_TIME_IN_COUNTDOWN_TAG_IS_PAST", at, trigger=text)
