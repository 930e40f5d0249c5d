"""What a person does next about an upload, in the order in which it makes sense. Pure."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from themaads_pipeline.model.editions import ORIGINAL_LABEL
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import Category, SkipReason
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.reports.summary import Counts
from themaads_pipeline.reports.words import STATUSES, many

__all__ = ["Step", "next_steps"]

_TRIES_AGAIN = (Category.TEMPORARY, Category.TECHNICAL, Category.ACCOUNT)
_CHANGES_BY_ITSELF = frozenset(
    {SkipReason.NO_AD_TO_COPY, SkipReason.NO_FINAL_URL, SkipReason.ONLY_DISAPPROVED_ADS}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing to do. `file`: the one in this report's folder that it is about."""

    title: str
    text: str
    points: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    file: str = ""


def next_steps(upload: Upload, counts: Counts, *, labels: Sequence[str], directory: AnyPath) -> list[Step]:
    """All that is left to do; empty when nothing is.

    Args:
        upload: As it is now.
        counts: Of its items and rejected rows.
        labels: Of the new ads.
        directory: Of the report.
    """
    return [
        *_go_on(upload, counts),
        *_enable(counts, labels),
        *_repair_failures(upload, counts, directory),
        *_repair_rows(counts),
        *_look_at_skips(upload, counts),
        *_review(upload, counts),
    ]


def _go_on(upload: Upload, counts: Counts) -> Iterator[Step]:
    if not counts.open and upload.status is UploadStatus.FINISHED:
        return
    open_items = f"{many(counts.open, 'ad group')} {'has' if counts.open == 1 else 'have'} no outcome yet. "
    said = open_items if counts.total else ""
    if upload.status in {UploadStatus.PAUSED, UploadStatus.FAILED}:
        yield Step(
            title="Let it go on",
            text=f"{said}The upload is {upload.status}: {STATUSES[upload.status]}.",
            commands=(f"themaads resume {upload.number}",),
        )
    else:
        yield Step(
            title="Wait for the rest",
            text=f"{said}It goes on by itself, and this report is written anew when it is finished.",
            commands=(f"themaads status {upload.number} --follow",),
        )


def _enable(counts: Counts, labels: Sequence[str]) -> Iterator[Step]:
    if counts.new_ads:
        yield Step(
            title="Look at the new ads, then enable them",
            text=f"{many(counts.new_ads, 'new ad')} {'is' if counts.new_ads == 1 else 'are'} PAUSED: nothing "
            "is shown to anybody until you enable them. Those that were copied carry the label "
            f"{ORIGINAL_LABEL}, and are as they were.",
            points=(
                "In Google Ads choose an account, or the manager account for all, and open Campaigns > Ads.",
                f"Filter on Label: {' or '.join(labels)}, and on Ad status: Paused.",
                "Look at a few, select all, and choose Edit > Enable.",
            ),
            file="outcomes.csv",
        )


def _repair_failures(upload: Upload, counts: Counts, directory: AnyPath) -> Iterator[Step]:
    failed = counts.states[ItemState.FAILED]
    if not failed:
        return
    categories = {category for category, _ in counts.failed}
    again = [category for category in _TRIES_AGAIN if category in categories]
    yield Step(
        title=f"Repair what failed: {many(failed, 'ad group')}",
        text="Take away the cause first, as it says beside each kind of failure above; what Google's policy "
        "refuses fails again unchanged. Then have them tried again, all or one kind. None gets a second ad.",
        commands=(
            f"themaads retry {upload.number}",
            *(f"themaads retry {upload.number} --category {category}" for category in again),
        ),
    )
    yield Step(
        title="Or hand a part of them in as a new list",
        text="This file has the failed ad groups in the form of an upload: take rows out or repair them, and "
        "hand it in. Ad groups that have their ad meanwhile are skipped.",
        commands=(f"themaads submit {shlex.quote(str(directory / 'failed_items.csv'))}",),
        file="failed_items.csv",
    )


def _repair_rows(counts: Counts) -> Iterator[Step]:
    if rejected := counts.rejected.total():
        yield Step(
            title=f"Repair the rows that could not be used: {many(rejected, 'row')}",
            text="Each is in this file with its line number, the reason and its text. Put the repaired rows "
            "into a list of their own, with the header of the first one, and hand that in.",
            commands=("themaads preview REPAIRED.csv", "themaads submit REPAIRED.csv"),
            file="rejected_rows.csv",
        )


def _look_at_skips(upload: Upload, counts: Counts) -> Iterator[Step]:
    reasons = [reason for reason, _ in counts.skipped.most_common() if reason in _CHANGES_BY_ITSELF]
    if reasons:
        items = sum(counts.skipped[reason] for reason in reasons)
        yield Step(
            title=f"Give {many(items, 'ad group')} an ad that can be copied",
            text="They were skipped, because there was nothing to copy. Once they have an enabled responsive "
            "search ad with a final URL, try them again.",
            commands=tuple(
                f"themaads retry {upload.number} --skipped --code {reason}" for reason in sorted(reasons)
            ),
        )


def _review(upload: Upload, counts: Counts) -> Iterator[Step]:
    if counts.new_ads:
        yield Step(
            title="Look again in a day",
            text="Google goes on reviewing ads after they were made. This lists those that it disapproved.",
            commands=(f"themaads review {upload.number}",),
        )
