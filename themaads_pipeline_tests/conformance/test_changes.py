"""change_event and change_status: what the API tells afterwards of what was changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.ads.googleads.errors import GoogleAdsException

from themaads_pipeline_tests.conformance.account import (
    BOOTS,
    MANAGER,
    SHOES,
    SHOP,
    add_ad,
    ads_request,
    codes,
    search,
)
from themaads_pipeline_tests.running_emulator import RunningEmulator

FIELDS = (
    "resource_name, change_date_time, change_resource_name, change_resource_type, client_type, user_email, "
    "old_resource, new_resource, resource_change_operation, changed_fields, campaign, ad_group"
)
SELECT = ", ".join(f"change_event.{name.strip()}" for name in FIELDS.split(","))
STATUS_FIELDS = "resource_name, last_change_date_time, resource_type, resource_status, campaign, ad_group"
STATUS_SELECT = ", ".join(f"change_status.{name.strip()}" for name in STATUS_FIELDS.split(","))
BUDGETS = f"customers/{SHOP}/campaignBudgets"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _events(client: Any, where: str = "", limit: int = 100) -> list[Any]:
    query = f"SELECT {SELECT} FROM change_event WHERE change_event.change_date_time DURING TODAY {where}"
    query += f" ORDER BY change_event.change_date_time LIMIT {limit}"
    return [row.change_event for row in search(client, query)]


def _statuses(client: Any) -> list[Any]:
    query = f"SELECT {STATUS_SELECT}, change_status.ad_group_ad FROM change_status WHERE "
    query += "change_status.last_change_date_time DURING TODAY LIMIT 10000"
    return [row.change_status for row in search(client, query)]


def _create_ads(client: Any, count: int = 1, ad_group_id: int = BOOTS, **fields: Any) -> list[str]:
    request = ads_request(client)
    for _ in range(count):
        add_ad(client, request, ad_group_id, **fields)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    return [result.resource_name for result in response.results if result.resource_name]


def _set_status(client: Any, name: str, status: str) -> None:
    request = ads_request(client)
    operation = request.operations.add()
    operation.update.resource_name = name
    operation.update.status = getattr(client.enums.AdGroupAdStatusEnum, status)
    operation.update_mask.paths.append("status")
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)


def _remove_ad(client: Any, name: str) -> None:
    request = ads_request(client)
    request.operations.add().remove = name
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)


def _budget(client: Any, **fields: Any) -> str:
    request = client.get_type("MutateCampaignBudgetsRequest")
    request.customer_id = SHOP
    name = fields.pop("resource_name", "")
    operation = request.operations.add()
    budget = operation.update if name else operation.create
    for key, value in fields.items():
        setattr(budget, key, value)
    if name:
        budget.resource_name = name
        operation.update_mask.paths.extend(fields)
    response = client.get_service("CampaignBudgetService").mutate_campaign_budgets(request=request)
    return str(response.results[0].resource_name)


def _refusal(client: Any, query: str) -> list[str]:
    with pytest.raises(GoogleAdsException) as refused:
        search(client, query)
    return codes(refused.value.failure)


def test_a_creation_is_told_with_its_fields(client: Any) -> None:
    (name,) = _create_ads(client, path1="laarzen")
    (event,) = _events(client)
    enums = client.enums
    assert event.change_resource_name == name
    assert event.change_resource_type == enums.ChangeEventResourceTypeEnum.AD_GROUP_AD
    assert event.client_type == enums.ChangeClientTypeEnum.GOOGLE_ADS_API
    assert event.user_email == "someone@example.com"
    assert event.resource_change_operation == enums.ResourceChangeOperationEnum.CREATE
    assert event.campaign == f"customers/{SHOP}/campaigns/1"
    assert event.ad_group == f"customers/{SHOP}/adGroups/{BOOTS}"
    assert event.new_resource.ad_group_ad.ad.responsive_search_ad.path1 == "laarzen"
    paths = set(event.changed_fields.paths)
    assert {"status", "ad_group", "ad.final_urls", "ad.responsive_search_ad.headlines"} <= paths
    assert not paths & {"ad.type", "ad.id", "policy_summary.review_status"}
    assert not event.old_resource.HasField("ad_group_ad")


def test_an_update_is_told_with_what_changed_alone(client: Any) -> None:
    name = _budget(client, name="Budget", amount_micros=5_000_000)
    _budget(client, resource_name=name, amount_micros=7_000_000)
    _budget(client, resource_name=name, amount_micros=9_000_000)
    created, first, second = _events(client)
    assert created.new_resource.campaign_budget.amount_micros == 5_000_000
    for event, old, new in ((first, 5_000_000, 7_000_000), (second, 7_000_000, 9_000_000)):
        assert list(event.changed_fields.paths) == ["amount_micros"]
        assert event.old_resource.campaign_budget.amount_micros == old
        assert event.new_resource.campaign_budget.amount_micros == new
        assert not event.new_resource.campaign_budget.name


def test_an_earlier_event_keeps_telling_what_was_true_then(client: Any) -> None:
    (name,) = _create_ads(client)
    _set_status(client, name, "ENABLED")
    _set_status(client, name, "ENABLED")  # changes nothing
    _remove_ad(client, name)
    created, updated, removed = _events(client)
    status = client.enums.AdGroupAdStatusEnum
    assert created.new_resource.ad_group_ad.status == status.PAUSED
    assert updated.old_resource.ad_group_ad.status == status.PAUSED
    assert updated.new_resource.ad_group_ad.status == status.ENABLED
    assert list(updated.changed_fields.paths) == ["status"]
    assert removed.resource_change_operation == client.enums.ResourceChangeOperationEnum.REMOVE
    assert removed.old_resource.ad_group_ad.status == status.ENABLED
    assert not removed.new_resource.HasField("ad_group_ad")


def test_an_edit_of_an_ad_is_a_change_of_the_ad(client: Any) -> None:
    request = client.get_type("MutateAdsRequest")
    request.customer_id = SHOP
    operation = request.operations.add()
    operation.update.resource_name = f"customers/{SHOP}/ads/101"
    operation.update.final_url_suffix = "x=y"
    operation.update_mask.paths.append("final_url_suffix")
    client.get_service("AdService").mutate_ads(request=request)
    (event,) = _events(client)
    assert event.change_resource_type == client.enums.ChangeEventResourceTypeEnum.AD
    assert event.change_resource_name == f"customers/{SHOP}/ads/101"
    assert list(event.changed_fields.paths) == ["final_url_suffix"]
    assert (event.old_resource.ad.final_url_suffix, event.new_resource.ad.final_url_suffix) == ("a=b", "x=y")
    (status,) = _statuses(client)
    assert status.ad_group_ad == f"customers/{SHOP}/adGroupAds/{SHOES}~101"


def test_only_what_was_committed_is_told(client: Any) -> None:
    request = ads_request(client)
    add_ad(client, request, BOOTS)
    add_ad(client, request, BOOTS, headlines=["Een"])
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    request.validate_only = True
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    request.validate_only = request.partial_failure = False
    with pytest.raises(GoogleAdsException):
        client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
    (event,) = _events(client)
    assert event.resource_name.endswith("~0~0")


def test_batch_jobs_are_told_as_well(client: Any) -> None:
    service = client.get_service("BatchJobService")
    request = client.get_type("MutateBatchJobRequest")
    request.customer_id = SHOP
    request.operation.create.SetInParent()
    job = service.mutate_batch_job(request=request).result.resource_name
    operation = client.get_type("MutateOperation")
    operation.campaign_budget_operation.create.name = "Uit een job"
    operation.campaign_budget_operation.create.amount_micros = 1_000_000
    add = client.get_type("AddBatchJobOperationsRequest")
    add.resource_name = job
    add.mutate_operations.append(operation)
    service.add_batch_job_operations(request=add)
    service.run_batch_job(resource_name=job).result(timeout=20)
    (event,) = _events(client)
    assert event.new_resource.campaign_budget.name == "Uit een job"


def test_labels_are_no_change_that_google_tells_of(client: Any) -> None:
    request = client.get_type("MutateLabelsRequest")
    request.customer_id = SHOP
    request.operations.add().create.name = "Nieuw"
    client.get_service("LabelService").mutate_labels(request=request)
    assert _events(client) == []
    assert _statuses(client) == []


def test_times_are_those_of_the_account_to_the_microsecond(client: Any, emulator: RunningEmulator) -> None:
    before = datetime.now(UTC).astimezone(ZoneInfo("Europe/Amsterdam")).replace(tzinfo=None)
    _create_ads(client)
    (event,) = _events(client)
    moment = datetime.strptime(event.change_date_time, "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007 - local on purpose
    assert timedelta(0) <= moment - before < timedelta(seconds=30)
    micros = moment.replace(tzinfo=ZoneInfo("Europe/Amsterdam")).timestamp() * 1_000_000
    assert event.resource_name == f"customers/{SHOP}/changeEvents/{round(micros)}~0~0"


def test_changes_are_found_after_the_last_time_seen(client: Any) -> None:
    names = [_create_ads(client)[0] for _ in range(3)]
    events = _events(client, limit=2)
    assert [event.change_resource_name for event in events] == names[:2]
    rest = _events(client, f"AND change_event.change_date_time > '{events[-1].change_date_time}'")
    assert [event.change_resource_name for event in rest] == names[2:]
    newest = f"SELECT {SELECT} FROM change_event WHERE change_event.change_date_time DURING TODAY ORDER BY "
    newest += "change_event.change_date_time DESC LIMIT 1"
    (row,) = search(client, newest)
    assert row.change_event.change_resource_name == names[2]


def test_events_are_filtered_by_type_and_joined_with_their_ad_group(client: Any) -> None:
    _create_ads(client)
    _budget(client, name="Budget", amount_micros=1_000_000)
    (event,) = _events(client, "AND change_event.change_resource_type = CAMPAIGN_BUDGET")
    assert event.change_resource_name.startswith(BUDGETS)
    query = "SELECT change_event.change_resource_name, ad_group.name, campaign.id FROM change_event WHERE "
    query += "change_event.change_date_time DURING TODAY AND change_event.change_resource_type = "
    (row,) = search(client, query + "'AD_GROUP_AD' LIMIT 10")
    assert (row.ad_group.name, row.campaign.id) == ("laarzen", 1)


def test_changes_show_after_a_while_when_the_profile_says_so(client: Any, emulator: RunningEmulator) -> None:
    emulator.profile("instant", change_lag_s=180)
    _create_ads(client)
    assert _events(client) == []
    assert _statuses(client) == []
    emulator.clock(offset_s=181)
    assert len(_events(client)) == 1
    assert len(_statuses(client)) == 1


@pytest.mark.parametrize(
    ("resource", "field", "kind", "days"),
    [
        ("change_event", "change_date_time", "change_event_error", 30),
        ("change_status", "last_change_date_time", "change_status_error", 90),
    ],
)
def test_a_query_needs_a_recent_finite_range_and_a_limit(
    client: Any, resource: str, field: str, kind: str, days: int
) -> None:
    select = f"SELECT {resource}.resource_name FROM {resource}"
    name = f"{resource}.{field}"
    today = datetime.now(UTC).astimezone(ZoneInfo("Europe/Amsterdam")).date()
    tomorrow, old = today + timedelta(1), today - timedelta(days + 1)
    in_time = f"{name} >= '{today - timedelta(days)}' AND {name} <= '{tomorrow}'"
    assert search(client, f"{select} WHERE {in_time} LIMIT 10000") == []
    assert search(client, f"{select} WHERE {name} BETWEEN '{today}' AND '{tomorrow}' LIMIT 1") == []
    for query, error in (
        (f"{select} WHERE {in_time}", "LIMIT_NOT_SPECIFIED"),
        (f"{select} WHERE {in_time} LIMIT 10001", "INVALID_LIMIT_CLAUSE"),
        (f"{select} LIMIT 5", "CHANGE_DATE_RANGE_INFINITE"),
        (f"{select} WHERE {name} >= '{today}' LIMIT 5", "CHANGE_DATE_RANGE_INFINITE"),
        (f"{select} WHERE {name} >= '{old}' AND {name} <= '{today}' LIMIT 5", "START_DATE_TOO_OLD"),
        (
            f"{select} WHERE {name} >= '{tomorrow}' AND {name} <= '{today}' LIMIT 5",
            "CHANGE_DATE_RANGE_NEGATIVE",
        ),
    ):
        assert _refusal(client, query) == [f"{kind}.{error}"], query


def test_a_status_tells_the_latest_change_of_each_resource(client: Any) -> None:
    changed, removed, added = _create_ads(client, 3)
    _set_status(client, changed, "ENABLED")
    _remove_ad(client, removed)
    enum = client.enums.ChangeStatusOperationEnum
    assert {status.ad_group_ad: status.resource_status for status in _statuses(client)} == {
        added: enum.ADDED,
        changed: enum.CHANGED,
        removed: enum.REMOVED,
    }
    status = _statuses(client)[0]
    assert status.resource_type == client.enums.ChangeStatusResourceTypeEnum.AD_GROUP_AD
    assert status.campaign == f"customers/{SHOP}/campaigns/1"
    assert status.ad_group == f"customers/{SHOP}/adGroups/{BOOTS}"


def test_seeded_resources_are_no_changes(client: Any) -> None:
    assert _events(client) == []
    _set_status(client, f"customers/{SHOP}/adGroupAds/{SHOES}~101", "PAUSED")
    (event,) = _events(client)
    assert event.old_resource.ad_group_ad.status == client.enums.AdGroupAdStatusEnum.ENABLED
