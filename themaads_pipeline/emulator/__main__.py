"""`python -m themaads_pipeline.emulator`."""

import gc
import signal
from pathlib import Path
from threading import Event

import click

from themaads_pipeline.emulator.profiles import PROFILES
from themaads_pipeline.emulator.seed import read_seed
from themaads_pipeline.emulator.server import LOOPBACK, is_loopback, serve


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), required=True, help="Keys and client configuration."
)
@click.option("--port", default=0, help="Of the Google Ads API; 0: any free port.")
@click.option("--control-port", default=0, help="Of control and OAuth tokens; 0: any free port.")
@click.option(
    "--host", default=LOOPBACK, show_default=True, help="The name or address it listens on, and is called by."
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Let --host be no loopback address. Whoever reaches the control port owns the emulator.",
)
@click.option("--profile", type=click.Choice(list(PROFILES)), default="instant")
@click.option("--seed", "seed_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keeps the accounts here over restarts; the seed is used when it holds none.",
)
def main(  # noqa: PLR0917 - one parameter an option
    folder: Path,
    port: int,
    control_port: int,
    host: str,
    allow_remote: bool,
    profile: str,
    seed_file: Path | None,
    state: Path | None,
) -> None:
    """A Google Ads server for demos and tests. It stops on SIGTERM or SIGINT."""
    if not allow_remote and not is_loopback(host):
        raise click.UsageError(
            f"--host {host} may be reached from other machines, and whoever reaches the control port owns "
            "the emulator: give --allow-remote too where that is meant, as in a network of containers"
        )
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    seed = read_seed(seed_file) if seed_file else None
    # Millions of long-lived objects and no cycles among the short-lived: collecting often would be the
    # bottleneck.
    gc.set_threshold(200_000, 20, 100)
    emulator = serve(
        folder,
        host=host,
        port=port,
        control_port=control_port,
        profile=profile,
        seed=seed,
        state=state,
    )
    gc.freeze()
    click.echo(f"emulator ready port={emulator.port} control={emulator.control_port} dir={folder}")
    stop.wait()
    emulator.stop()


if __name__ == "__main__":
    main()
