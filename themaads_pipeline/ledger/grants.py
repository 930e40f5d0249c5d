"""Least privilege: a role that reads and writes rows, and can neither drop nor alter anything."""

import psycopg
from psycopg import sql

from themaads_pipeline.exceptions import PermanentError

__all__ = ["grant_to"]

# Which release the schema is of, is nobody's business but that of who migrates it: ours, and Dagster's.
_ONLY_READ = frozenset({"schema_version", "alembic_version"})
_OWNED = """
select relation.oid::regclass::text, schema.nspname, relation.relname, relation.relkind::text
from pg_class as relation join pg_namespace as schema on schema.oid = relation.relnamespace
where schema.nspname in ('themaads', current_schema()) and relation.relkind in ('r', 'p', 'v', 'S')
  and relation.relowner = current_user::regrole
order by 1
"""
_FUTURE = (
    "alter default privileges in schema {schema} grant select, insert, update, delete on tables to {role}",
    "alter default privileges in schema {schema} grant usage, select on sequences to {role}",
)


def grant_to(url: str, role: str) -> int:
    """Let `role` do what runs, sensors and commands do, with everything that the role in `url` owns.

    Also with what later migrations add. Done again, it changes nothing.

    Returns:
        With how many tables, views and sequences.

    Raises:
        PermanentError: There is no such role, or it is the owner itself.
    """
    with psycopg.connect(url) as connection:
        owner, exists, here = connection.execute(
            "select current_user, exists (select from pg_roles where rolname = %s), current_schema()", [role]
        ).fetchone() or ("", False, "")
        if not exists:
            raise PermanentError(f"there is no role {role}: create role {role} login password '…'")
        if owner == role:
            raise PermanentError(f"{role} owns the tables, and may do everything: name another role")
        name = sql.Identifier(role)
        owned = connection.execute(_OWNED).fetchall()
        for schema in ("themaads", here):
            given = {"schema": sql.Identifier(schema), "role": name}
            connection.execute(sql.SQL("grant usage on schema {schema} to {role}").format(**given))
            for statement in _FUTURE:
                connection.execute(sql.SQL(statement).format(**given))
        for _, schema, relation, kind in owned:
            rights = _rights(relation, kind)
            connection.execute(
                sql.SQL("grant {} on {} {} to {}").format(
                    sql.SQL(rights),
                    sql.SQL("sequence" if kind == "S" else "table"),
                    sql.Identifier(schema, relation),
                    name,
                )
            )
    return len(owned)


def _rights(relation: str, kind: str) -> str:
    if kind == "S":
        return "usage, select"
    return "select" if relation in _ONLY_READ else "select, insert, update, delete"
