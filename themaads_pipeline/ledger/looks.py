"""What the dashboard shows beside an upload's progress: its times, its stages, its accounts. Reads only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from themaads_pipeline.ledger.database import Database, queries
from themaads_pipeline.ledger.outages import rides_out

__all__ = ["AboutUpload", "AccountAtWork", "AccountInTrouble", "Answered", "Looks", "Stage"]

_MOST_STAGES = 200
_MOST_ACCOUNTS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class AboutUpload:
    """An upload's times and accounts. `quiet_s`: for how long nobody was seen at work on it."""

    number: int
    edition: str | None
    created_at: datetime
    status_at: datetime
    resumed_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None
    item_limit: int | None
    quiet_s: float | None
    accounts: int
    open_accounts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One hold of a run on an upload. Not `ended_at`: it goes on, or died without a word."""

    epoch: int
    run_id: str
    stage: str
    host: str
    pid: int
    started_at: datetime
    progress_at: datetime
    ended_at: datetime | None
    ended_how: str | None
    ended_why: str | None
    final_at_start: int
    stop_asked_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """How many ads Google answered in the `seconds` from `at` on."""

    at: datetime
    seconds: float
    ads: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountAtWork:
    """What an account was last seen doing, and until when it waits, if it does."""

    customer_id: int
    doing: str
    waiting_until: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountInTrouble:
    """An account that is shut, or where too much failed; by which code most, and in which upload last."""

    customer_id: int
    items: int
    of_items: int
    is_shut: bool
    upload: int
    category: str
    code: str


class Looks:
    """Each is one question. Only where its run does, a report waits for a database that is away."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    @rides_out
    def about(self, numbers: Collection[int]) -> dict[int, AboutUpload]:
        """Times and accounts of these uploads, by number."""
        with self._database.transaction() as connection:
            rows = queries.about_uploads(connection, numbers=list(numbers))
            return {row["number"]: AboutUpload(**row) for row in rows}

    @rides_out
    def stages(self, upload: int) -> list[Stage]:
        """Its last two hundred stages, the newest first."""
        with self._database.transaction() as connection:
            return [Stage(**row) for row in queries.stages_of(connection, upload=upload, limit=_MOST_STAGES)]

    @rides_out
    def answered(self, upload: int, *, spans: int) -> list[Answered]:
        """Ads that Google answered, by time, in so many spans at most."""
        with self._database.transaction() as connection:
            rows = queries.answered_by_time(connection, upload=upload, spans=spans)
            return [Answered(**row) for row in rows]

    def accounts_at_work(self, upload: int) -> dict[int, AccountAtWork]:
        """The accounts that are worked on now."""
        with self._database.transaction() as connection:
            rows = queries.accounts_at_work(connection, upload=upload)
            return {row["customer_id"]: AccountAtWork(**row) for row in rows}

    def accounts_in_trouble(self, *, days: int, bound: float) -> list[AccountInTrouble]:
        """Those of the last days, the worst ten.

        Args:
            days: Uploads that finished earlier do not count.
            bound: The share of an account's ad groups that may fail, 0 to 1.
        """
        with self._database.transaction() as connection:
            rows = queries.accounts_in_trouble(connection, days=days, bound=bound, limit=_MOST_ACCOUNTS)
            return [AccountInTrouble(**row) for row in rows]
