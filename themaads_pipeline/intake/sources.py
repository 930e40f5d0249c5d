"""Opening what people drop: only regular files, within bounds, and every surprise as one kind of error."""

import errno
import gzip
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from themaads_pipeline.exceptions import ThemaAdsError, UnusableFileError
from themaads_pipeline.objects import AnyPath

MAX_BYTES = 2 * 1024**3  # of the file, and of what it unpacks to; a million rows are about 0.1 GiB
MAX_LINE = 1024**2  # characters; a line of an ad group has a few hundred
MAX_LINES = 3_000_000  # three times the largest list this is built for; memory grows with the lines


def shown(path: AnyPath) -> str:
    r"""The file's name, fit for a message: no line breaks, no bytes that are no text.

    >>> shown(Path("/uploads/two\nlines.csv"))
    'two\\nlines.csv'
    """
    text = path.name.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def of_about(rows: int, share: float) -> str:
    """How far a reader is, for people: the number of all rows is guessed from those that were read.

    >>> of_about(400_000, 0.398)
    '400,000 of about 1,000,000'
    """
    guess = max(rows, int(rows / share)) if share > 0 else rows
    unit = 10 ** max(0, len(str(guess)) - 2)
    return f"{rows:,} of about {-(-guess // unit) * unit:,}"


@contextmanager
def surprises_as_unusable(path: Path) -> Iterator[None]:
    """Let nothing but `UnusableFileError` out: libraries meet files here that nobody has thought of.

    A panic of a library in Rust is a BaseException and would otherwise end the process; an interruption is
    one too, and must go on.
    """
    try:
        yield
    except ThemaAdsError:  # ours: also of whoever is told how far the reading is
        raise
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = f"{shown(path)}: the compressed file is damaged or incomplete ({error}). Upload it again."
        raise UnusableFileError(message) from error
    except OSError as error:
        reason = error.strerror or error
        message = f"{shown(path)}: cannot be read ({reason}). Check that it is there, and its rights."
        raise UnusableFileError(message) from error
    except MemoryError as error:
        message = f"{shown(path)}: too large for this machine's memory. Split it into smaller files."
        raise UnusableFileError(message) from error
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        message = (
            f"{shown(path)}: cannot be read ({type(error).__name__}: {str(error)[:200]}). "
            "Open it in a spreadsheet and save it again as CSV UTF-8 or as XLSX."
        )
        raise UnusableFileError(message) from error


def open_file(path: Path, *, allow_unusable: bool = False) -> io.BufferedReader:
    """Open a regular file; a pipe or a device would block forever, or never end.

    No link either: who may put a file into the upload folder could put one there that leads to a file which
    only we may read, also between the look at the folder and this moment.

    Args:
        path: the file.
        allow_unusable: also an empty or too large one, of which only the bytes matter.

    Raises:
        UnusableFileError: it is no regular file, a link, empty, or too large.
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        message = f"{shown(path)}: is a link. Upload the file itself that it leads to."
        raise UnusableFileError(message) from error
    file = os.fdopen(descriptor, "rb")
    status = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(status.st_mode):
        problem = "is not a file. Upload a CSV or XLSX file."
    elif status.st_size == 0 and not allow_unusable:
        problem = "is empty. Export it again, with a header and at least one row."
    elif status.st_size > MAX_BYTES and not allow_unusable:
        problem = f"has {status.st_size / 1024**3:.1f} GB, more than {MAX_BYTES // 1024**3}. Split it."
    if problem:
        file.close()
        raise UnusableFileError(f"{shown(path)}: {problem}")
    return file


class Unpacked(io.RawIOBase):
    """The bytes of a file, unpacked where it is a gzip; a gzip bomb ends at `MAX_BYTES`."""

    def __init__(
        self, path: Path, *, compressed: bool, on_read: Callable[[float], None] = lambda _: None
    ) -> None:
        """Open `path`; errors as of `open_file`. `on_read` is called with the share that is read, 0 to 1."""
        self._name = shown(path)
        self._file = open_file(path)
        self._size = os.fstat(self._file.fileno()).st_size
        self._on_read = on_read
        self._stream: io.BufferedReader | gzip.GzipFile = (
            gzip.GzipFile(fileobj=self._file) if compressed else self._file
        )
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        block = self._stream.read(len(buffer))
        self._read += len(block)
        if self._read > MAX_BYTES:
            message = (
                f"{self._name}: unpacks to more than {MAX_BYTES // 1024**3} GB. Split it into smaller files."
            )
            raise UnusableFileError(message)
        buffer[: len(block)] = block
        self._on_read(self.share)
        return len(block)

    @property
    def share(self) -> float:
        """How much of the file, as it lies on the disk, is read: 0 to 1."""
        return min(1.0, self._file.tell() / self._size) if self._size else 1.0

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._file.close()
        super().close()
