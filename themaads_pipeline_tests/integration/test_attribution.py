"""Outcomes are attributed exactly: whatever the mix and the batches, each item's outcome is its own.

The expectation is made from what was seeded, and compared with the emulator's state and with the ledger.
"""

from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.pushing import EDITION, Pusher
from themaads_pipeline_tests.running_emulator import RunningEmulator

MANAGER = 1000000001
FORBIDDEN_WORD = "verboden"
_customers = count(3_000_000_001)
_keys = count()

# What an ad group is like -> how its item must end, and with which code.
KINDS = {
    "good": ("done", None),
    "good_and_labelled": ("done", None),
    "policy": ("failed", "PolicyFindingError.POLICY_FINDING"),
    "no_ad": ("skipped", "no_ad_to_copy"),
    "present": ("skipped", "already_present"),
    "present_without_label": ("skipped", "already_present"),
    "themed_only": ("skipped", "only_themed_ads"),
    "removed": ("skipped", "ad_group_removed"),
    "unknown": ("skipped", "ad_group_removed"),
    "display": ("skipped", "unsupported_ad_group_type"),
}


@dataclass(frozen=True)
class Group:
    """One ad group to be: its account's index, what it is like, and how often the file names it."""

    account: int
    kind: str
    rows: int


groups = st.lists(
    st.builds(
        Group,
        account=st.integers(0, 2),
        kind=st.sampled_from(sorted(KINDS)),
        rows=st.sampled_from([1, 1, 1, 2, 3]),
    ),
    min_size=1,
    max_size=40,
)


def ad(ad_id: int, ad_group_id: int, kind: str) -> dict[str, object]:
    copied = f"{FORBIDDEN_WORD} {ad_group_id}" if kind == "policy" else f"Schoenen {ad_group_id}"
    content: dict[str, object] = {
        "id": ad_id,
        "ad_group_id": ad_group_id,
        "status": "ENABLED",
        "headlines": [copied, "Snel in huis", "Gratis retour"],
        "descriptions": [f"Bekijk groep {ad_group_id}", "Bestel vandaag"],
        "final_urls": [f"https://www.winkel-{ad_group_id}.example/s?id={ad_group_id}"],
        "labels": [],
    }
    if kind == "good_and_labelled":
        content["labels"] = ["THEMA_ORIGINAL"]
    if kind == "present":
        content["labels"] = ["THEME_BF_2026"]
    if kind == "present_without_label":
        content["url_custom_parameters"] = {"themaedition": EDITION}
    if kind == "themed_only":
        content["labels"] = ["THEME_BF_2025"]
    return content


@pytest.fixture
def pusher(ledger: Ledger, gateway: Gateway, settings: Settings, emulator: RunningEmulator) -> Pusher:
    return Pusher(ledger=ledger, gateway=gateway, settings=settings, emulator=emulator)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    mix=groups,
    batch_size=st.integers(1, 9),
    read_size=st.integers(1, 13),
    answers_lost=st.integers(0, 2),
    done_label=st.booleans(),
)
def test_each_outcome_ad_and_label_is_the_items_own(  # noqa: PLR0917 - hypothesis gives them by name
    pusher: Pusher, mix: list[Group], batch_size: int, read_size: int, answers_lost: int, done_label: bool
) -> None:
    customers = [next(_customers) for _ in range(3)]
    seeded = {
        customer: {
            "customer_id": customer,
            "name": f"Winkel {customer}",
            "campaigns": [],
            "ad_groups": [],
            "ads": [],
        }
        for customer in customers
    }
    refs, expected = [], {}
    for number, group in enumerate(mix, start=1):
        customer, ad_group_id = customers[group.account], 1000 + number
        account = seeded[customer]
        account["campaigns"] = [{"id": 1, "name": "Zoeken"}]
        account["labels"] = [
            {"id": 11, "name": "THEME_BF_2025"},
            {"id": 12, "name": "THEME_BF_2026"},
            {"id": 13, "name": "THEMA_ORIGINAL"},
        ]
        if group.kind != "unknown":
            account["ad_groups"].append(  # type: ignore[attr-defined]  # a list
                {
                    "id": ad_group_id,
                    "name": f"Groep {number}",
                    "campaign_id": 1,
                    "status": "REMOVED" if group.kind == "removed" else "ENABLED",
                    "type": "DISPLAY_STANDARD" if group.kind == "display" else "SEARCH_STANDARD",
                }
            )
            if group.kind != "no_ad":
                account["ads"].append(ad(5000 + number, ad_group_id, group.kind))  # type: ignore[attr-defined]  # a list
        refs += [(customer, ad_group_id)] * group.rows
        expected[customer, ad_group_id] = (5000 + number, group.kind)
    pusher.emulator.seed(
        {
            "managers": [{"customer_id": MANAGER, "name": "Bureau"}],
            "accounts": [account | {"managers": [MANAGER]} for account in seeded.values()],
            "policy": [
                {"word": FORBIDDEN_WORD, "topic": "FORBIDDEN", "type": "PROHIBITED", "exemptible": False}
            ],
        }
    )
    pusher.emulator.reset()
    if answers_lost:
        fault = {"kind": "commit_then_error", "method": "*MutateAdGroupAds", "code": "UNAVAILABLE"}
        pusher.emulator.faults([fault | {"count": answers_lost}])

    upload = pusher.submit(refs, key=f"property@{next(_keys)}")
    summary = pusher.push(
        upload, batch_size=batch_size, read_size=read_size, accounts_at_once=3, done_label=done_label
    )

    assert summary.is_finished
    items = {
        (item["customer_id"], item["ad_group_id"]): item for item in pusher.ledger.outcomes.items(upload)
    }
    assert items.keys() == expected.keys(), "duplicate rows are one item"
    for customer in customers:
        state: dict[int, list[dict[str, Any]]] = {}
        for live in pusher.emulator.ads(customer):
            state.setdefault(int(live["ad_group_id"]), []).append(live)
        group_labels = {
            int(group["id"] if "id" in group else group["ad_group_id"]): group["labels"]
            for group in pusher.emulator.ad_groups(customer)
        }
        for (account_id, ad_group_id), (original_id, kind) in expected.items():
            if account_id != customer:
                continue
            item, live_ads = items[account_id, ad_group_id], state.get(ad_group_id, [])
            assert (item["state"], item["code"]) == KINDS[kind], (kind, item)
            new = [live for live in live_ads if int(live["ad_id"]) != original_id]
            original = [live for live in live_ads if int(live["ad_id"]) == original_id]
            if item["state"] != "done":
                assert new == [], kind
                wanted = {
                    "present": ["THEME_BF_2026"],
                    "present_without_label": ["THEME_BF_2026"],
                    "themed_only": ["THEME_BF_2025"],
                }.get(kind, [])
                assert all(live["labels"] == wanted for live in original), kind
                continue
            [made] = new
            assert int(made["ad_id"]) == item["new_ad_id"]
            assert f"Schoenen {ad_group_id}" in {text["text"] for text in made["headlines"]}
            assert made["labels"] == ["THEME_BF_2026"]
            assert [live["labels"] for live in original] == [["THEMA_ORIGINAL"]]
            assert item["copied_ad_id"] == original_id
            assert (item["original_label_id"] is None) == (kind == "good_and_labelled")
            assert group_labels[ad_group_id] == (["THEME_BF_2026_DONE"] if done_label else [])
