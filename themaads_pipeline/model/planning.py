"""What to do with one item, given the live state of its ad group: pure, and the same for dry run and push."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from themaads_pipeline.model.ad_copy import CopyError, compose, edition_of
from themaads_pipeline.model.ads import AdGroup, LiveAd, NewAd, Snapshot
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.editions import ORIGINAL_LABEL, Edition, EditionMoment
from themaads_pipeline.model.fingerprints import fingerprint
from themaads_pipeline.model.items import Item
from themaads_pipeline.model.labels import LabelBook
from themaads_pipeline.model.landing_urls import query_pairs
from themaads_pipeline.model.lessons import LessonBook
from themaads_pipeline.model.outcomes import Category, Failure, SkipReason

__all__ = ["Create", "LabelBook", "Plan", "Planner", "Present", "Refuse", "Skip"]


class Create(Struct, frozen=True, kw_only=True, gc=False):
    """A new ad is to be created, and labelled."""

    item: Item
    new_ad: NewAd
    ad_group: AdGroup
    seen_ad_ids: tuple[int, ...]  # every ad that was in the ad group, removed ones included
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


class _KnownEdition(NamedTuple):
    edition: Edition
    at: EditionMoment
    label_ids: frozenset[int]
    is_over: bool


class Planner:
    """Decides about items of one account at one moment; the same in a dry run, a preview and a push."""

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        labels: LabelBook,
        catalogue: Catalogue,
        local_now: datetime,
        lessons: LessonBook = _NO_LESSONS,
    ) -> None:
        """Keep what is known: `snapshot` must cover the ad groups of all items that will be asked about;
        `local_now` is the account's wall clock; `lessons` are the account's.
        """
        self._snapshot = snapshot
        self._labels = labels
        self._catalogue = catalogue
        self._now = local_now
        self._lessons = lessons
        self._original_ids = labels.ids_of(ORIGINAL_LABEL)
        self._known: dict[str, _KnownEdition] = {}

    def plan(self, item: Item, known_ad_ids: frozenset[int] = frozenset()) -> Plan:
        """Decide about one item; the first of these that applies:

        1. The edition is over on the account's wall clock: refused, whatever the account looks like.
        2. The ad group is gone; its campaign is removed or has ended; it is an experiment's; it is no search
           ad group. These come before "present": a label on an ad that cannot serve is an operation for
           nothing.
        3. The edition's ad is there, by what proves it best: the ledger, our identity, the edition's label.
           This comes before the choice of an ad to copy, so that an ad group whose other ads are gone is not
           "no ad".
        4. There is no ad to copy: no RSA at all, only themed ones, only disapproved ones, none with a final
           URL.
        5. No valid ad can be made from the best one: refused.
        6. A live ad has the fingerprint of the ad that would be made: it is there, and has lost its identity.
        7. The ad has what policy refused in this account before: refused. Last, so that an ad that is there
           all the same counts as present.
        8. Create.

        `known_ad_ids` are the ads that the ledger knows for the item's edition.

        Raises:
            ThemeError: The catalogue has no such edition.
        """
        known = self._edition(item.edition)
        if known.is_over:
            return Refuse(item=item, failure=_edition_over(known.edition))
        ad_group = self._snapshot.ad_groups.get(item.ad_group_id)
        if ad_group is None:
            message = f"the account has no ad group {item.ad_group_id}, or it was removed"
            return Skip(item=item, reason=SkipReason.AD_GROUP_REMOVED, message=message)
        if (unfit := _unfit(ad_group, self._now)) is not None:
            reason, message = unfit
            return Skip(item=item, reason=reason, message=message)
        ads: Sequence[LiveAd] = self._snapshot.ads.get(item.ad_group_id, ())
        if len(ads) > 1:
            ads = sorted(ads, key=_ad_id)
        live = [ad for ad in ads if ad.status != "REMOVED"]
        if (ad := _present(live, item.edition, known.label_ids, known_ad_ids)) is not None:
            lacks_label = known.label_ids.isdisjoint(ad.label_ids)
            return Present(item=item, ad_id=ad.ad_id, lacks_edition_label=lacks_label)
        plan = self._plan_ad(item, ad_group, ads, live, known)
        if isinstance(plan, Create) and (lesson := self._lessons.met_by(plan.new_ad.content)) is not None:
            return Refuse(item=item, failure=lesson.failure())
        return plan

    def _plan_ad(
        self,
        item: Item,
        ad_group: AdGroup,
        ads: Sequence[LiveAd],
        live: Sequence[LiveAd],
        known: _KnownEdition,
    ) -> Plan:
        chosen = self._ad_to_copy(live)
        if isinstance(chosen, SkipReason):
            return Skip(item=item, reason=chosen, message=_NOTHING_TO_COPY[chosen])
        try:
            content = compose(known.edition, chosen.content, at=known.at)
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
        return Create(
            item=item,
            new_ad=new_ad,
            ad_group=ad_group,
            seen_ad_ids=tuple([ad.ad_id for ad in ads]),
            label_copied_ad=self._original_ids.isdisjoint(chosen.label_ids),
        )

    def _ad_to_copy(self, live: Sequence[LiveAd]) -> LiveAd | SkipReason:
        """The best of those that get over every hurdle; or the last hurdle that any of them came to."""
        best: LiveAd | None = None
        last = SkipReason.NO_AD_TO_COPY
        for ad in live:
            hurdle = self._hurdle(ad)
            if hurdle is None:
                if best is None or _enabled_first(ad) < _enabled_first(best):
                    best = ad
            elif _HURDLES.index(hurdle) > _HURDLES.index(last):
                last = hurdle
        return last if best is None else best

    def _hurdle(self, ad: LiveAd) -> SkipReason | None:
        """The first thing for which an ad cannot be copied."""
        if ad.status not in _COPYABLE:
            return SkipReason.NO_AD_TO_COPY
        if is_themed(ad, self._labels, self._catalogue):
            return SkipReason.ONLY_THEMED_ADS
        if ad.approval_status == "DISAPPROVED":
            return SkipReason.ONLY_DISAPPROVED_ADS
        return None if ad.content.final_urls else SkipReason.NO_FINAL_URL

    def _edition(self, name: str) -> _KnownEdition:
        if (known := self._known.get(name)) is None:
            edition = self._catalogue.edition(name)
            known = self._known[name] = _KnownEdition(
                edition=edition,
                at=edition.at(self._now),
                label_ids=self._labels.ids_of(edition.label),
                is_over=edition.is_over(self._now),
            )
        return known


def is_themed(ad: LiveAd, labels: LabelBook, catalogue: Catalogue) -> bool:
    """Whether an ad is themed, ours or not: by identity, label, or a theme's parameters in its URL."""
    if edition_of(ad.content) is not None:
        return True
    if ad.label_ids and any(catalogue.is_themed_label(name) for name in labels.names_of(ad.label_ids)):
        return True
    for url in ad.content.final_urls:
        for marks in catalogue.url_pairs:
            # Nearly no URL has one of them anywhere, so its query is hardly ever taken apart.
            if all(map(url.__contains__, marks)) and marks <= query_pairs(url):
                return True
    return False


_COPYABLE = frozenset({"ENABLED", "PAUSED"})
# What keeps an ad from being copied, in the order in which it is looked at.
_HURDLES = (
    SkipReason.NO_AD_TO_COPY,
    SkipReason.ONLY_THEMED_ADS,
    SkipReason.ONLY_DISAPPROVED_ADS,
    SkipReason.NO_FINAL_URL,
)
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


def _unfit(ad_group: AdGroup, local_now: datetime) -> tuple[SkipReason, str] | None:
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
    live: Sequence[LiveAd], edition: str, label_ids: frozenset[int], known_ad_ids: frozenset[int]
) -> LiveAd | None:
    for ad in live:
        if ad.ad_id in known_ad_ids:
            return ad
    for ad in live:
        if edition_of(ad.content) == edition:
            return ad
    for ad in live:
        if not label_ids.isdisjoint(ad.label_ids):
            return ad
    return None


def _enabled_first(ad: LiveAd) -> tuple[bool, int]:
    return ad.status != "ENABLED", ad.ad_id


def _ad_id(ad: LiveAd) -> int:
    return ad.ad_id
