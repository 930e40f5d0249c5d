"""What somebody has to be told of: which occasions there are, and what is said of each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from urllib.parse import quote

from themaads_pipeline.model.unfinished import RecentRun
from themaads_pipeline.model.uploads import UploadStatus

__all__ = [
    "YOUNG",
    "Event",
    "Message",
    "Occasion",
    "Reason",
    "Severity",
    "UploadState",
    "message_of",
    "occasions_of",
]

# What is older is not told any more: alerts that are switched on after a year do not tell of that year.
YOUNG = timedelta(hours=24)
_OPEN = frozenset({UploadStatus.WAITING, UploadStatus.RUNNING, UploadStatus.INTERRUPTED})
_CLASS_NAME = re.compile(r"^\w+(Error|Exception): ")
_LONGEST_REASON = 800  # characters; a chat message is not a log
_SHOWN_REASONS, _LONGEST_EXAMPLE = 3, 240


class Event(StrEnum):
    """What happened to an upload."""

    FAILED = "failed"  # for good: it does not go on without a person
    RECOVERED = "recovered"  # its run died, stalled or was ended, and another one goes on
    WAITING = "waiting"  # for the quota of the next day
    FAILURES_OVER_BOUND = "failures_over_bound"
    FINISHED = "finished"


class Severity(StrEnum):
    """How it is shown; apprise's own words."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


_SEVERITIES = {
    Event.FAILED: Severity.FAILURE,
    Event.RECOVERED: Severity.WARNING,
    Event.WAITING: Severity.INFO,
    Event.FAILURES_OVER_BOUND: Severity.FAILURE,
    Event.FINISHED: Severity.SUCCESS,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadState:
    """An upload as the ledger has it now. Counts are ad groups; `rejected` counts rows."""

    number: int
    key: str
    file_name: str
    status: UploadStatus
    message: str
    status_at: datetime
    due_at: datetime | None
    since: datetime  # a person resumed it, or else handed it in
    is_read: bool
    total: int
    done: int
    skipped: int
    failed: int
    rejected: int
    run_id: str | None  # the last run that had it
    runs: tuple[RecentRun, ...] = ()  # the newest first; only where one of them ended before its time

    @property
    def final(self) -> int:
        """Ad groups that have an outcome."""
        return self.done + self.skipped + self.failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """One thing to tell. Upload, event and `key` stay the same, however often it is looked and tried."""

    state: UploadState
    event: Event
    key: str
    ended: RecentRun | None = None  # the run that ended before its time
    resumed_by: str | None = None  # the run that went on


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why ad groups failed: how many of them, by which code, in whose words."""

    items: int
    category: str
    code: str
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is sent."""

    title: str
    body: str
    severity: Severity


def occasions_of(state: UploadState, *, now: datetime, failure_bound: float) -> list[Occasion]:
    """What there is to tell of one upload.

    Args:
        state: As the ledger has it.
        now: The ledger's clock.
        failure_bound: The share of its ad groups that may fail, 0 to 1.
    """
    is_young = now - state.status_at < YOUNG
    found: list[Occasion] = []
    if state.status is UploadStatus.FAILED and is_young:
        # Not the moment: whoever runs it by hand again, and it fails for the same reason, knows already.
        key = f"{_stamp(state.since)}:{sha256(state.message.encode()).hexdigest()[:12]}"
        found.append(Occasion(state=state, event=Event.FAILED, key=key))
    if state.status is not UploadStatus.FAILED:
        found += _recoveries(state, now)
    if state.status in _OPEN and state.due_at is not None and state.due_at > now:
        # The day: with a budget that frees some operations every hour it waits every hour.
        key = f"{state.due_at.astimezone(UTC):%Y-%m-%d}"
        found.append(Occasion(state=state, event=Event.WAITING, key=key))
    if (state.status in _OPEN or is_young) and state.failed > failure_bound * state.total:
        # As soon as it is certain, and once: finishing changes nothing about it.
        found.append(Occasion(state=state, event=Event.FAILURES_OVER_BOUND, key=_stamp(state.since)))
    if state.status is UploadStatus.FINISHED and is_young:
        found.append(Occasion(state=state, event=Event.FINISHED, key=_stamp(state.status_at)))
    return found


def _recoveries(state: UploadState, now: datetime) -> list[Occasion]:
    """One for each trouble: runs that die one after the other without progress are the same one."""
    found: list[Occasion] = []
    is_in_trouble = False
    for run, following in pairwise(reversed(state.runs)):
        if not _ended_before_its_time(run):
            is_in_trouble = False
        elif run.progressed or not is_in_trouble:
            is_in_trouble = True
            if now - run.ended_at < YOUNG:
                found.append(
                    Occasion(
                        state=state,
                        event=Event.RECOVERED,
                        key=run.run_id,
                        ended=run,
                        resumed_by=following.run_id,
                    )
                )
    return found


def _ended_before_its_time(run: RecentRun) -> bool:
    """By itself or by a signal. Errors are tried again, and a wait for the quota is an event of its own."""
    return run.died or run.ended_how == "interrupted"


# What is said


def message_of(
    occasion: Occasion, *, failure_bound: float, reasons: Sequence[Reason] = (), web_url: str | None = None
) -> Message:
    """The message: which upload, what happened, the numbers, the reason, what to do, and where to look.

    Args:
        occasion: What happened.
        failure_bound: As in `occasions_of`.
        reasons: Why ad groups failed, the most frequent first.
        web_url: Where Dagster's web interface is; None: nobody knows.
    """
    state = occasion.state
    match occasion.event:
        case Event.FAILED:
            title, lines = _failed(state)
        case Event.RECOVERED:
            title, lines = _recovered(occasion)
        case Event.WAITING:
            title, lines = _waiting(state)
        case Event.FAILURES_OVER_BOUND:
            title, lines = _over_bound(state, failure_bound, reasons)
        case Event.FINISHED:
            title, lines = _finished(state, reasons)
    if link := _link(occasion, web_url):
        lines.append(link)
    return Message(title=title, body="\n".join(lines), severity=_SEVERITIES[occasion.event])


def _failed(state: UploadState) -> tuple[str, list[str]]:
    to_do = (
        f"put that right, then `themaads resume {state.number}`. No ad group gets a second ad"
        if state.is_read
        else f"hand the repaired file in; if it is the file that is right, `themaads resume {state.number}`"
    )
    return f"#{state.number} failed: {state.file_name}", [
        f"Upload {_name(state)} has stopped and does not go on by itself.",
        f"Reason: {_in_words(state.message) or 'none was given; see the log of its run'}",
        _how_far(state),
        f"What to do: {to_do}.",
    ]


def _recovered(occasion: Occasion) -> tuple[str, list[str]]:
    state, ended = occasion.state, occasion.ended
    assert ended is not None  # noqa: S101  # made so in `_recoveries`
    return f"#{state.number} goes on after its run ended too early: {state.file_name}", [
        f"A run of upload {_name(state)} ended before its time, at {_moment(ended.ended_at)}.",
        f"It goes on where it was, as run {occasion.resumed_by}.",
        f"Reason: {_why_ended(ended)}",
        _how_far(state),
        "What to do: nothing. If it comes again and again, the log of the run that ended says more.",
    ]


def _why_ended(run: RecentRun) -> str:
    if run.ended_how == "interrupted":
        return "it was told to end, by whoever restarts or updates the machine"
    return _in_words(run.ended_why or "") or "its process was killed, or vanished"


def _waiting(state: UploadState) -> tuple[str, list[str]]:
    assert state.due_at is not None  # noqa: S101  # made so in `occasions_of`
    due = _moment(state.due_at)
    return f"#{state.number} waits for Google's quota: {state.file_name}", [
        f"Upload {_name(state)} has used up the operations of the day. It goes on by itself at {due}.",
        f"Reason: {_in_words(state.message) or 'the quota of the day is used up'}",
        _how_far(state),
        "What to do: nothing.",
    ]


def _over_bound(state: UploadState, bound: float, reasons: Sequence[Reason]) -> tuple[str, list[str]]:
    share = state.failed / state.total
    title = f"#{state.number}: {state.failed:,} of {_ad_groups(state.total)} failed ({share:.1%})"
    return title, [
        f"In upload {_name(state)} more ad groups failed than the {bound:.1%} that may.",
        *_reasons(reasons),
        _how_far(state),
        f"What to do: `themaads outcomes {state.number} --csv outcomes.csv` says why each of them failed. "
        f"Put that right, then `themaads retry {state.number}`"
        + (f"; `themaads pause {state.number}` stops it meanwhile." if state.status in _OPEN else "."),
    ]


def _finished(state: UploadState, reasons: Sequence[Reason]) -> tuple[str, list[str]]:
    title = f"#{state.number} is finished: {_count(state.done, 'new ad')} from {state.file_name}"
    to_do = ["look the new ads over and enable them in Google Ads"] if state.done else []
    if state.failed:
        to_do.append(f"`themaads retry {state.number}` tries what failed again, once it is put right")
    if state.rejected:
        to_do.append(
            "repair the rejected rows, which are listed in the report, and hand them in as a new file"
        )
    return title, [
        f"Upload {_name(state)} is finished"
        + (". The new ads are PAUSED: nothing is shown to anybody yet." if state.done else "."),
        _how_far(state),
        *_reasons(reasons),
        f"What to do: {'; '.join(to_do) or 'nothing'}.",
    ]


def _how_far(state: UploadState) -> str:
    rejected = f", {_count(state.rejected, 'row')} of the file rejected" if state.rejected else ""
    if not state.total:
        return "In numbers: " + (
            "no ad group in its file" + rejected if state.is_read else "its file is not read yet"
        )
    share = state.final / state.total
    return (
        f"In numbers: {state.final:,} of {_ad_groups(state.total)} have an outcome ({share:.1%}): "
        f"{state.done:,} done, {state.skipped:,} skipped, {state.failed:,} failed{rejected}"
    )


def _reasons(reasons: Sequence[Reason]) -> list[str]:
    if not reasons:
        return []
    shown = [
        f"- {reason.items:,} {' '.join(filter(None, (reason.category, reason.code)))}"
        + (f", for example: {_clipped(reason.example, _LONGEST_EXAMPLE)}" if reason.example else "")
        for reason in reasons[:_SHOWN_REASONS]
    ]
    more = len(reasons) - len(shown)
    return ["Why ad groups failed:", *shown, *([f"- and {_count(more, 'other reason')}"] if more > 0 else [])]


def _link(occasion: Occasion, web_url: str | None) -> str:
    run_id = occasion.ended.run_id if occasion.ended else occasion.state.run_id
    if not web_url:
        return f"Run: {run_id}" if run_id else ""
    address = web_url.rstrip("/")
    if run_id:
        return f"Run: {address}/runs/{run_id}"
    return f"Upload: {address}/assets/themed_ads?partition={quote(occasion.state.key, safe='')}"


def _name(state: UploadState) -> str:
    return f"#{state.number} ({state.file_name}, {state.key})"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _ad_groups(count: int) -> str:
    return _count(count, "ad group")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _in_words(reason: str) -> str:
    """Without the name of the error's class, which says nothing to those who read it."""
    return _clipped(_CLASS_NAME.sub("", reason))


def _clipped(text: str, longest: int = _LONGEST_REASON) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 2].rstrip() + " …"
