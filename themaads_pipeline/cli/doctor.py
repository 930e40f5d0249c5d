"""`themaads doctor`: everything that would stop a run, before one finds out."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import psycopg

from themaads_pipeline.cli.diagnosis import Finding, Level
from themaads_pipeline.cli.opened import now
from themaads_pipeline.cli.preview import ExistingFile
from themaads_pipeline.exceptions import ThemaAdsError
from themaads_pipeline.settings import Settings, settings

_LONGEST_S = 10.0
_LONGEST_FILE_S = 60.0  # a million rows are read


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What is looked at under one name, side by side with all others, and for how long at most."""

    name: str
    look: Callable[[], Iterator[Finding]]
    longest_s: float = _LONGEST_S


@click.command()
@click.argument("file", type=ExistingFile, required=False)
@click.option("--json", "as_json", is_flag=True, help="For scripts: one object, with `ok` and all checks.")
def doctor(file: Path | None, as_json: bool) -> None:  # click's
    """Find what would stop a run: database, Dagster, folders, themes, credentials, accounts, quota, clock.

    With FILE also which of its accounts can have no ads, and what is wrong with its rows. It changes nothing
    and needs no stack; without credentials the emulator is looked at where it runs. A few of the day's
    operations are used. Exit code 1 when something is WRONG; what only gets a `warn` stops nothing.
    """
    found = []
    for finding in _findings(file):
        found.append(finding)
        if not as_json:
            click.echo(f"{finding.level:<6} {finding.name}: {finding.text}")
    is_ok = all(finding.level is not Level.WRONG for finding in found)
    if as_json:
        told = {"ok": is_ok, "checks": [asdict(finding) for finding in found]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    raise SystemExit(0 if is_ok else 1)


def _findings(file: Path | None) -> Iterator[Finding]:
    try:
        ours = settings()
    except (ThemaAdsError, ValueError) as error:  # it quotes no value: one may be secret
        yield Finding(level=Level.WRONG, name="settings", text=_one_line(str(error), secrets=frozenset()))
        return
    yield from examine(_checks(ours, file), secrets=_secrets(ours))


def _checks(ours: Settings, file: Path | None) -> list[Check]:
    # Here, and all of it before any check is timed: Dagster and google.ads take seconds to load.
    from themaads_pipeline.cli import google_probes, local_probes  # noqa: PLC0415
    from themaads_pipeline.themes.catalogue import load_catalogue  # noqa: PLC0415

    catalogue, seen, moment = load_catalogue(ours.theme_dir), local_probes.Seen(), now()
    folders = {"home": ours.home, "uploads": ours.uploads, "reports": ours.reports}
    checks = [
        Check(name="database", look=partial(local_probes.database, ours, seen)),
        Check(name="dagster", look=partial(local_probes.dagster, ours)),
        *(Check(name=name, look=partial(local_probes.folder, name, path)) for name, path in folders.items()),
        Check(name="themes", look=partial(local_probes.themes, ours, catalogue, moment.date())),
        Check(name="credentials", look=partial(google_probes.credentials, ours, seen)),
        Check(name="clock against Google", look=partial(google_probes.google_clock, ours)),
    ]
    if file is not None:
        look = partial(google_probes.file, file, ours, seen, catalogue=catalogue, now=moment)
        checks.append(Check(name="file", look=look, longest_s=_LONGEST_FILE_S))
    return checks


def examine(checks: list[Check], *, secrets: frozenset[str]) -> Iterator[Finding]:
    """Do all checks side by side; their findings in the order of the checks, each as soon as it is its turn.

    One that hangs is given up, and its thread with it: it must not keep a person from the other answers.
    """
    started = time.monotonic()
    looks = [_Look(check) for check in checks]
    for look in looks:
        look.start()
    for look in looks:
        look.join(max(0.0, started + look.check.longest_s - time.monotonic()))
        for finding in look.told():
            yield Finding(
                level=finding.level, name=finding.name, text=_one_line(finding.text, secrets=secrets)
            )


class _Look(threading.Thread):
    """One check at work."""

    def __init__(self, check: Check) -> None:
        super().__init__(name=check.name, daemon=True)
        self.check = check
        self._found: list[Finding] = []

    def run(self) -> None:
        try:
            for finding in self.check.look():
                self._found.append(finding)
        except (ThemaAdsError, OSError, psycopg.Error) as error:
            self._note(str(error) or type(error).__name__)
        except BaseException as error:  # noqa: BLE001 - a check that breaks is a finding as well
            self._note(f"this check broke ({type(error).__name__}): please report it")

    def told(self) -> list[Finding]:
        """What it found so far, and that it is not done where it is not."""
        if self.is_alive():
            self._note(f"no answer within {self.check.longest_s:.0f} s")
        return list(self._found)

    def _note(self, text: str) -> None:
        self._found.append(Finding(level=Level.WRONG, name=self.check.name, text=text))


def _one_line(text: str, *, secrets: frozenset[str]) -> str:
    """Whatever a library says, on one line and without what nobody may read."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return " ".join(text.split())


def _secrets(ours: Settings) -> frozenset[str]:
    """What must never be shown; that nothing of google-ads.yaml is, `ads` sees to."""
    found = {ours.database_url or "", *ours.alert_urls.split()}
    try:
        password = urlsplit(ours.database_url or "").password or ""
    except ValueError:
        password = ""
    found |= {password, unquote(password)}
    return frozenset(each for each in found if len(each) > 3)
