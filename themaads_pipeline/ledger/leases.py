"""Account leases: one writer an account, over all uploads, that outlives any request sent under it."""

from dataclasses import dataclass
from datetime import datetime

from themaads_pipeline.exceptions import LeaseUnavailableError
from themaads_pipeline.ledger.database import Database, Owner, queries
from themaads_pipeline.ledger.outages import rides_out

_AFTER_A_BACKUP = "may be changed by a request of before the ledger was restored from a backup,"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to write to one account. Another generation means somebody else has it."""

    customer_id: int
    generation: int
    acquired_at: datetime


class Leases:
    """Takes, keeps and gives back accounts."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        """Keep for how long an idle holder keeps an account."""
        self._database = database
        self._seconds = lease_seconds

    @rides_out
    def take(self, owner: Owner, customer_id: int) -> Lease:
        """Become the account's one writer.

        Raises:
            LeaseUnavailableError: Another writer has it; says until when.
            FencedError: The upload is not ours any more.
        """
        with self._database.owned(owner) as connection:
            row = queries.take_lease(
                connection,
                customer_id=customer_id,
                upload=owner.upload,
                epoch=owner.epoch,
                seconds=self._seconds,
            )
            if row is None:
                held = queries.lease_of(connection, customer_id=customer_id)
                # By `themaads restored`: no upload has the number 0.
                why = f"is being written to for #{held['upload']}" if held["upload"] else _AFTER_A_BACKUP
                raise LeaseUnavailableError(
                    f"account {customer_id} {why} until {held['expires_at']:%H:%M:%S}",
                    customer_id=customer_id,
                    expires_at=held["expires_at"],
                )
        return Lease(customer_id=customer_id, generation=row["generation"], acquired_at=row["acquired_at"])

    @rides_out
    def renew(self, lease: Lease) -> bool:
        """Keep the account for another while; False when it is lost."""
        with self._database.transaction() as connection:
            renewed = queries.renew_lease(
                connection,
                customer_id=lease.customer_id,
                generation=lease.generation,
                seconds=self._seconds,
            )
            return bool(renewed)

    @rides_out
    def release(self, lease: Lease) -> None:
        """Give the account back now, or, with a request in doubt, at that request's deadline."""
        with self._database.transaction() as connection:
            queries.shrink_lease(
                connection, customer_id=lease.customer_id, generation=lease.generation, seconds=0
            )
