"""Texts are counted, compared and rendered as Google does it."""

# ruff: noqa: DTZ001 - an account's wall clock, which has no zone here

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from themaads_pipeline.model.texts import (
    countdown_targets,
    display_width,
    has_countdown,
    normalised,
    render_countdown,
    rendered_for_people,
)


class _Moments:
    moments = {  # noqa: RUF012  # read only
        "start": datetime(2026, 11, 23),
        "event": datetime(2026, 11, 27),
        "end": datetime(2026, 11, 30),
    }


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("Black Friday", 12),
        ("Één café", 8),
        ("黒色金曜日", 10),
        ("ＡＢ", 4),
        ("한국 sale", 9),
        ("{KeyWord:Schoenen} Sale", 13),
        ("{KEYWORD:Rode Schoenen}", 13),
        ("{LOCATION(City):Utrecht}", 7),
        ("{CUSTOMIZER.Price:10 euro}", 7),
        ("{KeyWord:黒色}", 4),
        ("Nog {COUNTDOWN(2026-11-30 00:00:00,5)}", 12),
        ("{GLOBAL_COUNTDOWN(end,5)}{countdown(end,5)}", 16),
        ("{unknown}", 9),
    ],
)
def test_a_text_is_as_wide_as_google_counts_it(text: str, width: int) -> None:
    assert display_width(text) == width


@given(st.text(alphabet=st.characters(max_codepoint=127, exclude_characters="{}")))
def test_plain_ascii_counts_one_a_character(text: str) -> None:
    assert display_width(text) == len(text)


@given(
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1),
    st.sampled_from(" \t\n\xa0"),
)
def test_white_space_and_case_make_no_difference_to_a_comparison(words: list[str], space: str) -> None:
    assert normalised(space + (space * 2).join(words) + space) == normalised(" ".join(words))
    assert normalised("black friday DEALS") == normalised(" Black  Friday Deals ")


def test_composed_and_decomposed_accents_are_the_same_text() -> None:
    assert normalised("cafe\u0301") == normalised("caf\u00e9")


def test_a_countdown_gets_the_moment_of_the_edition_in_the_syntax_of_an_rsa() -> None:
    assert render_countdown("Nog {COUNTDOWN(end,5)}", _Moments()) == "Nog {COUNTDOWN(2026-11-30 00:00:00,5)}"
    assert render_countdown("{GLOBAL_COUNTDOWN( start ,3)} te gaan", _Moments()) == (
        "{GLOBAL_COUNTDOWN(2026-11-23 00:00:00,3)} te gaan"
    )
    assert render_countdown("{COUNTDOWN(event,5)}", _Moments()) == "{COUNTDOWN(2026-11-27 00:00:00,5)}"


@pytest.mark.parametrize(
    "text", ["Geen", "{KeyWord:end}", "{COUNTDOWN(2025-01-01 00:00:00,5)}", "{COUNTDOWN(nooit,5)}", "(end,5)"]
)
def test_rendering_leaves_everything_else_as_it_is(text: str) -> None:
    assert render_countdown(text, _Moments()) == text


def test_the_targets_of_countdowns_are_read_in_every_form_that_occurs() -> None:
    moment = datetime(2026, 11, 30)
    assert countdown_targets(
        "{COUNTDOWN(2026-11-30 00:00:00,5)} en {GLOBAL_COUNTDOWN(2026/11/30 00:00:00)}"
    ) == (
        moment,
        moment,
    )
    assert countdown_targets('{=COUNTDOWN("2026-11-30 00:00:00","nl",5)}') == (moment,)
    assert countdown_targets("{COUNTDOWN(morgen,5)}") == (None,)
    assert countdown_targets("{KeyWord:Schoenen}") == ()


def test_only_a_text_with_a_countdown_has_one() -> None:
    assert has_countdown("{countdown(end,5)}")
    assert not has_countdown("COUNTDOWN(end,5)")
    assert not has_countdown("{KeyWord:COUNTDOWN}")


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (datetime(2026, 11, 25, 12), "Nog 4 dagen"),
        (datetime(2026, 11, 28, 12), "Nog 1 dag"),
        (datetime(2026, 11, 29, 12, tzinfo=UTC), "Nog 12 uur"),
        (datetime(2026, 11, 29, 23, 30), "Nog 30 minuten"),
        (datetime(2026, 11, 29, 23, 59), "Nog 1 minuut"),
        (datetime(2027, 1, 15), "Nog 0 minuten"),
    ],
)
def test_people_see_a_countdown_as_a_searcher_does(now: datetime, shown: str) -> None:
    assert rendered_for_people("Nog {COUNTDOWN(2026-11-30 00:00:00,5)}", now) == shown


def test_people_see_the_default_of_a_placeholder() -> None:
    assert rendered_for_people("{KeyWord:Schoenen} in {LOCATION(City):Utrecht}", datetime(2026, 1, 1)) == (
        "Schoenen in Utrecht"
    )
