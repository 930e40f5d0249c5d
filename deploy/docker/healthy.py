"""`python healthy.py webserver|code|emulator|daemon`: exit code 0 when that part of this container works.

Dagster's own checks import all of Dagster, two seconds of processor time at each look; only the daemon's,
which asks the database, is used.
"""

import os
import sys
from urllib.request import urlopen

ANSWERS_WITHIN_S = 5


def _answers(url: str) -> None:
    urlopen(url, timeout=ANSWERS_WITHIN_S).close()  # noqa: S310 - our own address


def _code() -> None:
    import grpc  # noqa: PLC0415 - the other parts do without
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse  # noqa: PLC0415 - as above
    from grpc_health.v1.health_pb2_grpc import HealthStub  # noqa: PLC0415 - as above

    with grpc.insecure_channel("127.0.0.1:4000") as channel:
        request = HealthCheckRequest(service="DagsterApi")
        answer = HealthStub(channel).Check(request, timeout=ANSWERS_WITHIN_S)
    if answer.status != HealthCheckResponse.SERVING:
        raise SystemExit("the code location does not serve")


def _daemon() -> None:
    os.execvp("dagster-daemon", ["dagster-daemon", "liveness-check"])  # noqa: S606, S607 - from the image's PATH


CHECKS = {
    "webserver": lambda: _answers("http://127.0.0.1:3000/server_info"),
    "dashboard": lambda: _answers("http://127.0.0.1:3100/alive"),
    "emulator": lambda: _answers("http://emulator:8081/health"),
    "code": _code,
    "daemon": _daemon,
}

if __name__ == "__main__":
    CHECKS[sys.argv[1]]()
