"""What the ledger tells about the outcomes of an upload: for reports, checks and metadata."""

from collections.abc import Iterator
from typing import Any

from themaads_pipeline.ledger.database import Database, queries, sql_of
from themaads_pipeline.model.items import ItemState, RejectedRow


class Outcomes:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    def items(self, upload: int, *, state: ItemState | None = None) -> Iterator[dict[str, Any]]:
        """Every item with all its columns and its `lines`, in file order, streamed."""
        parameters = {"upload": upload, "state": str(state) if state else None}
        with self._database.transaction() as connection, connection.cursor("outcomes") as cursor:
            queries.read_whole_tables(connection)
            cursor.itersize = 5000
            cursor.execute(sql_of("outcomes"), parameters)
            yield from cursor

    def rejected_rows(self, upload: int, *, limit: int | None = None) -> list[RejectedRow]:
        """Rows that became no item, by line."""
        with self._database.transaction() as connection:
            return [
                RejectedRow(**row) for row in queries.rejected_rows(connection, upload=upload, limit=limit)
            ]

    def each_rejected_row(self, upload: int) -> Iterator[RejectedRow]:
        """Rows that became no item, by line, streamed: a bad file can have a million."""
        with self._database.transaction() as connection, connection.cursor("rejected_rows") as cursor:
            cursor.itersize = 5000
            cursor.execute(sql_of("rejected_rows"), {"upload": upload, "limit": None})
            for row in cursor:
                yield RejectedRow(**row)

    def rejected_by_reason(self, upload: int) -> dict[str, int]:
        """How many rows were rejected, by reason, most first."""
        with self._database.transaction() as connection:
            return {
                row["reason"]: row["rows"] for row in queries.rejected_by_reason(connection, upload=upload)
            }

    def counts_by_reason(self, upload: int) -> list[dict[str, Any]]:
        """Items by `state`, `category` and `code`, most first, with an `example` message."""
        with self._database.transaction() as connection:
            return list(queries.counts_by_reason(connection, upload=upload))

    def counts_by_account(self, upload: int) -> dict[int, dict[str, int]]:
        """Items of each account by state."""
        counts: dict[int, dict[str, int]] = {}
        with self._database.transaction() as connection:
            for row in queries.counts_by_account(connection, upload=upload):
                counts.setdefault(row["customer_id"], {})[row["state"]] = row["items"]
        return counts

    def policy_patterns(self, upload: int) -> list[dict[str, Any]]:
        """Policy topics with what triggered them: `topic`, `trigger`, `items`, `accounts`, `example`."""
        with self._database.transaction() as connection:
            return list(queries.policy_patterns(connection, upload=upload))

    def made_ads(self, upload: int) -> list[dict[str, Any]]:
        """Ads this upload made: `customer_id`, `ad_group_id`, `new_ad_id`, `edition`."""
        with self._database.transaction() as connection:
            return list(queries.made_ads(connection, upload=upload))
