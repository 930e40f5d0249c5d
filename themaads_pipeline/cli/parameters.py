"""What commands are told: uploads, themes, accounts; and how a shell completes them.

A completion that cannot be had, since nothing runs or a setting is wrong, is none: a shell shows no errors.
"""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from themaads_pipeline.model.accounts import customer_id_of

__all__ = ["ACCOUNT", "themes", "uploads"]

_MOST_UPLOADS = 50  # the newest; who means an older one types it


class _Account(click.ParamType[int]):
    """Ten digits, with or without dashes."""

    name = "account"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """As click calls it, with its names."""
        if isinstance(value, int):
            return value
        try:
            return customer_id_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def uploads(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The numbers that an upload may be completed by, the newest first, with what they are."""
    return _found(_uploads(), incomplete.removeprefix("#"))


def themes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names that a theme may be completed by."""
    return _found(_themes(), incomplete)


def _found(known: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    try:
        return [CompletionItem(name, help=words) for name, words in known if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - see above
        return []


def _uploads() -> Iterable[tuple[str, str]]:
    # Here, and not above: whoever completes the name of a command waits for none of it.
    from themaads_pipeline.cli.opened import open_ledger  # noqa: PLC0415
    from themaads_pipeline.settings import settings  # noqa: PLC0415

    with open_ledger(settings()) as ledger:
        for upload in reversed(ledger.uploads.progress()[-_MOST_UPLOADS:]):
            yield str(upload.number), f"{upload.file_name}: {upload.status}, {upload.percent:.1f}%"


def _themes() -> Iterable[tuple[str, str]]:
    from themaads_pipeline.settings import settings  # noqa: PLC0415 - as above
    from themaads_pipeline.themes.catalogue import load_catalogue  # noqa: PLC0415 - as above

    for theme in load_catalogue(settings().theme_dir).themes:
        yield theme.name, theme.title


ACCOUNT = _Account()
