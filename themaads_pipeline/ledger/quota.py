"""Operations that Google counts: the budget of a day, and what to do when the day's quota is gone."""

from dataclasses import dataclass
from datetime import datetime

from themaads_pipeline.exceptions import AdsStoppedError
from themaads_pipeline.ledger.database import Database, queries
from themaads_pipeline.ledger.outages import rides_out

__all__ = ["Gone", "Quota"]

_BUDGET_SPENT = "budget_of_operations"  # our own code, beside Google's


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """The day's quota is used up, as Google said, until then."""

    until: datetime
    message: str


class Quota:
    """Counts what is sent, over all runs and uploads: a mutated item is one operation, a search another."""

    def __init__(self, database: Database, *, daily_operations: int | None) -> None:
        """Keep the budget of 24 hours; None: there is none, and operations are only counted."""
        self._database = database
        self._budget = daily_operations

    @rides_out
    def admit(self, operations: int) -> None:
        """Count operations that are about to be sent.

        Raises:
            AdsStoppedError: The quota is gone or the budget would be exceeded: nothing may be sent before the
                time that it names.
        """
        with self._database.transaction() as connection:
            if self._budget is not None:
                queries.one_at_a_time(connection)
            found = queries.count_operations(connection, operations=operations, budget=self._budget)
        if found["is_counted"]:
            return
        if found["gone_until"] is not None:
            raise AdsStoppedError(
                found["gone_message"],
                code="QuotaError.RESOURCE_EXHAUSTED",
                retry_after_s=found["gone_for_s"],
            )
        raise AdsStoppedError(
            f"the budget of {self._budget:,} operations in 24 hours is used up ({found['used']:,} were sent, "
            f"{operations:,} are wanted): THEMAADS_DAILY_OPERATIONS",
            code=_BUDGET_SPENT,
            retry_after_s=found["free_in_s"],
        )

    @rides_out
    def left(self) -> int | None:
        """How many operations may still be sent; None: there is no budget."""
        return None if self._budget is None else max(0, self._budget - self.used())

    @rides_out
    def used(self) -> int:
        """How many operations were sent in the last 24 hours."""
        with self._database.transaction() as connection:
            return int(queries.operations_of_a_day(connection))

    @rides_out
    def is_gone(self, *, seconds: float, message: str) -> None:
        """Google says that the day's operations are used up: no run sends anything for so many seconds."""
        with self._database.transaction() as connection:
            queries.quota_is_gone(connection, seconds=seconds, message=message)

    @rides_out
    def gone(self) -> Gone | None:
        """What Google said of the day's quota; None: as far as is known, there is some left."""
        with self._database.transaction() as connection:
            found = queries.quota_gone(connection)
        return None if found is None else Gone(**found)

    @rides_out
    def is_back(self) -> None:
        """A person knows better."""
        with self._database.transaction() as connection:
            queries.quota_is_back(connection)
