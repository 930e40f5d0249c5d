"""Attempts: written down before a request leaves, settled once its answer is known, in doubt until then.

Longer than most modules: claim, settle and reconcile are one state machine, which is read in one piece.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.json import encode
from msgspec.structs import asdict

from themaads_pipeline.exceptions import GuardError, LeaseUnavailableError, StaleSnapshotError, StopAskedError
from themaads_pipeline.ledger.database import Connection, Database, Owner, queries
from themaads_pipeline.ledger.leases import Lease
from themaads_pipeline.ledger.outages import LOST_CONNECTION, rides_out, rides_out_once
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import Failure


class PlannedItem(Struct, frozen=True, kw_only=True, gc=False):
    """What is written down of one item before its ad is sent."""

    item_id: int
    fingerprint: str
    seen_ad_ids: tuple[int, ...]  # every ad that was in the ad group, removed ones included
    copied_ad_id: int
    copied_ad_status: str
    ad_group_name: str
    campaign_id: int
    campaign_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One sending of one batch. The request must end before `deadline_at`."""

    attempt_id: int
    deadline_at: datetime
    ends_at_monotonic: float  # the same moment on this process's own clock, never later

    def remaining_s(self) -> float:
        """What the request's timeout may be if it leaves now, in seconds; negative when it is too late."""
        return self.ends_at_monotonic - time.monotonic()


class SentItem(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What became of one item that was sent: applied with its new ad, failed, or pending again.

    `again_s`: it was refused for a while, and is not sent again before so many seconds have passed.
    """

    item_id: int
    state: ItemState
    new_ad_id: int | None = None
    failure: Failure | None = None
    again_s: float | None = None


class LabelledItem(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What became of one item's labels: done with the labels *we* attached, or failed."""

    item_id: int
    state: ItemState
    edition_label_id: int | None = None
    original_label_id: int | None = None
    done_label_id: int | None = None
    failure: Failure | None = None


class PlannedEnd(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An item that ends without a request: skipped with a reason, or failed by a rule of ours."""

    item_id: int
    state: ItemState
    code: str
    message: str
    category: str | None = None
    policy_topics: tuple[str, ...] = ()
    policy_types: tuple[str, ...] = ()
    trigger: str = ""
    ad_id: int | None = None  # the ad that is there already
    label_id: int | None = None  # the edition's label, when we had to attach it to that ad
    ad_group_name: str | None = None
    campaign_id: int | None = None
    campaign_name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DoubtfulItem:
    """Sent, and the answer never recorded. `first_absent_at`: one read after the margin did not find it."""

    item_id: int
    upload: int
    customer_id: int
    ad_group_id: int
    edition: str
    attempt_id: int
    deadline_at: datetime
    fingerprint: str
    seen_ad_ids: frozenset[int]
    first_absent_at: datetime | None
    past_margin: bool
    second_read_due: bool


class Attempts:
    """Claims, settles and reconciles; all of it guarded by epoch and lease."""

    def __init__(
        self,
        database: Database,
        *,
        deadline_seconds: float,
        snapshot_seconds: float,
        lease_seconds: float,
        absence_margin_seconds: float,
        second_read_seconds: float,
    ) -> None:
        """Keep the settings of the design's invariants 1 to 3, in seconds."""
        self._database = database
        self._deadline = deadline_seconds
        self._snapshot = snapshot_seconds
        self._lease = lease_seconds
        self._margin = absence_margin_seconds
        self._second_read = second_read_seconds

    # Before the request leaves

    def claim(
        self, owner: Owner, lease: Lease, planned: Sequence[PlannedItem], *, read_at: datetime
    ) -> Attempt:
        """Write the attempt down: its items become `sending`, all or none.

        Args:
            owner: Who sends.
            lease: The account's, taken before the state was read.
            planned: The batch.
            read_at: The database's clock just before the live state was read.

        Raises:
            FencedError: The upload is not ours any more.
            StopAskedError: Nothing may be begun any more.
            LeaseUnavailableError: The account is not ours any more.
            StaleSnapshotError: The state was read too long ago or under another lease, or the ledger was out
                of reach meanwhile.
            GuardError: An item is not pending any more, or its ad group is in doubt.
        """
        try:
            return self._claim(owner, lease, planned, read_at=read_at)
        except LOST_CONNECTION as error:
            # Committed or not: nothing has been sent, and time has passed.
            self._withdraw(owner, lease)
            raise StaleSnapshotError(
                f"account {lease.customer_id}: the ledger was out of reach: {error}"
            ) from error

    def _claim(
        self, owner: Owner, lease: Lease, planned: Sequence[PlannedItem], *, read_at: datetime
    ) -> Attempt:
        with self._begun(owner, lease, kind="ads", operations=len(planned)) as (connection, attempt):
            fresh = queries.snapshot_is_fresh(
                connection,
                customer_id=lease.customer_id,
                generation=lease.generation,
                read_at=read_at,
                seconds=self._snapshot,
            )
            if fresh is None:
                raise StaleSnapshotError(f"account {lease.customer_id} was read at {read_at}: too long ago")
            sending = queries.start_sending(
                connection, upload=owner.upload, attempt_id=attempt.attempt_id, planned=_written(planned)
            )
            _expect(sending, len(planned), "pending -> sending")
        return attempt

    @rides_out
    def _withdraw(self, owner: Owner, lease: Lease) -> None:
        """What was perhaps written down, and never sent: sending -> pending."""
        with self._database.owned(owner) as connection:
            queries.withdraw(
                connection, upload=owner.upload, epoch=owner.epoch, customer_id=lease.customer_id
            )

    @rides_out
    def begin(self, owner: Owner, lease: Lease, *, kind: str, operations: int) -> Attempt:
        """Write a request down that changes no item's state by itself: `labels` or `label_names`.

        Raises:
            FencedError: The upload is not ours any more.
            LeaseUnavailableError: The account is not ours any more.
        """
        with self._begun(owner, lease, kind=kind, operations=operations) as (_, attempt):
            return attempt

    @contextmanager
    def _begun(
        self, owner: Owner, lease: Lease, *, kind: str, operations: int
    ) -> Iterator[tuple[Connection, Attempt]]:
        # Taken before the deadline is set: our own clock never allows a moment more than the database's.
        asked_at = time.monotonic()
        with self._database.owned(owner) as connection:
            covered = queries.cover_request(
                connection,
                customer_id=lease.customer_id,
                generation=lease.generation,
                upload=owner.upload,
                epoch=owner.epoch,
                seconds=self._deadline,
            )
            if not covered:
                raise LeaseUnavailableError(
                    f"the lease of account {lease.customer_id} is lost",
                    customer_id=lease.customer_id,
                    expires_at=lease.acquired_at,
                )
            row = queries.begin_attempt(
                connection,
                upload=owner.upload,
                epoch=owner.epoch,
                customer_id=lease.customer_id,
                kind=kind,
                operations=operations,
                deadline_s=self._deadline,
            )
            if row is None:
                raise StopAskedError(f"#{owner.upload}: run {owner.run_id} was asked to stop")
            yield connection, Attempt(**row, ends_at_monotonic=asked_at + self._deadline)

    # After the answer

    @rides_out_once
    def settle(
        self,
        owner: Owner,
        lease: Lease,
        attempt: Attempt,
        sent: Sequence[SentItem],
        *,
        request_id: str = "",
        error: str = "",
    ) -> None:
        """Record what became of every item of the attempt, in one transaction.

        Raises:
            FencedError: The upload is not ours any more; the items stay in doubt for the new owner.
            GuardError: The attempt was settled before, or an item of it is not `sending`.
        """
        with self._database.owned(owner) as connection:
            if not self._close(connection, lease, attempt, request_id=request_id, error=error):
                return
            settled = queries.settle_sending(
                connection, attempt_id=attempt.attempt_id, sent=_written(sent), refused=_refusals(sent)
            )
            _expect(settled, len(sent), "sending -> applied, failed or pending")

    @rides_out_once
    def settle_labels(
        self, owner: Owner, labelled: Sequence[LabelledItem], present: Sequence[PlannedEnd] = ()
    ) -> None:
        """Record which labels are confirmed: applied -> done | failed, and present -> skipped.

        Raises:
            FencedError: The upload is not ours any more.
            GuardError: An item was in another state.
        """
        with self._database.owned(owner) as connection:
            settled = queries.settle_labels(
                connection, upload=owner.upload, labelled=_written(labelled), refused=_refusals(labelled)
            )
            _expect(settled, len(labelled), "applied -> done or failed")
            _finish_planned(connection, owner, present)

    @rides_out_once
    def finish_planned(self, owner: Owner, ended: Sequence[PlannedEnd]) -> None:
        """Record what needs no request: pending -> skipped | failed.

        Raises:
            FencedError: The upload is not ours any more.
            GuardError: An item is not pending any more.
        """
        if not ended:
            return
        with self._database.owned(owner) as connection:
            _finish_planned(connection, owner, ended)

    @rides_out_once
    def close(
        self, owner: Owner, lease: Lease, attempt: Attempt, *, request_id: str = "", error: str = ""
    ) -> None:
        """Record that a `labels` or `label_names` request is over; its items keep their state.

        Raises:
            FencedError: The upload is not ours any more.
        """
        with self._database.owned(owner) as connection:
            self._close(connection, lease, attempt, request_id=request_id, error=error)

    @rides_out_once
    def doubt(self, owner: Owner, attempt: Attempt, *, error: str) -> None:
        """Record that the outcome is unknown: the items stay `sending` until they are looked up.

        Raises:
            FencedError: The upload is not ours any more; they are in doubt for the new owner anyway.
        """
        with self._database.owned(owner) as connection:
            _expect(
                queries.doubt_attempt(connection, attempt_id=attempt.attempt_id, error=error),
                1,
                "open -> in doubt",
            )

    @rides_out
    def fail_account(self, owner: Owner, customer_id: int, *, code: str, message: str) -> int:
        """Fail every item of an account that no request may still be changing, in one statement.

        Raises:
            FencedError: The upload is not ours any more.
        """
        with self._database.owned(owner) as connection:
            chosen: dict[str, Any] = {
                "upload": owner.upload,
                "customer_id": customer_id,
                "code": code,
                "message": message,
            }
            failed = queries.fail_account(connection, **chosen)
            chosen["message"] = (
                f"sent, the answer was lost, and the account cannot be read to look it up: {message}"
            )
            failed += queries.fail_unreadable(connection, **chosen, margin_s=self._margin)
            return int(failed)

    def _close(
        self, connection: Connection, lease: Lease, attempt: Attempt, *, request_id: str, error: str = ""
    ) -> bool:
        """False: our lease ran out while the ledger was away, and the next holder looked it all up."""
        settled = queries.settle_attempt(
            connection, attempt_id=attempt.attempt_id, request_id=request_id, error=error or None
        )
        held = queries.shrink_lease(
            connection, customer_id=lease.customer_id, generation=lease.generation, seconds=self._lease
        )
        if not settled and not held:
            return False
        _expect(settled, 1, "open -> settled")
        return True

    # In doubt (invariant 2)

    @rides_out
    def in_doubt(self, owner: Owner, lease: Lease) -> list[DoubtfulItem]:
        """The account's items whose outcome nobody recorded, whichever upload sent them."""
        with self._database.owned(owner) as connection:
            rows = queries.items_in_doubt(
                connection,
                customer_id=lease.customer_id,
                upload=owner.upload,
                epoch=owner.epoch,
                margin_s=self._margin,
                second_read_s=self._second_read,
            )
            return [DoubtfulItem(**row | {"seen_ad_ids": frozenset(row["seen_ad_ids"])}) for row in rows]

    @rides_out
    def reconcile(
        self,
        owner: Owner,
        lease: Lease,
        *,
        found: Sequence[tuple[DoubtfulItem, int]],
        absent: Sequence[DoubtfulItem],
        read_at: datetime,
    ) -> int:
        """Settle what one look at the live account proves; returns how many items left `sending`.

        Found is proof at once. Absent is noted by a first read after the margin, and is proof in a second.

        Args:
            owner: Who looked.
            lease: The account's.
            found: Items with the id of the ad that is theirs.
            absent: Items without such an ad, past their margin at `read_at`.
            read_at: The database's clock just before the look.
        """
        proven = [item for item in absent if item.first_absent_at is not None and item.second_read_due]
        first = [item for item in absent if item.first_absent_at is None]
        with self._database.owned(owner) as connection:
            adopted = queries.adopt_items(
                connection,
                item_ids=[item.item_id for item, _ in found],
                attempt_ids=[item.attempt_id for item, _ in found],
                new_ad_ids=[ad_id for _, ad_id in found],
            )
            queries.note_absent(connection, **_item_attempts(first), read_at=read_at)
            given_back = queries.give_back_absent(connection, **_item_attempts(proven))
            queries.close_attempts(connection, customer_id=lease.customer_id)
            return int(adopted + given_back)

    @rides_out
    def now(self) -> datetime:
        """The database's clock."""
        with self._database.transaction() as connection:
            moment: datetime = queries.now(connection)
            return moment


def _finish_planned(connection: Connection, owner: Owner, ended: Sequence[PlannedEnd]) -> None:
    if not ended:
        return
    finished = queries.finish_planned(connection, upload=owner.upload, planned=_written(ended))
    _expect(finished, len(ended), "pending -> skipped or failed")


def _written(values: Sequence[Struct]) -> str:
    """As JSON, which Postgres takes apart: a tenth of the time that an array for each field takes here."""
    return encode(values).decode()


def _refusals(items: Sequence[SentItem | LabelledItem]) -> str:
    """The failures among them, which are few, as JSON, with their items."""
    refused = [asdict(item.failure) | {"item_id": item.item_id} for item in items if item.failure is not None]
    return encode(refused).decode()


def _item_attempts(items: Sequence[DoubtfulItem]) -> dict[str, list[int]]:
    return {
        "item_ids": [item.item_id for item in items],
        "attempt_ids": [item.attempt_id for item in items],
    }


def _expect(changed: int, expected: int, transition: str) -> None:
    if changed != expected:
        raise GuardError(f"{transition}: {changed} of {expected} were in the state they had to be in")
