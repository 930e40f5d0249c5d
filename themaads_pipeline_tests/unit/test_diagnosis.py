"""What the doctor makes of what it saw."""

from datetime import UTC, date, datetime

import pytest

from themaads_pipeline.cli import diagnosis
from themaads_pipeline.cli.diagnosis import Finding, Level
from themaads_pipeline.model.ads import Account
from themaads_pipeline.themes.catalogue import load_catalogue

SHOP, OTHER, MANAGER = 2000000001, 2000000002, 1000000001


def account(customer_id: int, *, status: str = "ENABLED", login: int | None = MANAGER) -> Account:
    return Account(
        customer_id=customer_id,
        name="Shop",
        login_customer_id=login,
        time_zone="Europe/Amsterdam",
        status=status,
        manager=customer_id == MANAGER,
    )


@pytest.mark.parametrize(
    ("free", "files_left", "level"),
    [
        (5 * 1024**3, None, "ok"),
        (500 * 1024**2, 9, "warn"),
        (64 * 1024, 9, "WRONG"),
        (5 * 1024**3, 0, "WRONG"),
    ],
)
def test_room_on_a_disk(free: int, files_left: int | None, level: str) -> None:
    assert diagnosis.free_space("home", "/home", free=free, files_left=files_left).level == level


@pytest.mark.parametrize(
    ("ahead_s", "level", "said"),
    [
        (0.4, "ok", "0 s apart"),
        (-4.9, "ok", "5 s apart"),
        (7, "warn", "7 s ahead"),
        (-61, "WRONG", "61 s behind"),
    ],
)
def test_a_clock_is_off_by_some_seconds_or_by_a_minute(ahead_s: float, level: str, said: str) -> None:
    found = diagnosis.clock("Google", ahead_s=ahead_s)
    assert found.level == level
    assert said in found.text


@pytest.mark.parametrize(
    ("ages_s", "runs", "level"),
    [
        ({}, False, "warn"),
        ({"sensor": None}, False, "warn"),
        ({"sensor": 31.0, "backfill": -1.0}, False, "ok"),
        ({"sensor": 31.0, "backfill": 900.0}, True, "WRONG"),
        ({"sensor": 900.0, "backfill": None}, False, "warn"),
        ({"sensor": None}, True, "WRONG"),
    ],
)
def test_a_daemon_is_alive_or_silent_or_there_is_none(
    ages_s: dict[str, float | None], runs: bool, level: str
) -> None:
    assert diagnosis.daemon(ages_s, stack_runs=runs).level == level


def test_a_sensor_that_is_switched_off_is_wrong_where_uploads_need_it() -> None:
    def level(*, needed: bool = True, stopped: bool = False, error: str = "") -> Level:
        return diagnosis.sensor("x", is_needed=needed, is_stopped=stopped, last_error=error).level

    assert [level(), level(stopped=True), level(needed=False, stopped=True), level(error="no")] == [
        "ok", "WRONG", "warn", "warn",
    ]  # fmt: skip


def test_operations_that_are_gone_spent_or_nearly_spent() -> None:
    def level(used: int, budget: int | None, gone_until: datetime | None = None) -> Level:
        return diagnosis.operations(gone_until=gone_until, used=used, budget=budget).level

    assert level(10**9, None) == "ok"
    assert [level(used, 1_000) for used in (0, 899, 900, 1_000)] == ["ok", "ok", "warn", "WRONG"]
    assert level(0, None, datetime(2026, 11, 24, 8, tzinfo=UTC)) == "WRONG"


def test_accounts_are_counted_by_the_manager_they_are_reached_through() -> None:
    reached = [
        account(MANAGER),
        account(SHOP),
        account(OTHER, status="CANCELED"),
        account(3000000001, login=None),
    ]
    found = list(diagnosis.accounts_within_reach(reached, {3000000002: "it is closed"}))
    assert [str(each.level) for each in found] == ["ok", "warn"]
    assert found[0].text == "3 within reach (2 through 100-000-0001, 1 directly), 1 of them canceled"
    assert found[1].text == "300-000-0002 cannot be read: it is closed"
    nowhere = list(diagnosis.accounts_within_reach([account(MANAGER)], {}))
    assert [each.level for each in nowhere] == ["WRONG"]


def file_accounts(
    rows: dict[int, int], *accounts: Account, tests: frozenset[int] = frozenset()
) -> list[Finding]:
    reached = {each.customer_id: each for each in accounts}
    return list(diagnosis.file_accounts("file x.csv", rows, reached, test_accounts=tests))


def test_each_account_of_a_file_that_can_have_no_ads_is_named_with_its_rows_the_most_first() -> None:
    rows = {SHOP: 1, OTHER: 5, MANAGER: 2, 9: 40, 3000000001: 7}
    found = file_accounts(
        rows,
        account(SHOP),
        account(OTHER, status="SUSPENDED"),
        account(MANAGER),
        account(3000000001),
        tests=frozenset({3000000001}),
    )
    assert [each.text.partition(":")[0] for each in found] == [
        "40 rows of 000-000-0009 would fail",
        "5 rows of 200-000-0002 would fail",
        "2 rows of 100-000-0001 would fail",
        "7 rows of 300-000-0001",
        "2 of 5 accounts can have ads",
    ]
    assert [str(each.level) for each in found] == ["WRONG", "WRONG", "WRONG", "warn", "ok"]


def test_when_not_one_account_of_a_file_can_be_reached_the_manager_is_the_wrong_one() -> None:
    found = file_accounts(dict.fromkeys(range(1, 31), 2), account(SHOP))
    assert len(found) == 22
    assert found[20].text == "and 10 more accounts, with 20 rows"
    assert "login_customer_id" in found[21].text
    assert {each.level for each in found} == {Level.WRONG}


def test_rows_for_an_edition_that_is_over_are_told() -> None:
    rows = {"black_friday_2024": 3, "black_friday_2099": 1}
    [found] = diagnosis.ended_editions("file x", rows, load_catalogue(None), today=date(2026, 11, 28))
    assert found.text == "3 rows would fail: Black Friday 2024 ended on 2024-12-01"
