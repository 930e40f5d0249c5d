"""A theme: a named set of ad texts, and the rule that says when it is on. Checked when it is built."""

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictInt,
    StrictStr,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from themaads_pipeline.model.texts import PATH_WIDTH, display_width
from themaads_pipeline.model.theme_texts import DESCRIPTION, HEADLINE, text_problems, text_warnings

DONE_SUFFIX = "_DONE"
LABEL_LENGTH = 80
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_YEARS = range(2024, 2052)  # every calendar there is: they repeat after 28 years
_LONGEST_DAYS = 300  # so that one edition is over before the next begins
_FORGIVEN = re.compile(r"[\s_-]+")


def name_key(text: str) -> str:
    """What two ways of writing a theme's name have in common: case, spaces, `-` and `_` are forgiven."""
    return _FORGIVEN.sub("", text.casefold())


class RuleBreachError(ValueError):
    """All that is wrong with one field, each a sentence."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the problems apart, so that each is told."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FixedDay(_Part):
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


class NthWeekday(_Part):
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


_RULE_KINDS = frozenset({"days", "nth_weekday", "fixed_day"})
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


class Theme(_Part):
    """One theme, as its YAML file has it; texts in order of priority, the first ones used first."""

    name: Annotated[StrictStr, Field(max_length=40)]
    title: Annotated[StrictStr, Field(min_length=1, max_length=80)]
    aliases: tuple[StrictStr, ...] = ()
    label: StrictStr  # `THEME_BF_{year}`
    legacy_labels: tuple[StrictStr, ...] = ()  # mark themed ads of no or another edition; may hold {year}
    event: DayRule
    starts: Boundary
    ends: Boundary  # the last day, to its end
    path1: StrictStr = ""  # empty: the copied ad's is kept
    url_parameters: StrictStr = "campaign_theme=1"
    headlines: tuple[StrictStr, ...]
    descriptions: tuple[StrictStr, ...]

    @classmethod
    def read(cls, content: object, *, file_name: str) -> tuple[Self | None, tuple[str, ...]]:
        """The theme that a file holds, or all that is wrong with the file, sentence by sentence."""
        if not isinstance(content, Mapping):
            return None, (
                f"{file_name}: holds no theme: write its fields as `name: black_friday`, one a line",
            )
        try:
            return cls.model_validate(dict(content)), ()
        except ValidationError as error:
            return None, tuple(f"{file_name}: {sentence}" for sentence in _sentences(error, cls))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes poorer ads, and no wrong ones."""
        return (
            *(f"headlines: {warning}" for warning in text_warnings(self.headlines, HEADLINE)),
            *(f"descriptions: {warning}" for warning in text_warnings(self.descriptions, DESCRIPTION)),
        )

    @property
    def keys(self) -> frozenset[str]:
        """Everything this theme is called, as `name_key` writes it."""
        return frozenset(name_key(text) for text in (self.name, self.title, *self.aliases))

    @property
    def url_pairs(self) -> tuple[str, ...]:
        """The URL parameters, `key=value` each."""
        return tuple(self.url_parameters.split("&")) if self.url_parameters else ()

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or re.search(r"_\d{4}$", name):
            raise RuleBreachError([f"{name!r}: write it in lower case without a year, as black_friday"])
        return name

    @field_validator("aliases")
    @classmethod
    def _aliases(cls, aliases: tuple[str, ...]) -> tuple[str, ...]:
        problems = [
            f"{alias!r} has no letter or digit: remove it" for alias in aliases if not name_key(alias)
        ]
        problems += [
            f"{alias!r} ends in a year, and an alias is for every year: take the year off"
            for alias in aliases
            if re.search(r"(?<!\d)20\d\d$", alias)
        ]
        if problems:
            raise RuleBreachError(problems)
        return aliases

    @field_validator("label")
    @classmethod
    def _label(cls, label: str) -> str:
        problems = _label_problems(label, len(DONE_SUFFIX))
        if label.count("{year}") != 1:
            problems.append(
                f"{label!r} must hold {{year}} once, as THEME_BF_{{year}}: editions are told apart by it"
            )
        if problems:
            raise RuleBreachError(problems)
        return label

    @field_validator("legacy_labels")
    @classmethod
    def _legacy_labels(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if problems := [problem for label in labels for problem in _label_problems(label, 0)]:
            raise RuleBreachError(problems)
        return labels

    @field_validator("ends")
    @classmethod
    def _window(cls, ends: int | FixedDay | NthWeekday, info: ValidationInfo) -> int | FixedDay | NthWeekday:
        if not {"event", "starts"} <= info.data.keys():
            return ends  # what is wrong with those is told already
        for year in _YEARS:
            event = info.data["event"].date_in(year)
            first = boundary_date(info.data["starts"], event=event, year=year)
            last = boundary_date(ends, event=event, year=year)
            if not first <= event <= last or (last - first).days > _LONGEST_DAYS:
                problem = (
                    f"in {year} the theme would last from {first} to {last}, with its event on {event}: start "
                    f"on or before the event, end on or after it, and last at most {_LONGEST_DAYS} days"
                )
                raise RuleBreachError([problem])
        return ends

    @field_validator("path1")
    @classmethod
    def _path1(cls, path: str) -> str:
        problems = []
        if (width := display_width(path)) > PATH_WIDTH:
            problems.append(f"{path!r} counts {width} characters and {PATH_WIDTH} fit: shorten it")
        if re.search(r"[\s/?#!{}]", path):
            problems.append(
                f"{path!r}: a path holds no spaces and none of / ? # ! {{ }}: write a hyphen instead"
            )
        if problems:
            raise RuleBreachError(problems)
        return path

    @field_validator("url_parameters")
    @classmethod
    def _url_parameters(cls, parameters: str) -> str:
        if parameters and not re.fullmatch(r"[^\s?#&=]+=[^\s?#&=]*(&[^\s?#&=]+=[^\s?#&=]*)*", parameters):
            raise RuleBreachError(
                [f"{parameters!r}: write key=value, several with & between: campaign_theme=1"]
            )
        return parameters

    @field_validator("headlines")
    @classmethod
    def _headlines(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if problems := text_problems(texts, HEADLINE):
            raise RuleBreachError(problems)
        return texts

    @field_validator("descriptions")
    @classmethod
    def _descriptions(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if problems := text_problems(texts, DESCRIPTION):
            raise RuleBreachError(problems)
        return texts


def _label_problems(label: str, suffix_length: int) -> list[str]:
    length = len(label.replace("{year}", "2026"))
    if not label.strip():
        return ["a label is empty: write 1 to 80 characters"]
    if length + suffix_length > LABEL_LENGTH:
        return [f"{label!r} has {length} characters and {LABEL_LENGTH - suffix_length} fit: shorten it"]
    return []


def _sentences(error: ValidationError, theme: type[Theme]) -> Iterator[str]:
    for detail in error.errors():
        place = ".".join(
            str(part + 1) if isinstance(part, int) else part
            for part in detail["loc"]
            if part not in _RULE_KINDS
        )
        breach = detail.get("ctx", {}).get("error")
        if isinstance(breach, RuleBreachError):
            yield from (f"{place}: {problem}" for problem in breach.problems)
        elif detail["type"] == "missing":
            yield f"{place}: is missing: add it"
        elif detail["type"] == "extra_forbidden":
            fields = ", ".join(theme.model_fields)
            yield f"{place}: is no field of a theme: remove it, or write one of {fields}"
        elif detail["type"] == "string_type":
            yield f"{place}: {detail['input']!r} is not a text: put it in quotes"
        else:
            yield f"{place}: {detail['input']!r} does not fit: {detail['msg'][0].lower()}{detail['msg'][1:]}"
