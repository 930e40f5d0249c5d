"""What one refusal teaches, and which ads meet it: never more than Google named."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from themaads_pipeline.model.ads import AdContent, AdText, NewAd
from themaads_pipeline.model.lessons import (
    KnownLesson,
    Lesson,
    LessonBook,
    LessonKind,
    lesson_of,
    lessons_of,
    meets,
    occurs_in,
)
from themaads_pipeline.model.outcomes import Category, Created, Failure, Refused
from themaads_pipeline.model.texts import normalised

CODE = "PolicyFindingError.POLICY_FINDING"
CONTENT = AdContent(
    headlines=(AdText("Het Beste Casino"), AdText("Nu voordelig")),
    descriptions=(AdText("Bestel vandaag nog bij bol.com."), AdText("Morgen in huis.")),
    final_urls=("https://www.winkel.nl/schoenen?a={keyword}",),
    path1="Black-Friday",
)


def refusal(trigger: str, *topics: str, types: tuple[str, ...] | None = None, **changes: Any) -> Failure:
    """What Google says of an ad that policy forbids."""
    topics = topics or ("GAMBLING",)
    failure = Failure(
        category=Category.POLICY,
        code=CODE,
        message="No.",
        policy_topics=topics,
        policy_types=types if types is not None else ("PROHIBITED",) * len(topics),
        trigger=trigger,
    )
    return replace(failure, **changes)


def known(lesson: Lesson, number: int = 7) -> KnownLesson:
    """A lesson as the ledger keeps it."""
    return KnownLesson(
        **{name: getattr(lesson, name) for name in Lesson.__dataclass_fields__},
        number=number,
        customer_id=2000000001,
        upload=1,
        learned_at=datetime(2026, 11, 20, tzinfo=UTC),
        expires_at=datetime(2026, 12, 20, tzinfo=UTC),
    )


def text_lesson(value: str) -> Lesson:
    return Lesson(kind=LessonKind.TEXT, value=value, topic="GAMBLING", code=CODE, message="No.")


def new_ad(**changes: Any) -> NewAd:
    return NewAd(
        ad_group_id=1,
        content=replace(CONTENT, **changes),
        copied_ad_id=2,
        copied_ad_status="ENABLED",
        fingerprint="f",
    )


# What is learned


def test_a_text_that_google_names_is_learned_in_lower_case() -> None:
    lesson = lesson_of(CONTENT, refusal(" Beste  CASINO"))
    assert lesson == Lesson(
        kind=LessonKind.TEXT, value="beste casino", topic="GAMBLING", code=CODE, message="No."
    )


@pytest.mark.parametrize(
    ("trigger", "topic"),
    [
        ("https://www.winkel.nl/schoenen?a=b", "MALICIOUS_SOFTWARE"),
        ("https://winkel.nl", "COMPROMISED_SITE"),
        ("www.Winkel.nl", "MALICIOUS_SOFTWARE"),
        ("winkel.nl", "DESTINATION_NOT_CRAWLABLE"),
        ("een tekst van de pagina", "DESTINATION_EXPERIENCE"),
    ],
)
def test_a_page_that_google_names_is_learned_as_its_domain(trigger: str, topic: str) -> None:
    lesson = lesson_of(CONTENT, refusal(trigger, topic))
    assert lesson is not None
    assert (lesson.kind, lesson.value, lesson.topic) == (LessonKind.DOMAIN, "winkel.nl", topic)


def test_a_brand_that_looks_like_a_host_is_a_text_where_the_ad_says_it() -> None:
    lesson = lesson_of(CONTENT, refusal("bol.com", "TRADEMARKS_IN_AD_TEXT"))
    assert lesson is not None
    assert (lesson.kind, lesson.value) == (LessonKind.TEXT, "bol.com")


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (refusal(""), "nothing is named"),
        (refusal("casino", types=()), "whether it forbids is not said"),
        (refusal("casino", types=("LIMITED",)), "it only limits"),
        (refusal("casino", "MISLEADING", "ALCOHOL", types=("PROHIBITED", "LIMITED")), "it may limit only"),
        (refusal("poker"), "the ad does not say it"),
        (refusal("casin"), "the ad says it in no whole word"),
        (refusal("https://elders.nl/", "MALICIOUS_SOFTWARE"), "the ad does not lead there"),
        (refusal("https://[", "MALICIOUS_SOFTWARE"), "it is no URL"),
        (refusal("https://www.winkel.nl/x", "DESTINATION_NOT_WORKING"), "it was so just then"),
        (refusal("https://www.winkel.nl/x", "DESTINATION_MISMATCH"), "it is about two URLs"),
        (refusal("https://www.winkel.nl/x", "GAMBLING", "DESTINATION_NOT_WORKING"), "it may be the page's"),
        (refusal("Nu voordelig", "PUNCTUATION_AND_SYMBOLS"), "it is about form"),
        (refusal("NU VOORDELIG", "CAPITALIZATION"), "it is about form"),
        (refusal("!", "EDITORIAL"), "a mark alone"),
        (refusal("casino", category=Category.INVALID), "policy did not refuse it"),
    ],
)
def test_what_is_in_doubt_teaches_nothing(failure: Failure, why: str) -> None:
    assert lesson_of(CONTENT, failure) is None, why


def test_ads_that_were_created_contradict_what_the_others_teach() -> None:
    forbidden, other = new_ad(), new_ad(headlines=(AdText("Poker"),), final_urls=("https://elders.nl/",))
    refused = [(forbidden, Refused(refusal("casino"))), (other, Refused(refusal("poker")))]
    assert [lesson.value for lesson in lessons_of(refused)] == ["casino", "poker"]
    assert [lesson.value for lesson in lessons_of([*refused, (new_ad(), Created(9))])] == ["poker"]


def test_many_refusals_with_one_cause_are_one_lesson_and_what_is_tried_again_is_none() -> None:
    refused = Refused(refusal("casino"))
    assert len(lessons_of([(new_ad(), refused)] * 5)) == 1
    assert lessons_of([(new_ad(), Refused(refusal("casino"), retryable=True))]) == ()


# Which ads meet a lesson


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("Het Beste  CASINO!", "beste casino", True),
        ("{KeyWord:Casino} korting", "casino", True),
        ("Casinoavond", "casino", False),
        ("Nu 20% korting", "20%", True),
        ("Nu 120% korting", "20%", False),
        ("Één café", "één", True),
        ("!", "!", False),
    ],
)
def test_a_text_is_met_as_whole_words_in_whatever_case(text: str, value: str, found: bool) -> None:
    assert occurs_in(text, value) is found


def test_a_domain_is_met_exactly_with_or_without_www_in_any_url_of_the_ad() -> None:
    book = LessonBook([known(dataclasses.replace(text_lesson("winkel.nl"), kind=LessonKind.DOMAIN))])
    assert book.met_by(CONTENT) is not None
    assert book.met_by(replace(CONTENT, final_urls=("https://shop.winkel.nl/",))) is None
    mobile = replace(CONTENT, final_urls=("https://a.nl/",), final_mobile_urls=("https://Winkel.nl/m",))
    assert book.met_by(mobile) is not None


def test_the_oldest_of_several_lessons_is_told_with_since_when_and_how_to_forget_it() -> None:
    book = LessonBook([known(text_lesson("voordelig"), 9), known(text_lesson("casino"), 4)])
    lesson = book.met_by(CONTENT)
    assert lesson is not None
    failure = lesson.failure()
    assert (failure.category, failure.code, failure.trigger) == (Category.POLICY, CODE, "casino")
    assert (failure.policy_topics, failure.policy_types) == (("GAMBLING",), ("PROHIBITED",))
    assert "since 2026-11-20 (GAMBLING)" in failure.message
    assert "`themaads lessons forget 4`" in failure.message
    assert "after 2026-12-20" in failure.message


def test_without_lessons_nothing_is_met() -> None:
    assert LessonBook().met_by(CONTENT) is None


WORDS = st.sampled_from(
    ["casino", "Casino", "poker", "één", "20%", "bol.com", "c++", "-", "!", "ß", "İ", "nu", "e\u0301"]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join) | st.text(max_size=12)
CONTENTS = st.builds(
    AdContent,
    headlines=st.lists(TEXTS.map(AdText), max_size=3).map(tuple),
    descriptions=st.lists(TEXTS.map(AdText), max_size=2).map(tuple),
    final_urls=st.lists(
        st.sampled_from(["https://www.a.nl/x", "https://b.a.nl/", "http://[", "{lpurl}"]), max_size=2
    ).map(tuple),
    path1=TEXTS,
)
LESSONS = st.builds(
    Lesson,
    kind=st.sampled_from(LessonKind),
    value=TEXTS.map(normalised) | st.just("a.nl"),
    topic=st.just("GAMBLING"),
    code=st.just(CODE),
    message=st.just("No."),
)


@given(CONTENTS, st.lists(LESSONS, max_size=5))
def test_a_book_finds_what_its_lessons_say_one_by_one(content: AdContent, lessons: list[Lesson]) -> None:
    numbered = [known(lesson, number) for number, lesson in enumerate(lessons)]
    expected = next((lesson for lesson in numbered if meets(content, lesson)), None)
    book = LessonBook(numbered)
    assert book.met_by(content) == expected
    assert book.met_by(content) == expected, "asked again"


@given(
    st.lists(st.tuples(CONTENTS, TEXTS, st.booleans()), max_size=5),
    st.sampled_from(["GAMBLING", "DESTINATION_EXPERIENCE"]),
)
def test_no_lesson_keeps_an_ad_back_that_google_took_and_each_is_met_by_its_own_ad(
    sent: list[tuple[AdContent, str, bool]], topic: str
) -> None:
    ads = [
        (replace(new_ad(), content=content), Created(1) if taken else Refused(refusal(trigger, topic)))
        for content, trigger, taken in sent
    ]
    for lesson in lessons_of(ads):
        assert lesson.value
        assert not any(meets(ad.content, lesson) for ad, result in ads if isinstance(result, Created))
        assert any(meets(ad.content, lesson) for ad, result in ads if isinstance(result, Refused))
