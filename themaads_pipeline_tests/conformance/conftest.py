"""One emulator a test worker, seeded afresh for each test, and the official client in front of it."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.ads.googleads.client import GoogleAdsClient

from themaads_pipeline_tests.conformance.account import SEED
from themaads_pipeline_tests.running_emulator import RunningEmulator


@pytest.fixture(scope="session")
def emulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with RunningEmulator(tmp_path_factory.mktemp("emulator"), seed=SEED) as emulator:
        # gRPC reads the variable when the process makes its first secure channel, and never again.
        os.environ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(emulator.ca_file)
        yield emulator


@pytest.fixture
def emulator(emulator_process: RunningEmulator) -> RunningEmulator:
    emulator_process.profile("instant")
    emulator_process.follow_the_clock()
    emulator_process.seed(SEED)
    emulator_process.reset()
    return emulator_process


@pytest.fixture
def client_for(emulator: RunningEmulator) -> Callable[..., Any]:
    """Makes clients from the emulator's own configuration file, with settings changed."""

    def make(version: str = "v26", **settings: Any) -> Any:
        client = GoogleAdsClient.load_from_storage(str(emulator.google_ads_yaml), version=version)
        for name, value in settings.items():
            setattr(client, name, value)
        return client

    return make


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for()
