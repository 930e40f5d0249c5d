"""`themaads review`."""

import click
from rich.table import Table
from rich.text import Text

from themaads_pipeline.cli import opened, parameters
from themaads_pipeline.cli.opened import open_gateway, open_ledger
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.reports.review import write_review
from themaads_pipeline.settings import settings

_SHOWN = 20


@click.command()
@click.argument("upload", shell_complete=parameters.uploads)
def review(upload: str) -> None:
    """Ads of an upload that Google disapproved after they were made, by what it says of them now.

    All of them are written to disapproved.csv beside the report; nothing is changed. Exit code 1 when there
    are any.
    """
    ours, console = settings(), opened.console()
    with open_ledger(ours) as ledger, open_gateway(ours) as gateway:
        found = ledger.uploads.find(upload)
        found.expect_items()
        report = write_review(found, ledger=ledger, gateway=gateway, directory=ours.reports, sample=_SHOWN)
    console.print(Text(report.in_words()))
    for account, why in report.reviewed.not_read.items():
        console.print(Text(f"{dashed(account)} could not be read: {why}", style="yellow"))
    if not report.reviewed.disapproved:
        return
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("account", "ad group", "ad", "policy", "text or page"):
        grid.add_column(name)
    for ad in report.first:
        texts = (
            dashed(ad.account.customer_id),
            f"{ad.review.ad_group_id} {ad.review.ad_group_name}",
            f"{ad.review.ad_id} ({ad.review.status})",
            ", ".join(topic for topic, _ in ad.review.topics),
            ", ".join(ad.review.evidences),
        )
        grid.add_row(*map(Text, texts))
    console.print(grid)
    console.print(Text(f"all of them: {report.path}"))
    raise SystemExit(1)
