"""Budgets, keywords, assets and so on from a seed: resources that are kept as their messages.

    accounts:
      - customer_id: 2000000001
        documents:
          campaign_budget:
            - {id: 5, name: Daily, amount_micros: 5000000}
          ad_group_criterion:
            - {ad_group: 11, keyword: {text: rode schoenen, match_type: EXACT}, cpc_bid_micros: 200000}
            - {ad_group: 11, negative: true, keyword: {text: gratis, match_type: BROAD}}

Fields are written as the API's messages have them. A resource that another one names may be given by its id.
Ids of criteria follow from the criteria; the other kinds get a new one where none is given.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format

from themaads_pipeline.emulator.entities import Account, Document
from themaads_pipeline.emulator.failures import Errors
from themaads_pipeline.emulator.field_rules import field_rules, resource_message
from themaads_pipeline.emulator.messages import message_class
from themaads_pipeline.emulator.resources.criterion_ids import FIRST_HASHED
from themaads_pipeline.emulator.resources.document_kinds import DOCUMENT_KINDS
from themaads_pipeline.emulator.resources.documents import Checking, DocumentKind
from themaads_pipeline.emulator.transactions import Transaction
from themaads_pipeline.emulator.world import World


def plant_documents(world: World, account: Account, content: dict[str, Any]) -> None:
    """Fills an account with the documents of its seed entry.

    Raises:
        ValueError: An unknown kind or field.
        KeyError: A parent that is not there.
    """
    unknown = set(content) - {kind.name for kind in DOCUMENT_KINDS}
    if unknown:
        raise ValueError(f"seed: unknown kinds of documents {sorted(unknown)}")
    tx = Transaction(world=world, account=account, request_id="", now=0.0)
    for kind in DOCUMENT_KINDS:
        for item in content.get(kind.name) or ():
            _plant(tx, kind, dict(item))


def _plant(tx: Transaction, kind: DocumentKind, item: dict[str, Any]) -> None:
    for field, parent in kind.parents.items():
        if field in item:
            item[field] = _name(tx.account, parent, item[field])
    body = message_class(kind.message)()
    try:
        json_format.ParseDict(item, body)
    except json_format.ParseError as error:
        raise ValueError(f"seed: {kind.name}: {error}") from error
    checking = Checking(tx=tx, body=body, before=None, errors=Errors(), path=())
    kind.name_body(checking, str(item.get(kind.id_field) or ""))
    kind.complete(checking)
    document = Document(account=tx.account, kind=kind.name, resource_name=body.resource_name, body=body)
    tx.account.documents.setdefault(kind.name, {})[body.resource_name] = document
    kind.on_created(tx, document)


def _name(account: Account, kind: str, value: Any) -> str:
    """`11` and `11~12` as the names of what has these ids."""
    text = str(value)
    if "/" in text:
        return text
    return f"customers/{account.customer_id}/{field_rules(resource_message(kind)).collection}/{text}"


def document_ids(account: Account) -> Iterable[int]:
    """The ids that seeded documents have taken, those that follow from a criterion left out."""
    for kind in DOCUMENT_KINDS:
        for document in account.documents.get(kind.name, {}).values() if kind.id_field else ():
            number = int(getattr(document.body, kind.id_field))
            if number < FIRST_HASHED:
                yield number
