"""Names to ad groups: a row without a healthy id is looked up in the live account, and never guessed at."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AccountStoppedError
from themaads_pipeline.model.accounts import dashed, unusable
from themaads_pipeline.model.ads import Account, AdGroup

_ACCOUNTS_AT_ONCE = 8
_NAMES_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class NamedAdGroup:
    """What a row says of its ad group; names are unique within a campaign only."""

    customer_id: int
    ad_group_name: str
    campaign_id: int | None
    campaign_name: str | None


@dataclass(frozen=True, slots=True)
class NotResolved:
    """Why a name selects no ad group: a stable reason, and what a marketer reads."""

    reason: str
    message: str


def choose(named: NamedAdGroup, found: Iterable[AdGroup]) -> int | NotResolved:
    """The one ad group that a row means, of those with its name in the account.

    Removed ad groups and campaigns do not count. The campaign narrows the choice where the row names one.
    """
    live = [group for group in found if "REMOVED" not in {group.status, group.campaign_status}]
    inside, place = live, "the account"
    if named.campaign_id is not None:
        inside = [group for group in live if group.campaign_id == named.campaign_id]
        place = f"campaign {named.campaign_id}"
    elif named.campaign_name is not None:
        wanted = named.campaign_name.strip()
        inside = [group for group in live if group.campaign_name.strip() == wanted]
        place = f"campaign {wanted!r}"
    ids = sorted({group.ad_group_id for group in inside})
    if len(ids) == 1:
        return ids[0]
    if ids:
        campaigns = ", ".join(sorted({repr(group.campaign_name) for group in inside})[:3])
        return NotResolved(
            "ambiguous_name",
            f"{len(ids)} ad groups of {place} are called {named.ad_group_name!r} (in {campaigns}): "
            "give the ad_group_id, or the campaign",
        )
    return NotResolved(
        "ad_group_not_found",
        f"no ad group of {place} is called {named.ad_group_name!r}: check the name, or give the ad_group_id",
    )


def resolve_names(
    wanted: Iterable[NamedAdGroup],
    *,
    gateway: Gateway,
    accounts: Mapping[int, Account],
    on_account: Callable[[str], None] = lambda _: None,
) -> dict[NamedAdGroup, int | NotResolved]:
    """Look all names up, a few accounts at once.

    Args:
        wanted: The names.
        gateway: The accounts.
        accounts: Those within reach.
        on_account: Called before each question, from several threads, with what it is about; what it raises
            ends the looking up.

    Raises:
        AdsError: An account could not be read for now; nothing was concluded.
    """
    by_account: dict[int, list[NamedAdGroup]] = defaultdict(list)
    for named in dict.fromkeys(wanted):
        by_account[named.customer_id].append(named)
    resolved: dict[NamedAdGroup, int | NotResolved] = {}
    numbers = {customer_id: number for number, customer_id in enumerate(by_account, start=1)}

    def resolve(customer_id: int) -> dict[NamedAdGroup, int | NotResolved]:
        place = f"{dashed(customer_id)} ({numbers[customer_id]:,} of {len(by_account):,})"
        return _resolve(
            by_account[customer_id],
            accounts.get(customer_id),
            gateway,
            lambda: on_account(f"looking up names in account {place}"),
        )

    with ThreadPoolExecutor(max_workers=_ACCOUNTS_AT_ONCE, thread_name_prefix="names") as pool:
        for answer in pool.map(resolve, by_account):
            resolved.update(answer)
    return resolved


def _resolve(
    wanted: Sequence[NamedAdGroup], account: Account | None, gateway: Gateway, on_question: Callable[[], None]
) -> dict[NamedAdGroup, int | NotResolved]:
    stopped = unusable(wanted[0].customer_id, account)
    if stopped is not None or account is None:
        code, message = stopped or ("", "")
        return dict.fromkeys(wanted, NotResolved(code, f"the name cannot be looked up: {message}"))
    by_name: dict[str, list[NamedAdGroup]] = defaultdict(list)
    for named in wanted:
        by_name[named.ad_group_name].append(named)
    names, resolved = sorted(by_name), dict[NamedAdGroup, int | NotResolved]()
    try:
        for start in range(0, len(names), _NAMES_AT_ONCE):
            on_question()
            part = names[start : start + _NAMES_AT_ONCE]
            found: dict[str, list[AdGroup]] = defaultdict(list)  # of a whole account it would be too many
            for ad_group in gateway.find_ad_groups(account, part):
                found[ad_group.name].append(ad_group)
            for name in part:
                resolved.update((named, choose(named, found[name])) for named in by_name[name])
    except AccountStoppedError as error:
        return dict.fromkeys(wanted, NotResolved("account_stopped", f"the name cannot be looked up: {error}"))
    return resolved
