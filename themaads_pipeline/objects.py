"""Object storage: a folder that is a URL (`s3://bucket/uploads`), and the objects in it.

Nothing is asked, and no driver loaded, before an object is needed: a folder of this machine costs nothing.
Credentials, endpoints and regions are the driver's own (`AWS_*`, `GOOGLE_*`, `AZURE_*`), never in the URL.
"""

import errno
import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from themaads_pipeline.exceptions import StorageAwayError

__all__ = ["AnyPath", "ObjectMark", "ObjectPath", "path_of"]

# By scheme: our extra, and the driver that it brings. Only storage that shows an object when it is complete:
# what is shared as files (sftp, smb) is mounted, and is a folder then.
_DRIVERS = {
    "s3": ("s3", "s3fs"),
    "gs": ("gs", "gcsfs"),
    "gcs": ("gs", "gcsfs"),
    "az": ("az", "adlfs"),
    "abfs": ("az", "adlfs"),
    "abfss": ("az", "adlfs"),
}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<bucket>[^/]*)(?P<rest>.*)", re.DOTALL)
_ANSWER_S = 20.0  # a sensor that takes a minute is cut off
_BLOCK = 16 * 1024**2
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectMark:
    """What changes when an object does."""

    size: int
    # When it was written, in nanoseconds. Storage tells seconds; the rest is the version's (its ETag), so
    # that one that was replaced within a second, by one as long, is another.
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """An object, or a folder of them. Each question may raise StorageAwayError: then nothing is known."""

    url: str

    @classmethod
    def at(cls, url: str) -> "ObjectPath":
        """Checked as far as it can be without asking.

        Raises:
            ValueError: It is no such URL, or nothing is installed that can read it; says what to do.
        """
        parts = _URL.fullmatch(url)
        scheme = parts["scheme"].lower() if parts else ""
        if parts is None or scheme not in _DRIVERS:
            known = ", ".join(f"{each}://" for each in _DRIVERS)
            raise ValueError(f"it must be a folder, or the URL of one in object storage ({known})")
        if not parts["bucket"]:
            raise ValueError(f"it must name a bucket: {scheme}://bucket/folder")
        if "@" in parts["bucket"] or ":" in parts["bucket"]:
            raise ValueError(
                "it must name a bucket alone: credentials and endpoints are given to the storage's own "
                "variables (docs/object_storage.md)"
            )
        extra, driver = _DRIVERS[scheme]
        if find_spec(driver) is None:
            raise ValueError(f"{scheme}:// needs {driver}: pip install 'themaads-pipeline[{extra}]'")
        return cls(f"{scheme}://{parts['bucket']}{parts['rest']}".rstrip("/"))

    def __str__(self) -> str:
        """The URL, as it is kept in the ledger."""
        return self.url

    def __truediv__(self, name: str) -> "ObjectPath":
        """What is called so in this folder."""
        return ObjectPath(f"{self.url}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> "ObjectPath":
        """The folder that it is in."""
        return ObjectPath(self.url.rpartition("/")[0])

    # Questions

    def listed(self) -> dict[str, ObjectMark]:
        """The objects in this folder itself, by name. Each is complete: storage shows no half of one.

        Raises:
            FileNotFoundError: There is no such bucket; a folder without objects is empty.
            PermissionError: It may not be listed.
        """
        with self._answering("list it"):
            storage, folder = self._storage()
            try:
                found = self._asked(storage, storage._ls, folder, detail=True)  # noqa: SLF001 - fsspec's name
            except FileNotFoundError:
                self._expect_bucket(storage, folder)
                return {}
        beginning = f"{folder}/"
        return {
            entry["name"].removeprefix(beginning): _mark(entry)
            for entry in found
            if entry["type"] == "file"
            and entry["name"].startswith(beginning)  # the folder's own mark is none
            and "/" not in entry["name"].removeprefix(beginning)
            and entry["name"] != beginning
        }

    def mark(self) -> ObjectMark:
        """How the object is now.

        Raises:
            FileNotFoundError: There is none.
            PermissionError: It may not be looked at.
        """
        with self._answering("look at it"):
            storage, path = self._storage()
            return _mark(self._asked(storage, storage._info, path))  # noqa: SLF001 - fsspec's name

    # Moving bytes

    def download(self, to: Path, *, on_bytes: Callable[[int], None] = lambda _: None) -> None:
        """Read the object into a new file.

        Args:
            to: The file.
            on_bytes: Is told how many bytes there are so far.

        Raises:
            FileNotFoundError: There is no such object.
            PermissionError: It may not be read.
        """
        with self._answering("read it"):
            storage, path = self._storage()
            with storage.open(path, "rb", block_size=_BLOCK) as source, to.open("xb") as copy:
                while block := source.read(_BLOCK):
                    copy.write(block)
                    on_bytes(copy.tell())

    def upload(self, file: Path, *, replaces: bool) -> None:
        """Write a file as this object: all of it, or nothing.

        Args:
            file: What to write.
            replaces: Whether what is there may be replaced.

        Raises:
            FileExistsError: There is one, which may not be replaced.
            FileNotFoundError: There is no such bucket.
            PermissionError: It may not be written.
        """
        with self._answering("write it"):
            storage, path = self._storage()
            storage.put_file(str(file), path, mode="overwrite" if replaces else "create")

    # The driver

    def _storage(self) -> tuple[Any, str]:
        """The file system of fsspec, and our path in it."""
        from upath import UPath  # noqa: PLC0415 - a tenth of a second, for those who need it

        # Another worker's object has to be seen: nothing is remembered between two questions.
        path = UPath(self.url, use_listings_cache=False)
        return path.fs, path.fs._strip_protocol(self.url)  # noqa: SLF001 - the only one that keeps every name

    def _asked(self, storage: Any, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The answer, in time: drivers try several times, for minutes in all."""
        from fsspec.asyn import sync  # noqa: PLC0415 - as above

        return sync(storage.loop, question, *args, timeout=_ANSWER_S, **kwargs)

    def _expect_bucket(self, storage: Any, folder: str) -> None:
        bucket = folder.partition("/")[0]
        try:
            self._asked(storage, storage._info, bucket)  # noqa: SLF001 - fsspec's name
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, f"There is no bucket {bucket}") from error
        except PermissionError:
            pass  # who may see one folder alone

    @contextmanager
    def _answering(self, what: str) -> Iterator[None]:
        """Each driver has errors of its own. What storage itself says becomes the error of a file."""
        path = self.url.partition("://")[2]
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(
                errno.ENOENT, _said(error, path, "There is no such object"), self.url
            ) from error
        except FileExistsError as error:
            raise FileExistsError(errno.EEXIST, "It is there already", self.url) from error
        except PermissionError as error:
            raise PermissionError(errno.EACCES, _said(error, path, "Permission denied"), self.url) from error
        except Exception as error:
            why = " ".join(str(error).split())[:300] or type(error).__name__
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                text = f"there is no room here for a copy ({why}): free space in {tempfile.gettempdir()}"
            else:
                text = (
                    f"object storage gave no answer when asked to {what} ({why}). Check its address and "
                    "credentials, and that it can be reached from here"
                )
            raise StorageAwayError(f"{self.url}: {text}") from error


# A folder or file of this machine, or one in object storage.
AnyPath = Path | ObjectPath


def path_of(text: str) -> AnyPath:
    """What the ledger, or a setting, means by a path.

    Raises:
        ValueError: A URL that cannot be used here.
    """
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return ObjectPath.at(text) if _URL.fullmatch(text) else Path(text)


def _mark(entry: dict[str, Any]) -> ObjectMark:
    when = next(
        (entry[key] for key in ("LastModified", "mtime", "updated", "last_modified") if key in entry), ""
    )
    version = entry.get("ETag") or entry.get("etag") or ""
    moment = when if isinstance(when, datetime) else datetime.fromisoformat(when) if when else None
    digest = hashlib.sha256(f"{version}\n{when}".encode()).digest()
    seconds = int(moment.timestamp()) if moment else 0
    return ObjectMark(
        size=int(entry["size"] or 0),
        stamp_ns=seconds * 10**9 + int.from_bytes(digest[:8]) % 10**9,
    )


def _said(error: OSError, path: str, otherwise: str) -> str:
    """In storage's own words, where these are not the path again."""
    words = error.strerror or str(error)
    return otherwise if not words or path in words else words
