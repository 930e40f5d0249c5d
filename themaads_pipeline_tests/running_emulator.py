"""An emulator in a process of its own, for tests: start, stop, and its control port."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any, Self

_START_TIMEOUT_S = 120.0


class EmulatorError(Exception):
    """The emulator did not start, or its control port refused something; the message says what."""


class RunningEmulator:
    """Starts `python -m themaads_pipeline.emulator` in a folder, on free ports unless some are given.

    Usable as a context manager. `environment()` is what a client process needs beside the configuration file.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: dict[str, Any] | None = None,
        profile: str = "instant",
        port: int = 0,
        control_port: int = 0,
        state: Path | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.folder = folder
        self._host = host
        self._state = state
        self._seed, self._profile = seed, profile
        self._port, self._control_port = port, control_port
        self._process: subprocess.Popen[bytes] | None = None
        self._moment: datetime | None = None
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it is ready.

        Raises:
            EmulatorError: It ended before it was ready; its output is in the message.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        facts_file, output = self.folder / "emulator.json", self.folder / "emulator.log"
        facts_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "themaads_pipeline.emulator", "--dir", str(self.folder)]
        command += [
            "--profile",
            self._profile,
            "--port",
            str(self._port),
            "--control-port",
            str(self._control_port),
            "--host",
            self._host,
        ]
        if self._state is not None:
            command += ["--state", str(self._state)]
        if self._seed is not None:
            seed_file = self.folder / "seed.json"
            seed_file.write_text(json.dumps(self._seed), encoding="utf-8")
            command += ["--seed", str(seed_file)]
        with output.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        give_up = time.monotonic() + _START_TIMEOUT_S
        while not facts_file.exists():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise EmulatorError(
                    f"the emulator did not start: {output.read_text(encoding='utf-8')[-2000:]}"
                )
            time.sleep(0.05)
        self.facts = json.loads(facts_file.read_text(encoding="utf-8"))

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: nothing is said or written any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def google_ads_yaml(self) -> Path:
        return Path(self.facts["google_ads_yaml"])

    @property
    def ca_file(self) -> Path:
        return Path(self.facts["ca_file"])

    @property
    def control_url(self) -> str:
        return str(self.facts["control_url"])

    def environment(self) -> dict[str, str]:
        """The environment of a client process: this one's, trusting the emulator's certificates."""
        return {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(self.ca_file)}

    def stats(self) -> dict[str, Any]:
        return dict(self._call("GET", "/stats"))

    def accounts(self) -> list[dict[str, Any]]:
        return list(self._call("GET", "/accounts"))

    def ads(self, customer_id: str | int) -> list[dict[str, Any]]:
        return list(self._call("GET", f"/accounts/{customer_id}/ads"))

    def labels(self, customer_id: str | int) -> list[dict[str, Any]]:
        return list(self._call("GET", f"/accounts/{customer_id}/labels"))

    def ad_groups(self, customer_id: str | int) -> list[dict[str, Any]]:
        return list(self._call("GET", f"/accounts/{customer_id}/ad_groups"))

    def requests(
        self, account: str | int = "", method: str = "", *, full: bool = False
    ) -> list[dict[str, Any]]:
        return list(self._call("GET", f"/requests?account={account}&method={method}&full={int(full)}"))

    def upload_file(self) -> str:
        """The seeded ad groups as an upload file (CSV)."""
        with urllib.request.urlopen(f"{self.control_url}/ad_groups.csv", timeout=120) as response:
            return str(response.read().decode())

    def seed(self, seed: dict[str, Any]) -> None:
        """Replace all accounts."""
        self._call("POST", "/seed", seed)

    def faults(self, faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add faults."""
        return list(self._call("POST", "/faults", faults))

    def faults_in_force(self) -> list[dict[str, Any]]:
        return list(self._call("GET", "/faults"))

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def reset(self) -> None:
        """Back to the seed: no faults, an empty log, the ads of the beginning; the moment that was set."""
        self._call("POST", "/reset")
        if self._moment is not None:
            self.set_now(self._moment)

    def profile(self, name: str, **figures: float) -> None:
        self._call("POST", "/profile", {"name": name, **figures})

    def snapshot(self, name: str) -> None:
        """Give the present moment a name for `diff`."""
        self._call("POST", "/snapshots", {"name": name})

    def diff(self, customer_id: str | int, since: str | float, *, fields: bool = True) -> dict[str, Any]:
        """What was created, changed and removed since a snapshot, a time in seconds or an ISO time."""
        query = urllib.parse.urlencode({"since": since, "fields": int(fields)})
        return dict(self._call("GET", f"/accounts/{customer_id}/diff?{query}"))

    def expire_tokens(self) -> None:
        """Every access token issued so far is refused as expired."""
        self._call("POST", "/expire_tokens")

    def set_now(self, moment: datetime) -> None:
        """Let the emulator believe that it is `moment` (aware), whatever this machine's clock says."""
        self._moment = moment
        self.clock(offset_s=moment.timestamp() - time.time())

    def follow_the_clock(self) -> None:
        """Let the emulator go by this machine's clock again, after `set_now`."""
        self._moment = None
        self.clock(offset_s=0.0)

    def clock(self, *, offset_s: float) -> None:
        """Move the emulator's clock."""
        self._call("POST", "/clock", {"offset_s": offset_s})

    def methods(self) -> dict[str, str]:
        """The name of each method's request, by the method's path without a version."""
        return dict(self._call("GET", "/methods"))

    def tokens(self, **script: Any) -> None:
        """How access tokens and grants misbehave from now on; without arguments not at all."""
        self._call("POST", "/tokens", script)

    def revoke_tokens(self) -> None:
        """Every access token issued so far is refused as revoked."""
        self._call("POST", "/revoke_tokens")

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.control_url}{path}", data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise EmulatorError(f"{method} {path}: {error.read().decode()}") from error
