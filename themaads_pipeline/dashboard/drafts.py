"""Files that are not submitted yet: kept aside, planned in the background, shown, then decided on."""

import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from themaads_pipeline.dashboard.files import expect_usable
from themaads_pipeline.dashboard.site import Site
from themaads_pipeline.exceptions import PermanentError, ThemaAdsError
from themaads_pipeline.intake.storage import put_into
from themaads_pipeline.model.ads import Account
from themaads_pipeline.push.dry_run import PlannedOutcome
from themaads_pipeline.push.registration import Registered, register_file
from themaads_pipeline.reports.dry_run import write_dry_run
from themaads_pipeline.reports.preview import Preview, expect_theme, preview_file

__all__ = ["Draft", "Drafts", "NoDraftError"]

_MOST = 20
_KEPT_S = 24 * 3600.0
_SAMPLE = 3
_BLOCK = 1024**2


class NoDraftError(PermanentError):
    """It was submitted, discarded, or is too old."""


class _DiscardedError(Exception):
    """Nobody wants the plan any more."""


@dataclass(kw_only=True)
class Draft:
    """A file and what it would do. `planned` of `items` ad groups were looked at so far."""

    token: str
    folder: Path
    name: str
    theme: str | None
    by: str
    made_at: float
    items: int | None = None
    planned: int = 0
    preview: Preview | None = None
    accounts: dict[int, Account] = field(default_factory=dict)
    error: str = ""
    is_discarded: bool = False

    @property
    def file(self) -> Path:
        """As it was handed in."""
        return self.folder / self.name

    @property
    def plan(self) -> Path:
        """What would become of each ad group, once it is planned."""
        return self.folder / "plan.csv"

    @property
    def is_planning(self) -> bool:
        """Whether there is neither a plan nor an error yet."""
        return self.preview is None and not self.error


class Drafts:
    """Plans one file at a time: a plan reads the accounts, and counts against the quota."""

    def __init__(self, site: Site) -> None:
        """Whatever an earlier process left is removed."""
        self._site = site
        self._folder = site.settings.home / "drafts"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lock = threading.Lock()
        self._drafts: dict[str, Draft] = {}
        self._planner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plan")

    def add(self, name: str, content: BinaryIO, *, theme: str | None, by: str) -> Draft:
        """Keep a file aside, and begin to plan it.

        Args:
            name: Made safe.
            content: The file's.
            theme: For rows that name none; None: the one in the file's name, or in each row.
            by: Who hands it in.

        Raises:
            UnusableFileError: It is none that the intake reads.
            ThemeError: It is not known for which theme it is.
            PermanentError: Too many files wait for a decision.
        """
        beginning = content.read(8)
        content.seek(0)
        expect_usable(name, beginning)
        self._make_room()
        token = secrets.token_urlsafe(16)
        folder = self._folder / token
        folder.mkdir(parents=True, mode=0o700)
        draft = Draft(token=token, folder=folder, name=name, theme=theme, by=by, made_at=time.monotonic())
        try:
            with draft.file.open("xb") as file:
                shutil.copyfileobj(content, file, _BLOCK)
            expect_theme(draft.file, theme, catalogue=self._site.catalogue(), now=self._site.clock())
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._drafts[token] = draft
        self._planner.submit(self._plan, draft)
        return draft

    def get(self, token: str) -> Draft:
        """The draft of that token.

        Raises:
            NoDraftError: There is none (any more).
        """
        with self._lock:
            found = self._drafts.get(token)
        if found is None or found.is_discarded:
            raise NoDraftError("This file was handed in or thrown away already. Choose it again.")
        return found

    def submit(self, token: str) -> Registered:
        """Hand the file in, as `themaads submit` does.

        Raises:
            NoDraftError: There is none (any more).
            ThemaAdsError: It cannot be registered; the draft stays.
        """
        draft, site = self.get(token), self._site
        catalogue, today = site.catalogue(), site.clock().date()
        placed = put_into(site.settings.uploads, draft.file)
        registered = register_file(
            placed, ledger=site.acting, catalogue=catalogue, today=today, theme=draft.theme
        )
        self.discard(token)
        return registered

    def discard(self, token: str) -> None:
        """Forget the file. A plan that is being made ends at its next step."""
        with self._lock:
            draft = self._drafts.pop(token, None)
        if draft is not None:
            draft.is_discarded = True
            shutil.rmtree(draft.folder, ignore_errors=True)

    def close(self) -> None:
        """End all plans, and forget all files."""
        with self._lock:
            tokens = list(self._drafts)
        for token in tokens:
            self.discard(token)
        self._planner.shutdown(wait=True, cancel_futures=True)

    def _make_room(self) -> None:
        with self._lock:
            old = [each.token for each in self._drafts.values() if each.made_at < time.monotonic() - _KEPT_S]
        for token in old:
            self.discard(token)
        if len(self._drafts) >= _MOST:
            raise PermanentError(f"{_MOST} files wait to be handed in or thrown away: decide on some first.")

    def _plan(self, draft: Draft) -> None:
        def on_progress(planned: int, items: int) -> None:
            if draft.is_discarded:
                raise _DiscardedError
            draft.planned, draft.items = planned, items

        site = self._site
        try:
            with site.open_gateway() as gateway:
                preview = preview_file(
                    draft.file,
                    theme=draft.theme,
                    ledger=site.gathering,
                    gateway=gateway,
                    catalogue=site.catalogue(),
                    clock=site.clock,
                    sink=lambda outcomes: _written(outcomes, draft.plan),
                    on_progress=on_progress,
                )
                draft.accounts = gateway.accounts()
            draft.preview = preview
        except _DiscardedError:
            pass
        except ThemaAdsError as error:
            draft.error = str(error)
        except Exception as error:  # noqa: BLE001 - it has to be told where the person looks
            draft.error = f"The plan could not be made ({type(error).__name__}): see the dashboard's log."
            if not draft.is_discarded:
                site.trouble(f"planning {draft.name}")


def _written(outcomes: Iterable[PlannedOutcome], path: Path) -> list[PlannedOutcome]:
    """All of them into the file; the first new ads are kept to be shown."""
    kept: list[PlannedOutcome] = []

    def passed_on() -> Iterator[PlannedOutcome]:
        for outcome in outcomes:
            if outcome.outcome == "create" and len(kept) < _SAMPLE:
                kept.append(outcome)
            yield outcome

    write_dry_run(passed_on(), path, sample=0)
    return kept
