"""`--help` teaches, and what it teaches can be typed; shells complete without waiting for costly modules."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from themaads_pipeline.cli.examples import EXAMPLES
from themaads_pipeline.cli.exit_codes import EXIT_CODES
from themaads_pipeline.cli.main import themaads

_DOCS = Path(__file__).parents[2] / "docs" / "commands.md"
_NAMES = themaads.list_commands(click.Context(themaads))
_COSTLY = ("dagster", "google.ads", "grpc", "numpy", "pandas", "pyarrow", "sqlalchemy")
_TYPED = [(name, typed) for name, examples in EXAMPLES.items() for typed, _ in examples]


def test_each_command_has_examples_and_no_example_is_of_another() -> None:
    assert set(EXAMPLES) == set(_NAMES)


@pytest.mark.parametrize("name", [name for name in _NAMES if name != "emulator"])
def test_the_help_of_a_command_ends_with_what_to_type(name: str) -> None:
    told = CliRunner().invoke(themaads, [name, "--help"]).output
    for typed, _ in EXAMPLES[name]:
        assert typed in told


@pytest.mark.parametrize(("name", "typed"), [each for each in _TYPED if each[0] != "emulator"])
def test_an_example_is_understood_by_its_command(name: str, typed: str, tmp_path: Path) -> None:
    found = re.search(r"themaads (.*?)(?: [|>&] ?.*| && .*| \|\| .*|\)\"?)?$", typed)
    assert found is not None
    words = shlex.split(found[1].split(" > ")[0].split(" | ")[0])
    assert words[0] == name
    command: click.Command = themaads
    context = click.Context(themaads, info_name="themaads")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        subcommand = command.get_command(context, words.pop(0))
        assert subcommand is not None
        command = subcommand
    with contextlib.chdir(tmp_path):
        for file in ("shoes.csv", "black_friday.csv"):
            Path(file).touch()
        command.make_context(name, words)  # raises when it is not understood


def test_the_documentation_has_each_command_with_its_options_and_each_exit_code() -> None:
    text = _DOCS.read_text(encoding="utf-8")
    context = click.Context(themaads)
    for name in _NAMES:
        assert f"`themaads {name}" in text
        command = themaads.get_command(context, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and name != "emulator":
                assert option.opts[0] in text, f"{name} {option.opts[0]}"
    for code, meaning in EXIT_CODES.items():
        assert f"| {int(code)} | {meaning} |" in text


def test_theme_names_are_completed(tmp_path: Path) -> None:
    assert _completed("submit --theme k", home=tmp_path) == ["plain,kerstmis"]


def test_commands_are_completed_without_loading_any(tmp_path: Path) -> None:
    assert _completed("s", home=tmp_path) == ["plain,submit", "plain,status"]


def test_where_nothing_runs_no_upload_is_completed_and_no_error_shown(tmp_path: Path) -> None:
    assert _completed("status ", home=tmp_path) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_is_printed(shell: str) -> None:
    told = CliRunner().invoke(themaads, ["completion", shell])
    assert told.exit_code == 0
    assert f"_THEMAADS_COMPLETE={shell}_complete" in told.output


def _completed(words: str, *, home: Path) -> list[str]:
    script = (
        "import sys\n"
        "from themaads_pipeline.cli.main import themaads\n"
        "try:\n"
        "    themaads(prog_name='themaads')\n"
        "finally:\n"
        f"    loaded = [name for name in {_COSTLY} if name in sys.modules]\n"
        "    assert not loaded, loaded\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "THEMAADS_HOME": str(home),
            "_THEMAADS_COMPLETE": "bash_complete",
            "COMP_WORDS": f"themaads {words}",
            "COMP_CWORD": str(len(words.split(" "))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stderr == ""
    return answer.stdout.split()
