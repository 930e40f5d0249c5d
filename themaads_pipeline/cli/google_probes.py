"""What `themaads doctor` asks Google, and what that says of a file: importing it costs over a second."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import themaads_pipeline.ads.protobuf  # noqa: F401 - see the module's docstring
from themaads_pipeline.ads.client import AdsClient, open_client
from themaads_pipeline.ads.configuration import read_config
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ads.request_errors import whole_request_error
from themaads_pipeline.ads.wire import ReadPolicy, Wire
from themaads_pipeline.cli import diagnosis
from themaads_pipeline.cli.diagnosis import Finding, Level
from themaads_pipeline.cli.local_probes import Seen, stack_runs
from themaads_pipeline.exceptions import AdsError, TransientError
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.settings import Settings

__all__ = ["credentials", "file", "google_clock"]

# Short: a person waits. One try each: what fails once is worth telling.
_READS = ReadPolicy(timeout_s=5, attempts=1, total_s=5)
_CLOCK_TIMEOUT_S = 4.0
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, no token
_TEST_ACCOUNTS = "SELECT customer_client.id, customer_client.test_account FROM customer_client"
_ANY = "any"  # stands for the edition that is given at submission


def credentials(ours: Settings, seen: Seen) -> Iterator[Finding]:
    """Whether a token can be had, and which accounts are within reach."""
    try:
        yield from _credentials(ours, seen)
    finally:
        if not seen.accounts.done():
            seen.accounts.set_result(None)


def _credentials(ours: Settings, seen: Seen) -> Iterator[Finding]:
    if ours.uses_emulator and not ours.ads_config.exists():
        text = "none: everything runs against the built-in emulator, which `themaads up` starts"
        yield Finding(level=Level.OK, name="credentials", text=text)
        return
    yield from _open_to_others(ours)
    with _client(ours) as client:
        try:
            client.ensure_token()
        except Exception as error:  # noqa: BLE001 - google.auth's, which only `ads` knows by name
            refused = whole_request_error(error, mutate=False, where="signing in")
            if ours.uses_emulator and isinstance(refused, TransientError) and not stack_runs(ours):
                text = "none; the built-in emulator does not run: `themaads up` starts it"
                yield Finding(level=Level.OK, name="credentials", text=text)
                return
            raise whole_request_error(error, mutate=False, where="signing in") from None
        text = (
            "none: the built-in emulator answers" if ours.uses_emulator else f"{ours.ads_config} give a token"
        )
        yield Finding(level=Level.OK, name="credentials", text=text)
        if seen.gone.result(timeout=_READS.total_s) is not None:
            text = "not asked for, as the day's operations are used up"
            yield Finding(level=Level.WARN, name="accounts", text=text)
            return
        gateway = Gateway(client, reads=_READS)
        try:
            accounts = gateway.accounts()
        except AdsError as error:
            yield Finding(level=Level.WRONG, name="accounts", text=str(error))
            return
        seen.accounts.set_result(accounts)
        unread = {customer_id: str(error) for customer_id, error in gateway.inaccessible().items()}
        yield from diagnosis.accounts_within_reach(accounts.values(), unread)


def _open_to_others(ours: Settings) -> Iterator[Finding]:
    """Whether other users of this machine can read what is secret; the emulator's is not."""
    if ours.uses_emulator:
        return
    files = [ours.ads_config]
    if key_file := read_config(ours.ads_config).get("json_key_file_path"):
        files.append(Path(key_file))
    for path in files:
        with suppress(OSError):  # one that cannot be read is told by what needs it
            if path.stat().st_mode & 0o077:
                text = f"other users of this machine can read {path}: chmod 600 {path}"
                yield Finding(level=Level.WARN, name="credentials", text=text)


@contextmanager
def _client(ours: Settings) -> Iterator[AdsClient]:
    roots = ours.emulator_dir / "ca.pem" if ours.uses_emulator else None
    client = open_client(ours.ads_config, trusted_roots=roots, emulator_host=ours.emulator_host)
    try:
        yield client
    finally:
        client.close()


def google_clock(ours: Settings) -> Iterator[Finding]:
    """This machine's clock against that of Google's token endpoint; nothing where it does not say."""
    if ours.uses_emulator:
        return  # no Google host is ever called
    config = read_config(ours.ads_config)
    proxy = config.get("http_proxy")
    opener = build_opener(ProxyHandler({"http": proxy, "https": proxy}) if proxy else ProxyHandler())
    uri = _token_uri(config)
    if not uri.startswith(("https://", "http://")):
        return
    request = Request(uri, method="HEAD")  # noqa: S310 - its scheme was looked at
    with suppress(OSError, ValueError, TypeError):
        try:
            with opener.open(request, timeout=_CLOCK_TIMEOUT_S) as response:
                told = response.headers["Date"]
        except HTTPError as error:  # it takes POST alone, and tells the time all the same
            told = error.headers["Date"]
        here = datetime.now(UTC)
        yield diagnosis.clock("Google", ahead_s=(here - parsedate_to_datetime(told)).total_seconds())


def _token_uri(config: dict[str, Any]) -> str:
    with suppress(OSError, ValueError, TypeError, KeyError):
        return str(json.loads(Path(config["json_key_file_path"]).read_bytes())["token_uri"])
    return _TOKEN_URI


def file(path: Path, ours: Settings, seen: Seen, *, catalogue: Catalogue, now: datetime) -> Iterator[Finding]:
    """Whether a file can be read, and which of its accounts can have ads."""
    from themaads_pipeline.intake.readers import read_table  # noqa: PLC0415 - pandas, only where it is needed
    from themaads_pipeline.intake.rows import check_rows  # noqa: PLC0415
    from themaads_pipeline.intake.sources import shown  # noqa: PLC0415
    from themaads_pipeline.reports.preview import edition_for  # noqa: PLC0415

    def edition_of(text: str) -> str | None:
        found = catalogue.resolve(text, now.date())
        return found.name if found else None

    name, table = f"file {shown(path)}", read_table(path)
    edition = edition_for(path, None, catalogue=catalogue, now=now)
    if edition is None and "theme" not in table.columns:
        text = "neither its name nor a column names a theme: give one with --theme when you submit it"
        yield Finding(level=Level.WARN, name=name, text=text)
        edition = _ANY
    checked = check_rows(table, default_edition=edition, resolve_edition=edition_of)
    rows: Counter[int] = Counter(checked.rows["customer_id"].tolist())
    editions: Counter[str] = Counter(checked.rows["edition"].tolist())
    if checked.rejected:
        reasons = Counter(row.reason for row in checked.rejected)
        level = Level.WARN if rows else Level.WRONG
        text = f"{len(checked.rejected):,} rows cannot be used ({diagnosis.in_words(reasons)})"
        yield Finding(level=level, name=name, text=text)
    text = f"{len(checked.rows):,} rows for {len(rows):,} accounts can be used"
    yield Finding(level=Level.OK if rows else Level.WRONG, name=name, text=text)
    editions.pop(_ANY, None)
    yield from diagnosis.ended_editions(name, editions, catalogue, today=now.date())
    accounts = seen.accounts.result()
    if accounts is None:
        text = "its accounts could not be looked up, as Google could not be asked"
        yield Finding(level=Level.WARN, name=name, text=text)
    elif rows:
        tests = _test_accounts(ours, [accounts[each] for each in rows if each in accounts])
        yield from diagnosis.file_accounts(name, rows, accounts, test_accounts=tests)


def _test_accounts(ours: Settings, accounts: Iterable[Account]) -> frozenset[int]:
    """Those of the accounts that are made for tests; one question for each manager."""
    ways = {
        account.login_customer_id or account.customer_id: account.login_customer_id for account in accounts
    }
    with _client(ours) as client:
        wire = Wire(client, reads=_READS, admit=lambda _: None)
        found = [
            each
            for root, login in sorted(ways.items())
            for each in wire.search(
                _TEST_ACCOUNTS,
                lambda row: (row.customer_client.id, row.customer_client.test_account),
                customer_id=root,
                login_customer_id=login,
                where=f"reading the test accounts below {root}",
            )
        ]
    return frozenset(customer_id for customer_id, is_test in found if is_test)
