"""An upload's report as one HTML file: no network, no script, nothing that a text in it could turn.

It is what people forward, so it says what happened, what failed and why, and what to do next, in this order.
The same ledger gives the same bytes: no time of writing is in it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from themaads_pipeline.ledger.looks import AboutUpload, Answered, Stage
from themaads_pipeline.ledger.outcomes import Example, PolicyPattern
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.items import FINAL_STATES, ItemState, RejectedRow
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.reports.charts import Part, course_of, parts_of
from themaads_pipeline.reports.next_steps import next_steps
from themaads_pipeline.reports.story import at_work_s, runs_of
from themaads_pipeline.reports.summary import SKIPPED_BECAUSE, WHAT_TO_DO, Counts
from themaads_pipeline.reports.words import STATUSES, clean, duration, many, moment, per_second, share

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

__all__ = ["Told", "page_of", "picture_of"]

_MOST_LINES = 15  # of one table; the CSV files have all
_MOST_RUNS = 12
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What the ledger tells of an upload beside its items."""

    about: AboutUpload
    stages: Sequence[Stage]  # the newest first
    answered: Sequence[Answered]
    policy: Sequence[PolicyPattern]
    rejected: Sequence[RejectedRow]  # the first of each reason


def page_of(
    upload: Upload,
    counts: Counts,
    told: Told,
    *,
    accounts: Mapping[int, Account],
    edition_labels: Mapping[str, str],
    directory: AnyPath,
) -> str:
    """The report.

    Args:
        upload: As it is now.
        counts: As they were counted for the files, so that page and files agree.
        told: The rest.
        accounts: For their names.
        edition_labels: The label of each edition in it.
        directory: Where the files are, for commands.
    """
    runs = runs_of(told.stages, told.about)
    labels = sorted(edition_labels.values())
    worked_s = at_work_s(runs)
    final = counts.total - counts.open
    finished = told.about.finished_at if upload.status is UploadStatus.FINISHED else None
    rejected = counts.rejected.total()
    return _template("report.html").render(
        upload=upload,
        about=told.about,
        counts=counts,
        editions=[edition.replace("_", " ").capitalize() for edition in sorted(edition_labels)],
        status_words=STATUSES[upload.status],
        done=counts.states[ItemState.DONE],
        skipped=counts.states[ItemState.SKIPPED],
        failed=counts.states[ItemState.FAILED],
        rejected=rejected,
        parts=_parts(counts.states),
        finished_at=finished,
        took_s=(finished - told.about.created_at).total_seconds() if finished else None,
        worked_s=worked_s,
        rate=final / worked_s if worked_s and final else None,
        runs=runs[-_MOST_RUNS:],
        runs_before=max(len(runs) - _MOST_RUNS, 0),
        deaths=sum(run.ended_badly for run in runs),
        course=course_of(told.answered, runs),
        failures=_failures(upload, counts, accounts),
        failures_left_out=max(len(counts.failed) - _MOST_LINES, 0),
        patterns=[(pattern, _names(pattern.examples, accounts)) for pattern in told.policy[:_MOST_LINES]],
        patterns_left_out=max(len(told.policy) - _MOST_LINES, 0),
        skips=[(items, SKIPPED_BECAUSE.get(reason, ""), reason) for reason, items in _most(counts.skipped)],
        rejections=[
            (rows, reason, [row for row in told.rejected if row.reason == reason])
            for reason, rows in _most(counts.rejected)
        ],
        account_rows=_account_rows(counts, accounts),
        accounts_left_out=max(len(counts.accounts) - _MOST_LINES, 0),
        steps=next_steps(upload, counts, labels=labels, directory=directory),
        longest=max(counts.failed.values(), default=0),
    )


def picture_of(about: AboutUpload, stages: Sequence[Stage], answered: Sequence[Answered]) -> str | None:
    """The report's chart as an SVG of its own; None where there is nothing to see."""
    course = course_of(answered, runs_of(stages, about))
    return None if course is None else _template("picture.svg").render(course=course)


@cache
def _template(name: str) -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - commands need none

    environment = Environment(
        loader=PackageLoader("themaads_pipeline.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clean": clean,
        "count": lambda number: f"{number:,}",
        "duration": duration,
        "moment": moment,
        "per_second": per_second,
        "prose": _prose,
    }
    environment.globals |= {"many": many, "share": share, "dashed": dashed}
    return environment.get_template(name)


def _prose(text: str) -> "Markup":
    """A message of ours or Google's: never markup, but commands in it look like commands."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - comes with jinja2

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(clean(text, 600)))))  # noqa: S704 - escaped here


def _parts(states: Counter[str]) -> tuple[Part, ...]:
    final = [(state, states[state]) for state in (ItemState.DONE, ItemState.SKIPPED, ItemState.FAILED)]
    still_open = states.total() - sum(states[state] for state in FINAL_STATES)
    return parts_of([*((str(state), items) for state, items in final), ("open", still_open)])


def _failures(upload: Upload, counts: Counts, accounts: Mapping[int, Account]) -> list[dict[str, Any]]:
    """By kind, the one with most first; of each its codes."""
    kinds: dict[str, dict[str, Any]] = {}
    for (category, code), items in _most(counts.failed):
        remedy = WHAT_TO_DO.get(category, "").format(number=upload.number)
        kind = kinds.setdefault(category, {"category": category, "items": 0, "remedy": remedy, "codes": []})
        kind["items"] += items
        examples = counts.failed_ad_groups.get((category, code), ())
        kind["codes"].append((items, code, counts.examples[category, code], _names(examples, accounts)))
    return sorted(kinds.values(), key=lambda kind: (-kind["items"], kind["category"]))


def _names(examples: Sequence[Example], accounts: Mapping[int, Account]) -> list[tuple[str, str]]:
    """Of each ad group its name, and where it is."""
    return [(each.name or str(each.ad_group_id), _account(each.customer_id, accounts)) for each in examples]


def _account(customer_id: int, accounts: Mapping[int, Account]) -> str:
    account = accounts.get(customer_id)
    return f"{account.name}, {dashed(customer_id)}" if account and account.name else dashed(customer_id)


def _account_rows(counts: Counts, accounts: Mapping[int, Account]) -> list[dict[str, Any]]:
    """The accounts with most failures first."""
    ranked = sorted(
        counts.accounts.items(), key=lambda pair: (-pair[1][ItemState.FAILED], -pair[1].total(), pair[0])
    )
    return [
        {
            "id": dashed(customer_id),
            "name": account.name if (account := accounts.get(customer_id)) else "",
            "total": states.total(),
            "done": states[ItemState.DONE],
            "skipped": states[ItemState.SKIPPED],
            "failed": states[ItemState.FAILED],
            "open": states.total() - sum(states[state] for state in FINAL_STATES),
            "parts": _parts(states),
        }
        for customer_id, states in ranked[:_MOST_LINES]
    ]


def _most(counter: Counter[Any]) -> list[tuple[Any, int]]:
    """The largest first; equal ones in the order of their names, so that two reports agree."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_LINES]
