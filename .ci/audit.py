"""Known vulnerabilities of what requirements.lock pins, for `make audit`."""  # noqa: INP001 - a script

# It needs the network. Where the database cannot be reached, nothing was looked at: that is said, and is no
# failure.

import json
import subprocess
import sys

_AWAY = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError")
_SKIPPED = "AUDIT SKIPPED: nothing was looked at"


def verdict(code: int, output: str, errors: str) -> tuple[int, str]:
    """Exit code and words for what pip-audit ended with."""
    try:
        found = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = errors.strip().splitlines()[-1:] or [f"pip-audit ended with {code}"]
        if any(word in errors for word in _AWAY):
            return 0, f"{_SKIPPED}: the advisory database cannot be reached ({last[0][:200]})"
        return 1, f"pip-audit failed: {errors.strip()[-2000:] or last[0]}"
    looked_at = [each for each in found if "vulns" in each]
    hit = [each for each in looked_at if each["vulns"]]
    lines = [
        f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability.get('fix_versions') or []) or 'no version yet'}"
        for each in hit
        for vulnerability in each["vulns"]
    ]
    if not looked_at:
        return 0, f"{_SKIPPED}: the advisory database knows none of the {len(found):,} packages"
    left = f"; {len(found) - len(looked_at):,} could not be looked at" if len(looked_at) < len(found) else ""
    lines.append(f"{len(looked_at):,} packages, {len(hit):,} with known vulnerabilities{left}")
    return (1 if hit else 0), "\n".join(lines)


def main() -> int:
    """Run it beside this interpreter, in the folder with requirements.lock."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", "requirements.lock", "--disable-pip"]
    command += ["--require-hashes", "--vulnerability-service", "osv", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "15"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    code, words = verdict(done.returncode, done.stdout, done.stderr)
    print(words, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
