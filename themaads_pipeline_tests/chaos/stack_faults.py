"""What befalls a whole stack, and in which order: drawn from a seed, so that it can be replayed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """What is done to the stack."""

    WORKER_KILLED = "worker killed"
    WORKER_STOPPED = "worker stopped (SIGSTOP)"
    WORKER_HANGS = "worker hangs"
    WORKER_TERMINATED = "SIGTERM to the worker"
    EVERYTHING_KILLED = "everything killed, and the stack restarted"
    STACK_INTERRUPTED = "Ctrl-C or SIGTERM on the stack, and it is restarted"
    DAEMON_KILLED = "daemon killed"
    WEBSERVER_KILLED = "webserver killed"
    CODE_SERVER_KILLED = "code server killed"
    CODE_SERVER_KILLED_AT_RETRY = "worker killed, and the code server when the retry is due"
    DAEMON_AND_WORKER_KILLED = "daemon and worker killed together"
    POSTGRES_KILLED = "Postgres killed"
    POSTGRES_AWAY = "Postgres killed, and not restarted for a minute"
    POSTGRES_FROZEN = "Postgres does not answer for a minute"
    EMULATOR_KILLED = "the Google Ads server killed"
    ANSWERS_LOST = "mutates that commit and lose their answer"
    GOOGLE_AWAY = "Google away for two minutes"
    PAUSED_AND_RESUMED = "themaads pause, themaads resume"
    CANCELLED_AND_RE_EXECUTED = "terminated and re-executed from failure in Dagster"


# Parts that `themaads up` restarts itself: the same one twice within 30 s, and it stops by design.
PARTS: Mapping[Kind, frozenset[str]] = {
    Kind.DAEMON_KILLED: frozenset({"daemon"}),
    Kind.DAEMON_AND_WORKER_KILLED: frozenset({"daemon"}),
    Kind.WEBSERVER_KILLED: frozenset({"webserver"}),
    Kind.CODE_SERVER_KILLED: frozenset({"code-server"}),
    Kind.CODE_SERVER_KILLED_AT_RETRY: frozenset({"code-server"}),
    Kind.EMULATOR_KILLED: frozenset({"emulator"}),
}
_APART = 2  # so many other faults, where possible, between two that kill the same part

MANY: Mapping[Kind, int] = {
    Kind.WORKER_KILLED: 5,
    Kind.WORKER_STOPPED: 2,
    Kind.WORKER_HANGS: 2,
    Kind.WORKER_TERMINATED: 2,
    Kind.EVERYTHING_KILLED: 3,
    Kind.STACK_INTERRUPTED: 2,
    Kind.DAEMON_KILLED: 2,
    Kind.WEBSERVER_KILLED: 2,
    Kind.CODE_SERVER_KILLED: 2,
    Kind.CODE_SERVER_KILLED_AT_RETRY: 3,
    Kind.DAEMON_AND_WORKER_KILLED: 3,
    Kind.POSTGRES_KILLED: 2,
    Kind.POSTGRES_AWAY: 1,
    Kind.POSTGRES_FROZEN: 1,
    Kind.EMULATOR_KILLED: 1,
    Kind.ANSWERS_LOST: 2,
    Kind.GOOGLE_AWAY: 1,
    Kind.PAUSED_AND_RESUMED: 2,
    Kind.CANCELLED_AND_RE_EXECUTED: 2,
}
FEW: Mapping[Kind, int] = {
    Kind.WORKER_KILLED: 1,
    Kind.EVERYTHING_KILLED: 1,
    Kind.CODE_SERVER_KILLED_AT_RETRY: 1,
    Kind.DAEMON_AND_WORKER_KILLED: 1,
    Kind.ANSWERS_LOST: 1,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Strike:
    """One fault. `delay_s`: how long after the moment at which it may land; `chance`: for what a kind leaves
    open, from 0 to 1.
    """

    number: int
    kind: Kind
    delay_s: float
    chance: float


def schedule(seed: int, amounts: Mapping[Kind, int]) -> tuple[Strike, ...]:
    """As many strikes of each kind as asked for, in an order that follows from the seed."""
    random = Random(seed)
    left = [kind for kind, amount in sorted(amounts.items()) for _ in range(amount)]
    random.shuffle(left)
    order: list[Kind] = []
    while left:
        recent = frozenset[str]().union(*(PARTS.get(kind, frozenset()) for kind in order[-_APART:]))
        chosen = next((kind for kind in left if not recent & PARTS.get(kind, frozenset())), left[0])
        left.remove(chosen)
        order.append(chosen)
    return tuple(
        Strike(number=number, kind=kind, delay_s=random.uniform(0, 1.5), chance=random.random())
        for number, kind in enumerate(order, start=1)
    )


def described(strikes: tuple[Strike, ...]) -> str:
    """The schedule for a person, a line a strike."""
    return "\n".join(f"{each.number:>3}. {each.kind} (+{each.delay_s:.2f} s)" for each in strikes)
