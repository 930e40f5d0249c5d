"""`themaads up`."""

from importlib.resources import as_file
from pathlib import Path

import click

from themaads_pipeline.cli.installation import DEMO_DATA, dagster_home
from themaads_pipeline.cli.stack import Stack, StoppedError, stoppable
from themaads_pipeline.settings import settings


@click.command()
@click.option(
    "--port",
    type=int,
    help="Of Dagster's web interface; default 3000, or another when that is taken; 0: any.",
)
@click.option(
    "--dashboard-port",
    type=int,
    help="Of the dashboard; default 3100, or another when that is taken; 0: any.",
)
@click.option(
    "--workspace",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Names the code to load; default the workspace.yaml beside dagster.yaml.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the emulator's accounts hold, without Google credentials; default: as in the demo.",
)
def up(port: int | None, dashboard_port: int | None, workspace: Path | None, seed: Path | None) -> None:
    """The whole system on this machine: Postgres, dashboard, Dagster; without credentials an emulator.

    It stays until Ctrl-C, which stops all of it in order.
    """
    with as_file(DEMO_DATA / "seed.yaml") as demo_seed:
        stack = Stack(
            settings(),
            dagster_home=dagster_home(),
            port=port,
            dashboard_port=dashboard_port,
            workspace=workspace,
            seed=seed or demo_seed,
            say=click.echo,
        )
        _run(stack)


def _run(stack: Stack) -> None:
    with stoppable(stack), stack:
        try:
            click.echo(f"stack is up: {stack.start()}")
            click.echo(f"put files into {stack.settings.uploads}; Ctrl-C stops everything")
            while True:
                stack.check()
                stack.pause(1)
        except StoppedError:
            click.echo("stopping ...")
    click.echo("stopped")
