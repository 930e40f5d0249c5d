"""What a command loads before it is known what it has to do: `--help` answers at once."""

import subprocess
import sys

import pytest

from themaads_pipeline.cli.main import themaads

_COSTLY = ("dagster", "fsspec", "google.ads", "grpc", "numpy", "pandas", "pyarrow", "sqlalchemy")
# Each with what it cannot do without.
_NEEDS = {"demo": {"sqlalchemy"}, "up": {"sqlalchemy"}, "emulator": {"grpc", "numpy"}}
_SCRIPT = """
import sys
from themaads_pipeline.cli.main import themaads
try:
    themaads(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code
print("loaded:", *[name for name in {costly} if name in sys.modules])
"""


@pytest.mark.parametrize("command", themaads.list_commands(None), ids=str)  # type: ignore[arg-type]  # unused
def test_the_help_of_a_command_loads_no_costly_module(command: str) -> None:
    assert set(_loaded_by(command, "--help")) <= _NEEDS.get(command, set())


def test_the_list_of_commands_loads_none_of_their_modules() -> None:
    assert _loaded_by("--help", costly=(*_COSTLY, "psycopg", "pydantic", "rich")) == []


def _loaded_by(*arguments: str, costly: tuple[str, ...] = _COSTLY) -> list[str]:
    answer = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(costly=costly), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.rpartition("loaded:")[2].split()
