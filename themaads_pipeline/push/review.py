"""What Google's review has said since: of every ad that an upload made. Only reads are sent."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AccountStoppedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.accounts import dashed, unusable
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.reviews import AdReview, Verdict
from themaads_pipeline.model.telling import Tell, tell_nobody
from themaads_pipeline.push.watching import Asking, watched
from themaads_pipeline.push.work import LARGEST_READ

__all__ = ["DisapprovedAd", "Reviewed", "review_upload"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DisapprovedAd:
    """An ad that was made, and that Google shows to nobody."""

    account: Account
    edition: str
    review: AdReview


@dataclass(kw_only=True)
class Reviewed:
    """What a look at the reviews found."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)  # of disapproved ads
    not_read: dict[int, str] = field(default_factory=dict)  # accounts, and why

    @property
    def disapproved(self) -> int:
        """How many ads Google shows to nobody."""
        return self.verdicts[Verdict.DISAPPROVED]


def review_upload(
    upload: int,
    *,
    ledger: Ledger,
    gateway: Gateway,
    keep: Callable[[DisapprovedAd], None],
    tell: Tell = tell_nobody,
) -> Reviewed:
    """Ask Google for the review of every ad that an upload made. Nothing is changed, there or here.

    Args:
        upload: Its number.
        ledger: Knows which ads were made; it is asked for some of one account at a time.
        gateway: The accounts.
        keep: Gets each disapproved ad, in the order of accounts and ad groups, in a thread of its own.
        tell: Is told how far it is, and of each request as a wait that has an end.

    Raises:
        AdsError: An account could not be read for now.
    """
    reviewed = Reviewed()

    def of_all_accounts(asking: Asking) -> Reviewed:
        for customer_id, parts in ledger.outcomes.made_ads_by_account(upload, size=LARGEST_READ):
            account = gateway.accounts().get(customer_id)
            stopped = unusable(customer_id, account)
            if account is None or stopped is not None:
                reviewed.not_read[customer_id] = stopped[1] if stopped else ""
                continue
            try:
                for made in parts:
                    so_far = reviewed.verdicts.total()
                    asking.goes_on(f"reading reviews in account {dashed(customer_id)}: {so_far:,} ads so far")
                    reviews = gateway.read_reviews(account, [ad["new_ad_id"] for ad in made])
                    _count(reviewed, account, made, reviews, keep)
            except AccountStoppedError as error:
                reviewed.not_read[customer_id] = str(error)
        return reviewed

    return watched(of_all_accounts, gateway=gateway, tell=tell, doing="reading the reviews of the ads")


def _count(
    reviewed: Reviewed,
    account: Account,
    made: Sequence[Mapping[str, Any]],
    reviews: Sequence[AdReview],
    keep: Callable[[DisapprovedAd], None],
) -> None:
    by_ad = {review.ad_id: review for review in reviews}
    for ad in made:
        review = by_ad.get(ad["new_ad_id"])
        verdict = review.verdict if review is not None else Verdict.NOT_THERE
        reviewed.verdicts[verdict] += 1
        if review is not None and verdict is Verdict.DISAPPROVED:
            reviewed.topics.update(topic for topic, _ in review.topics)
            keep(DisapprovedAd(account=account, edition=ad["edition"], review=review))
