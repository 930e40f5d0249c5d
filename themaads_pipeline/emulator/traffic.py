"""Invented figures of ads: what each of them did on each day, always the same for the same ids and dates.

Accounts have no traffic unless the seed says `metrics: {seed: 1, since: 2025-01-01}`. What a campaign did is
the sum of what its ads did, so that reports of all levels agree; keywords have figures of their own.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

FIGURES = ("impressions", "clicks", "cost_micros", "conversions", "conversions_value")
_DEFAULT_SINCE = date(2025, 1, 1)
_WEEKDAYS = np.array([1.05, 1.1, 1.1, 1.0, 0.95, 0.8, 0.9])
_MICROS_PER_CENT = 10_000  # Google bills no less
_CELLS = 1_000_000  # ads times days worked on at once

Array = Any  # numpy's own types say no more than that


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """`since`: the first day that anything happened on."""

    seed: int = 1
    since: date = _DEFAULT_SINCE

    @classmethod
    def from_seed(cls, item: dict[str, Any]) -> "Traffic":
        """Reads the seed's `metrics`.

        Raises:
            ValueError: A key that nobody knows, or no date.
        """
        unknown = set(item) - {"seed", "since"}
        if unknown:
            raise ValueError(f"metrics: unknown keys {sorted(unknown)}")
        since = item.get("since", _DEFAULT_SINCE)
        return cls(
            seed=int(item.get("seed", 1)),
            since=since if isinstance(since, date) else date.fromisoformat(str(since)),
        )

    def batch_size(self, days: int) -> int:
        """How many ads to ask for at once."""
        return max(1, _CELLS // max(1, days))

    def figures(self, keys: list[int], born: list[int], days: list[date]) -> dict[str, Array]:
        """A matrix (ads by days) for each of FIGURES.

        `keys` are the ads' ids; before the day they were `born` on (days since 1970) they did nothing.
        """
        ids = np.array([key & 0xFFFF_FFFF_FFFF_FFFF for key in keys], dtype=np.uint64)
        numbers = np.array([(day - date(1970, 1, 1)).days for day in days], dtype=np.int64)
        weekdays = np.array([day.weekday() for day in days], dtype=np.int64)
        own = _mixed(ids + np.uint64(self.seed * 0x9E37_79B9 & 0xFFFF_FFFF_FFFF))
        level = _share(own) ** 3 * 400 + 2
        rate, price, worth = (_share(_mixed(own + np.uint64(salt))) for salt in (1, 2, 3))
        daily = _mixed(own[:, None] + numbers.astype(np.uint64)[None, :] * np.uint64(0xD1B5_4A32_D192_ED03))
        chance, second, third = (_share(_mixed(daily + np.uint64(salt))) for salt in (0, 1, 2))
        impressions = np.floor(level[:, None] * _WEEKDAYS[weekdays][None, :] * (0.5 + chance)).astype(
            np.int64
        )
        impressions[np.array(born, dtype=np.int64)[:, None] > numbers[None, :]] = 0
        clicks = np.floor(impressions * (0.01 + 0.08 * rate)[:, None] + second).astype(np.int64)
        clicks = np.minimum(clicks, impressions)
        cents = ((15 + 135 * price)[:, None] * (0.9 + 0.2 * chance)).astype(np.int64)
        cost = clicks * cents * _MICROS_PER_CENT
        conversions = np.minimum(np.floor(clicks * 0.04 + third * (clicks > 0)), clicks)
        value = np.round(conversions * (20 + 100 * worth)[:, None], 2)
        return dict(zip(FIGURES, (impressions, clicks, cost, conversions, value), strict=True))


def _mixed(numbers: Array) -> Array:
    """A well mixed 64-bit number for each number (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
        return mixed ^ (mixed >> np.uint64(31))


def _share(mixed: Array) -> Array:
    """From 0 to 1."""
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
