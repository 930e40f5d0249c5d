"""Asks the emulator's control port what is really in the accounts, past everything of ours."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import urlopen

from themaads_pipeline.model.ads import IDENTITY_PARAMETER


def wrong_ads(control_url: str, made: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is lost, and what is there twice, of the ads that the ledger says were made.

    Args:
        control_url: The emulator's.
        made: `customer_id`, `ad_group_id`, `new_ad_id` and `edition` of each ad.
    """
    problems: list[str] = []
    ads: dict[tuple[int, int], dict[str, Any]] = {}
    themed: Counter[tuple[int, int, str]] = Counter()
    for customer_id in sorted({ad["customer_id"] for ad in made}):
        for live in _get(f"{control_url}/accounts/{customer_id}/ads"):
            if live["status"] == "REMOVED":
                continue
            ads[customer_id, int(live["ad_id"])] = live
            edition = live["url_custom_parameters"].get(IDENTITY_PARAMETER)
            themed[customer_id, int(live["ad_group_id"]), edition] += 1
    for ad in made:
        place = f"ad group {ad['ad_group_id']} of account {ad['customer_id']}"
        found = ads.get((ad["customer_id"], ad["new_ad_id"]))
        if found is None or int(found["ad_group_id"]) != ad["ad_group_id"]:
            problems.append(f"lost: ad {ad['new_ad_id']} is not in {place}")
        count = themed[ad["customer_id"], ad["ad_group_id"], ad["edition"]]
        if count > 1:
            problems.append(f"twice: {count} ads of {ad['edition']} in {place}")
    return problems


def _get(url: str) -> list[dict[str, Any]]:
    with urlopen(url, timeout=30) as response:  # noqa: S310  # the stack's own emulator
        answer: list[dict[str, Any]] = json.load(response)
        return answer
