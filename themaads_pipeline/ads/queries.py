# ruff: noqa: S608 - GAQL, not SQL: it cannot write, and every text in it goes through `quoted`
"""What is read: each query, and how one of its rows becomes a plain value. Pure, and free of google.ads."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from themaads_pipeline.model.ads import AdContent, AdGroup, AdText, LiveAd
from themaads_pipeline.model.reviews import AdReview

# Google's limit for one IN list (QueryError.FILTER_HAS_TOO_MANY_VALUES beyond it).
MAX_IN_VALUES = 20_000
# No size is published for a query; a chunk of names stays well below gRPC's usual 4 MB for a message.
MAX_IN_CHARACTERS = 500_000
_MOST_TEXTS = 16_384
_NONE: frozenset[int] = frozenset()

_AD_GROUP_FIELDS = (
    "ad_group.id, ad_group.name, ad_group.status, ad_group.type, campaign.id, campaign.name, "
    "campaign.status, campaign.end_date_time, campaign.experiment_type"
)
_AD_FIELDS = (
    "ad_group_ad.ad.id, ad_group_ad.status, ad_group_ad.labels, ad_group_ad.policy_summary.approval_status, "
    "ad_group_ad.ad.final_urls, ad_group_ad.ad.final_mobile_urls, ad_group_ad.ad.tracking_url_template, "
    "ad_group_ad.ad.final_url_suffix, ad_group_ad.ad.url_custom_parameters, "
    "ad_group_ad.ad.responsive_search_ad.headlines, ad_group_ad.ad.responsive_search_ad.descriptions, "
    "ad_group_ad.ad.responsive_search_ad.path1, ad_group_ad.ad.responsive_search_ad.path2"
)

_REVIEW_FIELDS = (
    "ad_group_ad.ad.id, ad_group_ad.status, ad_group.id, ad_group.name, campaign.name, "
    "ad_group_ad.policy_summary.review_status, ad_group_ad.policy_summary.approval_status, "
    "ad_group_ad.policy_summary.policy_topic_entries"
)

REACHABLE_ACCOUNTS = (
    "SELECT customer_client.id, customer_client.descriptive_name, customer_client.status, "
    "customer_client.manager, customer_client.time_zone, customer_client.level FROM customer_client"
)
ENABLED_LABELS = "SELECT label.id, label.name FROM label WHERE label.status = ENABLED"


def ads(ad_group_ids: Iterable[int]) -> str:
    """The responsive search ads, each with its ad group and campaign: one request.

    Removed ones too: what was there before a request, and what was created and removed again, must be told
    from what never was.
    """
    return (
        f"SELECT {_AD_GROUP_FIELDS}, {_AD_FIELDS} FROM ad_group_ad "
        f"WHERE ad_group.id IN ({_ids(ad_group_ids)}) "
        "AND ad_group_ad.ad.type = RESPONSIVE_SEARCH_AD "
        "AND ad_group_ad.status IN (ENABLED, PAUSED, REMOVED)"
    )


def reviews(ad_ids: Iterable[int]) -> str:
    """What Google's review says of ads; removed ones too, so that they are told from what never was."""
    return (
        f"SELECT {_REVIEW_FIELDS} FROM ad_group_ad WHERE ad_group_ad.ad.id IN ({_ids(ad_ids)}) "
        "AND ad_group_ad.status IN (ENABLED, PAUSED, REMOVED)"
    )


def ad_groups(ad_group_ids: Iterable[int]) -> str:
    """Ad groups by id, removed ones too."""
    return (
        f"SELECT {_AD_GROUP_FIELDS} FROM ad_group WHERE ad_group.id IN ({_ids(ad_group_ids)}) "
        "AND ad_group.status IN (ENABLED, PAUSED, REMOVED)"
    )


def ad_groups_named(names: Iterable[str]) -> str:
    """Ad groups by exact name (`IN` minds case), removed ones too; a name is unique per campaign only."""
    return (
        f"SELECT {_AD_GROUP_FIELDS} FROM ad_group WHERE ad_group.name IN ({', '.join(map(quoted, names))}) "
        "AND ad_group.status IN (ENABLED, PAUSED, REMOVED)"
    )


def quoted(text: str) -> str:
    r"""A GAQL string literal.

    >>> print(quoted("Bakker's \\ 'brood'"))
    'Bakker\'s \\ \'brood\''
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def chunks_of_ids(ids: Iterable[int]) -> Iterator[list[int]]:
    """Distinct ids in order, as many at a time as one IN list takes."""
    distinct = sorted(set(ids))
    for start in range(0, len(distinct), MAX_IN_VALUES):
        yield distinct[start : start + MAX_IN_VALUES]


def chunks_of_names(names: Iterable[str]) -> Iterator[list[str]]:
    """Distinct names as many at a time as one query takes; a name with a line break cannot exist."""
    chunk: list[str] = []
    size = 0
    for name in dict.fromkeys(names):
        if not name or "\n" in name or "\r" in name or "\0" in name:
            continue
        if len(chunk) == MAX_IN_VALUES or size + len(name) > MAX_IN_CHARACTERS:
            yield chunk
            chunk, size = [], 0
        chunk.append(name)
        size += len(name) + 4
    if chunk:
        yield chunk


def ad_group_of(row: Any) -> AdGroup:
    """The ad group and campaign of a GoogleAdsRow (raw protobuf)."""
    ad_group, campaign, names = row.ad_group, row.campaign, _names_in(row.DESCRIPTOR)
    return AdGroup(
        ad_group_id=ad_group.id,
        name=ad_group.name,
        status=names.ad_group_status[ad_group.status],
        type=names.ad_group_type[ad_group.type_],
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        campaign_status=names.campaign_status[campaign.status],
        campaign_end=_day(campaign.end_date_time),
        experiment_type=names.experiment_type[campaign.experiment_type],
    )


def live_ad_of(row: Any) -> LiveAd:
    """The responsive search ad of a GoogleAdsRow (raw protobuf)."""
    ad_group_ad, names = row.ad_group_ad, _names_in(row.DESCRIPTOR)
    ad = ad_group_ad.ad
    rsa, texts = ad.responsive_search_ad, names.texts
    # Looked at before they are gone through: nearly all ads have none, and going through nothing takes time.
    mobile_urls, parameters, labels = ad.final_mobile_urls, ad.url_custom_parameters, ad_group_ad.labels
    return LiveAd(
        ad_id=ad.id,
        ad_group_id=row.ad_group.id,
        status=names.ad_status[ad_group_ad.status],
        content=AdContent(
            headlines=tuple([texts[asset.pinned_field][asset.text] for asset in rsa.headlines]),
            descriptions=tuple([texts[asset.pinned_field][asset.text] for asset in rsa.descriptions]),
            final_urls=tuple(ad.final_urls),
            path1=rsa.path1,
            path2=rsa.path2,
            final_mobile_urls=tuple(mobile_urls) if mobile_urls else (),
            tracking_url_template=ad.tracking_url_template,
            final_url_suffix=ad.final_url_suffix,
            url_custom_parameters=(
                tuple([(each.key, each.value) for each in parameters]) if parameters else ()
            ),
        ),
        label_ids=frozenset([int(name.rpartition("/")[2]) for name in labels]) if labels else _NONE,
        approval_status=names.approval[ad_group_ad.policy_summary.approval_status],
    )


def review_of(row: Any) -> AdReview:
    """The review of the ad of a GoogleAdsRow (raw protobuf)."""
    ad_group_ad = row.ad_group_ad
    summary = ad_group_ad.policy_summary
    return AdReview(
        ad_id=ad_group_ad.ad.id,
        ad_group_id=row.ad_group.id,
        ad_group_name=row.ad_group.name,
        campaign_name=row.campaign.name,
        status=enum_name(ad_group_ad, "status"),
        review_status=enum_name(summary, "review_status"),
        approval_status=enum_name(summary, "approval_status"),
        topics=tuple((entry.topic, enum_name(entry, "type_")) for entry in summary.policy_topic_entries),
        evidences=tuple(
            dict.fromkeys(
                text
                for entry in summary.policy_topic_entries
                for evidence in entry.evidences
                for text in _evidence(evidence)
            )
        ),
    )


def _evidence(evidence: Any) -> Iterator[str]:
    yield from evidence.text_list.texts
    yield from evidence.website_list.websites
    yield from evidence.destination_text_list.destination_texts
    if evidence.destination_not_working.expanded_url:
        yield evidence.destination_not_working.expanded_url


def enum_name(message: Any, field: str) -> str:
    """An enum field's name, or its number as text where Google knows more values than this package."""
    name: str = _enum_names(message.DESCRIPTOR, field)[getattr(message, field)]
    return name


class _Names(dict[int, str | None]):
    """An enum's names by number; a number that this package does not know is its own name."""

    def __missing__(self, number: int) -> str:
        return str(number)


@cache
def _enum_names(descriptor: Any, field: str) -> Any:
    values = descriptor.fields_by_name[field].enum_type.values_by_number
    return _Names({number: value.name for number, value in values.items()})


class _Texts(dict[str, AdText]):
    """One object for each text with one pin: an account's ads repeat theirs, which saves time and memory."""

    def __init__(self, pin: str | None) -> None:
        super().__init__()
        self._pin = pin

    def __missing__(self, text: str) -> AdText:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        made = self[text] = AdText(text, self._pin)
        return made


class _TextsByPin(dict[int, _Texts]):
    """By the number of the pin; 0: not pinned."""

    def __init__(self, pins: _Names) -> None:
        super().__init__()
        self._pins = pins

    def __missing__(self, number: int) -> _Texts:
        made = self[number] = _Texts(self._pins[number] if number else None)
        return made


class _RowNames(NamedTuple):
    """The enums of a row of ads: looked up for each of their fields, in each row."""

    ad_group_status: Any
    ad_group_type: Any
    campaign_status: Any
    experiment_type: Any
    ad_status: Any
    approval: Any
    texts: Any  # `AdText`s by the number of their pin, and by what they say


@cache
def _names_in(row: Any) -> _RowNames:
    def part(message: Any, name: str) -> Any:
        return message.fields_by_name[name].message_type

    ad_group, campaign, ad_group_ad = (part(row, name) for name in ("ad_group", "campaign", "ad_group_ad"))
    rsa = part(part(ad_group_ad, "ad"), "responsive_search_ad")
    return _RowNames(
        ad_group_status=_enum_names(ad_group, "status"),
        ad_group_type=_enum_names(ad_group, "type_"),
        campaign_status=_enum_names(campaign, "status"),
        experiment_type=_enum_names(campaign, "experiment_type"),
        ad_status=_enum_names(ad_group_ad, "status"),
        approval=_enum_names(part(ad_group_ad, "policy_summary"), "approval_status"),
        texts=_TextsByPin(_enum_names(part(rsa, "headlines"), "pinned_field")),
    )


def _day(date_time: str) -> date | None:
    """The day of `yyyy-MM-dd HH:mm:ss` in the account's time zone; empty means that it does not end."""
    return date.fromisoformat(date_time[:10]) if date_time else None


def _ids(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids))
