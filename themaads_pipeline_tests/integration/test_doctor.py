"""`themaads doctor` against a real database, emulator, Dagster and disk: what it finds, and how soon."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from click.testing import CliRunner

from themaads_pipeline.cli.diagnosis import Finding, Level
from themaads_pipeline.cli.doctor import Check, examine
from themaads_pipeline.cli.local_probes import SENSORS
from themaads_pipeline.cli.main import themaads
from themaads_pipeline.defs.alerts import alerts
from themaads_pipeline.defs.unfinished_uploads import unfinished_uploads
from themaads_pipeline.defs.upload_folder import upload_folder
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.running_stack import ROOT, Running, running
from themaads_pipeline_tests.small_disk import small_disk

Set = Callable[..., None]
# name -> (level, text) of its first finding; those of a file and of accounts can have several
Told = dict[str, tuple[str, str]]


@pytest.fixture
def use(settings: Settings, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Set]:
    """The environment of a home whose database and emulator run, and what a test sets differently."""
    settings.home.mkdir()
    settings.emulator_dir.symlink_to(emulator.folder)
    emulator.seed({"generate": {"accounts": 3, "ad_groups": 30}})
    monkeypatch.chdir(ROOT)

    def use(**changed: object) -> None:
        for name, value in (dict(settings) | changed).items():
            monkeypatch.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
        process_settings.cache_clear()

    use()
    yield use
    process_settings.cache_clear()


def examined(*arguments: str | Path, code: int) -> list[tuple[str, str, str]]:
    result = CliRunner().invoke(themaads, ["doctor", "--json", *map(str, arguments)])
    assert result.exit_code == code, result.output
    told = json.loads(result.output)
    assert told["ok"] is (code == 0)
    return [(each["level"], each["name"], each["text"]) for each in told["checks"]]


def first(found: list[tuple[str, str, str]]) -> Told:
    return {name: (level, text) for level, name, text in reversed(found)}


def wrong(found: list[tuple[str, str, str]]) -> set[str]:
    return {name for level, name, _ in found if level == "WRONG"}


def test_a_healthy_installation_has_nothing_wrong(use: Set) -> None:
    found = first(examined(code=0))
    assert found["database"][1].startswith("Postgres 1")
    assert found["schema"][1].startswith("that of this release")
    assert found["rights"] == ("ok", "the role postgres may read and write everything")
    assert found["credentials"] == ("ok", "none: the built-in emulator answers")
    assert found["accounts"][1].startswith("3 within reach (3 through ")
    assert found["operations of the day"] == ("ok", "0 in the last 24 hours")
    assert found["dagster's daemon"][0] == "warn"
    lines = CliRunner().invoke(themaads, ["doctor"]).output.splitlines()
    assert [line for line in lines if line.startswith("ok     themes: 5 (the built-in ones)")]
    assert {line[:7].strip() for line in lines} == {"ok", "warn"}


# The database


def test_a_database_that_is_away_or_hangs_is_told_within_seconds_without_its_password(use: Set) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        use(database_url=f"postgresql://me:geheim%21wachtwoord@127.0.0.1:{port}/themaads")
        started = time.monotonic()
        found = examined(code=1)
        assert time.monotonic() - started < 20
    assert wrong(found) == {"database"}
    assert first(found)["dagster's daemon"][0] == "warn"
    assert "geheim" not in str(found)


@pytest.mark.parametrize(
    "url", ["postgres:geheim-woord@host", "host=h password=geheim-woord", "geheim-woord"]
)
def test_an_address_that_is_none_is_not_quoted(use: Set, url: str) -> None:
    use(database_url=url)
    found = examined(code=1)
    [text] = [text for level, _, text in found if level == "WRONG"]
    assert "must be a URL" in text
    assert "geheim" not in str(found)


def test_a_setting_that_is_none_is_told(use: Set) -> None:
    use(stall_seconds="soon")
    [(level, name, text)] = examined(code=1)
    assert (level, name) == ("WRONG", "settings")
    assert "stall_seconds" in text.lower()


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    """Without our schema."""
    maintenance = postgres_server.replace("/themaads?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute("create database of_doctor")
        yield postgres_server.replace("/themaads?", "/of_doctor?")
        connection.execute("drop database of_doctor with (force)")


def test_a_schema_that_is_missing_old_or_too_new_is_told(use: Set, empty_database: str) -> None:
    use(database_url=empty_database)
    assert first(examined(code=1))["schema"][1].startswith("there is none yet: run `themaads migrate`")
    migrate(empty_database, to="0002")
    assert "older release (0002, not " in first(examined(code=1))["schema"][1]
    migrate(empty_database)
    assert first(examined(code=0))["schema"][0] == "ok"
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("update themaads.schema_version set version_num = '9999'")
    assert "newer release (9999" in first(examined(code=1))["schema"][1]


def test_a_role_that_may_not_write_is_told_what_it_lacks(use: Set, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create role of_doctor login")
        try:
            connection.execute("grant usage on schema themaads to of_doctor")
            connection.execute(
                "grant select, insert, update, delete on all tables in schema themaads to of_doctor"
            )
            connection.execute("revoke insert on themaads.attempt from of_doctor")
            use(database_url=database_url.replace("postgres@", "of_doctor@"))
            level, text = first(examined(code=1))["rights"]
            assert level == "WRONG"
            assert text.startswith(
                "the role of_doctor lacks create in schema public (for Dagster), insert on themaads.attempt: "
            )
        finally:
            connection.execute("drop owned by of_doctor")
            connection.execute("drop role of_doctor")


def test_a_days_quota_that_is_gone_is_told_and_google_is_not_asked(
    use: Set, ledger: Ledger, emulator: RunningEmulator
) -> None:
    ledger.quota.is_gone(seconds=7_200, message="used up")
    use(daily_operations=100)
    found = first(examined(code=1))
    assert "used up until " in found["operations of the day"][1]
    assert "0 of 100 in the last 24 hours" in found["operations of the day"][1]
    assert found["accounts"] == ("warn", "not asked for, as the day's operations are used up")
    assert emulator.requests() == []


# Google


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            {"grant_error": "invalid_grant"},
            "the refresh token or key was revoked or has expired. Sign in again",
        ),
        ({"grant_error": "invalid_client"}, "Correct client_id and client_secret in google-ads.yaml."),
    ],
)
def test_a_token_that_cannot_be_had_is_told_with_the_remedy(
    use: Set, emulator: RunningEmulator, script: dict[str, str], said: str
) -> None:
    emulator.tokens(**script)
    found = examined(code=1)
    assert wrong(found) == {"credentials"}
    assert said in first(found)["credentials"][1]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"without_scope": True}, "Sign in again with the scope"),
        ({"refuse": "OAUTH_TOKEN_DISABLED"}, "the access token is disabled"),
        ({"refuse": "AuthorizationError.PROJECT_DISABLED"}, "the Google Cloud project may not call"),
    ],
)
def test_a_token_that_google_ads_refuses_is_told_with_the_remedy(
    use: Set, emulator: RunningEmulator, script: dict[str, object], said: str
) -> None:
    emulator.tokens(**script)
    found = examined(code=1)
    assert wrong(found) == {"accounts"}
    assert said in first(found)["accounts"][1]


def test_google_that_hangs_keeps_nobody_from_the_other_answers(use: Set, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "hang", "method": "ListAccessibleCustomers", "seconds": 60}])
    started = time.monotonic()
    found = examined(code=1)
    assert time.monotonic() - started < 20
    assert wrong(found) == {"accounts"}
    assert first(found)["schema"][0] == "ok"


def test_a_check_that_never_ends_is_given_up() -> None:
    def never() -> Iterator[Finding]:
        yield Finding(level=Level.OK, name="slow", text="so far")
        time.sleep(30)

    def breaks() -> Iterator[Finding]:
        yield from ()
        raise KeyError("geheim")

    checks = [
        Check(name="slow", look=never, longest_s=0.2),
        Check(name="broken", look=breaks, longest_s=5),
    ]
    found = [(each.level, each.text) for each in examine(checks, secrets=frozenset())]
    assert found == [
        ("ok", "so far"),
        ("WRONG", "no answer within 0 s"),
        ("WRONG", "this check broke (KeyError): please report it"),
    ]


def test_without_credentials_and_without_a_stack_it_says_so(use: Set, settings: Settings) -> None:
    settings.emulator_dir.unlink()
    text = "none: everything runs against the built-in emulator, which `themaads up` starts"
    assert first(examined(code=0))["credentials"] == ("ok", text)


def test_real_credentials_are_used_and_told_when_others_can_read_them(
    use: Set, emulator: RunningEmulator, settings: Settings, tmp_path: Path
) -> None:
    """In a process of its own: which certificates gRPC trusts is decided once in each."""
    config = tmp_path / "google-ads.yaml"
    config.write_text(emulator.google_ads_yaml.read_text())
    config.chmod(0o644)
    secret = json.loads((emulator.folder / "service-account.json").read_text())["private_key"]
    environment = {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(emulator.ca_file)}
    environment["THEMAADS_GOOGLE_ADS_CONFIG"] = str(config)
    command = [sys.executable, "-m", "themaads_pipeline.cli", "doctor"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert f"warn   credentials: other users of this machine can read {config}: chmod 600 {config}" in lines
    assert f"ok     credentials: {config} give a token" in lines
    assert {"ok     clock against Google: 0 s apart", "ok     clock against Google: 1 s apart"} & set(lines)
    assert ended.stderr == ""
    assert secret.splitlines()[1] not in ended.stdout


def test_a_clock_that_is_off_is_told(use: Set, emulator: RunningEmulator, tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(404)
            self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    key = json.loads((emulator.folder / "service-account.json").read_text())
    key_file, config = tmp_path / "key.json", tmp_path / "google-ads.yaml"
    key_file.write_text(json.dumps(key | {"token_uri": f"http://127.0.0.1:{server.server_port}/token"}))
    config.write_text(f"json_key_file_path: {key_file}\nuse_proto_plus: false\n")
    use(google_ads_config=config)
    level, text = first(examined(code=1))["clock against Google"]
    server.shutdown()
    assert level == "WRONG"
    assert re.fullmatch(
        r"this machine is (300|299|298) s behind it: let both follow a time server \(NTP\)", text
    )


# A file


def test_each_account_of_a_file_that_can_have_no_ads_is_told_with_its_rows(
    use: Set, emulator: RunningEmulator, tmp_path: Path
) -> None:
    manager = {"customer_id": 1000000001, "name": "Agency"}
    shops = [
        {"customer_id": 2000000001, "name": "Open"},
        {"customer_id": 2000000002, "name": "Suspended", "status": "SUSPENDED"},
        {"customer_id": 2000000003, "name": "Gone", "status": "CANCELED"},
    ]
    emulator.seed({"managers": [manager], "accounts": shops})
    file = tmp_path / "black_friday.csv"
    rows = ["customer_id,ad_group_id", "200-000-0001,1", "200-000-0002,2", "200-000-0002,3"]
    rows += ["200-000-0003,4", "100-000-0001,5", "999-999-9999,6", "x,7"]
    file.write_text("\n".join(rows))
    found = [(level, text) for level, name, text in examined(file, code=1) if name == "file black_friday.csv"]
    said = {
        "SUSPENDED": "account 2000000002 (Suspended) is suspended: see Google Ads",
        "CANCELED": "account 2000000003 (Gone) is canceled: see Google Ads",
        "MANAGER": "account 1000000001 (Agency) is a manager, which has no ads: name its client account",
        "UNKNOWN": "none of our credentials reaches account 9999999999: link it to a manager account of ours",
    }
    assert found == [
        ("warn", "1 rows cannot be used (1 bad_customer_id)"),
        ("ok", "6 rows for 5 accounts can be used"),
        ("WRONG", f"2 rows of 200-000-0002 would fail: {said['SUSPENDED']}"),
        ("WRONG", f"1 row of 100-000-0001 would fail: {said['MANAGER']}"),
        ("WRONG", f"1 row of 200-000-0003 would fail: {said['CANCELED']}"),
        ("WRONG", f"1 row of 999-999-9999 would fail: {said['UNKNOWN']}"),
        ("ok", "1 of 5 accounts can have ads"),
    ]
    assert emulator.stats()["ads_created"] == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("lijst.csv", "name,city\na,b\n", "no header with the column customer_id"),
        ("black_friday_2024.csv", "customer_id,ad_group_id\n2000000001,1\n", "ended on 2024-12-01"),
        ("bf.xlsx", "PK not really", "the workbook is damaged or incomplete"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    use: Set, tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    found = examined(tmp_path / name, code=1)
    assert wrong(found) == {"file"}
    assert said in first(found)["file"][1]


def test_a_file_without_a_theme_is_told_to_get_one_at_submission(
    use: Set, emulator: RunningEmulator, tmp_path: Path
) -> None:
    (tmp_path / "lijst.csv").write_text(emulator.upload_file())
    found = examined(tmp_path / "lijst.csv", code=0)
    texts = [(level, text) for level, name, text in found if name == "file lijst.csv"]
    assert texts[0][0] == "warn"
    assert "--theme" in texts[0][1]
    assert texts[1:] == [
        ("ok", "30 rows for 3 accounts can be used"),
        ("ok", "3 of 3 accounts can have ads"),
    ]


# Folders and themes


def test_a_folder_that_cannot_be_used_is_told(use: Set, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with small_disk(tmp_path / "small") as disk:
        disk.fill()
        use(upload_dir=tmp_path / "a file", report_dir=disk.path, home=tmp_path / "a file" / "home")
        found = examined(code=1)
    assert wrong(found) == {"home", "uploads", "reports"}
    assert first(found)["reports"][1].endswith("cannot be written to: No space left on device")


def test_a_theme_with_a_problem_is_told(use: Set, tmp_path: Path) -> None:
    (tmp_path / "carnaval.yaml").write_text("name: carnaval\ntitle: Carnaval\n")
    use(theme_dir=tmp_path)
    found = [text for level, name, text in examined(code=1) if (level, name) == ("WRONG", "themes")]
    assert "carnaval.yaml: label: is missing" in found[0]


# Dagster


def test_the_sensors_that_are_looked_at_are_those_that_there_are() -> None:
    assert set(SENSORS) == {upload_folder.name, unfinished_uploads.name, alerts.name}


def test_a_running_stack_is_seen_alive_and_a_sensor_that_is_switched_off_is_told(home: Path) -> None:
    workspace = str(ROOT / "workspace.yaml")
    with running(home, "--workspace", workspace) as stack:
        stack.wait_until(lambda: stack.says("stack is up"))
        stack.wait_until(lambda: sensors_have_looked(stack))
        found = told_by_process(home, code=0)
        assert found["dagster's daemon"][1].startswith("alive, the last sign of life ")
        assert {found[f"sensor {name}"] for name in SENSORS} == {("ok", "switched on")}
        assert found["credentials"] == ("ok", "none: the built-in emulator answers")
        switch_off(stack, "unfinished_uploads")
        found = told_by_process(home, code=1)
        assert found["sensor unfinished_uploads"][0] == "WRONG"
        assert found["sensor upload_folder"][0] == "ok"


def told_by_process(home: Path, *, code: int) -> Told:
    command = [sys.executable, "-m", "themaads_pipeline.cli", "doctor", "--json"]
    environment = {**os.environ, "THEMAADS_HOME": str(home)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return {each["name"]: (each["level"], each["text"]) for each in json.loads(ended.stdout)["checks"]}


_SENSORS = """{ sensorsOrError(repositorySelector: {
  repositoryLocationName: "themaads", repositoryName: "__repository__"}) {
  ... on Sensors { results { name sensorState { id selectorId ticks(limit: 1) { status } } } } } }"""


def sensors_of(stack: Running) -> dict[str, dict[str, object]]:
    found = stack.ask_with(_SENSORS, {})["sensorsOrError"].get("results", [])
    return {sensor["name"]: sensor["sensorState"] for sensor in found}


def sensors_have_looked(stack: Running) -> bool:
    found = sensors_of(stack)
    return bool(found) and all(state["ticks"] for name, state in found.items() if name in SENSORS)


def switch_off(stack: Running, sensor: str) -> None:
    mutation = "mutation ($id: String!) { stopSensor(id: $id) { __typename } }"
    answer = stack.ask_with(mutation, {"id": str(sensors_of(stack)[sensor]["id"])})
    assert answer["stopSensor"]["__typename"] == "StopSensorMutationResult"
