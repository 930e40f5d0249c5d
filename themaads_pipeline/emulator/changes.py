"""What mutates changed in an account, kept until `change_event` and `change_status` are asked for it.

Recording has to cost a creation next to nothing, so only references are kept: the entities of a request as
they are, and a copy of each one's state before an update or a removal. The state after a change is the state
before the next one; messages are made when somebody reads.
"""

from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

# The oldest requests of an account are forgotten beyond that many changed resources.
MAX_CHANGES = 100_000
# The resources whose changes Google tells of, as GoogleAdsRow calls them; fewer are in change_event.
TRACKED = frozenset(
    {
        "ad",
        "ad_group",
        "ad_group_ad",
        "ad_group_asset",
        "ad_group_bid_modifier",
        "ad_group_criterion",
        "asset",
        "asset_set",
        "campaign",
        "campaign_asset",
        "campaign_asset_set",
        "campaign_budget",
        "campaign_criterion",
        "campaign_shared_set",
        "customer_asset",
        "shared_set",
    }
)

Undo = tuple[Any, Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Before:
    """An entity, and its state before an operation: None where the operation changed nothing."""

    entity: Any
    state: Any


@dataclass(frozen=True, slots=True)
class Commit:
    """One request's changes. `kinds` holds `campaign.update` for each operation, or once for all of them."""

    micros: int  # since the epoch, by the emulator's clock
    kinds: Sequence[str]
    entities: list[Any]  # None: that operation failed
    before: dict[int, Before]

    def kind(self, index: int) -> str:
        return self.kinds[index if len(self.kinds) > 1 else 0]


def state_before(undo: list[Undo], mark: int) -> Before | None:
    """What one operation changed, found in what would undo it; None for an entity that is new."""
    if len(undo) <= mark:
        return None
    entity, action, _ = undo[mark]
    if action is not setattr:
        return Before(entity, entity) if getattr(action, "__name__", "") == "__setitem__" else None
    state = copy(entity)
    state.past = None
    for changed, action, arguments in reversed(undo[mark:]):
        if changed is entity and action is setattr:
            setattr(state, arguments[1], arguments[2])
    sets = (item for item in undo[mark:] if item[0] is entity and item[1] is setattr)
    names = {arguments[1] for _, _, arguments in sets}
    unchanged = all(getattr(state, name) == getattr(entity, name) for name in names)
    return Before(entity, None if unchanged else state)


@dataclass(slots=True)
class ChangeLog:
    """The latest changes of one account, under its lock."""

    commits: deque[Commit] = field(default_factory=deque)
    held: int = 0

    def record(self, now: float, kinds: list[str], entities: list[Any], before: dict[int, Before]) -> None:
        different = set(kinds)
        if not any(kind.partition(".")[0] in TRACKED for kind in different) or not any(entities):
            return
        micros = int(now * 1_000_000)
        if self.commits and self.commits[-1].micros == micros:
            micros += 1
        self.commits.append(
            Commit(micros, kinds[:1] if len(different) == 1 else list(kinds), entities, before)
        )
        self.held += len(entities)
        while self.held > MAX_CHANGES and len(self.commits) > 1:
            self.held -= len(self.commits.popleft().entities)
