"""The catalogue: all themes there are, and how people and files name them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import PurePath

from themaads_pipeline.exceptions import ThemeError
from themaads_pipeline.model.editions import Edition
from themaads_pipeline.model.themes import DONE_SUFFIX, Theme, name_key

_WITH_YEAR = re.compile(r"(?P<theme>.*?\D)[\s_-]*(?P<year>20\d\d)\s*")
# `black_friday-2`, `BF lijst` and `bf2026` in their words.
_BETWEEN_WORDS = re.compile(r"[\W_]+|(?<=[^\W\d_])(?=\d{4}(?!\d))")
_FILE_ENDINGS = (".csv.gz", ".tsv.gz", ".csv", ".tsv", ".txt", ".xlsx")


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The themes in use, what is wrong with the ones left out, and what is poor in the others."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...] = ()  # each about a theme file that is not used
    warnings: tuple[str, ...] = ()

    @cached_property
    def _by_key(self) -> dict[str, Theme]:
        return {key: theme for theme in self.themes for key in theme.keys}

    @cached_property
    def _by_name(self) -> dict[str, Theme]:
        return {theme.name: theme for theme in self.themes}

    @cached_property
    def _editions(self) -> dict[str, Edition]:
        """Asked for once an item: an edition renders its texts once."""
        return {}

    @cached_property
    def _by_words(self) -> dict[str, Theme]:
        return {_joined(key): theme for key, theme in self._by_key.items()}

    @cached_property
    def _themed_label(self) -> re.Pattern[str]:
        patterns = [
            re.escape(label.strip()).replace(r"\{year\}", r"\d{4}") + ending
            for theme in self.themes
            for label, ending in [
                (theme.label, f"({DONE_SUFFIX})?"),
                *((legacy, "") for legacy in theme.legacy_labels),
            ]
        ]
        return re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)

    def theme_named(self, text: str) -> Theme | None:
        """The theme with this name, title or alias; case, spaces, `-` and `_` are forgiven."""
        return self._by_key.get(name_key(text))

    def theme_in_file_name(self, file_name: str) -> Theme | None:
        """The theme whose name or alias the file's name begins with, as whole words; the longest wins."""
        return self._in_file_name(file_name)[0]

    def edition_in_file_name(self, file_name: str, today: date) -> Edition | None:
        """The edition that a file's name means: `black_friday_2026_x.csv` names one, `bf.csv` the next."""
        theme, words_after = self._in_file_name(file_name)
        if theme is None:
            return None
        if words_after and re.fullmatch(r"20\d\d", words_after[0]):
            return Edition.of(theme, int(words_after[0]))
        return self.next_edition(theme, today)

    def next_edition(self, theme: Theme, today: date) -> Edition:
        """The first edition that has not ended: on its last day it is still this one."""
        editions = (Edition.of(theme, year) for year in range(today.year - 1, today.year + 3))
        return next(edition for edition in editions if edition.ends >= today)

    def edition(self, name: str) -> Edition:
        """The edition of that name (`black_friday_2026`), as the ledger keeps it.

        Raises:
            ThemeError: No theme of the catalogue has it.
        """
        if (known_edition := self._editions.get(name)) is not None:
            return known_edition
        theme_name, _, year = name.rpartition("_")
        theme = self._by_name.get(theme_name)
        if theme is None or not re.fullmatch(r"\d{4}", year):
            known = ", ".join(sorted(self._by_name)) or "none"
            raise ThemeError(
                f"no theme has an edition {name!r}; the themes are: {known}. `themaads themes` says "
                f"what is wrong with one that is missing"
            )
        return self._editions.setdefault(name, Edition.of(theme, int(year)))

    def resolve(self, text: str, today: date) -> Edition | None:
        """The edition that a person means: `bf` is the next one, `Black Friday 2026` that one."""
        if theme := self.theme_named(text):
            return self.next_edition(theme, today)
        if (named := _WITH_YEAR.fullmatch(text)) and (theme := self.theme_named(named["theme"])):
            return Edition.of(theme, int(named["year"]))
        return None

    def is_themed_label(self, label_name: str) -> bool:
        """Whether this label marks a themed ad: any edition of any theme, or a legacy label."""
        return self._themed_label.fullmatch(label_name.strip()) is not None

    def edition_label(self, edition_name: str) -> str:
        """The label of an edition, by the edition's name."""
        return self.edition(edition_name).label

    @cached_property
    def url_pairs(self) -> tuple[frozenset[str], ...]:
        """The URL parameters that mark a themed ad, a set for each theme that has some."""
        return tuple({frozenset(theme.url_pairs) for theme in self.themes if theme.url_pairs})

    def _in_file_name(self, file_name: str) -> tuple[Theme | None, list[str]]:
        stem = PurePath(file_name).name.casefold()
        ending = next((ending for ending in _FILE_ENDINGS if stem.endswith(ending)), "")
        words = [word for word in _BETWEEN_WORDS.split(stem.removesuffix(ending)) if word]
        for count in range(len(words), 0, -1):
            if theme := self._by_words.get("".join(words[:count])):
                return theme, words[count:]
        return None, []


def clashes(theme: Theme, others: Iterable[Theme]) -> tuple[str, ...]:
    """What this theme has in common with others, and may not: what it is called, and its label."""
    problems = []
    for other in others:
        problems += [
            f"aliases: {key!r} is what {other.name} is called too: choose another name or alias"
            for key in sorted(theme.keys & other.keys)
        ]
        if theme.label.casefold() == other.label.casefold():
            problems.append(f"label: {theme.label!r} is the label of {other.name} too: choose another")
    return tuple(problems)


def _joined(key: str) -> str:
    return "".join(_BETWEEN_WORDS.split(key))
