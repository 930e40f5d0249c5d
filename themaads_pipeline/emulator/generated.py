"""Accounts in bulk for load tests: the same ones for the same figures, and an ad's texts are made when they
are read.
"""

from functools import cache, partial
from random import Random
from typing import Any

from themaads_pipeline.emulator.entities import Account, Ad, AdGroup, Campaign
from themaads_pipeline.emulator.messages import enum_values, message_class

_PRODUCTS = (
    "Hardloopschoenen", "Wandelschoenen", "Sneakers", "Laarzen", "Sandalen",
    "Winterjassen", "Regenjassen", "Truien", "Spijkerbroeken", "Overhemden",
    "Jurken", "Rugzakken", "Koffers", "Horloges", "Zonnebrillen",
    "Hoofdtelefoons", "Koffiemachines", "Stofzuigers", "Wasmachines", "Televisies",
    "Laptops", "Tablets", "Fietsen", "Fietstassen", "Tuinstoelen",
    "Lampen", "Matrassen", "Dekbedden", "Boeken", "Puzzels",
)  # fmt: skip
_QUALITIES = (
    "Heren",
    "Dames",
    "Kinder",
    "Goedkope",
    "Luxe",
    "Duurzame",
    "Lichte",
    "Zwarte",
    "Blauwe",
    "Nieuwe",
)
_CAMPAIGN_SIZE = 200
_AD_IDS_FROM = 500_000_000_000
_AD_GROUP_IDS_FROM = 150_000_000_000
_CAMPAIGN_IDS_FROM = 20_000_000_000


def generate(accounts: dict[int, Account], figures: dict[str, Any]) -> tuple[Account, ...]:
    """Adds accounts with campaigns and ad groups, one enabled RSA each, and gives those accounts.

    `figures`: accounts (28), ad_groups in all (50,000), seed (1), first_customer_id (2,000,000,001),
    manager (1,000,000,001, made when missing). Accounts are of equal size; `sizes`, a list of so many ad
    groups each, stands in place of accounts and ad_groups.

    Raises:
        ValueError: A figure that nobody knows, or an account that is there already.
    """
    unknown = set(figures) - {"accounts", "ad_groups", "seed", "first_customer_id", "manager", "sizes"}
    if unknown:
        raise ValueError(f"generate: unknown figures {sorted(unknown)}")
    random = Random(figures.get("seed", 1))  # noqa: S311 - the same accounts for the same seed
    first, manager_id = (
        int(figures.get("first_customer_id", 2_000_000_001)),
        int(figures.get("manager", 1_000_000_001)),
    )
    manager = accounts.get(manager_id)
    if manager is None:
        manager = accounts[manager_id] = Account(customer_id=manager_id, name="Agency", manager=True)
    made: list[Account] = []
    serial = 0
    for number, size in enumerate(_sizes(figures)):
        customer_id = first + number
        if customer_id in accounts:
            raise ValueError(f"generate: account {customer_id} is there already")
        account = accounts[customer_id] = Account(
            customer_id=customer_id, name=f"Winkel {number + 1}", managers=[manager]
        )
        made.append(account)
        shift = random.randrange(len(_PRODUCTS) * len(_QUALITIES))
        for start in range(0, size, _CAMPAIGN_SIZE):
            campaign = Campaign(
                account=account,
                campaign_id=_CAMPAIGN_IDS_FROM + serial // _CAMPAIGN_SIZE * 1000 + number,
                name=f"Zoeken {start // _CAMPAIGN_SIZE + 1}",
                start_date_time="2020-01-01 00:00:00",
            )
            account.campaigns[campaign.campaign_id] = campaign
            count = min(_CAMPAIGN_SIZE, size - start)
            _add_ad_groups(account, campaign, range(serial, serial + count), shift)
            serial += count
    return tuple(made)


def _sizes(figures: dict[str, Any]) -> list[int]:
    if "sizes" in figures:
        return [int(size) for size in figures["sizes"]]
    count, total = int(figures.get("accounts", 28)), int(figures.get("ad_groups", 50_000))
    return [total // count + (number < total % count) for number in range(count)]


def _add_ad_groups(account: Account, campaign: Campaign, serials: range, shift: int) -> None:
    rsa = enum_values("AdType")["RESPONSIVE_SEARCH_AD"]
    for serial in serials:
        choice = shift + serial
        product = _PRODUCTS[choice % len(_PRODUCTS)]
        quality = _QUALITIES[choice // len(_PRODUCTS) % len(_QUALITIES)]
        ad_group = AdGroup(
            campaign=campaign, ad_group_id=_AD_GROUP_IDS_FROM + serial, name=f"{quality} {product} {serial}"
        )
        body = partial(_body, quality, product, serial, account.customer_id)
        ad = Ad(ad_group=ad_group, ad_id=_AD_IDS_FROM + serial, body=body, type=rsa)
        ad_group.ads.append(ad)
        account.ad_groups[ad_group.ad_group_id] = ad_group
        account.ads[ad.ad_id] = ad


def _body(quality: str, product: str, serial: int, customer_id: int) -> bytes:
    """An RSA as an advertiser might have written it; some have pins, tracking or a second path."""
    common = _common(
        quality, product, pinned=serial % 10 == 0, second_path=serial % 4 == 0, tracked=serial % 25 == 0
    )
    own = message_class("resources.Ad")()
    for text in (f"Modelnummer {serial}"[:30], "Achteraf Betalen")[: serial % 3]:
        own.responsive_search_ad.headlines.add(text=text)
    own.final_urls.append(f"https://www.winkel{customer_id % 1000}.nl/{product.lower()}/{serial}?kleur=zwart")
    return common + bytes(own.SerializeToString())  # one behind the other is both merged: a rule of protobuf


@cache
def _common(quality: str, product: str, *, pinned: bool, second_path: bool, tracked: bool) -> bytes:
    """What the ads of all ad groups of a product have alike, serialised."""
    message = message_class("resources.Ad")()
    rsa = message.responsive_search_ad
    headlines = (
        f"{quality} {product}"[:30],
        f"{product} Online Kopen"[:30],
        "Voor 23:59 Besteld",
        "Gratis Retourneren",
    )
    for text in headlines:
        rsa.headlines.add(text=text)
    rsa.descriptions.add(
        text=f"Ruime keuze in {quality.lower()} {product.lower()}. Vandaag besteld, morgen in huis."
    )
    rsa.descriptions.add(text="Gratis verzending vanaf 20 euro en 30 dagen bedenktijd.")
    rsa.path1 = product.lower()[:15]
    if second_path:
        rsa.path2 = quality.lower()[:15]
    if pinned:
        rsa.headlines[0].pinned_field = enum_values("ServedAssetFieldType")["HEADLINE_1"]
    if tracked:
        message.tracking_url_template = "{lpurl}?utm_source=google&utm_campaign={campaignid}"
    return bytes(message.SerializeToString())
