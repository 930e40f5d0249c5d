"""The ledger: our tables in Postgres, opened as one."""

from types import TracebackType
from typing import Self

from themaads_pipeline.ledger.alerts import Alerts
from themaads_pipeline.ledger.attempts import Attempts
from themaads_pipeline.ledger.database import Database
from themaads_pipeline.ledger.leases import Leases
from themaads_pipeline.ledger.lessons import Lessons
from themaads_pipeline.ledger.looks import Looks
from themaads_pipeline.ledger.outages import Patience
from themaads_pipeline.ledger.outcomes import Outcomes
from themaads_pipeline.ledger.progress import Beats
from themaads_pipeline.ledger.quota import Quota
from themaads_pipeline.ledger.rows import Rows
from themaads_pipeline.ledger.uploads import Uploads
from themaads_pipeline.settings import Settings


class Ledger:
    """Uploads and their owners, rows and items, account leases, attempts, outcomes: one noun each."""

    def __init__(
        self, url: str, settings: Settings, *, connections: int = 24, looks_for_s: float | None = None
    ) -> None:
        """Open the ledger at `url` (`postgresql://…`), whose schema is migrated.

        Args:
            url: The database's.
            settings: How long what is waited for.
            connections: How many at most; each is made when it is needed.
            looks_for_s: Nothing can be changed through it, and no question takes longer than that. None: what
                whoever works on uploads has.
        """
        self._database = Database(
            url,
            outage_seconds=settings.outage_seconds,
            connections=connections,
            looks_for_s=looks_for_s,
        )
        self.uploads = Uploads(self._database, stall_seconds=settings.stall_seconds)
        self.beats = Beats(self._database)
        self.rows = Rows(self._database)
        self.leases = Leases(self._database, lease_seconds=settings.lease_seconds)
        self.attempts = Attempts(
            self._database,
            deadline_seconds=settings.request_deadline_seconds,
            snapshot_seconds=settings.snapshot_seconds,
            lease_seconds=settings.lease_seconds,
            absence_margin_seconds=settings.absence_margin_seconds,
            second_read_seconds=settings.second_read_seconds,
        )
        self.outcomes = Outcomes(self._database)
        self.alerts = Alerts(self._database)
        self.lessons = Lessons(self._database, lesson_days=settings.lesson_days)
        self.looks = Looks(self._database)
        self.quota = Quota(self._database, daily_operations=settings.daily_operations)

    @property
    def patience(self) -> Patience:
        """For how long a Postgres that is away is waited for."""
        return self._database.patience

    def close(self) -> None:
        """Give every connection back."""
        self._database.close()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it at the end of the block."""
        self.close()
