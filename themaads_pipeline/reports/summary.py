"""What happened to an upload, in plain words, and what to do next: Markdown that reads well as text too."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from themaads_pipeline.ledger.outcomes import Example, PolicyPattern
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.items import FINAL_STATES, ItemState
from themaads_pipeline.model.outcomes import Category, SkipReason
from themaads_pipeline.model.uploads import Upload, UploadStatus

_MOST_LINES = 15  # of one table; the CSV files have all
_LONGEST_CELL = 200  # characters
_FEW = 3  # ad groups that stand for others

SKIPPED_BECAUSE: Mapping[str, str] = {
    SkipReason.ALREADY_PRESENT: "the ad group has this edition's ad already",
    SkipReason.NO_AD_TO_COPY: "the ad group has no responsive search ad to copy",
    SkipReason.ONLY_THEMED_ADS: "the ad group has themed ads only, and those are never copied",
    SkipReason.NO_FINAL_URL: "none of its ads has a final URL",
    SkipReason.AD_GROUP_REMOVED: "the ad group was removed, or is not in this account",
    SkipReason.CAMPAIGN_REMOVED_OR_ENDED: "the campaign was removed or has ended",
    SkipReason.UNSUPPORTED_AD_GROUP_TYPE: "the ad group is not of the type for search ads",
    SkipReason.EXPERIMENT_CAMPAIGN: "the campaign belongs to an experiment",
    SkipReason.ONLY_DISAPPROVED_ADS: "Google disapproved every ad that could be copied",
}
WHAT_TO_DO: Mapping[str, str] = {
    Category.POLICY: "Change the text or page that Google names, or ask Google for an exception; "
    "trying again without a change fails again.",
    Category.INVALID: "Repair the ad or ad group as the message says, then `themaads retry {number}`.",
    Category.ACCOUNT: "Repair the account or our access to it, then `themaads retry {number} "
    "--category account`.",
    Category.TEMPORARY: "`themaads retry {number} --category temporary`: it may go well now.",
    Category.TECHNICAL: "`themaads retry {number} --category technical` once; if it fails again, report it "
    "with its code.",
}


@dataclass(kw_only=True)
class Counts:
    """What is counted while the outcomes are written, so that summary and files agree."""

    states: Counter[str] = field(default_factory=Counter)
    accounts: dict[int, Counter[str]] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)  # category, code
    examples: dict[tuple[str, str], str] = field(default_factory=dict)
    failed_ad_groups: dict[tuple[str, str], list[Example]] = field(default_factory=dict)  # a few of each
    new_ads: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # rows by reason

    def add(self, item: Mapping[str, Any]) -> None:
        """Count one item."""
        state = item["state"]
        self.states[state] += 1
        self.accounts.setdefault(item["customer_id"], Counter())[state] += 1
        if state == ItemState.SKIPPED:
            self.skipped[item["code"] or ""] += 1
        else:
            self.new_ads += item["new_ad_id"] is not None
        if state == ItemState.FAILED:
            key = item["category"] or "", item["code"] or ""
            self.failed[key] += 1
            self.examples.setdefault(key, item["message"] or "")
            few = self.failed_ad_groups.setdefault(key, [])
            if len(few) < _FEW:
                few.append(
                    Example(
                        customer_id=item["customer_id"],
                        ad_group_id=item["ad_group_id"],
                        name=item["ad_group_name"] or "",
                    )
                )

    @property
    def total(self) -> int:
        """All items."""
        return self.states.total()

    @property
    def open(self) -> int:
        """Items that are not final."""
        return self.total - sum(self.states[state] for state in FINAL_STATES)


def summary_of(
    upload: Upload,
    counts: Counts,
    *,
    accounts: Mapping[int, Account],
    edition_labels: Mapping[str, str],
    policy: Sequence[PolicyPattern],
) -> str:
    """The summary, from what was counted while the files were written."""
    sections = [
        f"# Upload #{upload.number}: {_text(upload.file_name)}\n\n`{upload.key}`",
        _what_happened(upload, counts),
        _paused(counts, sorted(edition_labels.values())) if counts.new_ads else "",
        _failures(upload, counts),
        _policy(policy, counts),
        _skipped(counts),
        _rejected(counts),
        _accounts(counts, accounts),
        _files(upload, counts),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _what_happened(upload: Upload, counts: Counts) -> str:
    if counts.total == 0:
        first = "No row of this file became an item."
    else:
        first = (
            f"{_many(counts.total, 'ad group')} in {_many(len(counts.accounts), 'account')}: "
            f"{counts.states[ItemState.DONE]:,} got a themed ad, {counts.states[ItemState.SKIPPED]:,} needed "
            f"none or could have none, {counts.states[ItemState.FAILED]:,} failed."
        )
    if counts.open:
        first += f" **Not finished: {_many(counts.open, 'ad group')} still to do.**"
    if counts.rejected:
        first += f" {_many(counts.rejected.total(), 'row')} of the file could not be used."
    if upload.message and upload.status != UploadStatus.FINISHED:
        first += f"\n\nStatus: {upload.status}. {_text(upload.message)}"
    return first


def _paused(counts: Counts, labels: Sequence[str]) -> str:
    named = " or ".join(f"`{label}`" for label in labels)
    return (
        "## The new ads are PAUSED\n\n"
        f"All {_many(counts.new_ads, 'new ad')} were created **paused**: not one of them is shown to anybody "
        "until you enable it.\n\n"
        "1. In Google Ads, choose the account (or the manager account, for all at once) and open "
        "*Campaigns > Ads*.\n"
        f"2. Filter on *Label* {named} and on *Ad status: Paused*.\n"
        "3. Look at a few, select all, and choose *Edit > Enable*.\n\n"
        "The ads that were copied carry the label `THEMA_ORIGINAL` and are as they were. The ids of both are "
        "in outcomes.csv."
    )


def _failures(upload: Upload, counts: Counts) -> str:
    if not counts.failed:
        return ""
    lines = _table(
        ("ad groups", "kind", "code", "example"),
        (
            (f"{items:,}", category, code, counts.examples[category, code])
            for (category, code), items in _most(counts.failed)
        ),
    )
    categories = sorted({category for category, _ in counts.failed})
    remedies = "\n".join(
        f"- **{category}**: {WHAT_TO_DO[category].format(number=upload.number)}"
        for category in categories
        if category in WHAT_TO_DO
    )
    return f"## What failed\n\n{lines}{_left_out(counts.failed)}\n\n{remedies}"


def _policy(patterns: Sequence[PolicyPattern], counts: Counts) -> str:
    if not patterns:
        return ""
    lines = _table(
        ("topic", "type", "text or page", "ad groups", "share", "accounts", "examples"),
        (
            (
                each.topic,
                each.type,
                each.trigger,
                f"{each.items:,}",
                f"{each.items / counts.total:.1%}" if counts.total else "",
                f"{each.accounts:,}",
                ", ".join(example.name or str(example.ad_group_id) for example in each.examples),
            )
            for each in patterns[:_MOST_LINES]
        ),
    )
    more = len(patterns) - _MOST_LINES
    left_out = f"\n\n... and {more:,} more in outcomes.csv." if more > 0 else ""
    return (
        f"## Google's policy\n\n{lines}{left_out}\n\n"
        "One bad text can be the cause of many lines in outcomes.csv: start at the top. A text or page that "
        "Google names is remembered, and not sent again in that account: `themaads lessons`."
    )


def _skipped(counts: Counts) -> str:
    if not counts.skipped:
        return ""
    lines = _table(
        ("ad groups", "because", "reason"),
        ((f"{items:,}", SKIPPED_BECAUSE.get(reason, ""), reason) for reason, items in _most(counts.skipped)),
    )
    return f"## What was skipped\n\n{lines}"


def _rejected(counts: Counts) -> str:
    if not counts.rejected:
        return ""
    lines = _table(("rows", "reason"), ((f"{rows:,}", reason) for reason, rows in _most(counts.rejected)))
    return f"## Rows that could not be used\n\n{lines}\n\nEach is in rejected_rows.csv, with what to do."


def _accounts(counts: Counts, accounts: Mapping[int, Account]) -> str:
    if not counts.accounts:
        return ""
    ranked = sorted(counts.accounts.items(), key=lambda pair: (-pair[1][ItemState.FAILED], pair[0]))
    lines = _table(
        ("account", "name", "done", "skipped", "failed", "to do"),
        (
            (
                dashed(customer_id),
                account.name if (account := accounts.get(customer_id)) else "",
                f"{states[ItemState.DONE]:,}",
                f"{states[ItemState.SKIPPED]:,}",
                f"{states[ItemState.FAILED]:,}",
                f"{states.total() - sum(states[state] for state in FINAL_STATES):,}",
            )
            for customer_id, states in ranked[:_MOST_LINES]
        ),
    )
    return f"## Accounts\n\n{lines}{_left_out(counts.accounts)}"


def _files(upload: Upload, counts: Counts) -> str:
    failed = (
        f"the {_many(counts.states[ItemState.FAILED], 'failed ad group')}; upload it again, or run "
        f"`themaads retry {upload.number}`, once the cause is gone"
        if counts.states[ItemState.FAILED]
        else "the failed ad groups: none"
    )
    return (
        "## Files\n\n"
        "- outcomes.csv: every ad group with its outcome, both ads and the labels that were attached\n"
        f"- failed_items.csv: {failed}\n"
        "- rejected_rows.csv: rows of the file that could not be used, with the reason\n\n"
        "Texts that a spreadsheet could take for a formula begin with an apostrophe in these files."
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _most(counter: Counter[Any]) -> list[tuple[Any, int]]:
    """The largest first; equal ones in the order of their names, so that two reports agree."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_LINES]


def _left_out(lines: Mapping[Any, Any]) -> str:
    more = len(lines) - _MOST_LINES
    return f"\n\n... and {more:,} more in outcomes.csv." if more > 0 else ""


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _text(text: str) -> str:
    """Somebody else's text, such that Markdown takes nothing in it for markup."""
    short = text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
    spaced = " ".join("".join(c if c.isprintable() else " " for c in short).split())
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", spaced)
