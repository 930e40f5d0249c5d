"""What `themaads doctor` makes of what it saw: pure decisions, each a finding for one line."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from themaads_pipeline.model.accounts import dashed, unusable
from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.catalogue import Catalogue

__all__ = [
    "Finding",
    "Level",
    "accounts_within_reach",
    "clock",
    "daemon",
    "ended_editions",
    "file_accounts",
    "free_space",
    "in_words",
    "operations",
    "sensor",
    "themes",
]

_MEGABYTE = 1024**2
_LEAST_SPACE, _LOW_SPACE = 200 * _MEGABYTE, 1024 * _MEGABYTE  # a report of a million items has 400 MB
_CLOCK_OFF_S, _CLOCK_WRONG_S = 5.0, 60.0  # a token for a service account carries the time it was asked for
_ALIVE_S = 120.0  # Dagster's daemon gives a sign of life every 30 s
_NEARLY_USED = 0.9
_ACCOUNTS_SHOWN = 20
_NAMED = 8


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # a run goes on, or it will be needed later
    WRONG = "WRONG"  # it stops a run, or part of one


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one check found."""

    level: Level
    name: str
    text: str


def free_space(name: str, folder: str, *, free: int, files_left: int | None) -> Finding:
    """Whether a folder that can be written to has room; `free` in bytes, `files_left`: None where no such
    limit is known.
    """
    space = f"{folder}, {_size(free)} free"
    if files_left == 0:
        return Finding(level=Level.WRONG, name=name, text=f"{folder}: its disk takes no more files (inodes)")
    if free < _LEAST_SPACE:
        return Finding(
            level=Level.WRONG, name=name, text=f"{space}: free some, {_size(_LOW_SPACE)} or more are good"
        )
    if free < _LOW_SPACE:
        return Finding(level=Level.WARN, name=name, text=f"{space}: a large upload may need more")
    return Finding(level=Level.OK, name=name, text=space)


def clock(against: str, *, ahead_s: float) -> Finding:
    """How far this machine's clock is ahead of another one."""
    name, off_s = f"clock against {against}", abs(ahead_s)
    if off_s <= _CLOCK_OFF_S:
        return Finding(level=Level.OK, name=name, text=f"{off_s:.0f} s apart")
    level = Level.WRONG if off_s > _CLOCK_WRONG_S else Level.WARN
    how = "ahead of it" if ahead_s > 0 else "behind it"
    text = f"this machine is {off_s:,.0f} s {how}: let both follow a time server (NTP)"
    return Finding(level=level, name=name, text=text)


def daemon(ages_s: Mapping[str, float | None], *, stack_runs: bool) -> Finding:
    """Whether Dagster's daemon lives.

    Args:
        ages_s: For how long each of its parts gave no sign of life; None: it never did.
        stack_runs: Whether the stack that runs here has a daemon process.
    """
    name = "dagster's daemon"
    seen = {part: age_s for part, age_s in ages_s.items() if age_s is not None}
    if not seen and not stack_runs:
        text = "none has run with this database: uploads wait until `themaads up` starts one"
        return Finding(level=Level.WARN, name=name, text=text)
    silent = [part for part in ages_s if seen.get(part, _ALIVE_S + 1) > _ALIVE_S]
    if not silent:
        text = f"alive, the last sign of life {max(0.0, *seen.values()):.0f} s ago"
        return Finding(level=Level.OK, name=name, text=text)
    if not stack_runs:
        text = f"the last sign of life was {_ago(min(seen.values()))} ago: uploads wait until `themaads up`"
        return Finding(level=Level.WARN, name=name, text=text)
    text = f"it runs, and {', '.join(sorted(silent))} gave no sign of life for {_ALIVE_S:.0f} s: restart it"
    return Finding(level=Level.WRONG, name=name, text=text)


def sensor(name: str, *, is_needed: bool, is_stopped: bool, last_error: str) -> Finding:
    """Whether a sensor looks; `last_error`: of its last look, empty when that went well."""
    title = f"sensor {name}"
    if is_stopped:
        level = Level.WRONG if is_needed else Level.WARN
        return Finding(level=level, name=title, text="switched off: switch it on in Dagster (Automation)")
    if last_error:
        return Finding(level=Level.WARN, name=title, text=f"its last look failed: {last_error}")
    return Finding(level=Level.OK, name=title, text="switched on")


def operations(*, gone_until: datetime | None, used: int, budget: int | None) -> Finding:
    """What is left of the day's operations."""
    name, of_budget = "operations of the day", "" if budget is None else f" of {budget:,}"
    sent = f"{used:,}{of_budget} in the last 24 hours"
    if gone_until is not None:
        until = f"{gone_until.astimezone():%Y-%m-%d %H:%M}"
        text = (
            f"Google says that they are used up until {until}; {sent}. Uploads wait until then by themselves"
        )
        return Finding(level=Level.WRONG, name=name, text=text)
    if budget is not None and used >= budget:
        text = (
            f"the budget is used up ({sent}): uploads wait by themselves, or raise THEMAADS_DAILY_OPERATIONS"
        )
        return Finding(level=Level.WRONG, name=name, text=text)
    nearly = budget is not None and used >= budget * _NEARLY_USED
    return Finding(level=Level.WARN if nearly else Level.OK, name=name, text=sent)


def themes(catalogue: Catalogue, *, today: date, own: bool) -> Iterator[Finding]:
    """The themes, and what is wrong with some."""
    for problem in catalogue.problems:
        yield Finding(level=Level.WRONG, name="themes", text=problem)
    for warning in catalogue.warnings:
        yield Finding(level=Level.WARN, name="themes", text=warning)
    editions = sorted(
        (catalogue.next_edition(theme, today) for theme in catalogue.themes), key=lambda each: each.ends
    )
    if not editions:
        yield Finding(level=Level.WRONG, name="themes", text="there is none that can be used")
        return
    whose = "ours and yours" if own else "the built-in ones"
    following = f"the next is {editions[0].title}, until {editions[0].ends}"
    yield Finding(level=Level.OK, name="themes", text=f"{len(editions)} ({whose}), {following}")


def accounts_within_reach(accounts: Collection[Account], refused: Mapping[int, str]) -> Iterator[Finding]:
    """What the credentials reach.

    Args:
        accounts: All of them, managers too.
        refused: Why accounts that the user was invited to cannot be read.
    """
    clients = [account for account in accounts if not account.manager]
    ways = Counter(account.login_customer_id for account in clients)
    through = [f"{items:,} through {dashed(login)}" for login, items in ways.most_common() if login]
    direct = [f"{ways[None]:,} directly"] if ways[None] else []
    closed = Counter(
        account.status.lower() for account in clients if unusable(account.customer_id, account) is not None
    )
    text = f"{len(clients):,} within reach ({_listed([*through, *direct])})" if clients else "none"
    text += "".join(f", {count:,} of them {status}" for status, count in sorted(closed.items()))
    if len(clients) == closed.total():
        yield Finding(level=Level.WRONG, name="accounts", text=f"{text}: no ad can be made anywhere")
    else:
        yield Finding(level=Level.OK, name="accounts", text=text)
    for customer_id, why in sorted(refused.items()):
        text = f"{dashed(customer_id)} cannot be read: {why}"
        yield Finding(level=Level.WARN, name="accounts", text=text)


def file_accounts(
    name: str, rows: Mapping[int, int], accounts: Mapping[int, Account], *, test_accounts: Collection[int]
) -> Iterator[Finding]:
    """Which of a file's accounts can have no ads.

    Args:
        name: The check's.
        rows: How many rows each account has in the file.
        accounts: All that are within reach.
        test_accounts: Those that are made for tests.
    """
    found: list[tuple[Level, int, str]] = []
    for customer_id, count in rows.items():
        account = accounts.get(customer_id)
        of_account = f"{_rows(count)} of {dashed(customer_id)}"
        if (stopped := unusable(customer_id, account)) is not None:
            found.append((Level.WRONG, customer_id, f"{of_account} would fail: {stopped[1]}"))
        elif customer_id in test_accounts:
            text = f"{of_account}: it is a test account, whose ads nobody sees"
            found.append((Level.WARN, customer_id, text))
    found.sort(key=lambda each: (each[0] is Level.WARN, -rows[each[1]], each[1]))
    for level, _, text in found[:_ACCOUNTS_SHOWN]:
        yield Finding(level=level, name=name, text=text)
    if more := found[_ACCOUNTS_SHOWN:]:
        count = sum(rows[customer_id] for _, customer_id, _ in more)
        level = more[0][0]
        text = f"and {len(more):,} more accounts, with {_rows(count)}"
        yield Finding(level=level, name=name, text=text)
    usable = len(rows) - sum(level is Level.WRONG for level, _, _ in found)
    if not usable and len(rows) > 1:
        text = (
            f"not one of its {len(rows):,} accounts can have ads: put a manager account of theirs into "
            "login_customer_id of google-ads.yaml, or give its user access to them"
        )
        yield Finding(level=Level.WRONG, name=name, text=text)
    elif usable:
        yield Finding(level=Level.OK, name=name, text=f"{usable:,} of {len(rows):,} accounts can have ads")


def ended_editions(
    name: str, rows: Mapping[str, int], catalogue: Catalogue, *, today: date
) -> Iterator[Finding]:
    """Rows that came too late; `rows`: how many each edition has."""
    for edition_name, count in sorted(rows.items()):
        edition = catalogue.edition(edition_name)
        if edition.ends < today:
            text = f"{_rows(count)} would fail: {edition.title} ended on {edition.ends}"
            yield Finding(level=Level.WRONG, name=name, text=text)


def in_words(counts: Mapping[str, int]) -> str:
    """`3 digits_lost, 1 no_theme`."""
    return _listed([f"{count:,} {reason}" for reason, count in Counter(counts).most_common()])


def _listed(parts: Sequence[str]) -> str:
    more = [f"{len(parts) - _NAMED:,} more"] if len(parts) > _NAMED else []
    return ", ".join([*parts[:_NAMED], *more])


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _size(bytes_: int) -> str:
    return f"{bytes_ / 1024**3:,.1f} GB" if bytes_ >= 1024**3 else f"{bytes_ / _MEGABYTE:,.0f} MB"


def _ago(seconds: float) -> str:
    if seconds < 3_600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h" if seconds < 3 * 86_400 else f"{seconds / 86_400:.0f} days"
