"""Rules of an ad's URLs, its tracking, its custom parameters, and its links into apps."""

from collections.abc import Callable
from typing import Any

import pytest

from themaads_pipeline_tests.conformance.account import (
    MANAGER,
    add_ad,
    ads_request,
    codes,
    partial_failure,
    path_of,
    raw,
    refusals_of_ad,
    search,
)

AD = "operations[0].create.ad"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("www.example.nl", "url_field_error.MISSING_PROTOCOL_IN_FINAL_URL"),
        ("ftp://www.example.nl", "url_field_error.INVALID_PROTOCOL_IN_FINAL_URL"),
        ("https://", "url_field_error.MISSING_HOST_IN_FINAL_URL"),
        ("https://localhost/x", "url_field_error.INVALID_TLD_IN_FINAL_URL"),
        ("https://www..nl/x", "url_field_error.MALFORMED_FINAL_URL"),
        ("https://example.nl:poort/", "url_field_error.MALFORMED_FINAL_URL"),
        ("https://example.nl/een twee", "url_field_error.MALFORMED_FINAL_URL"),
        ("https://example.nl/een\n", "url_field_error.MALFORMED_FINAL_URL"),
        ("https://example.nl/?u={lpurl}", "url_field_error.INVALID_TAG_IN_FINAL_URL"),
        ("https://example.nl/?u={keyword", "url_field_error.INVALID_TAG_IN_FINAL_URL"),
        ("https://example.nl/?u=}{", "url_field_error.INVALID_TAG_IN_FINAL_URL"),
        ("https://example.nl/{ifmobile:{ifmobile:x}}", "url_field_error.REDUNDANT_NESTED_FINAL_URL_TAG"),
        ("https://www.example.nl/" + "x" * 2_062, "string_length_error.TOO_LONG"),
        ("https://www.example.nl/" + "é" * 1_040, "string_length_error.TOO_LONG"),
    ],
)
def test_a_final_url_that_breaks_a_rule_is_refused(url: str, error: str, client: Any) -> None:
    assert refusals_of_ad(client, final_urls=[url]) == [(error, f"{AD}.final_urls[0]")]


def test_an_ad_needs_a_final_url(client: Any) -> None:
    assert refusals_of_ad(client, final_urls=[]) == [
        ("field_error.REQUIRED_NONEMPTY_LIST", f"{AD}.final_urls")
    ]


def test_urls_that_look_wrong_but_are_not_are_accepted(client: Any) -> None:
    for url in (
        "HTTP://EXAMPLE.NL",
        "https://www.example.nl/" + "x" * 2_061,
        "https://bücher.example.nl:8443/pad?q={keyword}&d={ifmobile:m}{ifnotmobile:c}#deel",
    ):
        assert refusals_of_ad(client, final_urls=[url]) == []


Change = Callable[[Any, Any], None]  # takes the client and the ad


def _refusals(client: Any, change: Change) -> list[tuple[str, str]]:
    request = ads_request(client)
    change(client, add_ad(client, request).create.ad)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    if not response.partial_failure_error.code:
        return []
    failure = raw(partial_failure(client, response))
    return list(zip(codes(failure), map(path_of, failure.errors), strict=True))


def _template(text: str) -> Change:
    return lambda _, ad: setattr(ad, "tracking_url_template", text)


def _suffix(text: str) -> Change:
    return lambda _, ad: setattr(ad, "final_url_suffix", text)


def _parameter(key: str, value: str | None = "x") -> Change:
    def change(client: Any, ad: Any) -> None:
        parameter = ad.url_custom_parameters.add(key=key)
        if value is not None:
            parameter.value = value

    return change


def _parameters(count: int) -> Change:
    def change(client: Any, ad: Any) -> None:
        for number in range(count):
            ad.url_custom_parameters.add(key=f"k{number}", value="x")

    return change


def _apps(*links: tuple[str, str]) -> Change:
    def change(client: Any, ad: Any) -> None:
        for system, url in links:
            number = getattr(client.enums.AppUrlOperatingSystemTypeEnum, system)
            ad.final_app_urls.add(os_type=number, url=url)

    return change


def _mobile(url: str) -> Change:
    return lambda _, ad: ad.final_mobile_urls.append(url)


def _collections(*keys: str) -> Change:
    def change(client: Any, ad: Any) -> None:
        for key in keys:
            ad.url_collections.add(url_collection_id=key, final_urls=["https://www.example.nl/x"])

    return change


ANDROID, IOS = ("ANDROID", "android-app://nl.example.winkel/x"), ("IOS", "ios-app://123456789/x")


@pytest.mark.parametrize(
    ("change", "error", "path"),
    [
        (_mobile("m.example.nl"), "MISSING_PROTOCOL_IN_FINAL_MOBILE_URL", "final_mobile_urls[0]"),
        (_mobile("https://m.example.nl/ "), "MALFORMED_FINAL_MOBILE_URL", "final_mobile_urls[0]"),
        (_template("https://t.example.nl/"), "MISSING_TRACKING_URL_TEMPLATE_TAG", "tracking_url_template"),
        (_template("{lpurl"), "INVALID_TAG_IN_TRACKING_URL_TEMPLATE", "tracking_url_template"),
        (_template("{lpurl}? a=b"), "MALFORMED_TRACKING_URL_TEMPLATE", "tracking_url_template"),
        (_template("t.nl/?u={lpurl}"), "MISSING_PROTOCOL_IN_TRACKING_URL_TEMPLATE", "tracking_url_template"),
        (
            _template("ftp://t.nl/?u={lpurl}"),
            "INVALID_PROTOCOL_IN_TRACKING_URL_TEMPLATE",
            "tracking_url_template",
        ),
        (_suffix("?a=b"), "FINAL_URL_SUFFIX_MALFORMED", "final_url_suffix"),
        (_suffix("a=b c"), "FINAL_URL_SUFFIX_MALFORMED", "final_url_suffix"),
        (_suffix("a={lpurl}"), "INVALID_TAG_IN_FINAL_URL_SUFFIX", "final_url_suffix"),
        (
            _parameter("not allowed"),
            "INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_KEY",
            "url_custom_parameters[0].key",
        ),
        (_parameter("k", None), "NULL_CUSTOM_PARAMETER_VALUE", "url_custom_parameters[0].value"),
        (
            _parameter("k", "a b"),
            "INVALID_CHARACTERS_IN_URL_CUSTOM_PARAMETER_VALUE",
            "url_custom_parameters[0].value",
        ),
        (
            _parameter("k", "{keyword"),
            "INVALID_TAG_IN_URL_CUSTOM_PARAMETER_VALUE",
            "url_custom_parameters[0].value",
        ),
        (_parameters(9), "URL_CUSTOM_PARAMETERS_COUNT_EXCEEDS_LIMIT", "url_custom_parameters"),
        (_apps(ANDROID, ANDROID), "MULTIPLE_APP_URLS_FOR_OSTYPE", "final_app_urls[1]"),
        (_apps(("UNSPECIFIED", "x")), "INVALID_OSTYPE", "final_app_urls[0].os_type"),
        (_apps(("IOS", ANDROID[1])), "INVALID_PROTOCOL_FOR_APP_URL", "final_app_urls[0].url"),
        (_apps(("IOS", "ios-app://naam/x")), "INVALID_PACKAGE_ID_FOR_APP_URL", "final_app_urls[0].url"),
        (_collections("a", "a"), "DUPLICATE_URL_ID", "url_collections[1].url_collection_id"),
        (_collections(""), "INVALID_URL_ID", "url_collections[0].url_collection_id"),
    ],
)
def test_a_url_setting_that_breaks_a_rule_is_refused(
    change: Change, error: str, path: str, client: Any
) -> None:
    assert _refusals(client, change) == [(f"url_field_error.{error}", f"{AD}.{path}")]


def test_keys_values_and_templates_can_be_too_long(client: Any) -> None:
    long = [_parameter("k" * 17), _parameter("k", "v" * 251), _template("{lpurl}?" + "x" * 2_084)]
    for change in (*long, _suffix("x" * 2_085)):
        ((error, _),) = _refusals(client, change)
        assert error == "string_length_error.TOO_LONG"


def test_url_settings_that_break_no_rule_are_kept_as_sent(client: Any) -> None:
    def change(client: Any, ad: Any) -> None:
        for part in (
            _template("https://t.example.nl/?u={escapedlpurl}&k={_thema}"),
            _suffix("a={_thema}&b=c"),
            _parameter("thema", "bf2026"),
            _parameters(7),
            _apps(ANDROID, IOS),
            _mobile("https://m.example.nl/schoenen"),
            _collections("a", "b"),
        ):
            part(client, ad)

    assert _refusals(client, change) == []
    query = (
        "SELECT ad_group_ad.ad.url_custom_parameters, ad_group_ad.ad.final_app_urls, "
        "ad_group_ad.ad.tracking_url_template, ad_group_ad.ad.url_collections FROM ad_group_ad "
        "WHERE ad_group_ad.ad.final_url_suffix = 'a={_thema}&b=c'"
    )
    (row,) = search(client, query)
    ad = row.ad_group_ad.ad
    assert len(ad.url_custom_parameters) == 8
    assert [link.url for link in ad.final_app_urls] == [ANDROID[1], IOS[1]]
    assert [collection.url_collection_id for collection in ad.url_collections] == ["a", "b"]
