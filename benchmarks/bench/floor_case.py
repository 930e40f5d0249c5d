"""The floor: what the same upload costs with no pipeline around it. Arguments: the upload's number, and
`blind` for a floor that knows beforehand what it would read.

The same rows are read, the same ads and labels are built as raw protobuf and sent over the same channel, and
as many outcomes are copied into a table. Read is what an ad is copied from, field by field, as any script has
to that copies ads; the blind one parses the same answers, and takes no more than the ads' ids out of them.
What to send is found out beforehand, by our own planner, and not measured in either. One account after the
other, in one thread, nothing written down before it is sent.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.bench.place import Meter, say, since_the_interpreter_started
from themaads_pipeline.ads import operations, protobuf, queries
from themaads_pipeline.ads.client import AdsClient, open_client
from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.ads import Account, NewAd
from themaads_pipeline.model.items import ItemState
from themaads_pipeline.model.labels import LabelBook
from themaads_pipeline.push.memory import collect_seldom, keep_memory
from themaads_pipeline.push.snapshot import local_now, look, plan_items
from themaads_pipeline.push.work import PushConfig
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW

_TIMEOUT_S = 600
_Texts = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class _Ad:
    """What is sent of one ad, in the plainest form there is. `pin` is the enum's number."""

    ad_group_id: int
    copied_ad_id: int
    headlines: _Texts
    descriptions: _Texts
    final_url: str
    path1: str
    path2: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Share:
    """One account's share of the upload."""

    account: Account
    label_names: tuple[str, str]
    reads: tuple[tuple[int, ...], ...]
    batches: tuple[tuple[_Ad, ...], ...]


def main(number: int, read: Callable[[Any], tuple[Any, ...]]) -> None:
    """Find out what to send, and send it."""
    imports_s = since_the_interpreter_started()
    collect_seldom()  # Python is set as in a worker: that is no pipeline
    keep_memory()
    chosen = settings()
    client = open_client(chosen.ads_config, trusted_roots=chosen.emulator_dir / "ca.pem")
    assert chosen.database_url is not None
    with Ledger(chosen.database_url, chosen) as ledger:
        shares = _shares(number, ledger, Gateway(client))
    sent = 0
    with psycopg.connect(chosen.database_url) as connection:
        connection.execute(
            "create temporary table outcome (ad_group_id bigint, ad_id bigint, edition_label bigint,"
            " original_label bigint, state text)"
        )
        connection.commit()
        meter = Meter()
        for share in shares:
            sent += _push(client, share, connection, read)
        figures = meter.read()
    client.close()
    operations_sent = 3 * sent  # the ad and two labels
    say(
        {
            "items": sent,
            "imports_s": imports_s,
            "cpu_us_per_operation": figures["cpu_s"] / operations_sent * 1e6,
            **figures,
        }
    )


def _shares(number: int, ledger: Ledger, gateway: Gateway) -> list[_Share]:
    config, catalogue, accounts = PushConfig(), load_catalogue(None), gateway.accounts()
    shares = []
    for opened in ledger.rows.open_accounts(number):
        account, after = accounts[opened.customer_id], 0
        reads: list[tuple[int, ...]] = []
        batches: list[tuple[_Ad, ...]] = []
        names = set()
        while items := ledger.rows.open_items(
            number, opened.customer_id, ItemState.PENDING, after=after, limit=config.read_size
        ):
            after = items[-1].item_id
            plans = plan_items(
                items,
                look(None, gateway, account, items),
                catalogue=catalogue,
                labels=LabelBook(ids=gateway.read_labels(account)),
                local_now=local_now(account, NOW),
            )
            assert len(plans.creates) == len(items), "this case is of ad groups that all get an ad"
            reads.append(tuple(item.ad_group_id for item in items))
            ads = [_plain(create.new_ad) for create in plans.creates]
            names |= {catalogue.edition(item.edition).label for item in items}
            batches += [
                tuple(ads[start : start + config.batch_size])
                for start in range(0, len(ads), config.batch_size)
            ]
        [label] = names
        shares.append(_Share(account, (label, "THEMA_ORIGINAL"), tuple(reads), tuple(batches)))
    return shares


def _plain(new_ad: NewAd) -> _Ad:
    content = new_ad.content
    [final_url] = content.final_urls
    return _Ad(
        ad_group_id=new_ad.ad_group_id,
        copied_ad_id=new_ad.copied_ad_id,
        headlines=_pinned(content.headlines),
        descriptions=_pinned(content.descriptions),
        final_url=final_url,
        path1=content.path1,
        path2=content.path2,
        parameters=content.url_custom_parameters,
    )


def _pinned(texts: Sequence[Any]) -> _Texts:
    return tuple((text.text, protobuf.PIN_NUMBERS[text.pin] if text.pin else None) for text in texts)


# What is measured


def _push(
    client: AdsClient,
    share: _Share,
    connection: "psycopg.Connection[Any]",
    read: Callable[[Any], tuple[Any, ...]],
) -> int:
    login = share.account.login_customer_id
    for ids in share.reads:
        request = protobuf.SearchGoogleAdsStreamRequest(
            customer_id=str(share.account.customer_id), query=queries.ads(ids)
        )
        stream = client.service("GoogleAdsService", login).search_stream(
            request=request, timeout=_TIMEOUT_S, retry=None
        )
        seen = [read(row) for batch in stream for row in batch.results]
        assert len(seen) >= len(ids)
    label_ids = [_id(name) for name in _named(client, share)]
    sent = 0
    for batch in share.batches:
        answer = client.service("AdGroupAdService", login).mutate_ad_group_ads(
            request=_ads_request(share.account.customer_id, batch), timeout=_TIMEOUT_S, retry=None
        )
        new_ad_ids = [_id(result.resource_name) for result in answer.results]
        request = _labels_request(share.account.customer_id, batch, new_ad_ids, label_ids)
        answer = client.service("AdGroupAdLabelService", login).mutate_ad_group_ad_labels(
            request=request, timeout=_TIMEOUT_S, retry=None
        )
        assert all(result.resource_name for result in answer.results)
        with connection.cursor() as cursor, cursor.copy("copy outcome from stdin") as copy:
            for ad, new_ad_id in zip(batch, new_ad_ids, strict=True):
                copy.write_row((ad.ad_group_id, new_ad_id, *label_ids, "done"))
        connection.commit()
        sent += len(batch)
    return sent


def _what_is_copied(row: Any) -> tuple[Any, ...]:
    """All that an ad is copied from, and by what it is chosen."""
    ad_group, campaign, ad_group_ad = row.ad_group, row.campaign, row.ad_group_ad
    ad = ad_group_ad.ad
    rsa = ad.responsive_search_ad
    return (
        ad_group.id,
        ad_group.status,
        ad_group.type_,
        campaign.status,
        campaign.end_date_time,
        ad.id,
        ad_group_ad.status,
        ad_group_ad.policy_summary.approval_status,
        [(asset.text, asset.pinned_field) for asset in rsa.headlines],
        [(asset.text, asset.pinned_field) for asset in rsa.descriptions],
        rsa.path1,
        rsa.path2,
        list(ad.final_urls),
        list(ad.final_mobile_urls),
        ad.tracking_url_template,
        ad.final_url_suffix,
        [(parameter.key, parameter.value) for parameter in ad.url_custom_parameters],
        list(ad_group_ad.labels),
    )


def _no_more_than_its_id(row: Any) -> tuple[Any, ...]:
    return (row.ad_group_ad.ad.id,)


def _named(client: AdsClient, share: _Share) -> list[str]:
    answer = client.service("LabelService", share.account.login_customer_id).mutate_labels(
        request=operations.create_labels_request(share.account.customer_id, share.label_names),
        timeout=_TIMEOUT_S,
        retry=None,
    )
    return [result.resource_name for result in answer.results]


def _ads_request(customer_id: int, ads: Sequence[_Ad]) -> Any:
    wrapper = protobuf.MutateAdGroupAdsRequest
    message = wrapper.pb()(customer_id=str(customer_id), partial_failure=True)
    add, ad_groups, paused = message.operations.add, f"customers/{customer_id}/adGroups/", protobuf.PAUSED
    for ad in ads:
        create = add().create
        create.ad_group = f"{ad_groups}{ad.ad_group_id}"
        create.status = paused
        content = create.ad
        content.final_urls.append(ad.final_url)
        for key, value in ad.parameters:
            content.url_custom_parameters.add(key=key, value=value)
        rsa = content.responsive_search_ad
        for new, texts in ((rsa.headlines.add, ad.headlines), (rsa.descriptions.add, ad.descriptions)):
            for text, pin in texts:
                asset = new()
                asset.text = text
                if pin is not None:
                    asset.pinned_field = pin
        rsa.path1 = ad.path1
        rsa.path2 = ad.path2
    return wrapper.wrap(message)


def _labels_request(
    customer_id: int, ads: Sequence[_Ad], new_ad_ids: Sequence[int], label_ids: Sequence[int]
) -> Any:
    wrapper = protobuf.MutateAdGroupAdLabelsRequest
    message = wrapper.pb()(customer_id=str(customer_id), partial_failure=True)
    add, customer = message.operations.add, f"customers/{customer_id}"
    edition, original = (f"{customer}/labels/{label_id}" for label_id in label_ids)
    for ad, new_ad_id in zip(ads, new_ad_ids, strict=True):
        for ad_id, label in ((new_ad_id, edition), (ad.copied_ad_id, original)):
            create = add().create
            create.ad_group_ad = f"{customer}/adGroupAds/{ad.ad_group_id}~{ad_id}"
            create.label = label
    return wrapper.wrap(message)


def _id(resource_name: str) -> int:
    return int(resource_name.replace("~", "/").rpartition("/")[2])


if __name__ == "__main__":
    main(int(sys.argv[1]), _no_more_than_its_id if sys.argv[2:] == ["blind"] else _what_is_copied)
