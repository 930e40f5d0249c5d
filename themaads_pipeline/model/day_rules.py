"""The rules that say on which days a theme is on, as a theme's file has them."""

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictInt,
    StrictStr,
    Tag,
    field_validator,
    model_validator,
)

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class RuleBreachError(ValueError):
    """All that is wrong with one field, each a sentence."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems apart, so that each is told."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class ThemePart(BaseModel):
    """A part of a theme's file: unknown fields are slips, and nothing changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FixedDay(ThemePart):
    """The same day each year, `12-05` being 5 December; `plus_days` after it."""

    day: Annotated[StrictStr, Field(pattern=r"^\d\d-\d\d$")]
    plus_days: StrictInt = 0

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"day": value} if isinstance(value, str) else value

    @field_validator("day")
    @classmethod
    def _exists(cls, day: str) -> str:
        try:
            date.fromisoformat(f"2025-{day}")  # no leap year: 29 February is not a day of each year
        except ValueError:
            raise RuleBreachError(
                [f"{day!r} is not a day of every year: write month-day, as 12-05"]
            ) from None
        return day

    def date_in(self, year: int) -> date:
        """The day in `year`."""
        return date.fromisoformat(f"{year}-{self.day}") + timedelta(days=self.plus_days)


class NthWeekday(ThemePart):
    """The nth (-1: last) such weekday of a month, `plus_days` after it.

    Black Friday is the day after the *fourth Thursday* of November, which is not always the fourth Friday:
    in 2024 (29 November, the fifth Friday) and 2030 the month begins on a Friday. Hence `plus_days`.
    """

    nth: Literal[1, 2, 3, 4, -1]
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    month: Annotated[StrictInt, Field(ge=1, le=12)]
    plus_days: StrictInt = 0

    @field_validator("weekday", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    def date_in(self, year: int) -> date:
        """The day in `year`."""
        weekday = _WEEKDAYS.index(self.weekday)
        days = calendar.Calendar().itermonthdates(year, self.month)
        matching = [day for day in days if day.month == self.month and day.weekday() == weekday]
        return matching[self.nth if self.nth < 0 else self.nth - 1] + timedelta(days=self.plus_days)


def _rule_kind(value: Any) -> str:
    if isinstance(value, int):
        return "days"
    if isinstance(value, NthWeekday) or (isinstance(value, Mapping) and "day" not in value):
        return "nth_weekday"
    return "fixed_day"


RULE_KINDS = frozenset({"days", "nth_weekday", "fixed_day"})
DayRule = Annotated[
    Annotated[FixedDay, Tag("fixed_day")] | Annotated[NthWeekday, Tag("nth_weekday")],
    Discriminator(_rule_kind),
]
# Days from the event (-7: a week before), or a day rule of its own.
Boundary = Annotated[
    Annotated[StrictInt, Tag("days")]
    | Annotated[FixedDay, Tag("fixed_day")]
    | Annotated[NthWeekday, Tag("nth_weekday")],
    Discriminator(_rule_kind),
]


def boundary_date(boundary: int | FixedDay | NthWeekday, *, event: date, year: int) -> date:
    """The first or last day of an edition."""
    return event + timedelta(days=boundary) if isinstance(boundary, int) else boundary.date_in(year)
