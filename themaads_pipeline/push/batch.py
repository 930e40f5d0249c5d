"""One batch: written down, sent once, settled item by item."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import random
from typing import Self

from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RequestTooLargeError,
    TemporaryAdsError,
)
from themaads_pipeline.ledger.attempts import Attempt, PlannedEnd, PlannedItem, SentItem
from themaads_pipeline.ledger.leases import Lease
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.lessons import lessons_of
from themaads_pipeline.model.outcomes import AlreadyThere, Category, Created, Failure, MutateResult, Refused
from themaads_pipeline.model.planning import Create
from themaads_pipeline.model.retries import again_s
from themaads_pipeline.push.labels import Labelling
from themaads_pipeline.push.lines import say_sent
from themaads_pipeline.push.work import LARGEST_BATCH, PushConfig, Work


@dataclass(kw_only=True, slots=True)
class BatchSize:
    """How many ads travel in one request. Halved around what is refused as a whole, and grown again."""

    largest: int
    current: int

    @classmethod
    def of(cls, config: PushConfig) -> Self:
        """As configured, within what Google takes."""
        size = min(config.batch_size, LARGEST_BATCH)
        return cls(largest=size, current=size)

    def halve(self, refused: int, *, for_good: bool) -> None:
        """A batch of `refused` ads was refused as a whole; `for_good` when its size was the reason."""
        self.current = max(1, refused // 2)
        if for_good:
            self.largest = self.current

    def grow(self) -> None:
        """A batch was taken: one refused item must not make all that follow travel alone."""
        self.current = min(self.current * 2, self.largest)


class BatchSender:
    """Sends batches to one account under one lease."""

    def __init__(self, work: Work, account: Account, lease: Lease, size: BatchSize) -> None:
        """Nothing is sent yet. `size` is kept by the caller over its visits."""
        self.doubted = False  # the outcome of some batch is unknown
        self.learned = False  # the last batch taught what the next must be planned with
        self.unknown_in_a_row = 0  # so many batches, the last one included
        self._work = work
        self._account = account
        self._lease = lease
        self._size = size

    def send(self, batch: Sequence[Create], *, read_at: datetime) -> list[Labelling] | None:
        """Claim, send, settle; gives the applied items with the labels they need, or None: try smaller.

        `read_at` is the database's clock just before their ad groups were read.

        Raises:
            StaleSnapshotError: That is too long ago; nothing was sent.
            LeaseUnavailableError: The account is not ours any more; nothing was sent.
            TemporaryAdsError, AccountStoppedError, AdsStoppedError: Nothing was committed; items are pending.
            FencedError: The upload is not ours any more.
        """
        attempts, owner, self.learned = self._work.ledger.attempts, self._work.owner, False
        planned = list(map(_planned, batch))
        try:
            attempt = attempts.claim(owner, self._lease, planned, read_at=read_at)
        except Exception:
            self._work.pacing.give_back(batch)
            raise
        told = partial(say_sent, owner, self._account.customer_id, "ads", time.monotonic(), items=len(batch))
        timeout_s = attempt.remaining_s()
        if timeout_s < self._work.settings.minimum_send_seconds or self._work.stop.is_set():
            self._settle_unsent(attempt, batch, "not sent: too little time was left, or the run is stopping")
            return []
        try:
            new_ads = [create.new_ad for create in batch]
            with self._work.pacing.request(self._account.customer_id, len(batch)):
                result = self._work.gateway.create_ads(self._account, new_ads, timeout_s=timeout_s)
        except OutcomeUnknownError as error:
            attempts.doubt(owner, attempt, error=f"{error.code}: {error}")
            told(error, in_doubt=len(batch))
            self.doubted = True
            self.unknown_in_a_row += 1
            if error.is_too_large:
                self._size.halve(len(batch), for_good=True)
            return []
        except (TemporaryAdsError, AccountStoppedError, AdsStoppedError) as error:
            self._settle_unsent(attempt, batch, f"{error.code}: {error}")
            told(error, retried=len(batch))
            raise
        except AdsError as error:
            # Too large, or a definite refusal of the whole request: one of its items may be the cause.
            self._settle_unsent(attempt, batch, f"{error.code}: {error}")
            alone = len(batch) == 1
            told(error, refused=int(alone), retried=0 if alone else len(batch))
            if alone:
                self._fail(batch[0], error)
                return []
            self._size.halve(len(batch), for_good=isinstance(error, RequestTooLargeError))
            return None
        jitter = random()  # noqa: S311 - no secret; one for all, so that they travel together again
        sent = [
            self._sent(create, outcome, jitter) for create, outcome in zip(batch, result.results, strict=True)
        ]
        attempts.settle(owner, self._lease, attempt, sent, request_id=result.request_id)
        became = Counter(item.state for item in sent)
        told(
            created=became[ItemState.APPLIED],
            refused=became[ItemState.FAILED],
            retried=became[ItemState.PENDING],
            request_id=result.request_id,
        )
        self._size.grow()
        self.unknown_in_a_row = 0
        self._work.pacing.noted(batch, _broken_pages(batch, result))
        lessons = lessons_of(zip(new_ads, result.results, strict=True))
        self._work.ledger.lessons.learn(owner, self._account.customer_id, lessons)
        self.learned = bool(lessons)
        return _labellings(batch, result)

    def _sent(self, create: Create, outcome: Created | AlreadyThere | Refused, jitter: float) -> SentItem:
        item, config = create.item, self._work.config
        match outcome:
            case Created(resource_id=ad_id):
                return SentItem(item_id=item.item_id, state=ItemState.APPLIED, new_ad_id=ad_id)
            case Refused(failure=failure, retryable=True) if item.refusals + 1 < config.temporary_attempts:
                base = config.site_retry_seconds if outcome.site_throttled else config.backoff_seconds
                wait_s = again_s(
                    item.refusals + 1,
                    base=base,
                    retry_after_s=outcome.retry_after_s,
                    jitter=jitter,
                )
                return SentItem(item_id=item.item_id, state=ItemState.PENDING, again_s=wait_s)
            case Refused(failure=failure):
                return SentItem(item_id=item.item_id, state=ItemState.FAILED, failure=failure)
            case AlreadyThere():
                message = "Google says the ad exists, and names no ad"
                failure = Failure(category=Category.TECHNICAL, code="unexpected_answer", message=message)
                return SentItem(item_id=item.item_id, state=ItemState.FAILED, failure=failure)

    def _settle_unsent(self, attempt: Attempt, batch: Sequence[Create], why: str) -> None:
        """Nothing of the batch was committed: sending -> pending. Google visits no page for it, either."""
        self._work.pacing.give_back(batch)
        back = [SentItem(item_id=create.item.item_id, state=ItemState.PENDING) for create in batch]
        self._work.ledger.attempts.settle(self._work.owner, self._lease, attempt, back, error=why)

    def _fail(self, create: Create, error: AdsError) -> None:
        end = PlannedEnd(
            item_id=create.item.item_id,
            state=ItemState.FAILED,
            category=error.category,
            code=error.code,
            message=str(error),
        )
        self._work.ledger.attempts.finish_planned(self._work.owner, [end])


def _planned(create: Create) -> PlannedItem:
    ad_group, new_ad = create.ad_group, create.new_ad
    return PlannedItem(
        item_id=create.item.item_id,
        fingerprint=new_ad.fingerprint,
        seen_ad_ids=create.seen_ad_ids,
        copied_ad_id=new_ad.copied_ad_id,
        copied_ad_status=new_ad.copied_ad_status,
        ad_group_name=ad_group.name,
        campaign_id=ad_group.campaign_id,
        campaign_name=ad_group.campaign_name,
    )


def _broken_pages(batch: Sequence[Create], result: MutateResult) -> list[Create]:
    return [
        create
        for create, outcome in zip(batch, result.results, strict=True)
        if isinstance(outcome, Refused) and outcome.site_throttled
    ]


def _labellings(batch: Sequence[Create], result: MutateResult) -> list[Labelling]:
    return [
        Labelling(
            item_id=create.item.item_id,
            edition=create.item.edition,
            ad_group_id=create.item.ad_group_id,
            new_ad_id=outcome.resource_id,
            label_new_ad=True,
            copied_ad_id=create.new_ad.copied_ad_id if create.label_copied_ad else None,
        )
        for create, outcome in zip(batch, result.results, strict=True)
        if isinstance(outcome, Created)
    ]
