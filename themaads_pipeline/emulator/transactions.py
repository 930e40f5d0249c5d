"""One mutate request at work on an account: what it changed, and how to take that back."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from themaads_pipeline.emulator.entities import Account, Entity
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path

if TYPE_CHECKING:
    from themaads_pipeline.emulator.world import World

_NAME = re.compile(r"(?s:(.*)/)?(-?[0-9]{1,19}(?:~-?[0-9]{1,19})*)")
Undo = tuple[Entity, Callable[..., Any], tuple[Any, ...]]  # what was made or changed, and what takes it back


@dataclass(slots=True)
class TemporaryNames:
    """Those that several transactions of one batch job share: real names by temporary ones, and those whose
    creation failed.
    """

    real: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False, kw_only=True)
class Transaction:
    """Under the account's lock from first to last, so nobody sees what may be rolled back.

    `spread_s` is the time the request took by its profile: ads count as made one after another over that
    time.
    """

    world: "World"
    account: Account
    request_id: str
    now: float
    spread_s: float = 0.0
    undo: list[Undo] = field(default_factory=list)
    temporary: dict[str, str] = field(default_factory=dict)
    failed_names: set[str] = field(default_factory=set)
    position: float = 0.0  # of the present operation, 0 to 1
    ads_created: int = 0
    touched_once: set[str] | None = None  # names that were updated or removed; None where that may recur
    kept: dict[Any, Any] = field(default_factory=dict)  # what a resource works out once a request

    def on_undo(self, entity: Entity, action: Callable[..., Any], *arguments: Any) -> None:
        """What takes the making of an entity back. Keep it in order: the last change is undone first."""
        self.undo.append((entity, action, arguments))

    def rollback(self, mark: int = 0) -> None:
        while len(self.undo) > mark:
            _, action, arguments = self.undo.pop()
            action(*arguments)

    def touched(self) -> list[Entity]:
        """Every entity that this transaction made or changed, once each, in the order of the first change."""
        return list({id(entity): entity for entity, _, _ in self.undo}.values())

    def change(self, entity: Entity, attribute: str, value: Any) -> None:
        """Set an attribute, so that it can be taken back and, where reads lag, still be read as it was."""
        if self.world.reads_may_lag:
            entity.remember(self.now)
        self.undo.append((entity, setattr, (entity, attribute, getattr(entity, attribute))))
        setattr(entity, attribute, value)

    def real_name(self, name: str, path: Path) -> str:
        """The name behind a temporary one (a negative id) of an earlier operation of the same request.

        Raises:
            OperationRefusedError: The operation that would have made it failed.
        """
        if name in self.failed_names:
            raise OperationRefusedError(
                ApiError(code="NewResourceCreationError.TEMP_ID_RESOURCE_HAD_ERRORS", path=path, trigger=name)
            )
        return self.temporary.get(name, name)

    def promise(self, temporary: str, entity: Entity, name: str) -> None:
        """Remember what a creation's resource name, which has to be a temporary one (`.../-1`), stands for.

        Raises:
            OperationRefusedError: Not a temporary name of this account's, or one that is taken already.
        """
        path: Path = (("create", None), ("resource_name", None))
        code = ""
        if temporary.rpartition("/")[0] != name.rpartition("/")[0]:
            code = "RequestError.RESOURCE_NAME_MALFORMED"
        elif not temporary.rpartition("/")[2].rpartition("~")[2].startswith("-"):
            code = "NewResourceCreationError.CANNOT_SET_ID_FOR_CREATE"
        elif temporary in self.temporary:
            code = "NewResourceCreationError.DUPLICATE_TEMP_IDS"
        if code:
            raise OperationRefusedError(ApiError(code=code, path=path, trigger=temporary))
        self.temporary[temporary] = name
        self.on_undo(entity, self.temporary.pop, temporary, None)

    def once(self, name: str, path: Path) -> None:
        """Takes note that a resource is updated or removed.

        Raises:
            OperationRefusedError: It was already in this request.
        """
        if self.touched_once is None:
            return
        if name in self.touched_once:
            code = "MutateError.ID_EXISTS_IN_MULTIPLE_MUTATES"
            raise OperationRefusedError(ApiError(code=code, path=path, trigger=name))
        self.touched_once.add(name)

    def ids(self, name: str, collection: str, path: Path, *, count: int = 1) -> tuple[int, ...]:
        """The ids in a resource name of this account's.

        Raises:
            OperationRefusedError: Malformed, or of another account.
        """
        real = self.real_name(name, path) if self.temporary or self.failed_names else name
        if not name:
            raise OperationRefusedError(ApiError(code="RequestError.RESOURCE_NAME_MISSING", path=path))
        parts = _NAME.fullmatch(real)
        ids = parts[2].split("~") if parts is not None else []
        if parts is None or len(ids) != count:
            raise OperationRefusedError(
                ApiError(code="RequestError.RESOURCE_NAME_MALFORMED", path=path, trigger=name)
            )
        if parts[1] != f"customers/{self.account.customer_id}/{collection}":
            start = parts[1] or ""
            mine = start.split("/")[-1] == collection and start.startswith("customers/")
            code = "MutateError.RESOURCE_NOT_FOUND" if mine else "RequestError.RESOURCE_NAME_MALFORMED"
            raise OperationRefusedError(ApiError(code=code, path=path, trigger=name))
        return tuple(map(int, ids))


def not_found(path: Path, name: str) -> OperationRefusedError:
    message = f"Resource was not found: {name}"
    return OperationRefusedError(
        ApiError(code="MutateError.RESOURCE_NOT_FOUND", path=path, message=message, trigger=name)
    )
