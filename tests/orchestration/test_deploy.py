"""The server's files against the code: services, commands, names, ports, secrets. No container is started."""

from __future__ import annotations

import re
import stat
import subprocess
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.configuration import conf

from agrocluster.errors import UsageError
from agrocluster.model.loader import catalog
from agrocluster.orchestration import policy, prepare
from agrocluster.orchestration.home import Home, environment
from agrocluster.settings import settings
from support.airflow_home import PROJECT

COMPOSE = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
CLUSTER = (PROJECT / "docker-compose.cluster.yaml").read_text(encoding="utf-8")
HELM = (PROJECT / "deploy" / "helm" / "values.yaml").read_text(encoding="utf-8")
EXAMPLE = (PROJECT / ".env.example").read_text(encoding="utf-8")
AIRFLOW_SERVICES = ("init", "api-server", "scheduler", "dag-processor")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE)["services"])


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    return dict(yaml.safe_load(CLUSTER)["services"])


def _required(text: str) -> set[str]:
    """Variables without which compose refuses to start."""
    return set(re.findall(r"\$\{(\w+):\?", text))


def instruction(name: str) -> list[str]:
    """Arguments of every instruction of that name in the Dockerfile, continuation lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(None, 1)[1].strip() for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_the_services_are_those_that_airflow_needs(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", *AIRFLOW_SERVICES}
    assert services["postgres"]["image"].startswith("postgres:16")
    for name in ("postgres", "api-server", "scheduler", "dag-processor"):
        assert services[name]["healthcheck"]["test"], name
    for name in ("api-server", "scheduler", "dag-processor"):
        assert services[name]["depends_on"]["init"]["condition"] == "service_completed_successfully"


def test_only_the_interface_is_reachable_and_only_from_this_machine(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["api-server"]
    assert all(port.startswith("127.0.0.1:") for port in ports["api-server"])


def test_no_secret_has_a_default_and_every_one_is_in_the_example() -> None:
    secrets = {"POSTGRES_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_SECRET_KEY"}
    assert _required(COMPOSE) == secrets | {"AGROCLUSTER_ADMIN_PASSWORD"}
    store = {
        "AGROCLUSTER_STORE",
        "AWS_ENDPOINT_URL",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    }
    assert _required(CLUSTER) == store | {"REDIS_PASSWORD", "POSTGRES_PASSWORD"}
    required = _required(COMPOSE) | _required(CLUSTER)
    others = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE + CLUSTER)) - required
    assert not [name for name in others if re.search("PASSWORD|KEY|SECRET|TOKEN", name)]
    for name in required:
        assert re.search(rf"^{name}=$", EXAMPLE, re.MULTILINE), name
    for name in others:
        assert re.search(rf"^#{name}=", EXAMPLE, re.MULTILINE), name


def test_every_airflow_setting_exists(services: dict[str, Any], cluster: dict[str, Any], tmp_path: Path) -> None:
    """Airflow takes a misspelt setting without a word."""
    names = {name for service in AIRFLOW_SERVICES for name in services[service]["environment"]}
    names |= set(cluster["worker"]["environment"])
    names |= {f"AIRFLOW__{s}__{o}".upper() for s, options in yaml.safe_load(HELM)["config"].items() for o in options}
    names |= set(re.findall(r"AIRFLOW__\w+(?==)", DOCKERFILE)) | set(environment(Home(tmp_path), tmp_path, 1, {}))
    described = conf.configuration_description
    for name in sorted(n for n in names if n.startswith("AIRFLOW__")):
        _, section, option = name.lower().split("__", 2)
        assert option in described.get(section, {}).get("options", {}), name


def test_commands_and_health_checks_call_what_exists(services: dict[str, Any]) -> None:
    for name in AIRFLOW_SERVICES:
        command = services[name]["command"]
        if command[0] == "python":
            assert find_spec(command[2]), command
        else:
            assert command[:2] in (["airflow", "api-server"], ["airflow", "dag-processor"])
    assert "/api/v2/monitor/health" in services["api-server"]["healthcheck"]["test"][-1]
    url = services["scheduler"]["environment"]["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert url == "http://api-server:8080/execution/"
    assert services["api-server"]["ports"][0].endswith(":8080")


def test_the_cluster_adds_redis_and_workers_and_opens_nothing(
    services: dict[str, Any], cluster: dict[str, Any]
) -> None:
    assert set(cluster) == {"redis", "worker", *AIRFLOW_SERVICES}
    assert not [name for name, service in cluster.items() if "ports" in service or "network_mode" in service]
    for name in (*AIRFLOW_SERVICES, "worker"):
        added = cluster[name]["environment"]
        assert added == cluster["worker"]["environment"], name
        assert added["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
        assert added["AGROCLUSTER_WORK"].startswith("/data/")
    assert cluster["worker"]["extends"] == {"file": "docker-compose.yaml", "service": "dag-processor"}
    assert services["dag-processor"]["read_only"] is True
    assert cluster["worker"]["volumes"] == [cluster["worker"]["environment"]["AGROCLUSTER_WORK"]]
    assert find_spec(cluster["worker"]["command"][2])
    timeout = int(cluster["worker"]["environment"]["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"])
    assert timeout > policy.default_args()["execution_timeout"].total_seconds()


def test_the_executor_of_the_cluster_can_be_loaded() -> None:
    """Its provider and Celery must suit each other, which their own declarations do not say."""
    assert hasattr(import_module("airflow.providers.celery.executors.celery_executor"), "CeleryExecutor")


def test_redis_wants_a_password_that_no_list_of_processes_shows(cluster: dict[str, Any], tmp_path: Path) -> None:
    redis = cluster["redis"]
    assert (redis["read_only"], redis["cap_drop"]) == (True, ["ALL"])
    script = redis["command"][2].replace("$$", "$").replace("/data/", f"{tmp_path}/")
    written, _, served = script.rpartition(" && exec redis-server ")
    subprocess.run(["sh", "-c", written], check=True, env={"REDIS_PASSWORD": "opens-sesame", "PATH": "/usr/bin:/bin"})
    conf_file = Path(served)
    assert conf_file.read_text().splitlines() == ["requirepass opens-sesame", 'save ""', "appendonly no"]
    assert stat.S_IMODE(conf_file.stat().st_mode) == 0o600
    url = cluster["worker"]["environment"]["AIRFLOW__CELERY__BROKER_URL"]
    assert re.fullmatch(r"redis://:\$\{REDIS_PASSWORD:\?[^}]+\}@redis:6379/0", url)


COMMON = {"args", "resources"}
CHART = {
    "images": {"airflow"},
    "securityContexts": {"pod", "containers"},
    "data": {"metadataSecretName", "brokerUrlSecretName"},
    "postgresql": {"enabled"},
    "redis": {"enabled", "passwordSecretName", "persistence", "uid", "securityContexts", "resources"},
    "migrateDatabaseJob": COMMON,
    "createUserJob": {"enabled"},
    "apiServer": COMMON | {"startupProbe"},
    "scheduler": COMMON | {"logGroomerSidecar"},
    "dagProcessor": COMMON | {"enabled", "logGroomerSidecar"},
    "workers": COMMON | {"replicas", "persistence", "terminationGracePeriodSeconds", "logGroomerSidecar"},
    "triggerer": {"enabled"},
    "statsd": {"enabled"},
    "ingress": {"apiServer"},
}
PLAIN = {
    "executor",
    "airflowVersion",
    "uid",
    "gid",
    "airflowHome",
    "volumes",
    "volumeMounts",
    "env",
    "secret",
    "config",
}
PLAIN |= {"fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"}
"""Names of values that the chart of Apache Airflow has from 1.19 on, as far as they are used here, as read in its
values.yaml; Helm takes any other name without a word."""


def test_the_values_for_kubernetes_use_names_of_the_chart_and_hold_no_secret() -> None:
    values = yaml.safe_load(HELM)
    assert set(values) == PLAIN | set(CHART)
    assert not {name: extra for name, known in CHART.items() if (extra := set(values[name]) - known)}
    assert not re.search(r"(?i)^\s*(pass|password|fernetKey|jwtSecret|apiSecretKey|brokerUrl|connection):", HELM, re.M)
    assert not [entry["name"] for entry in values["env"] if re.search("KEY|SECRET|PASSWORD|TOKEN", entry["name"])]
    assert all(set(entry) == {"envName", "secretName", "secretKey"} for entry in values["secret"])
    for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"):
        assert values[name].startswith("agrocluster-")
    assert values["redis"]["passwordSecretName"]
    assert set(values["data"]) == {"metadataSecretName", "brokerUrlSecretName"}


def test_pods_have_no_root_no_writable_code_and_no_door() -> None:
    values = yaml.safe_load(HELM)
    contexts = values["securityContexts"]
    assert contexts["pod"]["runAsNonRoot"] is True
    assert contexts["containers"]["readOnlyRootFilesystem"] is True
    assert contexts["containers"]["capabilities"] == {"drop": ["ALL"]}
    assert values["ingress"] == {"apiServer": {"enabled": False}}
    mounted = {mount["mountPath"] for mount in values["volumeMounts"]}
    env = {entry["name"]: entry["value"] for entry in values["env"]}
    assert mounted == {"/tmp", "/data"}
    for path in (env["AIRFLOW_HOME"], env["AGROCLUSTER_WORK"], values["airflowHome"]):
        assert path.startswith(tuple(mounted))
    for name in ("migrateDatabaseJob", "apiServer", "scheduler", "dagProcessor", "workers", "redis"):
        assert values[name]["resources"]["requests"].keys() >= {"cpu", "memory"}, name
        assert values[name]["resources"]["limits"]["memory"], name
    for module in re.findall(r"python -m ([\w.]+)", HELM):
        assert find_spec(module), module
    image = {instruction("WORKDIR")[0]}
    assert {values["config"]["core"][folder].rsplit("/", 1)[0] for folder in ("dags_folder", "plugins_folder")} == image


def test_data_live_in_one_volume_and_containers_cannot_change_the_code(services: dict[str, Any]) -> None:
    for name in AIRFLOW_SERVICES:
        assert services[name]["volumes"] == ["data:/data"]
        assert services[name]["read_only"] is True
        assert services[name]["environment"]["AGROCLUSTER_DATA"] == "/data"
        assert services[name]["environment"]["SOURCES"] == "live"
    assert set(yaml.safe_load(COMPOSE)["volumes"]) == {"data", "database"}


def test_the_image_is_built_from_the_lock_without_root_and_for_a_supported_python() -> None:
    assert instruction("USER") == ["50000:0"]
    assert any("--require-hashes -r /src/requirements.txt" in run for run in instruction("RUN"))
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    low, high = re.findall(r"3\.(\d+)", wanted)
    (minor,) = re.findall(r"python:3\.(\d+)", " ".join(instruction("ARG")))
    assert int(low) <= int(minor) < int(high)


def test_copies_of_an_object_store_go_to_the_volume_not_to_memory() -> None:
    assert "AGROCLUSTER_WORK=/data/work" in instruction("ENV")[-1].split()
    assert instruction("VOLUME") == ["/data"]


def test_everything_the_image_copies_exists_and_is_not_ignored() -> None:
    allowed = set(re.findall(r"^!(.+)$", (PROJECT / ".dockerignore").read_text(), re.MULTILINE))
    for copy in instruction("COPY"):
        sources = copy.split()[:-1]
        if sources[0].startswith("--from"):
            continue
        for source in sources:
            assert (PROJECT / source).exists(), source
            assert source in allowed, source


def test_the_server_is_prepared_with_pools_and_a_login(
    airflow_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.pool import Pool

    monkeypatch.setenv("AGROCLUSTER_ADMIN_PASSWORD", "a long enough one")
    prepare.main()
    prepare.main()
    pools = Pool.get_pools()
    assert {f"agrocluster_{source}" for source in catalog().sources} <= {pool.pool for pool in pools}
    path = Path(conf.get_mandatory_value("core", "simple_auth_manager_passwords_file"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "a long enough one" in path.read_text()


@pytest.mark.parametrize("password", ["", "admin"])
def test_a_server_without_a_real_password_is_not_prepared(
    password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGROCLUSTER_ADMIN_PASSWORD", password)
    with pytest.raises(UsageError, match="AGROCLUSTER_ADMIN_PASSWORD"):
        prepare.write_login(tmp_path / "passwords.json")
    assert not (tmp_path / "passwords.json").exists()


def test_a_server_follows_the_calendar_and_a_local_run_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert policy.schedule("0 5 * * *") == "0 5 * * *"
    monkeypatch.setenv("AGROCLUSTER_SCHEDULE", "manual")
    assert policy.schedule("0 5 * * *") is None
    assert settings().mode == "sample"
