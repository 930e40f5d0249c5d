"""Google Ads as the push sees it: plain values in and out, every call with a deadline, every call counted.

Mutates are sent exactly once; reads are repeated on temporary errors, within bounds. Importing this module
is cheap: google.ads comes with the first call.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from themaads_pipeline.ads import queries
from themaads_pipeline.ads.client import AdsClient
from themaads_pipeline.ads.reach import accounts_in_reach
from themaads_pipeline.ads.wire import InFlight, ReadPolicy, Wire
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    OutcomeUnknownError,
    TemporaryAdsError,
)
from themaads_pipeline.model.ads import Account, AdGroup, AdGroupLabel, AdLabel, LiveAd, NewAd, Snapshot
from themaads_pipeline.model.outcomes import AlreadyThere, Created, MutateResult, Refused
from themaads_pipeline.model.reviews import AdReview

_T = TypeVar("_T")
# Services and their methods.
_ADS = ("AdGroupAdService", "MutateAdGroupAds")
_AD_LABELS = ("AdGroupAdLabelService", "MutateAdGroupAdLabels")
_AD_GROUP_LABELS = ("AdGroupLabelService", "MutateAdGroupLabels")
_LABELS = ("LabelService", "MutateLabels")


class Gateway:
    """One connection's view of every account; safe for threads."""

    def __init__(
        self,
        client: AdsClient,
        *,
        reads: ReadPolicy | None = None,
        admit: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Keep the client; nothing is sent. `admit` is asked before each request, with how many operations
        Google will count for it; what it raises keeps the request here.
        """
        self._client = client
        self._wire = Wire(client, reads=reads or ReadPolicy(), admit=admit)
        self._accounts: dict[int, Account] | None = None
        self._inaccessible: dict[int, AccountStoppedError] = {}
        self._accounts_lock = threading.Lock()

    @property
    def calls(self) -> Counter[str]:
        """How often each method was called on the wire, so far: a copy."""
        return self._wire.calls

    def in_flight(self) -> list[InFlight]:
        """The requests that wait for their answers now: for whoever has to tell a wait from a stall."""
        return self._wire.in_flight()

    def calls_by_method(self) -> dict[str, int]:
        """`{"AdGroupAdService.MutateAdGroupAds": 4, ...}`, sorted by name."""
        return dict(sorted(self.calls.items()))

    # Accounts

    def accounts(self, *, refresh: bool = False) -> dict[int, Account]:
        """Every account within reach, with the manager to log in through; read once, unless told to refresh.

        How, and what it raises: `reach.accounts_in_reach`.
        """
        with self._accounts_lock:
            if self._accounts is None or refresh:
                self._accounts, self._inaccessible = accounts_in_reach(
                    self._wire, configured=self._client.login_customer_id
                )
            return dict(self._accounts)

    def inaccessible(self) -> dict[int, AccountStoppedError]:
        """Directly accessible accounts that refused to be read (suspended, closed), and are known by no
        other way; filled by `accounts`.
        """
        return dict(self._inaccessible)

    # Reads

    def read_snapshot(self, account: Account, ad_group_ids: Sequence[int]) -> Snapshot:
        """The state of ad groups, removed ads included: one query, and one more for those without any RSA.

        Raises:
            AdsError: Of its kinds; temporary ones after repeated attempts.
        """
        ad_groups: dict[int, AdGroup] = {}
        ads: dict[int, tuple[LiveAd, ...]] = {}

        def ad_of(row: Any) -> LiveAd:
            ad = queries.live_ad_of(row)
            if ad.ad_group_id not in ad_groups:
                ad_groups[ad.ad_group_id] = queries.ad_group_of(row)
            return ad

        where = f"reading ads of account {account.customer_id}"
        for chunk in queries.chunks_of_ids(ad_group_ids):
            for ad in self._read(account, queries.ads(chunk), where, ad_of):
                others = ads.get(ad.ad_group_id)
                ads[ad.ad_group_id] = (ad,) if others is None else (*others, ad)
        for ad_group_id, found in ads.items():
            if len(found) > 1:
                ads[ad_group_id] = tuple(sorted(found, key=_ad_id))
        missing = set(ad_group_ids) - ad_groups.keys()
        where = f"reading ad groups of account {account.customer_id}"
        for chunk in queries.chunks_of_ids(missing):
            for ad_group in self._read(account, queries.ad_groups(chunk), where, queries.ad_group_of):
                ad_groups[ad_group.ad_group_id] = ad_group
        return Snapshot(ad_groups=ad_groups, ads=ads)

    def find_ad_groups(self, account: Account, names: Sequence[str]) -> list[AdGroup]:
        """Ad groups by exact name, removed ones too, by id; one name can have several, in other campaigns."""
        found: dict[int, AdGroup] = {}
        where = f"looking up ad group names in account {account.customer_id}"
        for chunk in queries.chunks_of_names(names):
            for ad_group in self._read(account, queries.ad_groups_named(chunk), where, queries.ad_group_of):
                found[ad_group.ad_group_id] = ad_group
        return [found[ad_group_id] for ad_group_id in sorted(found)]

    def read_labels(self, account: Account) -> dict[str, frozenset[int]]:
        """The ids of every enabled label by name; an account can hold two of one name."""
        labels: dict[str, set[int]] = defaultdict(set)
        where = f"reading labels of account {account.customer_id}"
        for name, label_id in self._read(account, queries.ENABLED_LABELS, where, _label_of):
            labels[name].add(label_id)
        return {name: frozenset(ids) for name, ids in labels.items()}

    def read_reviews(self, account: Account, ad_ids: Sequence[int]) -> list[AdReview]:
        """What Google's review says of ads now, removed ones too; one that does not exist is left out."""
        where = f"reading reviews in account {account.customer_id}"
        return [
            review
            for chunk in queries.chunks_of_ids(ad_ids)
            for review in self._read(account, queries.reviews(chunk), where, queries.review_of)
        ]

    def _read(self, account: Account, query: str, where: str, parse: Callable[[Any], _T]) -> list[_T]:
        return self._wire.search(
            query,
            parse,
            customer_id=account.customer_id,
            login_customer_id=account.login_customer_id,
            where=where,
        )

    # Mutates: sent once, never repeated here

    def create_ads(self, account: Account, new_ads: Sequence[NewAd], *, timeout_s: float) -> MutateResult:
        """Create RSAs, PAUSED, in one request. One result an ad, in order; `Created` has the ad's id.

        Raises:
            OutcomeUnknownError: Some may have been created: read back.
            AdsError: Of its other kinds: nothing was created.
        """
        from themaads_pipeline.ads import operations  # noqa: PLC0415 - costly

        where = f"creating {len(new_ads)} ads in account {account.customer_id}"
        return self._mutate(account, _ADS, operations.create_ads_request, new_ads, timeout_s, where)

    def validate_ads(
        self, account: Account, new_ads: Sequence[NewAd], *, timeout_s: float
    ) -> tuple[Refused | None, ...]:
        """Ask whether RSAs would be created, by Google's rules and policy; nothing is. One answer an ad, in
        order: None, it would be. Google counts each ad as an operation.

        Raises:
            AdsError: Of its kinds, but never OutcomeUnknownError: there is no outcome.
        """
        from themaads_pipeline.ads import operations  # noqa: PLC0415 - costly
        from themaads_pipeline.ads.validation import refusals_of  # noqa: PLC0415 - costly

        build = partial(operations.create_ads_request, validate_only=True)
        where = f"validating {len(new_ads)} ads in account {account.customer_id}"
        try:
            answer, request_id = self._send(account, _ADS, build, new_ads, timeout_s, where)
            method = _ADS[1]
            return refusals_of(answer, len(new_ads), method=method, request_id=request_id, where=where)
        except OutcomeUnknownError as error:
            raise TemporaryAdsError(str(error), code=error.code, request_id=error.request_id) from error

    def attach_ad_labels(
        self, account: Account, labels: Sequence[AdLabel], *, timeout_s: float
    ) -> MutateResult:
        """Attach labels to ads in one request. One result a label, in order."""
        from themaads_pipeline.ads import operations  # noqa: PLC0415 - costly

        where = f"attaching {len(labels)} labels to ads of account {account.customer_id}"
        build = operations.attach_ad_labels_request
        return self._mutate(account, _AD_LABELS, build, labels, timeout_s, where)

    def attach_ad_group_labels(
        self, account: Account, labels: Sequence[AdGroupLabel], *, timeout_s: float
    ) -> MutateResult:
        """Attach labels to ad groups in one request. One result a label, in order."""
        from themaads_pipeline.ads import operations  # noqa: PLC0415 - costly

        where = f"attaching {len(labels)} labels to ad groups of account {account.customer_id}"
        build = operations.attach_ad_group_labels_request
        return self._mutate(account, _AD_GROUP_LABELS, build, labels, timeout_s, where)

    def create_labels(self, account: Account, names: Sequence[str], *, timeout_s: float) -> dict[str, int]:
        """Create labels, and say the id of each; one that was there already (also: just now) is read.

        Raises:
            OutcomeUnknownError: They may have been created; `read_labels` tells, and as a label's name is
                unique, creating it again is harmless.
            AdsError: A label was refused, or one of the other kinds.
        """
        from themaads_pipeline.ads import operations  # noqa: PLC0415 - costly

        distinct = list(dict.fromkeys(names))
        if not distinct:
            return {}
        where = f"creating labels in account {account.customer_id}"
        build = operations.create_labels_request
        outcome = self._mutate(account, _LABELS, build, distinct, timeout_s, where)
        ids: dict[str, int] = {}
        present: list[str] = []
        for name, result in zip(distinct, outcome.results, strict=True):
            match result:
                case Created():
                    ids[name] = result.resource_id
                case AlreadyThere():
                    present.append(name)
                case refused if refused.retryable:
                    raise TemporaryAdsError(f"{where}: {refused.failure.message}", code=refused.failure.code)
                case refused:
                    raise AdsError(
                        f"{where}: label {name!r} was refused: {refused.failure.message}",
                        code=refused.failure.code,
                        request_id=outcome.request_id,
                    )
        if present:
            existing = self.read_labels(account)
            for name in present:
                if name not in existing:
                    raise TemporaryAdsError(
                        f"{where}: Google says that label {name!r} exists and does not show it yet",
                        code="LabelError.DUPLICATE_NAME",
                    )
                ids[name] = min(existing[name])
        return ids

    def _mutate(  # noqa: PLR0917 - all of them, always
        self,
        account: Account,
        called: tuple[str, str],
        build: Callable[[int, Sequence[_T]], Any],
        given: Sequence[_T],
        timeout_s: float,
        where: str,
    ) -> MutateResult:
        from themaads_pipeline.ads.responses import results_of  # noqa: PLC0415 - costly

        answer, request_id = self._send(account, called, build, given, timeout_s, where)
        return results_of(answer, len(given), method=called[1], request_id=request_id, where=where)

    def _send(  # noqa: PLR0917 - all of them, always
        self,
        account: Account,
        called: tuple[str, str],
        build: Callable[[int, Sequence[_T]], Any],
        given: Sequence[_T],
        timeout_s: float,
        where: str,
    ) -> tuple[Any, str]:
        """Build a request and send it once; the raw answer and its request id."""
        ends_at = time.monotonic() + timeout_s  # building the request takes of its time, too
        return self._wire.mutate(
            *called,
            build(account.customer_id, given),
            login_customer_id=account.login_customer_id,
            ends_at=ends_at,
            where=where,
        )


def _label_of(row: Any) -> tuple[str, int]:
    return row.label.name, row.label.id


def _ad_id(ad: LiveAd) -> int:
    return ad.ad_id
