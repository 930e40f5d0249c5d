"""An edition is one year of a theme, on the account's wall clock."""

# ruff: noqa: DTZ001 - an account's wall clock, which has no zone here

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from themaads_pipeline.model.editions import Edition
from themaads_pipeline.model.themes import Theme
from themaads_pipeline_tests.unit.test_themes import content

PASEN = Theme.model_validate(
    content(
        headlines=["Nog {COUNTDOWN(end,5)}", "Vanaf {GLOBAL_COUNTDOWN(start,5)}", "Paasei", "Haas", "Mand"]
    )
)
EDITION = Edition.of(PASEN, 2026)


def test_an_edition_has_its_names_and_days() -> None:
    assert (EDITION.name, EDITION.title, EDITION.label, EDITION.done_label) == (
        "pasen_2026",
        "Pasen 2026",
        "THEME_PASEN_2026",
        "THEME_PASEN_2026_DONE",
    )
    assert (EDITION.starts, EDITION.event, EDITION.ends) == (
        date(2026, 3, 29),
        date(2026, 4, 5),
        date(2026, 4, 6),
    )


def test_the_end_is_the_midnight_after_the_last_day_and_the_event_the_one_before_its_day() -> None:
    assert EDITION.moments == {
        "start": datetime(2026, 3, 29),
        "event": datetime(2026, 4, 5),
        "end": datetime(2026, 4, 7),
    }


def test_texts_are_rendered_with_the_moments_of_the_edition() -> None:
    assert [text.ad_text.text for text in EDITION.headlines][:2] == [
        "Nog {COUNTDOWN(2026-04-07 00:00:00,5)}",
        "Vanaf {GLOBAL_COUNTDOWN(2026-03-29 00:00:00,5)}",
    ]
    assert EDITION.headlines[0].targets == (datetime(2026, 4, 7),)


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (datetime(2026, 1, 1), False),
        (datetime(2026, 4, 6, 23, 59, 59), False),
        (datetime(2026, 4, 7), True),
        (datetime(2027, 1, 15), True),
        (datetime(2026, 4, 6, 23, 30, tzinfo=timezone(timedelta(hours=-5))), False),
        (datetime(2026, 4, 7, 0, 30, tzinfo=UTC), True),
    ],
)
def test_an_edition_is_over_when_its_last_day_has_ended_on_the_accounts_clock(
    now: datetime, over: bool
) -> None:
    assert EDITION.is_over(now) is over
