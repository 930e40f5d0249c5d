"""What docker-compose.yml, its Dagster files and the image's lock promise; no engine is needed."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from themaads_pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
STAYS_UP = ("code", "webserver", "daemon", "dashboard", "emulator")  # and postgres


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = load(ROOT / "docker-compose.yml")
    return found


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield f"{name}={value}"
            yield from texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from texts(each)
    else:
        yield str(node)


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def pins(lock: Path) -> dict[str, frozenset[str]]:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if "==" in line]
    return {line[0]: frozenset(line) for line in lines}


def test_the_instance_differs_from_the_top_level_one_in_storage_and_launcher_only() -> None:
    top, ours = load(ROOT / "dagster.yaml"), load(DOCKER / "dagster.yaml")
    different = {name for name in top.keys() | ours.keys() if top.get(name) != ours.get(name)}
    assert different <= {"storage", "run_launcher"}


def test_the_code_location_has_the_same_name_everywhere(services: dict[str, dict[str, Any]]) -> None:
    [top] = load(ROOT / "workspace.yaml")["load_from"]
    [ours] = load(DOCKER / "workspace.yaml")["load_from"]
    name = top["python_module"]["location_name"]
    assert ours["grpc_server"]["location_name"] == name
    assert services["code"]["environment"]["DAGSTER_LOCATION_NAME"] == name


def test_every_published_port_is_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", [*STAYS_UP, "postgres"])
def test_what_stays_up_is_restarted_reaped_and_looked_at(
    services: dict[str, dict[str, Any]], name: str
) -> None:
    service = services[name]
    assert service["restart"] == "unless-stopped"
    assert service["init"] is True
    assert service["healthcheck"]["test"]


def test_whatever_is_stopped_has_longer_than_a_request_may_take(services: dict[str, dict[str, Any]]) -> None:
    deadline = Settings.model_fields["request_deadline_seconds"].default
    for name in STAYS_UP:
        assert seconds(services[name]["stop_grace_period"]) > deadline
    launcher = load(DOCKER / "dagster.yaml")["run_launcher"]["config"]
    assert launcher["container_kwargs"]["stop_timeout"] > deadline


def test_the_start_waits_for_database_schema_and_code(services: dict[str, dict[str, Any]]) -> None:
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("code", "webserver", "daemon", "dashboard", "sample"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in ("webserver", "daemon"):
        assert services[name]["depends_on"]["code"] == {"condition": "service_healthy"}


def test_no_password_stands_in_a_file_that_git_keeps(compose: dict[str, Any]) -> None:
    secret = re.compile(r"(?i)\w*(password|secret|token)\w*=(.*)")
    found = [match[2] for text in texts(compose) if (match := secret.fullmatch(text))]
    assert found
    assert [value for value in found if not value.startswith("${")] == []
    example = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert {"POSTGRES_PASSWORD=", "THEMAADS_DASHBOARD_PASSWORD="} <= set(example)


def test_the_image_gets_no_secret(services: dict[str, dict[str, Any]]) -> None:
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in kept if line and not line.startswith("#")]
    assert patterns[0] == "*"
    assert not [line for line in patterns if line.startswith("!") and "env" in line]
    assert not re.search(r"(?i)(ARG|ENV).*(password|secret|token)", (ROOT / "Dockerfile").read_text("utf-8"))
    assert [service["build"] for service in services.values() if "args" in service.get("build", {})] == []


def test_only_who_starts_and_ends_runs_has_the_engines_socket(services: dict[str, dict[str, Any]]) -> None:
    has_it = {name for name, service in services.items() if "docker.sock" in str(service.get("volumes"))}
    assert has_it == {"webserver", "daemon"}


def test_a_run_has_the_volumes_of_the_code_location(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    """Docker knows them by their full names only, so they stand there twice."""
    full = {name: volume["name"] for name, volume in compose["volumes"].items()}
    targets = [volume.split(":", 1) for volume in services["code"]["volumes"] if "${" not in volume]
    context = services["code"]["environment"]["DAGSTER_CONTAINER_CONTEXT"]
    named = [f"{full[source]}:{target}" for source, target in targets if source in full]
    assert named
    assert [each for each in named if f'"{each}"' not in context] == []
    assert ":/config:ro" in context
    assert "docker.sock" not in context


def test_the_development_override_gives_a_run_what_production_does(
    services: dict[str, dict[str, Any]],
) -> None:
    override = load(DOCKER / "reload.yml")["services"]["code"]["environment"]["DAGSTER_CONTAINER_CONTEXT"]
    production = services["code"]["environment"]["DAGSTER_CONTAINER_CONTEXT"]
    quoted = re.compile(r'"([^"]+:/[^"]+)"')
    assert set(quoted.findall(production)) < set(quoted.findall(override))


def test_every_variable_that_compose_needs_is_explained_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for file in (ROOT / "docker-compose.yml", DOCKER / "reload.yml", DOCKER / "folders.yml"):
        needed = set(re.findall(r"\$\{([A-Z_]+):\?", file.read_text(encoding="utf-8")))
        assert needed
        assert [name for name in needed if not re.search(rf"^#?{name}=", example, re.MULTILINE)] == []


def test_the_image_has_versions_that_were_tested_and_no_tool_of_development() -> None:
    tested, shipped = pins(ROOT / "requirements.lock"), pins(ROOT / "requirements-production.lock")
    assert {name: hashes for name, hashes in shipped.items() if tested.get(name) != hashes} == {}
    names = {name.partition("==")[0] for name in shipped}
    assert {"dagster", "google-ads", "dagster-docker", "dagster-k8s", "s3fs"} <= names
    assert names.isdisjoint({"pytest", "mypy", "ruff", "moto", "hypothesis"})
