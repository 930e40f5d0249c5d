"""The embedded Postgres survives what machines do: kills, reboots, races, odd folders."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from themaads_pipeline.ledger import embedded
from themaads_pipeline.ledger.system_user import as_system_user

START = "import sys, pathlib; from themaads_pipeline.ledger.embedded import ensure_running; "
START += "print(ensure_running(pathlib.Path(sys.argv[1]), durable=False), flush=True)"


@pytest.fixture
def home() -> Iterator[Path]:
    # pytest's own temporary folders are closed to other users, and as root the server is another user's.
    folder = Path(tempfile.mkdtemp(prefix="themaads-test-"))
    yield folder
    embedded.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)  # an initdb whose starter a test has killed may still write


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))


def kill(process: psutil.Process) -> None:
    """SIGKILL, and wait until it is gone; a zombie, where nobody reaps orphans, counts as gone."""
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def test_it_starts_once_and_stays(home: Path) -> None:
    assert embedded.running_url(home) is None
    url = embedded.ensure_running(home, durable=False)
    first = postmaster(home)
    assert embedded.running_url(home) == url == embedded.ensure_running(home)
    assert postmaster(home) == first
    assert value(url, "SELECT current_database()") == "themaads"
    assert value(url, "SHOW max_connections") == "200"
    assert value(url, "SHOW listen_addresses") == ""
    assert value(url, "SHOW server_encoding") == "UTF8"


def test_it_keeps_its_data_over_a_stop(home: Path) -> None:
    url = embedded.ensure_running(home)
    assert value(url, "SHOW fsync") == "on"
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 213 AS number")
    with psycopg.connect(url):  # a client that is still connected
        embedded.stop(home)
    assert embedded.running_url(home) is None
    embedded.stop(home)  # twice is harmless
    assert value(embedded.ensure_running(home), "SELECT number FROM kept") == 213


def test_a_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    url = embedded.ensure_running(home, durable=False)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 213 AS number")
    with psycopg.connect(url):  # its backend outlives the server for a moment
        kill(postmaster(home))
        assert embedded.running_url(home) is None
        url = embedded.ensure_running(home, durable=False)
    assert value(url, "SELECT number FROM kept") == 213


def test_a_pid_that_another_program_has_by_now_does_not_keep_it_from_starting(home: Path) -> None:
    embedded.ensure_running(home, durable=False)
    pid_file = home / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    kill(postmaster(home))
    # As after a reboot. The stranger runs as the server's user, or Postgres would see through it by itself.
    stranger = subprocess.Popen(as_system_user([shutil.which("sleep") or "", "60"]))
    while psutil.Process(stranger.pid).name() != "sleep":
        time.sleep(0.01)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        lock = home / "postgres" / ".s.PGSQL.5432.lock"
        if lock.exists():
            lock.write_text("\n".join([str(stranger.pid), *lock.read_text().splitlines()[1:]]) + "\n")
        assert embedded.running_url(home) is None
        embedded.stop(home)
        assert value(embedded.ensure_running(home, durable=False), "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_empty_pid_file_is_overcome(home: Path) -> None:
    embedded.ensure_running(home, durable=False)
    kill(postmaster(home))
    (home / "postgres" / "postmaster.pid").write_text("")
    assert value(embedded.ensure_running(home, durable=False), "SELECT 1") == 1


def test_several_processes_that_start_it_at_once_get_one_server(home: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", START, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    urls = {starter.communicate(timeout=50)[0].strip() for starter in starters}
    assert urls == {embedded.running_url(home)}
    assert value(urls.pop(), "SELECT 1") == 1


def test_it_outlives_the_process_that_started_it_and_a_signal_to_its_group(home: Path) -> None:
    # Whoever runs the tests in the background may have it ignored.
    hears = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); "
    starter = subprocess.Popen(
        [sys.executable, "-c", hears + START + "; time.sleep(60)", str(home)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert starter.stdout is not None
    url = starter.stdout.readline().strip()
    os.killpg(starter.pid, signal.SIGINT)  # Ctrl-C
    starter.communicate(timeout=20)
    assert value(url, "SELECT 1") == 1


def test_a_start_that_was_killed_half_way_is_done_again(home: Path) -> None:
    half = home / "postgres.newabandoned"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    starter = subprocess.Popen([sys.executable, "-c", START, str(home)], start_new_session=True)
    while not [each for each in home.glob("postgres.new*") if each != half]:
        time.sleep(0.01)
    os.killpg(starter.pid, signal.SIGKILL)
    starter.wait()
    assert value(embedded.ensure_running(home, durable=False), "SELECT 1") == 1
    assert not half.exists()


@pytest.mark.parametrize("name", ["with space and 'quote'", "é" * 60, "long" * 30])
def test_any_folder_will_do(home: Path, name: str) -> None:
    odd = home / name
    url = embedded.ensure_running(odd, durable=False)
    try:
        assert value(url, "SELECT 1") == 1
    finally:
        embedded.stop(odd)


def test_the_environment_of_another_postgres_does_not_matter(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"PGPORT": "6543", "PGHOST": "db.example", "PGDATABASE": "x", "PGDATA": "/x"}.items():
        monkeypatch.setenv(name, text)
    assert value(embedded.ensure_running(home, durable=False), "SELECT current_database()") == "themaads"


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    embedded.ensure_running(home, durable=False)
    embedded.stop(home)
    with (home / "postgres" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(embedded.EmbeddedPostgresError, match="no_such_setting"):
        embedded.ensure_running(home, durable=False)


def test_data_of_another_version_is_refused_and_left_alone(home: Path) -> None:
    embedded.ensure_running(home, durable=False)
    embedded.stop(home)
    (home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(embedded.EmbeddedPostgresError, match="made by Postgres 9"):
        embedded.ensure_running(home, durable=False)
    assert (home / "postgres" / "base").exists()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "__register_atfork"), reason="only glibc tells of forks")
def test_nothing_is_forked_so_that_grpcs_handlers_of_a_fork_cannot_hold_it_up(home: Path) -> None:
    watched = """
import ctypes, pathlib, subprocess, sys
from themaads_pipeline.ledger import embedded
forks = []
handler = ctypes.CFUNCTYPE(None)(lambda: forks.append(1))
ctypes.CDLL(None).__register_atfork(handler, None, None, None)
embedded.ensure_running(pathlib.Path(sys.argv[1]), durable=False)
embedded.stop(pathlib.Path(sys.argv[1]))
print(len(forks))
subprocess.run(["true"], preexec_fn=lambda: None)
print(len(forks))
"""
    said = subprocess.run([sys.executable, "-c", watched, home], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["0", "1"]
