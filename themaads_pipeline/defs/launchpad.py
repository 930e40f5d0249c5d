"""What a person can set when a run is started by hand; each field with its default and what it does."""

from typing import Literal

import dagster as dg
from pydantic import Field, field_validator

from themaads_pipeline.model.accounts import customer_id_of
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.push.work import LARGEST_BATCH, LARGEST_READ, PushConfig

__all__ = ["DryRunConfig", "PushRunConfig", "ReadingConfig", "customer_ids"]

_DEFAULTS = PushConfig()


class ReadingConfig(dg.Config):
    """How a file is read."""

    theme: str | None = Field(
        default=None,
        description=(
            "Theme for rows that name none, where neither the submission nor the file's name gave one: `bf`, "
            "`Sinterklaas`, `Black Friday 2026`. Counts before the file is read for the first time. Empty: "
            "as submitted."
        ),
    )


class PushRunConfig(dg.Config):
    """How an upload is pushed."""

    batch_size: int = Field(
        default=_DEFAULTS.batch_size,
        ge=1,
        le=LARGEST_BATCH,
        description=f"Ads in one request, 1 to {LARGEST_BATCH:,}. Fewer: less is in doubt when one is lost.",
    )
    read_size: int = Field(
        default=_DEFAULTS.read_size,
        ge=1,
        le=LARGEST_READ,
        description=f"Ad groups whose live state is read at once, 1 to {LARGEST_READ:,}.",
    )
    accounts_at_once: int = Field(
        default=_DEFAULTS.accounts_at_once,
        ge=1,
        le=64,
        description="Accounts worked on side by side, 1 to 64; one request each.",
    )
    item_limit: int | None = Field(
        default=None,
        ge=1,
        description="Stop after so many ad groups, for a trial: the upload is paused. Empty: as submitted.",
    )
    only_accounts: list[str] = Field(
        default=[],
        description='Only these accounts, with or without dashes: ["123-456-7890"]. Empty: all of them.',
    )
    done_label: bool = Field(
        default=False,
        description="Also label each ad group as done. Costs a quarter more operations.",
    )
    # Not "off", which is false in YAML.
    preflight: Literal["none", "validate_only"] = Field(
        default="none",
        description=(
            "validate_only: before the first ads of an account are sent, Google judges one ad of each "
            "edition without creating it. A text of the theme that its policy forbids then costs one "
            "operation, and not one an ad group. none: what is forbidden is found out while sending."
        ),
    )

    @field_validator("only_accounts")
    @classmethod
    def _are_accounts(cls, texts: list[str]) -> list[str]:
        customer_ids(texts)
        return texts

    def push_config(self, upload: Upload) -> PushConfig:
        """The same for the push; without a limit of its own, the upload's counts."""
        return PushConfig(
            batch_size=self.batch_size,
            read_size=self.read_size,
            accounts_at_once=self.accounts_at_once,
            item_limit=self.item_limit or upload.item_limit,
            only_accounts=customer_ids(self.only_accounts),
            done_label=self.done_label,
            preflight=self.preflight == "validate_only",
        )


class DryRunConfig(dg.Config):
    """What is planned without being sent."""

    upload: str | None = Field(
        default=None,
        description="The upload's number or key (`213`), where no partition is chosen.",
    )
    item_limit: int | None = Field(
        default=None, ge=1, description="Plan only so many ad groups. Empty: all that are left to do."
    )
    only_accounts: list[str] = Field(
        default=[],
        description='Only these accounts, with or without dashes: ["123-456-7890"]. Empty: all of them.',
    )
    done_label: bool = Field(default=False, description="As in the push: also label each ad group as done.")

    @field_validator("only_accounts")
    @classmethod
    def _are_accounts(cls, texts: list[str]) -> list[str]:
        customer_ids(texts)
        return texts


def customer_ids(texts: list[str]) -> frozenset[int]:
    """Account ids as numbers.

    >>> sorted(customer_ids(["123-456-7890", "1234567891"]))
    [1234567890, 1234567891]

    Raises:
        ValueError: One is not ten digits.
    """
    return frozenset(map(customer_id_of, texts))
