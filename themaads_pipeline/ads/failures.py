"""What each of Google's errors means, and what to do about it: the table in errors.yaml, and its order.

Pure, and free of google.ads, so that reports and commands can classify a code for nothing. Importing it
reads nothing: the table comes with the first question.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import yaml

from themaads_pipeline.model.outcomes import Category

NEWER: Final = "Newer"  # the kind of what this package cannot name
_ANY: Final = "*"
_NAMELESS: Final = frozenset(
    {"UNSPECIFIED", "UNKNOWN"}
)  # what the client makes of a code that it does not know
_NAMELESS_HERE: Final = frozenset({"StatusCode"})  # where UNKNOWN is a code like any other


class Reaction(StrEnum):
    """What to do."""

    ALREADY_THERE = "already there"  # success: the change was in the account before
    FAIL_ITEM = "fail item"
    FAIL_ITEM_AS_POLICY = "fail item as policy"  # never retried, and no reason to slow down
    SLOW_DOWN = "slow down and retry later"  # much later, and slower for this site only
    RETRY = "retry"  # with back-off
    SMALLER_BATCH = "smaller batch"
    STOP_ACCOUNT = "stop account"
    STOP_RUN = "stop run"


_IN_ORDER: Final = tuple(Reaction)
# What is wrong with the item itself tells most: it would be refused again whatever becomes of the rest.
_BY_WEIGHT_FOR_AN_ITEM: Final = (
    Reaction.ALREADY_THERE,
    Reaction.RETRY,
    Reaction.SLOW_DOWN,
    Reaction.SMALLER_BATCH,
    Reaction.STOP_RUN,
    Reaction.STOP_ACCOUNT,
    Reaction.FAIL_ITEM,
    Reaction.FAIL_ITEM_AS_POLICY,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """The class of an error, with the reason for it."""

    category: Category
    reaction: Reaction
    reason: str
    remedy: str = ""  # what a person does about it
    in_doubt: bool = False  # a mutate that failed so may have been committed
    wait_s: float | None = None  # where Google does not say how long
    only_for: frozenset[str] = frozenset()  # the methods for which it is so; none: all

    @property
    def gravity_for_request(self) -> int:
        """Of several errors of a request the gravest decides: what stops most."""
        return _IN_ORDER.index(self.reaction)

    @property
    def gravity_for_item(self) -> int:
        """Of several errors of one operation the gravest decides: what no retry mends."""
        return _BY_WEIGHT_FOR_AN_ITEM.index(self.reaction)


_OF_ANOTHER_METHOD: Final = Meaning(
    category=Category.TECHNICAL, reaction=Reaction.FAIL_ITEM, reason="an answer to another request than ours"
)


def meaning_of(code: str, *, method: str = "", status: str = "") -> Meaning:
    """What a code of Google's means; never fails.

    Args:
        code: `DatabaseError.CONCURRENT_MODIFICATION`. One that this package cannot name (a number, a kind
            that is not listed) is technical: what it concerns is told by the status alone.
        method: What was called, `MutateLabels`: some errors are a success there, and only there.
        status: The gRPC status of a whole request that failed.
    """
    table = errors()
    if is_newer(code):
        return table.get(f"{NEWER}.{status}") or table[f"{NEWER}.{_ANY}"]
    meaning = table.get(code) or table[_whole_kind(code)]
    if meaning.only_for and method not in meaning.only_for:
        return _OF_ANOTHER_METHOD
    return meaning


def is_newer(code: str) -> bool:
    """Whether this package cannot name the code.

    >>> is_newer("AdError.4711"), is_newer("BrandNewError.OH_NO"), is_newer("AdError.LINE_TOO_WIDE")
    (True, True, False)
    """
    kind, _, name = code.rpartition(".")
    if kind == NEWER:
        return True
    if name.lstrip("-").isdigit() or (name in _NAMELESS and kind not in _NAMELESS_HERE):
        return True
    return not is_listed(code)


def is_listed(code: str) -> bool:
    """Whether the table names the code, or its whole kind."""
    return code in errors() or _whole_kind(code) in errors()


@cache
def errors() -> Mapping[str, Meaning]:
    """The table: what each code (`AdError.*`: each other code of a kind) means, in its own order."""
    text = files(__package__).joinpath("errors.yaml").read_text(encoding="utf-8")
    content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    table: dict[str, Meaning] = {}
    for code, meaning in _entries(content):
        if code in table:
            raise ValueError(f"errors.yaml has {code} twice")
        table[code] = meaning
    return MappingProxyType(table)


def _entries(content: dict[str, Any]) -> Iterator[tuple[str, Meaning]]:
    never = content["never"]
    for reaction in Reaction:
        for category, codes in content[reaction].items():
            for code, entry in codes.items():
                yield (
                    code,
                    _meaning(reaction, category, {"reason": entry} if isinstance(entry, str) else entry),
                )
    for kind in never["kinds"]:
        yield f"{kind}.{_ANY}", _meaning(Reaction.FAIL_ITEM, Category.TECHNICAL, {"reason": never["reason"]})


def _meaning(reaction: Reaction, category: str, entry: dict[str, Any]) -> Meaning:
    only_for = frozenset(entry.get("only_for", ()))
    return Meaning(category=Category(category), reaction=reaction, **(entry | {"only_for": only_for}))


def _whole_kind(code: str) -> str:
    return f"{code.rpartition('.')[0]}.{_ANY}"
