"""Which uploads of the past may give up their items, and why the others may not. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from themaads_pipeline.exceptions import ThemeError
from themaads_pipeline.model.catalogue import Catalogue

__all__ = ["why_kept"]

_LAST_TIME_ZONE = timezone(timedelta(hours=-12))


def why_kept(editions: Iterable[str], *, catalogue: Catalogue, now: datetime) -> str | None:
    """Why the items of a finished upload have to stay; None: they may go.

    "Already there" means first of all that the ledger knows a live ad of the edition. Nobody asks for an
    edition that is over: each item of it is refused before anything is looked at. So an upload may give up
    its items once every edition in it is over, in whatever time zone an account is.

    Args:
        editions: Every edition that an item of the upload is for.
        catalogue: The themes.
        now: With a time zone.
    """
    where_a_day_ends_last = now.astimezone(_LAST_TIME_ZONE).replace(tzinfo=None)
    for name in sorted(set(editions)):
        try:
            edition = catalogue.edition(name)
        except ThemeError:
            return f"no theme has the edition {name} any more, so whether it is over is not known"
        if not edition.is_over(where_a_day_ends_last):
            return f"{edition.title} lasts until {edition.ends}: until then the ledger has to know its ads"
    return None
