"""The schema and its migrations are one story."""

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from themaads_pipeline.ledger.schema import MIGRATIONS, migrate

SHAPE = """
select table_name, column_name, data_type, is_nullable, column_default
from information_schema.columns where table_schema = 'themaads' order by 1, ordinal_position
"""


def fresh(database_url: str) -> psycopg.Connection:
    connection = psycopg.connect(database_url, autocommit=True)
    connection.execute("drop schema themaads cascade")
    return connection


def test_migrating_again_changes_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = connection.execute(SHAPE).fetchall()
        migrate(database_url)
        assert connection.execute(SHAPE).fetchall() == before


def test_a_fresh_install_and_an_upgrade_step_by_step_end_in_the_same_schema(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        installed = connection.execute(SHAPE).fetchall()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    steps = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    with fresh(database_url) as connection:
        for step in steps:
            migrate(database_url, to=step)
        assert connection.execute(SHAPE).fetchall() == installed
        assert connection.execute("select version_num from themaads.schema_version").fetchall() == [
            (steps[-1],)
        ]


NAMED_BY = {
    "source_row": "(upload, line, customer_id, ad_group_id, edition) values (%s, 2, 1, 1, 'bf')",
    "item": "(upload, customer_id, ad_group_id, edition) values (%s, 1, 1, 'bf')",
}


def new_upload(connection: psycopg.Connection, key: str) -> int:
    made = connection.execute(
        "insert into themaads.upload (key, file_path, file_name, content_sha256) "
        "values (%s, %s, %s, %s) returning number",
        (key, key, key, "0" * 64),
    ).fetchone()
    assert made is not None
    return int(made[0])


@pytest.mark.parametrize("table", NAMED_BY)
def test_no_row_and_no_item_is_without_its_upload(database_url: str, table: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        known = new_upload(connection, "a")
        insert = f"insert into themaads.{table} {NAMED_BY[table]}"
        connection.execute(insert, (known,))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute(insert, (known + 1,))


@pytest.mark.parametrize("table", NAMED_BY)
def test_rows_and_items_go_with_their_upload_and_with_no_other(database_url: str, table: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        gone, stays = new_upload(connection, "a"), new_upload(connection, "b")
        for number in (gone, stays):
            connection.execute(f"insert into themaads.{table} {NAMED_BY[table]}", (number,))
        connection.execute("delete from themaads.upload where number = %s", (gone,))
        assert connection.execute(f"select upload from themaads.{table}").fetchall() == [(stays,)]


@pytest.mark.parametrize("table", NAMED_BY)
def test_an_upload_is_not_deleted_beneath_rows_that_are_being_written(database_url: str, table: str) -> None:
    with psycopg.connect(database_url) as writer, psycopg.connect(database_url) as other:
        number = new_upload(writer, "a")
        writer.commit()
        writer.execute(f"insert into themaads.{table} {NAMED_BY[table]}", (number,))
        other.execute("set lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("delete from themaads.upload where number = %s", (number,))
