"""The gateway against the emulator, over TLS, with the official client's parts."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from themaads_pipeline.ads import operations
from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ads.wire import ReadPolicy
from themaads_pipeline.exceptions import (
    AccountStoppedError,
    AdsError,
    AdsStoppedError,
    OutcomeUnknownError,
    RateLimitError,
    RequestTooLargeError,
    TemporaryAdsError,
)
from themaads_pipeline.model.ads import Account, AdContent, AdGroupLabel, AdLabel, AdText, NewAd
from themaads_pipeline.model.outcomes import AlreadyThere, Category, Created, Refused
from themaads_pipeline_tests.running_emulator import RunningEmulator

AGENCY, SUB_AGENCY, OTHER_AGENCY = 1000000001, 1000000002, 1000000003
SHOP, CLINIC, SUSPENDED, DIRECT, DIRECT_CLOSED = 2000000001, 2000000002, 2000000003, 2000000004, 2000000005

TEXTS: dict[str, Any] = {
    "headlines": [{"text": "Schoenen", "pinned": "HEADLINE_1"}, "Grote keuze", "Snel in huis"],
    "descriptions": ["Bestel vandaag nog.", "Gratis retour."],
    "final_urls": ["https://www.example.nl/schoenen?a={keyword}"],
}


def seed() -> dict[str, Any]:
    campaigns = [
        {"id": 1, "name": "Search"},
        {"id": 2, "name": "Ended", "end_date_time": "2026-03-01 23:59:59"},
        {"id": 3, "name": "Trial", "experiment_type": "EXPERIMENT"},
    ]
    shop = {
        "customer_id": SHOP,
        "name": "Shop NL",
        "managers": [SUB_AGENCY],
        "labels": [
            {"id": 1, "name": "THEMA_ORIGINAL"},
            {"id": 2, "name": "THEMA_ORIGINAL"},
            {"id": 3, "name": "OLD", "status": "REMOVED"},
        ],
        "campaigns": campaigns,
        "ad_groups": [
            {"id": 11, "name": "Schoenen", "campaign_id": 1},
            {"id": 12, "name": "Zonder advertentie", "campaign_id": 1},
            {"id": 13, "name": "Verwijderd", "status": "REMOVED", "campaign_id": 1},
            {"id": 14, "name": "Bakker's \\ 'oven' \"XL\"", "campaign_id": 2},
            {"id": 15, "name": "Schoenen", "campaign_id": 3},
            {"id": 16, "name": "schoenen", "campaign_id": 1},
        ],
        "ads": [
            TEXTS
            | {
                "id": 102,
                "ad_group_id": 11,
                "status": "ENABLED",
                "path1": "schoenen",
                "path2": "heren",
                "final_mobile_urls": ["https://m.example.nl/"],
                "tracking_url_template": "{lpurl}?src=ads",
                "final_url_suffix": "x=y",
                "url_custom_parameters": {"season": "winter"},
                "labels": ["THEMA_ORIGINAL"],
                "approval_status": "APPROVED_LIMITED",
            },
            TEXTS | {"id": 101, "ad_group_id": 11, "status": "PAUSED"},
            TEXTS | {"id": 103, "ad_group_id": 11, "status": "REMOVED"},
            TEXTS | {"id": 104, "ad_group_id": 14, "status": "ENABLED"},
        ],
    }
    return {
        "managers": [
            {"customer_id": AGENCY, "name": "Agency"},
            {"customer_id": SUB_AGENCY, "name": "Sub agency", "managers": [AGENCY]},
            {"customer_id": OTHER_AGENCY, "name": "Other agency"},
        ],
        "accounts": [
            shop,
            {
                "customer_id": CLINIC,
                "name": "Kliniek",
                "time_zone": "Europe/Brussels",
                "managers": [OTHER_AGENCY],
                "campaigns": [{"id": 1, "name": "Search"}],
                "ad_groups": [{"id": 11, "name": "A", "campaign_id": 1}],
            },
            {"customer_id": SUSPENDED, "name": "Dicht", "status": "SUSPENDED", "managers": [AGENCY]},
            {"customer_id": DIRECT, "name": "Eigen", "managers": [AGENCY], "direct": True},
            {
                "customer_id": DIRECT_CLOSED,
                "name": "Los",
                "status": "CLOSED",
                "managers": [],
                "direct": True,
            },
        ],
        "policy": [{"word": "casino", "topic": "GAMBLING"}],
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with RunningEmulator(tmp_path_factory.mktemp("emulator"), seed=seed()) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: RunningEmulator) -> RunningEmulator:
    running.reset()
    return running


@pytest.fixture
def gateway(emulator: RunningEmulator) -> Iterator[Gateway]:
    client = open_client(emulator.google_ads_yaml, trusted_roots=emulator.ca_file)
    no_waiting = ReadPolicy(timeout_s=20, attempts=4, wait_initial_s=0, wait_max_s=0, wait_jitter_s=0)
    yield Gateway(client, reads=no_waiting)
    client.close()


@pytest.fixture
def shop(gateway: Gateway) -> Account:
    return gateway.accounts()[SHOP]


def new_ad(ad_group_id: int = 11, *, headline: str = "Black Friday", number: int = 0) -> NewAd:
    return NewAd(
        ad_group_id=ad_group_id,
        copied_ad_id=102,
        copied_ad_status="ENABLED",
        fingerprint=f"f{number}",
        content=AdContent(
            headlines=(AdText(headline, "HEADLINE_1"), AdText(f"Nu voordelig {number}"), AdText("Op is op")),
            descriptions=(AdText("Alleen vandaag."), AdText("Bestel nu.")),
            final_urls=("https://www.example.nl/schoenen?a={keyword}&campaign_theme=1",),
            path1="black",
            url_custom_parameters=(("themaedition", "black_friday_2026"),),
        ),
    )


def fault(emulator: RunningEmulator, **values: Any) -> None:
    emulator.faults([values])


# Accounts


def test_every_account_is_found_with_the_manager_that_reaches_it(gateway: Gateway) -> None:
    accounts = gateway.accounts()

    assert {number: account.login_customer_id for number, account in accounts.items()} == {
        AGENCY: None,
        SUB_AGENCY: AGENCY,
        OTHER_AGENCY: None,
        SHOP: AGENCY,
        CLINIC: OTHER_AGENCY,
        SUSPENDED: AGENCY,
        DIRECT: None,
    }
    assert {number for number, account in accounts.items() if account.manager} == {
        AGENCY,
        SUB_AGENCY,
        OTHER_AGENCY,
    }
    assert accounts[SUSPENDED].status == "SUSPENDED"
    assert (accounts[CLINIC].name, accounts[CLINIC].time_zone) == ("Kliniek", "Europe/Brussels")


def test_a_directly_accessible_account_that_is_closed_does_not_break_the_rest(gateway: Gateway) -> None:
    assert SHOP in gateway.accounts()
    refusal = gateway.inaccessible()[DIRECT_CLOSED]
    assert refusal.code == "AuthorizationError.CUSTOMER_NOT_ENABLED"


def test_accounts_are_read_once_until_they_are_wanted_anew(gateway: Gateway) -> None:
    gateway.accounts()
    calls = gateway.calls
    gateway.accounts()
    assert gateway.calls == calls
    gateway.accounts(refresh=True)
    assert gateway.calls["CustomerService.ListAccessibleCustomers"] == 2


def test_when_every_account_refuses_the_run_stops_with_the_remedy(
    emulator: RunningEmulator, gateway: Gateway
) -> None:
    fault(emulator, kind="error", method="SearchStream", error="AuthorizationError.USER_PERMISSION_DENIED")
    with pytest.raises(AdsStoppedError, match=r"google-ads\.yaml"):
        gateway.accounts()


def test_an_account_is_refused_through_the_wrong_manager(gateway: Gateway, shop: Account) -> None:
    elsewhere = Account(
        customer_id=SHOP,
        name=shop.name,
        login_customer_id=OTHER_AGENCY,
        time_zone=shop.time_zone,
        status=shop.status,
    )
    with pytest.raises(AccountStoppedError) as raised:
        gateway.read_labels(elsewhere)
    assert raised.value.code == "AuthorizationError.USER_PERMISSION_DENIED"


# Reads


def test_a_snapshot_holds_all_ads_and_the_ad_groups_that_have_none(gateway: Gateway, shop: Account) -> None:
    before = gateway.calls
    snapshot = gateway.read_snapshot(shop, [11, 12, 13, 14, 999])

    assert sorted(snapshot.ad_groups) == [11, 12, 13, 14]
    assert {number: [ad.ad_id for ad in ads] for number, ads in snapshot.ads.items()} == {
        11: [101, 102, 103],
        14: [104],
    }
    assert snapshot.ad_groups[13].status == "REMOVED"
    assert snapshot.ad_groups[11].type == "SEARCH_STANDARD"
    assert snapshot.ad_groups[14].campaign_name == "Ended"
    assert snapshot.ad_groups[14].campaign_end == date(2026, 3, 1)
    assert (gateway.calls - before)["GoogleAdsService.SearchStream"] == 2


def test_a_snapshot_of_ad_groups_that_all_have_ads_is_one_request(gateway: Gateway, shop: Account) -> None:
    before = gateway.calls
    gateway.read_snapshot(shop, [11, 14])
    assert (gateway.calls - before)["GoogleAdsService.SearchStream"] == 1


def test_a_live_ad_carries_all_that_a_copy_must_keep(gateway: Gateway, shop: Account) -> None:
    paused, enabled, _removed = gateway.read_snapshot(shop, [11]).ads[11]
    assert (paused.status, enabled.status) == ("PAUSED", "ENABLED")
    assert enabled.approval_status == "APPROVED_LIMITED"
    assert len(enabled.label_ids) == 1
    assert enabled.content == AdContent(
        headlines=(AdText("Schoenen", "HEADLINE_1"), AdText("Grote keuze"), AdText("Snel in huis")),
        descriptions=(AdText("Bestel vandaag nog."), AdText("Gratis retour.")),
        final_urls=("https://www.example.nl/schoenen?a={keyword}",),
        path1="schoenen",
        path2="heren",
        final_mobile_urls=("https://m.example.nl/",),
        tracking_url_template="{lpurl}?src=ads",
        final_url_suffix="x=y",
        url_custom_parameters=(("season", "winter"),),
    )


def test_an_in_doubt_item_is_looked_up_among_removed_ads_too(gateway: Gateway, shop: Account) -> None:
    ads = gateway.read_snapshot(shop, [11, 12]).ads
    assert {number: [(ad.ad_id, ad.status) for ad in found] for number, found in ads.items()} == {
        11: [(101, "PAUSED"), (102, "ENABLED"), (103, "REMOVED")]
    }


def test_ad_groups_are_found_by_exact_name_whatever_characters_it_has(
    gateway: Gateway, shop: Account
) -> None:
    found = gateway.find_ad_groups(shop, ["Schoenen", "Bakker's \\ 'oven' \"XL\"", "Verwijderd", "Nergens"])
    assert [(group.ad_group_id, group.campaign_id, group.status) for group in found] == [
        (11, 1, "ENABLED"),
        (13, 1, "REMOVED"),
        (14, 2, "ENABLED"),
        (15, 3, "ENABLED"),
    ]
    assert found[-1].experiment_type == "EXPERIMENT"


def test_labels_are_the_enabled_ones_and_one_name_can_have_two(gateway: Gateway, shop: Account) -> None:
    assert gateway.read_labels(shop) == {"THEMA_ORIGINAL": {1, 2}}


def test_a_read_is_repeated_on_temporary_errors_and_says_when_it_gives_up(
    emulator: RunningEmulator, gateway: Gateway, shop: Account
) -> None:
    fault(emulator, kind="error", method="SearchStream", code="UNAVAILABLE", count=3)
    before = gateway.calls
    assert gateway.read_labels(shop)
    assert (gateway.calls - before)["GoogleAdsService.SearchStream"] == 4

    fault(emulator, kind="error", method="SearchStream", error="InternalError.TRANSIENT_ERROR")
    with pytest.raises(TemporaryAdsError, match=str(SHOP)):
        gateway.read_labels(shop)


def test_a_refused_read_is_not_repeated(emulator: RunningEmulator, gateway: Gateway, shop: Account) -> None:
    fault(emulator, kind="error", method="SearchStream", error="AuthorizationError.CUSTOMER_NOT_ENABLED")
    before = gateway.calls
    with pytest.raises(AccountStoppedError):
        gateway.read_labels(shop)
    assert (gateway.calls - before)["GoogleAdsService.SearchStream"] == 1


# Mutates


def test_an_ad_is_created_paused_with_every_field_as_planned(
    emulator: RunningEmulator, gateway: Gateway, shop: Account
) -> None:
    planned = new_ad()
    result = gateway.create_ads(shop, [planned], timeout_s=20)

    (created,) = result.results
    assert isinstance(created, Created)
    assert result.request_id
    live = {ad.ad_id: ad for ad in gateway.read_snapshot(shop, [11]).ads[11]}[created.resource_id]
    assert live.status == "PAUSED"
    assert live.content == planned.content
    assert str(created.resource_id) in {str(ad["ad_id"]) for ad in emulator.ads(SHOP)}


def test_outcomes_come_back_in_order_and_one_bad_ad_fails_alone(gateway: Gateway, shop: Account) -> None:
    ads = [
        new_ad(12, number=1),
        new_ad(11, headline="Een veel te lange kop voor een advertentie", number=2),
        new_ad(13, number=3),
        new_ad(11, headline="Win in het casino", number=4),
        new_ad(11, number=5),
    ]
    first, wide, removed, policy, last = gateway.create_ads(shop, ads, timeout_s=20).results

    assert isinstance(first, Created)
    assert isinstance(last, Created)
    assert isinstance(wide, Refused)
    assert wide.failure.category is Category.INVALID
    assert "headlines[0]" in wide.failure.message
    assert isinstance(removed, Refused)
    assert not removed.retryable
    assert isinstance(policy, Refused)
    assert policy.failure.category is Category.POLICY
    assert policy.failure.policy_topics == ("GAMBLING",)
    assert "casino" in policy.failure.trigger.casefold()
    assert len(gateway.read_snapshot(shop, [12]).ads[12]) == 1


def test_what_is_described_is_what_the_account_receives(
    emulator: RunningEmulator, gateway: Gateway, shop: Account
) -> None:
    ads = [new_ad(11, number=1), new_ad(12, number=2)]
    described = [
        operations.describe(each)
        for each in operations.operations_of(operations.create_ads_request(SHOP, ads))
    ]
    results = gateway.create_ads(shop, ads, timeout_s=20).results

    received = {str(ad["ad_id"]): ad for ad in emulator.ads(SHOP)}
    for operation, result in zip(described, results, strict=True):
        assert isinstance(result, Created)
        ad = received[str(result.resource_id)]
        texts = operation["create"]["ad"]["responsive_search_ad"]
        assert [each["text"] for each in ad["headlines"]] == [each["text"] for each in texts["headlines"]]
        assert ad["final_urls"] == operation["create"]["ad"]["final_urls"]


def test_labels_are_created_once_and_found_when_they_are_there(gateway: Gateway, shop: Account) -> None:
    first = gateway.create_labels(shop, ["THEME_BF_2026", "THEMA_ORIGINAL", "THEME_BF_2026"], timeout_s=20)
    second = gateway.create_labels(shop, ["THEME_BF_2026"], timeout_s=20)

    assert set(first) == {"THEME_BF_2026", "THEMA_ORIGINAL"}
    assert first["THEMA_ORIGINAL"] == 1
    assert second == {"THEME_BF_2026": first["THEME_BF_2026"]}
    assert gateway.read_labels(shop)["THEME_BF_2026"] == {first["THEME_BF_2026"]}


def test_a_label_that_cannot_be_is_refused_by_name(gateway: Gateway, shop: Account) -> None:
    with pytest.raises(AdsError, match="refused"):
        gateway.create_labels(shop, ["x" * 81], timeout_s=20)


def test_labels_are_attached_and_one_that_is_there_is_success(gateway: Gateway, shop: Account) -> None:
    label = gateway.create_labels(shop, ["THEME_BF_2026"], timeout_s=20)["THEME_BF_2026"]
    on_ads = [AdLabel(11, 101, label), AdLabel(11, 999, label), AdLabel(11, 102, label)]
    attached, missing, also = gateway.attach_ad_labels(shop, on_ads, timeout_s=20).results
    assert isinstance(attached, Created)
    assert isinstance(missing, Refused)
    assert isinstance(also, Created)
    assert gateway.attach_ad_labels(shop, on_ads[:1], timeout_s=20).results == (AlreadyThere(),)
    assert label in gateway.read_snapshot(shop, [11]).ads[11][0].label_ids

    on_group = [AdGroupLabel(11, label)]
    (created,) = gateway.attach_ad_group_labels(shop, on_group, timeout_s=20).results
    assert isinstance(created, Created)
    assert gateway.attach_ad_group_labels(shop, on_group, timeout_s=20).results == (AlreadyThere(),)


@pytest.mark.parametrize(
    ("scripted", "kind"),
    [
        ({"kind": "error", "code": "UNAVAILABLE"}, OutcomeUnknownError),
        ({"kind": "error", "code": "UNKNOWN"}, OutcomeUnknownError),
        ({"kind": "error", "code": "ABORTED"}, OutcomeUnknownError),
        ({"kind": "error", "code": "INTERNAL"}, OutcomeUnknownError),
        ({"kind": "error", "error": "InternalError.INTERNAL_ERROR"}, OutcomeUnknownError),
        ({"kind": "error", "error": "InternalError.TRANSIENT_ERROR"}, OutcomeUnknownError),
        ({"kind": "commit_then_error"}, OutcomeUnknownError),
        ({"kind": "error", "error": "DatabaseError.CONCURRENT_MODIFICATION"}, TemporaryAdsError),
        (
            {"kind": "error", "error": "QuotaError.RESOURCE_TEMPORARILY_EXHAUSTED", "retry_delay": 7.5},
            RateLimitError,
        ),
        ({"kind": "error", "error": "DatabaseError.REQUEST_TOO_LARGE"}, RequestTooLargeError),
        ({"kind": "error", "error": "RequestError.TOO_MANY_MUTATE_OPERATIONS"}, RequestTooLargeError),
        ({"kind": "suspend_account"}, AccountStoppedError),
        ({"kind": "error", "error": "AuthorizationError.USER_PERMISSION_DENIED"}, AccountStoppedError),
        ({"kind": "daily_quota", "operations": 0}, AdsStoppedError),
        ({"kind": "error", "error": "AuthenticationError.OAUTH_TOKEN_REVOKED"}, AdsStoppedError),
        ({"kind": "error", "error": "AuthorizationError.PROJECT_DISABLED"}, AdsStoppedError),
        ({"kind": "error", "error": "MutateError.OPERATION_DOES_NOT_SUPPORT_PARTIAL_FAILURE"}, AdsError),
    ],
    ids=lambda value: (
        value.get("error") or value.get("code") or value["kind"] if isinstance(value, dict) else ""
    ),
)
def test_a_failed_mutate_is_named_for_what_it_is_and_never_repeated(
    emulator: RunningEmulator, gateway: Gateway, shop: Account, scripted: dict[str, Any], kind: type[AdsError]
) -> None:
    fault(emulator, method="MutateAdGroupAds", **scripted)
    before = gateway.calls
    with pytest.raises(AdsError) as raised:
        gateway.create_ads(shop, [new_ad()], timeout_s=20)

    assert type(raised.value) is kind
    assert str(SHOP) in str(raised.value)
    assert gateway.calls - before == {"AdGroupAdService.MutateAdGroupAds": 1}
    assert len(emulator.requests(method="MutateAdGroupAds")) == 1
    if isinstance(raised.value, TemporaryAdsError):
        assert raised.value.retry_after_s == scripted.get("retry_delay")
    if kind is AdsError:
        assert raised.value.request_id


def test_a_lost_answer_is_found_by_reading_back(
    emulator: RunningEmulator, gateway: Gateway, shop: Account
) -> None:
    fault(emulator, kind="commit_then_error", method="MutateAdGroupAds", count=1)
    with pytest.raises(OutcomeUnknownError):
        gateway.create_ads(shop, [new_ad(12)], timeout_s=20)
    (found,) = gateway.read_snapshot(shop, [12]).ads[12]
    assert found.content.url_custom_parameters == (("themaedition", "black_friday_2026"),)


def test_a_mutate_that_hangs_ends_at_its_timeout_in_doubt(
    emulator: RunningEmulator, gateway: Gateway, shop: Account
) -> None:
    fault(emulator, kind="hang", method="MutateAdGroupAds", seconds=30)
    started = time.monotonic()
    with pytest.raises(OutcomeUnknownError) as raised:
        gateway.create_ads(shop, [new_ad()], timeout_s=1)
    assert time.monotonic() - started < 10
    assert raised.value.code == "StatusCode.DEADLINE_EXCEEDED"


def test_with_no_time_left_nothing_is_sent(
    emulator: RunningEmulator, gateway: Gateway, shop: Account
) -> None:
    with pytest.raises(TemporaryAdsError, match="no time"):
        gateway.create_ads(shop, [new_ad()], timeout_s=0)
    assert emulator.requests(method="MutateAdGroupAds") == []


def test_a_temporary_error_of_one_operation_can_be_tried_again(
    emulator: RunningEmulator, gateway: Gateway, shop: Account
) -> None:
    fault(
        emulator,
        kind="error",
        scope="operation",
        method="MutateAdGroupAds",
        error="DatabaseError.CONCURRENT_MODIFICATION",
        count=1,
    )
    first, second = gateway.create_ads(shop, [new_ad(11), new_ad(12)], timeout_s=20).results
    assert isinstance(first, Refused)
    assert first.retryable
    assert isinstance(second, Created)


def test_a_server_that_is_gone_leaves_a_mutate_in_doubt_only_when_it_may_have_left(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with RunningEmulator(tmp_path_factory.mktemp("short"), seed=seed()) as short_lived:
        with_token, without_token = (
            open_client(short_lived.google_ads_yaml, trusted_roots=short_lived.ca_file) for _ in range(2)
        )
        gateway = Gateway(with_token)
        account = gateway.accounts()[SHOP]

    with pytest.raises(OutcomeUnknownError):
        gateway.create_ads(account, [new_ad()], timeout_s=5)

    unsent = Gateway(without_token)
    with pytest.raises(TemporaryAdsError, match="token endpoint"):
        unsent.create_ads(account, [new_ad()], timeout_s=5)
    assert unsent.calls_by_method() == {}
    with_token.close()
    without_token.close()


def test_threads_share_a_gateway_and_each_keeps_its_own_request_id(
    emulator: RunningEmulator, gateway: Gateway
) -> None:
    accounts = gateway.accounts()
    barrier = threading.Barrier(4)

    def create(number: int) -> tuple[str, int]:
        account = accounts[SHOP if number % 2 else CLINIC]
        barrier.wait()
        result = gateway.create_ads(account, [new_ad(11, number=number)], timeout_s=20)
        return result.request_id, len(result.results)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(create, range(4)))
    assert len({request_id for request_id, _ in answers}) == 4
    assert gateway.calls_by_method()["AdGroupAdService.MutateAdGroupAds"] == 4
    logged = {str(entry["request_id"]) for entry in emulator.requests(method="MutateAdGroupAds")}
    assert {request_id for request_id, _ in answers} == logged
