"""Answers that are read page by page. A token is good for one query of one account, and for the last
answers only.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

from themaads_pipeline.emulator.failures import ApiError, RequestRefusedError

_KEPT = 100


@dataclass(frozen=True, slots=True)
class Cursor:
    customer_id: str
    query: str
    search: Any
    rows: list[Any]
    summary: bool = False  # whether a summary row was asked for
    total: bool = False  # whether the number of all rows was


class Cursors:
    def __init__(self) -> None:
        self._cursors: OrderedDict[str, Cursor] = OrderedDict()
        self._lock = Lock()

    def keep(self, cursor: Cursor) -> str:
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._cursors[key] = cursor
            while len(self._cursors) > _KEPT:
                self._cursors.popitem(last=False)
        return key

    def find(self, token: str, customer_id: str, query: str) -> tuple[str, Cursor, int]:
        """The cursor of a page token and the row it points at.

        Raises:
            RequestRefusedError: The token is of another query or account, or was forgotten.
        """
        key, _, position = token.rpartition(".")
        with self._lock:
            cursor = self._cursors.get(key)
            if cursor is not None:
                self._cursors.move_to_end(key)
        if not position.isdecimal() or len(position) > 19 or not key:
            raise RequestRefusedError(ApiError(code="RequestError.INVALID_PAGE_TOKEN", trigger=token))
        if cursor is None:
            raise RequestRefusedError(ApiError(code="RequestError.EXPIRED_PAGE_TOKEN", trigger=token))
        if (cursor.customer_id, cursor.query) != (customer_id, query) or int(position) > len(cursor.rows):
            raise RequestRefusedError(ApiError(code="RequestError.INVALID_PAGE_TOKEN", trigger=token))
        return key, cursor, int(position)
