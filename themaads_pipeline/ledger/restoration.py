"""After a backup was restored: whoever worked before writes no more, and what is under way is waited for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from themaads_pipeline.ledger.database import Database, queries, session_name

__all__ = ["Anew", "Restoration"]

_WHY = "the ledger was restored from a backup"


@dataclass(frozen=True, kw_only=True, slots=True)
class Anew:
    """How many uploads were at work when the backup was made; accounts that are held back, and until when."""

    interrupted: int
    accounts: int
    until: datetime


class Restoration:
    """A ledger from a backup has forgotten who owns what since, and which requests have left since."""

    def __init__(self, database: Database, *, hold_seconds: float) -> None:
        """Keep for how long a request that has left may still be carried out."""
        self._database = database
        self._hold = hold_seconds

    def sessions(self) -> list[str]:
        """Processes of ours that are connected beside this one: `themaads 4711@host`."""
        with self._database.transaction() as connection:
            rows = queries.other_sessions(connection, own=session_name())
            return [row["application_name"] for row in rows]

    def begin_anew(self, accounts: Collection[int]) -> Anew:
        """Shut out everybody who worked before, and hold every account until no old request can change it.

        Epochs and generations go on from the clock, in milliseconds: from there on they are higher than any
        that was given out before or after the backup, however often it is restored.

        Args:
            accounts: Which ones there are; those that the ledger knows are held in any case.
        """
        with self._database.transaction() as connection:
            interrupted = queries.interrupt_all(connection, why=_WHY)
            queries.end_all_ownerships(connection, why=_WHY)
            queries.renumber_epochs(connection)
            held = list(queries.hold_accounts(connection, customer_ids=list(accounts), seconds=self._hold))
            until = max([row["expires_at"] for row in held], default=queries.now(connection))
        return Anew(interrupted=interrupted, accounts=len(held), until=until)
