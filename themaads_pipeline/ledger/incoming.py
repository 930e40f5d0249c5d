"""A file's rows on their way into the ledger: whole columns as the text that COPY reads, a part at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from themaads_pipeline.model.telling import PART

__all__ = ["Part", "parts_of"]

_SCHEMA = pa.schema(
    {
        "line": pa.int64(),
        "customer_id": pa.int64(),
        "ad_group_id": pa.int64(),
        "edition": pa.string(),
        "ad_group_name": pa.string(),
        "campaign_id": pa.int64(),
        "campaign_name": pa.string(),
    }
)
_SELECTS = ["customer_id", "ad_group_id", "edition"]
# As the queries copy_source_rows and copy_items name them.
_OF_SOURCE_ROWS = ["upload", "line", *_SELECTS]
_OF_ITEMS = ["upload", *_SELECTS, "ad_group_name", "campaign_id", "campaign_name"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Some rows, and the items that no earlier row selects."""

    rows: int
    source_rows: bytes
    items: bytes


def parts_of(rows: pd.DataFrame, upload: int) -> Iterator[Part]:
    """Account by account, each in file order; only one part is text at one time.

    Args:
        rows: As `Rows.write` takes them.
        upload: The number of the upload.
    """
    order = np.lexsort((rows["line"].to_numpy(), rows["customer_id"].to_numpy()))
    is_first = ~rows[_SELECTS].iloc[order].duplicated().to_numpy()
    for start in range(0, len(order), PART):
        part = rows.iloc[order[start : start + PART]]
        table = pa.Table.from_pandas(part, schema=_SCHEMA, preserve_index=False)
        table = table.append_column("upload", pa.repeat(pa.scalar(upload, pa.int64()), len(part)))
        yield Part(
            rows=len(part),
            source_rows=_csv(table.select(_OF_SOURCE_ROWS)),
            items=_csv(table.filter(pa.array(is_first[start : start + PART])).select(_OF_ITEMS)),
        )


def _csv(table: pa.Table) -> bytes:
    """What is missing is empty, and every text is quoted: COPY tells NULL from an empty text by that."""
    text = BytesIO()
    pyarrow.csv.write_csv(table, text, pyarrow.csv.WriteOptions(include_header=False))
    return text.getvalue()
