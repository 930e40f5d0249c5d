"""What the pages are made from: the ledger three times, the themes, the accounts; and who does what."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request

from themaads_pipeline.ads.gateway import Gateway
from themaads_pipeline.alerts.telling import web_url_of
from themaads_pipeline.dashboard.answers import Answers
from themaads_pipeline.dashboard.guard import Access
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.lines import Fact, line
from themaads_pipeline.reports.speedometer import Speedometer
from themaads_pipeline.settings import Settings

__all__ = ["Site"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything that pages and actions need.

    `looking` changes nothing, and gives up soon: for pages. `gathering` changes nothing either, and takes its
    time: for files. `acting` is for what a person does.
    """

    settings: Settings
    access: Access
    looking: Ledger
    gathering: Ledger
    acting: Ledger
    open_gateway: Callable[[], AbstractContextManager[Gateway]]
    catalogue: Callable[[], Catalogue]
    clock: Callable[[], datetime]
    answers: Answers = field(default_factory=Answers)
    speed: Speedometer = field(default_factory=Speedometer)

    def run_link(self, run_id: str | None) -> str | None:
        """A run in Dagster's web interface; None where nobody knows where that is."""
        url = self.answers.get("dagster", lambda: web_url_of(self.settings))
        return f"{url.rstrip('/')}/runs/{run_id}" if url and run_id else None

    def note(self, request: Request, action: str, **facts: Fact) -> None:
        """Write down who did what: one line in the log. Whatever was shown before is old."""
        who = request.state.user or "anybody"
        address = request.client.host if request.client else ""
        _log.info("%s", line("person_acted", action=action, by=who, address=address, **facts))
        self.answers.forget()

    def trouble(self, doing: str) -> None:
        """Write down an error that nobody expected, with where it came from."""
        _log.exception("%s", line("dashboard_trouble", doing=doing))
