"""Checking rows: each ends as a row that selects an ad group, or as a rejected one with its reason.

What a spreadsheet has damaged is seen and never guessed at: an id that lost its digits counts as absent, so
the ad group is looked up by its name where there is one, within its campaign where that is given. A
campaign_id that lost its digits gives way to the campaign_name; without one the name is looked up in the
account, where several matches are rejected. A healthy ad_group_id decides alone.
All checks work on whole columns, of many rows at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from themaads_pipeline.intake.columns import RECOGNISED
from themaads_pipeline.intake.tables import RawTable
from themaads_pipeline.model.items import RejectedRow
from themaads_pipeline.model.telling import PART, Tell, tell_nobody

_TEXT = pd.StringDtype("pyarrow")
_PART = 100_000  # rows whose columns are checked at a time: about a second
_LARGEST_ID = str(2**63 - 1)

_PLAIN = r"[0-9]{1,18}"
_WRAPPED = r"^=\"(.*)\"$"  # ="123": how exports keep Excel's hands off an id
_POINT_ZERO = r"^([0-9]+)[.,]0{1,2}$"  # three zeros would be a thousands separator
_SCIENTIFIC = r"[+-]?[0-9]+([.,][0-9]*)?[eE][+]?[0-9]+"  # 1.76256E+11
_NARROW_CELL = r"#{3,}"  # what a cell shows that is too narrow, and a copy of it keeps
_GROUPED = r"([0-9]{3})[ \x{2010}-\x{2015}-]?([0-9]{3})[ \x{2010}-\x{2015}-]?([0-9]{4})"
_CUSTOMER = r"[1-9][0-9]{9}"
_NO_VALUE = ("", "-", "--", "—", "\N{EN DASH}")  # reports write -- for none
# What a spreadsheet shows instead of a value, in English and Dutch; #DATE! is the readers' mark for a date.
_NO_NAME = (
    r"#(N/A|N/B|REF!|VERW!|VALUE!|WAARDE!|NAME\?|NAAM\?|DIV/0!|DEEL/0!|NULL!|LEEG!|NUM!|GETAL!"
    r"|GETTING_DATA|DATE!.*|#{2,})"
)

_Mask = npt.NDArray[np.bool_]

_MESSAGES = {
    "no_customer_id": "The row has no customer_id. Give the ten digits of the account.",
    "bad_customer_id": "The customer_id {customer_id!r} is not ten digits, with or without dashes.",
    "customer_digits_lost": (
        "The spreadsheet has cut the customer_id to {customer_id!r}. Format the column as text, and enter "
        "the ids again."
    ),
    "no_ad_group": "The row has neither an ad_group_id nor an ad_group_name.",
    "bad_ad_group_id": "The ad_group_id {ad_group_id!r} is not a whole, positive number.",
    "digits_lost": (
        "The spreadsheet has cut the ad_group_id to {ad_group_id!r}, and there is no ad_group_name to find "
        "it by. Format the column as text and export the ids again, or add the names."
    ),
    "damaged_name": (
        "The spreadsheet has replaced the name by {name!r}. Format the column as text, and enter "
        "the names again."
    ),
    "bad_campaign_id": "The campaign_id {campaign_id!r} is not a whole, positive number.",
    "unreadable_characters": (
        "The name {name!r} contains characters that were lost when the file was saved. Save it as CSV UTF-8."
    ),
    "no_theme": "The row names no theme, and neither does the submission or the file's name.",
    "unknown_theme": "There is no theme {theme!r}; `themaads themes` lists them.",
}
_CODES = {"customer_digits_lost": "digits_lost"}  # the same reason, other words


@dataclass(frozen=True, kw_only=True)
class CheckedRows:
    """Every row of a file, once: in `rows` or in `rejected`.

    `rows` has line (int64), customer_id (int64), ad_group_id (Int64), ad_group_name (string), campaign_id
    (Int64), campaign_name (string) and edition (string). A row without ad_group_id has a name to be looked up
    by, within its campaign_id or else campaign_name where one is given.
    """

    rows: pd.DataFrame
    rejected: list[RejectedRow] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """How many rows select what an earlier one selects, as far as known before names are looked up."""
        by_id = self.rows["ad_group_id"].notna()
        selects = ["customer_id", "edition"]
        named = ["ad_group_name", "campaign_id", "campaign_name"]
        return int(
            self.rows.loc[by_id, [*selects, "ad_group_id"]].duplicated().sum()
            + self.rows.loc[~by_id, [*selects, *named]].duplicated().sum()
        )


@dataclass(frozen=True, kw_only=True)
class _Ids:
    """A column of ids: the values, and where there is none and why."""

    values: pd.Series  # Int64
    absent: _Mask
    lost: _Mask  # digits that a spreadsheet has cut

    @property
    def healthy(self) -> _Mask:
        return _mask(self.values.notna())

    @property
    def bad(self) -> _Mask:
        return ~(self.healthy | self.absent | self.lost)


def check_rows(
    table: RawTable,
    *,
    default_edition: str | None,
    resolve_edition: Callable[[str], str | None],
    tell: Tell = tell_nobody,
) -> CheckedRows:
    """Check every row of `table`.

    Args:
        table: what `read_table` gives.
        default_edition: for rows without a theme; None rejects them.
        resolve_edition: the edition that a theme column's text means, or None; asked once a distinct text.
        tell: is told how far it is.
    """
    total, edition_of = len(table.columns), cache(resolve_edition)
    good, bad = [], []
    for start in range(0, max(total, 1), _PART):
        part = _check_part(table.columns.iloc[start : start + _PART], default_edition, edition_of)
        good.append(part.good)
        bad.append(part)
        tell(f"checking row {min(start + _PART, total):,} of {total:,}")
    rows = pd.concat(good, ignore_index=True)
    rejected = _rejected(table, bad, tell)
    return CheckedRows(rows=rows, rejected=sorted([*table.rejected, *rejected], key=lambda row: row.line))


@dataclass(frozen=True, kw_only=True)
class _CheckedPart:
    """Some rows: those that select an ad group, and the others, each with the number of its reason."""

    good: pd.DataFrame
    bad_lines: list[int]
    bad_reasons: list[str]
    bad_texts: pd.DataFrame


def _check_part(
    frame: pd.DataFrame, default_edition: str | None, resolve_edition: Callable[[str], str | None]
) -> _CheckedPart:
    text = {name: _column(frame, name) for name in RECOGNISED}
    customer = _customer_ids(text["customer_id"])
    ad_group = _ids(text["ad_group_id"])
    campaign = _ids(text["campaign_id"])
    edition, theme_unknown = _editions(text["theme"], default_edition, resolve_edition)

    by_name = ~ad_group.healthy
    has_name = _present(text["ad_group_name"])
    has_campaign_name = _present(text["campaign_name"])
    campaign_name_used = by_name & has_campaign_name & ~campaign.healthy
    names_used = ((by_name, text["ad_group_name"]), (campaign_name_used, text["campaign_name"]))
    # The first that applies is the row's reason.
    reasons: dict[str, _Mask] = {
        "no_customer_id": customer.absent,
        "customer_digits_lost": customer.lost,
        "bad_customer_id": customer.bad,
        "bad_ad_group_id": ad_group.bad,
        "digits_lost": ad_group.lost & ~has_name,
        "no_ad_group": ad_group.absent & ~has_name,
        "damaged_name": _any(used & _matches(names, _NO_NAME) for used, names in names_used),
        "unreadable_characters": _any(used & _contains(names, "\ufffd") for used, names in names_used),
        "bad_campaign_id": by_name & campaign.bad & ~has_campaign_name,
        "unknown_theme": theme_unknown,
        "no_theme": ~theme_unknown & _mask(edition.isna()),
    }
    reason = np.zeros(len(frame), dtype=np.int8)
    for code, applies in enumerate(reasons.values(), start=1):
        reason[(reason == 0) & applies] = code
    is_good = reason == 0
    rows = pd.DataFrame(
        {
            "line": frame["line"],
            "customer_id": customer.values,
            "ad_group_id": ad_group.values,
            "ad_group_name": text["ad_group_name"].mask(~has_name),
            "campaign_id": campaign.values,
            "campaign_name": text["campaign_name"].mask(~has_campaign_name),
            "edition": edition,
        }
    )[is_good]
    rows["customer_id"] = rows["customer_id"].astype("int64")
    names, bad = list(reasons), np.flatnonzero(reason)
    return _CheckedPart(
        good=rows,
        bad_lines=frame["line"].to_numpy()[bad].tolist(),
        bad_reasons=[names[code - 1] for code in reason[bad]],
        bad_texts=pd.DataFrame({name: column.iloc[bad] for name, column in text.items()}),
    )


def _rejected(table: RawTable, parts: list[_CheckedPart], tell: Tell) -> list[RejectedRow]:
    raw = table.raw([line for part in parts for line in part.bad_lines])
    rejected: list[RejectedRow] = []
    for part in parts:
        values = part.bad_texts.astype(object).to_dict("records")
        for line, name, value in zip(part.bad_lines, part.bad_reasons, values, strict=True):
            damaged_campaign = name in {"damaged_name", "unreadable_characters"} and not _is_unusable(
                value["ad_group_name"]
            )
            shown = {key: str(cell)[:80] for key, cell in value.items()}
            shown["name"] = shown["campaign_name" if damaged_campaign else "ad_group_name"].removeprefix(
                "#DATE!"
            )
            rejected.append(
                RejectedRow(
                    line=line,
                    reason=_CODES.get(name, name),
                    message=_MESSAGES[name].format_map(shown),
                    # Has the file gone since it was read? What was read of the line still is the row.
                    raw=raw.get(line) or "\t".join(map(str, value.values())),
                )
            )
            if len(rejected) % PART == 0:
                tell(f"rejecting row {line:,}: {len(rejected):,} so far")
    return rejected


def _is_unusable(name: str) -> bool:
    cell = pd.Series([name], dtype=_TEXT)
    return bool(_matches(cell, _NO_NAME)[0] or "\ufffd" in name)


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    if name in frame:
        return frame[name].astype(_TEXT)
    return pd.Series([""] * len(frame), index=frame.index, dtype=_TEXT)


def _mask(values: Any) -> _Mask:  # any boolean array-like
    return np.asarray(values, dtype=bool)


def _any(masks: Any) -> _Mask:  # iterable of masks
    return _mask(np.logical_or.reduce(list(masks)))


def _matches(values: pd.Series, pattern: str) -> _Mask:
    return _mask(values.str.fullmatch(pattern))


def _contains(values: pd.Series, part: str) -> _Mask:
    return _mask(values.str.contains(part, regex=False))


def _present(values: pd.Series) -> _Mask:
    return ~_mask(values.isin(_NO_VALUE))


def _ids(column: pd.Series) -> _Ids:
    """Positive 64-bit numbers; only what is not plain digits is looked at more closely."""
    plain = _matches(column, _PLAIN)
    digits = column.where(plain, "")
    odd = _unwrapped(column[~plain])
    digits = digits.copy()
    exact = odd.str.replace(_POINT_ZERO, r"\1", regex=True)
    exact = exact.str.replace(r"^0+([0-9])", r"\1", regex=True)
    fits = _matches(exact, "[0-9]{1,18}") | (_matches(exact, "[0-9]{19}") & _mask(exact <= _LARGEST_ID))
    # A number with decimals was a double on its way, and above 2**53 a double has lost digits.
    was_double = _matches(odd, _POINT_ZERO)
    beyond = was_double & (
        _mask(exact.str.len() > 16) | (_mask(exact.str.len() == 16) & _mask(exact >= str(2**53)))
    )
    fits &= ~beyond
    digits[~plain] = exact.where(fits, "").to_numpy()
    values = digits.where(digits != "").astype("Int64")
    values = values.where(values > 0)
    absent, lost = np.zeros(len(column), dtype=bool), np.zeros(len(column), dtype=bool)
    absent[~plain] = ~_present(odd)
    lost[~plain] = beyond | _matches(odd, _SCIENTIFIC) | _matches(odd, _NARROW_CELL)
    return _Ids(values=values, absent=absent, lost=lost)


def _customer_ids(column: pd.Series) -> _Ids:
    """Ten digits, grouped by dashes or spaces or not."""
    plain = _matches(column, _CUSTOMER)
    digits = column.where(plain, "").copy()
    odd = _unwrapped(column[~plain])
    exact = odd.str.replace("\u00a0", " ", regex=False).str.replace("\u202f", " ", regex=False)
    exact = exact.str.replace(_POINT_ZERO, r"\1", regex=True).str.replace(
        f"^{_GROUPED}$", r"\1\2\3", regex=True
    )
    digits[~plain] = exact.where(_matches(exact, _CUSTOMER), "").to_numpy()
    absent, lost = np.zeros(len(column), dtype=bool), np.zeros(len(column), dtype=bool)
    absent[~plain] = ~_present(odd)
    lost[~plain] = _matches(odd, _SCIENTIFIC) | _matches(odd, _NARROW_CELL)
    return _Ids(values=digits.where(digits != "").astype("Int64"), absent=absent, lost=lost)


def _unwrapped(values: pd.Series) -> pd.Series:
    """Without what people and exports put around an id so that a spreadsheet takes it for text."""
    return values.str.replace(_WRAPPED, r"\1", regex=True).str.removeprefix("'").str.strip()


def _editions(
    themes: pd.Series, default_edition: str | None, resolve_edition: Callable[[str], str | None]
) -> tuple[pd.Series, _Mask]:
    """The edition of each row, and which rows name a theme that nobody knows."""
    codes, texts = pd.factorize(themes)
    editions: list[str | None] = []
    unknown: list[bool] = []
    for theme in map(str, texts):
        named = theme not in _NO_VALUE
        edition = resolve_edition(theme) if named else default_edition
        editions.append(edition)
        unknown.append(named and edition is None)
    names = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(editions, pa.string()))
    column = pd.Series(names.cast(pa.string()), index=themes.index, dtype=_TEXT)
    return column, _mask(unknown)[codes] if unknown else np.zeros(len(themes), dtype=bool)
