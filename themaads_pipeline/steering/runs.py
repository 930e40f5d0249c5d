"""Dagster's runs of an upload: launched, asked and ended through its web interface."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from themaads_pipeline.exceptions import TransientError
from themaads_pipeline.model.uploads import Upload
from themaads_pipeline.settings import Settings

_ACTIVE = """query ($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}],
                       statuses: [QUEUED, NOT_STARTED, STARTING, STARTED]}) {
    __typename ... on Runs { results { runId } } ... on PythonError { message } } }"""
_TERMINATE = """mutation ($ids: [String!]!) {
  terminateRuns(runIds: $ids) {
    __typename
    ... on PythonError { message }
    ... on TerminateRunsResult { terminateRunResults {
      __typename
      ... on TerminateRunFailure { message }
      ... on PythonError { message } } } } }"""

_RUNS = """query ($key: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $key}]}) {
    __typename
    ... on Runs { results { runId status tags { key value } } } ... on PythonError { message } } }"""
_FAILURES = """query ($id: ID!) {
  logsForRun(runId: $id) { ... on EventConnection { events { ... on RunFailureEvent { message } } } } }"""
_CODE = """{ repositoriesOrError {
  __typename
  ... on RepositoryConnection { nodes { name location { name } } } ... on PythonError { message } } }"""
_ADD_PARTITION = """mutation ($code: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $code, partitionsDefName: "uploads", partitionKey: $key) {
    __typename ... on UnauthorizedError { message } ... on PythonError { message } } }"""
_LAUNCH = """mutation ($execution: ExecutionParams!) {
  launchRun(executionParams: $execution) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on PythonError { message } } }"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run as Dagster tells of it."""

    run_id: str
    status: str  # Dagster's: STARTED, FAILURE ...
    why: str = ""  # it failed
    retry_of: str = ""  # the run that this one goes on for


class DagsterUnreachableError(TransientError):
    """No web interface of Dagster answers, or it refused."""


def runs_of(settings: Settings, key: str) -> list[Run]:
    """Every run of the upload with this key, the newest first.

    Raises:
        DagsterUnreachableError: Dagster cannot be asked.
    """
    url = _web_url(settings)
    answer = _ask(url, _RUNS, {"key": key})["runsOrError"]
    if answer["__typename"] != "Runs":
        raise DagsterUnreachableError(f"Dagster at {url} cannot list its runs: {answer.get('message')}")
    return [_run(url, run) for run in answer["results"]]


def launch_push(settings: Settings, upload: Upload, *, batch_size: int) -> str:
    """Launch a run of the upload with so many ads a request, as from the launchpad; gives its id.

    Raises:
        DagsterUnreachableError: Dagster cannot be asked, or refused.
    """
    config = {"ops": {"themed_ads": {"config": {"batch_size": batch_size}}}}
    return _launch(settings, upload, job="push_upload", config=config)


def launch_dry_run(settings: Settings, upload: Upload) -> str:
    """Launch a run that plans what is left of the upload and sends nothing; gives its id.

    Raises:
        DagsterUnreachableError: Dagster cannot be asked, or refused.
    """
    return _launch(settings, upload, job="dry_run", config={})


def terminate_runs(settings: Settings, upload: Upload) -> Sequence[str]:
    """End every run of the upload that is queued or active, as a person does; returns their ids.

    Raises:
        DagsterUnreachableError: Dagster cannot be asked, or could not end one.
    """
    url = _web_url(settings)
    answer = _ask(url, _ACTIVE, {"key": upload.key})["runsOrError"]
    ids = [run["runId"] for run in answer.get("results", [])]
    if answer["__typename"] != "Runs":
        raise DagsterUnreachableError(f"Dagster at {url} cannot list its runs: {answer.get('message')}")
    if ids:
        ended = _ask(url, _TERMINATE, {"ids": ids})["terminateRuns"]
        results = ended.get("terminateRunResults", [ended])
        # One that ended meanwhile, or is gone, is no failure.
        failed = [each["message"] for each in results if each["__typename"] == "PythonError"]
        if failed:
            raise DagsterUnreachableError(f"Dagster at {url} could not end a run: {failed[0]}")
    return ids


def _run(url: str, run: dict[str, Any]) -> Run:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    why = ""
    if run["status"] == "FAILURE":
        events = _ask(url, _FAILURES, {"id": run["runId"]})["logsForRun"].get("events", [])
        why = "\n".join(event["message"] for event in events if event.get("message"))
    return Run(
        run_id=run["runId"], status=run["status"], why=why, retry_of=tags.get("dagster/parent_run_id", "")
    )


def _launch(settings: Settings, upload: Upload, *, job: str, config: dict[str, Any]) -> str:
    url = _web_url(settings)
    found = _ask(url, _CODE, {})["repositoriesOrError"]
    if not found.get("nodes"):
        raise DagsterUnreachableError(f"Dagster at {url} has no code: {found.get('message')}")
    [code] = found["nodes"]
    where = {"repositoryLocationName": code["location"]["name"], "repositoryName": code["name"]}
    _ask(url, _ADD_PARTITION, {"code": where, "key": upload.key})  # the launch tells when that went wrong
    execution = {
        "selector": {**where, "jobName": job},
        "runConfigData": config,
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": upload.key}]},
    }
    answer = _ask(url, _LAUNCH, {"execution": execution})["launchRun"]
    if answer["__typename"] != "LaunchRunSuccess":
        why = answer.get("message") or answer.get("errors") or answer["__typename"]
        raise DagsterUnreachableError(f"Dagster at {url} launched no run of #{upload.number}: {why}")
    return str(answer["run"]["runId"])


def _web_url(settings: Settings) -> str:
    """That of the stack here, which is asked without a login; else the one that people are given."""
    try:
        return str(json.loads((settings.home / "stack.json").read_text())["url"])
    except (OSError, ValueError, KeyError) as error:
        if settings.web_url is not None:
            return settings.web_url.rstrip("/")
        raise DagsterUnreachableError(
            f"no stack runs in {settings.home}, and THEMAADS_WEB_URL names no Dagster"
        ) from error


def _ask(url: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = Request(f"{url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310  # our own stack
    try:
        with urlopen(request, timeout=30) as response:  # noqa: S310  # our own stack
            answer = json.load(response)
    except (URLError, OSError, ValueError) as error:
        raise DagsterUnreachableError(f"Dagster at {url} does not answer ({error})") from error
    if answer.get("errors"):
        raise DagsterUnreachableError(f"Dagster at {url} refused: {answer['errors'][0].get('message')}")
    return dict(answer["data"])
