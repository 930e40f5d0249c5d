"""Stack and runs work as a role that can neither drop nor alter anything."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.schema import migrate
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.pushing import generated
from themaads_pipeline_tests.running_emulator import RunningEmulator
from themaads_pipeline_tests.running_stack import ROOT, running
from themaads_pipeline_tests.running_upload import QUICK

FORBIDDEN = (
    "drop table themaads.item",
    "drop schema themaads cascade",
    "truncate themaads.attempt",
    "alter table themaads.upload add column mine text",
    "alter table themaads.item disable trigger all",
    "alter table themaads.upload owner to current_user",
    "drop function themaads.count_updated_items() cascade",
    "drop view themaads.owner_progress",
    "create table themaads.mine ()",
    "create table public.mine ()",
    "create schema mine",
    "update themaads.schema_version set version_num = '0001'",
    "delete from alembic_version",
    "drop table runs",
    "truncate event_logs",
    "alter role current_user superuser",
    "create role mine",
)


@dataclass(frozen=True, kw_only=True)
class Roles:
    """One database, its owner, and who runs on it."""

    owner: str
    run: str

    def command(self, url: str, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "themaads_pipeline.cli", *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "THEMAADS_DATABASE_URL": url, **more},
            timeout=120,
            check=False,
        )


@pytest.fixture
def roles(postgres_server: str) -> Iterator[Roles]:
    """A database that belongs to nobody special, as a DBA would make it."""
    maintenance = postgres_server.replace("/themaads?", "/postgres?")
    of_owner = postgres_server.replace("//postgres@/themaads?", "//themaads_owner@/least?")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute("create role themaads_owner login")
        connection.execute("create role themaads_run login")
        connection.execute("create database least owner themaads_owner")
        yield Roles(owner=of_owner, run=of_owner.replace("_owner@", "_run@"))
        connection.execute("drop database least with (force)")
        connection.execute("drop role themaads_run")
        connection.execute("drop role themaads_owner")


def test_the_stack_works_as_a_role_that_may_only_read_and_write_rows(
    roles: Roles, emulator: RunningEmulator, home: Path
) -> None:
    granted = roles.command(roles.owner, "migrate", "--grant-to", "themaads_run")
    assert granted.returncode == 0, granted.stderr
    assert "themaads_run may read and write" in granted.stdout
    again = roles.command(roles.owner, "migrate", "--grant-to", "themaads_run")
    assert again.stdout == granted.stdout

    generated(emulator, accounts=2, ad_groups=40)
    where = {
        **QUICK,
        "THEMAADS_DATABASE_URL": roles.run,
        "THEMAADS_GOOGLE_ADS_CONFIG": str(emulator.google_ads_yaml),
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(emulator.ca_file),
    }
    file = home / "lijst.csv"
    file.write_text(emulator.upload_file())
    with (
        running(home, "--workspace", str(ROOT / "workspace.yaml"), **where) as stack,
        Ledger(roles.run, Settings(home=home)) as ledger,
    ):
        stack.wait_until((home / "stack.json").exists)
        submitted = roles.command(
            roles.run, "submit", str(file), "--theme", "bf", THEMAADS_HOME=str(home), **where
        )
        assert submitted.returncode == 0, submitted.stderr
        stack.wait_until(lambda: ledger.uploads.progress()[0].status is UploadStatus.FINISHED)
        stack.wait_until(lambda: any((home / "reports").rglob("summary.md")))
        [progress] = ledger.uploads.progress()
        assert (progress.done, progress.failed, progress.pending) == (40, 0, 0)
        examined = roles.command(roles.run, "doctor", "--json", THEMAADS_HOME=str(home), **where)
        assert "themaads_run may read and write everything" in examined.stdout

    with psycopg.connect(roles.run, autocommit=True) as connection:
        for statement in FORBIDDEN:
            with pytest.raises(
                (psycopg.errors.InsufficientPrivilege, psycopg.errors.DependentObjectsStillExist)
            ):
                connection.execute(statement)
        assert connection.execute("select count(*) from themaads.item").fetchall() == [(40,)]


def test_what_a_later_migration_adds_is_granted_too(roles: Roles) -> None:
    assert roles.command(roles.owner, "migrate", "--grant-to", "themaads_run").returncode == 0
    with psycopg.connect(roles.owner, autocommit=True) as connection:
        connection.execute("create table themaads.later (id bigint generated always as identity, name text)")
    with psycopg.connect(roles.run, autocommit=True) as connection:
        connection.execute("insert into themaads.later (name) values ('x')")
        connection.execute("delete from themaads.later")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("drop table themaads.later")


def test_who_runs_may_start_at_the_schema_of_this_release_and_not_change_another(roles: Roles) -> None:
    migrate(roles.owner, to="0004")
    with psycopg.connect(roles.owner, autocommit=True) as connection:
        connection.execute("grant usage on schema themaads to themaads_run")
        connection.execute("grant select on themaads.schema_version to themaads_run")
    refused = roles.command(roles.run, "migrate")
    assert refused.returncode == 1
    assert "run `themaads migrate` as the role that owns it" in refused.stderr
    migrate(roles.owner)
    assert roles.command(roles.run, "migrate").returncode == 0


def test_a_role_that_is_none_or_the_owner_itself_is_told_so(roles: Roles) -> None:
    nobody = roles.command(roles.owner, "migrate", "--grant-to", "nobody_at_all")
    assert "there is no role nobody_at_all: create role nobody_at_all login" in nobody.stderr
    owner = roles.command(roles.owner, "migrate", "--grant-to", "themaads_owner")
    assert "themaads_owner owns the tables" in owner.stderr
