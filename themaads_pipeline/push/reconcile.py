"""In doubt: sent, and the answer never recorded. The live account knows; nothing is sent on a guess."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from themaads_pipeline.ledger.attempts import DoubtfulItem
from themaads_pipeline.ledger.leases import Lease
from themaads_pipeline.model.ad_copy import edition_of
from themaads_pipeline.model.ads import Account, LiveAd
from themaads_pipeline.model.fingerprints import fingerprint
from themaads_pipeline.push.lines import say
from themaads_pipeline.push.work import LARGEST_READ, Work

_BETWEEN_LOOKS_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubts:
    """What is left in doubt after a look, and when the next look can prove something."""

    items: int
    look_again_at: datetime | None
    settled: int = 0  # by this look: adopted, or given back as proven absent


def our_ad(item: DoubtfulItem, ads: Sequence[LiveAd]) -> LiveAd | None:
    """The ad that this item's request created: a new id with our identity, or with the planned fingerprint.

    Removed ads count: what a person removed meanwhile was created, and must not be created again. Texts that
    a person edited meanwhile are told by the identity.
    """
    new = sorted((ad for ad in ads if ad.ad_id not in item.seen_ad_ids), key=lambda ad: ad.ad_id)
    for ad in new:
        if edition_of(ad.content) == item.edition:
            return ad
    for ad in new:
        if fingerprint(ad.content) == item.fingerprint:
            return ad
    return None


def reconcile(work: Work, account: Account, lease: Lease) -> Doubts:
    """Look all items in doubt up, settle what that proves, and say when to look again.

    Raises:
        AdsError: The account could not be read; nothing was concluded.
        FencedError: The upload is not ours any more.
    """
    ledger, margin = work.ledger, work.settings.absence_margin_seconds
    # Read before the items: an item is judged absent only by a look that began after its margin.
    read_at, started = ledger.attempts.now(), time.monotonic()
    doubtful = ledger.attempts.in_doubt(work.owner, lease)
    if not doubtful:
        return Doubts(items=0, look_again_at=None)
    found: list[tuple[DoubtfulItem, int]] = []
    absent: list[DoubtfulItem] = []
    for start in range(0, len(doubtful), LARGEST_READ):
        part = doubtful[start : start + LARGEST_READ]
        live = work.gateway.read_snapshot(account, sorted({item.ad_group_id for item in part})).ads
        for item in part:
            ad = our_ad(item, live.get(item.ad_group_id, ()))
            if ad is not None:
                found.append((item, ad.ad_id))
            elif item.past_margin:
                absent.append(item)
    ledger.attempts.reconcile(work.owner, lease, found=found, absent=absent, read_at=read_at)
    left = ledger.attempts.in_doubt(work.owner, lease)
    left_ids = {item.item_id for item in left}
    settled = len({item.item_id for item in doubtful} - left_ids)
    adopted = len({item.item_id for item, _ in found} - left_ids)
    say(
        work.owner,
        "doubts_looked_up",
        account=account.customer_id,
        adopted=adopted,
        absent=settled - adopted,
        left=len(left_ids),
        seconds=time.monotonic() - started,
    )
    if not left:
        return Doubts(items=0, look_again_at=None, settled=settled)
    # The first look is at once, the next when absence can be noted, the last when it can be proven.
    again = min(
        item.first_absent_at + timedelta(seconds=work.settings.second_read_seconds)
        if item.first_absent_at
        else item.deadline_at + timedelta(seconds=margin)
        for item in left
    )
    earliest = ledger.attempts.now() + timedelta(seconds=_BETWEEN_LOOKS_S)
    return Doubts(items=len(left), look_again_at=max(again, earliest), settled=settled)
