"""Requests that nobody sends on purpose: the emulator answers each in Google's form, and never breaks.

`EMULATOR_FUZZ_S=180` in the environment makes it last longer than eight seconds; another `EMULATOR_FUZZ_SEED`
changes what is sent.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from themaads_pipeline_tests.conformance.account import MANAGER, SHOP, add_ad, ads_request
from themaads_pipeline_tests.running_emulator import RunningEmulator

SECONDS = float(os.environ.get("EMULATOR_FUZZ_S", "8"))
SEED = int(os.environ.get("EMULATOR_FUZZ_SEED", "1"))
KINDS_OF_NONSENSE = 5
ANSWER_WITHIN_S = 20.0
FAILURE = ".errors.googleadsfailure-bin"
# Statuses without a GoogleAdsFailure: a path that is none, a call without a token, bytes that are no request.
UNKNOWN_PATH, NO_TOKEN, GARBLED = "UNIMPLEMENTED", "UNAUTHENTICATED", "INVALID_ARGUMENT"
OF_OPERATIONS = ("/google.longrunning.Operations/", {"NOT_FOUND", "INVALID_ARGUMENT", "UNIMPLEMENTED"})
# As the official client has them.
OPTIONS = (
    ("grpc.max_metadata_size", 16 * 1024 * 1024),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)
TEXTS = (
    "",
    "x",
    SHOP,
    "customers/2000000001/adGroups/11",
    "customers/2000000001/adGroupAds/11~101",
    "customers/2000000001/adGroupAds/11~-1",
    "customers/2000000001/campaigns/1",
    "customers/2000000001/labels/1",
    "customers/2000000001/labels/-1",
    "customers/2000000001/campaignBudgets/" + "9" * 5_000,
    "customers/2000000001/ads/101~--~~/",
    "customers/3000000001/labels/٣",
    "https://www.example.nl/{lpurl}",
    "https://[::1",
    "SELECT campaign.id FROM campaign",
    "SELECT ad_group_ad.ad.id FROM ad_group_ad WHERE ad_group.id IN (11, 12) ORDER BY ad_group.name LIMIT 3",
    "{COUNTDOWN(2036-11-27 00:00:00,5)}",
    "{{{KeyWord:",
    "\x00\n\t\u200b",
    "靴👟" * 40,
    "9" * 4_400,
    "-0",
    "2026-02-30",
    "20261127 25:61:00",
    "status",
    "name",
    "campaign_budget.amount_micros",
    "ad.responsive_search_ad.headlines",
    "*",
    ".",
)
FRACTIONS = (0.0, -1.0, 1e30, float("nan"), float("inf"), 0.5)
NUMBERS = (0, 1, -1, 2, 3, 11, 101, 10_000, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))


class _Wire:
    """The emulator's methods without a client between: bytes in, bytes out."""

    def __init__(self, emulator: RunningEmulator, client: Any) -> None:
        self._token = client.credentials.token
        roots = grpc.ssl_channel_credentials(emulator.ca_file.read_bytes())
        self._channel = grpc.secure_channel(emulator.facts["endpoint"], roots, options=OPTIONS)

    def metadata(self) -> list[tuple[str, Any]]:
        return [("authorization", f"Bearer {self._token}"), ("login-customer-id", MANAGER)]

    def call(
        self, path: str, content: bytes, *plain: str, metadata: list[tuple[str, Any]] | None = None
    ) -> str:
        """The status of a call. Anything but success has to be in Google's form; `plain` need no failure.

        Streams are asked as if they gave one answer: the first one.
        """
        call = self._channel.unary_stream(path)(
            content, metadata=self.metadata() if metadata is None else metadata, timeout=ANSWER_WITHIN_S
        )
        try:
            for _ in call:
                pass
        except grpc.RpcError:
            pass
        status = str(call.code().name)
        failed = any(item.key.endswith(FAILURE) for item in call.trailing_metadata() or ())
        assert status not in {"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE"}, call.details()
        if path.startswith(OF_OPERATIONS[0]):
            plain = (*plain, *OF_OPERATIONS[1])
        assert status == "OK" or status in plain or failed, f"{status} {call.details()}"
        return status

    def close(self) -> None:
        self._channel.close()


@pytest.fixture
def client(client_for: Any) -> Any:
    return client_for(login_customer_id=MANAGER)


@pytest.fixture
def wire(client: Any, emulator: RunningEmulator) -> Iterator[_Wire]:
    """At the end the emulator must not have stumbled once."""
    wire = _Wire(emulator, client)
    yield wire
    wire.close()
    assert emulator.stats()["crashes"] == 0, _crashes(emulator)


def _crashes(emulator: RunningEmulator) -> str:
    text = (emulator.folder / "emulator.log").read_text(encoding="utf-8", errors="replace")
    return text[-6_000:]


@pytest.fixture
def methods(emulator: RunningEmulator, client: Any) -> list[tuple[str, type[Message]]]:
    """Paths with the classes of their requests, of all methods that the emulator has."""
    found = []
    for name, request in emulator.methods().items():
        kind = request.rpartition(".")[2]
        if name.startswith("google.longrunning."):
            found.append((f"/{name}", getattr(operations_pb2, kind)))
        else:
            found.append((f"/google.ads.googleads.v26.services.{name}", type(client.get_type(kind))))
    return found


def _rounds() -> Iterator[random.Random]:
    """Random numbers until the time is over."""
    end = time.monotonic() + SECONDS / KINDS_OF_NONSENSE
    number = 0
    while time.monotonic() < end:
        yield random.Random(f"{SEED} {number}")
        number += 1


def _in_parallel(rounds: Iterator[random.Random], do: Callable[[random.Random], None]) -> int:
    """A few at a time, as a busy client sends them. How many there were."""
    lock = Lock()

    def work() -> int:
        done = 0
        while True:
            with lock:
                chance = next(rounds, None)
            if chance is None:
                return done
            do(chance)
            done += 1

    with ThreadPoolExecutor(max_workers=4) as pool:
        return sum(future.result() for future in [pool.submit(work) for _ in range(4)])


def _text(field: FieldDescriptor, chance: random.Random) -> str | bytes:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.randbytes(chance.choice((0, 1, 50)))
    if chance.random() < 0.7:
        return chance.choice(TEXTS)
    return "".join(chr(chance.choice((chance.randrange(32, 127), 0xE9, 0x1F45F))) for _ in range(20))


VALUES: dict[int, Callable[[random.Random], Any]] = {
    FieldDescriptor.CPPTYPE_BOOL: lambda chance: chance.random() < 0.5,
    FieldDescriptor.CPPTYPE_ENUM: lambda chance: chance.choice((0, 1, 2, 3, 4, 7, 9_999)),
    FieldDescriptor.CPPTYPE_DOUBLE: lambda chance: chance.choice(FRACTIONS),
    FieldDescriptor.CPPTYPE_FLOAT: lambda chance: chance.choice(FRACTIONS),
    FieldDescriptor.CPPTYPE_INT32: lambda chance: max(-(2**31), min(2**31 - 1, chance.choice(NUMBERS))),
    FieldDescriptor.CPPTYPE_INT64: lambda chance: chance.choice(NUMBERS),
    FieldDescriptor.CPPTYPE_UINT32: lambda chance: chance.choice((0, 1, 2**31)),
    FieldDescriptor.CPPTYPE_UINT64: lambda chance: chance.choice((0, 1, 2**63)),
}


def _value(field: FieldDescriptor, chance: random.Random) -> Any:
    make = VALUES.get(field.cpp_type)
    return make(chance) if make else _text(field, chance)


def _fill(message: Any, chance: random.Random, depth: int = 0) -> None:
    """Sets some fields of a message, most often those that requests are made of."""
    one_of_them = message.DESCRIPTOR.oneofs_by_name.get("operation")
    chosen = chance.choice(one_of_them.fields) if one_of_them is not None else None
    for field in message.DESCRIPTOR.fields:
        share = 0.9 if field.name in {"customer_id", "operations", "mutate_operations"} else 0.4
        another = chosen is not None and field.containing_oneof is one_of_them
        if field is not chosen and (another or chance.random() > share):
            continue
        times = chance.randrange(1, 4) if field.is_repeated else 1
        for _ in range(times):
            if field.message_type is not None:
                if depth < 6 and not field.message_type.GetOptions().map_entry:
                    inner = getattr(message, field.name)
                    _fill(inner.add() if field.is_repeated else _present(inner), chance, depth + 1)
            elif field.is_repeated:
                getattr(message, field.name).append(_value(field, chance))
            else:
                setattr(message, field.name, _value(field, chance))
    if depth == 0 and "customer_id" in message.DESCRIPTOR.fields_by_name and chance.random() < 0.9:
        message.customer_id = SHOP


def _present(message: Any) -> Any:
    message.SetInParent()
    return message


def test_random_requests_of_every_method_are_answered_in_googles_form(
    wire: _Wire, methods: list[tuple[str, type[Message]]]
) -> None:
    def send(chance: random.Random) -> None:
        path, kind = chance.choice(methods)
        request = kind()
        _fill(request, chance)
        wire.call(path, request.SerializeToString())

    assert _in_parallel(_rounds(), send) > 20


def test_valid_requests_with_something_changed_are_answered_in_googles_form(wire: _Wire, client: Any) -> None:
    def send(chance: random.Random) -> None:
        request = ads_request(client, partial_failure=chance.random() < 0.8)
        for _ in range(3):
            add_ad(client, request, chance.choice((11, 12, 13, 999)))
        create = request.operations[chance.randrange(3)].create
        target = chance.choice((create, create.ad, create.ad.responsive_search_ad, request))
        field = chance.choice(target.DESCRIPTOR.fields)
        target.ClearField(field.name)
        if chance.random() < 0.8:
            holder = type(target)()
            _fill(holder, chance, depth=1)
            target.MergeFrom(holder)
        wire.call(
            "/google.ads.googleads.v26.services.AdGroupAdService/MutateAdGroupAds",
            request.SerializeToString(),
        )

    assert _in_parallel(_rounds(), send) > 20


def test_random_bytes_are_answered_in_googles_form(
    wire: _Wire, methods: list[tuple[str, type[Message]]]
) -> None:
    def send(chance: random.Random) -> None:
        path, kind = chance.choice(methods)
        content = chance.randbytes(chance.choice((0, 1, 7, 300, 5_000)))
        if chance.random() < 0.5:  # a request that broke on the way
            request = kind()
            _fill(request, chance)
            whole = bytearray(request.SerializeToString() or b"\n\x01x")
            for _ in range(3):
                whole[chance.randrange(len(whole))] = chance.randrange(256)
            content = bytes(whole[: chance.randrange(len(whole) + 1)])
        wire.call(path, content, GARBLED)

    assert _in_parallel(_rounds(), send) > 20


def test_wrong_paths_and_garbage_in_the_metadata_are_answered_in_googles_form(
    wire: _Wire, client: Any
) -> None:
    request = client.get_type("SearchGoogleAdsRequest")
    request.customer_id, request.query = SHOP, "SELECT customer.id FROM customer"
    search = "/google.ads.googleads.v26.services.GoogleAdsService/Search"
    paths = (
        "/",
        "//",
        "/nonsense",
        "/google.ads.googleads.v26.services.GoogleAdsService/Nonsense",
        "/google.ads.googleads.v99.services.GoogleAdsService/Search",
        "/google.ads.googleads.v26.services.GoogleAdsService/Search/",
        "/google.longrunning.Operations/GetOperation",
        "/grpc.health.v1.Health/Check",
    )
    values = ("", "x", "1" * 500, "Bearer", "Bearer ya29.", "Bearer ya29.a.b.c.d.e", "100-000-0001", "~")
    headers = ("authorization", "login-customer-id", "linked-customer-id", "developer-token", "x-whatever")

    def send(chance: random.Random) -> None:
        metadata = wire.metadata()
        for _ in range(chance.randrange(3)):
            metadata.append((chance.choice(headers), chance.choice(values)))
        if chance.random() < 0.3:
            metadata.append((f"{chance.choice(headers)}-bin", chance.randbytes(40)))
        chance.shuffle(metadata)
        path = chance.choice(paths) if chance.random() < 0.5 else search
        wire.call(path, request.SerializeToString(), UNKNOWN_PATH, NO_TOKEN, metadata=metadata)

    assert _in_parallel(_rounds(), send) > 20


def test_huge_fields_are_answered_in_googles_form(
    wire: _Wire, methods: list[tuple[str, type[Message]]], client: Any
) -> None:
    def send(chance: random.Random) -> None:
        request = ads_request(client)
        size = chance.choice((100_000, 1_000_000))
        match chance.randrange(6):
            case 0:
                add_ad(client, request, headlines=["x" * size] * 3)
            case 1:
                add_ad(client, request, headlines=[f"{{KeyWord:{number}}}" for number in range(size // 100)])
            case 2:
                add_ad(client, request, headlines=["{" * size, "}" * size, "{}" * (size // 2)])
            case 3:
                add_ad(client, request, final_urls=["https://" + "a." * size + "nl/" + "{if:" * size])
            case 4:
                add_ad(client, request, parameters={f"k{number}": "{" * 250 for number in range(size // 100)})
            case _:
                for _ in range(10_001):
                    request.operations.add()
        wire.call(
            "/google.ads.googleads.v26.services.AdGroupAdService/MutateAdGroupAds",
            request.SerializeToString(),
        )
        path, kind = chance.choice(methods)
        other = kind()
        for field in other.DESCRIPTOR.fields:
            if field.cpp_type == FieldDescriptor.CPPTYPE_STRING and not field.is_repeated:
                setattr(other, field.name, chance.choice(("9", "(", "customers/", "~")) * size)
        wire.call(path, other.SerializeToString())

    assert _in_parallel(_rounds(), send) > 2


def test_the_requests_of_a_seed_are_always_the_same(client: Any) -> None:
    made = []
    for _ in range(2):
        request = client.get_type("MutateGoogleAdsRequest")
        _fill(request, random.Random(SEED))
        made.append(json.dumps(str(request)))
    assert made[0] == made[1]
