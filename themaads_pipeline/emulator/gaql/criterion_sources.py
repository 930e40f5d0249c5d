"""Criteria, customizers, shared sets and assets behind FROM, with the resources their rows belong to."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.emulator.entities import Account, Document
from themaads_pipeline.emulator.gaql.document_sources import (
    ad_group_of,
    campaign_of,
    customer_of,
    document_source,
    referenced_document,
)
from themaads_pipeline.emulator.gaql.sources import Source
from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.resources.devices import implied_device, implied_devices


@dataclass(frozen=True, slots=True)
class KeywordView:
    """A keyword as reports show it."""

    criterion: Document

    def message(self) -> Message:
        name = self.criterion.resource_name.replace("/adGroupCriteria/", "/keywordViews/")
        return message_class("resources.KeywordView")(resource_name=name)


def _keywords(account: Account) -> Iterator[Document]:
    keyword = enum_values("CriterionType")["KEYWORD"]
    for document in account.documents.get("ad_group_criterion", {}).values():
        if document.body.type_ == keyword and not document.body.negative:
            yield document


def _keyword_views(account: Account) -> Iterable[KeywordView]:
    return map(KeywordView, _keywords(account))


def _views_by_name(account: Account, names: Iterable[str]) -> Iterator[KeywordView]:
    wanted = {name.replace("/keywordViews/", "/adGroupCriteria/") for name in names}
    return (KeywordView(document) for document in _keywords(account) if document.resource_name in wanted)


def _campaign_criteria(account: Account) -> Iterator[Document]:
    """Those that were made, and the devices that every campaign has."""
    yield from account.documents.get("campaign_criterion", {}).values()
    yield from implied_devices(account)


def _campaign_criteria_by_name(account: Account, names: Iterable[str]) -> Iterator[Document]:
    kept = account.documents.get("campaign_criterion", {})
    found = (kept.get(name) or implied_device(account, name) for name in names)
    return (document for document in found if document is not None)


_criterion = referenced_document("ad_group_criterion")


def _through_criterion(find: Callable[[Document], Any]) -> Callable[[Document], Any]:
    """Of the ad group criterion that a document names."""

    def of(document: Document) -> Any:
        criterion = _criterion(document)
        return None if criterion is None else find(criterion)

    return of


_IN_AD_GROUP = {"ad_group": ad_group_of, "campaign": campaign_of}
_OF_KEYWORD = {
    "ad_group_criterion": _criterion,
    "ad_group": _through_criterion(ad_group_of),
    "campaign": _through_criterion(campaign_of),
}
_ATTRIBUTE = {"customizer_attribute": referenced_document("customizer_attribute")}
_ASSET = {"asset": referenced_document("asset")}
_SHARED_SET = {"shared_set": referenced_document("shared_set")}

CRITERION_SOURCES: dict[str, Source] = {
    "ad_group_criterion": document_source("ad_group_criterion", **_IN_AD_GROUP),
    "keyword_view": Source(
        rows=_keyword_views,
        attributed={
            "ad_group_criterion": lambda view: view.criterion,
            "ad_group": lambda view: ad_group_of(view.criterion),
            "campaign": lambda view: campaign_of(view.criterion),
            "customer": lambda view: customer_of(view.criterion),
        },
        indexes={"keyword_view.resource_name": _views_by_name},
    ),
    "campaign_criterion": Source(
        rows=_campaign_criteria,
        attributed={"campaign": campaign_of, "customer": customer_of},
        indexes={"campaign_criterion.resource_name": _campaign_criteria_by_name},
    ),
    "customer_negative_criterion": document_source("customer_negative_criterion"),
    "ad_group_bid_modifier": document_source("ad_group_bid_modifier", **_IN_AD_GROUP),
    "ad_parameter": document_source("ad_parameter", **_OF_KEYWORD),
    "customizer_attribute": document_source("customizer_attribute"),
    "customer_customizer": document_source("customer_customizer", **_ATTRIBUTE),
    "campaign_customizer": document_source("campaign_customizer", campaign=campaign_of, **_ATTRIBUTE),
    "ad_group_customizer": document_source("ad_group_customizer", **_IN_AD_GROUP, **_ATTRIBUTE),
    "ad_group_criterion_customizer": document_source(
        "ad_group_criterion_customizer", **_OF_KEYWORD, **_ATTRIBUTE
    ),
    "shared_set": document_source("shared_set"),
    "shared_criterion": document_source("shared_criterion", **_SHARED_SET),
    "campaign_shared_set": document_source("campaign_shared_set", campaign=campaign_of, **_SHARED_SET),
    "asset": document_source("asset"),
    "customer_asset": document_source("customer_asset", **_ASSET),
    "campaign_asset": document_source("campaign_asset", campaign=campaign_of, **_ASSET),
    "ad_group_asset": document_source("ad_group_asset", **_IN_AD_GROUP, **_ASSET),
}
