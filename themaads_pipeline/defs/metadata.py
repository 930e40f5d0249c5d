"""What a person sees beside a materialization: counts that Dagster plots, and tables."""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.reports.page import picture_of
from themaads_pipeline.reports.words import share
from themaads_pipeline.settings import Settings

__all__ = [
    "Metadata",
    "accounts_chart",
    "accounts_table",
    "counts_of",
    "course_chart",
    "links_of",
    "policy_metadata",
    "rejected_metadata",
    "speed",
    "table",
]

Metadata = dict[str, dg.MetadataValue[Any]]

SHOWN_ROWS = 100  # of a table; the report's files have all
_LONGEST_TEXT = 300
_CHARTED_ACCOUNTS = 25
_BAR = 24  # characters
_SPANS = 60
_Cell = str | int | float | None


def table(columns: Sequence[str], rows: Iterable[Sequence[_Cell]]) -> dg.MetadataValue[Any]:
    """A table of text; numbers get thousands separators."""
    records = [
        dg.TableRecord({name: _shown(cell) for name, cell in zip(columns, row, strict=True)}) for row in rows
    ]
    schema = dg.TableSchema(columns=[dg.TableColumn(name=name) for name in columns])
    return dg.MetadataValue.table(records, schema)


def counts_of(progress: Progress) -> Metadata:
    """Items by outcome as plain numbers, so that Dagster plots them over the uploads."""
    left = progress.total - progress.final
    return {
        "upload": dg.MetadataValue.text(f"#{progress.number} {progress.file_name}"),
        "items": dg.MetadataValue.int(progress.total),
        "done": dg.MetadataValue.int(progress.done),
        "skipped": dg.MetadataValue.int(progress.skipped),
        "failed": dg.MetadataValue.int(progress.failed),
        "left": dg.MetadataValue.int(left),
        "rejected_rows": dg.MetadataValue.int(progress.rejected),
    }


def shares_of(progress: Progress) -> Metadata:
    """The same as shares, 0 to 1: uploads of all sizes can be compared in one plot."""
    total = progress.total or 1
    return {
        "done_share": dg.MetadataValue.float(round(progress.done / total, 4)),
        "failed_share": dg.MetadataValue.float(round(progress.failed / total, 4)),
    }


def course_chart(ledger: Ledger, progress: Progress) -> dg.MetadataValue[Any]:
    """How it went, as a picture: ads a second, the runs that made them, where one died; and the outcomes."""
    number = progress.number
    picture = picture_of(
        ledger.looks.about([number])[number],
        ledger.looks.stages(number),
        ledger.looks.answered(number, spans=_SPANS),
    )
    encoded = base64.b64encode(picture.encode()).decode() if picture else ""
    counts = {
        "ads made, PAUSED": progress.done,
        "skipped": progress.skipped,
        "failed": progress.failed,
        "to do": progress.total - progress.final,
    }
    lines = [
        f"| {words} | {count:,} | {share(count, progress.total)} | {_bar(count, progress.total)} |"
        for words, count in counts.items()
    ]
    image = [f"![Ads a second over time](data:image/svg+xml;base64,{encoded})", ""] if encoded else []
    return dg.MetadataValue.md(
        "\n".join([*image, "| outcome | ad groups | share | |", "|---|---:|---:|---|", *lines])
    )


def accounts_chart(ledger: Ledger, upload: int) -> dg.MetadataValue[Any]:
    """Bars of the accounts by outcome, those with most failures first: █ made ▒ skipped ▚ failed ░ to do."""
    counts = ledger.outcomes.counts_by_account(upload)
    ranked = sorted(
        counts.items(), key=lambda pair: (-pair[1].get(ItemState.FAILED, 0), -sum(pair[1].values()), pair[0])
    )
    lines = []
    for customer_id, states in ranked[:_CHARTED_ACCOUNTS]:
        total, failed = sum(states.values()), states.get(ItemState.FAILED, 0)
        final = [states.get(state, 0) for state in (ItemState.DONE, ItemState.SKIPPED)] + [failed]
        shown = f"`{_bar_of([*final, total - sum(final)], total)}`"
        lines.append(f"| {dashed(customer_id)} | {shown} | {total:,} | {failed:,} | {share(failed, total)} |")
    more = len(ranked) - _CHARTED_ACCOUNTS
    return dg.MetadataValue.md(
        "\n".join(
            [
                "█ made, ▒ skipped, ▚ failed, ░ to do",
                "",
                "| account | | ad groups | failed | share |",
                "|---|---|---:|---:|---:|",
                *lines,
                *(["", f"and {more:,} more accounts"] if more > 0 else []),
            ]
        )
    )


def links_of(settings: Settings, upload: int) -> Metadata:
    """Where else it can be looked at."""
    if settings.dashboard_url is None:
        return {}
    return {"dashboard": dg.MetadataValue.url(f"{settings.dashboard_url.rstrip('/')}/uploads/{upload}")}


def outcomes_table(ledger: Ledger, upload: int) -> dg.MetadataValue[Any]:
    """Items by outcome and reason, with an example of what was said."""
    return table(
        ("outcome", "kind", "reason", "items", "example"),
        (
            (row["state"], row["category"], row["code"], row["items"], row["example"])
            for row in ledger.outcomes.counts_by_reason(upload)[:SHOWN_ROWS]
        ),
    )


def accounts_table(ledger: Ledger, upload: int) -> dg.MetadataValue[Any]:
    """Items of each account by outcome, the account with most first."""
    states = (ItemState.DONE, ItemState.SKIPPED, ItemState.FAILED)
    by_size = sorted(
        ledger.outcomes.counts_by_account(upload).items(), key=lambda account: -sum(account[1].values())
    )
    rows: list[tuple[_Cell, ...]] = []
    for customer_id, counts in by_size[:SHOWN_ROWS]:
        total, final = sum(counts.values()), [counts.get(state, 0) for state in states]
        rows.append((dashed(customer_id), total, *final, total - sum(final)))
    return table(("account", "items", "done", "skipped", "failed", "left"), rows)


def policy_metadata(ledger: Ledger, upload: int) -> Metadata:
    """Google's policy topics with what triggered them, most first; nothing where it refused nothing."""
    patterns = ledger.outcomes.policy_patterns(upload)
    if not patterns:
        return {}
    found = table(
        ("policy", "type", "text or page", "items", "share", "accounts", "examples: ad groups"),
        (
            (
                pattern.topic,
                pattern.type,
                pattern.trigger,
                pattern.items,
                f"{pattern.share:.1%}",
                pattern.accounts,
                ", ".join(f"{each.ad_group_id} {each.name}".strip() for each in pattern.examples),
            )
            for pattern in patterns[:SHOWN_ROWS]
        ),
    )
    return {"policy_patterns": found}


def rejected_metadata(ledger: Ledger, upload: int) -> Metadata:
    """Rows that could not be used: by reason, and the first hundred of them."""
    by_reason = ledger.outcomes.rejected_by_reason(upload)
    if not by_reason:
        return {}
    first = ledger.outcomes.rejected_rows(upload, limit=SHOWN_ROWS)
    return {
        "rejected_by_reason": table(("reason", "rows"), by_reason.items()),
        "rejected_rows_first_100": table(
            ("line", "reason", "message", "row"),
            ((str(row.line), row.reason, row.message, row.raw) for row in first),
        ),
    }


def calls_table(calls: Mapping[str, int]) -> dg.MetadataValue[Any]:
    """Requests to Google Ads by method, most first."""
    return table(("method", "requests"), Counter(calls).most_common())


def in_words(counts: Mapping[str, int]) -> str:
    """Counts in one line.

    >>> in_words({"no_theme": 1200, "bad_customer_id": 3})
    '1,200 no_theme, 3 bad_customer_id'
    """
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def speed(items: int, seconds: float) -> Metadata:
    """How long it took, and how many items a second that is."""
    return {
        "duration_s": dg.MetadataValue.float(round(seconds, 1)),
        "items_per_s": dg.MetadataValue.float(round(items / seconds, 1) if seconds > 0 else 0.0),
    }


def _bar(part: int, whole: int) -> str:
    """A part of a whole, in characters.

    >>> _bar(1, 2)
    '████████████'
    """
    return "█" * max(round(_BAR * part / whole), 1 if part else 0) if whole else ""


def _bar_of(counts: Sequence[int], total: int) -> str:
    return "".join(
        sign * max(round(_BAR * count / total), 1 if count else 0)
        for sign, count in zip("█▒▚░", counts, strict=True)
    )


def _shown(cell: _Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int):
        return f"{cell:,}"
    return str(cell)[:_LONGEST_TEXT]
