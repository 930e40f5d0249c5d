"""Rows as the ledger takes them, from what a test says of each."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

_COLUMNS = ("line", "customer_id", "ad_group_id", "edition", "ad_group_name", "campaign_id", "campaign_name")


def source_rows(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Each row: line, customer_id, ad_group_id, edition, and, where given, the names of ad group and campaign
    around the campaign's id.
    """
    return pd.DataFrame(
        [row + (None,) * (len(_COLUMNS) - len(row)) for row in rows], columns=_COLUMNS, dtype=object
    ).astype({"line": "int64", "customer_id": "int64"})
