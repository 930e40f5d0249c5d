"""FROM for the resources that are kept as messages."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from themaads_pipeline.emulator.entities import Account, AdGroup, Campaign, Document, Label
from themaads_pipeline.emulator.gaql.sources import Source


def campaign_of(document: Document) -> Campaign | None:
    group = ad_group_of(document)
    if group is not None:
        return group.campaign
    return document.account.campaigns.get(_id_in(document, "campaign"))


def ad_group_of(document: Document) -> AdGroup | None:
    return document.account.ad_groups.get(_id_in(document, "ad_group"))


def label_of(document: Document) -> Label | None:
    return document.account.labels.get(_id_in(document, "label"))


def customer_of(document: Document) -> Account:
    return document.account


def referenced_document(kind: str) -> Callable[[Document], Document | None]:
    """The document whose name stands in the field of the same name: a campaign criterion's `shared_set`."""
    return lambda document: document.account.documents.get(kind, {}).get(getattr(document.body, kind))


def _id_in(document: Document, field: str) -> int:
    """The id in a field of the document that holds a resource name; -1, no id, where there is none."""
    text = getattr(document.body, field, "").rpartition("/")[2]
    return int(text) if text.isdecimal() and len(text) < 20 else -1


def document_source(kind: str, **attributed: Callable[[Document], Any]) -> Source:
    """A source of documents; `attributed` are the other resources that a query on it may use."""

    def rows(account: Account) -> Iterable[Document]:
        return account.documents.get(kind, {}).values()

    def by_name(account: Account, names: Iterable[str]) -> Iterator[Document]:
        kept = account.documents.get(kind, {})
        return (kept[name] for name in names if name in kept)

    return Source(
        rows=rows,
        attributed={"customer": customer_of, **attributed},
        indexes={f"{kind}.resource_name": by_name},
    )


DOCUMENT_SOURCES: dict[str, Source] = {
    "campaign_budget": document_source("campaign_budget"),
}
