"""Reading an upload: its file to checked rows, names to ad groups, all of it into the ledger at once."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.folder import fingerprint_file
from themaads_pipeline.intake.readers import read_table
from themaads_pipeline.intake.rows import check_rows
from themaads_pipeline.intake.storage import at_hand, lies_at
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.items import RejectedRow
from themaads_pipeline.model.telling import Tell, tell_nobody
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.push.memory import give_back
from themaads_pipeline.push.resolve import NamedAdGroup, NotResolved, resolve_names
from themaads_pipeline.push.watching import watched

# Accounts are asked for only when a name has to be looked up.
GatewaySource = Callable[[], Gateway]


@dataclass(frozen=True, kw_only=True, slots=True)
class SelectedRows:
    """A file's rows, each with the ad group it selects, and the ones that select none."""

    rows: pd.DataFrame  # line, customer_id, ad_group_id, edition, ad_group_name, campaign_id, campaign_name
    rejected: list[RejectedRow]
    resolved_by_name: int

    @property
    def rejected_by_reason(self) -> Counter[str]:
        """How many rows were rejected, by reason."""
        return Counter(row.reason for row in self.rejected)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRows:
    """How many rows of a file are in the ledger now, of either kind."""

    rows: int
    rejected: int
    resolved_by_name: int


def select_rows(
    path: Path,
    *,
    edition: str | None,
    catalogue: Catalogue,
    today: date,
    gateway: GatewaySource,
    tell: Tell = tell_nobody,
) -> SelectedRows:
    """Read a file and find the ad group of every row; nothing is written anywhere.

    Args:
        path: The file.
        edition: For rows without a theme of their own; None: such rows are rejected.
        catalogue: The themes.
        today: Decides which edition a theme means.
        gateway: Asked for names, when there are any.
        tell: Is told how far it is.

    Raises:
        UnusableFileError: Not one row can be read; the message is for a marketer.
        AdsError: A name could not be looked up for now.
    """

    def edition_of(theme: str) -> str | None:
        found = catalogue.resolve(theme, today)
        return found.name if found else None

    table = read_table(path, tell=tell)
    checked = check_rows(table, default_edition=edition, resolve_edition=edition_of, tell=tell)
    rows, rejected = checked.rows, list(checked.rejected)
    unresolved = rows["ad_group_id"].isna()
    by_name = int(unresolved.sum())
    if by_name:
        rows, more = _with_names_resolved(rows, unresolved, gateway(), table.raw, tell)
        by_name -= len(more)
        rejected = sorted([*rejected, *more], key=lambda row: row.line)
    return SelectedRows(rows=rows, rejected=rejected, resolved_by_name=by_name)


def _with_names_resolved(
    rows: pd.DataFrame,
    unresolved: "pd.Series[bool]",
    gateway: Gateway,
    raw_lines: Callable[[Collection[int]], dict[int, str]],
    tell: Tell,
) -> tuple[pd.DataFrame, list[RejectedRow]]:
    named = [
        NamedAdGroup(customer_id, name, campaign_id, campaign_name)
        for customer_id, name, campaign_id, campaign_name in zip(
            *(_values(rows.loc[unresolved], column) for column in _NAMED), strict=True
        )
    ]
    answers = watched(
        lambda asking: resolve_names(
            named, gateway=gateway, accounts=gateway.accounts(), on_account=asking.goes_on
        ),
        gateway=gateway,
        tell=tell,
        doing="looking up names",
    )
    chosen = [answers[each] for each in named]
    rows = rows.copy()
    rows.loc[unresolved, "ad_group_id"] = pd.array(
        [None if isinstance(answer, NotResolved) else answer for answer in chosen], dtype="Int64"
    )
    lines = _values(rows.loc[unresolved], "line")
    refused = {
        line: answer for line, answer in zip(lines, chosen, strict=True) if isinstance(answer, NotResolved)
    }
    raw = raw_lines(list(refused)) if refused else {}
    rejected = [
        RejectedRow(line=line, reason=answer.reason, message=answer.message, raw=raw.get(line, ""))
        for line, answer in refused.items()
    ]
    return rows[rows["ad_group_id"].notna()], rejected


_NAMED = ("customer_id", "ad_group_name", "campaign_id", "campaign_name")


def read_upload(
    upload: Upload,
    owner: Owner,
    *,
    ledger: Ledger,
    catalogue: Catalogue,
    today: date,
    gateway: GatewaySource,
    tell: Tell = tell_nobody,
) -> ReadRows | None:
    """Read an upload's file into the ledger; None when that was done before.

    What it took of memory is given back at the end, however it ends: a push follows in the same process.

    Raises:
        UnusableFileError: The file, or every one of its rows, is unusable. Rejected rows are kept, unless the
            file is not, or did not stay, the one that was submitted.
        AdsError: A name could not be looked up for now; nothing was written.
        StorageAwayError: Object storage gives no answer for now; nothing was written.
        FencedError: The upload is not ours any more.
    """
    if upload.read_at is not None:
        return None
    try:  # in a function of its own: what it took is free only when it is left
        return _read(
            upload, owner, ledger=ledger, catalogue=catalogue, today=today, gateway=gateway, tell=tell
        )
    finally:
        give_back()


def _read(
    upload: Upload,
    owner: Owner,
    *,
    ledger: Ledger,
    catalogue: Catalogue,
    today: date,
    gateway: GatewaySource,
    tell: Tell,
) -> ReadRows | None:
    with at_hand(lies_at(upload.file_path), tell=tell) as path:
        before = _mark(path)
        _expect_what_was_submitted(upload, path, tell)
        selected = select_rows(
            path, edition=upload.edition, catalogue=catalogue, today=today, gateway=gateway, tell=tell
        )
        if _mark(path) != before:  # it is gone through several times
            _expect_what_was_submitted(upload, path, tell)
    total = len(selected.rows) + len(selected.rejected)
    if not ledger.rows.write(
        owner,
        selected.rows,
        selected.rejected,
        on_written=lambda written: tell(f"writing row {written:,} of {total:,} into the ledger"),
    ):
        return None
    if selected.rows.empty:
        counted = selected.rejected_by_reason.most_common()
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in counted)
        raise UnusableFileError(
            f"{upload.file_name}: none of its {len(selected.rejected):,} rows can be used ({reasons}); "
            f"the report lists each with its reason"
        )
    return ReadRows(
        rows=len(selected.rows), rejected=len(selected.rejected), resolved_by_name=selected.resolved_by_name
    )


def _mark(path: Path) -> object:
    """What changes when the file does; None: it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _expect_what_was_submitted(upload: Upload, path: Path, tell: Tell) -> None:
    if fingerprint_file(path, tell=tell) != upload.content_sha256:
        raise UnusableFileError(
            f"{upload.file_name} was changed after it was submitted as #{upload.number}: submit it again "
            "as it is now; it gets a number of its own"
        )


def _values(rows: pd.DataFrame, column: str) -> list[Any]:
    """A column as plain Python values, missing ones as None."""
    series = rows[column]
    return series.astype(object).where(series.notna(), None).tolist()
