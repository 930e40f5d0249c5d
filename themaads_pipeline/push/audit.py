"""The last look: is what the ledger says was made in the accounts, and is anything there twice?"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AccountStoppedError
from themaads_pipeline.model.accounts import unusable
from themaads_pipeline.model.ad_copy import edition_of
from themaads_pipeline.model.ads import Account, LiveAd
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.labels import LabelBook
from themaads_pipeline.push.work import LARGEST_READ


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeAd:
    """An ad that the ledger says an upload made."""

    customer_id: int
    ad_group_id: int
    new_ad_id: int
    edition: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Twice:
    """An ad group with more than one live ad of an edition."""

    customer_id: int
    ad_group_id: int
    edition: str
    ad_ids: tuple[int, ...]


@dataclass(kw_only=True)
class Audit:
    """What a look at the accounts found."""

    looked_at: int = 0
    twice: list[Twice] = field(default_factory=list)
    removed: list[MadeAd] = field(default_factory=list)  # made, and removed since
    lost: list[MadeAd] = field(default_factory=list)  # the account knows no such ad
    not_read: dict[int, str] = field(default_factory=dict)  # accounts, and why

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """How many ads were looked up; ad groups with one twice; ads lost; ads removed since."""
        return self.looked_at, len(self.twice), len(self.lost), len(self.removed)


def audit_ads(
    made: Iterable[Mapping[str, Any]],
    *,
    gateway: Gateway,
    catalogue: Catalogue,
    second_read_seconds: float,
    on_account: Callable[[int], None] = lambda _: None,
) -> Audit:
    """Look every ad up that was made, in its account, past the ledger. Only reads are sent.

    Args:
        made: `customer_id`, `ad_group_id`, `new_ad_id` and `edition` of each ad.
        gateway: The accounts.
        catalogue: The themes, which know their labels.
        second_read_seconds: An ad that is not found is looked up again so much later: reads may lag.
        on_account: Called before each read of an account.

    Raises:
        AdsError: An account could not be read for now.
    """
    by_account: dict[int, list[MadeAd]] = defaultdict(list)
    for each in made:
        by_account[each["customer_id"]].append(MadeAd(**each))
    accounts, audit = gateway.accounts() if by_account else {}, Audit()
    for customer_id, ads in sorted(by_account.items()):
        account = accounts.get(customer_id)
        stopped = unusable(customer_id, account)
        if account is None or stopped is not None:
            audit.not_read[customer_id] = stopped[1] if stopped else ""
            continue
        try:
            labels = LabelBook(ids=gateway.read_labels(account))
            for start in range(0, len(ads), LARGEST_READ):
                on_account(customer_id)
                part = ads[start : start + LARGEST_READ]
                _look(
                    account,
                    part,
                    audit,
                    labels=labels,
                    gateway=gateway,
                    catalogue=catalogue,
                    second_read_seconds=second_read_seconds,
                )
        except AccountStoppedError as error:
            audit.not_read[customer_id] = str(error)
    return audit


def ads_of_edition(
    edition: str, ads: Sequence[LiveAd], *, labels: LabelBook, catalogue: Catalogue
) -> tuple[int, ...]:
    """The ads that carry our identity for the edition, or its label."""
    label_ids = labels.ids_of(catalogue.edition_label(edition))
    return tuple(
        ad.ad_id for ad in ads if edition_of(ad.content) == edition or not label_ids.isdisjoint(ad.label_ids)
    )


def _look(
    account: Account,
    made: Sequence[MadeAd],
    audit: Audit,
    *,
    labels: LabelBook,
    gateway: Gateway,
    catalogue: Catalogue,
    second_read_seconds: float,
) -> None:
    ads = gateway.read_snapshot(account, sorted({ad.ad_group_id for ad in made})).ads
    audit.looked_at += len(made)
    for ad_group_id, edition in sorted({(ad.ad_group_id, ad.edition) for ad in made}):
        live = [ad for ad in ads.get(ad_group_id, ()) if ad.status != "REMOVED"]
        ad_ids = ads_of_edition(edition, live, labels=labels, catalogue=catalogue)
        if len(ad_ids) > 1:
            audit.twice.append(
                Twice(
                    customer_id=account.customer_id, ad_group_id=ad_group_id, edition=edition, ad_ids=ad_ids
                )
            )
    statuses = _statuses(ads)
    audit.removed += [ad for ad in made if statuses.get(ad.new_ad_id) == "REMOVED"]
    missing = [ad for ad in made if ad.new_ad_id not in statuses]
    if missing:
        time.sleep(second_read_seconds)
        again = gateway.read_snapshot(account, sorted({ad.ad_group_id for ad in missing})).ads
        statuses = _statuses(again)
        audit.lost += [ad for ad in missing if ad.new_ad_id not in statuses]


def _statuses(ads: Mapping[int, Sequence[LiveAd]]) -> dict[int, str]:
    return {ad.ad_id: ad.status for found in ads.values() for ad in found}
