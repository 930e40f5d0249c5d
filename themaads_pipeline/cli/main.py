"""The `themaads` command. A subcommand's module is imported when it is called, so that `--help` is quick."""

from importlib import import_module

import click
from click.exceptions import ClickException
from click.shell_completion import CompletionItem

from themaads_pipeline.cli.examples import shown
from themaads_pipeline.exceptions import ThemaAdsError
from themaads_pipeline.masking import cover

# name -> (module below themaads_pipeline.cli, its click command, one line of help)
_COMMANDS = {
    "demo": ("demo", "demo", "The whole system on this machine, with a sample upload processed."),
    "up": ("up", "up", "The whole system on this machine."),
    "submit": ("submit", "submit", "Hand a file in: one paused, themed ad in each of its ad groups."),
    "preview": ("preview", "preview", "What a file would do: ads beside their originals, operations, quota."),
    "status": ("status", "status", "How far uploads are."),
    "dashboard": ("dashboard", "dashboard", "Job health in a browser, and what a person may do about it."),
    "outcomes": ("outcomes", "outcomes", "What became of every ad group of an upload."),
    "review": ("review", "review", "Ads of an upload that Google disapproved after they were made."),
    "lessons": ("lessons", "lessons", "What policy refused in each account, and is not sent again."),
    "pause": ("steering", "pause", "Stop an upload until it is resumed."),
    "resume": ("steering", "resume", "Go on with an upload that is paused, interrupted or failed."),
    "retry": ("steering", "retry", "Try the failed ad groups of an upload again."),
    "themes": ("themes", "themes", "The themes, their next editions, and what is wrong with one."),
    "alerts": ("alerts", "alerts", "Whether the channels that alerts go to work."),
    "emulator": ("emulator", "emulator", "A Google Ads server for demos and tests."),
    "prune": ("prune", "prune", "Give up the items and runs of uploads of long ago; their counts stay."),
    "restored": ("restored", "restored", "Say that the database was restored from a backup."),
    "migrate": ("database", "migrate", "Bring the database to the schema of this release."),
    "postgres": ("database", "postgres", "Start, stop or find the embedded Postgres."),
    "doctor": ("doctor", "doctor", "Say what is missing or wrong on this machine."),
    "completion": ("completion", "completion", "Commands, uploads and themes completed by a shell."),
}


class _Command(click.Group):
    """A group whose subcommands are listed without importing them, in the order of use."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command = getattr(import_module(f"themaads_pipeline.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  # the table above is ours
        command.epilog = shown(cmd_name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names with their lines of help, and options: click would import each command for it."""
        names = [
            CompletionItem(name, help=summary)
            for name, (_, _, summary) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in _COMMANDS.items()])


_EPILOG = """\b
Begin:
  themaads demo                            the whole system, with emulated accounts
  themaads up                              the same, for your own lists
  themaads preview shoes.csv --theme bf    what a list would do
  themaads submit shoes.csv --theme bf     hand it in
  themaads status --follow                 watch it
  themaads outcomes 1                      what became of it

\b
Exit codes: 0 done, 1 it could not be done, 2 the command line was not understood;
how uploads ended: 3 failed, 4 paused, 5 interrupted, 6 waiting, 7 running;
130 Ctrl-C. Of one command: themaads COMMAND --help
"""


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(package_name="themaads-pipeline")
@click.option("-v", "--verbose", is_flag=True, help="Log what is done, to standard error.")
def themaads(*, verbose: bool) -> None:
    """Push themed ads to Google Ads: nothing sent twice, nothing lost."""
    if verbose:
        from themaads_pipeline.push.lines import show_lines  # noqa: PLC0415 - costly, and seldom asked for
        from themaads_pipeline.settings import settings  # noqa: PLC0415 - costly, and seldom asked for

        show_lines(settings().log_level)


def main() -> None:
    """Run the command; an error of ours is one line for a person, not a traceback."""
    cover("stderr")
    try:
        themaads()
    except ThemaAdsError as error:
        ClickException(str(error)).show()
        raise SystemExit(1) from error
