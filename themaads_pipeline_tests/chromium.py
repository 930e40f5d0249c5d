"""Debian's Chromium, for tests that need a browser: found, else installed, else its lack is told loudly."""

import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import Browser, sync_playwright

__all__ = ["browser"]

_OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own; the test is skipped where there is none, and none can be had."""
    found = shutil.which("chromium") or _installed()
    if found is None:
        reason = "NO BROWSER: the dashboard was NOT tested in one. Install it: apt-get install chromium"
        warnings.warn(reason, stacklevel=2)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=_OPTIONS)
        try:
            yield started
        finally:
            started.close()


def _installed() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    with suppress(subprocess.TimeoutExpired):
        for command in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *command], check=False, capture_output=True, timeout=240)
    return shutil.which("chromium")
