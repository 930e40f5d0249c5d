"""What to do with one item, given the live state of its ad group: pure, and the same for dry run and push."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from themaads_pipeline.model.ad_copy import CopyError, compose, edition_of
from themaads_pipeline.model.ads import AdGroup, LiveAd, NewAd, Snapshot
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.editions import ORIGINAL_LABEL, Edition
from themaads_pipeline.model.fingerprints import fingerprint
from themaads_pipeline.model.items import Item
from themaads_pipeline.model.labels import LabelBook
from themaads_pipeline.model.landing_urls import query_pairs
from themaads_pipeline.model.lessons import LessonBook
from themaads_pipeline.model.outcomes import Category, Failure, SkipReason

__all__ = ["Create", "LabelBook", "Plan", "Present", "Refuse", "Skip", "plan_item"]


class Create(Struct, frozen=True, kw_only=True, gc=False):
    """A new ad is to be created, and labelled."""

    item: Item
    new_ad: NewAd
    label_copied_ad: bool  # the copied ad does not carry THEMA_ORIGINAL yet


class Present(Struct, frozen=True, kw_only=True, gc=False):
    """The edition's ad is there: no ad, and a label where it is missing."""

    item: Item
    ad_id: int
    lacks_edition_label: bool


class Skip(Struct, frozen=True, kw_only=True, gc=False):
    """The ad group needs no ad, or can have none."""

    item: Item
    reason: SkipReason
    message: str


class Refuse(Struct, frozen=True, kw_only=True, gc=False):
    """A rule of ours, or what Google refused before, forbids the ad; nothing is sent."""

    item: Item
    failure: Failure


Plan = Create | Present | Skip | Refuse

_NO_LESSONS = LessonBook()


def plan_item(
    item: Item,
    *,
    edition: Edition,
    snapshot: Snapshot,
    labels: LabelBook,
    catalogue: Catalogue,
    known_ad_ids: frozenset[int],
    local_now: datetime,
    lessons: LessonBook = _NO_LESSONS,
) -> Plan:
    """Decide about one item; the first of these that applies:

    1. The edition is over on the account's wall clock: refused, whatever the account looks like.
    2. The ad group is gone; its campaign is removed or has ended; it is an experiment's; it is no search ad
       group. These come before "present": a label on an ad that cannot serve is an operation for nothing.
    3. The edition's ad is there, by what proves it best: the ledger, our identity, the edition's label. This
       comes before the choice of an ad to copy, so that an ad group whose other ads are gone is not "no ad".
    4. There is no ad to copy: no RSA at all, only themed ones, only disapproved ones, none with a final URL.
    5. No valid ad can be made from the best one: refused.
    6. A live ad has the fingerprint of the ad that would be made: it is there, and has lost its identity.
    7. The ad has what policy refused in this account before: refused. Last, so that an ad that is there all
       the same counts as present.
    8. Create.

    `known_ad_ids` are the ads that the ledger knows for this edition. `snapshot` must cover the ad group.
    `lessons` are the account's.
    """
    if edition.is_over(local_now):
        return Refuse(item=item, failure=_edition_over(edition))
    if (unfit := _unfit(item, snapshot.ad_groups.get(item.ad_group_id), local_now)) is not None:
        return unfit
    live = [ad for ad in snapshot.ads.get(item.ad_group_id, ()) if ad.status != "REMOVED"]
    live.sort(key=_ad_id)
    label_ids = labels.ids_of(edition.label)
    if (ad := _present(live, edition, label_ids, known_ad_ids)) is not None:
        return Present(item=item, ad_id=ad.ad_id, lacks_edition_label=label_ids.isdisjoint(ad.label_ids))
    plan = _plan_ad(item, live, edition=edition, labels=labels, catalogue=catalogue, local_now=local_now)
    if isinstance(plan, Create) and (lesson := lessons.met_by(plan.new_ad.content)) is not None:
        return Refuse(item=item, failure=lesson.failure())
    return plan


def _plan_ad(
    item: Item,
    live: Sequence[LiveAd],
    *,
    edition: Edition,
    labels: LabelBook,
    catalogue: Catalogue,
    local_now: datetime,
) -> Plan:
    chosen = _ad_to_copy(live, labels, catalogue)
    if isinstance(chosen, SkipReason):
        return Skip(item=item, reason=chosen, message=_NOTHING_TO_COPY[chosen])
    try:
        content = compose(edition, chosen.content, local_now=local_now)
    except CopyError as error:
        return Refuse(item=item, failure=error.failure)
    planned = fingerprint(content)
    for ad in live:
        if ad.content.path1 == content.path1 and fingerprint(ad.content) == planned:
            return Present(item=item, ad_id=ad.ad_id, lacks_edition_label=True)
    new_ad = NewAd(
        ad_group_id=item.ad_group_id,
        content=content,
        copied_ad_id=chosen.ad_id,
        copied_ad_status=chosen.status,
        fingerprint=planned,
    )
    labelled = not labels.ids_of(ORIGINAL_LABEL).isdisjoint(chosen.label_ids)
    return Create(item=item, new_ad=new_ad, label_copied_ad=not labelled)


def is_themed(ad: LiveAd, labels: LabelBook, catalogue: Catalogue) -> bool:
    """Whether an ad is themed, ours or not: by identity, label, or a theme's parameters in its URL."""
    if edition_of(ad.content) is not None:
        return True
    if ad.label_ids and any(catalogue.is_themed_label(name) for name in labels.names_of(ad.label_ids)):
        return True
    for url in ad.content.final_urls:
        pairs = query_pairs(url)
        if pairs and any(marks <= pairs for marks in catalogue.url_pairs):
            return True
    return False


_NOTHING_TO_COPY = {
    SkipReason.NO_AD_TO_COPY: "the ad group has no responsive search ad to copy: add one",
    SkipReason.ONLY_THEMED_ADS: "the ad group has only themed ads, which are never copied: add another",
    SkipReason.ONLY_DISAPPROVED_ADS: "Google disapproved every ad that could be copied: repair one",
    SkipReason.NO_FINAL_URL: "no ad that could be copied has a final URL: give one a final URL",
}


def _edition_over(edition: Edition) -> Failure:
    return Failure(
        category=Category.INVALID,
        code="edition_over",
        message=f"{edition.title} ended on {edition.ends}: name a later one, as {edition.theme.name}_YYYY",
    )


def _unfit(item: Item, ad_group: AdGroup | None, local_now: datetime) -> Skip | None:
    if ad_group is None:
        message = f"the account has no ad group {item.ad_group_id}, or it was removed"
        return Skip(item=item, reason=SkipReason.AD_GROUP_REMOVED, message=message)
    if (told := _what_is_unfit(ad_group, local_now)) is None:
        return None
    reason, message = told
    return Skip(item=item, reason=reason, message=message)


def _what_is_unfit(ad_group: AdGroup, local_now: datetime) -> tuple[SkipReason, str] | None:
    if ad_group.status == "REMOVED":
        return SkipReason.AD_GROUP_REMOVED, f"the ad group {ad_group.name!r} was removed"
    campaign, ended = ad_group.campaign_name, ad_group.campaign_end
    if ad_group.campaign_status == "REMOVED":
        return SkipReason.CAMPAIGN_REMOVED_OR_ENDED, f"the campaign {campaign!r} was removed"
    if ended is not None and ended < local_now.date():
        return SkipReason.CAMPAIGN_REMOVED_OR_ENDED, f"the campaign {campaign!r} ended on {ended}"
    if ad_group.experiment_type != "BASE":
        message = f"the campaign {campaign!r} belongs to an experiment or draft"
        return SkipReason.EXPERIMENT_CAMPAIGN, message
    if ad_group.type != "SEARCH_STANDARD":
        message = f"the ad group {ad_group.name!r} is {ad_group.type}, and only SEARCH_STANDARD takes RSAs"
        return SkipReason.UNSUPPORTED_AD_GROUP_TYPE, message
    return None


def _present(
    live: Sequence[LiveAd], edition: Edition, label_ids: frozenset[int], known_ad_ids: frozenset[int]
) -> LiveAd | None:
    for ad in live:
        if ad.ad_id in known_ad_ids:
            return ad
    for ad in live:
        if edition_of(ad.content) == edition.name:
            return ad
    for ad in live:
        if not label_ids.isdisjoint(ad.label_ids):
            return ad
    return None


def _ad_to_copy(live: Sequence[LiveAd], labels: LabelBook, catalogue: Catalogue) -> LiveAd | SkipReason:
    candidates = [ad for ad in live if ad.status in {"ENABLED", "PAUSED"}]
    if not candidates:
        return SkipReason.NO_AD_TO_COPY
    candidates = [ad for ad in candidates if not is_themed(ad, labels, catalogue)]
    if not candidates:
        return SkipReason.ONLY_THEMED_ADS
    candidates = [ad for ad in candidates if ad.approval_status != "DISAPPROVED"]
    if not candidates:
        return SkipReason.ONLY_DISAPPROVED_ADS
    candidates = [ad for ad in candidates if ad.content.final_urls]
    if not candidates:
        return SkipReason.NO_FINAL_URL
    return min(candidates, key=_enabled_first)


def _enabled_first(ad: LiveAd) -> tuple[bool, int]:
    return ad.status != "ENABLED", ad.ad_id


def _ad_id(ad: LiveAd) -> int:
    return ad.ad_id
