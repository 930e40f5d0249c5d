"""Real runs in Dagster: what turns a partition green, what does not, and what a person reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.definitions import definitions_with
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.push.registration import register_file
from themaads_pipeline.settings import Settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import generated
from themaads_pipeline_tests.running_emulator import RunningEmulator

CHECKS = {"every_item_is_final", "failures_are_few", "no_ad_twice", "ads_are_there"}


@dataclass(kw_only=True)
class Dagster:
    """Runs our jobs in this process, with a Dagster instance of its own."""

    instance: dg.DagsterInstance
    ledger: Ledger
    resources: dict[str, Any]
    folder: Path

    def submit(self, content: str, name: str = "black_friday.csv", theme: str | None = None) -> Upload:
        """A file in the folder, registered; its partition exists."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        upload = register_file(
            path, ledger=self.ledger, catalogue=load_catalogue(None), today=NOW.date(), theme=theme
        ).upload
        self.instance.add_dynamic_partitions("uploads", [upload.key])
        return upload

    def run(
        self, upload: Upload, job: str = "push_upload", config: dict[str, Any] | None = None, **more: Any
    ) -> dg.ExecuteInProcessResult:
        ops = {op: {"config": values} for op, values in (config or {}).items()}
        return self.job(job).execute_in_process(
            instance=self.instance,
            partition_key=upload.key,
            run_config={"ops": ops},
            raise_on_error=False,
            **more,
        )

    def job(self, name: str = "push_upload") -> dg.JobDefinition:
        return definitions_with(self.resources).resolve_job_def(name)

    def status(self, upload: Upload) -> tuple[UploadStatus, str]:
        found = self.ledger.uploads.find(upload.key)
        return found.status, found.message

    def is_green(self, asset: str, upload: Upload) -> bool:
        return upload.key in self.instance.get_materialized_partitions(dg.AssetKey(asset))

    def shown(self, asset: str, upload: Upload) -> dict[str, Any]:
        """The metadata of the partition's last materialization, as plain values."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[upload.key]), limit=1
        ).records
        materialization = records[0].asset_materialization
        assert materialization is not None
        return _plain(materialization.metadata)


@pytest.fixture
def dagster(
    ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator
) -> Iterator[Dagster]:
    with a_dagster(ledger, gateway, settings) as opened:
        yield opened


@contextmanager
def a_dagster(ledger: Ledger, gateway: Gateway, settings: Settings) -> Iterator[Dagster]:
    """With these parts; the emulator behind the gateway runs."""
    resources = {
        "ledger": ledger,
        "google_ads": lambda: gateway,
        "themes": cache(lambda: load_catalogue(None)),
        "clock": lambda: NOW,
        "settings": settings,
    }
    with dg.DagsterInstance.ephemeral() as instance:
        yield Dagster(instance=instance, ledger=ledger, resources=resources, folder=settings.home / "uploads")


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as plain values; tables as rows."""
    return {
        name: [record.data for record in value.records]
        if isinstance(value, dg.TableMetadataValue)
        else value.value
        for name, value in metadata.items()
    }


def _failure(result: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in result.all_node_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data or event.step_failure_data.error)


def test_an_upload_goes_from_its_file_to_its_report(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=3, ad_groups=60)
    columns = emulator.upload_file().splitlines()[0].count(",")
    bad_row = f"not-an-account,5{',' * (columns - 1)}\n"
    upload = dagster.submit(emulator.upload_file() + bad_row)
    result = dagster.run(upload)
    assert result.success
    assert all(dagster.is_green(asset, upload) for asset in ("upload_items", "themed_ads", "upload_report"))
    assert dagster.status(upload) == (UploadStatus.FINISHED, "")
    read = dagster.shown("upload_items", upload)
    assert (read["items"], read["accounts"], read["rejected_rows"]) == (60, 3, 1)
    assert [row["reason"] for row in read["rejected_rows_first_100"]] == ["bad_customer_id"]
    pushed = dagster.shown("themed_ads", upload)
    assert (pushed["done"], pushed["failed"], pushed["left"]) == (60, 0, 0)
    assert pushed["items_per_s"] > 0
    assert {row["method"] for row in pushed["requests_by_method"]} >= {"AdGroupAdService.MutateAdGroupAds"}
    report = dagster.shown("upload_report", upload)
    assert "PAUSED" in report["summary"]
    assert Path(report["outcomes"]).exists()


def test_checks_are_recorded_for_the_partition(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=2, ad_groups=20)
    upload = dagster.submit(emulator.upload_file())
    evaluations = dagster.run(upload).get_asset_check_evaluations()
    assert {each.check_name for each in evaluations} == CHECKS
    assert all(each.passed for each in evaluations)
    assert {each.partition for each in evaluations} == {upload.key}


def test_an_ad_that_is_there_twice_fails_its_check(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=1, ad_groups=20)
    first = dagster.submit(emulator.upload_file())
    dagster.run(first)
    account, twin = _give_a_twin(dagster, first)
    again = {each.check_name: each for each in dagster.run(first).get_asset_check_evaluations()}
    assert not again["no_ad_twice"].passed
    assert again["no_ad_twice"].severity is dg.AssetCheckSeverity.ERROR
    [row] = _plain(again["no_ad_twice"].metadata)["ad_groups"]
    assert row["account"] == str(account)
    assert str(twin) in row["ads"]
    assert again["ads_are_there"].passed


def _give_a_twin(dagster: Dagster, upload: Upload) -> tuple[int, int]:
    """What only somebody else could do: another ad with our identity in the same ad group."""
    gateway: Gateway = dagster.resources["google_ads"]()
    made = dagster.ledger.outcomes.made_ads(upload.number)[0]
    account = gateway.accounts()[made["customer_id"]]
    [ad] = [
        ad
        for ad in gateway.read_snapshot(account, [made["ad_group_id"]]).ads[made["ad_group_id"]]
        if ad.ad_id == made["new_ad_id"]
    ]
    from themaads_pipeline.model.ads import NewAd  # noqa: PLC0415

    twin = NewAd(
        ad_group_id=ad.ad_group_id, content=ad.content, copied_ad_id=1, copied_ad_status="", fingerprint=""
    )
    [created] = gateway.create_ads(account, [twin], timeout_s=10).results
    return account.customer_id, created.resource_id  # type: ignore[union-attr]  # it was created


def test_a_finished_upload_run_again_sends_nothing_and_stays_finished(
    dagster: Dagster, emulator: RunningEmulator
) -> None:
    generated(emulator, accounts=2, ad_groups=20)
    upload = dagster.submit(emulator.upload_file())
    dagster.run(upload)
    created = emulator.stats()["ads_created"]
    assert dagster.run(upload).success
    assert emulator.stats()["ads_created"] == created
    assert dagster.status(upload) == (UploadStatus.FINISHED, "")


def test_a_trial_leaves_the_partition_as_it_was_and_the_next_run_goes_on(
    dagster: Dagster, emulator: RunningEmulator
) -> None:
    generated(emulator, accounts=2, ad_groups=40)
    upload = dagster.submit(emulator.upload_file())
    trial = dagster.run(upload, config={"themed_ads": {"item_limit": 7}})
    assert trial.success
    assert emulator.stats()["ads_created"] == 7
    assert not dagster.is_green("themed_ads", upload)
    assert not dagster.is_green("upload_report", upload)
    assert not trial.get_asset_check_evaluations()
    status, why = dagster.status(upload)
    assert status is UploadStatus.PAUSED
    assert "limit of 7" in why
    assert dagster.run(upload).success
    assert dagster.is_green("themed_ads", upload)
    assert emulator.stats()["ads_created"] == 40


def test_only_the_accounts_asked_for_are_pushed(dagster: Dagster, emulator: RunningEmulator) -> None:
    refs = generated(emulator, accounts=2, ad_groups=20)
    upload = dagster.submit(emulator.upload_file())
    wanted = str(refs[0][0])
    dashed = f"{wanted[:3]}-{wanted[3:6]}-{wanted[6:]}"
    assert dagster.run(upload, config={"themed_ads": {"only_accounts": [dashed]}}).success
    assert emulator.stats()["ads_created"] == 10
    assert not dagster.is_green("themed_ads", upload)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"themed_ads": {"batch_size": 0}}, "greater than or equal to 1"),
        ({"themed_ads": {"only_accounts": ["12"]}}, "'12' is no account"),
        ({"upload_items": {"theme": "Halloween"}}, "there is no theme 'Halloween'"),
        ({"upload_items": {"theme": "kerst"}}, "was submitted for black_friday_2026"),
    ],
)
def test_a_wrong_setting_is_refused_in_clear_words(
    dagster: Dagster, emulator: RunningEmulator, config: dict[str, Any], said: str
) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file())
    result = dagster.run(upload, config=config)
    assert not result.success
    assert said in _failure(result)
    assert emulator.stats()["ads_created"] == 0


def test_a_theme_given_at_the_start_counts_for_rows_without_one(
    dagster: Dagster, emulator: RunningEmulator
) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file(), name="lijst.csv")
    assert upload.edition is None
    assert dagster.run(upload, config={"upload_items": {"theme": "bf"}}).success
    assert {item["edition"] for item in dagster.ledger.outcomes.items(upload.number)} == {"black_friday_2026"}


def test_an_unusable_file_fails_its_upload_with_the_reason(dagster: Dagster) -> None:
    upload = dagster.submit("name,city\na,b\n")
    result = dagster.run(upload)
    assert not result.success
    status, why = dagster.status(upload)
    assert status is UploadStatus.FAILED
    assert why in _failure(result)
    run = dagster.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags["dagster/retry_on_asset_or_op_failure"] == "false"


def test_a_file_of_bad_rows_fails_each_time_and_shows_them(dagster: Dagster) -> None:
    upload = dagster.submit("customer_id,ad_group_id\nx,1\ny,2\n")
    for _ in range(2):
        result = dagster.run(upload)
        assert not result.success
        assert "2 rows can be used" in _failure(result)
        assert "bad_customer_id" in _failure(result)
        assert dagster.status(upload)[0] is UploadStatus.FAILED


def test_an_upload_nobody_knows_is_refused(dagster: Dagster) -> None:
    dagster.instance.add_dynamic_partitions("uploads", ["stranger@1"])
    result = dagster.job().execute_in_process(
        instance=dagster.instance, partition_key="stranger@1", raise_on_error=False
    )
    assert "no upload is called 'stranger@1'" in _failure(result)


def test_a_second_run_fails_at_once_and_harms_nothing(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file())
    other = dagster.instance.create_run_for_job(dagster.job())
    dagster.instance.report_run_canceling(other)  # its worker may still be sending
    owner = dagster.ledger.uploads.take(
        upload.number, run_id=other.run_id, stage="pushing", is_active=lambda _: True
    )
    result = dagster.run(upload)
    assert not result.success
    assert f"is being worked on by run {other.run_id}" in _failure(result)
    dagster.ledger.uploads.end(owner, how="finished")  # still the owner: nothing was fenced
    assert emulator.stats()["ads_created"] == 0


def test_what_interrupts_a_stage_is_the_uploads_message(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file())
    emulator.faults(
        [
            {
                "kind": "error",
                "method": "*ListAccessibleCustomers",
                "error": "AuthenticationError.OAUTH_TOKEN_REVOKED",
            }
        ]
    )
    result = dagster.run(upload)
    assert not result.success
    status, why = dagster.status(upload)
    assert status is UploadStatus.FAILED
    assert "OAUTH_TOKEN_REVOKED" in why or "credentials" in why
    emulator.clear_faults()
    assert dagster.run(upload).success
    assert dagster.status(upload)[0] is UploadStatus.FINISHED


def test_a_dry_run_plans_everything_and_changes_nothing(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=2, ad_groups=30)
    upload = dagster.submit(emulator.upload_file())
    result = dagster.run(upload, job="dry_run")
    assert result.success
    assert emulator.stats()["ads_created"] == 0
    assert not any("Mutate" in request["method"] for request in emulator.requests())
    assert dagster.status(upload) == (UploadStatus.WAITING, "")
    assert not dagster.is_green("themed_ads", upload)
    [output] = [event for event in result.all_node_events if event.is_successful_output]
    shown = _plain(output.step_output_data.metadata)
    assert (shown["items"], shown["ads"]) == (30, 30)
    assert len(shown["first_100"]) == 30
    assert "30 create" in shown["plan"]
    assert len(Path(shown["csv"]).read_text(encoding="utf-8-sig").splitlines()) >= 31
    dagster.run(upload)
    done = dagster.run(upload, job="dry_run")
    [output] = [event for event in done.all_node_events if event.is_successful_output]
    assert output.step_output_data.metadata["items"].value == 0


def test_progress_is_observed_on_the_partition(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file())
    result = dagster.run(upload)
    observations = result.asset_observations_for_node("themed_ads")
    assert observations
    assert observations[0].partition == upload.key
    assert set(observations[0].metadata) == {"done", "total", "percent", "failed", "items_per_s"}


def test_reading_alone_does_not_leave_the_upload_running(dagster: Dagster, emulator: RunningEmulator) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file())
    assert dagster.run(upload, asset_selection=[dg.AssetKey("upload_items")]).success
    assert dagster.status(upload) == (UploadStatus.INTERRUPTED, "read, and not pushed yet")


def test_a_run_that_was_replaced_writes_and_sends_nothing_more(
    dagster: Dagster, emulator: RunningEmulator
) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file())
    google_ads = dagster.resources["google_ads"]

    def replaced_meanwhile() -> Gateway:
        dagster.ledger.uploads.take(
            upload.number, run_id="successor", stage="pushing", is_active=lambda _: False
        )
        gateway: Gateway = google_ads()
        return gateway

    dagster.resources["google_ads"] = replaced_meanwhile
    assert not dagster.run(upload).success
    assert emulator.stats()["ads_created"] == 0
    [progress] = dagster.ledger.uploads.progress(upload.number)
    assert (progress.run_id, progress.status, progress.message) == ("successor", UploadStatus.RUNNING, "")


def test_a_report_that_fails_leaves_a_finished_upload_finished(
    dagster: Dagster, emulator: RunningEmulator, settings: Settings
) -> None:
    generated(emulator, accounts=1, ad_groups=5)
    upload = dagster.submit(emulator.upload_file())
    (settings.home / "reports").parent.mkdir(parents=True, exist_ok=True)
    (settings.home / "reports").write_text("a file where the folder should be")
    result = dagster.run(upload)
    assert not result.success
    assert "cannot be written" in _failure(result)
    assert dagster.is_green("themed_ads", upload)
    assert dagster.status(upload)[0] is UploadStatus.FINISHED
