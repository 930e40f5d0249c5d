"""One account's pending items, chunk by chunk: read and planned, the next while the last is in flight."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from themaads_pipeline.model.ads import Account
from themaads_pipeline.model.items import Item, ItemState
from themaads_pipeline.model.lessons import KnownLesson
from themaads_pipeline.push.labels import AccountLabels
from themaads_pipeline.push.snapshot import Plans, View, local_now, look, plan_items
from themaads_pipeline.push.work import LARGEST_READ, Work

__all__ = ["Chunk", "Chunks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Items whose ad groups were read at once, and what is to be done with each."""

    items: list[Item]
    view: View
    plans: Plans
    lessons: Sequence[KnownLesson]  # what was known when it was planned


class Chunks:
    """The pending items of one account with so many deaths, in order; left as a context, it waits for what
    it reads, and uses none of it.

    Ahead is read while a request is in flight. It is a look at other ad groups than the request's, so it sees
    what it would see later: a chunk that shares an ad group with the one before it (one ad group in two
    editions) is read when its turn comes.
    """

    def __init__(
        self, work: Work, account: Account, labels: AccountLabels, *, deaths: int, first: int, urgency: int
    ) -> None:
        """Nothing is read yet. `first`: how many items the first chunk may have; `urgency`: see `Desk`."""
        self._work = work
        self._account = account
        self._labels = labels
        self._deaths = deaths
        self._size = first
        self._urgency = urgency
        self._begun_at = self._after = 0  # item ids: what came before the chunk at hand, and its last one
        self._ad_groups: frozenset[int] = frozenset()  # of the chunk at hand
        self._ahead: Future[Chunk | None] | None = None
        self._reader: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever it was left for."""
        self._drop_ahead()
        if self._reader is not None:
            self._reader.shutdown()

    def take(self) -> Chunk | None:
        """The next chunk; None: there is none, or nothing more may be begun.

        Raises:
            AdsError: The account could not be read.
        """
        ahead, self._ahead = self._ahead, None
        chunk = None if ahead is None else ahead.result()
        if chunk is None:
            chunk = self._read(self._next_items(), ahead=False)
        elif (lessons := self._lessons()) != chunk.lessons:
            # The request that was in flight meanwhile, or another run, taught something.
            chunk = self._planned(chunk.items, chunk.view, lessons, ahead=False)
        if chunk is None:
            return None
        self._begun_at, self._after = self._after, chunk.items[-1].item_id
        self._ad_groups = frozenset([item.ad_group_id for item in chunk.items])
        self._size = self._work.config.read_size
        return chunk

    def look_ahead(self) -> None:
        """Begin to read and plan the next one; the one at hand is about to be sent, or is in flight."""
        if self._ahead is None:
            if self._reader is None:
                self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
            self._ahead = self._reader.submit(self._read_ahead)

    def again(self) -> None:
        """What is left of the chunk at hand comes again, from a fresh look and by what is known then."""
        self._drop_ahead()
        self._after, self._ad_groups = self._begun_at, frozenset()

    def _next_items(self) -> list[Item]:
        return self._work.ledger.rows.open_items(
            self._work.owner.upload,
            self._account.customer_id,
            ItemState.PENDING,
            after=self._after,
            limit=min(self._size, LARGEST_READ),
            deaths=self._deaths,
        )

    def _lessons(self) -> Sequence[KnownLesson]:
        return self._work.ledger.lessons.of_account(self._account.customer_id)

    def _read_ahead(self) -> Chunk | None:
        """None: there is nothing, or what there is has to wait for its turn."""
        items = self._next_items()
        if self._work.stop.is_set() or any(item.ad_group_id in self._ad_groups for item in items):
            return None
        return self._read(items, ahead=True)

    def _read(self, found: list[Item], *, ahead: bool) -> Chunk | None:
        """Only what the budget has is taken: what one account cannot use must not be missing to another."""
        work = self._work
        items = found[: work.budget.take(len(found))]
        if not items:
            return None
        try:
            with work.readers.seat(self._urgency, ahead=ahead):
                view = look(work.ledger, work.gateway, self._account, items)
            return self._planned(items, view, self._lessons(), ahead=ahead)
        except BaseException:
            work.budget.give_back(len(items))
            raise

    def _planned(
        self, items: list[Item], view: View, lessons: Sequence[KnownLesson], *, ahead: bool
    ) -> Chunk:
        work = self._work
        with work.planners.seat(self._urgency, ahead=ahead):
            plans = plan_items(
                items,
                view,
                catalogue=work.catalogue,
                labels=self._labels.book,
                local_now=local_now(self._account, work.clock()),
                lessons=lessons,
            )
        return Chunk(items=items, view=view, plans=plans, lessons=lessons)

    def _drop_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.cancel():
            return
        with suppress(Exception):  # the next look meets it again, where it has not passed by then
            if (chunk := ahead.result()) is not None:
                self._work.budget.give_back(len(chunk.items))
