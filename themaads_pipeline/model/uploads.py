"""An upload: one input file for one theme edition (or a theme column), one partition."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from themaads_pipeline.exceptions import PermanentError

SEVERAL_EDITIONS = "several"
UNKNOWN_EDITION = "unknown"


class UploadStatus(StrEnum):
    """What the ledger says of an upload; the truth that `status`, dashboard and reports tell."""

    WAITING = "waiting"  # registered; no run has taken it yet
    RUNNING = "running"  # a run works on it
    INTERRUPTED = "interrupted"  # its run ended before its items were final; the next run goes on
    PAUSED = "paused"  # a person stopped it (or its item limit was reached); a person resumes it
    FAILED = "failed"  # it cannot go on without a person; `message` says why
    FINISHED = "finished"  # every item is done, skipped or failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One upload as the ledger knows it. `number` is what people say (#213), `key` is the partition."""

    number: int
    key: str
    file_path: str
    file_name: str
    content_sha256: str
    edition: str | None  # for rows without a theme of their own; None: every row must name one
    status: UploadStatus
    message: str
    epoch: int
    read_at: datetime | None  # when its items and rejected rows were written; None: not read yet
    created_at: datetime
    status_at: datetime  # since when it has this status
    due_at: datetime | None = None  # no run is launched for it before then: it waits for the day's quota
    item_limit: int | None = None  # a trial: each run stops after so many items, and the upload is paused
    pruned_at: datetime | None = None  # since then its items are gone; its counts and its identity stay

    def expect_items(self) -> None:
        """Refuse what needs the items of an upload that has given them up.

        Raises:
            PermanentError: They were pruned.
        """
        if self.pruned_at is not None:
            raise PermanentError(
                f"#{self.number}: its items were pruned on {self.pruned_at:%Y-%m-%d}. Its counts "
                f"(`themaads status {self.number}`) and the files of its report are what is left"
            )


def upload_key(content_sha256: str, editions: frozenset[str], *, digits: int = 8) -> str:
    """The identity of an upload: its content *and* the editions it resolves to.

    The same list next year, or for another theme, is another upload; the same file again is the same one.
    `digits` of the hash are shown; more are asked for when another content has the same ones.

    >>> upload_key("1f3a9c2e" + "0" * 56, frozenset({"black_friday_2026"}))
    'black-friday-2026@1f3a9c2e'
    """
    if len(editions) == 1:
        return f"{next(iter(editions)).replace('_', '-')}@{content_sha256[:digits]}"
    if not editions:
        return f"{UNKNOWN_EDITION}@{content_sha256[:digits]}"
    mixed = hashlib.sha256("\n".join([content_sha256, *sorted(editions)]).encode()).hexdigest()
    return f"{SEVERAL_EDITIONS}@{mixed[:digits]}"
