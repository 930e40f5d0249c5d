"""Ads by themselves: their texts and URLs can be edited after creation, by the rules of creation."""

from dataclasses import dataclass

from themaads_pipeline.emulator.entities import REMOVED, Ad
from themaads_pipeline.emulator.failures import ApiError, Errors, OperationRefusedError, Path
from themaads_pipeline.emulator.field_rules import field_rules
from themaads_pipeline.emulator.messages import Message, enum_values
from themaads_pipeline.emulator.resources import Resource
from themaads_pipeline.emulator.resources.ad_contents import judged, rsa_rules
from themaads_pipeline.emulator.resources.enums_given import check_enums
from themaads_pipeline.emulator.resources.field_masks import merged
from themaads_pipeline.emulator.reviews import Review
from themaads_pipeline.emulator.transactions import Transaction, not_found

_UPDATE: Path = (("update", None),)
_NAME: Path = (*_UPDATE, ("resource_name", None))
_DEPRECATED = frozenset({"EXPANDED_TEXT_AD", "TEXT_AD"})


@dataclass(frozen=True, slots=True)
class EditedAd:
    """The ad as AdService names it: `customers/1/ads/2`, without its ad group."""

    ad: Ad

    @property
    def resource_name(self) -> str:
        return f"customers/{self.ad.ad_group.campaign.account.customer_id}/ads/{self.ad.ad_id}"

    def message(self) -> Message:
        return self.ad.ad_message()


def _update(tx: Transaction, operation: Message) -> EditedAd:
    ad = _find(tx, operation.update.resource_name)
    before = ad.ad_message()
    body = merged(operation, before, field_rules("resources.Ad"))
    errors = Errors()
    check_enums(operation.update, errors, _UPDATE)
    if body.WhichOneof("ad_data") != before.WhichOneof("ad_data"):
        kind = body.WhichOneof("ad_data")
        errors.add("FieldError.IMMUTABLE_FIELD", (*_UPDATE, (kind, None)))
    errors.raise_any()
    headlines, descriptions = rsa_rules().check(
        body, errors, _UPDATE, now=tx.now, time_zone=tx.account.time_zone
    )
    errors.raise_any()
    review = judged(
        tx, operation, body, _UPDATE, ad_id=ad.ad_id, headlines=headlines, descriptions=descriptions
    )
    for name in ("resource_name", "id", "type_"):
        body.ClearField(name)
    tx.change(ad, "body", tx.world.stored_form(tx.account, body))
    _review_anew(tx, ad, review)
    return EditedAd(ad)


def _review_anew(tx: Transaction, ad: Ad, review: Review) -> None:
    """An edited ad is a new one to Google's reviewers."""
    tx.change(ad, "review_until", review.until)
    tx.change(ad, "approval_status", 0)
    tx.change(ad, "policy_topics", review.topics)
    tx.change(ad, "late_topics", review.late_topics)


def _find(tx: Transaction, name: str) -> Ad:
    (ad_id,) = tx.ids(name, "ads", _NAME)
    ad = tx.account.ads.get(ad_id)
    if ad is None:
        raise not_found(_NAME, name)
    code = ""
    if REMOVED in {ad.status, ad.ad_group.status, ad.ad_group.campaign.status}:
        code = "AdError.UPDATING_AD_WITH_NO_ENABLED_ASSOCIATION"
    elif ad.type in {enum_values("AdType")[kind] for kind in _DEPRECATED}:
        code = "AdGroupAdError.CANNOT_UPDATE_DEPRECATED_ADS"
    elif ad.type != enum_values("AdType")["RESPONSIVE_SEARCH_AD"]:
        code = "AdError.CANNOT_MODIFY_AD"
    if code:
        raise OperationRefusedError(ApiError(code=code, path=_NAME, trigger=name))
    return ad


ADS = Resource(name="ad", service="AdService", method="MutateAds", update=_update, cost="ad")
