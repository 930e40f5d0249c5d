"""`themaads doctor`: what is missing or wrong on this machine, before a run finds out."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import psycopg

from themaads_pipeline.cli.installation import dagster_home
from themaads_pipeline.exceptions import PermanentError, ThemaAdsError
from themaads_pipeline.ledger import embedded
from themaads_pipeline.settings import Settings, settings


@click.command()
def doctor() -> None:
    """Check database, folders, themes, credentials and Dagster's files; exit code 1 when one is wrong."""
    ours = settings()
    checks: dict[str, Callable[[Settings], str]] = {
        "dagster": lambda _: f"dagster.yaml in {dagster_home()}",
        "database": _database,
        "uploads": lambda settings: _writable(settings.uploads),
        "reports": lambda settings: _writable(settings.reports),
        "themes": _themes,
        "google ads": _credentials,
    }
    wrong = 0
    for name, check in checks.items():
        try:
            state, text = "ok", check(ours)
        except (ThemaAdsError, OSError, psycopg.Error) as error:
            state, text = "WRONG", str(error).strip()
            wrong += 1
        click.echo(f"{state:<6} {name}: {text}")
    if wrong:
        raise SystemExit(1)


def _database(ours: Settings) -> str:
    url = ours.database_url or embedded.running_url(ours.home)
    if url is None:
        return f"the embedded Postgres in {ours.home} is stopped; `themaads up` starts it"
    with psycopg.connect(url, connect_timeout=10) as connection:
        [version] = connection.execute("SELECT current_setting('server_version')").fetchone() or [""]
        host = connection.info.host
    return f"Postgres {version} at {host}"


def _writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".themaads-doctor-"):
        return str(folder)


def _themes(ours: Settings) -> str:
    folder = ours.theme_dir
    if folder is None:
        return "the built-in ones"
    if not folder.is_dir():
        raise PermanentError(f"THEMAADS_THEME_DIR is {folder}, which is not a folder")
    return f"the built-in ones and {len([*folder.glob('*.yaml'), *folder.glob('*.yml')])} in {folder}"


def _credentials(ours: Settings) -> str:
    config = ours.google_ads_config
    if config is None:
        return "no credentials: everything runs against the built-in emulator"
    if not os.access(config, os.R_OK):
        raise PermanentError(f"THEMAADS_GOOGLE_ADS_CONFIG is {config}, which cannot be read")
    if config.stat().st_mode & 0o077:
        return f"{config}, which other users of this machine can read: chmod 600"
    return str(config)
