"""Statements that must not grow with the square of a batch, whatever Postgres believes of the states."""

import json
import re
from itertools import product
from typing import Any

import psycopg

from themaads_pipeline.ledger.database import queries
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.items import ItemState
from themaads_pipeline_tests.integration.test_ledger import ACCOUNT, working

_ENOUGH = 50_000  # items: in a small table the plans hardly differ in their costs
STATEMENTS = (
    "start_sending",
    "settle_sending",
    "settle_labels",
    "finish_planned",
    "adopt_items",
    "give_back_absent",
)


def test_a_batch_changes_by_its_ids_however_old_the_statistics_are(ledger: Ledger, database_url: str) -> None:
    upload = working(ledger, items=_ENOUGH).owner.upload
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("set random_page_cost = 4")  # as servers have it that nobody has tuned
        ids = [item_id for (item_id,) in connection.execute("select item_id from themaads.item limit 1000")]
        for state in (None, ItemState.PENDING, ItemState.DONE):
            if state is not None:
                connection.execute("update themaads.item set state = %s, new_ad_id = 1", [state])
                connection.execute("analyze themaads.item")
            for name, batch in product(STATEMENTS, (ids, ids[:50])):
                plan = explained(connection, name, Arguments(upload=upload, item_ids=batch))
                assert not re.search("Join Filter: .*item_id", plan), (
                    f"{name} goes through the batch once an item, with statistics of {state}:\n{plan}"
                )


class Arguments(dict[str, Any]):
    """Of whatever statement: lists as long as that of the ids, for every other name; or the items as JSON."""

    def __init__(self, *, upload: int, item_ids: list[int]) -> None:
        super().__init__(upload=upload, attempt_id=1, customer_id=ACCOUNT, item_ids=item_ids)
        items = json.dumps([{"item_id": item_id} for item_id in item_ids])
        self |= dict.fromkeys(("planned", "sent", "labelled", "refused"), items)

    def __missing__(self, name: str) -> Any:
        return [None] * len(self["item_ids"])


def explained(connection: "psycopg.Connection[Any]", name: str, arguments: Arguments) -> str:
    statement = getattr(queries, name).sql
    return "\n".join(line for (line,) in connection.execute("explain " + statement, arguments))
