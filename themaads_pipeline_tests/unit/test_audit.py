"""`make audit` never takes "nothing was looked at" for "nothing was found"."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

verdict = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "audit.py"))["verdict"]

CLEAN = {"name": "idna", "version": "3.10", "vulns": []}
HIT = {
    "name": "jinja2",
    "version": "3.0",
    "vulns": [{"id": "GHSA-1", "fix_versions": ["3.1"], "aliases": [], "description": "x"}],
}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found and could not be audited"}


def report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(dependencies), "fixes": []})


def test_a_known_vulnerability_fails_and_says_what_mends_it() -> None:
    code, words = verdict(1, report(CLEAN, HIT), "Found 1 known vulnerability")
    assert code == 1
    assert "jinja2 3.0: GHSA-1, fixed in 3.1" in words
    assert "2 packages, 1 with known vulnerabilities" in words


def test_no_known_vulnerability_passes_and_counts_what_was_looked_at() -> None:
    assert verdict(0, report(CLEAN), "") == (0, "1 packages, 0 with known vulnerabilities")
    code, words = verdict(0, report(CLEAN, UNKNOWN), "")
    assert code == 0
    assert words == "1 packages, 0 with known vulnerabilities; 1 could not be looked at"


@pytest.mark.parametrize(
    ("output", "errors"),
    [
        ("", "requests.exceptions.ConnectionError: Failed to resolve 'database'"),
        (report(UNKNOWN, UNKNOWN), "No known vulnerabilities found, 2 ignored"),
    ],
)
def test_where_nothing_could_be_looked_at_that_is_said(output: str, errors: str) -> None:
    code, words = verdict(0, output, errors)
    assert code == 0
    assert words.startswith("AUDIT SKIPPED: nothing was looked at")


def test_any_other_failure_is_one() -> None:
    code, words = verdict(2, "", "usage: pip-audit: error: no such option")
    assert code == 1
    assert "no such option" in words
