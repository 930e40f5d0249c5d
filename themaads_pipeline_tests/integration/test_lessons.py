"""Lessons in the ledger: learned of real refusals, applied in planning, seen and forgotten by a person."""

import time
from collections.abc import Sequence

import psycopg
import pytest

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import FencedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.lessons import Lesson, LessonKind, lessons_of
from themaads_pipeline.model.outcomes import Created
from themaads_pipeline.model.planning import LabelBook
from themaads_pipeline.push.dry_run import PlannedRequests, items_of_rows, plan_upload
from themaads_pipeline.push.snapshot import Plans, local_now, look, plan_items
from themaads_pipeline.push.work import Work
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.moment import NOW
from themaads_pipeline_tests.policies import products, seeded
from themaads_pipeline_tests.pushing import EDITION, AdGroupRef, Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator

THEME_WORD = {"word": "profiteer", "topic": "MISLEADING"}  # a headline of Black Friday


def lesson(value: str = "casino", *, topic: str = "GAMBLING", message: str = "No.") -> Lesson:
    return Lesson(kind=LessonKind.TEXT, value=value, topic=topic, code="PolicyError.X", message=message)


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


@pytest.fixture
def work(pusher: Pusher) -> Work:
    """A run that owns an upload of two accounts with three ad groups each."""
    return pusher.work(pusher.submit(seeded(pusher.emulator, THEME_WORD, accounts=2, ad_groups=6)))


def planned(work: Work, customer_id: int) -> Plans:
    """What a push would do in an account now, as it plans it."""
    account = work.accounts[customer_id]
    items = work.ledger.rows.open_items(work.owner.upload, customer_id, ItemState.PENDING, limit=1_000)
    return plan_items(
        items,
        look(work.ledger, work.gateway, account, items),
        catalogue=work.catalogue,
        labels=LabelBook(ids=work.gateway.read_labels(account)),
        local_now=local_now(account, work.clock()),
        lessons=work.ledger.lessons.of_account(customer_id),
    )


def send(work: Work, customer_id: int) -> int:
    """Send what is planned, and learn of the answers; returns how many ads were made."""
    new_ads = [create.new_ad for create in planned(work, customer_id).creates]
    result = work.gateway.create_ads(work.accounts[customer_id], new_ads, timeout_s=20)
    lessons = lessons_of(zip(new_ads, result.results, strict=True))
    work.ledger.lessons.learn(work.owner, customer_id, lessons)
    return sum(isinstance(outcome, Created) for outcome in result.results)


# Learned and applied


def test_a_theme_text_that_was_refused_once_is_not_sent_again_in_that_account_alone(work: Work) -> None:
    first, second = sorted({account for account in work.accounts if not work.accounts[account].manager})
    assert send(work, first) == 0
    [known] = work.ledger.lessons.of_account(first)
    assert (known.kind, known.value, known.topic) == (LessonKind.TEXT, "profiteer", "MISLEADING")
    assert (known.upload, known.code) == (work.owner.upload, "PolicyFindingError.POLICY_FINDING")

    plans = planned(work, first)
    assert not plans.creates
    assert {refusal.failure.trigger for refusal in plans.refusals} == {"profiteer"}
    assert all(f"lessons forget {known.number}" in each.failure.message for each in plans.refusals)
    assert len(planned(work, second).creates) == 3


def test_a_copied_text_that_was_refused_keeps_back_the_ads_that_have_it(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, ad_groups=300)
    customer_id = refs[0][0]
    by_ad_group = products(pusher.emulator, customer_id)
    word = by_ad_group[refs[0][1]]
    concerned = sum(product == word for product in by_ad_group.values())
    seeded(pusher.emulator, {"word": word, "topic": "TRADEMARKS_IN_AD_TEXT"}, ad_groups=300)
    work = pusher.work(pusher.submit(refs))
    assert send(work, customer_id) == 300 - concerned
    [known] = work.ledger.lessons.of_account(customer_id)
    assert known.value == word.lower()
    # The others are there; not one of these is sent again.
    plans = planned(work, customer_id)
    assert (len(plans.refusals), len(plans.creates)) == (concerned, 0)


def test_a_site_that_was_refused_is_learned_by_its_domain(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator, {"domain": "winkel1.nl", "topic": "MALICIOUS_SOFTWARE"})
    work = pusher.work(pusher.submit(refs))
    assert send(work, refs[0][0]) == 0
    [known] = work.ledger.lessons.of_account(refs[0][0])
    assert (known.kind, known.value, known.topic) == (LessonKind.DOMAIN, "winkel1.nl", "MALICIOUS_SOFTWARE")
    assert not planned(work, refs[0][0]).creates


def test_a_page_that_did_not_open_teaches_nothing(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator)
    pusher.emulator.faults([{"kind": "throttled_site", "domain": "winkel1.nl", "per_second": 1}])
    work = pusher.work(pusher.submit(refs))
    send(work, refs[0][0])
    assert work.ledger.lessons.all() == []


def dry_run(pusher: Pusher, refs: Sequence[AdGroupRef]) -> PlannedRequests:
    rows = [(line, account, ad_group, EDITION) for line, (account, ad_group) in enumerate(refs, start=2)]
    requests = PlannedRequests()
    outcomes = plan_upload(
        items_of_rows(rows),
        ledger=pusher.ledger,
        gateway=pusher.gateway,
        catalogue=pusher.catalogue,
        clock=lambda: NOW,
        requests=requests,
    )
    assert all(not outcome.message or "lessons forget" in outcome.message for outcome in outcomes)
    return requests


def test_a_dry_run_knows_the_lessons_and_a_forgotten_one_does_not_count(pusher: Pusher) -> None:
    refs = seeded(pusher.emulator)
    work = pusher.work(pusher.submit(refs))
    work.ledger.lessons.learn(work.owner, refs[0][0], [lesson("black friday")])
    planned = dry_run(pusher, refs)
    assert planned.outcomes == {("fail", "PolicyError.X"): 6}
    assert planned.ads == 0
    [known] = work.ledger.lessons.all()
    assert work.ledger.lessons.forget(number=known.number) == 1
    assert dry_run(pusher, refs).outcomes == {("create", ""): 6}


# In the ledger


def test_a_lesson_that_comes_back_holds_for_longer_and_keeps_its_beginning(
    work: Work, database_url: str
) -> None:
    lessons = work.ledger.lessons
    lessons.learn(work.owner, 1, [lesson(message="First."), lesson(message="First."), lesson("poker")])
    first, poker = lessons.of_account(1)
    assert round((first.expires_at - first.learned_at).total_seconds()) == 30 * 86_400
    lessons.learn(work.owner, 1, [lesson(message="Again.")])
    again, same = lessons.of_account(1)
    assert (again.number, again.message, again.learned_at) == (first.number, "First.", first.learned_at)
    assert again.expires_at > first.expires_at
    assert same == poker

    with psycopg.connect(database_url) as connection:
        connection.execute("update themaads.lesson set expires_at = clock_timestamp()")
    assert lessons.of_account(1) == []
    lessons.learn(work.owner, 1, [lesson(message="Anew.")])
    [anew] = lessons.of_account(1)
    assert (anew.number, anew.message) == (first.number, "Anew.")
    assert anew.learned_at > first.learned_at
    assert [known.value for known in lessons.all()] == ["casino", "poker"]
    assert lessons.forget(only_expired=True) == 1


def test_a_lesson_holds_for_the_days_that_are_set(work: Work, settings: Settings) -> None:
    short = settings.model_copy(update={"lesson_days": 1.5 / 86_400})
    with Ledger(str(settings.database_url), short) as ledger:
        ledger.lessons.learn(work.owner, 1, [lesson()])
        assert len(ledger.lessons.of_account(1)) == 1
        time.sleep(1.6)
        assert ledger.lessons.of_account(1) == []


def test_accounts_are_forgotten_one_by_one_or_all_at_once(work: Work) -> None:
    lessons = work.ledger.lessons
    for customer_id in (1, 2, 3):
        lessons.learn(work.owner, customer_id, [lesson(), lesson("poker")])
    assert lessons.forget(customer_id=2) == 2
    assert {known.customer_id for known in lessons.all()} == {1, 3}
    assert lessons.forget() == 4
    assert lessons.forget(number=1) == 0


def test_a_run_that_was_shut_out_teaches_nothing(pusher: Pusher, work: Work) -> None:
    pusher.work(work.owner.upload)
    with pytest.raises(FencedError):
        work.ledger.lessons.learn(work.owner, 1, [lesson()])
    assert work.ledger.lessons.all() == []
