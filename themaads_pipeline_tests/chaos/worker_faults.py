"""What befalls a worker process, and what Google does meanwhile, drawn from a seed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """What is done while the worker has a mutate in flight."""

    KILLED = "the worker is killed"
    KILLED_UNSENT = "killed, and Google never does what was in flight"
    KILLED_LATE = "killed, and Google does what was in flight a second later"
    INTERRUPTED = "SIGTERM to the worker"
    FROZEN = "frozen out of its killer's reach, replaced, and thawed"
    SESSIONS_CUT = "its database sessions are cut, some in mid-transaction"
    POSTGRES_KILLED = "Postgres is killed and started again"
    ANSWERS_LOST = "mutates are done, and their answers lost"
    ANSWERS_AWAITED = "mutates are done, and their answers never come"
    REFUSED = "mutates end with UNAVAILABLE, and are not done"
    LATE = "mutates are done after their deadline"
    CONNECTION_CUT = "the connection to Google is cut after the commit"
    CONNECTION_CUT_EARLY = "the connection to Google is cut before the commit"
    READS_LAG = "answers are lost, and reads lag behind"
    EDITED = "killed, and a person edits the new ads before the next worker looks"
    REMOVED = "killed, and a person removes the new ads before the next worker looks"
    TWO_UPLOADS = "another upload of the same ad groups is started"


MANY: Mapping[Kind, int] = {
    Kind.KILLED: 28,
    Kind.KILLED_UNSENT: 16,
    Kind.KILLED_LATE: 12,
    Kind.INTERRUPTED: 8,
    Kind.FROZEN: 8,
    Kind.SESSIONS_CUT: 10,
    Kind.POSTGRES_KILLED: 4,
    Kind.ANSWERS_LOST: 14,
    Kind.ANSWERS_AWAITED: 8,
    Kind.REFUSED: 14,
    Kind.LATE: 8,
    Kind.CONNECTION_CUT: 6,
    Kind.CONNECTION_CUT_EARLY: 6,
    Kind.READS_LAG: 6,
    Kind.EDITED: 4,
    Kind.REMOVED: 4,
    Kind.TWO_UPLOADS: 4,
}
FEW: Mapping[Kind, int] = {
    Kind.KILLED: 2,
    Kind.KILLED_UNSENT: 1,
    Kind.KILLED_LATE: 1,
    Kind.INTERRUPTED: 1,
    Kind.FROZEN: 1,
    Kind.SESSIONS_CUT: 1,
    Kind.POSTGRES_KILLED: 1,
    Kind.ANSWERS_LOST: 1,
    Kind.REFUSED: 1,
    Kind.LATE: 1,
    Kind.READS_LAG: 1,
    Kind.EDITED: 1,
    Kind.REMOVED: 1,
    Kind.TWO_UPLOADS: 1,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Strike:
    """One fault. `delay_s`: how long after the moment at which it may land."""

    number: int
    kind: Kind
    delay_s: float


def schedule(seed: int, amounts: Mapping[Kind, int]) -> tuple[Strike, ...]:
    """As many strikes of each kind as asked for, in an order that follows from the seed."""
    random = Random(seed)
    order = [kind for kind, amount in sorted(amounts.items()) for _ in range(amount)]
    random.shuffle(order)
    return tuple(
        Strike(number=number, kind=kind, delay_s=random.uniform(0, 0.8))
        for number, kind in enumerate(order, start=1)
    )
