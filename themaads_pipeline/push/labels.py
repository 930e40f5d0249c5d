"""Labels: one set an account, created when missing; attached after the ads, none that is there."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from msgspec import Struct

from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RateLimitError,
    TemporaryAdsError,
)
from themaads_pipeline.ledger.attempts import Attempt, LabelledItem, PlannedEnd
from themaads_pipeline.ledger.leases import Lease
from themaads_pipeline.model.ads import Account, AdGroup, AdGroupLabel, AdLabel
from themaads_pipeline.model.editions import ORIGINAL_LABEL
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.outcomes import (
    AlreadyThere,
    Category,
    Created,
    Failure,
    MutateResult,
    Refused,
    Result,
    SkipReason,
)
from themaads_pipeline.model.planning import LabelBook, Present
from themaads_pipeline.push.lines import say_sent
from themaads_pipeline.push.turns import Turn
from themaads_pipeline.push.work import Work


class Labelling(Struct, frozen=True, kw_only=True, gc=False):
    """The labels one applied item still needs."""

    item_id: int
    edition: str
    ad_group_id: int
    new_ad_id: int
    label_new_ad: bool
    copied_ad_id: int | None  # None: it has the label already, or cannot get one


# An item, and which of its labels: "edition", "original" or "done".
_Key = tuple[int, str]
_Label = AdLabel | AdGroupLabel
Outcomes = dict[_Key, Result]


class AccountLabels:
    """One account's labels, and the requests that attach them."""

    def __init__(self, work: Work, account: Account, lease: Lease, turn: Turn) -> None:
        """Read the labels that are there."""
        self._work = work
        self._account = account
        self._lease = lease
        self._turn = turn
        self.book = LabelBook(ids=work.gateway.read_labels(account))

    def ensure(self, editions: Sequence[str]) -> None:
        """Create what these editions need and the account lacks."""
        needed = {ORIGINAL_LABEL}
        for name in editions:
            edition = self._work.catalogue.edition(name)
            needed.add(edition.label)
            if self._work.config.done_label:
                needed.add(edition.done_label)
        missing = sorted(name for name in needed if not self.book.ids_of(name))
        if not missing:
            return
        attempts, owner = self._work.ledger.attempts, self._work.owner
        self._wait_for_the_pace()
        attempt = attempts.begin(owner, self._lease, kind="label_names", operations=len(missing))
        told = self._telling("label_names", len(missing))
        try:
            with self._work.pacing.request(self._account.customer_id, len(missing)):
                created = self._work.gateway.create_labels(
                    self._account, missing, timeout_s=attempt.remaining_s()
                )
        except AdsError as error:
            attempts.close(owner, self._lease, attempt, request_id=error.request_id or "", error=str(error))
            told(error, in_doubt=_doubted(error, len(missing)))
            raise
        attempts.close(owner, self._lease, attempt)
        told(created=len(created))
        new = {name: frozenset({label_id}) for name, label_id in created.items()}
        self.book = LabelBook(ids=self.book.ids | new)

    def attach(
        self,
        applied: Sequence[Labelling],
        present: Sequence[Present],
        ad_groups: Mapping[int, AdGroup] = MappingProxyType({}),
    ) -> int:
        """Attach what is missing, and settle: applied -> done | failed, present -> skipped.

        `ad_groups` names the ad groups of the present ones.

        Returns how many items were settled; one that Google refused for a while stays as it is.

        Raises:
            TemporaryAdsError, OutcomeUnknownError: Some labels were not, or perhaps not sent: items stay.
            AccountStoppedError, AdsStoppedError: No labels can be set at all.
        """
        editions = {item.edition for item in applied}
        editions |= {ad.item.edition for ad in present if ad.lacks_edition_label}
        edition_labels = {name: self._id(self._work.catalogue.edition(name).label) for name in editions}
        on_ads: dict[_Key, _Label] = {
            (ad.item.item_id, "edition"): AdLabel(
                ad.item.ad_group_id, ad.ad_id, edition_labels[ad.item.edition]
            )
            for ad in present
            if ad.lacks_edition_label
        }
        on_ads |= {
            (item.item_id, "edition"): AdLabel(item.ad_group_id, item.new_ad_id, edition_labels[item.edition])
            for item in applied
            if item.label_new_ad
        }
        if any(item.copied_ad_id is not None for item in applied):
            original = self._id(ORIGINAL_LABEL)
            on_ads |= {
                (item.item_id, "original"): AdLabel(item.ad_group_id, item.copied_ad_id, original)
                for item in applied
                if item.copied_ad_id is not None
            }
        on_ad_groups: dict[_Key, _Label] = {}
        if self._work.config.done_label:
            done = {name: self._id(self._work.catalogue.edition(name).done_label) for name in editions}
            on_ad_groups = {
                (item.item_id, "done"): AdGroupLabel(item.ad_group_id, done[item.edition]) for item in applied
            }
        outcomes: Outcomes = {}
        try:
            for labels in (on_ads, on_ad_groups):
                self._send(list(labels.items()), outcomes)
        finally:
            settled = self._settle(applied, present, on_ads | on_ad_groups, outcomes, ad_groups)
        return settled

    def _send(self, operations: Sequence[tuple[_Key, _Label]], outcomes: Outcomes) -> None:
        """Send operations of one type; a request that is refused as a whole is sent in halves."""
        if not operations:
            return
        try:
            result = self._send_at_its_pace(operations)
        except (TemporaryAdsError, OutcomeUnknownError, AccountStoppedError, AdsStoppedError):
            raise
        except AdsError as error:
            if len(operations) == 1:
                failure = Failure(category=Category(error.category), code=error.code, message=str(error))
                [(only, _)] = operations
                outcomes[only] = Refused(failure)
                return
            middle = len(operations) // 2
            self._send(operations[:middle], outcomes)
            self._send(operations[middle:], outcomes)
            return
        if result is not None:
            outcomes.update(zip([key for key, _ in operations], result.results, strict=True))

    def _send_at_its_pace(self, operations: Sequence[tuple[_Key, _Label]]) -> MutateResult | None:
        """One request, again after Google's own time when it is refused for its rate; None: not sent, the
        run is to stop.
        """
        attempts, owner = self._work.ledger.attempts, self._work.owner
        give_up_at = time.monotonic() + self._work.config.patience_seconds
        while True:
            self._wait_for_the_pace()
            if self._work.stop.is_set():
                return None
            attempt = attempts.begin(owner, self._lease, kind="labels", operations=len(operations))
            told = self._telling("labels", len(operations))
            try:
                timeout_s = self._timeout_s(attempt)
                with self._work.pacing.request(self._account.customer_id, len(operations)):
                    result = self._mutate([label for _, label in operations], timeout_s)
            except AdsError as error:
                said = str(error)
                attempts.close(owner, self._lease, attempt, request_id=error.request_id or "", error=said)
                told(error, in_doubt=_doubted(error, len(operations)))
                if not isinstance(error, RateLimitError) or time.monotonic() > give_up_at:
                    raise
            else:
                attempts.close(owner, self._lease, attempt, request_id=result.request_id)
                told(request_id=result.request_id, **Counter(map(_became, result.results)))
                return result

    def _telling(self, kind: str, operations: int) -> Callable[..., None]:
        account = self._account.customer_id
        return partial(say_sent, self._work.owner, account, kind, time.monotonic(), operations=operations)

    def _wait_for_the_pace(self) -> None:
        while (wait_s := self._work.pacing.wait_s(self._account.customer_id)) > 0:
            if self._work.stop.is_set():
                return
            self._turn.pause(wait_s, "Google limits the rate")

    def _timeout_s(self, attempt: Attempt) -> float:
        timeout_s = attempt.remaining_s()
        if timeout_s < self._work.settings.minimum_send_seconds:
            raise TemporaryAdsError("not sent: too little time was left", code="not_sent")
        return timeout_s

    def _mutate(self, labels: Sequence[AdLabel | AdGroupLabel], timeout_s: float) -> MutateResult:
        on_ads = [label for label in labels if isinstance(label, AdLabel)]
        if on_ads:
            return self._work.gateway.attach_ad_labels(self._account, on_ads, timeout_s=timeout_s)
        on_ad_groups = [label for label in labels if isinstance(label, AdGroupLabel)]
        return self._work.gateway.attach_ad_group_labels(self._account, on_ad_groups, timeout_s=timeout_s)

    def _settle(
        self,
        applied: Sequence[Labelling],
        present: Sequence[Present],
        labels: Mapping[_Key, _Label],
        outcomes: Outcomes,
        ad_groups: Mapping[int, AdGroup],
    ) -> int:
        done_label = self._work.config.done_label
        labelled = [
            settled
            for item in applied
            if (settled := _labelled(item, labels, outcomes, done_label=done_label)) is not None
        ]
        ended = [
            end
            for ad in present
            if (end := _present(ad, labels, outcomes, ad_groups.get(ad.item.ad_group_id))) is not None
        ]
        if labelled or ended:
            self._work.ledger.attempts.settle_labels(self._work.owner, labelled, ended)
        return len(labelled) + len(ended)

    def _id(self, name: str) -> int:
        """Several ids of one name count as one: the lowest is used."""
        return min(self.book.ids_of(name))


def _became(result: Result) -> str:
    """What a line counts it as."""
    if isinstance(result, Refused):
        return "retried" if result.retryable else "refused"
    return "created" if isinstance(result, Created) else "present"


def _doubted(error: AdsError, operations: int) -> int:
    return operations if isinstance(error, OutcomeUnknownError) else 0


def _labelled(
    item: Labelling, labels: Mapping[_Key, _Label], outcomes: Outcomes, *, done_label: bool
) -> LabelledItem | None:
    """What became of an item's labels; None while one of them has to be tried again."""
    ours: dict[str, int] = {}
    for kind in _wanted(item, done_label=done_label):
        key = (item.item_id, kind)
        match outcomes.get(key):
            case None:
                return None
            case Created():
                ours[kind] = labels[key].label_id
            case Refused(failure=failure, retryable=retryable):
                if retryable:
                    return None
                return LabelledItem(
                    item_id=item.item_id, state=ItemState.FAILED, failure=_label_failure(failure)
                )
            case AlreadyThere():
                # On the ad we made, only we attach the edition's label: an answer was lost.
                if kind == "edition":
                    ours[kind] = labels[key].label_id
    return LabelledItem(
        item_id=item.item_id,
        state=ItemState.DONE,
        edition_label_id=ours.get("edition"),
        original_label_id=ours.get("original"),
        done_label_id=ours.get("done"),
    )


def _wanted(item: Labelling, *, done_label: bool) -> list[str]:
    kinds = ["edition"] if item.label_new_ad else []
    if item.copied_ad_id is not None:
        kinds.append("original")
    if done_label:
        kinds.append("done")
    return kinds


def _label_failure(failure: Failure) -> Failure:
    message = f"the ad was created, but it cannot be labelled: {failure.message}"
    return Failure(category=failure.category, code=failure.code, message=message)


def _present(
    present: Present, labels: Mapping[_Key, _Label], outcomes: Outcomes, ad_group: AdGroup | None
) -> PlannedEnd | None:
    """An item whose ad is there already; None while its label has to be tried again."""
    message, label_id = f"ad {present.ad_id} is there already", None
    if present.lacks_edition_label:
        key = (present.item.item_id, "edition")
        match outcomes.get(key):
            case None:
                return None
            case Created():
                label_id = labels[key].label_id
                message += "; its missing label was added"
            case Refused(failure=failure, retryable=retryable):
                if retryable:
                    return None
                message += f"; its label cannot be added: {failure.message}"
            case AlreadyThere():
                pass
    return PlannedEnd(
        item_id=present.item.item_id,
        state=ItemState.SKIPPED,
        code=SkipReason.ALREADY_PRESENT,
        message=message,
        ad_id=present.ad_id,
        label_id=label_id,
        ad_group_name=ad_group.name if ad_group else None,
        campaign_id=ad_group.campaign_id if ad_group else None,
        campaign_name=ad_group.campaign_name if ad_group else None,
    )
