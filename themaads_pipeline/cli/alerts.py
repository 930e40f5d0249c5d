"""`themaads alerts`: whether the channels that alerts go to really work."""

import click

from themaads_pipeline.alerts.channels import channels_of
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.model.alerts import Message, Severity
from themaads_pipeline.settings import settings

_TEST = Message(
    title="A test of themaads' alerts",
    body="You get this because somebody ran `themaads alerts test`. Uploads are told of here from now on.",
    severity=Severity.INFO,
)


@click.group()
def alerts() -> None:
    """Who is told when an upload fails, waits or is finished (THEMAADS_ALERT_URLS)."""


@alerts.command()
def test() -> None:
    """Send a test message to every channel, and say which of them took it; exit code 1 when one did not."""
    channels = channels_of(settings().alert_urls)
    if not channels:
        raise PermanentError("THEMAADS_ALERT_URLS is not set: see docs/alerts.md")
    wrong = 0
    for channel in channels:
        error = channel.send(_TEST)
        wrong += bool(error)
        click.echo(f"{'WRONG' if error else 'ok':<6} {channel.name}" + (f": {error}" if error else ""))
    if wrong:
        raise SystemExit(1)
