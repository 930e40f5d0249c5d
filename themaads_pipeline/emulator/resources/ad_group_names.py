"""The names of ad groups within each campaign, as one mutate request sees them.

An account may hold a million ad groups: they are gone through once a request, and not once an operation.
"""

from collections import Counter

from themaads_pipeline.emulator.entities import REMOVED, AdGroup, Campaign
from themaads_pipeline.emulator.transactions import Transaction


class AdGroupNames:
    def __init__(self, tx: Transaction) -> None:
        self._names: dict[int, Counter[str]] = {}
        self._counts: Counter[int] = Counter()
        for ad_group in tx.account.ad_groups.values():
            if ad_group.status != REMOVED:
                self._add(ad_group.campaign.campaign_id, ad_group.name)

    @classmethod
    def of(cls, tx: Transaction) -> "AdGroupNames":
        """The request's own, made when it is first asked for."""
        names = tx.kept.get(cls)
        if names is None:
            names = tx.kept[cls] = cls(tx)
        found: AdGroupNames = names
        return found

    def taken(self, campaign: Campaign, name: str) -> bool:
        return self._names.get(campaign.campaign_id, Counter())[name] > 0

    def count(self, campaign: Campaign) -> int:
        """How many ad groups the campaign has."""
        return self._counts[campaign.campaign_id]

    def take(self, tx: Transaction, ad_group: AdGroup) -> None:
        """The ad group has its name now."""
        self._add(ad_group.campaign.campaign_id, ad_group.name)
        tx.on_undo(ad_group, self._drop, ad_group.campaign.campaign_id, ad_group.name)

    def leave(self, tx: Transaction, ad_group: AdGroup, name: str) -> None:
        """The ad group no longer has the name."""
        self._drop(ad_group.campaign.campaign_id, name)
        tx.on_undo(ad_group, self._add, ad_group.campaign.campaign_id, name)

    def _add(self, campaign_id: int, name: str) -> None:
        self._names.setdefault(campaign_id, Counter())[name] += 1
        self._counts[campaign_id] += 1

    def _drop(self, campaign_id: int, name: str) -> None:
        self._names[campaign_id][name] -= 1
        self._counts[campaign_id] -= 1
