"""From a file to an upload in the ledger: what the folder's sensor and `themaads submit` both do."""

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from themaads_pipeline.exceptions import ThemeError, TransientError, UnusableFileError
from themaads_pipeline.intake.folder import fingerprint_file, identify
from themaads_pipeline.intake.sources import shown
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.ledger.uploads import KnownFile
from themaads_pipeline.model.catalogue import Catalogue
from themaads_pipeline.model.uploads import Upload, upload_key
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
    path: Path,
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
        path: The complete file.
        ledger: Where it is registered.
        catalogue: The themes.
        today: Decides which edition a theme means.
        theme: For rows without one (`bf`, `Black Friday 2026`); None: the one in the file's name, if any.
        item_limit: For a trial: each run stops after so many items.

    Raises:
        ThemeError: There is no such theme.
        FileChangedError: The file was not at rest.
    """

    def edition_of(text: str) -> str | None:
        found = catalogue.resolve(text, today)
        return found.name if found else None

    def edition_in_file_name(name: str) -> str | None:
        found = catalogue.edition_in_file_name(name, today)
        return found.name if found else None

    given = edition_named(theme, catalogue=catalogue, today=today)
    size, mtime_ns = _mark(path)
    content = _content_of(path, size=size, mtime_ns=mtime_ns)
    try:
        editions = identify(
            path, edition=given, edition_in_file_name=edition_in_file_name, resolve_edition=edition_of
        )
    except Exception:  # whatever a file does to its reader, its upload is where it is told
        log.warning("%s could not be looked into", shown(path), exc_info=True)
        editions = frozenset()
    finally:
        give_back()  # a sensor's process stays: half a gigabyte for a large workbook
    if _mark(path) != (size, mtime_ns):
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
    if upload.read_at is None and not Path(upload.file_path).exists():
        upload = ledger.uploads.relocate(upload.number, file_path=str(path), file_name=shown(path))
    ledger.uploads.remember_file(
        KnownFile(path=str(path), size=size, mtime_ns=mtime_ns, upload=upload.number)
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


def _mark(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise FileChangedError(f"{shown(path)} is not there any more ({error.strerror})") from error
    return status.st_size, status.st_mtime_ns


def _content_of(path: Path, *, size: int, mtime_ns: int) -> str:
    """The content's hash; of a file that we may not read, one that changes when the file does."""
    try:
        return fingerprint_file(path)
    except UnusableFileError:
        _mark(path)  # gone is no upload
        return hashlib.sha256(f"unreadable\n{path}\n{size}\n{mtime_ns}".encode()).hexdigest()
