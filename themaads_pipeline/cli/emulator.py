"""`themaads emulator`."""

import sys
from pathlib import Path

import click

from themaads_pipeline.settings import settings


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def emulator(options: tuple[str, ...]) -> None:
    """Run the emulator alone, in this terminal; its keys and client configuration go to the home's folder."""
    from themaads_pipeline.emulator.__main__ import main  # noqa: PLC0415  # gRPC is slow to import

    folder: tuple[str, ...] = () if "--dir" in options else ("--dir", str(Path(settings().emulator_dir)))
    sys.argv = ["themaads emulator", *folder, *options]
    main(prog_name="themaads emulator")
