"""The last look: is what the ledger says was made in the accounts, and is anything there twice?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AccountStoppedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.accounts import dashed, unusable
from themaads_pipeline.model.ad_copy import edition_of
from themaads_pipeline.model.ads import Account, LiveAd
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.labels import LabelBook
from themaads_pipeline.model.telling import Tell, tell_nobody
from themaads_pipeline.push.watching import Asking, watched
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


def audit_upload(
    upload: int,
    *,
    ledger: Ledger,
    gateway: Gateway,
    catalogue: Catalogue,
    second_read_seconds: float,
    tell: Tell = tell_nobody,
) -> Audit:
    """Look every ad up that an upload made, in its account, past the ledger. Only reads are sent.

    Args:
        upload: Its number.
        ledger: Knows which ads were made; it is asked for some of one account at a time.
        gateway: The accounts.
        catalogue: The themes, which know their labels.
        second_read_seconds: An ad that is not found is looked up again so much later: reads may lag.
        tell: Is told how far it is, and of each request as a wait that has an end.

    Raises:
        AdsError: An account could not be read for now.
    """
    look = _Look(gateway=gateway, catalogue=catalogue, second_read_seconds=second_read_seconds)

    def at_all_accounts(asking: Asking) -> Audit:
        for customer_id, parts in ledger.outcomes.made_ads_by_account(upload, size=LARGEST_READ):
            look.at_account(customer_id, ([MadeAd(**ad) for ad in part] for part in parts), asking)
        return look.audit

    return watched(at_all_accounts, gateway=gateway, tell=tell, doing="looking the ads up")


def ads_of_edition(
    edition: str, ads: Sequence[LiveAd], *, labels: LabelBook, catalogue: Catalogue
) -> tuple[int, ...]:
    """The ads that carry our identity for the edition, or its label."""
    label_ids = labels.ids_of(catalogue.edition_label(edition))
    return tuple(
        ad.ad_id for ad in ads if edition_of(ad.content) == edition or not label_ids.isdisjoint(ad.label_ids)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """Looks at one account after the other, and keeps what it finds."""

    gateway: Gateway
    catalogue: Catalogue
    second_read_seconds: float
    audit: Audit = field(default_factory=Audit)

    def at_account(self, customer_id: int, parts: Iterable[Sequence[MadeAd]], asking: Asking) -> None:
        """Look up what was made in an account, a part at a time."""
        asking.goes_on(
            f"looking up ads in account {dashed(customer_id)}: {self.audit.looked_at:,} ads so far"
        )
        account = self.gateway.accounts().get(customer_id)
        stopped = unusable(customer_id, account)
        if account is None or stopped is not None:
            self.audit.not_read[customer_id] = stopped[1] if stopped else ""
            return
        try:
            labels = LabelBook(ids=self.gateway.read_labels(account))
            for part in parts:
                self._at_ads(account, part, labels, asking)
        except AccountStoppedError as error:
            self.audit.not_read[customer_id] = str(error)

    def _at_ads(self, account: Account, made: Sequence[MadeAd], labels: LabelBook, asking: Asking) -> None:
        place, audit = f"in account {dashed(account.customer_id)}", self.audit
        asking.goes_on(f"looking up ads {place}: {audit.looked_at:,} ads so far")
        ads = self.gateway.read_snapshot(account, sorted({ad.ad_group_id for ad in made})).ads
        audit.looked_at += len(made)
        for ad_group_id, edition in sorted({(ad.ad_group_id, ad.edition) for ad in made}):
            live = [ad for ad in ads.get(ad_group_id, ()) if ad.status != "REMOVED"]
            ad_ids = ads_of_edition(edition, live, labels=labels, catalogue=self.catalogue)
            if len(ad_ids) > 1:
                twice = Twice(
                    customer_id=account.customer_id, ad_group_id=ad_group_id, edition=edition, ad_ids=ad_ids
                )
                audit.twice.append(twice)
        statuses = _statuses(ads)
        audit.removed += [ad for ad in made if statuses.get(ad.new_ad_id) == "REMOVED"]
        missing = [ad for ad in made if ad.new_ad_id not in statuses]
        if missing:
            asking.rest(
                self.second_read_seconds,
                f"before a second look at {len(missing):,} ads that are not there {place}",
            )
            again = self.gateway.read_snapshot(account, sorted({ad.ad_group_id for ad in missing})).ads
            statuses = _statuses(again)
            audit.lost += [ad for ad in missing if ad.new_ad_id not in statuses]


def _statuses(ads: Mapping[int, Sequence[LiveAd]]) -> dict[int, str]:
    return {ad.ad_id: ad.status for found in ads.values() for ad in found}
