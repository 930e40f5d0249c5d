"""Where each kind of entity is kept and how it is called, for the state on disk and for diffs."""

from typing import Any

from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Campaign, Document, Entity, Label

Accounts = dict[int, Account]


def account_of(entity: Entity) -> Account:
    """The account that an entity belongs to; an account's is itself.

    Raises:
        TypeError: A kind of entity that has no place here yet.
    """
    match entity:
        case Ad():
            return entity.ad_group.campaign.account
        case AdGroup():
            return entity.campaign.account
        case Label() | Campaign() | Document():
            return entity.account
        case Account():
            return entity
    raise TypeError(f"{type(entity).__name__} is no kind of entity that homes knows")


def key_of(entity: Entity) -> str:
    """What tells an entity from the others of its kind in its account."""
    match entity:
        case Ad():
            return str(entity.ad_id)
        case AdGroup():
            return str(entity.ad_group_id)
        case Campaign():
            return str(entity.campaign_id)
        case Label():
            return str(entity.label_id)
        case Account():
            return str(entity.customer_id)
        case Document():
            return f"{entity.kind} {entity.resource_name}"
    raise TypeError(f"{type(entity).__name__} is no kind of entity that homes knows")


def home(accounts: Accounts, account: int, kind: str, key: str) -> tuple[dict[Any, Any], Any]:
    """The dictionary that holds an entity of a kind (its class's name), and the entity's key in it."""
    if kind == "Account":
        return accounts, int(key)
    if kind == "Document":
        resource, _, name = key.partition(" ")
        return accounts[account].documents.setdefault(resource, {}), name
    owner = accounts[account]
    homes: dict[str, dict[int, Any]] = {
        "Ad": owner.ads,
        "AdGroup": owner.ad_groups,
        "Campaign": owner.campaigns,
        "Label": owner.labels,
    }
    return homes[kind], int(key)


def is_kept(accounts: Accounts, entity: Entity) -> bool:
    """Whether the entity is there now, and not another one in its place."""
    account = account_of(entity)
    if accounts.get(account.customer_id) is not account:
        return False
    kept, key = home(accounts, account.customer_id, type(entity).__name__, key_of(entity))
    return kept.get(key) is entity
