"""Fills a world from a seed file (YAML or JSON). The format:

    managers:                 # manager accounts
      - {customer_id: 1000000001, name: Agency, managers: []}
    accounts:
      - customer_id: 2000000001          # dashes are fine
        name: Shop NL
        time_zone: Europe/Amsterdam      # default
        status: ENABLED                  # CANCELED, SUSPENDED, CLOSED
        managers: [1000000001]           # default: the only manager, if there is just one
        direct: false                    # true: reachable without login-customer-id, though managed
        labels: [{id: 1, name: THEMA_ORIGINAL, status: ENABLED}]
        campaigns:
          - id: 1
            name: Search
            status: ENABLED
            end_date_time: "2037-12-30 23:59:59"   # default: none
            experiment_type: BASE                  # EXPERIMENT
            channel_type: SEARCH
        ad_groups:
          - id: 1
            name: Schoenen
            campaign_id: 1
            status: ENABLED
            type: SEARCH_STANDARD
            labels: [THEMA_ORIGINAL]               # names or ids
        ads:
          - id: 1
            ad_group_id: 1
            status: ENABLED
            type: RESPONSIVE_SEARCH_AD   # default
            expanded_text_ad: {headline_part1: Schoenen}   # of an EXPANDED_TEXT_AD
            headlines: [Schoenen, {text: Gratis bezorgd, pinned: HEADLINE_1}]
            descriptions: [..., ...]
            path1: schoenen
            path2: heren
            final_urls: ["https://www.example.nl/schoenen"]
            final_mobile_urls: []
            tracking_url_template: "{lpurl}?src=ads"
            final_url_suffix: ""
            url_custom_parameters: {season: winter}
            labels: [THEMA_ORIGINAL]
            approval_status: APPROVED    # DISAPPROVED, APPROVED_LIMITED, ...
            policy_topics: [ALCOHOL]
        documents: {campaign_budget: [...]}      # see `seed_documents`
    policy:
      # exemptible: false, type: PROHIBITED, after_s: 0, share: 1 where not said otherwise; see `policy`
      - {word: casino, topic: GAMBLING, exemptible: true, type: LIMITED, after_s: 3600, share: 0.5}
      - {domain: bad.example, topic: MALICIOUS_SOFTWARE}
    generate:                            # see `generated`; sizes: [9000, 20] instead of accounts, ad_groups
      {accounts: 28, ad_groups: 50000, seed: 1, first_customer_id: 2000000001, manager: 1000000001}
    metrics: {seed: 1, since: 2025-01-01}  # invented figures of ads, see `traffic`; default: no traffic

Seeded entities are not checked against the rules of creation: a real account holds ads that no rule would
let in today.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Campaign, Label
from themaads_pipeline.emulator.gaql.cursors import Cursors
from themaads_pipeline.emulator.generated import generate
from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.policy import Finding, Policy, PolicyRule, SiteChecks, topic_entries
from themaads_pipeline.emulator.seed_documents import document_ids, plant_documents
from themaads_pipeline.emulator.traffic import Traffic
from themaads_pipeline.emulator.world import World


def read_seed(file: Path) -> dict[str, Any]:
    """The content of a seed file; JSON is YAML too.

    Raises:
        TypeError: The file holds something else than a mapping.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{file}: a seed is a mapping with accounts, managers, policy or generate")
    return content


def plant(world: World, seed: dict[str, Any]) -> None:
    """Replaces all accounts and the policy by the seed's.

    Raises:
        ValueError: The seed contradicts itself or has a key that nobody knows; the world is unchanged.
    """
    unknown = set(seed) - {"managers", "accounts", "policy", "generate", "metrics"}
    if unknown:
        raise ValueError(f"seed: unknown keys {sorted(unknown)}")
    try:
        with _no_collection():
            accounts = _accounts(seed)
            generated = generate(accounts, seed["generate"]) if seed.get("generate") else ()
        for entry in seed.get("accounts") or ():
            plant_documents(world, accounts[_customer_id(entry["customer_id"])], entry.get("documents") or {})
        policy = Policy(tuple(PolicyRule(**rule) for rule in seed.get("policy") or ()))
        traffic = Traffic.from_seed(seed["metrics"]) if seed.get("metrics") else None
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"seed: {error!r}") from error
    _complete_hierarchy(accounts)
    taken = (
        number
        for account in accounts.values()
        for numbers in (account.ads, account.labels, account.ad_groups, account.campaigns)
        for number in numbers
    )
    documents = (number for account in accounts.values() for number in document_ids(account))
    world.ids_above(max(chain(taken, documents), default=0))
    world.accounts, world.policy, world.generated, world.seed = accounts, policy, generated, seed
    world.site_checks, world.cursors, world.traffic = SiteChecks(), Cursors(), traffic
    world.history.restart(seed, world.now())


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of objects are made and none is garbage: looking for cycles among them takes longer than
    making them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _customer_id(value: Any) -> int:
    return int(str(value).replace("-", ""))


def _accounts(seed: dict[str, Any]) -> dict[int, Account]:
    accounts: dict[int, Account] = {}
    entries = [
        *((entry, True) for entry in seed.get("managers") or ()),
        *((entry, False) for entry in seed.get("accounts") or ()),
    ]
    for entry, manager in entries:
        customer_id = _customer_id(entry["customer_id"])
        if customer_id in accounts:
            raise ValueError(f"seed: account {customer_id} occurs twice")
        status = entry.get("status", "ENABLED")
        enum_values("CustomerStatus")[status]
        accounts[customer_id] = Account(
            customer_id=customer_id,
            name=entry.get("name", f"Account {customer_id}"),
            time_zone=entry.get("time_zone", "Europe/Amsterdam"),
            currency_code=entry.get("currency_code", "EUR"),
            status=status,
            manager=manager or bool(entry.get("manager")),
            hidden=bool(entry.get("hidden")),
            direct=bool(entry.get("direct")),
        )
    for entry, _ in entries:
        account = accounts[_customer_id(entry["customer_id"])]
        for above in entry.get("managers") or ():
            account.managers.append(accounts[_customer_id(above)])
        _fill(account, entry)
    return accounts


def _complete_hierarchy(accounts: dict[int, Account]) -> None:
    """An account without managers belongs to the only manager there is, and managers learn their clients."""
    roots = [account for account in accounts.values() if account.manager and not account.managers]
    for account in accounts.values():
        if not account.managers and not account.manager and not account.direct and len(roots) == 1:
            account.managers.append(roots[0])
        for above in account.managers:
            above.clients.append(account)


def _fill(account: Account, entry: dict[str, Any]) -> None:
    for item in entry.get("labels") or ():
        label = Label(
            account=account,
            label_id=int(item["id"]),
            name=item["name"],
            status=enum_values("LabelStatus")[item.get("status", "ENABLED")],
        )
        account.labels[label.label_id] = label
    for item in entry.get("campaigns") or ():
        campaign = Campaign(
            account=account,
            campaign_id=int(item["id"]),
            name=item.get("name", f"Campaign {item['id']}"),
            status=enum_values("CampaignStatus")[item.get("status", "ENABLED")],
            start_date_time=item.get("start_date_time", "2020-01-01 00:00:00"),
            end_date_time=str(item.get("end_date_time") or ""),
            experiment_type=item.get("experiment_type", "BASE"),
            channel_type=item.get("channel_type", "SEARCH"),
        )
        account.campaigns[campaign.campaign_id] = campaign
    for item in entry.get("ad_groups") or ():
        ad_group = AdGroup(
            campaign=account.campaigns[int(item["campaign_id"])],
            ad_group_id=int(item["id"]),
            name=item.get("name", f"Ad group {item['id']}"),
            status=enum_values("AdGroupStatus")[item.get("status", "ENABLED")],
            type=item.get("type", "SEARCH_STANDARD"),
            labels=_labels(account, item.get("labels") or ()),
        )
        account.ad_groups[ad_group.ad_group_id] = ad_group
    for item in entry.get("ads") or ():
        _plant_ad(account, item)


def _labels(account: Account, names: Iterable[Any]) -> tuple[Label, ...]:
    found = []
    for name in names:
        label = account.labels.get(name) if isinstance(name, int) else None
        label = label or next((label for label in account.labels.values() if label.name == name), None)
        if label is None:
            raise ValueError(f"seed: account {account.customer_id} has no label {name!r}")
        found.append(label)
    return tuple(found)


def _plant_ad(account: Account, item: dict[str, Any]) -> None:
    kind = item.get("type", "RESPONSIVE_SEARCH_AD")
    message = message_class("resources.Ad")(name=item.get("name", ""))
    if kind == "RESPONSIVE_SEARCH_AD":
        _fill_texts(message.responsive_search_ad, item)
    elif kind == "EXPANDED_TEXT_AD":
        for field, text in (item.get("expanded_text_ad") or {}).items():
            setattr(message.expanded_text_ad, field, text)
    for field in ("final_urls", "final_mobile_urls"):
        getattr(message, field).extend(item.get(field) or ())
    for field in ("tracking_url_template", "final_url_suffix"):
        if item.get(field):
            setattr(message, field, item[field])
    for key, value in (item.get("url_custom_parameters") or {}).items():
        message.url_custom_parameters.add(key=key, value=str(value))
    ad_group = account.ad_groups[int(item["ad_group_id"])]
    topics = [Finding(topic, "LIMITED", "", exemptible=False) for topic in item.get("policy_topics") or ()]
    ad = Ad(
        ad_group=ad_group,
        ad_id=int(item["id"]),
        body=message.SerializeToString(),
        type=enum_values("AdType")[kind],
        status=enum_values("AdGroupAdStatus")[item.get("status", "ENABLED")],
        labels=_labels(account, item.get("labels") or ()),
        approval_status=enum_values("PolicyApprovalStatus")[item.get("approval_status", "APPROVED")],
        policy_topics=topic_entries(topics),
    )
    ad_group.ads.append(ad)
    account.ads[ad.ad_id] = ad


def _fill_texts(rsa: Message, item: dict[str, Any]) -> None:
    for field in ("headlines", "descriptions"):
        for entry in item.get(field) or ():
            text = {"text": entry} if isinstance(entry, str) else entry
            asset = getattr(rsa, field).add(text=text["text"])
            if text.get("pinned"):
                asset.pinned_field = enum_values("ServedAssetFieldType")[text["pinned"]]
    for field in ("path1", "path2"):
        if item.get(field):
            setattr(rsa, field, item[field])
