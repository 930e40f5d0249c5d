"""Checks on `themed_ads`: has every ad group an outcome, is an ad there twice, are all of them there?"""

import warnings
from typing import Any

import dagster as dg
from pydantic import Field

from themaads_pipeline.defs import metadata, partitions
from themaads_pipeline.defs.metadata import SHOWN_ROWS, Metadata
from themaads_pipeline.defs.resources import Ads, Themes
from themaads_pipeline.defs.stages import stage_of
from themaads_pipeline.defs.themed_ads import themed_ads
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.push.audit import Audit, MadeAd, audit_upload
from themaads_pipeline.push.telling import Telling
from themaads_pipeline.reports.words import many
from themaads_pipeline.settings import Settings

__all__ = ["ads_in_the_accounts", "checks", "every_item_is_final", "failures_are_few"]

_KEY = themed_ads.key


class FailureBound(dg.Config):
    """How many failures are too many."""

    highest_share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description=(
            "Warn when more than this share of the ad groups failed: 0 to 1. Empty: THEMAADS_FAILURE_BOUND, "
            "which alerts go by."
        ),
    )


with warnings.catch_warnings():
    # Partitioned checks are a preview in the one Dagster version that we are pinned to; a test holds them.
    warnings.simplefilter("ignore", dg.PreviewWarning)

    @dg.asset_check(
        asset=themed_ads,
        partitions_def=partitions.uploads,
        description="Every ad group of the upload has an outcome: an ad was made, or it was skipped or "
        "failed, and the report tells why. Nothing was forgotten.",
    )
    def every_item_is_final(
        context: dg.AssetCheckExecutionContext, ledger: dg.ResourceParam[Ledger]
    ) -> dg.AssetCheckResult:
        with stage_of(context, ledger, "checking", looks_only=True) as stage:
            [progress] = ledger.uploads.progress(stage.upload.number)
        left = progress.total - progress.final
        return dg.AssetCheckResult(
            passed=left == 0 and progress.is_read,
            metadata=metadata.counts_of(progress),
            description=f"{progress.final:,} of {progress.total:,} ad groups have an outcome"
            + (f"; {left:,} are left: `themaads status {progress.number}` says why" if left else ""),
        )

    @dg.asset_check(
        asset=themed_ads,
        partitions_def=partitions.uploads,
        description="Only a small share of the ad groups failed. When more did, there is often one cause "
        "behind many: a text that policy refuses, an account that is closed.",
    )
    def failures_are_few(
        context: dg.AssetCheckExecutionContext,
        config: FailureBound,
        ledger: dg.ResourceParam[Ledger],
        settings: dg.ResourceParam[Settings],
    ) -> dg.AssetCheckResult:
        bound = settings.failure_bound if config.highest_share is None else config.highest_share
        with stage_of(context, ledger, "checking", looks_only=True) as stage:
            [progress] = ledger.uploads.progress(stage.upload.number)
            outcomes = metadata.outcomes_table(ledger, stage.upload.number)
            policy = metadata.policy_metadata(ledger, stage.upload.number)
        share = progress.failed / progress.total if progress.total else 0.0
        look = f": `themaads outcomes {progress.number} --state failed` lists them" if share > bound else ""
        return dg.AssetCheckResult(
            passed=share <= bound,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "failed": progress.failed,
                "failed_share": round(share, 4),
                "bound": bound,
                "outcomes": outcomes,
                **policy,
            },
            description=f"{progress.failed:,} of {progress.total:,} ad groups failed ({share:.1%}); "
            f"up to {bound:.0%} is expected{look}",
        )

    @dg.multi_asset_check(
        specs=[
            dg.AssetCheckSpec(
                "no_ad_twice",
                asset=themed_ads,
                partitions_def=partitions.uploads,
                description="No ad group has two ads of the theme, by what is in Google Ads now: nothing was "
                "made twice.",
            ),
            dg.AssetCheckSpec(
                "ads_are_there",
                asset=themed_ads,
                partitions_def=partitions.uploads,
                description="Every ad that was made is in Google Ads now. It only warns of one that somebody "
                "has removed since.",
            ),
        ],
        can_subset=True,
    )
    def ads_in_the_accounts(
        context: dg.AssetCheckExecutionContext,
        ledger: dg.ResourceParam[Ledger],
        google_ads: dg.ResourceParam[Ads],
        themes: dg.ResourceParam[Themes],
        settings: dg.ResourceParam[Settings],
    ) -> Any:  # an iterator of results; Dagster reads the annotation
        with stage_of(context, ledger, "checking", looks_only=True) as stage:
            audit = audit_upload(
                stage.upload.number,
                ledger=ledger,
                gateway=google_ads(),
                catalogue=themes(),
                second_read_seconds=settings.second_read_seconds,
                tell=Telling(ledger, stage.owner),
            )
        context.log.info(
            "#%d: %s ads were looked up in the accounts; %s ad groups have one twice, %s ads are not there, "
            "%s were removed since",
            stage.upload.number,
            *(f"{count:,}" for count in audit.counts),
        )
        results = {"no_ad_twice": no_ad_twice(audit), "ads_are_there": ads_are_there(audit)}
        for key in sorted(context.selected_asset_check_keys):
            yield results[key.name]


def no_ad_twice(audit: Audit) -> dg.AssetCheckResult:
    """The result of the check of that name."""
    found = [(each.customer_id, each.ad_group_id, each.edition, each.ad_ids) for each in audit.twice]
    details: Metadata = _not_read(audit)
    if found:
        details["ad_groups"] = metadata.table(
            ("account", "ad group", "edition", "ads"),
            (
                (str(account), str(ad_group), edition, ", ".join(map(str, ads)))
                for account, ad_group, edition, ads in found[:SHOWN_ROWS]
            ),
        )
    return dg.AssetCheckResult(
        asset_key=_KEY,
        check_name="no_ad_twice",
        passed=not found and not audit.not_read,
        severity=dg.AssetCheckSeverity.ERROR if found else dg.AssetCheckSeverity.WARN,
        metadata={"ads_looked_up": audit.looked_at, **details},
        description=(
            f"{many(len(found), 'ad group')} with more than one ad of the theme: remove all but one in "
            "Google Ads; the table has their ids"
            if found
            else f"No ad group has two ads of the theme ({audit.looked_at:,} ads looked up in Google Ads)"
        )
        + _unseen(audit),
    )


def ads_are_there(audit: Audit) -> dg.AssetCheckResult:
    """The result of the check of that name: an ad that a person removed is no error."""
    missing = [*(("not there", ad) for ad in audit.lost), *(("removed since", ad) for ad in audit.removed)]
    details: Metadata = _not_read(audit)
    if missing:
        details["ads"] = metadata.table(
            ("what", "account", "ad group", "ad"),
            (_row(what, ad) for what, ad in missing[:SHOWN_ROWS]),
        )
    there = audit.looked_at - len(missing)
    return dg.AssetCheckResult(
        asset_key=_KEY,
        check_name="ads_are_there",
        passed=not missing and not audit.not_read,
        severity=dg.AssetCheckSeverity.ERROR if audit.lost else dg.AssetCheckSeverity.WARN,
        metadata={
            "ads_looked_up": audit.looked_at,
            "not_there": len(audit.lost),
            "removed_since": len(audit.removed),
            **details,
        },
        description=(
            f"{there:,} of the {many(audit.looked_at, 'ad')} that were made are in Google Ads now"
            if audit.looked_at
            else "No ad was made, and so none is missing"
        )
        + (f"; {len(audit.removed):,} were removed since by somebody" if audit.removed else "")
        + (f"; {len(audit.lost):,} cannot be found, and should be: report it" if audit.lost else "")
        + _unseen(audit),
    )


def _row(what: str, ad: MadeAd) -> tuple[str, str, str, str]:
    return what, str(ad.customer_id), str(ad.ad_group_id), str(ad.new_ad_id)


def _not_read(audit: Audit) -> Metadata:
    if not audit.not_read:
        return {}
    rows = ((str(customer_id), why) for customer_id, why in audit.not_read.items())
    return {"accounts_not_read": metadata.table(("account", "why"), rows)}


def _unseen(audit: Audit) -> str:
    return f"; {len(audit.not_read):,} accounts could not be read" if audit.not_read else ""


checks = [every_item_is_final, failures_are_few, ads_in_the_accounts]
