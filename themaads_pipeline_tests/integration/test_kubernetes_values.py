"""What stands in deploy/kubernetes is what Dagster takes, and differs from one host only where it has to."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config_schema
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import ConfigurableClass
from dagster._serdes.config_class import class_from_code_pointer
from dagster._utils import ensure_dir

from themaads_pipeline.launchers.kubernetes import WatchedK8sRunLauncher
from themaads_pipeline.objects import ObjectPath
from themaads_pipeline.settings import Settings
from themaads_pipeline_tests.integration.test_container_launchers import Installation
from themaads_pipeline_tests.orchestrators import Kubernetes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
VALUES: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
README = (FOLDER / "README.md").read_text(encoding="utf-8")
LAUNCHER = VALUES["runLauncher"]["config"]["customRunLauncher"]
ON_ONE_HOST: dict[str, Any] = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
MANIFESTS = ("settings.yaml", "migrate.yaml")
STORAGE = {
    "storage", "run_storage", "event_log_storage", "schedule_storage", "compute_logs", "scheduler",
}  # fmt: skip
# The values that the chart has, by its schema (helm/dagster/schema of Dagster's repository).
CHART = {
    "global", "nameOverride", "fullnameOverride", "rbacEnabled", "imagePullSecrets", "dagsterWebserver",
    "computeLogManager", "pythonLogs", "dagster-user-deployments", "scheduler", "runLauncher", "postgresql",
    "generatePostgresqlPasswordSecret", "generateCeleryConfigSecret", "rabbitmq", "redis", "flower",
    "ingress",
    "dagsterDaemon", "busybox", "migrate", "telemetry", "serviceAccount", "retention", "extraManifests",
    "additionalInstanceConfig", "concurrency",
}  # fmt: skip


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def instance_config() -> dict[str, Any]:
    """The dagster.yaml that the chart makes of these values (its templates/configmap-instance.yaml)."""
    postgres = VALUES["postgresql"]
    storage = {
        "postgres_db": {
            "username": postgres["postgresqlUsername"],
            "password": {"env": "DAGSTER_PG_PASSWORD"},
            "hostname": postgres["postgresqlHost"],
            "db_name": postgres["postgresqlDatabase"],
            "port": postgres["service"]["port"],
            "params": postgres["postgresqlParams"],
            "scheme": postgres["postgresqlScheme"],
        }
    }
    written = {
        "scheduler": {"module": "dagster.core.scheduler", "class": "DagsterDaemonScheduler"},
        "run_storage": _postgres("run_storage", "PostgresRunStorage", storage),
        "event_log_storage": _postgres("event_log", "PostgresEventLogStorage", storage),
        "schedule_storage": _postgres("schedule_storage", "PostgresScheduleStorage", storage),
        "run_launcher": {name: LAUNCHER[name] for name in ("module", "class", "config")},
        "compute_logs": {
            "module": "dagster.core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
        "telemetry": {"enabled": VALUES["telemetry"]["enabled"]},
    }
    more = VALUES["additionalInstanceConfig"]
    assert not written.keys() & more.keys()
    return {**written, **more}


def _postgres(module: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": f"dagster_postgres.{module}", "class": name, "config": config}


# What Dagster takes


def test_dagster_takes_every_key_of_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "secret")
    config = instance_config()
    taken = process_config(resolve_to_config_type(dagster_instance_config_schema()), config)
    assert taken.success, taken.errors
    wrong = {**config, "run_monitoring": {**config["run_monitoring"], "poll_interval": 5}}
    assert not process_config(resolve_to_config_type(dagster_instance_config_schema()), wrong).success


def test_every_class_is_there_and_takes_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "secret")
    named = {
        key: value for key, value in instance_config().items() if isinstance(value, dict) and "class" in value
    }
    assert named.keys() == {*STORAGE - {"storage"}, "run_launcher", "local_artifact_storage"}
    for key, value in named.items():
        module = value["module"].replace("dagster.core", "dagster._core")  # as Dagster does
        found = class_from_code_pointer(module, value["class"])
        assert issubclass(found, ConfigurableClass)
        taken = process_config(resolve_to_config_type(found.config_type()), value.get("config", {}))
        assert taken.success, (key, taken.errors)


def test_the_instance_loads_as_a_pod_loads_it(
    tmp_path: Path, settings: Settings, installation: Installation, kubernetes: Kubernetes
) -> None:
    """But for the addresses of the API server and of Postgres."""
    config = instance_config()
    config = {key: value for key, value in config.items() if key not in STORAGE} | {
        "storage": ON_ONE_HOST["storage"]
    }
    config["run_launcher"] = {**LAUNCHER, "config": launcher_config(kubernetes, tmp_path)}
    with installation.launching_with(kubernetes):  # the process's settings
        ensure_dir(str(tmp_path / "dagster"))
        (tmp_path / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(config))
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path / "dagster"))) as instance:
            assert isinstance(instance.run_launcher, WatchedK8sRunLauncher)
            assert instance.run_launcher.supports_check_run_worker_health
            assert instance.run_monitoring_enabled
            assert instance.run_monitoring_start_timeout_seconds == 600
            assert instance.run_retries_enabled
            assert instance.run_retries_max_retries == 3
            assert not instance.run_retries_retry_on_asset_or_op_failure
            queue = instance.get_concurrency_config().run_queue_config
            assert queue is not None
            assert queue.max_concurrent_runs == 3
            assert queue.max_user_code_failure_retries == 20


# What is the same on one host


def test_only_storage_launcher_and_the_patience_with_a_pods_start_differ_from_one_host() -> None:
    here = {key: value for key, value in instance_config().items() if key not in {*STORAGE, "run_launcher"}}
    there = {key: value for key, value in ON_ONE_HOST.items() if key not in {*STORAGE, "run_launcher"}}
    patience = here["run_monitoring"].pop("start_timeout_seconds")
    assert patience > there["run_monitoring"].pop("start_timeout_seconds")
    assert here == there


def test_the_location_has_the_name_by_which_runs_find_their_code() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    [location] = workspace["load_from"]
    [deployment] = VALUES["dagster-user-deployments"]["deployments"]
    assert deployment["name"] == location["python_module"]["location_name"]
    assert deployment["dagsterApiGrpcArgs"] == ["--module-name", location["python_module"]["module_name"]]


# What the chart makes of it


def test_only_values_that_the_chart_has_are_given() -> None:
    assert VALUES.keys() <= CHART


def test_the_chart_writes_no_part_of_the_instance_that_is_written_here() -> None:
    daemon = VALUES["dagsterDaemon"]
    assert [daemon[part]["enabled"] for part in ("runCoordinator", "runMonitoring", "runRetries")] == [
        False
    ] * 3
    assert [daemon[part]["useThreads"] for part in ("sensors", "schedules")] == [False] * 2
    assert VALUES["retention"] == {"enabled": False}


def test_the_launcher_has_the_names_that_the_chart_gives() -> None:
    """By `dagster.fullname`: the release's name, and the chart's where that is not in it."""
    [release, namespace] = re.findall(
        r"helm upgrade --install (\S+) dagster/dagster.* --namespace (\S+)", README
    )[0]
    config = LAUNCHER["config"]
    assert config["instance_config_map"] == f"{release}-dagster-instance"
    assert config["job_namespace"] == namespace
    assert config["postgres_password_secret"] == VALUES["global"]["postgresqlSecretName"]
    assert config["dagster_home"] == VALUES["global"]["dagsterHome"]
    named = {(each["kind"], each["metadata"]["namespace"]) for name in MANIFESTS for each in documents(name)}
    assert named == {("ConfigMap", namespace), ("ServiceAccount", namespace), ("Job", namespace)}


def test_every_process_has_the_same_settings_and_secrets_by_reference() -> None:
    [code] = VALUES["dagster-user-deployments"]["deployments"]
    maps, secrets = [{"name": "themaads-settings"}], [{"name": "themaads-secrets"}]
    for process in (VALUES["dagsterDaemon"], VALUES["dagsterWebserver"], code):
        assert (process["envConfigMaps"], process["envSecrets"]) == (maps, secrets)
        assert "env" not in process
        assert process["image"] == VALUES["dagsterDaemon"]["image"]
        assert process["podSecurityContext"]["runAsNonRoot"]
    config = LAUNCHER["config"]
    assert (config["env_config_maps"], config["env_secrets"]) == (["themaads-settings"], ["themaads-secrets"])
    assert "env_vars" not in config
    assert code["volumes"] == config["volumes"]
    assert code["volumeMounts"] == config["volume_mounts"]
    [job] = documents("migrate.yaml")
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert [next(iter(each.values())) for each in container["envFrom"]] == [*maps, *secrets]
    image = VALUES["dagsterDaemon"]["image"]
    assert container["image"] == f"{image['repository']}:{image['tag']}"
    for name in ("themaads-secrets", "themaads-google-ads", VALUES["global"]["postgresqlSecretName"]):
        assert f"kubectl -n themaads create secret generic {name}" in README


def test_no_secret_is_in_any_file() -> None:
    text = "\n".join(path.read_text() for path in FOLDER.iterdir())
    assert "postgresqlPassword" not in text
    assert not re.findall(r"(?:SECRET_ACCESS_KEY|PASSWORD)\s*[:=]\s*\"?[^\s$<{\"]", text)
    assert not re.findall(r"://\w+:(?!\$)[^@\s]+@", text)


def test_the_settings_are_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    config_map, account = documents("settings.yaml")
    ours = {name: value for name, value in config_map["data"].items() if name.startswith("THEMAADS_")}
    assert {name.removeprefix("THEMAADS_").lower() for name in ours} <= Settings.model_fields.keys()
    for name in Settings.model_fields:
        monkeypatch.delenv(f"THEMAADS_{name.upper()}", raising=False)
    for name, value in ours.items():
        monkeypatch.setenv(name, value.replace("CHANGE-ME", "bucket"))
    loaded = Settings()
    assert (loaded.uploads, loaded.reports) == (
        ObjectPath("s3://bucket/uploads"),
        ObjectPath("s3://bucket/reports"),
    )
    [mount] = LAUNCHER["config"]["volume_mounts"]
    assert str(loaded.ads_config.parent) == mount["mountPath"]
    grace = LAUNCHER["config"]["run_k8s_config"]["pod_spec_config"]["termination_grace_period_seconds"]
    assert grace > loaded.request_deadline_seconds > loaded.stop_grace_seconds
    assert account["metadata"]["name"] == LAUNCHER["config"]["service_account_name"]
    assert account["metadata"]["name"] == VALUES["dagster-user-deployments"]["serviceAccount"]["name"]


# What a run becomes


@pytest.fixture
def kubernetes() -> Any:
    with Kubernetes() as running:
        yield running


@pytest.fixture
def installation(
    settings: Settings, ledger: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    (tmp_path / "home of dagster").mkdir()
    return Installation(settings, ledger, tmp_path / "home of dagster", tmp_path, monkeypatch)


def launcher_config(kubernetes: Kubernetes, folder: Path) -> dict[str, Any]:
    """The values' own, but for where the API server is; the stand-in's namespace is its own."""
    kubernetes.environment(folder)
    address = ("kubeconfig_file", "load_incluster_config", "job_namespace")
    here = {name: kubernetes.config[name] for name in address}
    return {**LAUNCHER["config"], **here}


def test_a_run_becomes_a_job_as_the_values_say(
    installation: Installation, kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.config = launcher_config(kubernetes, tmp_path)
    with installation.launching_with(kubernetes) as launch:
        run = launch.run()
        assert kubernetes.job is not None
        template = kubernetes.job["spec"]["template"]
        kubernetes.go_away()  # Dagster's own would answer UNKNOWN, which fails a run
        assert run.monitor() is dg.DagsterRunStatus.STARTED
    pod, [container] = template["spec"], template["spec"]["containers"]
    assert container["image"] == "themaads:1"  # the code location's
    assert {"configMapRef": {"name": "themaads-settings"}} in container["envFrom"]
    assert {"secretRef": {"name": "themaads-secrets"}} in container["envFrom"]
    assert container["resources"] == LAUNCHER["config"]["resources"]
    password = {"name": "themaads-postgresql", "key": "postgresql-password"}
    assert {"secretKeyRef": password} in [each.get("valueFrom") for each in container["env"]]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts["google-ads"] == "/etc/themaads"
    assert pod["serviceAccountName"] == "themaads-run"
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == 150
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"]
    assert template["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert kubernetes.job["spec"]["backoffLimit"] == 0
    assert kubernetes.job["spec"]["ttlSecondsAfterFinished"] == 86400
