"""A dry run: the same look and the same plan as a push, and no mutate."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.exceptions import AccountStoppedError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.accounts import unusable
from themaads_pipeline.model.ads import Account, AdContent, AdGroup, NewAd
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.editions import ORIGINAL_LABEL
from themaads_pipeline.model.items import Item
from themaads_pipeline.model.planning import LabelBook
from themaads_pipeline.push.snapshot import Plans, View, local_now, look, plan_items
from themaads_pipeline.push.work import LARGEST_READ, Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedOutcome:
    """What a push would do with one item."""

    item: Item
    account_name: str
    ad_group_name: str
    campaign_name: str
    outcome: str  # "create", "skip", "fail" or "wait"
    reason: str
    message: str
    new_ad: NewAd | None = None
    original: AdContent | None = None
    labels: tuple[str, ...] = ()  # names, in the order they would be attached


@dataclass(kw_only=True)
class PlannedRequests:
    """Operations that a push would send, as Google counts them; filled while the outcomes are read."""

    ads: int = 0
    labels: int = 0
    label_names: int = 0
    searches: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def operations(self) -> int:
        """What counts against the daily quota: every mutated thing and every search is one."""
        return self.ads + self.labels + self.label_names + self.searches


def plan_upload(
    items_by_account: Iterable[tuple[int, Sequence[Item]]],
    *,
    ledger: Ledger | None,
    gateway: Gateway,
    catalogue: Catalogue,
    clock: Clock,
    requests: PlannedRequests,
    done_label: bool = False,
) -> Iterator[PlannedOutcome]:
    """Plan every item, account by account; only reads are sent.

    Args:
        items_by_account: What is to be planned.
        ledger: Knows ads of other uploads, requests in doubt and lessons; None: only the accounts are asked.
        gateway: The accounts.
        catalogue: The themes.
        clock: Decides whether an edition is over.
        requests: Counts what would be sent.
        done_label: As in the push.
    """
    accounts = gateway.accounts()
    for customer_id, items in items_by_account:
        account = accounts.get(customer_id)
        if (stopped := unusable(customer_id, account)) is not None or account is None:
            code, message = stopped or ("", "")
            yield from _all_fail(items, "" if account is None else account.name, code, message, requests)
            continue
        try:
            labels = LabelBook(ids=gateway.read_labels(account))
            requests.searches += 2
            lessons = ledger.lessons.of_account(customer_id) if ledger is not None else ()
            for start in range(0, len(items), LARGEST_READ):
                part = items[start : start + LARGEST_READ]
                view = look(ledger, gateway, account, part)
                plans = plan_items(
                    part,
                    view,
                    catalogue=catalogue,
                    labels=labels,
                    local_now=local_now(account, clock()),
                    lessons=lessons,
                )
                yield from _outcomes(
                    account,
                    plans,
                    view,
                    catalogue=catalogue,
                    labels=labels,
                    requests=requests,
                    done_label=done_label,
                )
        except AccountStoppedError as error:
            yield from _all_fail(items, account.name, error.code, str(error), requests)


def _outcomes(
    account: Account,
    plans: Plans,
    view: View,
    *,
    catalogue: Catalogue,
    labels: LabelBook,
    requests: PlannedRequests,
    done_label: bool,
) -> Iterator[PlannedOutcome]:
    needed: set[str] = set()
    for create in plans.creates:
        edition = catalogue.edition(create.item.edition)
        names = [edition.label]
        if create.label_copied_ad:
            names.append(ORIGINAL_LABEL)
        if done_label:
            names.append(edition.done_label)
        needed.update(names)
        requests.ads += 1
        requests.labels += len(names)
        original = next(
            (
                ad.content
                for ad in view.snapshot.ads[create.item.ad_group_id]
                if ad.ad_id == create.new_ad.copied_ad_id
            ),
            None,
        )
        yield _outcome(
            account,
            create.item,
            view,
            requests,
            outcome="create",
            new_ad=create.new_ad,
            original=original,
            labels=tuple(names),
        )
    for present in plans.presents:
        names = [catalogue.edition(present.item.edition).label] if present.lacks_edition_label else []
        needed.update(names)
        requests.labels += len(names)
        yield _outcome(
            account,
            present.item,
            view,
            requests,
            outcome="skip",
            reason="already_present",
            message=f"ad {present.ad_id} is there already",
            labels=tuple(names),
        )
    for skip in plans.skips:
        yield _outcome(
            account, skip.item, view, requests, outcome="skip", reason=str(skip.reason), message=skip.message
        )
    for refuse in plans.refusals:
        yield _outcome(
            account,
            refuse.item,
            view,
            requests,
            outcome="fail",
            reason=refuse.failure.code,
            message=refuse.failure.message,
        )
    for item in plans.blocked:
        message = "a request that is in doubt has to be looked up first"
        yield _outcome(account, item, view, requests, outcome="wait", reason="in_doubt", message=message)
    if needed:
        needed.add(ORIGINAL_LABEL)
        requests.label_names += sum(not labels.ids_of(name) for name in needed)


def _outcome(
    account: Account,
    item: Item,
    view: View,
    requests: PlannedRequests,
    *,
    outcome: str,
    reason: str = "",
    message: str = "",
    new_ad: NewAd | None = None,
    original: AdContent | None = None,
    labels: tuple[str, ...] = (),
) -> PlannedOutcome:
    requests.outcomes[outcome, reason] += 1
    ad_group: AdGroup | None = view.snapshot.ad_groups.get(item.ad_group_id)
    return PlannedOutcome(
        item=item,
        account_name=account.name,
        ad_group_name=ad_group.name if ad_group else "",
        campaign_name=ad_group.campaign_name if ad_group else "",
        outcome=outcome,
        reason=reason,
        message=message,
        new_ad=new_ad,
        original=original,
        labels=labels,
    )


def _all_fail(
    items: Sequence[Item], account_name: str, code: str, message: str, requests: PlannedRequests
) -> Iterator[PlannedOutcome]:
    for item in items:
        requests.outcomes["fail", code] += 1
        yield PlannedOutcome(
            item=item,
            account_name=account_name,
            ad_group_name="",
            campaign_name="",
            outcome="fail",
            reason=code,
            message=message,
        )


def items_of_rows(rows: Iterable[tuple[int, int, int, str]]) -> list[tuple[int, list[Item]]]:
    """Items of a file that the ledger does not know, by account, from (line, customer, ad group, edition)."""
    seen: dict[tuple[int, int, str], Item] = {}
    for line, customer_id, ad_group_id, edition in rows:
        key = (customer_id, ad_group_id, edition)
        if key not in seen:
            seen[key] = Item(item_id=line, customer_id=customer_id, ad_group_id=ad_group_id, edition=edition)
    by_account: dict[int, list[Item]] = {}
    for item in seen.values():
        by_account.setdefault(item.customer_id, []).append(item)
    return sorted(by_account.items())
