"""docs/troubleshooting.md quotes what people see when something stops: each message is provoked for real.

Of each section the first quoted block is compared, with numbers, ids, moments and paths made alike. A section
without a provocation, or the other way round, fails too: the page and what happens are the same list.
"""

import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import grpc
import psycopg
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from themaads_pipeline.ads.client import open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ads.wire import ReadPolicy
from themaads_pipeline.cli.main import main
from themaads_pipeline.defs.unfinished_uploads import settle
from themaads_pipeline.exceptions import LedgerAwayError, TemporaryAdsError
from themaads_pipeline.launchers.health import Worker, ended, judge
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.model.unfinished import LastRun
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.push.pusher import push_upload
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.flaky_postgres import flaky_postgres
from themaads_pipeline_tests.integration.test_dagster_runs import Dagster
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.pushing import Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.small_disk import small_disk

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
ADS = "*MutateAdGroupAds"
LIST = "*ListAccessibleCustomers"


@dataclass(kw_only=True)
class Place:
    """An installation in which something goes wrong."""

    dagster: Dagster
    emulator: RunningEmulator
    settings: Settings
    folder: Path
    open: ExitStack
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    resources: dict[str, Any] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return self.dagster.ledger

    def generated(self, *, accounts: int = 2, ad_groups: int = 10) -> list[int]:
        """Seed accounts; returns their ids."""
        self.emulator.seed({"generate": {"accounts": accounts, "ad_groups": ad_groups}})
        return [each["customer_id"] for each in self.emulator.accounts() if not each["manager"]]

    def submitted(self, *, accounts: int = 2, ad_groups: int = 10) -> Upload:
        self.generated(accounts=accounts, ad_groups=ad_groups)
        return self.dagster.submit(self.emulator.upload_file())

    def run(self, upload: Upload, **config: Any) -> str:
        """One run; returns what `themaads status` says of the upload afterwards."""
        self.dagster.run(upload, config=config)
        return self.dagster.status(upload)[1]

    def run_of_ten(self) -> str:
        return self.run(self.submitted())

    def failure(self, upload: Upload, **config: Any) -> str:
        """One run; returns what Dagster shows of its failure."""
        result = self.dagster.run(upload, config=config)
        data = [event.step_failure_data for event in result.all_node_events if event.is_step_failure]
        return str(data[0].user_failure_data.description if data[0].user_failure_data else data[0].error)

    def failed_item(self, upload: Upload) -> str:
        """One run; returns what reports and `themaads outcomes` say of an ad group that failed."""
        self.dagster.run(upload)
        items = self.ledger.outcomes.items(upload.number)
        return next(str(item["message"]) for item in items if item["state"] == "failed")

    def command(self, *arguments: str | Path) -> str:
        """What a command says when it ends with an error."""
        self.patch.setattr(sys, "argv", ["themaads", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        return self.capture.readouterr().err

    def google(self, *, config: Path | None = None, roots: Path | None = None) -> Gateway:
        """A new sign-in."""
        client = open_client(
            config or self.emulator.google_ads_yaml, trusted_roots=roots or self.emulator.ca_file
        )
        self.open.callback(client.close)
        reads = ReadPolicy(attempts=2, wait_initial_s=0.01, wait_max_s=0.01, wait_jitter_s=0)
        return Gateway(client, reads=reads, admit=self.ledger.quota.admit)


@pytest.fixture
def place(  # noqa: PLR0917  # fixtures
    ledger: Ledger,
    settings: Settings,
    emulator: RunningEmulator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    settings.home.mkdir()
    settings.emulator_dir.symlink_to(emulator.folder)
    for name, value in settings:
        monkeypatch.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
    process_settings.cache_clear()
    with dg.DagsterInstance.ephemeral() as instance, ExitStack() as opened:
        resources: dict[str, Any] = {
            "ledger": ledger,
            "themes": cache(lambda: load_catalogue(None)),
            "clock": lambda: NOW,
            "settings": settings,
        }
        there = Place(
            dagster=Dagster(
                instance=instance, ledger=ledger, resources=resources, folder=settings.home / "uploads"
            ),
            emulator=emulator,
            settings=settings,
            folder=tmp_path,
            open=opened,
            capture=capsys,
            patch=monkeypatch,
        )
        resources["google_ads"] = there.google
        yield there
    process_settings.cache_clear()


# One function a section of the page, named after its title: gives what is seen.


def the_sign_in_was_revoked(place: Place) -> str:
    place.emulator.tokens(grant_error="invalid_grant")
    return place.run_of_ten()


def the_access_token_was_revoked(place: Place) -> str:
    place.emulator.tokens(refuse="OAUTH_TOKEN_REVOKED")
    return place.run_of_ten()


def the_access_token_has_expired(place: Place) -> str:
    place.emulator.tokens(refuse="OAUTH_TOKEN_EXPIRED")
    return place.run_of_ten()


def the_access_token_is_disabled(place: Place) -> str:
    place.emulator.tokens(refuse="OAUTH_TOKEN_DISABLED")
    return place.run_of_ten()


def the_scope_is_missing(place: Place) -> str:
    place.emulator.tokens(without_scope=True)
    return place.run_of_ten()


def not_an_ads_user(place: Place) -> str:
    place.emulator.tokens(refuse="NOT_ADS_USER")
    return place.run_of_ten()


def the_project_is_disabled(place: Place) -> str:
    place.emulator.tokens(refuse="AuthorizationError.PROJECT_DISABLED")
    return place.run_of_ten()


def the_api_is_not_enabled(place: Place) -> str:
    upload = place.submitted()
    said = (
        "Google Ads API has not been used in project 123456789012 before or it is disabled. Enable it by "
        "visiting https://console.developers.google.com/apis/api/googleads.googleapis.com/overview?project="
        "123456789012 then retry. If you enabled this API recently, wait a few minutes for the action to "
        "propagate to our systems and retry."
    )
    port = place.open.enter_context(_front_door(place.emulator.folder, "SERVICE_DISABLED", said))
    config = place.folder / "google-ads.yaml"
    text = place.emulator.google_ads_yaml.read_text()
    config.write_text(re.sub(r"endpoint: .*", f"endpoint: localhost:{port}", text))
    place.dagster.resources["google_ads"] = lambda: place.google(config=config)
    return place.run(upload)


@contextmanager
def _front_door(folder: Path, reason: str, said: str) -> Iterator[int]:
    """Google's, which a call passes before it reaches Google Ads: it lets nothing through."""
    status = Status(code=grpc.StatusCode.PERMISSION_DENIED.value[0], message=said)
    status.details.add().Pack(ErrorInfo(reason=reason, domain="googleapis.com"))

    class Closed(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio ships no types
        def service(self, _: Any) -> Any:
            def refuse(_: Any, context: Any) -> None:
                context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
                context.abort(grpc.StatusCode.PERMISSION_DENIED, said)

            return grpc.unary_unary_rpc_method_handler(refuse)

    certificate = (folder / "server-key.pem").read_bytes(), (folder / "server.pem").read_bytes()
    server = grpc.server(ThreadPoolExecutor(max_workers=2), handlers=(Closed(),))
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([certificate]))
    server.start()
    yield port
    server.stop(None).wait()


def no_account_at_all(place: Place) -> str:
    upload = place.submitted()
    place.emulator.seed({})
    return place.run(upload)


def the_manager_account_is_the_wrong_one(place: Place) -> str:
    upload = place.submitted()
    place.emulator.seed({"accounts": [{"customer_id": 9000000001, "name": "Somebody else's"}]})
    return place.run(upload)


def the_manager_account_is_unknown(place: Place) -> str:
    upload = place.submitted()
    config = place.folder / "google-ads.yaml"
    text = place.emulator.google_ads_yaml.read_text()
    text = re.sub(r"login_customer_id:.*\n", "", text) + "\nlogin_customer_id: 1000000009\n"
    config.write_text(text)
    place.emulator.faults(
        [{"kind": "error", "method": "Search*", "error": "HeaderError.INVALID_LOGIN_CUSTOMER_ID"}]
    )
    place.dagster.resources["google_ads"] = lambda: place.google(config=config)
    return place.run(upload)


def _with_status(place: Place, status: str) -> str:
    ids = place.generated()
    content = place.emulator.upload_file()
    shops = [
        {"customer_id": customer_id, "name": "Shop", **({} if number else {"status": status})}
        for number, customer_id in enumerate(ids)
    ]
    manager = {"customer_id": 1000000001, "name": "Agency"}
    place.emulator.seed({"managers": [manager], "accounts": shops})
    return place.failed_item(place.dagster.submit(content))


def one_account_is_suspended(place: Place) -> str:
    return _with_status(place, "SUSPENDED")


def one_account_is_closed(place: Place) -> str:
    return _with_status(place, "CANCELED")


def one_account_is_suspended_meanwhile(place: Place) -> str:
    [first, *_] = place.generated()
    suspended = "AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT"
    place.emulator.faults([{"kind": "error", "method": ADS, "account": first, "error": suspended}])
    return place.failed_item(place.dagster.submit(place.emulator.upload_file()))


def one_account_is_unknown(place: Place) -> str:
    [first, *_] = place.generated()
    content = place.emulator.upload_file().replace(str(first), "9999999999")
    return place.failed_item(place.dagster.submit(content))


def one_account_is_forbidden(place: Place) -> str:
    [first, *_] = place.generated()
    denied = "AuthorizationError.USER_PERMISSION_DENIED"
    place.emulator.faults([{"kind": "error", "method": ADS, "account": first, "error": denied}])
    return place.failed_item(place.dagster.submit(place.emulator.upload_file()))


def the_days_quota_is_gone(place: Place) -> str:
    upload = place.submitted(accounts=1)  # of several it would be this request of one, or that of another
    place.emulator.faults([{"kind": "daily_quota", "operations": 3, "retry_delay": 7_200}])
    return place.run(upload)


def our_budget_is_used_up(place: Place) -> str:
    frugal = place.settings.model_copy(update={"daily_operations": 8})
    assert frugal.database_url is not None
    ledger = place.open.enter_context(Ledger(frugal.database_url, frugal))
    place.dagster.ledger = place.dagster.resources["ledger"] = ledger
    return place.run_of_ten()


def google_is_away(place: Place) -> str:
    place.emulator.faults([{"kind": "error", "method": LIST, "code": "UNAVAILABLE"}])
    return place.run_of_ten()


def google_goes_away_for_long(place: Place) -> str:
    place.generated()
    pusher = Pusher(
        ledger=place.ledger, gateway=place.google(), settings=place.settings, emulator=place.emulator
    )
    upload = place.dagster.submit(place.emulator.upload_file())
    place.dagster.run(upload, asset_selection=[dg.AssetKey("upload_items")])
    work = pusher.work(upload.number)
    place.emulator.faults([{"kind": "error", "method": "Search*", "code": "UNAVAILABLE"}])
    with pytest.raises(TemporaryAdsError):
        push_upload(work, on_progress=lambda _: None, grace_s=1)
    return place.dagster.status(upload)[1]


def the_edition_is_over(place: Place) -> str:
    place.generated()
    file = place.folder / "lijst.csv"
    file.write_text(place.emulator.upload_file())
    return place.command("submit", file, "--theme", "Black Friday 2024")


def the_edition_ended_before_the_push(place: Place) -> str:
    upload = place.submitted()
    place.dagster.resources["clock"] = lambda: NOW + timedelta(days=30)
    return place.failed_item(upload)


def the_file_has_no_usable_header(place: Place) -> str:
    return place.run(place.dagster.submit("Klant;Advertentiegroep\na;b\n"))


def none_of_the_rows_can_be_used(place: Place) -> str:
    return place.run(place.dagster.submit("customer_id,ad_group_id\nx,1\ny,2\n"))


def the_file_is_damaged(place: Place) -> str:
    return place.run(place.dagster.submit("not a workbook", name="black_friday.xlsx"))


def the_file_was_changed_after_it_was_submitted(place: Place) -> str:
    upload = place.submitted()
    with Path(upload.file_path).open("a") as file:
        file.write("one more,row\n")
    return place.run(upload)


def the_file_names_no_theme(place: Place) -> str:
    place.generated()
    file = place.folder / "lijst.csv"
    file.write_text(place.emulator.upload_file())
    return place.command("submit", file)


def another_run_works_on_it(place: Place) -> str:
    upload = place.submitted()
    job = place.dagster.job()
    other = place.dagster.instance.create_run_for_job(job)
    place.dagster.instance.report_run_canceling(other)
    place.ledger.uploads.take(upload.number, run_id=other.run_id, stage="pushing", is_active=lambda _: True)
    return place.failure(upload)


def _dies(place: Place, upload: Upload, run_id: str) -> str:
    """A run whose worker is killed, as a launcher tells it."""
    place.ledger.uploads.take(upload.number, run_id=run_id, stage="reading", is_active=lambda _: False)
    worker = Worker(where="worker pid 4711 on host machine", dead=ended(-9))
    verdict = judge(worker, progress=place.ledger.beats.of_run(run_id), stall_seconds=300)
    place.ledger.beats.bury(run_id, why=verdict.why)
    return place.dagster.status(upload)[1]


def a_worker_died(place: Place) -> str:
    return _dies(place, place.submitted(), "run-1")


def three_runs_in_a_row_died(place: Place) -> str:
    upload = place.submitted()
    for run_id in ("run-1", "run-2", "run-3"):
        _dies(place, upload, run_id)
    last = LastRun(
        run_id="run-3",
        is_active=False,
        was_canceled=False,
        is_retried=False,
        ended_at=datetime.now(UTC) - timedelta(hours=1),
    )
    settle(place.ledger, lambda _upload, _known: last)
    return place.dagster.status(upload)[1]


def the_limit_of_a_trial_is_reached(place: Place) -> str:
    return place.run(place.submitted(), themed_ads={"item_limit": 7})


def a_person_paused_it(place: Place) -> str:
    upload = place.submitted()
    place.patch.setattr(sys, "argv", ["themaads", "pause", str(upload.number)])
    with pytest.raises(SystemExit):
        main()
    return place.dagster.status(upload)[1]


def postgres_cannot_be_reached(place: Place) -> str:
    place.patch.setenv("THEMAADS_DATABASE_URL", "postgresql://themaads@127.0.0.1:1/themaads")
    process_settings.cache_clear()
    return place.command("status")


def the_schema_is_another_releases(place: Place) -> str:
    assert place.settings.database_url is not None
    with psycopg.connect(place.settings.database_url, autocommit=True) as connection:
        connection.execute("drop schema themaads cascade")
    migrate(place.settings.database_url, to="0003")
    return place.command("status")


def postgres_stays_away(place: Place) -> str:
    assert place.settings.database_url is not None
    impatient = place.settings.model_copy(update={"outage_seconds": 1})
    with (
        flaky_postgres(place.settings.database_url) as postgres,
        Ledger(postgres.url, impatient) as ledger,
    ):
        ledger.patience.have()
        postgres.go_away()
        with pytest.raises(LedgerAwayError) as caught:
            ledger.uploads.progress()
        return str(caught.value)


def the_disk_is_full(place: Place) -> str:
    upload = place.submitted()
    disk = place.open.enter_context(small_disk(place.folder / "reports"))
    disk.fill()
    place.dagster.resources["settings"] = place.settings.model_copy(update={"report_dir": disk.path})
    return place.failure(upload)


PROVOCATIONS: dict[str, Callable[[Place], str]] = {
    provoke.__name__: provoke
    for provoke in (
        the_sign_in_was_revoked,
        the_access_token_was_revoked,
        the_access_token_has_expired,
        the_access_token_is_disabled,
        the_scope_is_missing,
        not_an_ads_user,
        the_project_is_disabled,
        the_api_is_not_enabled,
        no_account_at_all,
        the_manager_account_is_the_wrong_one,
        the_manager_account_is_unknown,
        one_account_is_suspended,
        one_account_is_closed,
        one_account_is_suspended_meanwhile,
        one_account_is_unknown,
        one_account_is_forbidden,
        the_days_quota_is_gone,
        our_budget_is_used_up,
        google_is_away,
        google_goes_away_for_long,
        the_edition_is_over,
        the_edition_ended_before_the_push,
        the_file_has_no_usable_header,
        none_of_the_rows_can_be_used,
        the_file_is_damaged,
        the_file_was_changed_after_it_was_submitted,
        the_file_names_no_theme,
        another_run_works_on_it,
        a_worker_died,
        three_runs_in_a_row_died,
        the_limit_of_a_trial_is_reached,
        a_person_paused_it,
        postgres_cannot_be_reached,
        the_schema_is_another_releases,
        postgres_stays_away,
        the_disk_is_full,
    )
}


def quoted() -> dict[str, str]:
    """The first quoted block of each section, by the section's title as a name."""
    found = {}
    for section in re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, rest = section.partition("\n")
        name = re.sub(r"[^a-z]+", "_", title.lower().replace("'", "").replace("-", " ")).strip("_")
        block = re.search(r"^```text\n(.*?)^```$", rest, flags=re.MULTILINE | re.DOTALL)
        assert block is not None, f"the section {title!r} quotes nothing"
        assert name not in found, title
        found[name] = block[1]
    return found


_ALIKE = {
    r"\(request [\w-]+\)": "(request ID)",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "ID",
    r"(?<![\w:/.])(/[\w.@-]+)+": "PATH",
    r"\d[\d,.:-]*\d|\d": "N",
}


def alike(message: str) -> str:
    """Without what differs from time to time."""
    text = " ".join(message.split())
    for pattern, word in _ALIKE.items():
        text = re.sub(pattern, word, text)
    return text


def test_each_section_of_the_page_is_provoked_here_and_in_the_same_order() -> None:
    assert list(quoted()) == list(PROVOCATIONS)


@pytest.mark.parametrize("name", PROVOCATIONS)
def test_the_page_quotes_what_is_seen(name: str, place: Place) -> None:
    assert alike(PROVOCATIONS[name](place)) == alike(quoted()[name])
