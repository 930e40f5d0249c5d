"""The state on disk: the seed, and every entity that differs from it, as of the last commit.

SQLite is the journal: a commit is in the operating system's hands before the answer leaves, is there wholly
or not at all, and outlives a killed process. It is not synced: a machine that loses its power may lose the
last moments.
"""

import base64
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import Any

from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Campaign, Document, Entity, Label
from themaads_pipeline.emulator.homes import Accounts, account_of, home, key_of
from themaads_pipeline.emulator.messages import CLASSES, message_class

_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entities (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, account INTEGER NOT NULL, key TEXT NOT NULL,
    state TEXT,
    UNIQUE (kind, account, key)
);
"""
_UPSERT = """
INSERT INTO entities (kind, account, key, state) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, account, key) DO UPDATE SET state = excluded.state
"""
_SET = "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
# In this order what refers to another is read after it.
_KINDS: tuple[type[Entity], ...] = (Account, Label, Campaign, AdGroup, Ad, Document)
# Not written: what follows from other entities, and what lasts no longer than the process.
_DERIVED = frozenset({"past", "ads", "clients", "campaigns", "ad_groups", "documents", "lock"})
_PASSING = frozenset({"changes", "batch_jobs", "mutates_in_flight"})


class StateStore:
    """One file in the state's folder. A second emulator on the same folder is refused.

    Raises:
        RuntimeError: Another emulator has the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "state.sqlite"
        self._lock = Lock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None, timeout=1.0)
        try:
            self._database.executescript(_SCHEMA)
            self._database.execute(_SET, ("format", "1"))
        except sqlite3.OperationalError as error:
            raise RuntimeError(f"{file}: {error}; is another emulator at work on it?") from error
        self.was_restored = False

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def fact(self, name: str) -> Any:
        """A fact that was kept, None when there is none."""
        with self._lock:
            row = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def keep(self, name: str, value: Any) -> None:
        with self._lock:
            self._database.execute(_SET, (name, json.dumps(value, default=str)))

    def begin(self, seed: Any) -> None:
        """Forget all entities: the accounts are as the seed has them."""
        with self._lock, _Transaction(self._database):
            self._database.execute("DELETE FROM entities")
            self._database.execute(_SET, ("seed", json.dumps(seed, default=str)))

    def write(self, entities: Iterable[Entity], gone: Iterable[Entity], *, next_id: int) -> None:
        """The present state of entities, in one step. An id below `next_id` is never given out again."""
        removed = {id(entity) for entity in gone}
        rows = [
            (
                type(entity).__name__,
                account_of(entity).customer_id,
                key_of(entity),
                None if id(entity) in removed else json.dumps(_state(entity)),
            )
            for entity in entities
        ]
        with self._lock, _Transaction(self._database):
            self._database.executemany(_UPSERT, rows)
            # Of two accounts at once, the one with the lower ids may come last.
            self._database.execute(
                "INSERT INTO facts VALUES ('next_id', ?) ON CONFLICT (name) DO UPDATE "
                "SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
                (str(next_id),),
            )

    def restore(self, accounts: Accounts) -> None:
        """Brings accounts that are as the seed has them to the state that was kept."""
        self.was_restored = True
        for kind in _KINDS:
            self._restore_kind(kind, accounts, final=kind is not Account)
        self._restore_kind(Account, accounts, final=True)
        for account in accounts.values():
            account.clients.clear()
        for account in accounts.values():
            for above in account.managers:
                above.clients.append(account)

    def _restore_kind(self, kind: type[Entity], accounts: Accounts, *, final: bool) -> None:
        """`final`: everything that the entities refer to is there."""
        with self._lock:
            rows = self._database.execute(
                "SELECT account, key, state FROM entities WHERE kind = ? ORDER BY number", (kind.__name__,)
            ).fetchall()
        for account, key, state in rows:
            kept, place = home(accounts, account, kind.__name__, key)
            if state is None:
                kept.pop(place, None)
                continue
            content = json.loads(state)
            values = {
                name: _decoded(value, accounts)
                for name, value in content.items()
                if final or _is_plain(value)
            }
            entity = kept.get(place)
            if entity is not None:
                for name, value in values.items():
                    setattr(entity, name, value)
                continue
            kept[place] = made = kind(**values)
            if isinstance(made, Ad):
                made.ad_group.ads.append(made)


class _Transaction:
    """BEGIN to COMMIT; ROLLBACK when something goes wrong between."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def _state(entity: Entity) -> dict[str, Any]:
    skipped = _DERIVED | _PASSING
    if isinstance(entity, Account):
        skipped |= {"labels"}
    return {
        item.name: _encoded(getattr(entity, item.name)) for item in fields(entity) if item.name not in skipped
    }


def _encoded(value: Any) -> Any:
    encoded: Any = value
    match value:
        case None | bool() | int() | float() | str():
            pass
        case bytes():
            encoded = {"bytes": base64.b64encode(value).decode()}
        case Entity():
            name = type(value).__name__
            encoded = {"entity": name, "of": account_of(value).customer_id, "key": key_of(value)}
        case tuple():
            encoded = [_encoded(item) for item in value]
        case list():
            encoded = {"list": [_encoded(item) for item in value]}
        case _ if hasattr(value, "SerializeToString"):
            content = base64.b64encode(value.SerializeToString()).decode()
            encoded = {"message": value.DESCRIPTOR.full_name.removeprefix(f"{CLASSES}."), "bytes": content}
        case _ if callable(value):  # a seeded ad's body is made when it is asked for
            encoded = _encoded(value())
        case _:
            raise TypeError(f"a {type(value).__name__} cannot be kept on disk")
    return encoded


def _decoded(value: Any, accounts: Accounts) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(item, accounts) for item in value)
    if not isinstance(value, dict):
        return value
    if "list" in value:
        return [_decoded(item, accounts) for item in value["list"]]
    if "entity" in value:
        kept, key = home(accounts, value["of"], value["entity"], value["key"])
        return kept[key]
    content = base64.b64decode(value["bytes"])
    if "message" in value:
        return message_class(value["message"]).FromString(content)
    return content


def _is_plain(value: Any) -> bool:
    """Whether a value refers to no other entity."""
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(_is_plain(item) for item in value.get("list", ())) and "entity" not in value
    return True
