"""`python healthy.py webserver|code|emulator|daemon`: exit code 0 when that part of this container works.

Dagster's own checks import all of Dagster, two seconds of processor time at each look; only the daemon's, which
asks the database, is used.
"""

import os
import sys
from urllib.request import urlopen

ANSWERS_WITHIN_S = 5


def _answers(url: str) -> None:
    urlopen(url, timeout=ANSWERS_WITHIN_S).close()  # noqa: S310 - our own address


def _code() -> None:
    import grpc  # noqa: PLC0415 - the other parts do without

    channel = grpc.insecure_channel("127.0.0.1:4000")
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    service = b"\x0a\x09DagsterApi"  # HealthCheckRequest(service="DagsterApi")
    if check(service, timeout=ANSWERS_WITHIN_S) != b"\x08\x01":  # HealthCheckResponse(status=SERVING)
        raise SystemExit("the code location does not serve")


def _daemon() -> None:
    os.execvp("dagster-daemon", ["dagster-daemon", "liveness-check"])  # noqa: S606, S607 - from the image's PATH


CHECKS = {
    "webserver": lambda: _answers("http://127.0.0.1:3000/server_info"),
    "emulator": lambda: _answers("http://emulator:8081/health"),
    "code": _code,
    "daemon": _daemon,
}

if __name__ == "__main__":
    CHECKS[sys.argv[1]]()
