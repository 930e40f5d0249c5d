"""State on disk, snapshots and diffs."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.ads.googleads.client import GoogleAdsClient
from google.ads.googleads.errors import GoogleAdsException
from google.api_core import exceptions

from themaads_pipeline_tests.conformance.account import (
    MANAGER,
    SEED,
    SHOES,
    SHOP,
    add_ad,
    ads_request,
)
from themaads_pipeline_tests.running_emulator import EmulatorError, RunningEmulator

_SHOPS = [str(2000000001 + number) for number in range(4)]
_GENERATED = {"generate": {"accounts": 4, "ad_groups": 8_000, "manager": int(MANAGER)}}


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _client(emulator: RunningEmulator) -> Any:
    client = GoogleAdsClient.load_from_storage(str(emulator.google_ads_yaml), version="v26")
    client.login_customer_id = MANAGER
    return client


@pytest.fixture
def kept(emulator_process: RunningEmulator, tmp_path: Path) -> RunningEmulator:
    """An emulator with its state on disk, not yet started, whose certificates this process trusts."""
    folder = tmp_path / "emulator"
    folder.mkdir()
    for file in emulator_process.folder.iterdir():
        if file.suffix == ".pem":
            (folder / file.name).write_bytes(file.read_bytes())
            (folder / file.name).chmod(0o600)
    return RunningEmulator(folder, seed=SEED, state=tmp_path / "state")


def _everything(emulator: RunningEmulator, customer_id: str = SHOP) -> list[Any]:
    return [emulator.ads(customer_id), emulator.labels(customer_id), emulator.ad_groups(customer_id)]


def _create_ads(client: Any, count: int = 1, customer_id: str = SHOP) -> list[str]:
    request = ads_request(client)
    request.customer_id = customer_id
    for _ in range(count):
        add_ad(client, request)
    response = client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request, timeout=20)
    return [result.resource_name for result in response.results]


def _label_of(client: Any, name: str) -> str:
    request = client.get_type("MutateLabelsRequest")
    request.customer_id = SHOP
    request.operations.add().create.name = name
    return str(client.get_service("LabelService").mutate_labels(request=request).results[0].resource_name)


def _attach(client: Any, ad: str, label: str) -> None:
    request = client.get_type("MutateAdGroupAdLabelsRequest")
    request.customer_id = SHOP
    create = request.operations.add().create
    create.ad_group_ad, create.label = ad, label
    client.get_service("AdGroupAdLabelService").mutate_ad_group_ad_labels(request=request)


def _set_status(client: Any, ad: str, status: str) -> None:
    request = ads_request(client)
    operation = request.operations.add()
    operation.update.resource_name = ad
    operation.update.status = getattr(client.enums.AdGroupAdStatusEnum, status)
    operation.update_mask.paths.append("status")
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)


def _remove_ad(client: Any, ad: str) -> None:
    request = ads_request(client)
    request.operations.add().remove = ad
    client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)


def _add_budget(client: Any, name: str) -> str:
    request = client.get_type("MutateCampaignBudgetsRequest")
    request.customer_id = SHOP
    create = request.operations.add().create
    create.name, create.amount_micros = name, 5_000_000
    response = client.get_service("CampaignBudgetService").mutate_campaign_budgets(request=request)
    return str(response.results[0].resource_name)


def _budgets(client: Any) -> list[str]:
    service = client.get_service("GoogleAdsService")
    query = "SELECT campaign_budget.name FROM campaign_budget ORDER BY campaign_budget.name"
    return [row.campaign_budget.name for row in service.search(customer_id=SHOP, query=query)]


def test_everything_survives_a_restart_until_a_new_seed_replaces_it(kept: RunningEmulator) -> None:
    with kept:
        client = _client(kept)
        first, second = _create_ads(client, 2)
        label = _label_of(client, "THEMA_BF")
        _attach(client, first, label)
        _attach(client, f"customers/{SHOP}/adGroupAds/{SHOES}~101", label)
        _remove_ad(client, second)
        _add_budget(client, "Groot")
        kept.clock(offset_s=86_400)
        request = ads_request(client, partial_failure=False)
        add_ad(client, request)
        add_ad(client, request, 999)
        with pytest.raises(GoogleAdsException):  # rolled back: not to be there after the restart either
            client.get_service("AdGroupAdService").mutate_ad_group_ads(request=request)
        before = _everything(kept)
    with kept:
        client = _client(kept)
        assert _everything(kept) == before
        assert _budgets(client) == ["Groot"]
        (third,) = _create_ads(client)
        assert int(third.rpartition("~")[2]) > int(second.rpartition("~")[2])
        newest = max(kept.ads(SHOP), key=lambda ad: ad["ad_id"])
        assert newest["created_at"] - time.time() > 80_000, "the clock is not where it was set"
        kept.seed(_GENERATED)
    with kept:
        assert {account["customer_id"] for account in kept.accounts()} == {MANAGER, *_SHOPS}
        assert all(ad["seeded"] for shop in _SHOPS for ad in kept.ads(shop))


def _write(client: Any, shop: str, groups: list[int], acknowledged: list[str]) -> None:
    """Requests of ten ads, one after another, until the ad groups are used up or the server is gone."""
    service = client.get_service("AdGroupAdService")
    for start in range(0, len(groups), 10):
        request = ads_request(client)
        request.customer_id = shop
        for group in groups[start : start + 10]:
            add_ad(client, request).create.ad_group = f"customers/{shop}/adGroups/{group}"
        response = service.mutate_ad_group_ads(request=request, timeout=20)
        acknowledged.extend(result.resource_name for result in response.results)


def test_what_was_acknowledged_before_a_kill_is_there_and_nothing_by_half(
    kept: RunningEmulator, tmp_path: Path
) -> None:
    """Four accounts are written to side by side, and the process is killed in the middle of it."""
    acknowledged: dict[str, list[str]] = {shop: [] for shop in _SHOPS}
    with kept:
        kept.seed(_GENERATED)
        groups = {shop: [group["ad_group_id"] for group in kept.ad_groups(shop)] for shop in _SHOPS}
        client = _client(kept)
        with ThreadPoolExecutor(len(_SHOPS)) as pool:
            jobs = [pool.submit(_write, client, shop, groups[shop], acknowledged[shop]) for shop in _SHOPS]
            while sum(map(len, acknowledged.values())) < 400:
                time.sleep(0.005)
            kept.kill()
            ended = [job.exception() for job in jobs]
        assert all(isinstance(error, exceptions.GoogleAPICallError) for error in ended), "killed too late"
    with kept:
        for shop in _SHOPS:
            ads = [ad for ad in kept.ads(shop) if not ad["seeded"]]
            names = {f"customers/{shop}/adGroupAds/{ad['ad_group_id']}~{ad['ad_id']}" for ad in ads}
            assert set(acknowledged[shop]) <= names
            assert all(len(ad["headlines"]) == 3 and len(ad["descriptions"]) == 2 for ad in ads)
            # A request's ten ads are there all together, whether or not the answer arrived.
            assert len(ads) % 10 == 0
            assert len(names) == len(ads)
        with pytest.raises(EmulatorError, match="another emulator"):
            RunningEmulator(tmp_path / "second", state=tmp_path / "state").start()


def test_a_diff_tells_what_was_created_changed_and_removed(client: Any, emulator: RunningEmulator) -> None:
    gone = _add_budget(client, "Oud")
    emulator.snapshot("before")
    assert emulator.diff(SHOP, "before")["created"] == []
    label = _label_of(client, "THEMA_BF")
    ad = f"customers/{SHOP}/adGroupAds/{SHOES}~101"
    _attach(client, ad, label)
    (made,) = _create_ads(client)
    _set_status(client, ad, "PAUSED")
    _remove_ad(client, f"customers/{SHOP}/adGroupAds/{SHOES}~101")
    _set_status(client, made, "ENABLED")
    request = client.get_type("MutateCampaignBudgetsRequest")
    request.customer_id = SHOP
    request.operations.add().remove = gone
    client.get_service("CampaignBudgetService").mutate_campaign_budgets(request=request)

    diff = emulator.diff(SHOP, "before")

    created = {entry["resource_name"]: entry["fields"] for entry in diff["created"]}
    assert set(created) == {label, made}
    assert created[made]["status"] == "ENABLED"
    removed = {entry["resource_name"]: entry["fields"] for entry in diff["removed"]}
    assert removed[ad]["status"] == {"old": "ENABLED", "new": "REMOVED"}
    assert removed[ad]["labels"]["new"] == [f"customers/{SHOP}/labels/1", label]
    assert gone in removed
    assert emulator.diff(SHOP, "before", fields=False)["created"] == [
        {"resource_name": name} for name in created
    ]


def test_a_diff_can_start_at_a_moment(client: Any, emulator: RunningEmulator) -> None:
    emulator.clock(offset_s=1_000)
    _create_ads(client)
    emulator.clock(offset_s=2_000)
    moment = time.time() + 1_500
    (second,) = _create_ads(client)
    for since in (moment, datetime.fromtimestamp(moment, tz=UTC).isoformat()):
        assert [entry["resource_name"] for entry in emulator.diff(SHOP, since)["created"]] == [second]
    with pytest.raises(EmulatorError, match="no snapshot"):
        emulator.diff(SHOP, "nobody-knows")


def test_what_changes_there_and_back_is_no_difference(client: Any, emulator: RunningEmulator) -> None:
    emulator.snapshot("before")
    ad = f"customers/{SHOP}/adGroupAds/{SHOES}~101"
    _set_status(client, ad, "PAUSED")
    (changed,) = emulator.diff(SHOP, "before")["changed"]
    assert changed["resource_name"] == ad
    assert changed["fields"]["status"] == {"old": "ENABLED", "new": "PAUSED"}
    _set_status(client, ad, "ENABLED")
    assert emulator.diff(SHOP, "before")["changed"] == []


def test_the_configuration_follows_the_accounts(emulator: RunningEmulator) -> None:
    assert "login_customer_id" not in emulator.google_ads_yaml.read_text()  # two managers: none to prefer
    emulator.seed(_GENERATED)
    assert f"login_customer_id: '{MANAGER}'" in emulator.google_ads_yaml.read_text()
