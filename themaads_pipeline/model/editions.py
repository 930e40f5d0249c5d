"""An edition: one year's occurrence of a theme."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import compress

from themaads_pipeline.model.ads import AdText
from themaads_pipeline.model.day_rules import boundary_date
from themaads_pipeline.model.texts import countdown_targets, is_over, normalised, render_countdown
from themaads_pipeline.model.themes import DONE_SUFFIX, Theme

# On the ad that was copied, in every theme and year.
ORIGINAL_LABEL = "THEMA_ORIGINAL"


@dataclass(frozen=True, slots=True)
class EditionText:
    """A theme's text with this edition's moments in it."""

    ad_text: AdText
    key: str  # equal for texts that Google takes for the same
    targets: tuple[datetime | None, ...]  # what it counts down to


@dataclass(frozen=True, kw_only=True, slots=True)
class LastingTexts:
    """An edition's headlines or descriptions that are not over at some moment, in order of priority."""

    texts: tuple[AdText, ...]
    keys: tuple[str, ...]  # of each text; no two are equal
    countdowns: int  # how many of them count down

    @classmethod
    def of(cls, texts: tuple[EditionText, ...], now: datetime) -> "LastingTexts":
        """Those that last at `now`; of several that Google takes for the same the first."""
        lasting = {text.key: text for text in reversed(texts) if not is_over(text.targets, now)}
        kept = [text for text in texts if lasting.get(text.key) is text]
        return cls(
            texts=tuple(text.ad_text for text in kept),
            keys=tuple(text.key for text in kept),
            countdowns=sum(bool(text.targets) for text in kept),
        )

    def other_than(self, keys: AbstractSet[str]) -> tuple[AdText, ...]:
        """Those that say something else than texts with these keys."""
        if keys.isdisjoint(self.keys):
            return self.texts
        return tuple(compress(self.texts, (key not in keys for key in self.keys)))


@dataclass(frozen=True, kw_only=True, slots=True)
class EditionMoment:
    """What of an edition lasts at one moment on the wall clock."""

    now: datetime
    headlines: LastingTexts
    descriptions: LastingTexts


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One year's occurrence of a theme. `starts` and `ends` are its first and last day, both included."""

    theme: Theme
    year: int
    event: date
    starts: date
    ends: date

    @classmethod
    def of(cls, theme: Theme, year: int) -> "Edition":
        """The occurrence of the theme whose event belongs to `year`."""
        event = theme.event.date_in(year)
        return cls(
            theme=theme,
            year=year,
            event=event,
            starts=boundary_date(theme.starts, event=event, year=year),
            ends=boundary_date(theme.ends, event=event, year=year),
        )

    @cached_property
    def name(self) -> str:
        """As the ledger, the file format and an ad's identity have it: `black_friday_2026`."""
        return f"{self.theme.name}_{self.year}"

    @cached_property
    def title(self) -> str:
        """As people say it: `Black Friday 2026`."""
        return f"{self.theme.title} {self.year}"

    @cached_property
    def label(self) -> str:
        """Goes on the new ad: `THEME_BF_2026`."""
        return self.theme.label.replace("{year}", str(self.year))

    @cached_property
    def done_label(self) -> str:
        """Goes on the ad group, where that is asked for: `THEME_BF_2026_DONE`."""
        return self.label + DONE_SUFFIX

    @property
    def moments(self) -> Mapping[str, datetime]:
        """What countdowns can count to, on the wall clock; `end` is the midnight after the last day."""
        return {
            "start": datetime.combine(self.starts, time.min),
            "event": datetime.combine(self.event, time.min),
            "end": datetime.combine(self.ends + timedelta(days=1), time.min),
        }

    @cached_property
    def headlines(self) -> tuple[EditionText, ...]:
        """The theme's headlines, rendered."""
        return tuple(self._rendered(text) for text in self.theme.headlines)

    @cached_property
    def descriptions(self) -> tuple[EditionText, ...]:
        """The theme's descriptions, rendered."""
        return tuple(self._rendered(text) for text in self.theme.descriptions)

    def at(self, now: datetime) -> EditionMoment:
        """What lasts at `now`, on the account's wall clock. Ask once for all ads that are made then."""
        now = now.replace(tzinfo=None)
        return EditionMoment(
            now=now,
            headlines=LastingTexts.of(self.headlines, now),
            descriptions=LastingTexts.of(self.descriptions, now),
        )

    def is_over(self, local_now: datetime) -> bool:
        """Whether its last day has ended on the account's wall clock."""
        return local_now.date() > self.ends

    def _rendered(self, text: str) -> EditionText:
        rendered = render_countdown(text.strip(), self)
        return EditionText(AdText(rendered), normalised(rendered), countdown_targets(rendered))
