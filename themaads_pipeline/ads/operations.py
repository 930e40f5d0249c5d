"""What is sent: requests built as raw protobuf, and an operation as plain data for the dry run. Pure.

The hot path: 15 headlines and 4 descriptions are built and serialised in about 10 us. The messages
are the client's own, so what the dry run shows is what a run sends, operation by operation.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.json_format import MessageToDict

from themaads_pipeline.ads import protobuf
from themaads_pipeline.model.ads import AdContent, AdGroupLabel, AdLabel, AdText, NewAd
from themaads_pipeline.model.theme_texts import DESCRIPTION, HEADLINE

# A mutate request takes at most so many operations (RequestError.TOO_MANY_MUTATE_OPERATIONS).
MAX_OPERATIONS = 10_000


def create_ads_request(customer_id: int, new_ads: Sequence[NewAd], *, validate_only: bool = False) -> Any:
    """One MutateAdGroupAds request: every ad PAUSED, one refused ad does not fail the others."""
    request = _request(protobuf.MutateAdGroupAdsRequest, customer_id, validate_only=validate_only)
    add = protobuf.MutateAdGroupAdsRequest.pb(request).operations.add
    ad_groups = f"customers/{customer_id}/adGroups/"
    for new_ad in new_ads:
        _fill_ad(add().create, ad_groups, new_ad)
    return request


def attach_ad_labels_request(customer_id: int, labels: Sequence[AdLabel]) -> Any:
    """One MutateAdGroupAdLabels request."""
    request = _request(protobuf.MutateAdGroupAdLabelsRequest, customer_id)
    add = protobuf.MutateAdGroupAdLabelsRequest.pb(request).operations.add
    ads = f"customers/{customer_id}/adGroupAds/"
    names = {each: f"customers/{customer_id}/labels/{each}" for each in {label.label_id for label in labels}}
    for label in labels:
        create = add().create
        create.ad_group_ad = f"{ads}{label.ad_group_id}~{label.ad_id}"
        create.label = names[label.label_id]
    return request


def attach_ad_group_labels_request(customer_id: int, labels: Sequence[AdGroupLabel]) -> Any:
    """One MutateAdGroupLabels request."""
    request = _request(protobuf.MutateAdGroupLabelsRequest, customer_id)
    add = protobuf.MutateAdGroupLabelsRequest.pb(request).operations.add
    customer = f"customers/{customer_id}"
    for label in labels:
        create = add().create
        create.ad_group = f"{customer}/adGroups/{label.ad_group_id}"
        create.label = f"{customer}/labels/{label.label_id}"
    return request


def create_labels_request(customer_id: int, names: Sequence[str]) -> Any:
    """One MutateLabels request."""
    request = _request(protobuf.MutateLabelsRequest, customer_id)
    add = protobuf.MutateLabelsRequest.pb(request).operations.add
    for name in names:
        add().create.name = name
    return request


def operations_of(request: Any) -> Sequence[Any]:
    """The operations of a request built here, as raw protobuf messages."""
    operations: Sequence[Any] = type(request).pb(request).operations
    return operations


def describe(operation: Any) -> dict[str, Any]:
    """An operation as plain data: names as in the API's documentation, enums by name, only what is set.

    Equal operations give equal descriptions in equal order; it can be written as JSON or into a table.
    """
    plain: dict[str, Any] = MessageToDict(operation, preserving_proto_field_name=True)
    return plain


def _request(wrapper: Any, customer_id: int, *, validate_only: bool = False) -> Any:
    """An empty request with partial failure; `customer_id` has no dashes on the wire."""
    message = wrapper.pb()(customer_id=str(customer_id), partial_failure=True, validate_only=validate_only)
    return wrapper.wrap(message)


def _fill_ad(ad_group_ad: Any, ad_groups: str, new_ad: NewAd) -> None:
    ad_group_ad.MergeFromString(_frame(new_ad.content.url_custom_parameters))
    ad_group_ad.ad_group = f"{ad_groups}{new_ad.ad_group_id}"
    _fill_content(ad_group_ad.ad, new_ad.content)


def _fill_content(ad: Any, content: AdContent) -> None:
    ad.final_urls.extend(content.final_urls)
    if content.final_mobile_urls:
        ad.final_mobile_urls.extend(content.final_mobile_urls)
    if content.tracking_url_template:
        ad.tracking_url_template = content.tracking_url_template
    if content.final_url_suffix:
        ad.final_url_suffix = content.final_url_suffix
    rsa = ad.responsive_search_ad
    # Messages as bytes, one behind the other, are the same as all of them merged: a rule of protobuf.
    headlines, descriptions = content.headlines, content.descriptions
    rsa.MergeFromString(
        b"".join(
            [
                *map(_headline, headlines[: HEADLINE.copied]),
                _headlines(headlines[HEADLINE.copied :]),
                *map(_description, descriptions[: DESCRIPTION.copied]),
                _descriptions(descriptions[DESCRIPTION.copied :]),
            ]
        )
    )
    if content.path1:
        rsa.path1 = content.path1
    if content.path2:
        rsa.path2 = content.path2


@lru_cache(maxsize=4_096)  # nearly all ads of an edition have the same
def _frame(url_custom_parameters: tuple[tuple[str, str], ...]) -> bytes:
    """A paused ad with nothing but these, serialised."""
    frame = protobuf.AdGroupAdOperation().create
    frame.status = protobuf.PAUSED
    for key, value in url_custom_parameters:
        frame.ad.url_custom_parameters.add(key=key, value=value)
    return bytes(frame.SerializeToString())


@lru_cache(maxsize=4_096)  # behind an ad's own texts the theme's are, the same ones in every ad
def _headlines(texts: tuple[AdText, ...]) -> bytes:
    return b"".join(map(_headline, texts))


@lru_cache(maxsize=4_096)
def _descriptions(texts: tuple[AdText, ...]) -> bytes:
    return b"".join(map(_description, texts))


@lru_cache(maxsize=16_384)
def _headline(text: AdText) -> bytes:
    """A responsive search ad with nothing but this headline, serialised."""
    alone = protobuf.ResponsiveSearchAdInfo()
    _fill_text(alone.headlines.add(), text)
    return bytes(alone.SerializeToString())


@lru_cache(maxsize=16_384)
def _description(text: AdText) -> bytes:
    alone = protobuf.ResponsiveSearchAdInfo()
    _fill_text(alone.descriptions.add(), text)
    return bytes(alone.SerializeToString())


def _fill_text(asset: Any, text: AdText) -> None:
    asset.text = text.text
    if text.pin is not None:
        asset.pinned_field = protobuf.PIN_NUMBERS[text.pin]
