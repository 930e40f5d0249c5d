"""What a page shows, gathered from the ledger by the same questions as the command's."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.dashboard.bars import Part, parts_of
from themaads_pipeline.dashboard.chart import SPANS, Chart, chart_of
from themaads_pipeline.dashboard.site import Site
from themaads_pipeline.dashboard.timeline import RunStory, runs_of
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.looks import AboutUpload, AccountAtWork, AccountInTrouble
from themaads_pipeline.ledger.outcomes import PolicyPattern
from themaads_pipeline.ledger.quota import Gone
from themaads_pipeline.ledger.uploads import Progress
from themaads_pipeline.model.items import RejectedRow
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.reports.heartbeat import Heartbeat, Level, heartbeat_of
from themaads_pipeline.reports.status import figures_of

__all__ = [
    "AccountView",
    "NoUploadError",
    "Overview",
    "Quota",
    "UploadPage",
    "UploadView",
    "overview_of",
    "page_of",
    "uploads_of",
    "view_of",
]

_TROUBLE_DAYS = 7
_FINISHED_SHOWN = 8
_SHOWN = 20  # of each other section
_REJECTED_SHOWN = 8
_PATTERNS_SHOWN = 12
_FAILURES_SHOWN = 30
_ACCOUNTS_SHOWN = 200


class NoUploadError(PermanentError):
    """There is no such upload."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadView:
    """One upload at a glance. `figures` as `status --json` has them."""

    progress: Progress
    about: AboutUpload
    figures: dict[str, Any]
    heartbeat: Heartbeat
    parts: tuple[Part, ...]
    items_per_s_now: float | None
    run_link: str | None

    @property
    def is_under_way(self) -> bool:
        """Whether somebody is, or should be, at work on it."""
        return self.progress.status in {UploadStatus.RUNNING, UploadStatus.INTERRUPTED}

    @property
    def to_do(self) -> int:
        """Items without an outcome."""
        return self.progress.total - self.progress.final

    @property
    def can_pause(self) -> bool:
        """Whether there is anything to stop."""
        return self.is_under_way or self.progress.status == UploadStatus.WAITING

    @property
    def can_resume(self) -> bool:
        """Whether it stands still and a person may let it go on."""
        return self.progress.status in {UploadStatus.PAUSED, UploadStatus.FAILED, UploadStatus.INTERRUPTED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """Operations that counted in the last 24 hours; the budget and Google's word, where there are any."""

    used: int
    budget: int | None
    gone: Gone | None

    @property
    def percent(self) -> float | None:
        """Of the budget."""
        return None if self.budget is None else min(100.0, 100 * self.used / self.budget)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """Everything on the first page."""

    under_way: Sequence[UploadView]
    needing: Sequence[UploadView]  # a person
    queue: Sequence[UploadView]
    finished: Sequence[UploadView]  # the newest first, some of them
    counts: dict[str, int]  # of all uploads, by status
    quota: Quota
    trouble: Sequence[AccountInTrouble]

    @property
    def total(self) -> int:
        """All uploads."""
        return sum(self.counts.values())

    @property
    def in_words(self) -> str:
        """The state of things in a sentence."""
        said = {
            UploadStatus.RUNNING: ("is running", "are running"),
            UploadStatus.INTERRUPTED: ("was interrupted", "were interrupted"),
            UploadStatus.WAITING: ("waits", "wait"),
            UploadStatus.FAILED: ("failed", "failed"),
            UploadStatus.PAUSED: ("is paused", "are paused"),
        }
        clauses = [
            f"{self.counts[status]:,} {words[self.counts[status] != 1]}"
            for status, words in said.items()
            if self.counts.get(status)
        ]
        if not clauses:
            return "Nothing is going on" if self.total else "No upload yet"
        first, *others = clauses
        number, _, verb = first.partition(" ")
        noun = "upload" if number == "1" else "uploads"
        joined = ", ".join([f"{number} {noun} {verb}", *others[:-1]])
        return f"{joined} and {others[-1]}" if others else joined

    @property
    def to_do(self) -> int:
        """Items without an outcome in what is under way."""
        return sum(view.to_do for view in self.under_way)

    @property
    def items_per_s_now(self) -> float | None:
        """Over all that is under way."""
        known = [view.items_per_s_now for view in self.under_way if view.items_per_s_now is not None]
        return sum(known) if known else None

    @property
    def eta_s(self) -> float | None:
        """When the last of what runs is ready."""
        return max((v.progress.eta_s for v in self.under_way if v.progress.eta_s is not None), default=None)

    @property
    def worst(self) -> Level:
        """Of all heartbeats."""
        levels = {view.heartbeat.level for view in self.under_way}
        return next((each for each in (Level.DEAD, Level.SLOW, Level.ALIVE) if each in levels), Level.RESTING)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountView:
    """An account's share of an upload."""

    customer_id: int
    states: dict[str, int]
    at_work: AccountAtWork | None

    def of(self, *states: str) -> int:
        """Items in these states."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        """All of its items."""
        return sum(self.states.values())

    @property
    def open(self) -> int:
        """Items without an outcome."""
        return self.of("pending", "sending", "applied")


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadPage:
    """Everything on an upload's page."""

    view: UploadView
    chart: Chart | None
    runs: Sequence[RunStory]
    accounts: Sequence[AccountView]
    accounts_left_out: int
    failures: Sequence[dict[str, Any]]
    failures_left_out: int
    failed_by_category: dict[str, int]
    patterns: Sequence[PolicyPattern]
    patterns_left_out: int
    rejected: Sequence[RejectedRow]
    rejected_by_reason: dict[str, int]


def overview_of(site: Site) -> Overview:
    """The first page; the same one for all who look in this second."""
    return site.answers.get("overview", lambda: _overview(site))


def uploads_of(site: Site, *, status: str | None, first: int, most: int) -> tuple[list[UploadView], int]:
    """Some uploads in one status, or in any, the newest first; and how many there are."""
    chosen = [each for each in _progress(site) if status in {None, str(each.status)}][::-1]
    return _views(site, chosen[first : first + most]), len(chosen)


def view_of(site: Site, number: int) -> UploadView:
    """One upload.

    Raises:
        NoUploadError: There is none of that number.
    """
    return site.answers.get(("upload", number), lambda: _view(site, number))


def page_of(site: Site, number: int) -> UploadPage:
    """One upload's page.

    Raises:
        NoUploadError: There is none of that number.
    """
    return site.answers.get(("page", number), lambda: _page(site, number))


def _overview(site: Site) -> Overview:
    uploads = _progress(site)
    counts: dict[str, int] = {}
    for upload in uploads:
        counts[upload.status] = counts.get(upload.status, 0) + 1

    def with_status(*statuses: UploadStatus) -> list[Progress]:
        return [upload for upload in uploads if upload.status in statuses]

    sections = [
        with_status(UploadStatus.RUNNING, UploadStatus.INTERRUPTED)[:_SHOWN],
        with_status(UploadStatus.FAILED, UploadStatus.PAUSED)[::-1][:_SHOWN],
        with_status(UploadStatus.WAITING)[:_SHOWN],
        with_status(UploadStatus.FINISHED)[::-1][:_FINISHED_SHOWN],
    ]
    views = {view.progress.number: view for view in _views(site, [each for s in sections for each in s])}
    under_way, needing, queue, finished = ([views[each.number] for each in s] for s in sections)
    return Overview(
        under_way=under_way,
        needing=needing,
        queue=queue,
        finished=finished,
        counts=counts,
        quota=_quota(site),
        trouble=site.looking.looks.accounts_in_trouble(days=_TROUBLE_DAYS, bound=site.settings.failure_bound),
    )


def _quota(site: Site) -> Quota:
    quota = site.looking.quota
    return Quota(used=quota.used(), budget=site.settings.daily_operations, gone=quota.gone())


def _progress(site: Site) -> list[Progress]:
    return site.answers.get("progress", site.looking.uploads.progress)


def _views(site: Site, uploads: Sequence[Progress]) -> list[UploadView]:
    ledger: Ledger = site.looking
    if not uploads:
        return []
    abouts = ledger.looks.about([upload.number for upload in uploads])
    now, at = ledger.attempts.now(), time.monotonic()
    views = []
    for upload in uploads:
        about = abouts[upload.number]
        speed = None
        if upload.status is UploadStatus.RUNNING:
            speed = site.speed.look(upload.number, final=upload.final, at=at)
        else:
            site.speed.forget(upload.number)
        views.append(
            UploadView(
                progress=upload,
                about=about,
                figures=figures_of(upload),
                heartbeat=heartbeat_of(upload, about, stall_seconds=site.settings.stall_seconds, now=now),
                parts=parts_of(upload),
                items_per_s_now=speed,
                run_link=site.run_link(upload.run_id),
            )
        )
    return views


def _view(site: Site, number: int) -> UploadView:
    found = site.looking.uploads.progress(number)
    if not found:
        raise NoUploadError(f"There is no upload #{number}.")
    [view] = _views(site, found)
    return view


def _page(site: Site, number: int) -> UploadPage:
    view = _view(site, number)
    ledger = site.looking
    at_work = ledger.looks.accounts_at_work(number)
    accounts = [
        AccountView(customer_id=customer_id, states=states, at_work=at_work.get(customer_id))
        for customer_id, states in ledger.outcomes.counts_by_account(number).items()
    ]
    accounts.sort(key=lambda each: (-each.of("failed"), -each.open, each.customer_id))
    failures = ledger.outcomes.failures_by_reason(number) if view.progress.failed else []
    by_category: dict[str, int] = {}
    for each in failures:
        by_category[each["category"]] = by_category.get(each["category"], 0) + each["items"]
    patterns: Sequence[PolicyPattern] = ()
    if by_category.get("policy"):
        # An answer of its own: it costs as much as there are refusals, and the rest of the page does not.
        patterns = site.answers.get(("patterns", number), lambda: ledger.outcomes.policy_patterns(number))
    return UploadPage(
        view=view,
        chart=chart_of(ledger.looks.answered(number, spans=SPANS)),
        runs=runs_of(ledger.looks.stages(number), view.about),
        accounts=accounts[:_ACCOUNTS_SHOWN],
        accounts_left_out=max(0, len(accounts) - _ACCOUNTS_SHOWN),
        failures=failures[:_FAILURES_SHOWN],
        failures_left_out=max(0, len(failures) - _FAILURES_SHOWN),
        failed_by_category=by_category,
        patterns=patterns[:_PATTERNS_SHOWN],
        patterns_left_out=max(0, len(patterns) - _PATTERNS_SHOWN),
        rejected=ledger.outcomes.rejected_rows(number, limit=_REJECTED_SHOWN)
        if view.progress.rejected
        else (),
        rejected_by_reason=ledger.outcomes.rejected_by_reason(number) if view.progress.rejected else {},
    )
