"""What Google's review says after the push: ads disapproved later are told, and nothing is changed."""

import csv
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.cli.main import themaads
from themaads_pipeline.definitions import definitions_with
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.model.reviews import Verdict
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.review import DisapprovedAd, Reviewed, review_upload
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.policies import products, seeded
from themaads_pipeline_tests.pushing import AdGroupRef, Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


@pytest.fixture
def pushed(pusher: Pusher) -> Iterator[tuple[Upload, list[AdGroupRef]]]:
    """An upload of two accounts, and its ad groups about a brand; an hour later Google minds those."""
    refs = seeded(pusher.emulator, accounts=2, ad_groups=80)
    accounts = sorted({customer_id for customer_id, _ in refs})
    brand = products(pusher.emulator, refs[0][0])[refs[0][1]]
    policy = {"word": brand, "topic": "TRADEMARKS_IN_AD_TEXT", "after_s": 3_600}
    seeded(pusher.emulator, policy, accounts=2, ad_groups=80)
    pusher.emulator.profile("instant", review_s=60)
    number = pusher.submit(refs)
    assert pusher.push(number).progress.done == 80
    branded = [
        (customer_id, ad_group_id)
        for customer_id in accounts
        for ad_group_id, product in sorted(products(pusher.emulator, customer_id).items())
        if product == brand
    ]
    yield pusher.ledger.uploads.find(str(number)), branded
    pusher.emulator.profile("instant")


def looked_at(pusher: Pusher, upload: Upload) -> tuple[Reviewed, list[DisapprovedAd]]:
    found: list[DisapprovedAd] = []
    reviewed = review_upload(upload.number, ledger=pusher.ledger, gateway=pusher.gateway, keep=found.append)
    return reviewed, found


def test_ads_are_under_review_then_approved_and_some_are_disapproved_later(
    pusher: Pusher, pushed: tuple[Upload, list[AdGroupRef]]
) -> None:
    upload, branded = pushed
    assert looked_at(pusher, upload)[0].verdicts == {Verdict.UNDER_REVIEW: 80}
    pusher.emulator.set_now(NOW + timedelta(minutes=10))
    assert looked_at(pusher, upload)[0].verdicts == {Verdict.APPROVED: 80}
    pusher.emulator.set_now(NOW + timedelta(hours=2))
    reviewed, found = looked_at(pusher, upload)
    assert branded
    assert reviewed.verdicts == {Verdict.APPROVED: 80 - len(branded), Verdict.DISAPPROVED: len(branded)}
    assert reviewed.topics == {"TRADEMARKS_IN_AD_TEXT": len(branded)}
    assert [(ad.account.customer_id, ad.review.ad_group_id) for ad in found] == branded
    made = {item["ad_group_id"]: item["new_ad_id"] for item in pusher.ledger.outcomes.items(upload.number)}
    assert all(ad.review.ad_id == made[ad.review.ad_group_id] for ad in found)
    assert all(ad.review.ad_group_name and ad.review.evidences for ad in found)


def test_an_account_that_cannot_be_read_does_not_hide_the_others(
    pusher: Pusher, pushed: tuple[Upload, list[AdGroupRef]]
) -> None:
    upload, _ = pushed
    account = min(number for number, account in pusher.gateway.accounts().items() if not account.manager)
    pusher.emulator.faults([{"kind": "suspend_account", "account": account}])
    reviewed, _ = looked_at(pusher, upload)
    assert set(reviewed.not_read) == {account}
    assert reviewed.verdicts.total() == 40


def test_an_ad_that_is_gone_is_no_ad_that_was_disapproved(
    pusher: Pusher, pushed: tuple[Upload, list[AdGroupRef]]
) -> None:
    upload, _ = pushed
    pusher.emulator.reset()  # the ads of the beginning
    assert looked_at(pusher, upload)[0].verdicts == {Verdict.NOT_THERE: 80}


def _mutates(pusher: Pusher) -> int:
    return sum("Mutate" in request["method"] for request in pusher.emulator.requests())


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_job_lists_them_and_leaves_everything_as_it_was(
    pusher: Pusher, pushed: tuple[Upload, list[AdGroupRef]], settings: Settings
) -> None:
    upload, branded = pushed
    pusher.emulator.set_now(NOW + timedelta(hours=2))
    resources: dict[str, Any] = {
        "ledger": pusher.ledger,
        "google_ads": lambda: pusher.gateway,
        "themes": cache(lambda: load_catalogue(None)),
        "clock": lambda: NOW,
        "settings": settings,
    }
    ads_before, mutates = pusher.ads_made(), _mutates(pusher)
    [before] = pusher.ledger.uploads.progress(upload.number)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("uploads", [upload.key])
        job = definitions_with(resources).resolve_job_def("review_ads")
        result = job.execute_in_process(instance=instance, partition_key=upload.key)
        assert not instance.get_materialized_partitions(dg.AssetKey("themed_ads"))
    [output] = [event for event in result.all_node_events if event.is_successful_output]
    shown: Mapping[str, Any] = output.step_output_data.metadata
    assert (shown["ads"].value, shown["disapproved"].value) == (80, len(branded))
    assert len(shown["disapproved_first_100"].records) == len(branded)
    lines = lines_of(Path(shown["csv"].value))
    assert [(line["customer_id"], int(line["ad_group_id"])) for line in lines] == [
        (dashed(customer_id), ad_group_id) for customer_id, ad_group_id in branded
    ]
    assert {line["policy_topics"] for line in lines} == {"TRADEMARKS_IN_AD_TEXT"}

    assert pusher.ads_made() == ads_before
    assert _mutates(pusher) == mutates
    [after] = pusher.ledger.uploads.progress(upload.number)
    assert (after.status, after.epoch, after.run_id) == (UploadStatus.FINISHED, before.epoch, before.run_id)


def test_a_person_asks_in_a_terminal(
    pusher: Pusher,
    pushed: tuple[Upload, list[AdGroupRef]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload, branded = pushed
    settings.home.mkdir(exist_ok=True)
    settings.emulator_dir.symlink_to(pusher.emulator.folder)
    for name, value in settings:
        monkeypatch.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
    process_settings.cache_clear()
    fine = CliRunner().invoke(themaads, ["review", str(upload.number)])
    assert (fine.exit_code, fine.output.strip()) == (0, "#1: 80 ads: 80 under review")
    pusher.emulator.set_now(NOW + timedelta(hours=2))
    bad = CliRunner().invoke(themaads, ["review", str(upload.number)])
    process_settings.cache_clear()
    assert bad.exit_code == 1
    assert f"{len(branded)} disapproved" in bad.output
    assert "TRADEMARKS_IN_AD_TEXT" in bad.output
    [path] = (settings.home / "reports").glob("*/disapproved.csv")
    assert len(lines_of(path)) == len(branded)
