"""The themed ad keeps what law and tracking hang on, and is always one that Google takes."""

# ruff: noqa: DTZ001 - an account's wall clock, which has no zone here

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from themaads_pipeline.model.ad_copy import CopyError, compose, edition_of
from themaads_pipeline.model.ads import AdContent, AdText
from themaads_pipeline.model.editions import Edition
from themaads_pipeline.model.outcomes import Category
from themaads_pipeline.model.themes import Theme
from themaads_pipeline.themes import load_catalogue
from themaads_pipeline_tests.unit.test_themes import content

OURS = load_catalogue(None)
EDITION = OURS.edition("black_friday_2026")
NOW = datetime(2026, 11, 1, 12)
_EDITIONS = [Edition.of(theme, 2026) for theme in OURS.themes]
HEADLINES = tuple(text.ad_text for text in EDITION.headlines)
DESCRIPTIONS = tuple(text.ad_text for text in EDITION.descriptions)


def texts(noun: str, count: int) -> tuple[AdText, ...]:
    """Texts of an ordinary ad."""
    return tuple(AdText(f"{noun} {number}") for number in range(1, count + 1))


SOURCE = AdContent(
    headlines=texts("Kop", 5),
    descriptions=texts("Tekst", 3),
    final_urls=("https://a.nl/?b=c",),
    path1="Oud",
    path2="Pad",
    final_mobile_urls=("https://m.a.nl/?b=c",),
    tracking_url_template="{lpurl}?t=1",
    final_url_suffix="s=1",
    url_custom_parameters=(("merk", "a"),),
)


def composed(*, now: datetime = NOW, edition: Edition = EDITION, **changes: Any) -> AdContent:
    """The themed ad made from an ordinary one with changes."""
    return compose(edition, replace(SOURCE, **changes), at=edition.at(now))


def refusal(**changes: Any) -> str:
    """The code with which no ad can be made."""
    with pytest.raises(CopyError) as caught:
        composed(**changes)
    failure = caught.value.failure
    assert failure.category is Category.INVALID
    assert failure.message
    return failure.code


def test_an_ordinary_ad_gives_three_headlines_and_a_description_and_the_theme_the_rest() -> None:
    ad = composed()
    assert ad.headlines == (*SOURCE.headlines[:3], *HEADLINES[:12])
    assert ad.descriptions == (SOURCE.descriptions[0], *DESCRIPTIONS[:3])


def test_urls_get_the_parameter_and_everything_else_that_leads_somewhere_is_kept() -> None:
    ad = composed(final_urls=("https://a.nl/?b=c", "https://a.be/#x"))
    assert ad.final_urls == ("https://a.nl/?b=c&campaign_theme=1", "https://a.be/?campaign_theme=1#x")
    assert (ad.path1, ad.path2) == ("Black-Friday", "Pad")
    assert ad.final_mobile_urls == SOURCE.final_mobile_urls
    assert ad.tracking_url_template == SOURCE.tracking_url_template
    assert ad.final_url_suffix == SOURCE.final_url_suffix


def test_a_theme_without_a_path_keeps_the_copied_ads() -> None:
    edition = Edition.of(Theme.model_validate(content(path1="")), 2026)
    assert composed(edition=edition).path1 == "Oud"


def test_the_identity_joins_the_custom_parameters() -> None:
    ad = composed()
    assert ad.url_custom_parameters == (("merk", "a"), ("themaedition", "black_friday_2026"))
    assert edition_of(ad) == "black_friday_2026"
    assert edition_of(SOURCE) is None


def test_an_identity_that_is_there_is_replaced_in_its_place() -> None:
    ad = composed(url_custom_parameters=(("themaedition", "kerstmis_2025"), ("merk", "a")))
    assert ad.url_custom_parameters == (("themaedition", "black_friday_2026"), ("merk", "a"))


def test_eight_custom_parameters_leave_no_room_for_the_identity() -> None:
    eight = tuple((f"p{number}", "1") for number in range(8))
    assert composed(url_custom_parameters=eight).url_custom_parameters == eight


def test_pins_are_kept_and_pinned_texts_come_along_wherever_they_stand() -> None:
    headlines = (*texts("Kop", 4), AdText("Speel bewust 18+", "HEADLINE_1"))
    descriptions = (AdText("Los"), AdText("Krediet kost geld.", "DESCRIPTION_2"), AdText("Nog los"))
    ad = composed(headlines=headlines, descriptions=descriptions)
    assert ad.headlines[:3] == (headlines[0], headlines[1], headlines[4])
    assert ad.descriptions == (descriptions[1], *DESCRIPTIONS[:3])


def test_the_theme_gives_way_to_many_pinned_texts() -> None:
    pinned = tuple(replace(text, pin="HEADLINE_1") for text in texts("Kop", 14))
    ad = composed(headlines=(*pinned, AdText("Los")), descriptions=texts("Tekst", 4))
    assert ad.headlines == (*pinned, HEADLINES[0])


def test_an_ad_that_is_pinned_full_has_no_room_for_a_theme() -> None:
    full = tuple(replace(text, pin="HEADLINE_1") for text in texts("Kop", 15))
    assert refusal(headlines=full) == "no_room_for_theme"
    four = tuple(replace(text, pin="DESCRIPTION_1") for text in texts("Tekst", 4))
    assert refusal(descriptions=four) == "no_room_for_theme"


def test_repeated_texts_are_said_once_and_the_next_of_the_theme_fills_in() -> None:
    said_by_theme = AdText("  BLACK  friday DEALS ")
    ad = composed(headlines=(said_by_theme, AdText("Kop"), AdText("kop "), AdText("Ander"), AdText("Vierde")))
    assert ad.headlines[:3] == (AdText("BLACK  friday DEALS"), AdText("Kop"), AdText("Ander"))
    assert ad.headlines[3:] == HEADLINES[1:13]
    assert len(ad.headlines) == 15


def test_a_pinned_text_wins_from_the_same_one_without_a_pin() -> None:
    ad = composed(headlines=(AdText("wettekst"), AdText("Kop"), AdText("Wettekst", "HEADLINE_2")))
    assert ad.headlines[:2] == (AdText("Kop"), AdText("Wettekst", "HEADLINE_2"))
    assert ad.headlines[2] == HEADLINES[0]


def test_a_text_pinned_to_two_places_cannot_be_kept() -> None:
    twice = (AdText("Wettekst", "HEADLINE_1"), AdText("wettekst", "HEADLINE_2"))
    assert refusal(headlines=twice) == "duplicate_pinned_text"


def test_fewer_copied_texts_are_filled_from_the_theme() -> None:
    ad = composed(headlines=texts("Kop", 1), descriptions=())
    assert ad.headlines == (AdText("Kop 1"), *HEADLINES[:14])
    assert ad.descriptions == DESCRIPTIONS


@pytest.mark.parametrize(
    ("now", "counts"),
    [
        (datetime(2026, 11, 27, 12), True),
        (datetime(2026, 11, 29, 22, 59, 59), True),
        (datetime(2026, 11, 29, 23), False),
        (datetime(2026, 11, 29, 23, 59), False),
    ],
)
def test_a_countdown_that_ends_within_the_hour_gives_way_to_the_next_text(
    now: datetime, counts: bool
) -> None:
    ad = composed(now=now)
    assert any("COUNTDOWN" in text.text for text in ad.headlines) is counts
    assert (len(ad.headlines), len(ad.descriptions)) == (15, 4)
    if not counts:
        assert ad.headlines[3:] == tuple(text for text in HEADLINES if "COUNTDOWN" not in text.text)[:12]


def test_a_countdown_to_the_event_is_over_on_the_day_itself() -> None:
    headlines = ["Over {COUNTDOWN(event,5)} Pasen", "Nog {COUNTDOWN(end,5)} Pasen", "Een", "Twee", "Drie"]
    edition = Edition.of(Theme.model_validate(content(headlines=headlines)), 2026)
    before = composed(edition=edition, now=datetime(2026, 4, 4, 22, 59))
    on_the_day = composed(edition=edition, now=datetime(2026, 4, 5))
    assert AdText("Over {COUNTDOWN(2026-04-05 00:00:00,5)} Pasen") in before.headlines
    assert [text.text for text in on_the_day.headlines[3:]] == [
        "Nog {COUNTDOWN(2026-04-07 00:00:00,5)} Pasen",
        "Een",
        "Twee",
        "Drie",
    ]


def test_old_countdowns_of_the_copied_ad_are_left_behind() -> None:
    old = AdText("Nog {COUNTDOWN(2025-01-01 00:00:00,5)}")
    unreadable = AdText("Nog {COUNTDOWN(gisteren,5)}")
    running = AdText("Nog {COUNTDOWN(2026-12-24 00:00:00,5)}")
    ad = composed(headlines=(old, unreadable, running, *texts("Kop", 3)))
    assert ad.headlines[:3] == (running, *texts("Kop", 2))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Nog {COUNTDOWN(2025-01-01 00:00:00,5)}", "countdown_over"),
        ("x" * 31, "text_too_long"),
        (" ", "text_empty"),
    ],
)
def test_a_pinned_text_that_google_would_refuse_is_not_dropped_in_silence(text: str, code: str) -> None:
    assert refusal(headlines=(AdText(text, "HEADLINE_1"), *texts("Kop", 3))) == code


def test_keyword_insertion_of_the_copied_ad_is_kept() -> None:
    insertion = AdText("{KeyWord:Schoenen en veel sokken} nu")
    assert composed(headlines=(insertion,)).headlines[0] == insertion


def test_an_ad_that_would_be_empty_after_its_countdowns_is_refused() -> None:
    pinned = tuple(AdText(f"{n} {{COUNTDOWN(2026-12-24 00:00:00,5)}}", "HEADLINE_1") for n in range(14))
    assert refusal(headlines=pinned) == "too_few_texts"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"final_urls": ()}, "no_final_url"),
        ({"final_urls": ("https://a.nl/" + "é" * 1_030,)}, "final_url_too_long"),
        ({"final_urls": ("www.a.nl/schoenen",)}, "final_url_unusable"),
        ({"final_urls": ("https://a.nl/rode schoenen",)}, "final_url_unusable"),
        ({"path2": "Zestien-tekens-x"}, "path_too_long"),
    ],
)
def test_what_cannot_be_kept_whole_is_refused(changes: dict[str, Any], code: str) -> None:
    assert refusal(**changes) == code


def test_a_message_says_what_is_in_the_way() -> None:
    with pytest.raises(CopyError, match=r"pins the headline 'x{31}'.*31 characters.*unpin") as caught:
        composed(headlines=(AdText("x" * 31, "HEADLINE_1"),))
    assert caught.value.failure.trigger == "x" * 31


_PLACEHOLDERS = st.sampled_from(
    [
        "{KeyWord:Schoenen}",
        "{COUNTDOWN(2025-01-01 00:00:00,5)}",
        "{COUNTDOWN(2026-12-24 00:00:00,5)}",
        "{GLOBAL_COUNTDOWN(2026-11-30 00:00:00,5)}",
    ]
)
_SOURCE_TEXTS = (
    st.sampled_from([text.ad_text.text for edition in _EDITIONS for text in edition.headlines[:3]])
    | st.text(max_size=20)
    | st.text(alphabet="aA éß黒 ", max_size=95)
    | st.builds("{} {}".format, st.text(alphabet="ab", max_size=20), _PLACEHOLDERS)
)


def _ad_texts(field: str, positions: int, most: int) -> st.SearchStrategy[tuple[AdText, ...]]:
    pins = st.none() | st.none() | st.sampled_from([f"{field}_{number + 1}" for number in range(positions)])
    return st.lists(st.builds(AdText, _SOURCE_TEXTS, pins), max_size=most).map(tuple)


_SOURCES = st.builds(
    AdContent,
    headlines=_ad_texts("HEADLINE", 3, 16),
    descriptions=_ad_texts("DESCRIPTION", 2, 5),
    final_urls=st.lists(st.text(max_size=40), min_size=1, max_size=2).map(tuple),
    path1=st.text(max_size=16),
    path2=st.text(max_size=8),
    url_custom_parameters=st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=8).map(
        tuple
    ),
)


def _counted(text: str) -> int:
    """Counts as Google does, written a second time."""
    text = re.sub(
        r"\{KeyWord:([^}]*)\}", r"\1", re.sub(r"\{(GLOBAL_)?COUNTDOWN\([^}]*\)\}", "12345678", text)
    )
    double = sum("\u3000" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3" for character in text)
    return len(text) + double


def _check(ad_texts: Sequence[AdText], *, fewest: int, most: int, width: int, now: datetime) -> None:
    assert fewest <= len(ad_texts) <= most
    keys = [" ".join(text.text.split()).casefold() for text in ad_texts]
    assert len(set(keys)) == len(keys)
    assert all(keys)
    assert sum("COUNTDOWN" not in text.text for text in ad_texts) >= fewest
    for text in ad_texts:
        assert _counted(text.text) <= width
        for target in re.findall(r"COUNTDOWN\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),", text.text):
            assert datetime.fromisoformat(target) > now + timedelta(hours=1)


@given(
    source=_SOURCES,
    edition=st.sampled_from(_EDITIONS),
    now=st.datetimes(min_value=datetime(2026, 10, 1), max_value=datetime(2026, 12, 27)),
)
def test_whatever_the_source_the_ad_satisfies_google_and_loses_no_pin(
    source: AdContent, edition: Edition, now: datetime
) -> None:
    try:
        ad = compose(edition, source, at=edition.at(now))
    except CopyError:
        return
    _check(ad.headlines, fewest=3, most=15, width=30, now=now)
    _check(ad.descriptions, fewest=2, most=4, width=90, now=now)
    assert all(len(url.encode()) <= 2_084 for url in ad.final_urls)
    assert len(ad.url_custom_parameters) <= 8
    assert any(text.ad_text in ad.headlines for text in edition.headlines)

    def pinned(content: AdContent) -> set[tuple[str, str]]:
        return {
            (" ".join(text.text.split()).casefold(), text.pin)
            for text in (*content.headlines, *content.descriptions)
            if text.pin
        }

    assert pinned(ad) == pinned(source)
    assert compose(edition, source, at=edition.at(now)) == ad
