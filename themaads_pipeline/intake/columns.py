"""Which column of a file is which: by its header, in any order, in English or Dutch."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from themaads_pipeline.exceptions import UnusableFileError

RECOGNISED = ("customer_id", "ad_group_id", "ad_group_name", "campaign_id", "campaign_name", "theme")

# Google Ads' own reports begin with lines for a title and a period, Excel with `sep=;`.
HEADER_WITHIN_LINES = 20
MAX_COLUMNS = 2_000

# Besides the names of the format: what Google Ads' reports and Google Ads Editor write, letters only.
_ALIASES = {
    "customer_id": ("customerid", "accountid", "cid", "klantid", "klantnummer", "accountnummer"),
    "ad_group_id": ("adgroupid", "advertentiegroepid"),
    "ad_group_name": ("adgroupname", "adgroup", "advertentiegroep", "advertentiegroepnaam"),
    "campaign_id": ("campaignid", "campagneid"),
    "campaign_name": ("campaignname", "campaign", "campagne", "campagnenaam"),
    "theme": ("theme", "themename", "thema", "themanaam"),
}
_CANONICAL = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}
_FORGIVEN = re.compile(r"[\s_\-.\ufeff\u2010-\u2015]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """Where the header is, and at which position each recognised column stands."""

    line: int
    width: int  # how many columns the file has, the ignored ones included
    positions: dict[str, int]  # canonical name -> position


def canonical(title: str) -> str | None:
    """The format's name for a column title, or None for a column that is ignored.

    >>> canonical(" Klant-ID ")
    'customer_id'
    """
    return _CANONICAL.get(_FORGIVEN.sub("", title).casefold())


def usable(titles: Sequence[str]) -> bool:
    """Whether a line can be the header: an account and an ad group can be told from its columns."""
    names = {canonical(title) for title in titles}
    return "customer_id" in names and bool(names & {"ad_group_id", "ad_group_name"})


def recognised(titles: Sequence[str]) -> int:
    """How many titles of a line are columns of ours; tells a header from other lines."""
    return sum(canonical(title) is not None for title in titles)


def header(titles: Sequence[str], *, line: int, file: str, only: Collection[str] = RECOGNISED) -> Header:
    """The header in `titles`.

    Raises:
        UnusableFileError: a column stands there twice, so nobody can know which one is meant.
    """
    if len(titles) > MAX_COLUMNS:
        message = (
            f"{file}: line {line} has {len(titles):,} columns, more than {MAX_COLUMNS:,}. "
            f"Keep only the columns {', '.join(RECOGNISED)}."
        )
        raise UnusableFileError(message)
    positions: dict[str, int] = {}
    for position, title in enumerate(titles):
        name = canonical(title)
        if name is None:
            continue
        if name in positions:
            message = (
                f'{file}: the columns "{titles[positions[name]].strip()}" and "{title.strip()}" '
                f"(line {line}) both mean {name}. Remove or rename one of them."
            )
            raise UnusableFileError(message)
        positions[name] = position
    return Header(
        line=line, width=len(titles), positions={name: at for name, at in positions.items() if name in only}
    )


def no_usable_column(best: Sequence[str], *, file: str) -> UnusableFileError:
    """What to say when no line is a header: what was found, and what is needed."""
    names = {canonical(title) for title in best}
    missing = []
    if "customer_id" not in names:
        missing.append("customer_id")
    if not names & {"ad_group_id", "ad_group_name"}:
        missing.append("ad_group_id (or ad_group_name)")
    found = ", ".join(f'"{title.strip()[:40]}"' for title in best[:10] if title.strip()) or "nothing"
    return UnusableFileError(
        f"{file}: no header with the column {' and the column '.join(missing)} in the first "
        f"{HEADER_WITHIN_LINES} lines (found: {found}). Put the column names in the first line: "
        f"{', '.join(RECOGNISED)}."
    )
