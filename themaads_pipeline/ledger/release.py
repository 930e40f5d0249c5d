"""Which schema this release was written for, and what to do where the database has another."""

from functools import cache
from pathlib import Path

from themaads_pipeline.exceptions import PermanentError

__all__ = ["SchemaError", "difference", "expect", "head"]


_VERSIONS = Path(__file__).parent / "migrations" / "versions"


class SchemaError(PermanentError):
    """The database has the schema of another release."""


@cache
def _revisions() -> tuple[str, ...]:
    """By the names of their files, oldest first: Alembic, which knows them too, takes a second to load."""
    return tuple(sorted(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py")))


def head() -> str:
    """The revision that this release needs."""
    return _revisions()[-1]


def difference(found: str | None) -> str | None:
    """What is wrong with a database that has revision `found` (None: no schema yet), and what to do.

    None: nothing, it has the schema of this release.
    """
    if found == head():
        return None
    if found is None:
        return "there is none yet: run `themaads migrate` (`themaads up` does)"
    if found in _revisions():
        return (
            f"that of an older release ({found}, not {head()}): run `themaads migrate` (`themaads up` does)"
        )
    return f"that of a newer release ({found}, not {head()}): update this package"


def expect(found: str | None) -> None:
    """Refuse to work on a schema that is not this release's.

    Asked once a process: a run that began before a migration goes on to its end, as migrations only add.

    Raises:
        SchemaError: It is another; the message says what to do.
    """
    if (wrong := difference(found)) is not None:
        raise SchemaError(f"the ledger's schema: {wrong}")
