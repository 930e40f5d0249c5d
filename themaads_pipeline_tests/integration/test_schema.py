"""The schema and its migrations are one story."""

import psycopg
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
