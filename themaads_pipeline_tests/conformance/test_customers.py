"""Customers: changed, created below a manager, and the links between them."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    FOREIGN,
    MANAGER,
    OTHER_MANAGER,
    SEED,
    SHOP,
    SUSPENDED,
    codes,
    search,
)
from themaads_pipeline_tests.conformance.account_changes import errors_of, set_fields
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _change(client: Any, fields: dict[str, Any], *, name: str = f"customers/{SHOP}", **settings: Any) -> Any:
    request = client.get_type("MutateCustomerRequest")
    request.customer_id = SHOP
    request.operation.update.resource_name = name
    set_fields(request.operation.update, fields)
    set_fields(request, settings)
    request.operation.update_mask.paths.extend(fields)
    return client.get_service("CustomerService").mutate_customer(request=request)


def _create(client: Any, manager: str = MANAGER, **fields: Any) -> str:
    request = client.get_type("CreateCustomerClientRequest")
    request.customer_id = manager
    usual = {"descriptive_name": "Nieuwe klant", "currency_code": "EUR", "time_zone": "Europe/Brussels"}
    set_fields(request.customer_client, {**usual, **fields})
    return str(client.get_service("CustomerService").create_customer_client(request=request).resource_name)


def _name(client: Any) -> str:
    (row,) = search(client, "SELECT customer.descriptive_name FROM customer")
    return str(row.customer.descriptive_name)


def test_a_customer_is_changed_by_its_mask(client: Any) -> None:
    template = "{lpurl}?src=ads"
    fields = {"descriptive_name": "Winkel", "auto_tagging_enabled": True, "tracking_url_template": template}
    assert _change(client, fields).result.resource_name == f"customers/{SHOP}"
    query = (
        "SELECT customer.descriptive_name, customer.auto_tagging_enabled, customer.tracking_url_template, "
        "customer.currency_code, customer.test_account FROM customer"
    )
    (row,) = search(client, query)
    assert (row.customer.descriptive_name, row.customer.auto_tagging_enabled) == ("Winkel", True)
    assert (row.customer.tracking_url_template, row.customer.currency_code) == (template, "EUR")
    assert not row.customer.test_account


def test_a_dry_run_changes_no_customer(client: Any) -> None:
    _change(client, {"descriptive_name": "Winkel"}, validate_only=True)
    assert _name(client) == "Shop"


def test_the_changed_customer_comes_back_when_asked_for(client: Any) -> None:
    mutable = client.enums.ResponseContentTypeEnum.MUTABLE_RESOURCE
    response = _change(client, {"descriptive_name": "Winkel"}, response_content_type=mutable)
    assert response.result.customer.descriptive_name == "Winkel"


@pytest.mark.parametrize(
    ("fields", "name", "error", "path"),
    [
        ({"currency_code": "USD"}, f"customers/{SHOP}", "field_error.IMMUTABLE_FIELD", "currency_code"),
        ({"manager": True}, f"customers/{SHOP}", "field_error.IMMUTABLE_FIELD", "manager"),
        (
            {"tracking_url_template": "https://example.nl"},
            f"customers/{SHOP}",
            "url_field_error.MISSING_TRACKING_URL_TEMPLATE_TAG",
            "tracking_url_template",
        ),
        ({"descriptive_name": "x"}, "", "request_error.RESOURCE_NAME_MISSING", "resource_name"),
        ({"descriptive_name": "x"}, "customers/x", "request_error.RESOURCE_NAME_MALFORMED", "resource_name"),
        (
            {"descriptive_name": "x"},
            f"customers/{FOREIGN}",
            "mutate_error.RESOURCE_NOT_FOUND",
            "resource_name",
        ),
    ],
)
def test_a_change_that_breaks_a_rule_is_refused(
    fields: dict[str, Any], name: str, error: str, path: str, client: Any
) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _change(client, fields, name=name)
    assert errors_of(refused) == [(error, f"operation.update.{path}")]


def test_a_new_client_is_managed_and_can_be_filled(client: Any) -> None:
    name = _create(client)
    number = name.rpartition("/")[2]
    query = "SELECT customer_client.id, customer_client.level, customer_client.time_zone FROM customer_client"
    clients = {str(row.customer_client.id): row.customer_client for row in search(client, query, MANAGER)}
    assert (clients[number].level, clients[number].time_zone) == (1, "Europe/Brussels")
    (row,) = search(client, "SELECT customer.id, customer.status FROM customer", number)
    assert row.customer.status == client.enums.CustomerStatusEnum.ENABLED
    assert _create(client) != name


@pytest.mark.parametrize(
    ("fields", "error", "path"),
    [
        ({"currency_code": None}, "field_error.REQUIRED", "customer_client.currency_code"),
        ({"currency_code": "XXX"}, "currency_code_error.UNSUPPORTED", "customer_client.currency_code"),
        ({"time_zone": "Europe/Urk"}, "time_zone_error.INVALID_TIME_ZONE", "customer_client.time_zone"),
        (
            {"final_url_suffix": "?a"},
            "url_field_error.FINAL_URL_SUFFIX_MALFORMED",
            "customer_client.final_url_suffix",
        ),
    ],
)
def test_a_wrong_new_client_is_refused(fields: dict[str, Any], error: str, path: str, client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _create(client, **fields)
    assert errors_of(refused) == [(error, path)]


def test_only_a_manager_gets_clients(client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        _create(client, SHOP)
    assert codes(refused.value.failure) == ["customer_error.CREATION_DENIED_INELIGIBLE_MCC"]


def test_each_client_stands_once_in_the_hierarchy_at_its_shortest_distance(
    client: Any, emulator: RunningEmulator
) -> None:
    middle = {"customer_id": OTHER_MANAGER, "name": "Between", "managers": [MANAGER]}
    shop = {"customer_id": SHOP, "name": "Shop", "managers": [OTHER_MANAGER, MANAGER]}
    deep = {"customer_id": FOREIGN, "name": "Deep", "managers": [OTHER_MANAGER]}
    emulator.seed({"managers": [SEED["managers"][0], middle], "accounts": [shop, deep]})
    query = "SELECT customer_client.id, customer_client.level, customer_client.manager FROM customer_client"
    found = [
        (str(row.customer_client.id), row.customer_client.level, row.customer_client.manager)
        for row in search(client, query, MANAGER)
    ]
    expected = [(MANAGER, 0, True), (OTHER_MANAGER, 1, True), (SHOP, 1, False), (FOREIGN, 2, False)]
    assert sorted(found) == sorted(expected)


def test_a_link_is_read_from_both_sides(client: Any) -> None:
    above, link = "customer_manager_link", "customer_client_link"
    query = f"SELECT {above}.manager_customer, {above}.manager_link_id, {above}.status FROM {above}"
    (row,) = search(client, query)
    above = row.customer_manager_link
    query = f"SELECT {link}.client_customer, {link}.manager_link_id FROM {link}"
    links = [row.customer_client_link for row in search(client, query, MANAGER)]
    below = {found.client_customer: found for found in links}
    assert set(below) == {f"customers/{SHOP}", f"customers/{SUSPENDED}"}
    assert above.manager_customer == f"customers/{MANAGER}"
    assert above.manager_link_id == below[f"customers/{SHOP}"].manager_link_id
    assert above.status == client.enums.ManagerLinkStatusEnum.ACTIVE
