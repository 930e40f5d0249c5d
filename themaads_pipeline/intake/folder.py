"""The upload folder: which files are complete, what their identity is, and how one gets there whole."""

import errno
import hashlib
import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.sources import open_file, shown, surprises_as_unusable
from themaads_pipeline.model.telling import Tell, tell_nobody

# What browsers, spreadsheets, editors and copying programs call a file that is not complete, or not meant.
_UNFINISHED_ENDINGS = (
    ".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".opdownload", ".swp",
    ".lock", "~",
)  # fmt: skip
_UNFINISHED_BEGINNINGS = (".", "~$", "~")
_NOT_MEANT = frozenset({"thumbs.db", "desktop.ini"})
_DOUBLE_ENDING = ".gz"
_BLOCK = 4 * 1024**2


@dataclass(frozen=True, kw_only=True, slots=True)
class FileMark:
    """What changes when a file does: two looks with the same mark saw the same, resting file."""

    size: int
    mtime_ns: int
    inode: int
    was_moved: bool = field(default=False, compare=False)  # renamed, or given rights, after it was written


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderLook:
    """One look at the folder."""

    marks: dict[str, FileMark] = field(default_factory=dict)  # by file name
    passed_over: dict[str, str] = field(
        default_factory=dict
    )  # name fit for a message -> why it does not count
    are_complete: bool = False  # what is seen is whole: nothing has to rest first


def is_unfinished(name: str) -> bool:
    """Whether a name says that the file is hidden, temporary, or still being written.

    >>> is_unfinished("~$lijst.xlsx"), is_unfinished("lijst.csv.part"), is_unfinished("lijst.csv")
    (True, True, False)
    """
    lower = name.lower()
    return (
        lower.startswith(_UNFINISHED_BEGINNINGS) or lower.endswith(_UNFINISHED_ENDINGS) or lower in _NOT_MEANT
    )


def look_into(directory: Path) -> FolderLook:
    """See what is in `directory`: its own regular files. A folder that is not there is empty.

    Links are passed over, wherever they lead: whoever may put a link here could make us read any file.
    Folders and unfinished files are not mentioned; what a person may have meant as an upload is.

    Raises:
        UnusableFileError: the folder is there and cannot be read.
    """
    look = FolderLook()
    try:
        entries = os.scandir(directory)
    except FileNotFoundError:
        return look
    except OSError as error:
        message = f"The upload folder {directory} cannot be read ({error.strerror}). Check its rights."
        raise UnusableFileError(message) from error
    with entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone since, or not ours to see: the next look tells
            if is_unfinished(entry.name) or stat.S_ISDIR(status.st_mode):
                continue
            if why := _why_passed_over(entry.name, status.st_mode):
                look.passed_over[shown(Path(entry.name))] = why
            else:
                look.marks[entry.name] = FileMark(
                    size=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                    inode=status.st_ino,
                    # Each writing sets both stamps; to rename a file sets one.
                    was_moved=status.st_ctime_ns > status.st_mtime_ns,
                )
    return look


def _why_passed_over(name: str, mode: int) -> str | None:
    if stat.S_ISLNK(mode):
        return "It is a link. Copy the file itself into the folder."
    if not stat.S_ISREG(mode):
        return "It is no file."
    try:
        name.encode()
    except UnicodeEncodeError:
        return "Its name is not valid UTF-8. Give it another name."
    return None


def settled_files(
    marks: Mapping[str, FileMark], *, now: float, settle_seconds: float, seen: Mapping[str, FileMark]
) -> list[str]:
    """The names of the files that are complete, sorted.

    A file is complete when it rested between two looks, or when it was last written so long ago that it must
    have been moved in as a whole.

    Args:
        marks: this look.
        now: seconds since the epoch, on the clock that stamps the files.
        settle_seconds: how long a file must have rested to count at the first look.
        seen: the marks of an earlier look, at least some seconds ago.
    """
    return sorted(
        name
        for name, mark in marks.items()
        if seen.get(name) == mark or now - mark.mtime_ns / 1e9 >= settle_seconds
    )


def fingerprint_file(path: Path, *, tell: Tell = tell_nobody) -> str:
    """The SHA-256 of the content, in hexadecimal.

    Raises:
        UnusableFileError: it cannot be read.
    """
    digest = hashlib.sha256()
    with surprises_as_unusable(path), open_file(path, allow_unusable=True) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            tell(f"comparing {shown(path)} with what was submitted: {file.tell() / 1024**2:,.0f} MB")
    return digest.hexdigest()


def identify(
    path: Path,
    *,
    edition: str | None,
    edition_in_file_name: Callable[[str], str | None],
    resolve_edition: Callable[[str], str | None],
) -> frozenset[str]:
    """The editions that are part of an upload's identity (see `model.uploads.upload_key`).

    Args:
        path: the file.
        edition: the one given at submission.
        edition_in_file_name: the edition that a file name means, or None.
        resolve_edition: the edition that a text in the theme column means, or None.

    Returns:
        The edition given, or else the one in the file's name, or else those of the theme column; the empty
        set where the file cannot be read: its upload then fails with the reason, and the next has its turn.
    """
    default = edition or edition_in_file_name(path.name)
    if default:
        return frozenset({default})
    # Here and not above: pandas costs a second, and a sensor that finds nothing new does not need it.
    from themaads_pipeline.intake.readers import read_table  # noqa: PLC0415

    try:
        table = read_table(path, only=frozenset({"theme"}))
    except UnusableFileError:
        return frozenset()
    if "theme" not in table.columns:
        return frozenset()
    found = (resolve_edition(text) for text in map(str, table.columns["theme"].unique()) if text)
    return frozenset(name for name in found if name)


def place_in_folder(source: Path, uploads_dir: Path, name: str | None = None) -> Path:
    """Copy `source` into the folder such that nobody ever sees half of it, and nothing there is overwritten.

    Args:
        source: any file.
        uploads_dir: the upload folder; made when it is not there.
        name: what to call it there; by default as `source`.

    Returns:
        Where the file is: a file of that name with the same content is left as it is, and with another
        content the new one is called `name-2.csv`.

    Raises:
        UnusableFileError: `source` cannot be read, the folder not be written, or the name would be ignored.
    """
    name = source.name if name is None else name
    expect_upload_name(name)
    content = fingerprint_file(source)
    with surprises_as_unusable(source), _troubles_of(uploads_dir):
        uploads_dir.mkdir(parents=True, exist_ok=True)
        temporary = uploads_dir / f".{uuid.uuid4().hex}.part"
        try:
            with open_file(source, allow_unusable=True) as original, temporary.open("xb") as copy:
                shutil.copyfileobj(original, copy, 1024**2)
                copy.flush()
                os.fsync(copy.fileno())
            number = 1
            while True:
                target = uploads_dir / numbered(name, number)
                if _link(temporary, target):
                    break
                if not target.is_symlink() and target.is_file() and fingerprint_file(target) == content:
                    break
                number += 1
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(uploads_dir)
        return target


def expect_upload_name(name: str) -> None:
    """Refuse a name that would be ignored in the folder.

    Raises:
        UnusableFileError: It would.
    """
    if not name or Path(name).name != name or is_unfinished(name) or _why_passed_over(name, stat.S_IFREG):
        message = f"{shown(Path(name))}: an upload cannot have this name. Give it another one."
        raise UnusableFileError(message)


@contextmanager
def _troubles_of(uploads_dir: Path) -> Iterator[None]:
    """What keeps the folder from being written to is no fault of the file."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR}:
            raise
        message = (
            f"{uploads_dir} cannot be written to ({error.strerror}): free space there, or check its rights."
        )
        raise UnusableFileError(message) from error


def _link(temporary: Path, target: Path) -> bool:
    """Give the complete file its name; False when that name is taken."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}:
            raise
        # A file system without hard links: for microseconds another file of that name could be lost.
        if os.path.lexists(target):
            return False
        temporary.replace(target)
    return True


def numbered(name: str, number: int) -> str:
    """What to call another file of that name.

    >>> numbered("lijst.csv.gz", 2)
    'lijst-2.csv.gz'
    """
    if number == 1:
        return name
    path = Path(name)
    ending = "".join(path.suffixes[-2:]) if path.suffix.lower() == _DOUBLE_ENDING else path.suffix
    return f"{name.removesuffix(ending)}-{number}{ending}"


def _sync_folder(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
