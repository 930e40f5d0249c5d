"""How queries may be written."""

from collections.abc import Callable
from typing import Any

import pytest

from themaads_pipeline_tests.conformance.account import MANAGER, search
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _ids(client: Any, query: str) -> list[int]:
    return [row.ad_group.id for row in search(client, query)]


def test_keywords_may_be_in_any_case_and_spread_over_lines(client: Any) -> None:
    query = "select\n ad_group.id\nFrom ad_group\n\twhere ad_group.id in (12, 11)\r\nOrder By ad_group.id"
    assert _ids(client, query) == [11, 12]


def test_no_space_is_needed_around_symbols(client: Any) -> None:
    query = "SELECT ad_group.id,ad_group.name FROM ad_group WHERE ad_group.id>=15 AND ad_group.id<=15"
    assert _ids(client, query) == [15]


def test_strings_stand_in_either_quotes_with_escapes(client: Any, emulator: RunningEmulator) -> None:
    names = ["Bakker's brood", 'Kies "nu"', "terug\\streep", "regel\neinde"]
    emulator.seed(
        {
            "managers": [{"customer_id": MANAGER}],
            "accounts": [
                {
                    "customer_id": 2000000001,
                    "campaigns": [{"id": 1}],
                    "ad_groups": [
                        {"id": 21 + number, "name": name, "campaign_id": 1}
                        for number, name in enumerate(names)
                    ],
                }
            ],
        }
    )
    written = {
        r"'Bakker\'s brood'": 21,
        '"Bakker\'s brood"': 21,
        "'Kies \"nu\"'": 22,
        r'"Kies \"nu\""': 22,
        r"'terug\\streep'": 23,
        r"'regel\neinde'": 24,
    }
    for literal, ad_group_id in written.items():
        query = f"SELECT ad_group.id FROM ad_group WHERE ad_group.name = {literal}"
        assert _ids(client, query) == [ad_group_id], literal
        several = f"SELECT ad_group.id FROM ad_group WHERE ad_group.name IN ({literal}, 'Anders')"
        assert _ids(client, several) == [ad_group_id], literal


def test_constants_of_enums_stand_with_or_without_quotes(client: Any) -> None:
    for values in ("(PAUSED, REMOVED)", "('PAUSED', 'REMOVED')", "(PAUSED,REMOVED)"):
        query = f"SELECT ad_group.id FROM ad_group WHERE ad_group.status IN {values}"
        assert _ids(client, query) == [12, 13], values


def test_rows_are_ordered_by_several_fields(client: Any) -> None:
    query = "SELECT ad_group.id FROM ad_group ORDER BY ad_group.status DESC, ad_group.id"
    assert _ids(client, query) == [13, 12, 11, 14, 15, 16]


def test_rows_may_be_ordered_by_a_field_that_is_not_selected_of_a_resource_that_is(client: Any) -> None:
    query = "SELECT ad_group.id, campaign.id FROM ad_group ORDER BY campaign.name, ad_group.name ASC LIMIT 2"
    assert _ids(client, query) == [16, 14]


def test_a_limit_cuts_the_answer_after_it_was_ordered(client: Any) -> None:
    assert _ids(client, "SELECT ad_group.id FROM ad_group ORDER BY ad_group.id DESC LIMIT 1") == [16]


def test_both_parameters_are_taken_together(client: Any) -> None:
    query = (
        "SELECT ad_group.name FROM ad_group LIMIT 1 "
        "PARAMETERS include_drafts = true, omit_unselected_resource_names = true"
    )
    (row,) = search(client, query)
    assert row.ad_group.name
    assert not row.ad_group.resource_name


def test_resource_names_come_unasked_for_every_resource_of_the_selection(client: Any) -> None:
    (row,) = search(client, "SELECT customer.id, campaign.name FROM ad_group WHERE ad_group.id = 11")
    assert row.ad_group.resource_name == "customers/2000000001/adGroups/11"
    assert row.campaign.resource_name == "customers/2000000001/campaigns/1"
    assert row.customer.resource_name == "customers/2000000001"


def test_a_field_that_python_has_a_word_for_keeps_its_name(client: Any) -> None:
    (row,) = search(client, "SELECT ad_group.type FROM ad_group WHERE ad_group.type = SEARCH_DYNAMIC_ADS")
    assert row.ad_group.type_ == client.enums.AdGroupTypeEnum.SEARCH_DYNAMIC_ADS


def test_a_resource_may_be_selected_on_its_attributed_resources_alone(client: Any) -> None:
    rows = search(client, "SELECT campaign.name FROM ad_group WHERE campaign.status = REMOVED")
    assert [row.campaign.name for row in rows] == ["Weg"]


def test_the_answer_names_the_fields_in_the_order_they_were_selected(client: Any) -> None:
    pages = client.get_service("GoogleAdsService").search(
        customer_id="2000000001", query="SELECT campaign.name, ad_group.id, ad_group.status FROM ad_group"
    )
    mask = next(iter(pages.pages)).field_mask
    assert list(mask.paths) == ["campaign.name", "ad_group.id", "ad_group.status"]
