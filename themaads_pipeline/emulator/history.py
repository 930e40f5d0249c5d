"""What changed, commit by commit: for diffs since a moment or a snapshot, and for the state on disk.

A snapshot is a number: nothing is copied, so one of a million ad groups costs nothing. What a commit keeps is
what it took away: the values that were there before.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from themaads_pipeline.emulator.entities import Account, Entity
from themaads_pipeline.emulator.homes import is_kept

if TYPE_CHECKING:
    from themaads_pipeline.emulator.state import StateStore
    from themaads_pipeline.emulator.transactions import Transaction

Before = tuple[Entity, str, Any]  # what was changed, which attribute, and its value before


@dataclass(frozen=True, slots=True)
class Commit:
    number: int
    time: float  # by the emulator's clock
    account: Account
    made: tuple[Entity, ...]
    changed: tuple[Before, ...]
    gone: tuple[Entity, ...]


@dataclass(slots=True)
class History:
    """The commits since the accounts were seeded, or since the start."""

    store: "StateStore | None" = None
    began: float = 0.0
    _number: int = 0
    _commits: dict[int, list[Commit]] = field(default_factory=dict)
    _snapshots: dict[str, tuple[int, float]] = field(default_factory=dict)
    _lock: Any = field(default_factory=RLock)

    def restart(self, seed: Any, now: float) -> None:
        """All accounts have been replaced."""
        with self._lock:
            self._commits.clear()
            self._snapshots.clear()
            self.began = now
            if self.store is not None:
                self.store.begin(seed)

    def committed(self, tx: "Transaction") -> None:
        """Notes what a transaction did, and has it on disk before anybody is told, where there is a disk.

        Called under the account's lock, so that later changes of the same things come later here too.
        """
        if not tx.undo:
            return
        accounts = tx.world.accounts
        changed: list[Before] = []
        others: dict[int, Entity] = {}
        for entity, action, arguments in tx.undo:
            if action is setattr and arguments[0] is entity:
                changed.append((entity, arguments[1], arguments[2]))
            else:
                others[id(entity)] = entity
        made, gone = [], []
        for entity in others.values():
            if is_kept(accounts, entity):
                if entity.created_at >= tx.now:
                    made.append(entity)
            else:
                gone.append(entity)
        with self._lock:
            if accounts.get(tx.account.customer_id) is not tx.account:
                return  # the accounts have been replaced meanwhile
            if self.store is not None:
                try:
                    self.store.write(tx.touched(), gone, next_id=tx.world.next_id())
                except BaseException:
                    tx.rollback()
                    raise
            self._number += 1
            kept = self._commits.setdefault(tx.account.customer_id, [])
            kept.append(Commit(self._number, tx.now, tx.account, tuple(made), tuple(changed), tuple(gone)))

    def snapshot(self, name: str, now: float) -> dict[str, Any]:
        """Gives the present moment a name; a name that is taken moves to the present."""
        with self._lock:
            self._snapshots[name] = (self._number, now)
            return {"name": name, "commit": self._number, "time": now}

    def has_snapshot(self, name: str) -> bool:
        return name in self._snapshots

    def snapshots(self) -> list[dict[str, Any]]:
        with self._lock:
            return [
                {"name": name, "commit": number, "time": moment}
                for name, (number, moment) in self._snapshots.items()
            ]

    def diff(self, account: Account, since: str | float, *, fields: bool = True) -> dict[str, Any]:
        """What was created, changed and removed in an account since a snapshot or a moment.

        Raises:
            ValueError: No snapshot of that name, or a moment before anything was written down.
        """
        with self._lock:
            snapshot = self._snapshots.get(since) if isinstance(since, str) else None
            if isinstance(since, str) and snapshot is None:
                raise ValueError(
                    f"since {since!r}: no snapshot, and neither a time in seconds nor an ISO time"
                )
            commits = list(self._commits.get(account.customer_id, ()))
        if snapshot is not None:
            moment = snapshot[1]
            commits = [commit for commit in commits if commit.number > snapshot[0]]
        else:
            moment = float(since)
            commits = [commit for commit in commits if commit.time > moment]
        if moment < self.began and self.store is not None and self.store.was_restored:
            raise ValueError(f"since {since}: the history begins with the last start, at {self.began}")
        with account.lock:
            return {"since": moment, "history_from": self.began, **_net(commits, fields=fields)}


def _net(commits: list[Commit], *, fields: bool) -> dict[str, Any]:
    """Several commits as one: first value before, present value after; what came and went is left out."""
    made: dict[int, Entity] = {}
    gone: dict[int, Entity] = {}
    before: dict[int, tuple[Entity, dict[str, Any]]] = {}
    for commit in commits:
        made.update((id(entity), entity) for entity in commit.made)
        for entity, attribute, value in commit.changed:
            before.setdefault(id(entity), (entity, {}))[1].setdefault(attribute, value)
        for entity in commit.gone:
            if made.pop(id(entity), None) is None:
                gone[id(entity)] = entity
    changed: list[dict[str, Any]] = []
    removed = [_entry(entity, _fields(entity) if fields else None) for entity in gone.values()]
    for key, (entity, values) in before.items():
        if key in made or key in gone:
            continue
        was = copy(entity)
        for attribute, value in values.items():
            setattr(was, attribute, value)
        old, new = _fields(was), _fields(entity)
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        if not names:
            continue  # changed there and back
        entry = _entry(entity, {name: {"old": old.get(name), "new": new.get(name)} for name in names})
        (removed if new.get("status") == "REMOVED" else changed).append(entry)
    created = [_entry(entity, _fields(entity) if fields else None) for entity in made.values()]
    return {"created": created, "changed": changed, "removed": removed}


def _entry(entity: Any, fields: dict[str, Any] | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"resource_name": entity.resource_name}
    return entry if fields is None else {**entry, "fields": fields}


def _fields(entity: Any) -> dict[str, Any]:
    """The fields of an entity's message in Google's JSON form, nested ones as `ad.final_urls`."""
    content = MessageToDict(entity.message(), preserving_proto_field_name=True)
    content.pop("resource_name", None)
    return dict(_flat("", content))


def _flat(prefix: str, content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value
