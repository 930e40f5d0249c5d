"""A theme: a named set of ad texts, and the rule that says when it is on. Checked when it is built."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, StrictStr, ValidationError, ValidationInfo, field_validator

from themaads_pipeline.model.day_rules import (
    RULE_KINDS,
    Boundary,
    DayRule,
    FixedDay,
    NthWeekday,
    RuleBreachError,
    ThemePart,
    boundary_date,
)
from themaads_pipeline.model.texts import PATH_WIDTH, display_width
from themaads_pipeline.model.theme_texts import DESCRIPTION, HEADLINE, text_problems, text_warnings

DONE_SUFFIX = "_DONE"
LABEL_LENGTH = 80
_YEARS = range(2024, 2052)  # every calendar there is: they repeat after 28 years
_LONGEST_DAYS = 300  # so that one edition is over before the next begins
_FORGIVEN = re.compile(r"[\s_-]+")


def name_key(text: str) -> str:
    """What two ways of writing a theme's name have in common: case, spaces, `-` and `_` are forgiven."""
    return _FORGIVEN.sub("", text.casefold())


class Theme(ThemePart):
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

    @cached_property
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
                    f"in {year} the theme would last from {first} to {last}, with its event on {event}: "
                    f"start on or before the event, end on or after it, and last at most {_LONGEST_DAYS} days"
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
            if part not in RULE_KINDS
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
        elif detail["type"] == "model_type":
            yield f"{place}: {detail['input']!r} is no day: write '12-05' in quotes, or an nth weekday"
        else:
            yield f"{place}: {detail['input']!r} does not fit: {detail['msg'][0].lower()}{detail['msg'][1:]}"
