"""The pages that only look, their live parts, and the files."""

from collections.abc import Callable, Hashable

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from themaads_pipeline.dashboard import views
from themaads_pipeline.dashboard.render import Render
from themaads_pipeline.dashboard.site import Site
from themaads_pipeline.ledger.outages import LOST_CONNECTION
from themaads_pipeline.model.uploads import Upload, UploadStatus
from themaads_pipeline.reports.files import (
    FAILED_COLUMNS,
    OUTCOME_COLUMNS,
    REJECTED_COLUMNS,
    failed_rows,
    outcome_rows,
    rejected_rows,
)
from themaads_pipeline.reports.tables import table_stream

__all__ = ["Pages"]

_A_PAGE = 50

# What an action says on the page that follows it. By a short name: whatever else stands in an address is not
# repeated on a page.
SAID = {
    "submitted": "Handed in. It begins by itself, usually within half a minute.",
    "known": "This list was handed in for this theme before: it is this upload, and not a second one.",
    "paused": "Paused. What was in flight is settled, and nothing is lost.",
    "resumed": "It goes on by itself, usually within half a minute.",
    "retried": "The failed ad groups are tried again. None of them gets a second ad.",
    "planned": "The dry run is launched. Its table and file are in Dagster; nothing is sent to Google.",
    "discarded": "The file was thrown away. Nothing was handed in.",
}


class Pages:
    """Each method answers one kind of address."""

    def __init__(self, site: Site, render: Render) -> None:
        """Keep what pages are made from."""
        self._site = site
        self._render = render

    def routes(self) -> list[Route]:
        """Addresses and who answers them."""
        return [
            Route("/", self.overview),
            Route("/live", self.overview_live),
            Route("/alive", self.alive),
            Route("/uploads", self.uploads),
            Route("/uploads/{number:int}", self.upload),
            Route("/uploads/{number:int}/live", self.upload_live),
            Route("/uploads/{number:int}/skipped", self.skipped),
            Route("/uploads/{number:int}/files/{name}", self.file),
        ]

    def alive(self, _request: Request) -> Response:
        """For whoever watches the process."""
        try:
            self._site.looking.attempts.now()
        except LOST_CONNECTION:
            return PlainTextResponse("the database does not answer\n", 503)
        return PlainTextResponse("alive\n")

    def overview(self, request: Request) -> Response:
        """The first page."""
        return self._render(
            "overview.html", request, overview=views.overview_of(self._site), said=_said(request)
        )

    def overview_live(self, _request: Request) -> Response:
        """Its part that changes."""
        return self._same_for_all(
            "overview", lambda: self._render.text("_overview.html", overview=views.overview_of(self._site))
        )

    def uploads(self, request: Request) -> Response:
        """All uploads, some at a time."""
        status = request.query_params.get("status")
        status = status if status in set(UploadStatus) else None
        page = _number(request.query_params.get("page"))
        first = (page - 1) * _A_PAGE
        found, total = views.uploads_of(self._site, status=status, first=first, most=_A_PAGE)
        return self._render(
            "uploads.html",
            request,
            uploads=found,
            total=total,
            page=page,
            pages=max(1, -(-total // _A_PAGE)),
            chosen=status,
        )

    def upload(self, request: Request) -> Response:
        """One upload."""
        page = views.page_of(self._site, request.path_params["number"])
        return self._render("upload.html", request, page=page, site=self._site, said=_said(request))

    def upload_live(self, request: Request) -> Response:
        """Its part that changes."""
        number = request.path_params["number"]
        return self._same_for_all(
            number,
            lambda: self._render.text(
                "_upload.html", page=views.page_of(self._site, number), site=self._site
            ),
        )

    def _same_for_all(self, which: Hashable, render: Callable[[], str]) -> Response:
        """A part that every viewer asks for again and again, and that has nothing of who asks."""
        return HTMLResponse(self._site.answers.get(("live", which), render))

    def skipped(self, request: Request) -> Response:
        """Why ad groups were skipped; this goes through all of them, and has a page of its own for that."""
        number = request.path_params["number"]
        view = views.view_of(self._site, number)
        reasons = self._site.answers.get(
            ("skipped", number),
            lambda: [
                row
                for row in self._site.gathering.outcomes.counts_by_reason(number)
                if row["state"] == "skipped"
            ],
        )
        return self._render("skipped.html", request, view=view, reasons=reasons)

    def file(self, request: Request) -> Response:
        """A file of the report, as it would be written now, line by line."""
        site, name = self._site, request.path_params["name"]
        upload = site.gathering.uploads.by_number(request.path_params["number"])
        if upload is None:
            raise views.NoUploadError(f"There is no upload #{request.path_params['number']}.")
        ledger = site.gathering
        match name:
            case "outcomes.csv":
                rows = outcome_rows(upload, ledger=ledger, catalogue=site.catalogue())
                body = table_stream(OUTCOME_COLUMNS, rows)
            case "failed_items.csv":
                body = table_stream(FAILED_COLUMNS, failed_rows(upload, ledger=ledger))
            case "rejected_rows.csv":
                body = table_stream(REJECTED_COLUMNS, rejected_rows(upload, ledger=ledger))
            case _:
                return self._render.refusal(404, "No such file", "An upload has no file of that name.")
        return StreamingResponse(body, media_type="text/csv; charset=utf-8", headers=_as(upload, name))


def _as(upload: Upload, name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{upload.number}-{name}"'}


def _said(request: Request) -> str:
    return SAID.get(request.query_params.get("said", ""), "")


def _number(text: str | None) -> int:
    return (
        max(1, int(text)) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else 1
    )
