"""Budgets, shared by campaigns or of one campaign alone."""

from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import MANAGER, codes, search
from themaads_pipeline_tests.conformance.account_changes import new_budget, new_campaign, remove


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def test_a_budget_of_one_campaign_is_not_shared_and_goes_with_it(client: Any) -> None:
    budget = new_budget(client, name=None, explicitly_shared=False)
    name = new_campaign(client, campaign_budget=budget)
    with pytest.raises(GoogleAdsException) as refused:
        new_campaign(client, name="Tweede", campaign_budget=budget)
    assert codes(refused.value.failure) == [
        "campaign_budget_error.CANNOT_USE_IMPLICITLY_SHARED_CAMPAIGN_BUDGET_WITH_MULTIPLE_CAMPAIGNS"
    ]
    query = (
        "SELECT campaign_budget.name, campaign_budget.reference_count, campaign_budget.status "
        "FROM campaign_budget"
    )
    (row,) = search(client, query)
    assert (row.campaign_budget.name, row.campaign_budget.reference_count) == ("Nieuw", 1)
    remove(client, "Campaign", name)
    (row,) = search(client, query)
    assert row.campaign_budget.status == client.enums.BudgetStatusEnum.REMOVED


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"amount_micros": None}, "field_error.REQUIRED"),
        ({"amount_micros": 5_000_001}, "campaign_budget_error.NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT"),
        ({"amount_micros": -10_000}, "campaign_budget_error.NEGATIVE_MONEY_AMOUNT"),
        ({"name": None}, "field_error.REQUIRED"),
        ({"name": "é" * 128}, "string_length_error.TOO_LONG"),
    ],
)
def test_a_wrong_budget_is_refused(fields: dict[str, Any], error: str, client: Any) -> None:
    with pytest.raises(GoogleAdsException) as refused:
        new_budget(client, **fields)
    assert codes(refused.value.failure) == [error]


def test_a_budget_in_use_is_not_removed(client: Any) -> None:
    budget = new_budget(client)
    new_campaign(client, campaign_budget=budget)
    with pytest.raises(GoogleAdsException) as refused:
        remove(client, "CampaignBudget", budget)
    assert codes(refused.value.failure) == ["campaign_budget_error.CAMPAIGN_BUDGET_IN_USE"]
