"""Lessons: what Google's policy refused in an account, so that no other ad there is sent with it. Pure.

A wrong lesson keeps good ads back for weeks, and a missing one costs an operation. So nothing is learned from
a finding whose cause is not named beyond doubt.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from themaads_pipeline.model.ads import AdContent, NewAd
from themaads_pipeline.model.outcomes import Category, Created, Failure, Refused, Result
from themaads_pipeline.model.texts import normalised

__all__ = [
    "KnownLesson",
    "Lesson",
    "LessonBook",
    "LessonKind",
    "lesson_of",
    "lessons_of",
    "meets",
    "occurs_in",
]

_FORBIDS = "PROHIBITED"
_OF_DESTINATIONS = "DESTINATION_"
# What says nothing of the next ad: a page that did not open just then, URLs that do not fit each other, sites
# that do not fit within one ad group.
_OF_THIS_AD_ALONE = frozenset({"DESTINATION_NOT_WORKING", "DESTINATION_MISMATCH", "ONE_WEBSITE_PER_AD_GROUP"})
# How a text is written, which another place or another case makes good: "GRATIS", an exclamation mark.
_OF_FORM = re.compile("PUNCTUATION|SYMBOL|CAPITALI[SZ]ATION|SPACING|REPETITION")
_WORD = re.compile(r"\w+")
_MOST_KEPT = 50_000  # texts whose judgement is kept


class LessonKind(StrEnum):
    """What a lesson is about."""

    TEXT = "text"  # a word or phrase in one of an ad's texts
    DOMAIN = "domain"  # the host of one of its landing pages


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """What one refusal teaches. `value` as `normalised` writes it; a domain without `www.`."""

    kind: LessonKind
    value: str
    topic: str  # Google's policy topic: GAMBLING
    code: str  # of the refusal, PolicyFindingError.POLICY_FINDING
    message: str  # in Google's words


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownLesson(Lesson):
    """A lesson of one account, as the ledger keeps it."""

    number: int
    customer_id: int
    upload: int | None  # whose ad was refused; None: that upload is gone
    learned_at: datetime
    expires_at: datetime

    def failure(self) -> Failure:
        """Why an ad that meets it is not sent."""
        return Failure(
            category=Category.POLICY,
            code=self.code,
            message=(
                f"not sent: {self.value!r} is refused in this account since {self.learned_at:%Y-%m-%d} "
                f"({self.topic}). Change it, or, when Google allows it now, `themaads lessons forget "
                f"{self.number}`; it is tried again after {self.expires_at:%Y-%m-%d}"
            ),
            policy_topics=(self.topic,),
            policy_types=(_FORBIDS,),
            trigger=self.value,
        )


def lessons_of(sent: Iterable[tuple[NewAd, Result]]) -> tuple[Lesson, ...]:
    """What ads that were sent together teach: nothing that one of them, which was created, contradicts."""
    created: list[NewAd] = []
    lessons: dict[tuple[LessonKind, str, str], Lesson] = {}
    for new_ad, result in sent:
        if isinstance(result, Created):
            created.append(new_ad)
        elif isinstance(result, Refused) and not result.retryable:
            lesson = lesson_of(new_ad.content, result.failure)
            if lesson is not None:
                lessons.setdefault((lesson.kind, lesson.value, lesson.topic), lesson)
    return tuple(
        lesson for lesson in lessons.values() if not any(meets(ad.content, lesson) for ad in created)
    )


def lesson_of(content: AdContent, failure: Failure) -> Lesson | None:
    """What the refusal of this ad teaches; None: nothing.

    Every topic has to forbid the ad: where one only limits it, the text that Google names may be that one's.
    The ad itself has to meet the lesson: a text of its landing page, for one, tells nothing of its texts.
    """
    topics, trigger = failure.policy_topics, failure.trigger.strip()
    if failure.category is not Category.POLICY or not topics or not trigger:
        return None
    if len(failure.policy_types) != len(topics) or any(kind != _FORBIDS for kind in failure.policy_types):
        return None
    if any(topic in _OF_THIS_AD_ALONE or _OF_FORM.search(topic) for topic in topics):
        return None
    kind, value = _cause(content, topics[0], trigger)
    lesson = Lesson(kind=kind, value=value, topic=topics[0], code=failure.code, message=failure.message)
    return lesson if meets(content, lesson) else None


def meets(content: AdContent, lesson: Lesson) -> bool:
    """Whether an ad has what the lesson is about."""
    if lesson.kind is LessonKind.DOMAIN:
        return lesson.value in _domains(content)
    return any(occurs_in(text, lesson.value) for text in _texts(content))


def occurs_in(text: str, value: str) -> bool:
    """Whether a text says `value` (as `normalised` writes it), as whole words, in whatever case.

    >>> occurs_in("Het Beste  Casino!", "beste casino"), occurs_in("Casinoavond", "casino")
    (True, False)
    """
    return _has_word(value) and _phrase(value).search(normalised(text)) is not None


class LessonBook:
    """One account's lessons, to be asked about thousands of ads."""

    def __init__(self, lessons: Sequence[KnownLesson] = ()) -> None:
        """Keep them; of several that an ad meets the oldest is told."""
        self._domains: dict[str, KnownLesson] = {}
        self._by_word: dict[str, list[tuple[re.Pattern[str], KnownLesson]]] = defaultdict(list)
        self._known: dict[str, KnownLesson | None] = {}  # a theme's texts come by in every ad
        texts: dict[KnownLesson, set[str]] = {}
        for lesson in sorted(lessons, key=_by_age):
            if lesson.kind is LessonKind.DOMAIN:
                self._domains.setdefault(lesson.value, lesson)
            elif _has_word(lesson.value):
                texts[lesson] = set(_WORD.findall(lesson.value))
        count = Counter(word for words in texts.values() for word in words)
        for lesson, words in texts.items():
            rarest = min(words, key=lambda word: (count[word], word))
            self._by_word[rarest].append((_phrase(lesson.value), lesson))

    def met_by(self, content: AdContent) -> KnownLesson | None:
        """The first lesson that an ad with this content meets."""
        found: list[KnownLesson] = []
        if self._domains:
            found += [self._domains[host] for host in _domains(content) if host in self._domains]
        if self._by_word:
            found += filter(None, map(self._said_in, _texts(content)))
        return min(found, key=_by_age, default=None)

    def _said_in(self, text: str) -> KnownLesson | None:
        if text not in self._known:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[text] = min(self._all_said_in(normalised(text)), key=_by_age, default=None)
        return self._known[text]

    def _all_said_in(self, text: str) -> Iterator[KnownLesson]:
        for word in self._by_word.keys() & set(_WORD.findall(text)):
            for phrase, lesson in self._by_word[word]:
                if phrase.search(text):
                    yield lesson


def _by_age(lesson: KnownLesson) -> int:
    return lesson.number


def _cause(content: AdContent, topic: str, trigger: str) -> tuple[LessonKind, str]:
    """A URL is a domain, and so is what Google finds in the destination; everything else is a text."""
    if "://" in trigger:
        return LessonKind.DOMAIN, _host(trigger)
    named = _host(f"//{trigger}")
    if topic.startswith(_OF_DESTINATIONS):
        landing = _host(content.final_urls[0]) if content.final_urls else ""
        return LessonKind.DOMAIN, named if named in _domains(content) else landing
    value = normalised(trigger)
    if named in _domains(content) and not any(occurs_in(text, value) for text in _texts(content)):
        return LessonKind.DOMAIN, named
    return LessonKind.TEXT, value


def _texts(content: AdContent) -> Iterator[str]:
    for text in (*content.headlines, *content.descriptions):
        yield text.text
    yield from filter(None, (content.path1, content.path2))


def _domains(content: AdContent) -> set[str]:
    return {host for url in (*content.final_urls, *content.final_mobile_urls) if (host := _host(url))}


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _has_word(value: str) -> bool:
    """A mark alone ("!") is good in one place and not in another."""
    return any(character.isalnum() for character in value)


def _phrase(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
