"""What a dry run plans is what is then sent, operation by operation."""

from collections import Counter
from typing import Any

import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import AdText
from themaads_pipeline.push.dry_run import PlannedOutcome, PlannedRequests, items_of_rows, plan_upload
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import EDITION, Pusher, generated
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


def planned(pusher: Pusher, refs: list[tuple[int, int]]) -> tuple[list[PlannedOutcome], PlannedRequests]:
    rows = [(line, account, ad_group, EDITION) for line, (account, ad_group) in enumerate(refs, start=2)]
    requests = PlannedRequests()
    outcomes = plan_upload(
        items_of_rows(rows),
        ledger=pusher.ledger,
        gateway=pusher.gateway,
        catalogue=pusher.catalogue,
        clock=lambda: NOW,
        requests=requests,
    )
    return list(outcomes), requests


def test_what_is_planned_is_what_is_sent(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=2, ad_groups=60)
    pusher.emulator.reset()
    before, requests = planned(pusher, refs)
    methods = {request["method"] for request in pusher.emulator.requests()}
    assert not any("Mutate" in method for method in methods), "a dry run sends no mutate"
    pusher.push(pusher.submit(refs), batch_size=7)

    sent: list[dict[str, Any]] = pusher.emulator.requests(full=True)
    creates = [
        (int(request["account"]), result["create"])
        for request in sent
        if request["method"].endswith("MutateAdGroupAds")
        for result in request["results"]
    ]
    assert _by_ad_group(creates) == _by_ad_group([(plan.item.customer_id, _plain(plan)) for plan in before])
    labels = Counter(
        label
        for customer_id in {account for account, _ in refs}
        for ad in pusher.emulator.ads(customer_id)
        for label in ad["labels"]
    )
    assert labels == Counter(label for plan in before for label in plan.labels)
    kinds = Counter(result["kind"].partition(".")[0] for request in sent for result in request["results"])
    assert (requests.ads, requests.labels, requests.label_names) == (
        kinds["ad_group_ad"],
        kinds["ad_group_ad_label"],
        kinds["label"],
    )


def test_a_dry_run_of_a_finished_upload_plans_nothing_new(pusher: Pusher) -> None:
    refs = generated(pusher.emulator, accounts=2, ad_groups=60)
    pusher.push(pusher.submit(refs))
    _, requests = planned(pusher, refs)
    assert requests.outcomes == {("skip", "already_present"): 60}
    assert (requests.ads, requests.labels, requests.label_names) == (0, 0, 0)


def _by_ad_group(creates: list[tuple[int, dict[str, Any]]]) -> dict[tuple[int, int], dict[str, Any]]:
    by_ad_group = {(account, int(create["ad_group_id"])): create for account, create in creates}
    assert len(by_ad_group) == len(creates), "an ad group has one create"
    return by_ad_group


def _plain(plan: PlannedOutcome) -> dict[str, Any]:
    assert plan.new_ad is not None
    content = plan.new_ad.content
    return {
        "ad_group_id": plan.new_ad.ad_group_id,
        "headlines": [_text(text) for text in content.headlines],
        "descriptions": [_text(text) for text in content.descriptions],
        "path1": content.path1,
        "path2": content.path2,
        "final_urls": list(content.final_urls),
        "final_mobile_urls": list(content.final_mobile_urls),
        "tracking_url_template": content.tracking_url_template,
        "final_url_suffix": content.final_url_suffix,
        "url_custom_parameters": dict(content.url_custom_parameters),
    }


def _text(text: AdText) -> dict[str, str | None]:
    return {"text": text.text, "pinned": text.pin}
