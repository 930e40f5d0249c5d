"""Settings: the environment, read once and frozen."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import ValidationError

from themaads_pipeline.cli.installation import environment
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.objects import ObjectPath
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as settings_of_process


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"THEMAADS_{name.upper()}", raising=False)


def test_without_any_variable_everything_is_below_one_folder_and_emulated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    home = tmp_path / ".themaads"
    assert (settings.home, settings.uploads, settings.reports) == (home, home / "uploads", home / "reports")
    assert settings.ads_config == home / "emulator" / "google-ads.yaml"
    assert settings.uses_emulator
    assert settings.database_url is None


def test_credentials_switch_the_emulator_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEMAADS_GOOGLE_ADS_CONFIG", "/etc/themaads/google-ads.yaml")
    settings = Settings()
    assert not settings.uses_emulator
    assert settings.ads_config == Path("/etc/themaads/google-ads.yaml")


def test_relative_folders_are_relative_to_where_the_command_was_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THEMAADS_UPLOAD_DIR", "in")
    monkeypatch.setenv("THEMAADS_REPORT_DIR", "~/out")
    settings = Settings()
    assert settings.uploads == tmp_path / "in"
    assert settings.reports == Path.home() / "out"


def test_folders_may_be_urls_of_object_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEMAADS_UPLOAD_DIR", "s3://bucket/uploads/")
    monkeypatch.setenv("THEMAADS_REPORT_DIR", "file:///srv/reports")
    settings = Settings()
    assert settings.uploads == ObjectPath("s3://bucket/uploads")
    assert str(settings.uploads / "kerst.csv") == "s3://bucket/uploads/kerst.csv"
    assert settings.reports == Path("/srv/reports")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sftp://host/uploads", "a folder, or the URL of one in object storage"),
        ("s3://", "must name a bucket"),
        ("s3://key:secret@bucket/uploads", "credentials and endpoints are given to the storage's own"),
        pytest.param(
            "gs://bucket/uploads",
            r"gs:// needs gcsfs: pip install 'themaads-pipeline\[gs\]'",
            marks=pytest.mark.skipif(find_spec("gcsfs") is not None, reason="it is installed here"),
        ),
        pytest.param(
            "az://container/uploads",
            r"az:// needs adlfs: pip install 'themaads-pipeline\[az\]'",
            marks=pytest.mark.skipif(find_spec("adlfs") is not None, reason="it is installed here"),
        ),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, url: str, why: str
) -> None:
    monkeypatch.setenv("THEMAADS_REPORT_DIR", url)
    settings_of_process.cache_clear()
    with pytest.raises(PermanentError, match=f"THEMAADS_REPORT_DIR: .*{why}") as refused:
        settings_of_process()
    assert "secret@" not in str(refused.value)


def test_no_driver_of_object_storage_is_loaded_where_folders_are_local(tmp_path: Path) -> None:
    script = """
import sys
from themaads_pipeline import definitions
from themaads_pipeline.intake.storage import look_at
from themaads_pipeline.settings import settings
look_at(settings().uploads)
print(sorted({"fsspec", "upath", "s3fs", "botocore"} & sys.modules.keys()))
"""
    environment = {**os.environ, "THEMAADS_HOME": str(tmp_path), "THEMAADS_UPLOAD_DIR": str(tmp_path)}
    loaded = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == ["[]"]


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEMAADS_GOOGLE_ADS_CONFIG", "")
    monkeypatch.setenv("THEMAADS_STALL_SECONDS", "")
    settings = Settings()
    assert settings.uses_emulator
    assert settings.stall_seconds == 300


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_stall_threshold_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("THEMAADS_STALL_SECONDS", seconds)
    with pytest.raises(ValidationError, match="stall_seconds"):
        Settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().home = Path("/elsewhere")  # type: ignore[misc]  # what is tested


def test_child_processes_get_exactly_these_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THEMAADS_GOOGLE_ADS_CONFIG", "/real/credentials.yaml")
    monkeypatch.setenv("THEMAADS_STALL_SECONDS", "7")
    demo = Settings().model_copy(update={"home": tmp_path, "google_ads_config": None})
    for name, value in environment(demo, dagster_home=tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir("/")
    assert Settings() == demo


@pytest.mark.parametrize("host", ["emulator", "themaads-emulator-1", "172.18.0.4", "127.0.0.1"])
def test_the_emulator_may_be_in_another_container(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("THEMAADS_EMULATOR_HOST", host)
    assert Settings().emulator_host == host


@pytest.mark.parametrize("host", ["googleads.googleapis.com", "8.8.8.8", "emulator.", "emulator:8080", "-"])
def test_the_emulator_cannot_be_where_google_might(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("THEMAADS_EMULATOR_HOST", host)
    with pytest.raises(ValidationError, match="name without a dot"):
        Settings()
