"""What is left to do in an upload, for those who only plan it: from the ledger, or else from the file."""

from collections.abc import Iterator, Sequence
from datetime import date

from themaads_pipeline.intake.storage import at_hand, lies_at
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.items import Item, ItemState
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.push.dry_run import items_of_rows
from themaads_pipeline.push.reading import GatewaySource, select_rows

_ItemsByAccount = Iterator[tuple[int, Sequence[Item]]]
_EVERYTHING = 2**62


def items_left(
    upload: Upload,
    *,
    ledger: Ledger,
    catalogue: Catalogue,
    today: date,
    gateway: GatewaySource,
    only_accounts: frozenset[int] = frozenset(),
    item_limit: int | None = None,
) -> _ItemsByAccount:
    """The items that a push would begin with, account by account. Nothing is written.

    Raises:
        UnusableFileError: The upload was not read before, and its file is unusable.
        AdsError: A name could not be looked up for now.
    """
    left = _EVERYTHING if item_limit is None else item_limit
    chosen = _of_ledger(upload, ledger) if upload.read_at else _of_file(upload, catalogue, today, gateway)
    for customer_id, items in chosen:
        if only_accounts and customer_id not in only_accounts:
            continue
        if left <= 0:
            return
        begun = items[:left]
        left -= len(begun)
        yield customer_id, begun


def _of_ledger(upload: Upload, ledger: Ledger) -> _ItemsByAccount:
    for account in ledger.rows.open_accounts(upload.number):
        items = ledger.rows.open_items(
            upload.number, account.customer_id, ItemState.PENDING, limit=account.items
        )
        yield account.customer_id, items


def _of_file(upload: Upload, catalogue: Catalogue, today: date, gateway: GatewaySource) -> _ItemsByAccount:
    with at_hand(lies_at(upload.file_path)) as path:
        selected = select_rows(
            path, edition=upload.edition, catalogue=catalogue, today=today, gateway=gateway
        )
    rows = selected.rows
    columns = ("line", "customer_id", "ad_group_id", "edition")
    yield from items_of_rows(zip(*(rows[column].tolist() for column in columns), strict=True))
