"""Where the emulator listens: on loopback unless told, and there alone; its certificate is for that host."""

import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from themaads_pipeline_tests.running_emulator import RunningEmulator

ELSEWHERE = "127.0.0.2"  # an address of its own, which no other machine reaches


def connects(endpoint: str, ca_file: Path) -> bool:
    credentials = grpc.ssl_channel_credentials(ca_file.read_bytes())
    with grpc.secure_channel(endpoint, credentials) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=3)
        except grpc.FutureTimeoutError:
            return False
    return True


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "emulator"])
def test_a_host_that_others_reach_is_refused_unless_told(tmp_path: Path, host: str) -> None:
    command = [sys.executable, "-m", "themaads_pipeline.emulator", "--dir", str(tmp_path), "--host", host]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--allow-remote" in done.stderr
    assert not (tmp_path / "emulator.json").exists()


def test_it_listens_on_its_host_alone_and_leads_clients_there(tmp_path: Path) -> None:
    with RunningEmulator(tmp_path, host=ELSEWHERE) as emulator:
        assert emulator.facts["endpoint"] == f"{ELSEWHERE}:{emulator.facts['port']}"
        assert emulator.control_url.startswith(f"http://{ELSEWHERE}:")
        assert emulator.facts["endpoint"] in emulator.google_ads_yaml.read_text()
        assert connects(emulator.facts["endpoint"], emulator.ca_file)
        assert not connects(f"127.0.0.1:{emulator.facts['port']}", emulator.ca_file)


def test_the_certificate_is_kept_for_the_same_host_and_made_anew_for_another(tmp_path: Path) -> None:
    seen = []
    for host in ("127.0.0.1", "127.0.0.1", ELSEWHERE):
        with RunningEmulator(tmp_path, host=host) as emulator:
            assert connects(emulator.facts["endpoint"], emulator.ca_file)
            seen.append(emulator.ca_file.read_bytes())
    assert seen[0] == seen[1] != seen[2]
