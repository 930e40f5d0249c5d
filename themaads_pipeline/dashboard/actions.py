"""What a person does: each asks back on a page of its own, is written down, and needs a way to write."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message

from themaads_pipeline.dashboard import views
from themaads_pipeline.dashboard.drafts import Draft, Drafts
from themaads_pipeline.dashboard.files import ACCEPTED, safe_name
from themaads_pipeline.dashboard.previews import side_by_side
from themaads_pipeline.dashboard.render import Render
from themaads_pipeline.dashboard.site import Site
from themaads_pipeline.dashboard.words import CATEGORIES
from themaads_pipeline.exceptions import PermanentError, ThemaAdsError
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.reports.preview import DAILY_OPERATIONS
from themaads_pipeline.steering import steps
from themaads_pipeline.steering.runs import launch_dry_run

__all__ = ["Actions"]

_LARGEST_FORM = 64 * 1024  # bytes, of a form without a file
_REJECTED_SHOWN = 15
_LONGEST_CODE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """What is asked back before something is done."""

    title: str
    words: str
    button: str


_QUESTIONS = {
    "pause": _Question(
        title="Pause",
        words="Its run ends within a minute: what is in flight is settled first, what is done stays, and "
        "nothing is lost. It stands still until somebody resumes it.",
        button="Pause it",
    ),
    "resume": _Question(
        title="Resume",
        words="It goes on with what has no outcome yet. If it is the trial of a few ad groups, the limit is "
        "lifted: all of them follow. If it waits for tomorrow's quota, Google is asked again now.",
        button="Resume it",
    ),
    "retry": _Question(
        title="Try failed ad groups again",
        words="Each of them is looked up first: none gets a second ad. What failed for a cause that is still "
        "there fails again.",
        button="Try them again",
    ),
    "dry-run": _Question(
        title="Dry run",
        words="Everything that is left is planned from what is in the accounts now, and nothing is sent. The "
        "plan is a table and a file in Dagster.",
        button="Launch the dry run",
    ),
}


class Actions:
    """Each method answers one kind of address."""

    def __init__(self, site: Site, render: Render, drafts: Drafts) -> None:
        """Keep what is acted on."""
        self._site = site
        self._render = render
        self._drafts = drafts

    def routes(self) -> list[Route]:
        """Addresses and who answers them."""
        act = "/uploads/{number:int}/{action:str}"
        return [
            Route("/new", self.new, methods=["GET"]),
            Route("/new", self.hand_in, methods=["POST"]),
            Route("/new/{token}", self.draft, methods=["GET"]),
            Route("/new/{token}/live", self.draft_live, methods=["GET"]),
            Route("/new/{token}/plan.csv", self.plan, methods=["GET"]),
            Route("/new/{token}/submit", self.submit, methods=["POST"]),
            Route("/new/{token}/discard", self.discard, methods=["POST"]),
            Route(act, self.ask_back, methods=["GET"]),
            Route(act, self.act, methods=["POST"]),
        ]

    # Steering an upload

    def ask_back(self, request: Request) -> Response:
        """Say what would be done, and offer to do it."""
        action = _action(request)
        view = views.view_of(self._site, request.path_params["number"])
        failures = self._site.looking.outcomes.failures_by_reason(view.progress.number)
        chosen = _chosen(request.query_params.get("category"), request.query_params.get("code"))
        return self._render(
            "confirm.html",
            request,
            view=view,
            action=action,
            question=_QUESTIONS[action],
            failures=failures,
            chosen=chosen,
            matching=_matching(failures, **chosen),
            by_category=_by_category(failures),
        )

    async def act(self, request: Request) -> Response:
        """Do it, write it down, and show the upload."""
        action = _action(request)
        form = await _small_form(request)
        return await run_in_threadpool(self._act, request, action, form)

    def _act(self, request: Request, action: str, form: FormData) -> Response:
        site, number = self._site, request.path_params["number"]
        upload = site.acting.uploads.by_number(number)
        if upload is None:
            raise views.NoUploadError(f"There is no upload #{number}.")
        steps_of: dict[str, Callable[[Request, Upload, FormData], tuple[str, dict[str, Any]]]] = {
            "pause": self._pause,
            "resume": self._resume,
            "retry": self._retry,
            "dry-run": self._dry_run,
        }
        try:
            said, facts = steps_of[action](request, upload, form)
        except ThemaAdsError as error:
            site.note(request, action, upload=number, how="refused", why=str(error))
            raise
        site.note(request, action, upload=number, how="done", **facts)
        return _to(f"/uploads/{number}?said={said}")

    def _pause(self, request: Request, upload: Upload, _: FormData) -> tuple[str, dict[str, Any]]:
        site = self._site
        steps.pause(site.settings, site.acting, upload, by=request.state.user or "a person")
        return "paused", {}

    def _resume(self, _: Request, upload: Upload, __: FormData) -> tuple[str, dict[str, Any]]:
        resumed = steps.resume(self._site.acting, upload)
        return "resumed", {"items": resumed.left}

    def _retry(self, _: Request, upload: Upload, form: FormData) -> tuple[str, dict[str, Any]]:
        chosen = _chosen(_text(form, "category"), _text(form, "code"))
        retried = steps.retry(self._site.acting, upload, category=chosen["category"], code=chosen["code"])
        if not retried:
            raise PermanentError(f"#{upload.number} has nothing of that kind to try again.")
        return "retried", {"items": retried, **chosen}

    def _dry_run(self, _: Request, upload: Upload, __: FormData) -> tuple[str, dict[str, Any]]:
        return "planned", {"run": launch_dry_run(self._site.settings, upload)}

    # Handing a file in

    def new(self, request: Request) -> Response:
        """Choose a file and its theme."""
        return self._new(request)

    def _new(self, request: Request, *, told: str = "", status: int = 200) -> Response:
        site = self._site
        catalogue, today = site.catalogue(), site.clock().date()
        themes = [(theme.name, catalogue.next_edition(theme, today)) for theme in catalogue.themes]
        return self._render(
            "new.html",
            request,
            status=status,
            themes=themes,
            told=told,
            accepted=ACCEPTED,
            most_mb=site.settings.dashboard_upload_mb,
            problems=catalogue.problems,
        )

    async def hand_in(self, request: Request) -> Response:
        """Keep the file aside, and plan it."""
        most = self._site.settings.dashboard_upload_mb * 1024**2
        try:
            async with _limited(request, most).form(max_files=1, max_fields=2) as form:
                return await run_in_threadpool(self._hand_in, request, form)
        except _TooLargeError:
            told = f"The file is larger than {self._site.settings.dashboard_upload_mb:,} MB. Split it."
            return await run_in_threadpool(self._new, request, told=told, status=413)

    def _hand_in(self, request: Request, form: FormData) -> Response:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            return self._new(request, told="Choose a file first.", status=400)
        name = safe_name(file.filename)
        theme = _text(form, "theme")
        try:
            draft = self._drafts.add(name, file.file, theme=theme, by=request.state.user)
        except PermanentError as error:
            self._site.note(request, "preview", file=name, how="refused", why=str(error))
            return self._new(request, told=_for_the_page(str(error)), status=422)
        self._site.note(request, "preview", file=name, theme=theme, how="done")
        return _to(f"/new/{draft.token}")

    def draft(self, request: Request) -> Response:
        """What the file would do, as far as it is known."""
        return self._draft("draft.html", request)

    def draft_live(self, request: Request) -> Response:
        """The part of it that changes."""
        return self._draft("_draft.html", request)

    def _draft(self, template: str, request: Request) -> Response:
        draft = self._drafts.get(request.path_params["token"])
        preview = draft.preview
        return self._render(
            template,
            request,
            draft=draft,
            preview=preview,
            told=_for_the_page(draft.error),
            samples=[side_by_side(each, draft.accounts, self._site.clock()) for each in preview.sample]
            if preview
            else [],
            rejected=preview.rejected[:_REJECTED_SHOWN] if preview else [],
            daily=DAILY_OPERATIONS,
            budget=self._site.settings.daily_operations,
        )

    def plan(self, request: Request) -> Response:
        """The whole plan as a file."""
        draft: Draft = self._drafts.get(request.path_params["token"])
        if draft.preview is None:
            raise PermanentError("The plan is not ready yet.")
        return FileResponse(draft.plan, media_type="text/csv; charset=utf-8", filename="plan.csv")

    def submit(self, request: Request) -> Response:
        """Hand it in."""
        token = request.path_params["token"]
        draft = self._drafts.get(token)
        try:
            registered = self._drafts.submit(token)
        except ThemaAdsError as error:
            self._site.note(request, "submit", file=draft.name, how="refused", why=str(error))
            raise
        number = registered.upload.number
        self._site.note(request, "submit", upload=number, file=draft.name, how="done")
        return _to(f"/uploads/{number}?said={'submitted' if registered.is_new else 'known'}")

    def discard(self, request: Request) -> Response:
        """Throw it away."""
        draft = self._drafts.get(request.path_params["token"])
        self._drafts.discard(draft.token)
        self._site.note(request, "discard", file=draft.name, how="done")
        return _to("/?said=discarded")


class _TooLargeError(Exception):
    """More came than is taken."""


def _limited(request: Request, most: int) -> Request:
    """The same request, whose body ends with an error when more than `most` bytes of it have come."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise _TooLargeError
    got = 0

    async def receive() -> Message:
        nonlocal got
        message = await request.receive()
        got += len(message.get("body", b""))
        if got > most:
            raise _TooLargeError
        return message

    return Request(request.scope, receive)


async def _small_form(request: Request) -> FormData:
    try:
        return await _limited(request, _LARGEST_FORM).form(max_files=0, max_fields=10)
    except _TooLargeError as error:
        raise HTTPException(413, "That is more than a button sends.") from error


def _action(request: Request) -> str:
    action = str(request.path_params["action"])
    if action not in _QUESTIONS:
        raise HTTPException(404, "There is no such page.")
    return action


def _chosen(category: str | None, code: str | None) -> dict[str, str | None]:
    """What of an address or a form chooses failures; what is no category is none."""
    return {
        "category": category if category in CATEGORIES else None,
        "code": code[:_LONGEST_CODE] if code else None,
    }


def _matching(failures: list[dict[str, Any]], *, category: str | None, code: str | None) -> int:
    return sum(
        row["items"]
        for row in failures
        if category in {None, row["category"]} and code in {None, row["code"]}
    )


def _by_category(failures: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in failures:
        found[row["category"]] = found.get(row["category"], 0) + row["items"]
    return found


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value.strip() or None if isinstance(value, str) else None


def _for_the_page(told: str) -> str:
    """An error of the command says which option to give: here it is a choice on the page."""
    return told.replace("give --theme, one of", "choose the theme, one of")


def _to(address: str) -> RedirectResponse:
    return RedirectResponse(address, status_code=303)
