"""A theme's parameters go into the query, and no other byte of a URL changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from themaads_pipeline.model.landing_urls import query_pairs, with_parameters

_PAIR = "campaign_theme=1"


@pytest.mark.parametrize(
    ("url", "themed"),
    [
        ("https://a.nl", "https://a.nl?campaign_theme=1"),
        ("https://a.nl/", "https://a.nl/?campaign_theme=1"),
        ("https://a.nl/?", "https://a.nl/?campaign_theme=1"),
        ("https://a.nl/?b=c", "https://a.nl/?b=c&campaign_theme=1"),
        ("https://a.nl/?b=c&", "https://a.nl/?b=c&campaign_theme=1"),
        ("https://a.nl/??", "https://a.nl/??&campaign_theme=1"),
        ("https://a.nl/x&", "https://a.nl/x&?campaign_theme=1"),
        ("https://a.nl/#top", "https://a.nl/?campaign_theme=1#top"),
        ("https://a.nl/?z=1&a=2#top?x=y", "https://a.nl/?z=1&a=2&campaign_theme=1#top?x=y"),
        ("https://a.nl/?q=rode+sok%20%2B&e=", "https://a.nl/?q=rode+sok%20%2B&e=&campaign_theme=1"),
        ("{lpurl}?k={keyword}", "{lpurl}?k={keyword}&campaign_theme=1"),
        ("https://a.nl/{ignore}?k={ifmobile:m}#x", "https://a.nl/{ignore}?k={ifmobile:m}&campaign_theme=1#x"),
        ("https://a.nl/?a=1{ifmobile:#m}", "https://a.nl/?a=1&campaign_theme=1{ifmobile:#m}"),
        (
            "https://a.nl/?a=1{ifmobile:{keyword}#m}",
            "https://a.nl/?a=1&campaign_theme=1{ifmobile:{keyword}#m}",
        ),
        ("https://t.nl/?u=https://a.nl/?b=c", "https://t.nl/?u=https://a.nl/?b=c&campaign_theme=1"),
        ("https://a.nl/?campaign_theme=0", "https://a.nl/?campaign_theme=0&campaign_theme=1"),
        ("https://a.nl/?xcampaign_theme=1", "https://a.nl/?xcampaign_theme=1&campaign_theme=1"),
        ("https://a.nl/?campaign_theme=10", "https://a.nl/?campaign_theme=10&campaign_theme=1"),
        ("https://a.nl/#campaign_theme=1", "https://a.nl/?campaign_theme=1#campaign_theme=1"),
    ],
)
def test_the_parameter_is_put_at_the_end_of_the_query(url: str, themed: str) -> None:
    assert with_parameters(url, [_PAIR]) == themed


@pytest.mark.parametrize(
    "url", ["https://a.nl/?campaign_theme=1", "https://a.nl/?a=b&campaign_theme=1&c=d#x", "?campaign_theme=1"]
)
def test_a_parameter_that_is_there_is_not_added_again(url: str) -> None:
    assert with_parameters(url, [_PAIR]) == url


def test_several_parameters_keep_their_order() -> None:
    assert with_parameters("https://a.nl?b=1", ["a=1", "b=1", "c="]) == "https://a.nl?b=1&a=1&c="


@given(st.text(alphabet="ab/?&=#{}+%20:.é ") | st.text())
def test_taking_the_insertion_out_gives_back_every_byte(url: str) -> None:
    themed = with_parameters(url, [_PAIR])
    assert themed == url or any(
        themed[:at] + themed[at + len(inserted) :] == url
        for inserted in (_PAIR, "&" + _PAIR, "?" + _PAIR)
        for at in range(len(themed))
        if themed.startswith(inserted, at)
    )
    assert with_parameters(themed, [_PAIR]) == themed
    assert _PAIR in query_pairs(themed)
