"""An account as an option of a command."""

import click

from themaads_pipeline.model.accounts import customer_id_of

__all__ = ["ACCOUNT"]


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


ACCOUNT = _Account()
