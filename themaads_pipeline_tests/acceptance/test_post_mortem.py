"""What killed job 213, again, on real processes: a reload, a restart, a hang. It goes on, and it is told."""

import shutil
from pathlib import Path

import psycopg
import pytest

from themaads_pipeline.ledger import embedded
from themaads_pipeline.model.uploads import UploadStatus
from themaads_pipeline_tests.chaos.sent_log import SentLog
from themaads_pipeline_tests.running_stack import ROOT, is_alive
from themaads_pipeline_tests.running_upload import RunningUpload, restarted, stop, upload_at_work

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("stack")]


def _note(at_work: RunningUpload, sent: SentLog) -> None:
    sent.add(at_work.control("/requests?method=MutateAdGroupAds&full=1"))


def _finishes(at_work: RunningUpload, sent: SentLog) -> None:
    """Every item final, one ad each, and nothing that was final is sent again."""
    at_work.stack.wait_until(lambda: at_work.progress.status is UploadStatus.FINISHED, timeout=240)
    assert (at_work.progress.done, at_work.progress.total) == (4_800, 4_800)
    assert at_work.wrongs() == []
    _note(at_work, sent)
    assert sent.again() == []


def test_a_source_file_is_edited_while_a_run_is_going_on_and_it_goes_on(home: Path) -> None:
    code = home / "checkout"
    for name in ("themaads_pipeline", "dagster.yaml", "workspace.yaml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, code / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, code / name)
    settings = {"PYTHONPATH": str(code), "DAGSTER_HOME": str(code)}
    with upload_at_work(home, ad_groups=4_800, accounts=48, **settings) as at_work:
        at_work.wait_until_at(0.2)
        worker = at_work.worker()
        for module in (code / "themaads_pipeline").rglob("*.py"):
            if "emulator" not in module.parts:
                module.write_text("def broken(:\n")
        _finishes(at_work, SentLog())
        assert is_alive(worker) or len(at_work.runs()) == 1
        assert len(at_work.runs()) == 1


def test_everything_is_killed_and_restarted_and_the_upload_finishes_by_itself(home: Path) -> None:
    with upload_at_work(home, ad_groups=4_800, accounts=48) as at_work:
        at_work.wait_until_at(0.2)
        [first] = at_work.runs()
        done, sent = at_work.progress.done, SentLog()
        _note(at_work, sent)
        at_work.kill_everything()
        stack = restarted(at_work)
        try:
            assert "was interrupted: " in stack.output.read_text()
            assert "resuming at" in stack.output.read_text()
            stack.wait_until(lambda: at_work.runs()[-1]["status"] == "FAILURE", timeout=90)
            assert "the worker is gone" in at_work.message_of(first["runId"])
            _finishes(at_work, sent)
            assert at_work.progress.done > done
        finally:
            stop(at_work)


def test_processing_hangs_and_is_seen_told_killed_and_resumed(home: Path) -> None:
    with upload_at_work(home, ad_groups=4_800, accounts=48) as at_work:
        at_work.wait_until_at(0.2)
        [first], worker = at_work.runs(), at_work.worker()
        url = embedded.running_url(home)
        assert url is not None
        with psycopg.connect(url) as connection:
            # Alive, no error, no end: what the old system could not see.
            connection.execute("lock table themaads.item in access exclusive mode")
            at_work.stack.wait_until(lambda: at_work.runs()[-1]["status"] == "FAILURE", timeout=120)
        told = at_work.message_of(first["runId"])
        assert "no progress for" in told
        assert "of 4,800 items" in told
        assert not is_alive(worker)
        _finishes(at_work, SentLog())
