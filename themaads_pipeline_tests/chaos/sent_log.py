"""What was sent, by the emulator's request log, kept beyond its end: was anything sent again?"""

from collections.abc import Sequence
from typing import Any


class SentLog:
    """Requests that create ads, each once, however often they are added."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self._requests: dict[tuple[float, str, str], dict[str, Any]] = {}

    def add(self, requests: Sequence[dict[str, Any]]) -> None:
        """Keep what `GET /requests?method=MutateAdGroupAds&full=1` says."""
        for request in requests:
            key = (request["time"], request["account"], request["request_id"])
            self._requests[key] = request

    def created(self) -> int:
        """How many ads came to be by the requests that are known."""
        return sum(1 for request in self._requests.values() for _ in _ad_groups(request, created=True))

    def again(self) -> list[str]:
        """Ad groups that were in another request after one had created their ad."""
        created_at: dict[tuple[str, int], float] = {}
        found = []
        for (time, account, _), request in sorted(self._requests.items()):
            places = [(account, ad_group) for ad_group in _ad_groups(request, created=False)]
            found += [
                f"{place}: sent {time - created_at[place]:.1f} s after its ad"
                for place in places
                if place in created_at
            ]
            created_at |= {(account, ad_group): time for ad_group in _ad_groups(request, created=True)}
        return found


def _ad_groups(request: dict[str, Any], *, created: bool) -> list[int]:
    return [
        int(result["create"]["ad_group_id"])
        for result in request["results"]
        if result.get("create") and (result["resource_name"] or not created)
    ]
