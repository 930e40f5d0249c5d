"""Dagster's runs of an upload, asked and ended through the web interface of the stack that runs here."""

import json
from collections.abc import Sequence
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


class DagsterUnreachableError(TransientError):
    """No web interface of Dagster answers, or it refused."""


def terminate_runs(settings: Settings, upload: Upload) -> Sequence[str]:
    """End every run of the upload that is queued or active, as a person does; returns their ids.

    Raises:
        DagsterUnreachableError: Dagster cannot be asked, or could not end one.
    """
    url = _stack_url(settings)
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


def _stack_url(settings: Settings) -> str:
    try:
        return str(json.loads((settings.home / "stack.json").read_text())["url"])
    except (OSError, ValueError, KeyError) as error:
        raise DagsterUnreachableError(f"no stack runs in {settings.home}") from error


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
