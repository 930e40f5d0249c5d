"""Where uploads lie: a folder of this machine, or one in object storage, each by its own rules.

A file is complete when it rests; an object is when it is listed. A file is read where it is; an object from
a copy that only this worker knows, so that readers stay as they are and nobody changes it under them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from themaads_pipeline.exceptions import UnusableFileError
from themaads_pipeline.intake.folder import (
    FileMark,
    FolderLook,
    expect_upload_name,
    fingerprint_file,
    is_unfinished,
    look_into,
    numbered,
    place_in_folder,
)
from themaads_pipeline.intake.sources import MAX_BYTES, shown, surprises_as_unusable
from themaads_pipeline.model.telling import Tell, tell_nobody
from themaads_pipeline.objects import AnyPath, ObjectMark, ObjectPath, path_of

__all__ = ["at_hand", "is_there", "lies_at", "look_at", "mark_of", "put_into"]

_LONGEST_NAME = 255  # bytes, of a file on this machine


def lies_at(file_path: str) -> AnyPath:
    """Where an upload's file is, by what the ledger keeps.

    Raises:
        UnusableFileError: Nothing is installed here that can read it.
    """
    try:
        return path_of(file_path)
    except ValueError as error:
        raise UnusableFileError(f"{file_path} cannot be read here: {error}") from error


def look_at(folder: AnyPath) -> FolderLook:
    """See what is in the upload folder; see `look_into`.

    Raises:
        UnusableFileError: It may not be listed, or there is no such bucket.
        StorageAwayError: Object storage gives no answer.
    """
    if isinstance(folder, Path):
        return look_into(folder)
    try:
        listed = folder.listed()
    except OSError as error:
        message = (
            f"The upload folder {folder} cannot be read ({error.strerror}). Check it, and our rights there."
        )
        raise UnusableFileError(message) from error
    look = FolderLook(are_complete=True)
    for name, mark in listed.items():
        if is_unfinished(name):
            continue
        if why := _why_passed_over(name):
            look.passed_over[shown(Path(name.replace("\0", "\\0")))] = why
        else:
            look.marks[name] = FileMark(size=mark.size, mtime_ns=mark.stamp_ns, inode=0)
    return look


def mark_of(path: AnyPath) -> ObjectMark:
    """The size of a file or object, and when it was written.

    Raises:
        OSError: It is not there, or may not be looked at.
        StorageAwayError: Object storage gives no answer.
    """
    if isinstance(path, ObjectPath):
        return path.mark()
    status = path.stat()
    return ObjectMark(size=status.st_size, stamp_ns=status.st_mtime_ns)


def is_there(path: AnyPath) -> bool:
    """Whether it can be read again.

    Raises:
        StorageAwayError: Object storage gives no answer.
    """
    if isinstance(path, Path):
        return path.exists()
    try:
        path.mark()
    except OSError:
        return False
    return True


@contextmanager
def at_hand(path: AnyPath, *, tell: Tell = tell_nobody) -> Iterator[Path]:
    """The file itself; of an object a copy of the same name, for as long as the block runs.

    Raises:
        UnusableFileError: The object is not there, may not be read, or is too large.
        StorageAwayError: Object storage gives no answer.
    """
    if isinstance(path, Path):
        yield path
        return
    with TemporaryDirectory(prefix="themaads-") as folder:
        copy = Path(folder) / path.name
        with surprises_as_unusable(copy):
            size = path.mark().size
            if size > MAX_BYTES:
                message = (
                    f"{shown(copy)}: has {size / 1024**3:.1f} GB, more than {MAX_BYTES // 1024**3}. Split it."
                )
                raise UnusableFileError(message)
            tell(f"fetching {shown(copy)}")
            path.download(
                copy,
                on_bytes=lambda so_far: tell(
                    f"fetching {shown(copy)}: {so_far / 1024**2:,.0f} of {size / 1024**2:,.0f} MB"
                ),
            )
        yield copy


def put_into(folder: AnyPath, source: Path) -> AnyPath:
    """Copy a file into the upload folder: nobody sees half of it, and nothing there is overwritten.

    Returns:
        Where it is; see `place_in_folder`.

    Raises:
        UnusableFileError: `source` cannot be read, the folder not be written, or the name would be ignored.
        StorageAwayError: Object storage gives no answer.
    """
    if isinstance(folder, Path):
        return place_in_folder(source, folder)
    expect_upload_name(source.name)
    content, number = fingerprint_file(source), 1
    while True:
        target = folder / numbered(source.name, number)
        try:
            target.upload(source, replaces=False)
        except FileExistsError:
            with at_hand(target) as there:
                if fingerprint_file(there) == content:
                    return target
            number += 1
        except OSError as error:
            message = f"{folder} cannot be written to ({error.strerror}): check it, and our rights there."
            raise UnusableFileError(message) from error
        else:
            return target


def _why_passed_over(name: str) -> str | None:
    """An object may have a name that no file can have."""
    if "\0" in name or len(name.encode(errors="surrogateescape")) > _LONGEST_NAME:
        return "A file cannot have this name. Give it another one."
    return None
