"""The commands about policy: lessons are seen and forgotten, patterns told."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from themaads_pipeline.cli.main import main, themaads
from themaads_pipeline.exceptions import PermanentError
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.model.lessons import Lesson, LessonKind
from themaads_pipeline.settings import Settings
from themaads_pipeline.settings import settings as process_settings
from themaads_pipeline_tests.integration.test_policy_patterns import CASINO, OTHER_SHOP, SHOP, pushed

Command = Callable[..., Result]


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Run `themaads` with the ledger of this test; an unexpected error is raised."""
    for name, value in settings:
        monkeypatch.setenv(f"THEMAADS_{name.upper()}", "" if value is None else str(value))
    process_settings.cache_clear()

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(themaads, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    yield run
    process_settings.cache_clear()


@pytest.fixture
def learned(ledger: Ledger) -> None:
    """Two lessons of one account, one of another."""
    upload = pushed(ledger, "black-friday-2026@1", {SHOP: [CASINO, None], OTHER_SHOP: [None, None]})
    owner = ledger.uploads.take(upload.number, run_id="run", stage="pushing", is_active=lambda _: False)
    for customer_id, value, kind in (
        (SHOP, "casino", LessonKind.TEXT),
        (SHOP, "bad.example", LessonKind.DOMAIN),
        (OTHER_SHOP, "poker", LessonKind.TEXT),
    ):
        lesson = Lesson(kind=kind, value=value, topic="GAMBLING", code="PolicyFindingError.X", message="No.")
        ledger.lessons.learn(owner, customer_id, [lesson])
    ledger.uploads.end(owner, how="finished")


@pytest.mark.usefixtures("learned")
def test_lessons_are_seen_by_account_and_forgotten_one_by_one(command: Command, ledger: Ledger) -> None:
    everything = command("lessons").output
    assert all(word in everything for word in ("casino", "bad.example", "poker", "GAMBLING", "#1"))
    of_one = command("lessons", "--account", "123-456-7890").output
    assert "casino" in of_one
    assert "poker" not in of_one

    number = next(known.number for known in ledger.lessons.all() if known.value == "casino")
    assert command("lessons", "forget", str(number)).output == "forgot 1 lesson\n"
    assert "casino" not in command("lessons").output
    with pytest.raises(PermanentError, match=f"there is no lesson {number}"):
        command("lessons", "forget", str(number))
    assert command("lessons", "forget", "--expired").output == "forgot 0 lessons\n"
    assert command("lessons", "forget", "--account", "1234567890").output == "forgot 1 lesson\n"
    assert (
        command("lessons", "--account", "1234567890").output
        == "nothing was learned in account 123-456-7890\n"
    )
    assert command("lessons", "forget", "--all").output == "forgot 1 lesson\n"
    assert command("lessons").output == "nothing was learned\n"


@pytest.mark.usefixtures("learned")
@pytest.mark.parametrize(
    "arguments",
    [("forget",), ("forget", "1", "--all"), ("--account", "123"), ("--account", "1234567890", "forget", "1")],
)
def test_what_is_to_be_forgotten_has_to_be_clear(
    command: Command, arguments: tuple[str, ...], ledger: Ledger
) -> None:
    command("lessons", *arguments, code=2)
    assert len(ledger.lessons.all()) == 3


@pytest.mark.usefixtures("learned")
def test_patterns_are_told_of_one_upload_and_of_all(command: Command, ledger: Ledger) -> None:
    pushed(ledger, "black-friday-2026@2", {SHOP: [CASINO, CASINO]})
    one = command("outcomes", "1", "--patterns").output
    assert "GAMBLING" in one
    assert "25.0%" in one
    assert "123-456-7890 100 Groep 100" in one
    everything = command("outcomes", "--patterns").output
    assert "50.0%" in everything
    assert "uploads" in everything
    assert "themaads outcomes 2 --patterns" in command("outcomes", "2").output
    command("outcomes", code=2)


def test_without_refusals_there_are_no_patterns(command: Command, ledger: Ledger) -> None:
    pushed(ledger, "black-friday-2026@1", {SHOP: [None]})
    assert command("outcomes", "1", "--patterns").output == "policy refused nothing\n"
    assert command("outcomes", "--patterns").output == "policy refused nothing\n"


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["themaads", "--help"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().out
    assert "lessons" in told
    assert "review" in told
