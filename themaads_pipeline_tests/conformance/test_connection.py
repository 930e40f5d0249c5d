"""Versions, tokens and accounts: who gets in, and what the others are told."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    MANAGER,
    SHOP,
    SUSPENDED,
    add_ad,
    ads_request,
    codes,
    search,
)
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator

ClientFor = Callable[..., Any]
ACCOUNT_QUERY = "SELECT customer.id, customer.time_zone FROM customer"


def _refusal(client: Any, customer_id: str) -> list[str]:
    with pytest.raises(GoogleAdsException) as refused:
        search(client, ACCOUNT_QUERY, customer_id)
    return codes(refused.value.failure)


@pytest.mark.parametrize("version", ["v23", "v24", "v25", "v26"])
def test_every_version_of_the_client_reads_writes_and_understands_errors(
    version: str, client_for: ClientFor
) -> None:
    client = client_for(version, login_customer_id=MANAGER)
    (row,) = search(client, ACCOUNT_QUERY)
    assert row.customer.id == int(SHOP)
    request = ads_request(client)
    add_ad(client, request)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    assert response.results[0].resource_name.startswith(f"customers/{SHOP}/adGroupAds/11~")
    with pytest.raises(GoogleAdsException) as refused:
        search(client, "SELECT customer.nonsense FROM customer")
    assert codes(refused.value.failure) == ["query_error.UNRECOGNIZED_FIELD"]
    assert refused.value.request_id
    assert refused.value.failure.request_id == refused.value.request_id


def test_proto_plus_messages_work_as_well(client_for: ClientFor) -> None:
    client = client_for(login_customer_id=MANAGER, use_proto_plus=True)
    (row,) = search(client, "SELECT ad_group.name, ad_group.status FROM ad_group WHERE ad_group.id = 11")
    assert row.ad_group.status.name == "ENABLED"


def test_only_accounts_without_managers_are_listed_as_accessible(client_for: ClientFor) -> None:
    names = client_for().get_service("CustomerService").list_accessible_customers().resource_names
    assert list(names) == ["customers/1000000001", "customers/1000000002"]


def test_a_manager_sees_its_hierarchy(client_for: ClientFor) -> None:
    rows = search(
        client_for(login_customer_id=MANAGER),
        "SELECT customer_client.id, customer_client.level, customer_client.manager, customer_client.status "
        "FROM customer_client ORDER BY customer_client.id",
        MANAGER,
    )
    found = [(row.customer_client.id, row.customer_client.level, row.customer_client.manager) for row in rows]
    assert found == [(int(MANAGER), 0, True), (int(SHOP), 1, False), (int(SUSPENDED), 1, False)]


def test_a_broken_seed_is_refused_and_changes_nothing(emulator: RunningEmulator) -> None:
    before = emulator.accounts()
    with pytest.raises(EmulatorError, match="unknown keys"):
        emulator.seed({"acounts": []})
    assert emulator.accounts() == before
