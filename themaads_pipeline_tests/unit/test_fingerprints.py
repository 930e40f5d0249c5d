"""A fingerprint survives what Google does to an ad, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from themaads_pipeline.model.ads import AdContent, AdText
from themaads_pipeline.model.fingerprints import fingerprint

_AD = AdContent(
    headlines=(AdText("Schoenen"), AdText("Rode Sokken", "HEADLINE_1"), AdText("Sale")),
    descriptions=(AdText("Alles in de aanbieding."), AdText("Snel in huis.")),
    final_urls=("https://a.nl/?campaign_theme=1",),
    path1="Sale",
    path2="Nu",
)
_SPACES = st.sampled_from(["", " ", "  ", "\t", "\xa0"])


@given(st.data())
def test_order_and_spaces_do_not_count(data: st.DataObject) -> None:
    def disturbed(texts: tuple[AdText, ...]) -> tuple[AdText, ...]:
        return tuple(
            AdText(data.draw(_SPACES) + text.text.replace(" ", "  ") + data.draw(_SPACES), text.pin)
            for text in data.draw(st.permutations(texts))
        )

    returned = replace(_AD, headlines=disturbed(_AD.headlines), descriptions=disturbed(_AD.descriptions))
    assert fingerprint(returned) == fingerprint(_AD)


@pytest.mark.parametrize(
    "changed",
    [
        replace(_AD, headlines=_AD.headlines[:2]),
        replace(_AD, headlines=(AdText("schoenen"), *_AD.headlines[1:])),
        replace(_AD, headlines=(AdText("Schoenen", "HEADLINE_2"), *_AD.headlines[1:])),
        replace(_AD, headlines=(*_AD.headlines, _AD.descriptions[0]), descriptions=_AD.descriptions[1:]),
        replace(_AD, descriptions=(AdText("Iets anders."), *_AD.descriptions[1:])),
        replace(_AD, final_urls=("https://a.nl/?campaign_theme=2",)),
        replace(_AD, path1="Nu", path2="Sale"),
        replace(_AD, path2=""),
    ],
)
def test_a_change_that_a_searcher_sees_makes_another_fingerprint(changed: AdContent) -> None:
    assert fingerprint(changed) != fingerprint(_AD)


def test_tracking_and_identity_do_not_count_since_they_may_not_come_back() -> None:
    stripped = replace(_AD, url_custom_parameters=(("a", "b"),), tracking_url_template="{lpurl}")
    assert fingerprint(stripped) == fingerprint(_AD)


def test_a_fingerprint_is_short_and_the_same_in_every_process() -> None:
    assert fingerprint(AdContent(headlines=(), descriptions=(), final_urls=())) == (
        "9d731309fceb195715e92cc8c9bba422"
    )
