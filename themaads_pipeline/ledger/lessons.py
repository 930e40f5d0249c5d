"""What was learned of refusals, account by account, until it expires or a person forgets it."""

from collections.abc import Sequence
from typing import Any

from themaads_pipeline.ledger.database import Database, Owner, queries
from themaads_pipeline.ledger.outages import rides_out
from themaads_pipeline.model.lessons import KnownLesson, Lesson, LessonKind

__all__ = ["Lessons"]


class Lessons:
    """Learns, tells and forgets."""

    def __init__(self, database: Database, *, lesson_days: float) -> None:
        """Keep for how many days a lesson holds."""
        self._database = database
        self._days = lesson_days

    def learn(self, owner: Owner, customer_id: int, lessons: Sequence[Lesson]) -> None:
        """Keep what an account's refusals teach; what is known already holds for longer from now on.

        Raises:
            FencedError: The upload is not ours any more; nothing is written.
        """
        if lessons:
            self._learn(owner, customer_id, lessons)

    @rides_out
    def _learn(self, owner: Owner, customer_id: int, lessons: Sequence[Lesson]) -> None:
        with self._database.owned(owner) as connection:
            queries.learn_lessons(
                connection,
                upload=owner.upload,
                customer_id=customer_id,
                days=self._days,
                kinds=[str(lesson.kind) for lesson in lessons],
                found=[lesson.value for lesson in lessons],
                topics=[lesson.topic for lesson in lessons],
                codes=[lesson.code for lesson in lessons],
                messages=[lesson.message for lesson in lessons],
            )

    @rides_out
    def of_account(self, customer_id: int) -> list[KnownLesson]:
        """The lessons that hold in an account now."""
        return self._known(customer_id=customer_id, expired=False)

    @rides_out
    def all(self) -> list[KnownLesson]:
        """Every lesson of every account, also one that has expired."""
        return self._known(customer_id=None, expired=True)

    @rides_out
    def forget(
        self, *, number: int | None = None, customer_id: int | None = None, only_expired: bool = False
    ) -> int:
        """Forget one lesson, those of an account, those that have expired, or all; returns how many."""
        with self._database.transaction() as connection:
            forgotten = queries.forget_lessons(
                connection, lesson=number, customer_id=customer_id, only_expired=only_expired
            )
            return int(forgotten)

    def _known(self, *, customer_id: int | None, expired: bool) -> list[KnownLesson]:
        with self._database.transaction() as connection:
            rows = queries.known_lessons(connection, customer_id=customer_id, expired=expired)
            return [_lesson(row) for row in rows]


def _lesson(row: dict[str, Any]) -> KnownLesson:
    return KnownLesson(**row | {"kind": LessonKind(row["kind"])})
