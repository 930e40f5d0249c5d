"""No statement grows with the square of a batch, no question with the ledger, whatever Postgres believes."""

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import psycopg
import pytest
from psycopg import sql

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


def test_items_of_one_state_are_found_without_the_others_by_a_plan_for_all_states(
    ledger: Ledger, database_url: str
) -> None:
    upload = working(ledger, items=_ENOUGH).owner.upload
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "update themaads.item set state = 'applied', new_ad_id = 1 where item_id % 5000 = 0"
        )
        connection.execute("analyze themaads.item")
        connection.execute(
            "set plan_cache_mode = force_generic_plan"
        )  # as a connection's sixth time may have it
        wanted = {
            "upload": upload,
            "customer_id": ACCOUNT,
            "state": "applied",
            "after": 0,
            "limit": 5,
            "deaths": None,
        }
        connection.execute(f"prepare asked as {numbered('open_items', list(wanted))}")
        asked = sql.SQL("explain (analyze) execute asked ({})").format(
            sql.SQL(",").join(sql.Literal(value) for value in wanted.values())
        )
        plan = "\n".join(line for (line,) in connection.execute(asked))
        assert "rows=5.00" in plan, plan
        assert "Removed by Filter" not in plan, f"pending ones are looked at, too:\n{plan}"


def test_an_uploads_policy_patterns_are_found_without_the_others_by_a_plan_for_all_uploads(
    ledger: Ledger, database_url: str
) -> None:
    other = working(ledger, items=2_000, key="other", run_id="other")
    ledger.leases.release(other.lease)
    upload = working(ledger, items=300).owner.upload
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "update themaads.item set state = 'failed', category = 'policy', code = 'POLICY', message = 'No.'"
        )
        connection.execute("analyze themaads.item")
        connection.execute("set plan_cache_mode = force_generic_plan")
        connection.execute(f"prepare asked (bigint) as {numbered('policy_patterns', ['upload'])}")
        asked = sql.SQL("explain (analyze, format json) execute asked ({})").format(sql.Literal(upload))
        [(plan,)] = connection.execute(asked).fetchall()
        found = [node for node in nodes(plan[0]["Plan"]) if node["Relation Name"] == "item"]
        assert max(node["Actual Rows"] for node in found) == 300, found
        assert not any("Rows Removed by Filter" in node for node in found), found


@pytest.mark.parametrize(
    ("name", "arguments"), [("progress_of", {"number": None}), ("uploads_to_tell_of", {"young_s": 3600})]
)
def test_the_counts_of_all_uploads_are_gone_through_once(
    name: str, arguments: dict[str, Any], ledger: Ledger, database_url: str
) -> None:
    for number in range(50):
        work = working(ledger, items=1, key=f"upload-{number}", run_id=f"run-{number}")
        ledger.leases.release(work.lease)
    with psycopg.connect(database_url, autocommit=True) as connection:
        statement = "explain (analyze, format json) " + getattr(queries, name).sql
        [(plan,)] = connection.execute(statement, arguments).fetchall()
        looks = {node["Relation Name"]: node["Actual Loops"] for node in nodes(plan[0]["Plan"])}
        assert looks["item_count"] == 1, looks
        assert not {"item", "rejected_row"} & looks.keys(), "these grow with the items"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of a plan that read a table."""
    if "Relation Name" in plan:
        yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def numbered(name: str, parameters: list[str]) -> str:
    """A statement as `prepare` takes it: $1 is the first of the parameters."""
    statement = getattr(queries, name).sql.rstrip().rstrip(";")
    for place, parameter in enumerate(parameters, 1):
        statement = statement.replace(f"%({parameter})s", f"${place}")
    return str(statement)


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
