"""Themes are found by what people call them, and a user's folder overrides and extends ours."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from themaads_pipeline.exceptions import ThemeError
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.texts import has_countdown
from themaads_pipeline.themes import load_catalogue
from themaads_pipeline_tests.unit.test_themes import content

OURS = load_catalogue(None)
TODAY = date(2026, 7, 1)
_DAYS = st.dates(min_value=date(2024, 1, 1), max_value=date(2060, 1, 1))


def write(folder: Path, file_name: str, **changes: Any) -> None:
    """A theme's file."""
    (folder / file_name).write_text(yaml.safe_dump(content(**changes), allow_unicode=True), encoding="utf-8")


def theme_name(theme: Any) -> str | None:
    """For comparing with None in a table."""
    return theme.name if theme is not None else None


def test_our_own_themes_are_right_and_full() -> None:
    assert OURS.problems == ()
    assert OURS.warnings == ()
    assert [theme.name for theme in OURS.themes] == [
        "black_friday",
        "cyber_monday",
        "kerstmis",
        "singles_day",
        "sinterklaas",
    ]
    for theme in OURS.themes:
        assert (len(theme.headlines), len(theme.descriptions)) == (15, 4)
        assert sum(not has_countdown(text) for text in theme.headlines) >= 12
        assert sum(not has_countdown(text) for text in theme.descriptions) >= 3
        assert any(has_countdown(text) for text in theme.headlines)


def test_our_own_themes_share_no_headline() -> None:
    headlines = [text for theme in OURS.themes for text in theme.headlines]
    own = [text for text in headlines if not has_countdown(text)]
    assert len(set(own)) == len(own)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bf", "black_friday"),
        ("BF ", "black_friday"),
        ("Black Friday", "black_friday"),
        ("blackfriday", "black_friday"),
        ("black-friday", "black_friday"),
        ("black_friday", "black_friday"),
        ("kerst", "kerstmis"),
        ("Xmas", "kerstmis"),
        ("X-mas", "kerstmis"),
        ("Sint", "sinterklaas"),
        ("11-11", "singles_day"),
        ("11.11", "singles_day"),
        ("cyber monday", "cyber_monday"),
        ("friday", None),
        ("", None),
        ("bfg", None),
    ],
)
def test_a_theme_is_found_by_what_people_call_it(text: str, name: str | None) -> None:
    assert theme_name(OURS.theme_named(text)) == name


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("black_friday.csv", "black_friday"),
        ("black_friday_2026_lijst.csv", "black_friday"),
        ("Black Friday (kopie).xlsx", "black_friday"),
        ("BF-lijst 2.xlsx", "black_friday"),
        ("bf.csv.gz", "black_friday"),
        ("bf2026.csv", "black_friday"),
        ("/uploads/bfg/kerst-nl.CSV", "kerstmis"),
        ("x-mas lijst.csv", "kerstmis"),
        ("11.11.csv", "singles_day"),
        ("5 december klanten.csv", "sinterklaas"),
        ("cyber monday.csv", "cyber_monday"),
        ("bfg.csv", None),
        ("lijst bf.csv", None),
        ("black.csv", None),
        ("kerstballen.csv", None),
        (".csv", None),
    ],
)
def test_a_file_is_of_the_theme_that_its_name_begins_with(file_name: str, name: str | None) -> None:
    assert theme_name(OURS.theme_in_file_name(file_name)) == name


def test_the_longest_name_in_a_file_name_wins(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", name="black", title="Black", aliases=[], label="A_{year}")
    catalogue = load_catalogue(tmp_path)
    assert theme_name(catalogue.theme_in_file_name("black_friday_lijst.csv")) == "black_friday"
    assert theme_name(catalogue.theme_in_file_name("black-lijst.csv")) == "black"


@pytest.mark.parametrize(
    ("file_name", "edition"),
    [
        ("bf.csv", "black_friday_2026"),
        ("bf_2027.csv", "black_friday_2027"),
        ("kerst2025-nl.csv", "kerstmis_2025"),
        ("bf 20261127.csv", "black_friday_2026"),
        ("bf lijst 2029.csv", "black_friday_2026"),
        ("lijst.csv", None),
    ],
)
def test_a_year_right_behind_the_theme_in_a_file_name_names_the_edition(
    file_name: str, edition: str | None
) -> None:
    found = OURS.edition_in_file_name(file_name, TODAY)
    assert (found.name if found else None) == edition


@pytest.mark.parametrize(
    ("today", "edition"),
    [
        (date(2026, 11, 29), "black_friday_2026"),
        (date(2026, 11, 30), "black_friday_2027"),
        (date(2027, 1, 15), "black_friday_2027"),
    ],
)
def test_on_its_last_day_an_edition_is_still_the_next_one(today: date, edition: str) -> None:
    found = OURS.resolve("bf", today)
    assert found is not None
    assert found.name == edition


def test_a_theme_that_runs_into_the_new_year_is_found_on_both_sides_of_it(tmp_path: Path) -> None:
    write(tmp_path, "nieuwjaar.yaml", event="01-01", starts=-10, ends=5)
    write(
        tmp_path,
        "oudjaar.yaml",
        name="oudjaar",
        title="Oud",
        aliases=[],
        label="O_{year}",
        event="12-31",
        ends=6,
    )
    catalogue = load_catalogue(tmp_path)
    assert catalogue.problems == ()

    def next_name(theme: str, today: date) -> str:
        edition = catalogue.resolve(theme, today)
        assert edition is not None
        return edition.name

    assert next_name("pasen", date(2026, 12, 28)) == "pasen_2027"
    assert next_name("pasen", date(2027, 1, 6)) == "pasen_2027"
    assert next_name("oudjaar", date(2027, 1, 6)) == "oudjaar_2026"
    assert next_name("oudjaar", date(2027, 1, 7)) == "oudjaar_2027"


@given(today=_DAYS, theme=st.sampled_from(OURS.themes))
def test_the_next_edition_is_the_first_that_has_not_ended(today: date, theme: Any) -> None:
    edition = OURS.next_edition(theme, today)
    assert edition.starts <= edition.event <= edition.ends
    assert edition.ends >= today
    assert OURS.next_edition(theme, edition.ends) == edition
    assert OURS.next_edition(theme, edition.ends + timedelta(days=1)).year == edition.year + 1
    assert OURS.edition(edition.name) == edition


@pytest.mark.parametrize("text", ["black_friday_2025", "Black Friday 2025", "bf-2025", "bf2025", " BF 2025 "])
def test_an_edition_that_is_named_is_that_one_even_when_it_is_over(text: str) -> None:
    edition = OURS.resolve(text, TODAY)
    assert edition is not None
    assert (edition.name, edition.label, edition.done_label) == (
        "black_friday_2025",
        "THEME_BF_2025",
        "THEME_BF_2025_DONE",
    )


@pytest.mark.parametrize("text", ["", "2026", "pasen", "bf 26", "bf 2026 extra", "black_friday_20266"])
def test_what_names_no_theme_resolves_to_nothing(text: str) -> None:
    assert OURS.resolve(text, TODAY) is None


@pytest.mark.parametrize("name", ["pasen_2026", "black_friday", "bf_2026", "black_friday_26", "", "_2026"])
def test_an_edition_that_nobody_knows_is_an_error_that_names_the_themes(name: str) -> None:
    with pytest.raises(ThemeError, match="black_friday, cyber_monday"):
        OURS.edition(name)


@pytest.mark.parametrize(
    ("label", "themed"),
    [
        ("THEME_BF_2026", True),
        ("THEME_BF_2019", True),
        ("THEME_BF_2026_DONE", True),
        ("THEME_KERST_2031", True),
        ("theme_bf_2026", True),
        ("THEMA_BF", True),
        ("THEMA_ORIGINAL", False),
        ("THEME_BF_2026_X", False),
        ("THEME_BF_", False),
        ("THEME_BF_{year}", False),
        ("MY THEME_BF_2026", False),
        ("", False),
    ],
)
def test_labels_of_every_year_and_legacy_ones_mark_themed_ads(label: str, themed: bool) -> None:
    assert OURS.is_themed_label(label) is themed


def test_a_legacy_label_may_hold_a_year_and_signs(tmp_path: Path) -> None:
    write(tmp_path, "pasen.yaml", legacy_labels=["Pasen (oud) {year}"])
    catalogue = load_catalogue(tmp_path)
    assert catalogue.is_themed_label("Pasen (oud) 2020")
    assert not catalogue.is_themed_label("Pasen oud 2020")


def test_a_catalogue_without_themes_knows_nothing() -> None:
    empty = Catalogue(themes=())
    assert empty.resolve("bf", TODAY) is None
    assert not empty.is_themed_label("")
    assert empty.theme_in_file_name("bf.csv") is None


def test_a_users_theme_replaces_ours_and_extends_the_rest(tmp_path: Path) -> None:
    write(
        tmp_path, "mijn.yaml", name="black_friday", title="Black Friday", aliases=["bf"], label="MIJN_{year}"
    )
    write(tmp_path, "pasen.yml")
    (tmp_path / "leesmij.txt").write_text("geen thema", encoding="utf-8")
    catalogue = load_catalogue(tmp_path)
    assert catalogue.problems == ()
    assert len(catalogue.themes) == len(OURS.themes) + 1
    assert catalogue.edition_label("black_friday_2026") == "MIJN_2026"
    assert theme_name(catalogue.theme_named("easter")) == "pasen"


def test_a_broken_file_is_told_and_stops_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "black_friday.yaml", name="black_friday", title="Black Friday", headlines=["Nu!"])
    write(tmp_path, "pasen.yaml")
    (tmp_path / "kapot.yaml").write_text("headlines:\n  - {COUNTDOWN(end,5)} nog", encoding="utf-8")
    (tmp_path / "latin.yaml").write_bytes("title: één".encode("cp1252"))
    (tmp_path / "leeg.yaml").write_text("", encoding="utf-8")
    (tmp_path / "map.yaml").mkdir()
    catalogue = load_catalogue(tmp_path)
    assert catalogue.theme_named("black_friday") == OURS.theme_named("black_friday")
    assert catalogue.theme_named("pasen") is not None
    for file_name, sentence in [
        ("black_friday.yaml: headlines", "'Nu!'"),
        ("kapot.yaml: line 2", "in quotes"),
        ("latin.yaml", "is not UTF-8"),
        ("leeg.yaml", "holds no theme"),
        ("map.yaml", "cannot be read"),
    ]:
        assert any(file_name in problem and sentence in problem for problem in catalogue.problems), file_name


def test_a_folder_that_is_missing_is_a_problem_and_ours_stay(tmp_path: Path) -> None:
    catalogue = load_catalogue(tmp_path / "nergens")
    assert catalogue.themes == OURS.themes
    assert "cannot be read as a folder of themes" in catalogue.problems[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"aliases": ["BF"]}, "aliases: 'bf' is what black_friday is called too"),
        ({"title": "Kerst"}, "aliases: 'kerst' is what kerstmis is called too"),
        ({"label": "THEME_BF_{year}"}, "label: 'THEME_BF_{year}' is the label of black_friday too"),
    ],
)
def test_a_name_or_label_belongs_to_one_theme(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    write(tmp_path, "pasen.yaml", **changes)
    catalogue = load_catalogue(tmp_path)
    assert catalogue.themes == OURS.themes
    assert any(sentence in problem for problem in catalogue.problems)


def test_of_two_files_with_one_name_the_first_is_used(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", title="Eerste")
    write(tmp_path, "b.yaml", title="Tweede")
    catalogue = load_catalogue(tmp_path)
    theme = catalogue.theme_named("pasen")
    assert theme is not None
    assert theme.title == "Eerste"
    assert catalogue.problems == ("b.yaml: name: 'pasen' is taken by a.yaml: choose another",)


def test_a_poor_theme_is_used_and_warned_about(tmp_path: Path) -> None:
    write(tmp_path, "pasen.yaml", headlines=["Een", "Twee", "Drie"])
    catalogue = load_catalogue(tmp_path)
    assert catalogue.theme_named("pasen") is not None
    assert catalogue.warnings[0].startswith("pasen.yaml: headlines: 3 headlines stand")


def test_an_edition_is_made_once_however_often_it_is_asked_for() -> None:
    catalogue = load_catalogue(None)
    assert catalogue.edition("black_friday_2026") is catalogue.edition("black_friday_2026")
