"""One account's share of an upload: visit by visit, until nothing is left to do in it.

Longer than most modules: a visit, and all that ends or puts off a visit, are one state machine.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random

from themaads_pipeline.exceptions import (
    AccountStoppedError,
    LeaseUnavailableError,
    OutcomeUnknownError,
    RateLimitError,
    StaleSnapshotError,
    TemporaryAdsError,
)
from themaads_pipeline.ledger.attempts import PlannedEnd
from themaads_pipeline.ledger.leases import Lease
from themaads_pipeline.model.accounts import unusable
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.editions import ORIGINAL_LABEL
from themaads_pipeline.model.items import Item, ItemState
from themaads_pipeline.model.lines import Fact
from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.planning import Create, Refuse, Skip
from themaads_pipeline.model.retries import MOST_DEATHS_OF_AN_ITEM, backoff_s, most_at_once
from themaads_pipeline.push.batch import BatchSender, BatchSize
from themaads_pipeline.push.chunks import Chunks
from themaads_pipeline.push.heartbeat import Heartbeat
from themaads_pipeline.push.labels import AccountLabels, Labelling
from themaads_pipeline.push.lines import say
from themaads_pipeline.push.preflight import Preflight
from themaads_pipeline.push.reconcile import reconcile
from themaads_pipeline.push.snapshot import Plans, View
from themaads_pipeline.push.turns import Turn
from themaads_pipeline.push.work import LARGEST_READ, Work

# Said of one account, and, where the manager account or the user is the wrong one, of each.
_MAY_BE_OURS = frozenset(
    {"AuthorizationError.USER_PERMISSION_DENIED", "AuthenticationError.CUSTOMER_NOT_FOUND"}
)
_OPERATIONS_AN_AD = 3  # itself, its label, and that of the ad it was copied from


@dataclass(frozen=True, kw_only=True, slots=True)
class Later:
    """The account has work left, at the earliest at `due_at` (the database's clock), because of `reason`."""

    due_at: datetime
    reason: str


class AccountPush:
    """Pushes one account's items. One visit at a time; between visits other accounts are served."""

    def __init__(self, work: Work, customer_id: int, heartbeat: Heartbeat, *, urgency: int = 0) -> None:
        """Nothing is read or sent before the first visit. `urgency`: how many items it has to do."""
        self.customer_id = customer_id
        self._urgency = urgency
        self._left_over = urgency % work.config.read_size
        self.turn = Turn(work.stop)
        self._work = work
        self._heartbeat = heartbeat
        self._batch_size = BatchSize.of(work.config)
        self._failures_in_a_row = 0
        self._progressed_at = time.monotonic()
        self._preflight = Preflight(work)
        self._is_stopped = False

    def visit(self) -> Later | None:
        """Do all that can be done now; None when nothing is left.

        Raises:
            AdsStoppedError: No account can be worked on; the items stay pending.
            TemporaryAdsError: What should have gone away did not, often enough; the items stay pending.
            FencedError: The upload is not ours any more.
        """
        started = time.monotonic()
        self._say("account_begun")
        later = self._visit_in_reach()
        seconds = time.monotonic() - started
        if later is not None:
            self._say("account_put_off", until=later.due_at, why=later.reason, seconds=seconds)
        elif not self._is_stopped:
            how = "limited" if self._work.budget.is_spent else "finished"
            how = "interrupted" if self._work.stop.is_set() else how
            self._say("account_ended", how=how, seconds=seconds)
        return later

    def _visit_in_reach(self) -> Later | None:
        account = self._work.accounts.get(self.customer_id)
        if (stopped := unusable(self.customer_id, account)) is not None:
            return self._stop_account(*stopped)
        assert account is not None  # noqa: S101 - `unusable` saw to it
        try:
            lease = self._work.ledger.leases.take(self._work.owner, self.customer_id)
        except LeaseUnavailableError as error:
            return Later(due_at=error.expires_at, reason=str(error))
        try:
            with self._heartbeat.keeping(lease):
                return self._visit(account, lease)
        except AccountStoppedError as error:
            if error.code in _MAY_BE_OURS and not self._work.access.is_proven:
                raise  # perhaps it is not the account: whoever sees all of them knows
            return self._stop_account(error.code, str(error))
        except LeaseUnavailableError as error:
            return self._soon(str(error))
        except (TemporaryAdsError, OutcomeUnknownError) as error:
            # Unknown only of labels, which need no look-up: attached twice is a success the second time.
            return self._back_off(error)
        finally:
            self._work.ledger.leases.release(lease)

    def stop(self, error: AccountStoppedError) -> None:
        """It is the account, and not the credentials: its items fail."""
        self._stop_account(error.code, str(error))

    def _visit(self, account: Account, lease: Lease) -> Later | None:
        doubts = reconcile(self._work, account, lease)
        labels = AccountLabels(self._work, account, lease, self.turn)
        self._work.access.is_proven = True  # the account was read
        labels_left = self._finish_labels(account, labels)
        sender = BatchSender(self._work, account, lease, self._batch_size)
        later = self._push_pending(account, sender, labels)
        if sender.doubted:
            # What was created although its answer was lost can be found at once.
            doubts = reconcile(self._work, account, lease)
        if self._work.stop.is_set():
            return None
        if doubts.settled:
            return self._soon("what was looked up goes on", seconds=0)
        if labels_left and later is None:
            raise TemporaryAdsError("labels are refused for a while", code="labels_left")
        if doubts.look_again_at is not None and (later is None or doubts.look_again_at < later.due_at):
            reason = f"{doubts.items} items in doubt are looked up again"
            return Later(due_at=doubts.look_again_at, reason=reason)
        return later

    # Labels that an earlier visit, or an earlier run, left

    def _finish_labels(self, account: Account, labels: AccountLabels) -> bool:
        """Label every applied item; True when some are left for another visit."""
        after, tried = 0, False
        while not self._work.stop.is_set():
            items = self._work.ledger.rows.open_items(
                self._work.owner.upload,
                self.customer_id,
                ItemState.APPLIED,
                after=after,
                limit=self._batch_size.largest,
            )
            if not items:
                break
            after, tried = items[-1].item_id, True
            labels.ensure(sorted({item.edition for item in items}))
            if self._label_applied(account, labels, items):
                self._progressed()
        return tried and bool(
            self._work.ledger.rows.open_items(
                self._work.owner.upload, self.customer_id, ItemState.APPLIED, limit=1
            )
        )

    def _label_applied(self, account: Account, labels: AccountLabels, items: Sequence[Item]) -> int:
        live = self._work.gateway.read_snapshot(account, sorted({item.ad_group_id for item in items})).ads
        labellings = []
        for item in items:
            if item.new_ad_id is None:  # the schema forbids it
                continue
            ads = {ad.ad_id: ad for ad in live.get(item.ad_group_id, ())}
            new_ad = ads.get(item.new_ad_id)
            edition_ids = labels.book.ids_of(self._work.catalogue.edition(item.edition).label)
            copied = ads.get(item.copied_ad_id) if item.copied_ad_id else None
            original_ids = labels.book.ids_of(ORIGINAL_LABEL)
            needs_original = (
                copied is not None
                and copied.status != "REMOVED"
                and original_ids.isdisjoint(copied.label_ids)
            )
            labellings.append(
                Labelling(
                    item_id=item.item_id,
                    edition=item.edition,
                    ad_group_id=item.ad_group_id,
                    new_ad_id=item.new_ad_id,
                    label_new_ad=new_ad is None or edition_ids.isdisjoint(new_ad.label_ids),
                    copied_ad_id=item.copied_ad_id if needs_original else None,
                )
            )
        return labels.attach(labellings, [])

    # Pending items

    def _push_pending(self, account: Account, sender: BatchSender, labels: AccountLabels) -> Later | None:
        """All pending items; those that were in flight when a worker died come last, and in small batches:
        one of them may be the cause, and must not keep the others from their ads.
        """
        work, blocked_until = self._work, None
        for deaths in work.ledger.rows.deaths_of_pending(work.owner.upload, self.customer_id):
            if deaths > MOST_DEATHS_OF_AN_ITEM:
                self._fail_deadly(deaths)
                continue
            until = self._push_with_deaths(account, sender, labels, deaths)
            blocked_until = max(filter(None, (blocked_until, until)), default=None)
        if work.stop.is_set() or work.budget.is_spent:
            return None
        if blocked_until is not None:
            due_at = blocked_until + timedelta(seconds=work.settings.absence_margin_seconds)
            return Later(due_at=due_at, reason="ad groups wait for a request in doubt")
        again_at, waiting = work.ledger.rows.next_due(work.owner.upload, self.customer_id)
        if again_at is None:
            return None
        if waiting:
            reason = f"{waiting:,} items that were refused for a while wait for their time"
            return Later(due_at=again_at, reason=reason)
        return self._soon("items that failed for a while are tried again")

    def _push_with_deaths(
        self, account: Account, sender: BatchSender, labels: AccountLabels, deaths: int
    ) -> datetime | None:
        """The pending items with so many deaths; until when some are blocked by a request in doubt."""
        work, blocked_until = self._work, None
        with Chunks(
            work, account, labels, deaths=deaths, first=self._first_chunk(), urgency=self._urgency
        ) as chunks:
            while not work.stop.is_set() and (chunk := chunks.take()) is not None:
                plans, view = chunk.plans, chunk.view
                if self._preflight.learns(account, plans.creates):
                    work.budget.give_back(len(chunk.items))
                    chunks.again()  # the same items, by what was learned
                    continue
                work.budget.give_back(len(plans.blocked))
                if plans.blocked:
                    blocked_until = max(view.in_doubt.values())
                self._end_planned(plans, view)
                if plans.creates or any(present.lacks_edition_label for present in plans.presents):
                    labels.ensure(sorted({item.edition for item in chunk.items}))
                labels.attach([], plans.presents, view.snapshot.ad_groups)
                most = most_at_once(self._batch_size.largest, deaths)
                creates, read_at = plans.creates, view.read_at
                del chunk, plans, view  # a thousand live ads: not needed while requests are under way
                if unsent := self._send_all(sender, labels, chunks, creates, read_at=read_at, most=most):
                    work.budget.give_back(len(unsent))
                    chunks.again()
        return blocked_until

    def _first_chunk(self) -> int:
        """What is over when the rest is whole chunks: no more requests, and the account begins sooner."""
        size, first = self._work.config.read_size, self._left_over
        self._left_over = 0
        return first or size

    def _fail_deadly(self, deaths: int) -> None:
        """Every worker that sent it died, the last with nothing else in flight: it is the cause."""
        ledger, owner = self._work.ledger, self._work.owner
        items = ledger.rows.open_items(
            owner.upload, self.customer_id, ItemState.PENDING, limit=LARGEST_READ, deaths=deaths
        )
        message = f"{deaths} workers died while it was being sent, the last with nothing else in flight"
        ends = [
            PlannedEnd(
                item_id=item.item_id,
                state=ItemState.FAILED,
                category=str(Category.TECHNICAL),
                code="worker_died",
                message=message,
            )
            for item in items
        ]
        ledger.attempts.finish_planned(owner, ends)
        self._progressed()

    def _end_planned(self, plans: Plans, view: View) -> None:
        ends = [_ended(plan, view) for plan in plans.skips]
        ends += [_ended(plan, view) for plan in plans.refusals]
        if ends:
            self._work.ledger.attempts.finish_planned(self._work.owner, ends)
            self._progressed()

    def _send_all(
        self,
        sender: BatchSender,
        labels: AccountLabels,
        chunks: Chunks,
        creates: Sequence[Create],
        *,
        read_at: datetime,
        most: int,
    ) -> Sequence[Create]:
        """Send in batches, ads first, labels after; returns what was not sent: it was read too long ago."""
        while creates and not self._work.stop.is_set():
            batch, wait = self._next_batch(creates, most)
            if wait is not None:
                self.turn.pause(*wait)
                continue
            if len(batch) == len(creates):
                chunks.look_ahead()
            try:
                applied = sender.send(batch, read_at=read_at)
            except StaleSnapshotError:
                return creates
            except RateLimitError as error:
                self._count_failure(error)
                continue  # the same items again, at their pace
            if applied is None:
                continue  # the same items in a smaller batch
            sent = {create.item.item_id for create in batch}
            creates = [create for create in creates if create.item.item_id not in sent]
            if applied:
                self._progressed()
                labels.attach(applied, [])
                self._progressed()
            if sender.learned:
                break  # the others are planned anew, with what was learned
            if sender.unknown_in_a_row > 1:
                self.turn.pause(self._backoff_s(sender.unknown_in_a_row - 1), "Google does not answer")
        return creates

    def _next_batch(
        self, creates: Sequence[Create], most: int
    ) -> tuple[list[Create], tuple[float, str] | None]:
        """What to send now, or, where it is not the time for it, how long to wait and what for."""
        pacing, size = self._work.pacing, min(self._batch_size.current, most)
        if (wait_s := pacing.wait_s(self.customer_id)) > 0:
            return [], (wait_s, "Google limits the rate")
        left = self._work.ledger.quota.left()
        if left is not None:
            size = min(size, max(1, left // _OPERATIONS_AN_AD))
        batch, wait_s = pacing.choose(creates, size)
        return batch, None if batch else (wait_s, "the sites of its ads are given time")

    def _say(self, event: str, /, *, level: int = logging.INFO, **facts: Fact) -> None:
        say(self._work.owner, event, level=level, account=self.customer_id, **facts)

    def _progressed(self) -> None:
        self._failures_in_a_row = 0
        self._progressed_at = time.monotonic()
        self._heartbeat.progressed(self.customer_id)

    # When it cannot go on now

    def _stop_account(self, code: str, message: str) -> Later | None:
        ledger, owner = self._work.ledger, self._work.owner
        failed = ledger.attempts.fail_account(owner, self.customer_id, code=code, message=message)
        self._is_stopped = True
        self._say("account_stopped", failed=failed, code=code, why=message, level=logging.WARNING)
        self._progressed()
        if ledger.rows.open_items(owner.upload, self.customer_id, ItemState.SENDING, limit=1):
            margin = self._work.settings.request_deadline_seconds + self._work.settings.absence_margin_seconds
            return self._soon("a request in doubt has to end first", seconds=margin)
        return None

    def _back_off(self, error: TemporaryAdsError | OutcomeUnknownError) -> Later:
        self._count_failure(error)
        asked = (error.retry_after_s if isinstance(error, TemporaryAdsError) else None) or 0.0
        wait_s = max(self._backoff_s(self._failures_in_a_row), asked)
        if isinstance(error, RateLimitError) and asked:
            wait_s = asked  # Google's own time, and not a second more
        return self._soon(f"{error.code}: {error}", seconds=wait_s)

    def _count_failure(self, error: TemporaryAdsError | OutcomeUnknownError) -> None:
        """Bounded by attempts and by time: what should have gone away by now is raised."""
        self._failures_in_a_row += 1
        config, silent_s = self._work.config, time.monotonic() - self._progressed_at
        if self._failures_in_a_row >= config.temporary_attempts and silent_s >= config.patience_seconds:
            raise error

    def _backoff_s(self, failures: int) -> float:
        return backoff_s(failures, base=self._work.config.backoff_seconds, jitter=random())  # noqa: S311 - jitter, not a secret

    def _soon(self, reason: str, *, seconds: float | None = None) -> Later:
        wait = self._work.config.backoff_seconds if seconds is None else seconds
        return Later(due_at=self._work.ledger.attempts.now() + timedelta(seconds=wait), reason=reason)


def _ended(plan: Skip | Refuse, view: View) -> PlannedEnd:
    ad_group = view.snapshot.ad_groups.get(plan.item.ad_group_id)
    failure = plan.failure if isinstance(plan, Refuse) else None
    return PlannedEnd(
        item_id=plan.item.item_id,
        state=ItemState.FAILED if isinstance(plan, Refuse) else ItemState.SKIPPED,
        code=plan.failure.code if isinstance(plan, Refuse) else str(plan.reason),
        message=plan.failure.message if isinstance(plan, Refuse) else plan.message,
        category=str(failure.category) if failure else None,
        policy_topics=failure.policy_topics if failure else (),
        policy_types=failure.policy_types if failure else (),
        trigger=failure.trigger if failure else "",
        ad_group_name=ad_group.name if ad_group else None,
        campaign_id=ad_group.campaign_id if ad_group else None,
        campaign_name=ad_group.campaign_name if ad_group else None,
    )
