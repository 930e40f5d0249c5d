"""A theme that breaks a rule says so, in sentences, and all of them at once."""

import re
from datetime import date
from typing import Any

import pytest

from themaads_pipeline.model.day_rules import FixedDay, NthWeekday
from themaads_pipeline.model.themes import Theme


def content(**changes: Any) -> dict[str, Any]:
    """A right theme, as its file has it, with changes."""
    return {
        "name": "pasen",
        "title": "Pasen",
        "aliases": ["easter"],
        "label": "THEME_PASEN_{year}",
        "event": "04-05",
        "starts": -7,
        "ends": 1,
        "path1": "Pasen",
        "headlines": [f"Paasactie nummer {number}" for number in range(15)],
        "descriptions": [f"Een paasei van {number} gram." for number in range(4)],
    } | changes


def problems(**changes: Any) -> tuple[str, ...]:
    """What is wrong with the theme after these changes."""
    return Theme.read(content(**changes), file_name="pasen.yaml")[1]


def with_headline(text: str) -> dict[str, Any]:
    """A theme with one headline that is to be judged."""
    return {"headlines": [text, *content()["headlines"][1:]]}


def test_a_right_theme_has_no_problems_and_adds_the_usual_url_parameter() -> None:
    theme, wrong = Theme.read(content(), file_name="pasen.yaml")
    assert wrong == ()
    assert theme is not None
    assert theme.url_parameters == "campaign_theme=1"
    assert theme.warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "x" * 30,
        "黒" * 15,
        "{KeyWord:" + "x" * 30 + "}",
        "x" * 22 + "{COUNTDOWN(end,5)}",
        "{GLOBAL_COUNTDOWN(start,12)} nog",
        "{countdown(event, 5)} te gaan",
        "{LOCATION(City):Utrecht}",
    ],
)
def test_a_headline_that_google_would_take_is_taken(text: str) -> None:
    assert problems(**with_headline(text)) == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x" * 31, "counts 31 characters and 30 fit: take 1 off"),
        ("黒" * 16, "counts 32 characters and 30 fit: take 2 off"),
        ("{KeyWord:" + "x" * 31 + "}", "counts 31 characters"),
        ("x" * 23 + "{COUNTDOWN(end,5)}", "counts 31 characters"),
        ("Nu kopen!", "no '!' is allowed in a headline"),
        ("  ", "a headline is empty"),
        ("Nog {COUNTDOWN(end,5)", "without its other half"),
        ("Nog {=COUNTDOWN(end,5)}", "an RSA refuses '{=': write {COUNTDOWN(end,5)}"),
        ("{COUNTDOWN(einde,5)}", "write start, event or end"),
        ("{COUNTDOWN(2026-11-27 00:00:00,5)}", "which hold every year"),
        ("{COUNTDOWN(end)}", "does not say for how many days"),
        ("{KeyWord:}", "has no default"),
        ("Voor {naam}", "no placeholder that Google knows"),
        ("Twee\nregels", "a line break"),
        ("PAASACTIE  nummer 3", "repeats"),
    ],
)
def test_a_headline_that_google_would_refuse_is_refused_at_load(text: str, sentence: str) -> None:
    (problem,) = problems(**with_headline(text))
    assert problem.startswith("pasen.yaml: headlines: ")
    assert sentence in problem


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "Pasen"}, "name: 'Pasen': write it in lower case"),
        ({"name": "pasen_2026"}, "name: 'pasen_2026': write it in lower case without a year"),
        ({"title": ""}, "title: '' does not fit"),
        ({"aliases": ["easter", "--"]}, "aliases: '--' has no letter or digit"),
        ({"aliases": ["pasen 2026"]}, "aliases: 'pasen 2026' ends in a year"),
        ({"aliases": [11.11]}, "aliases.1: 11.11 is not a text: put it in quotes"),
        ({"label": "THEME_PASEN"}, "label: 'THEME_PASEN' must hold {year} once"),
        ({"label": "x" * 72 + "{year}"}, "label: "),
        ({"legacy_labels": ["y" * 81]}, "legacy_labels: "),
        ({"legacy_labels": [" "]}, "legacy_labels: a label is empty"),
        ({"event": "02-29"}, "event.day: '02-29' is not a day of every year"),
        ({"event": "5 april"}, "event.day: "),
        ({"event": None}, "event: None is no day: write '12-05' in quotes"),
        ({"event": {"nth": 5, "weekday": "friday", "month": 11}}, "event.nth: 5 does not fit"),
        ({"event": {"nth": 1, "weekday": "vrijdag", "month": 13}}, "event.month: 13 does not fit"),
        ({"starts": 1}, "ends: in 2024 the theme would last from 2024-04-06 to 2024-04-06"),
        ({"ends": -1}, "ends: in 2024 the theme would last"),
        ({"starts": -299, "ends": 2}, "last at most 300 days"),
        ({"starts": True}, "starts: True does not fit"),
        ({"path1": "Zestien-tekens-x"}, "path1: 'Zestien-tekens-x' counts 16 characters and 15 fit"),
        ({"path1": "Twee woorden"}, "path1: 'Twee woorden': a path holds no spaces"),
        ({"url_parameters": "campaign_theme"}, "url_parameters: 'campaign_theme': write key=value"),
        ({"url_parameters": "?a=1"}, "url_parameters: "),
        ({"headlines": "Pasen"}, "headlines: "),
        ({"headlines": ["Een", "Twee"]}, "2 headlines stand without a countdown, and an ad needs 3"),
        (
            {"headlines": [f"Kop {n}" for n in range(17)]},
            "there are 17 headlines and an ad holds 15: remove 2",
        ),
        ({"descriptions": ["Een", "Nog {COUNTDOWN(end,5)}"]}, "1 descriptions stand without a countdown"),
        ({"descriptions": ["Een! Twee!", "Twee", "Drie"]}, "one '!' is allowed in a description"),
        ({"descriptions": ["x" * 91, "Twee", "Drie"]}, "counts 91 characters and 90 fit"),
        ({"headlnes": []}, "headlnes: is no field of a theme"),
    ],
)
def test_a_rule_that_is_broken_is_told_with_file_and_field(changes: dict[str, Any], sentence: str) -> None:
    told = problems(**changes)
    assert any(sentence in problem for problem in told), told
    assert all(re.match(r"pasen\.yaml: [a-z0-9_.]+: ", problem) for problem in told)


def test_all_problems_of_a_file_are_told_at_once() -> None:
    told = problems(
        title=5,
        label="THEME",
        path1="Veel-te-lang-voor-een-pad",
        headlines=["Nu!", "x" * 40, "nu!", "Voor {wie}"],
        descriptions=["Een"],
    )
    fields = [problem.split(": ")[1] for problem in told]
    assert set(fields) == {"title", "label", "path1", "headlines", "descriptions"}
    assert (
        fields.count("headlines") == 5
    )  # two exclamation marks, one too wide, one repeated, one placeholder


@pytest.mark.parametrize(
    "missing", ["name", "title", "label", "event", "starts", "ends", "headlines", "descriptions"]
)
def test_a_field_that_is_missing_is_named(missing: str) -> None:
    file = content()
    del file[missing]
    assert f"pasen.yaml: {missing}: is missing: add it" in Theme.read(file, file_name="pasen.yaml")[1]


@pytest.mark.parametrize("junk", [None, [], "tekst", 5])
def test_a_file_that_holds_no_fields_is_one_problem(junk: object) -> None:
    assert Theme.read(junk, file_name="pasen.yaml")[1][0].startswith("pasen.yaml: holds no theme")


def test_a_theme_that_grows_thin_after_its_countdowns_is_used_with_a_warning() -> None:
    texts = [f"Kop {number}" for number in range(11)] + [f"{n} nog {{COUNTDOWN(end,5)}}" for n in range(4)]
    theme, wrong = Theme.read(content(headlines=texts), file_name="pasen.yaml")
    assert wrong == ()
    assert theme is not None
    (warning,) = theme.warnings
    assert warning.startswith("headlines: 11 headlines stand without a countdown")


BLACK_FRIDAY = NthWeekday(nth=4, weekday="thursday", month=11, plus_days=1)


@pytest.mark.parametrize(
    ("year", "day"),
    [(2023, 24), (2024, 29), (2025, 28), (2026, 27), (2027, 26), (2028, 24), (2029, 23), (2030, 29)],
)
def test_black_friday_is_the_day_after_the_fourth_thursday(year: int, day: int) -> None:
    assert BLACK_FRIDAY.date_in(year) == date(year, 11, day)


def test_cyber_monday_may_fall_in_december() -> None:
    rule = NthWeekday(nth=4, weekday="thursday", month=11, plus_days=4)
    assert rule.date_in(2024) == date(2024, 12, 2)
    assert rule.date_in(2026) == date(2026, 11, 30)


def test_the_last_weekday_of_a_month_and_days_after_a_fixed_day() -> None:
    assert NthWeekday(nth=-1, weekday="sunday", month=3).date_in(2026) == date(2026, 3, 29)
    assert FixedDay(day="12-31", plus_days=1).date_in(2026) == date(2027, 1, 1)
