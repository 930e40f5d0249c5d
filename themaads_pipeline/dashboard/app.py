"""The application: routes, what stands before them, and what is said when something goes wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from themaads_pipeline.dashboard.actions import Actions
from themaads_pipeline.dashboard.drafts import Drafts, NoDraftError
from themaads_pipeline.dashboard.guard import HEADERS, Guard
from themaads_pipeline.dashboard.pages import Pages
from themaads_pipeline.dashboard.render import STATIC, Render
from themaads_pipeline.dashboard.site import Site
from themaads_pipeline.dashboard.views import NoUploadError
from themaads_pipeline.dashboard.words import prose
from themaads_pipeline.exceptions import ThemaAdsError
from themaads_pipeline.ledger.outages import LOST_CONNECTION

__all__ = ["create_app"]


def create_app(site: Site) -> Starlette:
    """The dashboard of one ledger. Drafts live as long as it runs."""
    render = Render(site.access, site.clock)
    drafts = Drafts(site)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(drafts.close)

    def not_there(_: Request, error: Exception) -> Response:
        return render.refusal(404, "Not there", str(error))

    def not_done(_: Request, error: Exception) -> Response:
        return render.refusal(409, "Not done", prose(str(error)))

    def away(_: Request, __: Exception) -> Response:
        site.trouble("asking the ledger")
        return render.refusal(
            503,
            "The database does not answer",
            "Uploads that run wait for it and go on by themselves. This page tries again when you reload it.",
        )

    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
        title = "Not there" if error.status_code == 404 else "Not done"
        told = "There is no such page." if error.status_code == 404 else str(error.detail)
        return render.refusal(error.status_code, title, told)

    def unexpected(_: Request, __: Exception) -> Response:
        site.trouble("answering")
        answer = render.refusal(
            500,
            "Something went wrong here",
            "What it was is in the dashboard's log. Uploads are not concerned.",
        )
        answer.headers.update(HEADERS)  # this answer is made outside of what adds them to the others
        return answer

    return Starlette(
        routes=[
            *Pages(site, render).routes(),
            *Actions(site, render, drafts).routes(),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[
            Middleware(Guard, access=site.access, refuse=render.refusal),
            Middleware(GZipMiddleware, minimum_size=1_000),
        ],
        exception_handlers={
            NoUploadError: not_there,
            NoDraftError: not_there,
            ThemaAdsError: not_done,
            HTTPException: refused,
            **dict.fromkeys(LOST_CONNECTION, away),
            Exception: unexpected,
        },
        lifespan=lifespan,
    )
