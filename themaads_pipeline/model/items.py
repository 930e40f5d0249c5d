"""An item: one ad group that gets one themed ad. A row, one raw line of a file, selects it or is rejected."""

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct


class ItemState(StrEnum):
    """The states of an item, and the only ways from one to the next."""

    PENDING = "pending"  # -> sending, skipped, failed
    SENDING = "sending"  # -> applied, failed; -> pending (temporary failure; in doubt and proven absent)
    APPLIED = "applied"  # the ad is in the account, its labels are not confirmed; -> done, failed
    DONE = "done"  # final
    SKIPPED = "skipped"  # final; -> pending by a person only
    FAILED = "failed"  # final; -> pending by a person only


FINAL_STATES = frozenset({ItemState.DONE, ItemState.SKIPPED, ItemState.FAILED})


class Action(StrEnum):
    """What is to be done with an ad group."""

    CREATE = "create"


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """One line that selects nothing, kept with the reason a marketer reads and the raw text.

    `line` is what a person sees as the row number in a spreadsheet or an editor: the header is line 1.
    """

    line: int
    reason: str  # a stable code: `no_theme`, `ambiguous_name`, `digits_lost` ...
    message: str
    raw: str


class Item(Struct, frozen=True, kw_only=True, gc=False):
    """One ad group of one account and edition, as the push sees it."""

    item_id: int
    customer_id: int
    ad_group_id: int
    edition: str
    state: ItemState = ItemState.PENDING
    attempts: int = 0  # how many requests it travelled in
    refusals: int = 0  # how often Google refused it for a while
    deaths: int = 0  # how many of those requests' workers died, without its ad having come to be
    new_ad_id: int | None = None
    copied_ad_id: int | None = None
