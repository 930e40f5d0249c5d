"""The emulator's control port: what is really in the accounts, past all of ours, and how they behave."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import Request, urlopen

from themaads_pipeline.exceptions import TransientError
from themaads_pipeline.model.ads import IDENTITY_PARAMETER


class EmulatorUnreachableError(TransientError):
    """The emulator's control port does not answer, or it refused."""


def wrong_ads(control_url: str, made: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is lost, there twice, or not asked for, by the ads that the ledger says were made.

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
    known = {(ad["customer_id"], ad["new_ad_id"]) for ad in made}
    problems += [
        f"unasked: ad {ad_id} is in ad group {live['ad_group_id']} of account {customer_id}"
        for (customer_id, ad_id), live in ads.items()
        if not live["seeded"] and (customer_id, ad_id) not in known
    ]
    return problems


def upload_file(control_url: str) -> bytes:
    """The generated ad groups as an upload file (CSV)."""
    return _ask(f"{control_url}/ad_groups.csv")


def behave(control_url: str, profile: str) -> None:
    """Have the accounts answer by a profile, and without faults."""
    _send(f"{control_url}/profile", {"name": profile})
    _send(f"{control_url}/faults", None, method="DELETE")


def lose_a_request(control_url: str, *, after: int, seconds: float) -> int:
    """Have a request for new ads hang on its way, unless its client waits for so long; gives its account.

    Args:
        control_url: The emulator's.
        after: So many requests for new ads in that account pass first.
        seconds: For how long it hangs. Nothing is created when its client has gone by then.
    """
    *_, account = _get(f"{control_url}/accounts")
    fault = {"kind": "hang", "method": "MutateAdGroupAds", "account": account["customer_id"]}
    _send(f"{control_url}/faults", {**fault, "count": 1, "after": after, "seconds": seconds})
    return int(account["customer_id"])


def _get(url: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads(_ask(url))
    return answer


def _send(url: str, content: Any, *, method: str = "POST") -> None:
    _ask(url, None if content is None else json.dumps(content).encode(), method=method)


def _ask(url: str, body: bytes | None = None, *, method: str | None = None) -> bytes:
    request = Request(url, body, method=method)  # noqa: S310  # the stack's own emulator
    try:
        with urlopen(request, timeout=30) as response:  # noqa: S310  # see above
            return bytes(response.read())
    except OSError as error:
        raise EmulatorUnreachableError(f"the emulator does not answer at {url} ({error})") from error
