"""`themaads completion`."""

import click
from click.shell_completion import get_completion_class

_PROGRAM, _VARIABLE = "themaads", "_THEMAADS_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options, upload numbers and theme names.

    It asks this very command each time TAB is pressed: numbers are those of the ledger, where it runs.
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # click has these three
    click.echo(found(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
