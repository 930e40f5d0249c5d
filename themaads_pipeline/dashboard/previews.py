"""The ad that is copied beside the one that would be made, as a searcher sees both now. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from themaads_pipeline.model.ads import Account, AdContent, AdText
from themaads_pipeline.model.texts import rendered_for_people
from themaads_pipeline.push.dry_run import PlannedOutcome
from themaads_pipeline.push.snapshot import local_now

__all__ = ["Ad", "Beside", "Text", "side_by_side"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A headline or description; `is_new`: the original has none like it."""

    text: str
    pin: str
    is_new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ad:
    """What an ad says and where it leads."""

    headlines: tuple[Text, ...]
    descriptions: tuple[Text, ...]
    url: str
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """Both, and where they are."""

    customer_id: int
    account: str
    campaign: str
    ad_group: str
    edition: str
    original: Ad | None
    themed: Ad
    labels: tuple[str, ...]


def side_by_side(outcome: PlannedOutcome, accounts: Mapping[int, Account], now: datetime) -> Beside:
    """For an outcome that is a new ad; countdowns as the account's clock has them."""
    assert outcome.new_ad is not None  # noqa: S101 - only new ads are shown
    account = accounts.get(outcome.item.customer_id)
    at = local_now(account, now) if account else now
    original = outcome.original
    known = {text.text for text in (*original.headlines, *original.descriptions)} if original else set()
    return Beside(
        customer_id=outcome.item.customer_id,
        account=outcome.account_name,
        campaign=outcome.campaign_name,
        ad_group=outcome.ad_group_name,
        edition=outcome.item.edition,
        original=_ad(original, None, at) if original else None,
        themed=_ad(outcome.new_ad.content, known, at),
        labels=outcome.labels,
    )


def _ad(content: AdContent, known: set[str] | None, at: datetime) -> Ad:
    def shown(texts: Sequence[AdText]) -> tuple[Text, ...]:
        return tuple(
            Text(
                text=rendered_for_people(each.text, at),
                pin=(each.pin or "").replace("_", " ").lower(),
                is_new=known is not None and each.text not in known,
            )
            for each in texts
        )

    return Ad(
        headlines=shown(content.headlines),
        descriptions=shown(content.descriptions),
        url=" ".join(content.final_urls),
        path="/".join(part for part in (content.path1, content.path2) if part),
    )
