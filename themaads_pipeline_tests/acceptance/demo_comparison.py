"""Compares what accounts hold after an upload with the hand-written expectation, `expected/demo.yaml`.

Imports nothing of the pipeline: what a theme's year is, and what an edge of the clock does, is said here
again in a few lines, so that a misreading on one side shows.
"""

import calendar
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
ItemKey = tuple[str, int, str]  # customer id with dashes, ad group id, edition

ORIGINAL = "THEMA_ORIGINAL"
_HEADLINES, _DESCRIPTIONS = 15, 4
_NEW_AD_FIELDS = (
    "headlines", "descriptions", "path1", "path2", "final_urls", "final_mobile_urls", "tracking_url_template",
    "final_url_suffix", "url_custom_parameters", "status", "type", "labels", "policy_topics",
)  # fmt: skip
_FORMULAS = ("=", "+", "-", "@")


@dataclass(frozen=True, kw_only=True)
class AccountState:
    """One account as the emulator shows it: ads and labels by id, ad groups by id."""

    time_zone: str
    ads: dict[int, Row]
    labels: dict[int, Row]
    ad_groups: dict[int, Row]


State = dict[str, AccountState]  # by customer id with dashes


def dashed(customer_id: str | int) -> str:
    """1234567890 as 123-456-7890."""
    digits = str(customer_id).replace("-", "")
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    thursdays = [
        week[calendar.THURSDAY] for week in calendar.monthcalendar(year, 11) if week[calendar.THURSDAY]
    ]
    return date(year, 11, thursdays[3]) + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Editions:
    """The next editions at a moment: `years` fills placeholders, `ends` are the first days after."""

    now: datetime
    years: dict[str, int]
    ends: dict[str, date]

    @classmethod
    def at(cls, now: datetime) -> "Editions":
        """On its last day an edition is still the next one; the day is that of UTC."""
        today = now.astimezone(UTC).date()
        # Black Friday lasts until the Sunday after, Christmas until 26 December.
        bf = next(
            year for year in (today.year, today.year + 1) if black_friday(year) + timedelta(days=2) >= today
        )
        kerst = next(year for year in (today.year, today.year + 1) if date(year, 12, 26) >= today)
        return cls(
            now=now,
            years={"bf_year": bf, "kerst_year": kerst},
            ends={"black_friday": black_friday(bf) + timedelta(days=3), "kerstmis": date(kerst, 12, 27)},
        )

    def filled(self, text: str) -> str:
        """The text with years in it."""
        for name, year in self.years.items():
            text = text.replace(f"{{{name}}}", str(year))
        return text

    def is_over(self, theme: str, time_zone: str) -> bool:
        """Whether the edition's last day has ended on an account's clock, hours ahead of ours perhaps."""
        return self.now.astimezone(ZoneInfo(time_zone)).date() >= self.ends[theme]

    def counts_down(self, theme: str, time_zone: str) -> bool:
        """Whether there is more than an hour left to count down."""
        wall_clock = self.now.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)
        return datetime.combine(self.ends[theme], time.min) > wall_clock + timedelta(hours=1)


@dataclass(kw_only=True)
class Expectation:
    """One item that is expected, with its placeholders filled; `ad` is the new one, where there is one."""

    key: ItemKey
    label: str
    outcome: str
    lines: list[int]
    reason: str | None = None
    category: str = ""
    topics: list[str] = field(default_factory=list)
    trigger: str | None = None
    copied: int | None = None
    labels_original: bool = False
    present: int | None = None
    labels_present: bool = False
    ad: Row | None = None


def expectations(expected: Row, editions: Editions, before: State) -> list[Expectation]:
    """Every item that the file must lead to."""
    found = []
    for customer_id, account in expected["accounts"].items():
        state = before.get(customer_id)
        time_zone = state.time_zone if state else "UTC"
        for item in account["items"]:
            theme = item.get("theme", "black_friday")
            texts = expected["themes"][theme]
            one = Expectation(
                key=(customer_id, item["ad_group"], editions.filled(texts["edition"])),
                label=editions.filled(texts["label"]),
                outcome=item["outcome"],
                lines=item["lines"],
            )
            found.append(one)
            if account.get("mutates", True) and editions.is_over(theme, time_zone):
                one.outcome, one.category, one.reason = "failed", "invalid", "edition_over"
                continue
            one.reason = item.get("reason") or item.get("code")
            one.category, one.trigger = item.get("category", ""), item.get("trigger")
            one.topics = item.get("topics", [])
            if "present" in item:
                one.present = int(editions.filled(str(item["present"])))
                one.labels_present = item.get("present_gets_label", False)
            if one.outcome == "done":
                one.reason, one.copied = "", item["copied"]
                one.labels_original = item.get("original_label") != "there"
                one.ad = _new_ad(item, texts, one, theme=theme, editions=editions, time_zone=time_zone)
    return found


def _new_ad(
    item: Row, texts: Row, one: Expectation, *, theme: str, editions: Editions, time_zone: str
) -> Row:
    counts_down = editions.counts_down(theme, time_zone)
    end = f"{editions.ends[theme]} 00:00:00"

    def filled_up(own: list[Any], themed: list[str], most: int) -> list[Row]:
        fitting = [
            text.replace("{end}", end)
            for text in themed
            if text not in item.get("without", ()) and (counts_down or "{end}" not in text)
        ]
        pinned = [text if isinstance(text, dict) else {"text": text, "pinned": None} for text in own]
        return [*pinned, *({"text": text, "pinned": None} for text in fitting)][:most]

    parameters = item.get("url_custom_parameters", {"themaedition": one.key[2]})
    return {
        "ad_group_id": item["ad_group"],
        "headlines": filled_up(item["headlines"], texts["headlines"], _HEADLINES),
        "descriptions": filled_up(item["descriptions"], texts["descriptions"], _DESCRIPTIONS),
        "path1": texts["path1"],
        "path2": item.get("path2", ""),
        "final_urls": item["final_urls"],
        "final_mobile_urls": item.get("final_mobile_urls", []),
        "tracking_url_template": item.get("tracking_url_template", ""),
        "final_url_suffix": item.get("final_url_suffix", ""),
        "url_custom_parameters": {key: editions.filled(str(value)) for key, value in parameters.items()},
        "status": "PAUSED",
        "type": "RESPONSIVE_SEARCH_AD",
        "labels": [one.label],
        "policy_topics": [],
    }


def compare(
    before: State,
    after: State,
    *,
    outcomes: Iterable[Row],
    rejected: Iterable[Row],
    expected: Row,
    now: datetime,
) -> list[str]:
    """Everything that differs, each a sentence; none is as it should be."""
    editions = Editions.at(now)
    items = expectations(expected, editions, before)
    new_ads: dict[ItemKey, int] = {}
    problems = [f"{customer_id} has gone or come" for customer_id in before.keys() ^ after.keys()]
    for customer_id in before:
        own = [item for item in items if item.key[0] == customer_id]
        names = [
            editions.filled(name) for name in expected["accounts"].get(customer_id, {}).get("new_labels", ())
        ]
        problems += _account_problems(
            customer_id,
            before[customer_id],
            after[customer_id],
            items=own,
            label_names=names,
            new_ads=new_ads,
        )
    problems += _outcome_problems(list(outcomes), items, new_ads, before)
    problems += _rejected_problems(list(rejected), expected["rejected"])
    return problems


def _account_problems(
    customer_id: str,
    before: AccountState,
    after: AccountState,
    *,
    items: list[Expectation],
    label_names: list[str],
    new_ads: dict[ItemKey, int],
) -> Iterator[str]:
    """Differences in one account; the new ads' ids go into `new_ads`."""
    made = {ad_id: ad for ad_id, ad in after.ads.items() if ad_id not in before.ads}
    for item in items:
        if item.ad is None:
            continue
        mine = [
            ad_id
            for ad_id, ad in made.items()
            if (ad["ad_group_id"], ad["path1"]) == (item.key[1], item.ad["path1"])
        ]
        if len(mine) != 1:
            yield f"{item.key}: {len(mine)} new ads instead of one"
            continue
        new_ads[item.key] = mine[0]
        ad = made.pop(mine[0])
        for name in _NEW_AD_FIELDS:
            if ad[name] != item.ad[name]:
                yield f"{item.key}: the new ad's {name} is {ad[name]!r} instead of {item.ad[name]!r}"
    for ad_id, ad in made.items():
        yield f"{customer_id}: nobody expected ad {ad_id} in ad group {ad['ad_group_id']}: {ad}"
    added: dict[int, Counter[str]] = {}
    for item in items:
        if item.copied is not None and item.labels_original:
            added[item.copied] = Counter([ORIGINAL])  # once, for how many themes it may be copied
        if item.present is not None and item.labels_present:
            added[item.present] = Counter([item.label])
    for ad_id, ad in before.ads.items():
        was = _without(ad, "labels", "label_ids") | {
            "names": Counter(ad["labels"]) + added.get(ad_id, Counter())
        }
        now = after.ads.get(ad_id, {})
        now = _without(now, "labels", "label_ids") | {"names": Counter(now.get("labels", ()))}
        if now != was:
            yield f"{customer_id}: ad {ad_id} is {now} instead of {was}"
    in_use = {name for item in items if item.ad or item.labels_present for name in (ORIGINAL, item.label)}
    wanted = Counter(name for name in label_names if name in in_use)
    came = Counter(label["name"] for label_id, label in after.labels.items() if label_id not in before.labels)
    if came != wanted:
        yield f"{customer_id}: the labels {dict(came)} were made instead of {dict(wanted)}"
    for label_id, label in before.labels.items():
        if after.labels.get(label_id) != label:
            yield f"{customer_id}: label {label_id} is {after.labels.get(label_id)} instead of {label}"
    for ad_group_id, ad_group in before.ad_groups.items():
        ad_group_now = after.ad_groups.get(ad_group_id, {})
        if _without(ad_group_now, "ads") != _without(ad_group, "ads"):
            yield f"{customer_id}: ad group {ad_group_id} is {ad_group_now} instead of {ad_group}"


def _outcome_problems(
    outcomes: list[Row], items: list[Expectation], new_ads: Mapping[ItemKey, int], before: State
) -> Iterator[str]:
    rows: dict[ItemKey, Row] = {}
    for row in outcomes:
        key = (row["customer_id"], int(row["ad_group_id"]), row["edition"])
        if key in rows:
            yield f"outcomes: {key} stands there twice"
        rows[key] = row
        yield from (
            f"outcomes: {key}: {name} is a formula: {cell!r}"
            for name, cell in row.items()
            if cell.startswith(_FORMULAS)
        )
    for key in rows.keys() - {item.key for item in items}:
        yield f"outcomes: nobody expected {rows[key]}"
    for item in items:
        found = rows.get(item.key)
        if found is None:
            yield f"outcomes: {item.key} is missing"
            continue
        new_ad_id = new_ads.get(item.key) or item.present
        labels = [
            *([item.label] if item.ad or item.labels_present else []),
            *([ORIGINAL] if item.labels_original else []),
        ]
        wanted = {
            "outcome": item.outcome,
            "category": item.category,
            "lines": " ".join(map(str, item.lines)),
            "new_ad_id": str(new_ad_id or ""),
            "policy_topics": " ".join(item.topics),
        }
        if item.copied is not None:
            wanted["copied_ad_id"] = str(item.copied)
        if item.reason is not None:
            wanted["reason"] = item.reason
        if item.trigger is not None:
            wanted["trigger"] = item.trigger
        ad_group = before[item.key[0]].ad_groups.get(item.key[1]) if item.key[0] in before else None
        if ad_group is not None and item.category != "account":
            wanted |= {"ad_group_name": ad_group["name"], "campaign_name": ad_group["campaign_name"]}
        for name, value in wanted.items():
            # An apostrophe keeps a spreadsheet from taking a name for a formula.
            cell = found[name].removeprefix("'") if name.endswith("_name") else found[name]
            if cell != value and cell.replace(";' ", "; ") != value:
                yield f"outcomes: {item.key}: {name} is {cell!r} instead of {value!r} ({found['message']})"
        attached = [name for name in found["labels_attached"].split(", ") if name]
        # One original that is copied for two themes gets its label once, with whichever comes first.
        if set(attached) - {ORIGINAL} != set(labels) - {ORIGINAL} or not set(attached) <= set(labels):
            yield f"outcomes: {item.key}: labels {attached} were attached instead of {labels}"


def _rejected_problems(rejected: list[Row], expected: list[Row]) -> Iterator[str]:
    found = Counter((int(row["line"]), row["reason"]) for row in rejected)
    wanted = Counter((row["line"], row["reason"]) for row in expected)
    for line, reason in sorted((found - wanted).elements()):
        yield f"rejected: nobody expected line {line}: {reason}"
    for line, reason in sorted((wanted - found).elements()):
        yield f"rejected: line {line} with {reason} is missing"
    yield from (f"rejected: line {row['line']} has no text" for row in rejected if not row["row"].strip())
    yield from (
        f"rejected: line {row['line']} has no message" for row in rejected if not row["message"].strip()
    )


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}
