"""What can be set at the start of a run, and what is said of each setting."""

import subprocess
import sys
from dataclasses import replace

import dagster as dg
import pytest
from pydantic import ValidationError

from themaads_pipeline.definitions import defs
from themaads_pipeline.defs.launchpad import DryRunConfig, PushRunConfig, ReadingConfig, customer_ids
from themaads_pipeline.push.work import PushConfig
from themaads_pipeline_tests.unit.test_defs_upload_folder import upload


def test_the_defaults_are_the_pushs_own() -> None:
    assert PushRunConfig().push_config(upload()) == PushConfig()


def test_a_limit_given_by_hand_counts_before_the_uploads() -> None:
    limited = replace(upload(), item_limit=50)
    assert PushRunConfig().push_config(limited).item_limit == 50
    assert PushRunConfig(item_limit=7).push_config(limited).item_limit == 7


def test_a_preflight_is_done_where_it_is_asked_for() -> None:
    assert PushRunConfig(preflight="validate_only").push_config(upload()).preflight


@pytest.mark.parametrize("config", [ReadingConfig, PushRunConfig, DryRunConfig])
def test_every_setting_is_described(config: type[dg.Config]) -> None:
    assert all(field.description for field in config.model_fields.values())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("batch_size", 0),
        ("batch_size", 5_001),
        ("read_size", 20_001),
        ("accounts_at_once", 0),
        ("item_limit", 0),
        ("preflight", "yes"),
        ("preflight", False),
        ("only_accounts", ["123-456-789"]),
        ("only_accounts", ["١٢٣٤٥٦٧٨٩٠"]),
    ],
)
def test_a_value_out_of_bounds_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValidationError, match=setting):
        PushRunConfig.model_validate({setting: value})


def test_accounts_may_have_dashes() -> None:
    assert customer_ids(["123-456-7890", "1234567890", "9876543210"]) == {1234567890, 9876543210}


def test_assets_checks_jobs_and_the_sensor_are_described() -> None:
    graph = defs.resolve_asset_graph()
    assert all(graph.get(key).description for key in graph.get_all_asset_keys())
    assert all(spec.description for checks in defs.asset_checks or () for spec in checks.check_specs)
    assert all(defs.resolve_job_def(name).description for name in ("push_upload", "dry_run", "review_ads"))
    assert all(getattr(sensor, "description", None) for sensor in defs.sensors or ())


def test_loading_the_definitions_reads_nothing_and_brings_no_heavy_module() -> None:
    script = (
        "import sys, themaads_pipeline.definitions;"
        "print([name for name in ('google.ads', 'grpc', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    environment = {"PATH": "", "THEMAADS_HOME": "/nowhere/at/all"}
    answer = subprocess.run(
        [sys.executable, "-W", "error::dagster.PreviewWarning", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.strip() == "[]", answer.stderr
    assert "Warning" not in answer.stderr
