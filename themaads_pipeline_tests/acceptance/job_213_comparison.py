"""What the accounts of the demo's second act must hold: one new ad in each ad group, whatever was killed.

Imports nothing of the pipeline; the generated ads themselves say what the new ones must be.
"""

from collections.abc import Iterable, Iterator

from themaads_pipeline_tests.acceptance.demo_comparison import ORIGINAL, AccountState, Row, State

_UNCHANGED = ("path2", "final_mobile_urls", "tracking_url_template", "final_url_suffix", "policy_topics")


def job_213_problems(
    accounts: State, outcomes: Iterable[Row], *, edition: str, label: str, path1: str
) -> Iterator[str]:
    """Everything that differs, each a sentence; none is as it should be."""
    rows: dict[tuple[str, int], list[Row]] = {}
    for row in outcomes:
        rows.setdefault((row["customer_id"], int(row["ad_group_id"])), []).append(row)
    for customer_id, account in accounts.items():
        for ad_group_id in account.ad_groups:
            place = customer_id, ad_group_id
            ads = [ad for ad in account.ads.values() if ad["ad_group_id"] == ad_group_id]
            old, new = [ad for ad in ads if ad["seeded"]], [ad for ad in ads if not ad["seeded"]]
            told = rows.pop(place, [])
            if (len(old), len(new), len(told)) != (1, 1, 1):
                yield f"{place}: {len(new)} new ads, {len(told)} outcomes"
                continue
            yield from (f"{place}: {wrong}" for wrong in _ad_problems(old[0], new[0], edition, label, path1))
            if (told[0]["outcome"], told[0]["new_ad_id"]) != ("done", str(new[0]["ad_id"])):
                yield f"{place}: the outcome is {told[0]}"
        yield from _label_problems(customer_id, account, label)
    yield from (f"{place}: nobody expected an outcome" for place in rows)


def _ad_problems(old: Row, new: Row, edition: str, label: str, path1: str) -> Iterator[str]:
    if old["labels"] != [ORIGINAL] or old["status"] != "ENABLED":
        yield f"the copied ad is {old['status']} with labels {old['labels']}"
    wanted = {
        "status": "PAUSED",
        "labels": [label],
        "path1": path1,
        "url_custom_parameters": {"themaedition": edition},
        "final_urls": [f"{url}&campaign_theme=1" for url in old["final_urls"]],
        **{name: old[name] for name in _UNCHANGED},
    }
    for name, value in wanted.items():
        if new[name] != value:
            yield f"the new ad's {name} is {new[name]!r} instead of {value!r}"
    if new["headlines"][:3] != old["headlines"][:3] or len(new["headlines"]) != 15:
        yield f"the new ad's headlines are {new['headlines']!r}"
    if new["descriptions"][:1] != old["descriptions"][:1] or len(new["descriptions"]) != 4:
        yield f"the new ad's descriptions are {new['descriptions']!r}"


def _label_problems(customer_id: str, account: AccountState, label: str) -> Iterator[str]:
    names = sorted(each["name"] for each in account.labels.values())
    if names != sorted([ORIGINAL, label]):
        yield f"{customer_id}: the labels are {names}"
