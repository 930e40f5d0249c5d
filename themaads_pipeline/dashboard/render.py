"""Templates to answers: the words and figures that they use, and what is on every page."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from themaads_pipeline.dashboard import chart, words
from themaads_pipeline.dashboard.guard import Access
from themaads_pipeline.model.accounts import dashed
from themaads_pipeline.reports import words as common
from themaads_pipeline.reports.summary import SKIPPED_BECAUSE

__all__ = ["STATIC", "Render"]

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


class Render:
    """Renders a template as a page; everything in it is escaped."""

    def __init__(self, access: Access, clock: Callable[[], datetime]) -> None:
        """Read the templates when they are needed, each once."""
        self._clock = clock
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "count": words.count,
            "dashed": dashed,
            "duration": common.duration,
            "edition_title": words.edition_title,
            "iso": lambda at: at.astimezone(UTC).isoformat(timespec="seconds"),
            "moment": common.moment,
            "per_second": common.per_second,
            "prose": words.prose,
        }
        self._environment.globals |= {
            "access": access,
            "categories": words.CATEGORIES,
            "many": common.many,
            "share": common.share,
            "skipped_because": SKIPPED_BECAUSE,
            "statuses": common.STATUSES,
            "chart_width": chart.WIDTH,
        }

    def __call__(
        self, template: str, request: Request | None = None, *, status: int = 200, **facts: Any
    ) -> Response:
        """The page.

        Args:
            template: Its file.
            request: Whose it is; None: it was refused before it was known whose.
            status: HTTP's.
            facts: What the template shows.
        """
        user = getattr(request.state, "user", "") if request is not None else ""
        return HTMLResponse(self.text(template, user=user, **facts), status)

    def text(self, template: str, **facts: Any) -> str:
        """The page, or a part of one, as HTML."""
        return self._environment.get_template(template).render(now=self._clock(), **facts)

    def refusal(self, status: int, title: str, told: str) -> Response:
        """A page that says why not."""
        return self("error.html", status=status, title=title, told=told)
