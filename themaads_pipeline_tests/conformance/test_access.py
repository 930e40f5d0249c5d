"""Which accounts a request gets at: the ids in it, the hierarchy, and accounts that are not enabled."""

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
    add_ad,
    ads_request,
    codes,
    search,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

ClientFor = Callable[..., Any]
DENIED = "authorization_error.USER_PERMISSION_DENIED"
NOT_ENABLED = "authorization_error.CUSTOMER_NOT_ENABLED"
BY_STATUS = {"SUSPENDED": "2000000011", "CANCELED": "2000000012", "CLOSED": "2000000013"}
SUB_MANAGER, DEEP, CLOSED_MANAGER, UNDER_CLOSED = "1000000011", "2000000014", "1000000012", "2000000015"


@pytest.fixture
def hierarchy(emulator: RunningEmulator) -> RunningEmulator:
    """The usual accounts, one of each status, one two levels down, and one below a manager that is closed."""
    managers = [
        *SEED["managers"],
        {"customer_id": SUB_MANAGER, "managers": [MANAGER]},
        {"customer_id": CLOSED_MANAGER, "status": "CLOSED"},
    ]
    accounts = [
        *SEED["accounts"],
        *({"customer_id": key, "status": name, "managers": [MANAGER]} for name, key in BY_STATUS.items()),
        {"customer_id": DEEP, "managers": [SUB_MANAGER]},
        {"customer_id": UNDER_CLOSED, "managers": [CLOSED_MANAGER]},
    ]
    emulator.seed({**SEED, "managers": managers, "accounts": accounts})
    return emulator


def _read(client: Any, customer_id: str) -> list[str]:
    """The errors of a search, none when it worked."""
    try:
        search(client, "SELECT customer.id FROM customer", customer_id)
    except GoogleAdsException as refused:
        return codes(refused.failure)
    return []


def _label(client: Any, customer_id: str) -> list[str]:
    """The errors of a small mutate, none when it worked."""
    request = client.get_type("MutateLabelsRequest")
    request.customer_id = customer_id
    request.operations.add().create.name = "NIEUW"
    try:
        client.get_service("LabelService").mutate_labels(request=request)
    except GoogleAdsException as refused:
        return codes(refused.failure)
    return []


@pytest.mark.usefixtures("hierarchy")
@pytest.mark.parametrize(
    ("login", "customer_id", "expected"),
    [
        (MANAGER, SHOP, []),
        (MANAGER, MANAGER, []),
        (MANAGER, DEEP, []),
        (SUB_MANAGER, DEEP, []),
        (SHOP, SHOP, []),
        (MANAGER, FOREIGN, [DENIED]),
        (OTHER_MANAGER, SHOP, [DENIED]),
        (SUB_MANAGER, SHOP, [DENIED]),
        (SUB_MANAGER, MANAGER, [DENIED]),
        (SHOP, DEEP, [DENIED]),
        ("9999999999", SHOP, [DENIED]),
        (MANAGER, "9999999999", [DENIED]),
        (None, SHOP, [DENIED]),
        (None, MANAGER, []),
        (CLOSED_MANAGER, UNDER_CLOSED, [NOT_ENABLED]),
    ],
)
def test_the_account_to_log_in_with_has_to_stand_above_the_other(
    login: str | None, customer_id: str, expected: list[str], client_for: ClientFor
) -> None:
    assert _read(client_for(login_customer_id=login), customer_id) == expected


@pytest.mark.usefixtures("hierarchy")
@pytest.mark.parametrize(
    ("status", "reading", "writing"),
    [
        ("SUSPENDED", [], ["authorization_error.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT"]),
        ("CANCELED", [NOT_ENABLED], [NOT_ENABLED]),
        ("CLOSED", [NOT_ENABLED], [NOT_ENABLED]),
    ],
)
def test_an_account_that_is_not_enabled_takes_no_changes(
    status: str, reading: list[str], writing: list[str], client_for: ClientFor
) -> None:
    client = client_for(login_customer_id=MANAGER)
    assert _read(client, BY_STATUS[status]) == reading
    assert _label(client, BY_STATUS[status]) == writing


@pytest.mark.usefixtures("hierarchy")
def test_the_manager_tells_the_status_of_each_account(client_for: ClientFor) -> None:
    query = "SELECT customer_client.id, customer_client.status FROM customer_client"
    client = client_for(login_customer_id=MANAGER, use_proto_plus=True)
    found = {
        str(row.customer_client.id): row.customer_client.status.name for row in search(client, query, MANAGER)
    }
    assert {found[key]: key for key in BY_STATUS.values()} == BY_STATUS


@pytest.mark.parametrize("customer_id", ["", "200-000-0001", "shop", "1" * 20, "٢٠٠٠٠٠٠٠٠١", "-1"])
def test_a_customer_id_is_a_plain_number(customer_id: str, client_for: ClientFor) -> None:
    client = client_for(login_customer_id=MANAGER)
    assert _read(client, customer_id) == ["request_error.INVALID_CUSTOMER_ID"]


def test_dashes_in_the_login_customer_id_stop_in_the_client_itself(client_for: ClientFor) -> None:
    with pytest.raises(ValueError, match="login customer ID"):
        client_for().load_from_dict(
            {
                "login_customer_id": "100-000-0001",
                "use_proto_plus": False,
                "use_application_default_credentials": True,
            }
        )


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ("login_customer_id", "header_error.INVALID_LOGIN_CUSTOMER_ID"),
        ("linked_customer_id", "header_error.INVALID_LINKED_CUSTOMER_ID"),
    ],
)
def test_a_header_that_is_no_customer_id_is_refused(setting: str, error: str, client_for: ClientFor) -> None:
    client = client_for(**{"login_customer_id": MANAGER, setting: "100-000-0001"})
    assert _read(client, SHOP) == [error]


def test_a_linked_customer_id_and_a_developer_token_change_nothing(client_for: ClientFor) -> None:
    client = client_for(login_customer_id=MANAGER, linked_customer_id=FOREIGN, developer_token="whatever")
    assert _read(client, SHOP) == []


def test_a_manager_has_labels_and_no_ads(client_for: ClientFor) -> None:
    client = client_for(login_customer_id=MANAGER)
    assert _label(client, MANAGER) == []
    request = ads_request(client)
    request.customer_id = MANAGER
    add_ad(client, request)
    with pytest.raises(GoogleAdsException) as refused:
        client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    assert codes(refused.value.failure) == ["request_error.CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT"]
