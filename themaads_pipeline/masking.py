"""What must not be seen, and is not: secrets in logs, errors and what a process prints become `***`.

Known by value, as whoever reads a secret tells (`hide`), and by shape, for those that nobody told of. Errors
that would quote one are worded without it where they are raised; this is the net below.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast
from urllib.parse import quote, quote_plus, unquote

__all__ = ["MASKED", "Mask", "cover", "cut", "hide", "mask", "nothing_secret"]

MASKED: Final = "***"
# What is shorter is in ordinary words, too: hiding it would show what it is.
_SHORTEST = 6
_NAMES = (
    "password|passwd|pwd|client[-_]secret|refresh[-_]token|access[-_]token|id[-_]token|developer[-_]token"
    "|private[-_]key(?:[-_]id)?|api[-_]?key|assertion"
)
# By shape: what goes before stays, what goes after is enough to tell that something was there.
_SHAPES: Final = (
    re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(\bBearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"()\bya29\.[\w.-]+"),  # Google's access tokens
    re.compile(r"()\b1//0[\w-]{16,}"),  # its refresh tokens
    re.compile(r"()\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"),  # signed claims, as those that ask for a token
    re.compile(r"(://[^\s:/@'\"]*:)[^\s/@'\"]+(?=@)"),
    re.compile(rf"((?:{_NAMES})[\"']?\s*=\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"'&,;)}}\]]+)", re.IGNORECASE),
    re.compile(rf"((?:{_NAMES})[\"']?:\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"'&,;)}}\]]{{16,}})", re.IGNORECASE),
)


class Mask:
    """Secrets that are known, and how secrets look. Safe for threads."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: frozenset[str] = frozenset()
        self._values: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def hide(self, secrets: Iterable[str | None]) -> None:
        """Know these, too, however they are written: in a URL, in JSON, in a Python literal."""
        new = {form for secret in secrets for form in _forms(secret or "")} - self._known
        if not new:
            return
        with self._lock:
            self._known |= new
            longest_first = sorted(self._known, key=len, reverse=True)
            self._values = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """The text without its secrets."""
        if self._values is not None:
            text = self._values.sub(MASKED, text)
        for shape in _SHAPES:
            text = shape.sub(rf"\1{MASKED}", text)
        return text


def _forms(secret: str) -> set[str]:
    plain = {secret.strip(), unquote(secret.strip())}
    forms = {
        form
        for each in plain
        for form in (
            each,
            quote(each, safe=""),
            quote(each),
            quote_plus(each),
            json.dumps(each)[1:-1],
            repr(each)[1:-1],
        )
    }
    return {form for form in forms if len(form) >= _SHORTEST}


_mask = Mask()
_covering = threading.Lock()
_covered: set[str] = set()


def hide(*secrets: str | None) -> None:
    """Have this process say these no more; None, empty and very short ones are none."""
    _mask.hide(secrets)


def mask(text: str) -> str:
    """The text without what this process knows to be secret, and without what looks so."""
    return _mask(text)


def cover(*streams: str) -> None:
    """Mask all that this process logs, by whatever library, and what it writes to `stdout` or `stderr`.

    What a library in C writes past Python is not seen here; none of ours is asked to.
    """
    with _covering:
        if "log" not in _covered:
            logging.setLogRecordFactory(_masking(logging.getLogRecordFactory()))
        for name in {*streams} - _covered:
            if (stream := getattr(sys, name)) is not None:  # a process without a terminal may have none
                setattr(sys, name, cast("TextIO", _MaskedStream(stream)))
        _covered.update({"log", *streams})


@contextmanager
def nothing_secret() -> Iterator[None]:
    """An error that leaves the block has no secret in its message, nor in those of its causes."""
    try:
        yield
    except BaseException as error:
        if (safe := cut(error)) is not error:
            raise safe from None
        raise


def cut(error: BaseException) -> BaseException:
    """The same error without secrets in its words and in those of its causes: Dagster stores all of them.

    Another one of its words, where an error keeps these so that they cannot be changed.
    """
    seen: set[int] = set()
    todo = [error]
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        suppressed = each.__suppress_context__
        for link in ("__cause__", "__context__"):
            linked = getattr(each, link)
            if linked is not None:
                setattr(each, link, safe := _reworded(linked))
                todo.append(safe)
        each.__suppress_context__ = suppressed  # setting a cause sets it
    return _reworded(error)


def _reworded(error: BaseException) -> BaseException:
    if not _shows(error):
        return error
    error.args = tuple(_safe(each) for each in error.args)
    if notes := getattr(error, "__notes__", None):
        error.__notes__ = [mask(note) for note in notes]
    if not _shows(error):
        return error
    other = RuntimeError(f"{type(error).__name__}: {mask(str(error))}").with_traceback(error.__traceback__)
    other.__cause__, other.__context__ = error.__cause__, error.__context__
    other.__suppress_context__ = error.__suppress_context__
    return other


def _shows(error: BaseException) -> bool:
    words = "\n".join([str(error), *getattr(error, "__notes__", ())])
    return mask(words) != words


def _safe(argument: object) -> object:
    if isinstance(argument, str):
        return mask(argument)
    words = repr(argument)
    return argument if mask(words) == words else mask(words)


def _masking(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    """Whatever formatter a record meets, it has no secret to show."""

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        try:
            words = made.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit: logging tells of it, where it is written
            return made
        if (safe := mask(words)) != words:
            made.msg, made.args = safe, ()
        if made.exc_info and made.exc_info[0] is not None:
            traceback = logging.Formatter().formatException(made.exc_info)
            if (safe := mask(traceback)) != traceback:
                made.exc_text = safe  # formatters take it as it is
        return made

    return record


class _MaskedStream:
    """A text stream that is masked write by write: whole lines, as tracebacks and loggers write them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(mask(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
