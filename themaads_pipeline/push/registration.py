"""From a file to an upload in the ledger: what the folder's sensor and `themaads submit` both do."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from themaads_pipeline.exceptions import ThemeError, TransientError, UnusableFileError
from themaads_pipeline.intake.folder import fingerprint_file, identify
from themaads_pipeline.intake.sources import shown
from themaads_pipeline.intake.storage import at_hand, is_there, lies_at, mark_of
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import KnownFile
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.uploads import Upload, upload_key
from themaads_pipeline.objects import AnyPath, ObjectMark
from themaads_pipeline.push.memory import give_back

log = logging.getLogger(__name__)


class FileChangedError(TransientError):
    """The file was written to, or taken away, while it was looked at: look again later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """The upload of a file; not `is_new` means that the same list was there before."""

    upload: Upload
    is_new: bool


def register_file(
    path: AnyPath,
    *,
    ledger: Ledger,
    catalogue: Catalogue,
    today: date,
    theme: str | None = None,
    item_limit: int | None = None,
) -> Registered:
    """Register a file as an upload, or find the upload that it is already.

    A file that cannot be used is registered as well: its upload then fails with the reason, where everybody
    looks, and no other file has to wait for it.

    Args:
        path: The complete file, here or in object storage.
        ledger: Where it is registered.
        catalogue: The themes.
        today: Decides which edition a theme means.
        theme: For rows without one (`bf`, `Black Friday 2026`); None: the one in the file's name, if any.
        item_limit: For a trial: each run stops after so many items.

    Raises:
        ThemeError: There is no such theme.
        FileChangedError: The file was not at rest.
        UnusableFileError: It may not even be looked at.
        StorageAwayError: Object storage gives no answer.
    """

    def edition_of(text: str) -> str | None:
        found = catalogue.resolve(text, today)
        return found.name if found else None

    def edition_in_file_name(name: str) -> str | None:
        found = catalogue.edition_in_file_name(name, today)
        return found.name if found else None

    given = edition_named(theme, catalogue=catalogue, today=today)
    mark = _mark(path)
    try:
        with at_hand(path) as file:
            content = _content_of(file, path, mark)
            editions = _editions_of(
                lambda: identify(
                    file, edition=given, edition_in_file_name=edition_in_file_name, resolve_edition=edition_of
                ),
                shown(path),
            )
    except UnusableFileError:  # an object that we may not read
        content = _unreadable(path, mark)
        by_name = given or edition_in_file_name(path.name)
        editions = frozenset({by_name}) if by_name else frozenset()
    if _mark(path) != mark:
        raise FileChangedError(f"{shown(path)} was written to while it was read: it is looked at again")
    for digits in (8, 64):
        upload, is_new = ledger.uploads.register(
            key=upload_key(content, editions, digits=digits),
            file_path=str(path),
            file_name=shown(path),
            content_sha256=content,
            edition=given or edition_in_file_name(path.name),
            item_limit=item_limit,
        )
        if upload.content_sha256 == content:
            break
    if upload.read_at is None and not is_there(lies_at(upload.file_path)):
        upload = ledger.uploads.relocate(upload.number, file_path=str(path), file_name=shown(path))
    ledger.uploads.remember_file(
        KnownFile(path=str(path), size=mark.size, mtime_ns=mark.stamp_ns, upload=upload.number)
    )
    return Registered(upload=upload, is_new=is_new)


def edition_named(theme: str | None, *, catalogue: Catalogue, today: date) -> str | None:
    """The name of the edition that a person means by a theme; None for None.

    Raises:
        ThemeError: There is no such theme.
    """
    if theme is None:
        return None
    found = catalogue.resolve(theme, today)
    if found is None:
        known = ", ".join(sorted(each.name for each in catalogue.themes)) or "none"
        raise ThemeError(f"there is no theme {theme!r}; the themes are: {known}")
    return found.name


def with_theme(upload: Upload, theme: str | None, *, catalogue: Catalogue, today: date) -> Upload:
    """The upload with a theme given afterwards, for rows that name none.

    Raises:
        ThemeError: There is no such theme, or the upload has another one already.
    """
    edition = edition_named(theme, catalogue=catalogue, today=today)
    if edition is None or edition == upload.edition:
        return upload
    if upload.edition is not None or upload.read_at is not None:
        was = upload.edition or "the themes in its rows"
        raise ThemeError(
            f"#{upload.number} was submitted for {was}, and cannot become one for {edition}: submit its file "
            f"again with that theme (`themaads submit {upload.file_name} --theme {theme}`)"
        )
    return replace(upload, edition=edition)


def _editions_of(identified: Callable[[], frozenset[str]], name: str) -> frozenset[str]:
    try:
        return identified()
    except Exception:  # whatever a file does to its reader, its upload is where it is told
        log.warning("%s could not be looked into", name, exc_info=True)
        return frozenset()
    finally:
        give_back()  # a sensor's process stays: half a gigabyte for a large workbook


def _mark(path: AnyPath) -> ObjectMark:
    try:
        return mark_of(path)
    except PermissionError as error:
        message = f"{path} may not be looked at ({error.strerror}): check our rights there"
        raise UnusableFileError(message) from error
    except OSError as error:
        raise FileChangedError(f"{shown(path)} is not there any more ({error.strerror})") from error


def _content_of(file: Path, path: AnyPath, mark: ObjectMark) -> str:
    """The content's hash; of a file that we may not read, one that changes when the file does."""
    try:
        return fingerprint_file(file)
    except UnusableFileError:
        _mark(path)  # gone is no upload
        return _unreadable(path, mark)


def _unreadable(path: AnyPath, mark: ObjectMark) -> str:
    return hashlib.sha256(f"unreadable\n{path}\n{mark.size}\n{mark.stamp_ns}".encode()).hexdigest()
