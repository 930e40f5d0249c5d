"""Preflight: Google judges one ad per account and edition before the first is sent, and creates none."""

import logging
from collections.abc import Sequence

from themaads_pipeline.exceptions import AccountStoppedError, AdsError, AdsStoppedError, TransientError
from themaads_pipeline.model.ads import Account, AdContent, NewAd
from themaads_pipeline.model.editions import Edition
from themaads_pipeline.model.lessons import Lesson, LessonKind, lesson_of, meets, occurs_in
from themaads_pipeline.model.planning import Create
from themaads_pipeline.model.texts import normalised
from themaads_pipeline.push.work import Work

__all__ = ["Preflight", "theme_says"]

_log = logging.getLogger(__name__)
_MOST_ADS = 3  # of one edition: a text of the copied ad may hide what the theme's are worth
_LONGEST_S = 60.0


class Preflight:
    """One account's; each edition is looked at once a run, where the launchpad asks for it."""

    def __init__(self, work: Work) -> None:
        """Nothing is asked yet."""
        self._work = work
        self._checked: set[str] = set()

    def learns(self, account: Account, creates: Sequence[Create]) -> bool:
        """Ask about an ad of each edition that was not asked about before; True: something was learned, so
        that these ads have to be planned again.

        What Google finds in a text of the theme is in all of them. What it finds in a copied text concerns
        that ad group alone, and is left to its own request. Each ad asked about counts as an operation.

        Raises:
            TemporaryAdsError, AccountStoppedError, AdsStoppedError: It could not be asked; ask again later.
            FencedError: The upload is not ours any more.
        """
        if not self._work.config.preflight:
            return False
        learned = False
        for edition in sorted({create.item.edition for create in creates} - self._checked):
            new_ads = [create.new_ad for create in creates if create.item.edition == edition]
            lessons = self._lessons_of(account, self._work.catalogue.edition(edition), new_ads)
            self._work.ledger.lessons.learn(self._work.owner, account.customer_id, lessons)
            learned = learned or bool(lessons)
            if self._work.stop.is_set():
                break
            self._checked.add(edition)
        return learned

    def _lessons_of(self, account: Account, edition: Edition, new_ads: Sequence[NewAd]) -> list[Lesson]:
        found: list[Lesson] = []
        of_theme: list[Lesson] = []
        for _ in range(_MOST_ADS):
            unlike = (ad for ad in new_ads if not any(meets(ad.content, lesson) for lesson in found))
            new_ad = next(unlike, None)
            if new_ad is None or self._work.stop.is_set():
                break
            lesson = self._ask(account, new_ad)
            if lesson is None:
                break
            found.append(lesson)
            if lesson.kind is LessonKind.TEXT and theme_says(edition, new_ad.content, lesson.value):
                of_theme.append(lesson)
        return of_theme

    def _ask(self, account: Account, new_ad: NewAd) -> Lesson | None:
        """What one ad teaches; None: it would be created, or is refused for what teaches nothing."""
        work, customer_id = self._work, account.customer_id
        timeout_s = min(work.settings.request_deadline_seconds, _LONGEST_S)
        try:
            with work.pacing.request(customer_id, 1):
                [refused] = work.gateway.validate_ads(account, [new_ad], timeout_s=timeout_s)
        except (TransientError, AccountStoppedError, AdsStoppedError):
            raise
        except AdsError as error:
            _log.warning("account %s: no preflight, the ads are sent without: %s", customer_id, error)
            return None
        if refused is None or refused.retryable:
            return None
        _log.info("preflight in account %s: %s", customer_id, refused.failure.message)
        return lesson_of(new_ad.content, refused.failure)


def theme_says(edition: Edition, content: AdContent, value: str) -> bool:
    """Whether a text of the theme that is in an ad says `value`, and so every ad that has that text."""
    keys = {text.key for text in (*edition.headlines, *edition.descriptions)}
    texts = [
        text.text for text in (*content.headlines, *content.descriptions) if normalised(text.text) in keys
    ]
    if edition.theme.path1:
        texts.append(content.path1)
    return any(occurs_in(text, value) for text in texts)
