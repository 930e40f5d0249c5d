"""Rules of responsive search ads: texts, pins, paths, and what stands in braces."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from themaads_pipeline_tests.conformance.account import (
    DESCRIPTIONS,
    DYNAMIC,
    GONE,
    HEADLINES,
    MANAGER,
    add_ad,
    ads_request,
    codes,
    partial_failure,
    path_of,
    raw,
    refusals_of_ad,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

RSA = "operations[0].create.ad.responsive_search_ad"
FOURTH = f"{RSA}.headlines[3].text"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({"headlines": HEADLINES[:2]}, "collection_size_error.TOO_FEW", f"{RSA}.headlines"),
        (
            {"headlines": [f"Kop {n}" for n in range(16)]},
            "collection_size_error.TOO_MANY",
            f"{RSA}.headlines",
        ),
        ({"descriptions": ["een"]}, "collection_size_error.TOO_FEW", f"{RSA}.descriptions"),
        ({"descriptions": list("vijf!")}, "collection_size_error.TOO_MANY", f"{RSA}.descriptions"),
        ({"descriptions": ["een", "x" * 91]}, "string_length_error.TOO_LONG", f"{RSA}.descriptions[1].text"),
        ({"headlines": [*HEADLINES, HEADLINES[0]]}, "asset_error.DUPLICATE_ASSET", f"{RSA}.headlines[3]"),
        (
            {"headlines": [*HEADLINES, f" {HEADLINES[0]}"]},
            "asset_error.DUPLICATE_ASSET",
            f"{RSA}.headlines[3]",
        ),
        ({"descriptions": [DESCRIPTIONS[0]] * 2}, "asset_error.DUPLICATE_ASSET", f"{RSA}.descriptions[1]"),
        ({"path1": "x" * 16}, "string_length_error.TOO_LONG", f"{RSA}.path1"),
        ({"path1": "靴" * 8}, "string_length_error.TOO_LONG", f"{RSA}.path1"),
        ({"path1": "a/b"}, "ad_error.INVALID_INPUT", f"{RSA}.path1"),
        ({"path1": "{x}"}, "ad_error.UNRECOGNIZED_AD_CUSTOMIZER_TAG_FOUND", f"{RSA}.path1"),
        ({"path1": "{COUNTDOWN(2036-11-27 00:00:00)}"}, "ad_error.INVALID_INPUT", f"{RSA}.path1"),
        ({"path2": "heren"}, "ad_error.CANNOT_SET_PATH2_WITHOUT_PATH1", f"{RSA}.path2"),
        ({"ad_group_id": 999}, "mutate_error.RESOURCE_NOT_FOUND", "operations[0].create.ad_group"),
        (
            {"ad_group_id": GONE},
            "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE",
            "operations[0].create.ad_group",
        ),
        (
            {"ad_group_id": DYNAMIC},
            "operation_access_denied_error.OPERATION_NOT_PERMITTED_FOR_AD_GROUP_TYPE",
            "operations[0].create.ad_group",
        ),
    ],
)
def test_an_ad_that_breaks_a_rule_is_refused(
    fields: dict[str, Any], error: str, path: str, client: Any
) -> None:
    assert refusals_of_ad(client, **fields) == [(error, path)]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "field_error.REQUIRED"),
        ("   ", "string_length_error.EMPTY"),
        ("x" * 31, "string_length_error.TOO_LONG"),
        ("靴" * 16, "ad_error.LINE_TOO_WIDE"),
        ("👟" * 16, "ad_error.LINE_TOO_WIDE"),
        ("e\N{COMBINING ACUTE ACCENT}" * 16, "string_length_error.TOO_LONG"),
        ("x" * 30 + "\N{ZERO WIDTH SPACE}", "string_length_error.TOO_LONG"),
        ("twee\nregels", "string_format_error.ILLEGAL_CHARS"),
        ("bel\x07", "string_format_error.ILLEGAL_CHARS"),
        ("Nog {COUNTDOWN(2020-11-27 00:00:00,5)}", "ad_error.DATE_TIME_IN_COUNTDOWN_TAG_IS_PAST"),
        ("Nog {GLOBAL_COUNTDOWN(2020-11-27 00:00:00)}", "ad_error.DATE_TIME_IN_COUNTDOWN_TAG_IS_PAST"),
        ("Nog {COUNTDOWN(morgen,5)}", "ad_error.DATE_TIME_IN_COUNTDOWN_TAG_IS_INVALID"),
        ("Nog {COUNTDOWN(2036-02-30 00:00:00)}", "ad_error.DATE_TIME_IN_COUNTDOWN_TAG_IS_INVALID"),
        ("Nog {COUNTDOWN()}", "ad_error.DATE_TIME_IN_COUNTDOWN_TAG_IS_INVALID"),
        ("Nog {COUNTDOWN(2036-11-27 00:00:00,vijf)}", "ad_error.INVALID_AD_CUSTOMIZER_FORMAT"),
        ("Nog {COUNTDOWN(2036-11-27 00:00:00,5,6)}", "ad_error.INVALID_AD_CUSTOMIZER_FORMAT"),
        (
            "{COUNTDOWN(2036-11-27 00:00:00):nu}",
            "ad_error.PLACEHOLDER_COUNTDOWN_FUNCTION_CANNOT_HAVE_DEFAULT_VALUE",
        ),
        (
            "{COUNTDOWN(2036-11-27 00:00:00)} {GLOBAL_COUNTDOWN(2036-11-27 00:00:00)}",
            "ad_error.MORE_THAN_ONE_COUNTDOWN_TAG_TYPE_EXISTS",
        ),
        ('{=COUNTDOWN("2036/11/27 00:00:00","nl")}', "ad_error.UNSUPPORTED_AD_CUSTOMIZER_SYNTAX"),
        ("{=IF(device=mobile,Bel):Mail}", "ad_error.UNSUPPORTED_AD_CUSTOMIZER_SYNTAX"),
        ("Hallo {naam}", "ad_error.UNRECOGNIZED_AD_CUSTOMIZER_TAG_FOUND"),
        ("Nog {COUNTDOWN(2036-11-27 00:00:00)", "ad_error.UNPAIRED_BRACE_IN_AD_CUSTOMIZER_TAG"),
        ("Schoenen}", "ad_error.UNPAIRED_BRACE_IN_AD_CUSTOMIZER_TAG"),
        ("{KeyWord:{x}}", "ad_error.NESTED_AD_CUSTOMIZER_SYNTAX"),
        ("{KeyWord:a}{KeyWord:b}", "ad_error.AD_CUSTOMIZERS_MAY_NOT_BE_ADJACENT"),
        ("{KeyWord:}", "ad_error.PLACEHOLDER_CANNOT_HAVE_EMPTY_DEFAULT_VALUE"),
        ("{KeyWord}", "ad_error.PLACEHOLDER_DEFAULT_VALUE_MISSING"),
        ("{KeyWord:" + "x" * 31 + "}", "string_length_error.TOO_LONG"),
        ("{CUSTOMIZER.:5}", "ad_error.INVALID_CUSTOMIZER_ATTRIBUTE_NAME"),
        ("{LOCATION(Street):hier}", "ad_error.UNRECOGNIZED_AD_CUSTOMIZER_TAG_FOUND"),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused(text: str, error: str, client: Any) -> None:
    assert refusals_of_ad(client, headlines=[*HEADLINES, text]) == [(error, FOURTH)]


@pytest.mark.parametrize(
    "text",
    [
        "Nog {COUNTDOWN(2036-11-27 00:00:00,5)} te gaan",
        "Nog {countdown(2036-11-27 00:00:00)}",
        "Nog {GLOBAL_COUNTDOWN(2036-11-27 00:00:00)}",
        "{KeyWord:Schoenen} In De Aanbieding",
        "{CUSTOMIZER.een lange naam:Nu 50} % af",
        "{CUSTOMIZER.korting} korting",
        "In {LOCATION(City):Utrecht}",
        "靴" * 15,
        "Zoë's größte Auswahl",
        HEADLINES[0].upper(),
        DESCRIPTIONS[0][:30],
    ],
)
def test_a_text_that_looks_wrong_but_is_not_is_accepted(text: str, client: Any) -> None:
    assert refusals_of_ad(client, headlines=[*HEADLINES, text]) == []


def test_a_countdown_ends_in_the_time_zone_of_the_account(client: Any, emulator: RunningEmulator) -> None:
    text = "Nog {COUNTDOWN(2036-11-27 00:00:00)}"
    for hour, found in ((22, []), (23, [("ad_error.DATE_TIME_IN_COUNTDOWN_TAG_IS_PAST", FOURTH)])):
        moment = datetime(2036, 11, 26, hour, 30, tzinfo=UTC)
        emulator.clock(offset_s=moment.timestamp() - time.time())
        assert refusals_of_ad(client, headlines=[*HEADLINES, text]) == found


def test_one_ad_can_have_several_errors(client: Any) -> None:
    found = refusals_of_ad(client, headlines=HEADLINES[:2], descriptions=["een"], path2="heren")
    assert len(found) == 3


def _pinned(client: Any, headlines: list[str], descriptions: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Errors of an ad with assets kept to positions, one name (or none) for each asset."""
    request = ads_request(client)
    rsa = add_ad(client, request).create.ad.responsive_search_ad
    pins = client.enums.ServedAssetFieldTypeEnum
    for assets, names in ((rsa.headlines, headlines), (rsa.descriptions, descriptions)):
        for asset, name in zip(assets, names, strict=False):
            if name:
                asset.pinned_field = getattr(pins, name)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    if not response.partial_failure_error.code:
        return []
    failure = raw(partial_failure(client, response))
    return list(zip(codes(failure), map(path_of, failure.errors), strict=True))


@pytest.mark.parametrize(
    ("headlines", "descriptions"),
    [
        (["HEADLINE_1", "HEADLINE_2", "HEADLINE_3"], ("DESCRIPTION_1", "DESCRIPTION_2")),
        (["HEADLINE_1", "HEADLINE_1", ""], ()),
        (["HEADLINE_3", "", ""], ("DESCRIPTION_2", "")),
    ],
)
def test_assets_are_pinned_to_any_position_several_to_one(
    headlines: list[str], descriptions: tuple[str, ...], client: Any
) -> None:
    assert _pinned(client, headlines, descriptions) == []


@pytest.mark.parametrize(
    ("headlines", "descriptions", "error", "path"),
    [
        (["DESCRIPTION_1"], (), "asset_link_error.INVALID_PINNED_FIELD", ".headlines[0].pinned_field"),
        (["", "HEADLINE"], (), "asset_link_error.INVALID_PINNED_FIELD", ".headlines[1].pinned_field"),
        ([], ("HEADLINE_1",), "asset_link_error.INVALID_PINNED_FIELD", ".descriptions[0].pinned_field"),
        (["UNKNOWN"], (), "enum_error.ENUM_VALUE_NOT_PERMITTED", ".headlines[0].pinned_field"),
        (
            ["HEADLINE_1"] * 3,
            (),
            "asset_link_error.NOT_ENOUGH_AVAILABLE_ASSET_LINKS_FOR_VALID_COMBINATION",
            ".headlines",
        ),
        (
            [],
            ("DESCRIPTION_2", "DESCRIPTION_2"),
            "asset_link_error.NOT_ENOUGH_AVAILABLE_ASSET_LINKS_FOR_VALID_COMBINATION",
            ".descriptions",
        ),
    ],
)
def test_a_pin_that_cannot_be_kept_is_refused(
    headlines: list[str], descriptions: tuple[str, ...], error: str, path: str, client: Any
) -> None:
    assert _pinned(client, headlines, descriptions) == [(error, f"{RSA}{path}")]
