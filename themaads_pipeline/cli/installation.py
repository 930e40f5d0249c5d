"""Where this installation's Dagster files are, and what its processes get as their environment."""

import os
from importlib.resources import files
from pathlib import Path

import themaads_pipeline
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.settings import Settings

# Accounts of a made-up advertiser, and a sample upload for them.
DEMO_DATA = files("themaads_pipeline.emulator") / "demo"


def dagster_home() -> Path:
    """The folder with dagster.yaml: DAGSTER_HOME, else this folder, else the checkout this package runs from.

    Raises:
        PermanentError: There is none; a wheel brings no dagster.yaml, so that there is one truth.
    """
    if named := os.environ.get("DAGSTER_HOME"):  # Dagster's own variable, not a setting of ours
        folder = Path(named).expanduser().absolute()
        if not (folder / "dagster.yaml").exists():
            raise PermanentError(
                f"DAGSTER_HOME is {folder}, where no dagster.yaml is: unset it, or put ours there"
            )
        return folder
    for folder in (Path.cwd(), Path(themaads_pipeline.__file__).parents[1]):
        if (folder / "dagster.yaml").exists():
            return folder
    raise PermanentError(
        "no dagster.yaml: run this in a checkout, or set DAGSTER_HOME to a folder that has ours"
    )


def environment(settings: Settings, *, dagster_home: Path) -> dict[str, str]:
    """What every process of the stack gets: these settings spelled out, whatever folder it works in."""
    dagster = {"DAGSTER_HOME": str(dagster_home), "PYTHONUNBUFFERED": "1"}
    roots = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(settings.emulator_dir / "ca.pem")}
    return {**os.environ, **settings.environment(), **dagster, **(roots if settings.uses_emulator else {})}
