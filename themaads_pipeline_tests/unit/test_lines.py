"""Lines of the log, which can be read back, and what must not be in them."""

import io
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import themaads_pipeline
from themaads_pipeline import masking
from themaads_pipeline.exceptions import PermanentError, TemporaryAdsError
from themaads_pipeline.ledger.database import Owner
from themaads_pipeline.masking import MASKED, Mask, cover, cut, hide, mask, nothing_secret
from themaads_pipeline.model.lines import line
from themaads_pipeline.push.lines import say, say_sent, show_lines
from themaads_pipeline.settings import Settings

_FACT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?: |$)')
_keys = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
_facts = st.none() | st.text() | st.integers() | st.booleans()

CANARY = "canary-0815"
OWNER = Owner(upload=213, epoch=4, run_id="run-1")


def read_back(text: str) -> tuple[str, dict[str, str]]:
    """A line as a log store takes it apart."""
    event, _, rest = text.partition(" ")
    found, at = {}, 0
    while at < len(rest):
        fact = _FACT.match(rest, at)
        assert fact is not None, rest[at:]
        found[fact[1]] = json.loads(fact[2]) if fact[2].startswith('"') else fact[2]
        at = fact.end()
    return event, found


# Lines


@given(facts=st.dictionaries(_keys, _facts))
def test_what_is_rendered_reads_back_and_is_one_line(facts: dict[str, str | int | bool | None]) -> None:
    text = line("batch_sent", **facts)
    assert len(text.splitlines()) == 1
    expected = {
        key: str(fact).lower() if isinstance(fact, bool) else str(fact)
        for key, fact in facts.items()
        if fact is not None
    }
    assert read_back(text) == ("batch_sent", expected)


def test_numbers_times_and_order_are_plain_and_what_is_not_there_is_left_out() -> None:
    moment = datetime(2026, 11, 27, 9, 3, tzinfo=timezone(timedelta(hours=1)))
    text = line("account_put_off", upload=213, seconds=1.20449, until=moment, why="", request_id=None)
    assert text == 'account_put_off upload=213 seconds=1.204 until=2026-11-27T08:03:00Z why=""'


@pytest.fixture(autouse=True)
def _our_logger() -> Iterator[None]:
    """As it was, afterwards."""
    logger = logging.getLogger("themaads_pipeline")
    kept = (logger.level, logger.propagate, list(logger.handlers))
    yield
    logger.propagate, logger.handlers = kept[1:]
    logger.setLevel(kept[0])


def test_a_batch_is_told_with_its_time_its_owner_and_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    show_lines("INFO")
    show_lines("INFO")  # the next stage of the same worker
    say_sent(OWNER, 1234567890, "ads", 0.0, request_id="abc", items=500, created=498, refused=2)
    [written] = capsys.readouterr().err.splitlines()
    time, level, text = written.split(" ", 2)
    assert abs(datetime.fromisoformat(time) - datetime.now(UTC)) < timedelta(seconds=10)
    event, facts = read_back(text)
    assert (level, event) == ("INFO", "batch_sent")
    assert list(facts)[:4] == ["upload", "run", "epoch", "account"]
    assert float(facts.pop("seconds")) > 0
    assert facts == {
        "upload": "213",
        "run": "run-1",
        "epoch": "4",
        "account": "1234567890",
        "kind": "ads",
        "items": "500",
        "created": "498",
        "refused": "2",
        "request_id": "abc",
    }


def test_a_batch_that_failed_is_a_warning_with_googles_code_and_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_lines("WARNING")
    say(OWNER, "account_begun", account=1)  # not at this level
    error = TemporaryAdsError('creating 5 ads: "later"', code="InternalError.TRANSIENT", request_id="r1")
    say_sent(OWNER, 1, "ads", 0.0, error, items=5, retried=5)
    [written] = capsys.readouterr().err.splitlines()
    _, facts = read_back(written.split(" ", 2)[2])
    assert (facts["code"], facts["why"]) == ("InternalError.TRANSIENT", 'creating 5 ads: "later"')
    assert (facts["retried"], facts["request_id"]) == ("5", "r1")


def test_every_event_is_explained_in_the_documentation() -> None:
    package = Path(themaads_pipeline.__file__).parent
    call = re.compile(r'\b_?(?:say|line)\(\s*(?:[\w.]+,\s*)?"([a-z_]+)"')
    said = {event for path in package.rglob("*.py") for event in call.findall(path.read_text())}
    assert {"stage_ended", "batch_sent", "account_put_off", "doubts_looked_up"} <= said
    explained = (package.parent / "docs" / "logs.md").read_text()
    assert {event for event in said if f"`{event}`" not in explained} == set()


# Secrets by value


@given(secret=st.text(min_size=6).filter(lambda text: len(text.strip()) >= 6), around=st.text())
def test_a_known_secret_is_masked_however_it_is_written(secret: str, around: str) -> None:
    try:
        secret.encode()
    except UnicodeEncodeError:
        return  # no such thing can be in an environment or a file
    known = Mask()
    known.hide([secret])
    for form in (secret.strip(), quote(secret.strip(), safe=""), json.dumps(secret.strip())[1:-1]):
        assert form not in known(f"{around} {form} {around}") or form in MASKED


def test_a_very_short_one_is_in_every_text_and_is_left() -> None:
    known = Mask()
    known.hide(["", None, "in"])
    assert known("nothing in particular") == "nothing in particular"


# Secrets by shape


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("authorization: Bearer abcDEF0123456789", f"authorization: Bearer {MASKED}"),
        ("token ya29.a0AfB_byC-x.y was refused", f"token {MASKED} was refused"),
        ("refresh 1//0gAbCdEf-0123456789xyz", f"refresh {MASKED}"),
        ("host=db password=hunter2 user=x", f"host=db password={MASKED} user=x"),
        ("password='two words' user=x", f"password={MASKED} user=x"),
        ("postgresql://u:hunter2@db/x", f"postgresql://u:{MASKED}@db/x"),
        ("proxy http://me:pw%40x@proxy:3128 is away", f"proxy http://me:{MASKED}@proxy:3128 is away"),
        ('{"private_key_id": "0123456789abcdef"}', f'{{"private_key_id": {MASKED}}}'),
        ("{'refresh_token': 'abc'}", f"{{'refresh_token': {MASKED}}}"),
        ("-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n", f"{MASKED}\\n"),
        ("assertion eyJhbGciOiJS.eyJpc3MiOiJz.c2lnbmF0dXJl", f"assertion {MASKED}"),
    ],
)
def test_what_looks_like_a_secret_is_masked(said: str, left: str) -> None:
    assert Mask()(said) == left


@pytest.mark.parametrize(
    "said",
    [
        "the developer_token is missing: get one in the API centre",
        "refresh_token: wrong",
        "https://shop.example.com:8080/a?b=c",
        "'https://shop.example.com/?utm=a@b' in ad group 12",
        "bearer of bad news",
        'connection to server at "127.0.0.1", port 5432 failed: no password supplied',
    ],
)
def test_what_does_not_is_left(said: str) -> None:
    assert Mask()(said) == said


# Errors


class _StubbornError(Exception):
    """Keeps its words where nobody can change them."""

    def __str__(self) -> str:
        return f"refused: password={CANARY}"


def _stubborn() -> None:
    raise _StubbornError


def _refused() -> None:
    try:
        _stubborn()
    except _StubbornError as error:
        raise ValueError({"refresh_token": CANARY}) from error


def _unusable() -> None:
    try:
        _refused()
    except ValueError as error:
        error.add_note(f"seen with password={CANARY}")
        raise PermanentError(f"it cannot be used: password={CANARY}") from error


def test_an_error_and_its_causes_lose_their_secrets_and_nothing_else() -> None:
    with pytest.raises(PermanentError) as raised, nothing_secret():
        _unusable()
    error = raised.value
    assert str(error) == f"it cannot be used: password={MASKED}"
    cause = error.__cause__
    assert isinstance(cause, ValueError)
    assert cause.__notes__ == [f"seen with password={MASKED}"]
    assert str(cause.__cause__) == f"_StubbornError: refused: password={MASKED}"
    assert CANARY not in logging.Formatter().formatException((type(error), error, error.__traceback__))


def test_an_error_that_cannot_be_changed_is_replaced() -> None:
    with pytest.raises(RuntimeError, match=r"_StubbornError: refused: password=\*\*\*"), nothing_secret():
        _stubborn()
    quiet = KeyError("nothing")
    assert cut(quiet) is quiet


# A whole process


@pytest.fixture
def _covered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as one that has read a secret; as before afterwards."""
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    monkeypatch.setattr(masking, "_covered", set())
    monkeypatch.setattr(masking, "_mask", Mask())
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("_covered")
def test_no_logger_and_no_traceback_of_the_process_shows_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    cover("stderr")
    cover("stderr")
    hide(CANARY)
    log = logging.getLogger("some.library")
    log.warning("asked with %s and %d", CANARY, 1)
    try:
        dict[str, str]()[CANARY]
    except KeyError:
        log.exception("it failed")
        sys.excepthook(*sys.exc_info())
    thread = threading.Thread(target=lambda: int(CANARY))
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    thread.start()
    thread.join()
    assert f"asked with {MASKED} and 1" in caplog.text
    assert "KeyError" in written.getvalue()
    assert "invalid literal for int()" in written.getvalue()
    assert CANARY not in caplog.text + written.getvalue()


# Where they come from


def test_settings_know_their_secrets_and_do_not_show_them() -> None:
    settings = Settings(
        database_url="postgresql://ads:canary%2F1@db:5432/themaads?sslpassword=canary-two",
        alert_urls="slack://canary-three/canary-four/x json://me:canary-five@hooks.example.com/canary-six",
    )
    assert "canary" not in f"{settings!r} {settings}"
    known = Mask()
    known.hide(settings.secrets())
    shown = known(f"{settings.database_url} {settings.alert_urls} canary/1")
    assert "canary" not in shown
    for word in ("themaads", "db:5432", "ads:", "postgresql"):
        assert word in shown
    assert known("hooks.example.com canary-six canary-three") == f"hooks.example.com {MASKED} {MASKED}"


def test_a_password_that_everybody_knows_hides_no_word() -> None:
    settings = Settings(database_url="postgresql://postgres:postgres@db/themaads")
    assert not any(settings.secrets())
    assert mask("postgresql://postgres:postgres@db") == f"postgresql://postgres:{MASKED}@db"
