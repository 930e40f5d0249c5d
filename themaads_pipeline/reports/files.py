"""The files of one upload: a report to forward, each item's outcome, what to hand in again."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from themaads_pipeline.exceptions import ThemeError
from themaads_pipeline.intake.columns import RECOGNISED
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.outcomes import ALL, Which
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.editions import ORIGINAL_LABEL
from themaads_pipeline.model.items import FINAL_STATES, ItemState, RejectedRow
from themaads_pipeline.model.telling import PART, Tell, tell_nobody
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.objects import AnyPath
from themaads_pipeline.reports.cells import comes_back, kept_id, safe
from themaads_pipeline.reports.charts import SPANS
from themaads_pipeline.reports.page import Told, page_of
from themaads_pipeline.reports.summary import Counts, summary_of
from themaads_pipeline.reports.tables import WriteRow, forget_unfinished, table_file, text_file
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue

OUTCOME_COLUMNS = (
    "upload", "lines", "customer_id", "account_name", "campaign_id", "campaign_name", "ad_group_id",
    "ad_group_name", "edition", "outcome", "category", "reason", "message", "policy_topics", "trigger",
    "new_ad_id", "copied_ad_id", "labels_attached", "attempts", "settled_at",
)  # fmt: skip
REJECTED_COLUMNS = ("upload", "line", "reason", "message", "row")
FAILED_COLUMNS = RECOGNISED  # the intake's own, so that the file can be uploaded again

_FEW = 3  # rows that stand for others

_T = TypeVar("_T")

# Items a second that Postgres gathers before the first one comes, a small part of what it does: with one that
# takes longer something is wrong.
_SLOWEST_QUERY = 10_000
_LEAST_QUERY_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportFiles:
    """The report of one upload, and what it counts."""

    directory: AnyPath
    outcomes: AnyPath
    failed_items: AnyPath
    rejected_rows: AnyPath
    summary: AnyPath
    page: AnyPath
    items: dict[str, int]  # by state
    rejected: int  # rows
    text: str  # the summary's, in Markdown

    @property
    def files(self) -> tuple[AnyPath, ...]:
        """All of them."""
        return self.page, self.summary, self.outcomes, self.failed_items, self.rejected_rows


def report_directory(upload: Upload, directory: AnyPath) -> AnyPath:
    """Where an upload's report is: `213-black-friday-2026-1f3a9c2e`."""
    return directory / f"{upload.number}-{upload.key.replace('@', '-')}"


def write_reports(
    upload: Upload,
    *,
    ledger: Ledger,
    directory: AnyPath,
    accounts: Mapping[int, Account] | None = None,
    catalogue: Catalogue | None = None,
    tell: Tell = tell_nobody,
) -> ReportFiles:
    """Write the report of an upload, whatever state it is in; the same ledger gives the same bytes.

    Args:
        upload: The upload.
        ledger: Knows its items.
        directory: The folder of all reports, here or in object storage.
        accounts: For their names; None: reports have numbers alone.
        catalogue: For the names of labels; None: the themes of this installation.
        tell: Is told how far it is.

    Raises:
        ReportError: A file cannot be written; earlier ones stay as they are.
    """
    folder = report_directory(upload, directory)
    labels = _LabelNames(load_catalogue(settings().theme_dir) if catalogue is None else catalogue)
    outcomes, failed = folder / "outcomes.csv", folder / "failed_items.csv"
    rejected, summary = folder / "rejected_rows.csv", folder / "summary.md"
    page = folder / "report.html"
    counts, [progress] = Counts(), ledger.uploads.progress(upload.number)
    forget_unfinished(folder)
    items = f"{progress.total:,} ad groups"
    tell(f"gathering the outcomes of {items}", waits_s=_LEAST_QUERY_S + progress.total / _SLOWEST_QUERY)
    with (
        table_file(outcomes, OUTCOME_COLUMNS, tell=tell) as write_outcome,
        table_file(failed, FAILED_COLUMNS, tell=tell) as write_failed,
    ):
        for item in _told(ledger.outcomes.items(upload.number), tell, f"outcome {{:,}} of {items}"):
            counts.add(item)
            write_outcome(outcome_row(upload, item, accounts or {}, labels))
            if item["state"] == ItemState.FAILED:
                write_failed(failed_row(item))
    with table_file(rejected, REJECTED_COLUMNS, tell=tell) as write_rejected:
        counts.rejected, first_rejected = _write_rejected(upload, ledger, write_rejected, tell)
    tell("writing the summary")
    policy = ledger.outcomes.policy_patterns(upload.number)
    text = summary_of(
        upload,
        counts,
        accounts=accounts or {},
        edition_labels=labels.seen,
        policy=policy,
    )
    told = Told(
        about=ledger.looks.about([upload.number])[upload.number],
        stages=ledger.looks.stages(upload.number),
        answered=ledger.looks.answered(upload.number, spans=SPANS),
        policy=policy,
        rejected=first_rejected,
    )
    shown = page_of(
        upload, counts, told, accounts=accounts or {}, edition_labels=labels.seen, directory=folder
    )
    for path, content in ((summary, text), (page, shown)):
        with text_file(path, tell=tell) as file:
            file.write(content)
    return ReportFiles(
        directory=folder,
        outcomes=outcomes,
        failed_items=failed,
        rejected_rows=rejected,
        summary=summary,
        page=page,
        items={str(state): counts.states[state] for state in ItemState},
        rejected=counts.rejected.total(),
        text=text,
    )


def write_outcomes(
    upload: Upload,
    write: WriteRow,
    *,
    ledger: Ledger,
    catalogue: Catalogue,
    accounts: Mapping[int, Account] | None = None,
    which: Which = ALL,
) -> int:
    """Write one line an item (without the header) to `write`; returns how many."""
    rows = outcome_rows(upload, ledger=ledger, catalogue=catalogue, accounts=accounts, which=which)
    written = 0
    for row in rows:
        write(row)
        written += 1
    return written


def outcome_rows(
    upload: Upload,
    *,
    ledger: Ledger,
    catalogue: Catalogue,
    accounts: Mapping[int, Account] | None = None,
    which: Which = ALL,
) -> Iterator[tuple[object, ...]]:
    """The lines of outcomes.csv, streamed."""
    labels = _LabelNames(catalogue)
    for item in ledger.outcomes.items(upload.number, which=which):
        yield outcome_row(upload, item, accounts or {}, labels)


def failed_rows(upload: Upload, *, ledger: Ledger) -> Iterator[tuple[str, ...]]:
    """The lines of failed_items.csv, streamed."""
    return map(failed_row, ledger.outcomes.items(upload.number, state=ItemState.FAILED))


def rejected_rows(upload: Upload, *, ledger: Ledger) -> Iterator[tuple[object, ...]]:
    """The lines of rejected_rows.csv, streamed."""
    for row in ledger.outcomes.each_rejected_row(upload.number):
        yield rejected_row(upload, row)


def rejected_row(upload: Upload, row: RejectedRow) -> tuple[object, ...]:
    """A rejected row as a line of rejected_rows.csv."""
    return upload.number, row.line, safe(row.reason), safe(row.message), safe(row.raw)


def failed_row(item: Mapping[str, Any]) -> tuple[str, ...]:
    """An item as a row that selects it again, through a spreadsheet or not.

    A healthy id decides alone. A spreadsheet that rounds it leaves the names, by which the ad group is found;
    where a name had to be made safe it could not be found so, and the ids are protected instead.
    """
    names = item["ad_group_name"], item["campaign_name"]
    is_found_by_name = comes_back(names[0]) and (not names[1] or comes_back(names[1]))
    write_id = _plain if is_found_by_name else kept_id
    values = {
        "customer_id": dashed(item["customer_id"]),
        "ad_group_id": write_id(item["ad_group_id"]),
        "ad_group_name": safe(names[0]),
        "campaign_id": write_id(item["campaign_id"]),
        "campaign_name": safe(names[1]),
        "theme": safe(item["edition"]),
    }
    return tuple(values[column] for column in FAILED_COLUMNS)


def outcome_row(
    upload: Upload, item: Mapping[str, Any], accounts: Mapping[int, Account], labels: "_LabelNames"
) -> tuple[object, ...]:
    """An item as a line of outcomes.csv."""
    account = accounts.get(item["customer_id"])
    return (
        upload.number,
        " ".join(map(str, item["lines"] or ())),
        dashed(item["customer_id"]),
        safe(account.name if account else ""),
        item["campaign_id"],
        safe(item["campaign_name"]),
        item["ad_group_id"],
        safe(item["ad_group_name"]),
        safe(item["edition"]),
        item["state"] if item["state"] in FINAL_STATES else f"not finished ({item['state']})",
        item["category"],
        safe(item["code"]),
        safe(item["message"]),
        safe(" ".join(item["policy_topics"] or ())),
        safe(item["trigger"]),
        item["new_ad_id"],
        item["copied_ad_id"],
        safe(labels.attached_to(item)),
        item["attempts"],
        _moment(item["settled_at"]),
    )


class _LabelNames:
    """The names of the labels that we attached; the ledger keeps their ids, which differ by account."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.seen: dict[str, str] = {}  # edition -> its label

    def attached_to(self, item: Mapping[str, Any]) -> str:
        edition = item["edition"]
        if edition not in self.seen:
            try:
                self.seen[edition] = self._catalogue.edition_label(edition)
            except ThemeError:  # the theme was removed since
                self.seen[edition] = f"label of {edition}"
        names = {
            "edition_label_id": self.seen[edition],
            "original_label_id": ORIGINAL_LABEL,
            "done_label_id": f"{self.seen[edition]}_DONE",
        }
        return ", ".join(name for column, name in names.items() if item[column] is not None)


def _told(rows: Iterable[_T], tell: Tell, row_of_them: str) -> Iterator[_T]:
    """The same rows; how far they are is told with each part of them."""
    for number, row in enumerate(rows, start=1):
        if number % PART == 1:
            tell(f"writing {row_of_them.format(number)}")
        yield row


def _write_rejected(
    upload: Upload, ledger: Ledger, write: WriteRow, tell: Tell
) -> tuple[Counter[str], list[RejectedRow]]:
    """How many there are by reason, and the first few of each."""
    reasons: Counter[str] = Counter()
    first: list[RejectedRow] = []
    for row in _told(ledger.outcomes.each_rejected_row(upload.number), tell, "rejected row {:,}"):
        reasons[row.reason] += 1
        if reasons[row.reason] <= _FEW:
            first.append(row)
        write(rejected_row(upload, row))
    return reasons, first


def _plain(number: int | None) -> str:
    return "" if number is None else str(number)


def _moment(settled_at: datetime | None) -> str:
    return "" if settled_at is None else f"{settled_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
