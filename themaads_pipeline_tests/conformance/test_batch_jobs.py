"""Batch jobs: gathering operations, running them in the background, polling, and listing the results."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from google.ads.googleads.errors import GoogleAdsException
from google.api_core import exceptions
from google.longrunning import operations_pb2
from google.protobuf.duration_pb2 import Duration

from themaads_pipeline_tests.conformance.account import BOOTS, MANAGER, SHOP, codes, fill_ad, path_of, search
from themaads_pipeline_tests.running_emulator import RunningEmulator

BUDGET = f"customers/{SHOP}/campaignBudgets/"


@pytest.fixture
def client(client_for: Callable[..., Any]) -> Any:
    return client_for(login_customer_id=MANAGER)


def _job(client: Any, **metadata: int) -> str:
    request = client.get_type("MutateBatchJobRequest")
    request.customer_id = SHOP
    request.operation.create.SetInParent()
    for name, value in metadata.items():
        setattr(request.operation.create.metadata, name, value)
    return str(client.get_service("BatchJobService").mutate_batch_job(request=request).result.resource_name)


def _ad(client: Any, **fields: Any) -> Any:
    operation = client.get_type("MutateOperation")
    fill_ad(client, operation.ad_group_ad_operation.create, BOOTS, **fields)
    return operation


def _label(client: Any, name: str, resource_name: str = "") -> Any:
    operation = client.get_type("MutateOperation")
    operation.label_operation.create.name = name
    operation.label_operation.create.resource_name = resource_name
    return operation


def _attach(client: Any, label: str) -> Any:
    operation = client.get_type("MutateOperation")
    create = operation.ad_group_label_operation.create
    create.ad_group, create.label = f"customers/{SHOP}/adGroups/{BOOTS}", label
    return operation


def _add(client: Any, job: str, operations: list[Any], token: str = "") -> Any:
    request = client.get_type("AddBatchJobOperationsRequest")
    request.resource_name, request.sequence_token = job, token
    request.mutate_operations.extend(operations)
    return client.get_service("BatchJobService").add_batch_job_operations(request=request)


def _run(client: Any, job: str) -> Any:
    return client.get_service("BatchJobService").run_batch_job(resource_name=job)


def _results(client: Any, job: str, **settings: Any) -> list[Any]:
    request = client.get_type("ListBatchJobResultsRequest")
    request.resource_name = job
    for name, value in settings.items():
        setattr(request, name, value)
    return list(client.get_service("BatchJobService").list_batch_job_results(request=request))


def _row(client: Any, job: str) -> Any:
    fields = "id, status, next_add_sequence_token, long_running_operation, metadata.operation_count"
    fields += ", metadata.executed_operation_count, metadata.estimated_completion_ratio"
    fields += ", metadata.creation_date_time, metadata.start_date_time, metadata.completion_date_time"
    names = ", ".join(f"batch_job.{name.strip()}" for name in fields.split(","))
    query = f"SELECT {names} FROM batch_job WHERE batch_job.id = {job.rpartition('/')[2]}"
    (row,) = search(client, query)
    return row.batch_job


def _operations(client: Any) -> Any:
    return client.get_service("BatchJobService").transport.operations_client


def _refused(call: Callable[[], Any]) -> list[str]:
    with pytest.raises(GoogleAdsException) as refused:
        call()
    return codes(refused.value.failure)


def _failure(client: Any, result: Any) -> Any:
    (detail,) = result.status.details
    failure = client.get_type("GoogleAdsFailure")
    assert detail.Unpack(failure), f"{detail.type_url} is not this client's GoogleAdsFailure"
    return failure


def test_a_job_does_its_operations_in_the_order_in_which_they_were_added(
    client: Any, emulator: RunningEmulator
) -> None:
    job = _job(client)
    added = _add(client, job, [_label(client, "Een"), _ad(client)])
    assert added.total_operations == 2
    added = _add(client, job, [_label(client, "Twee")], added.next_sequence_token)
    assert added.total_operations == 3
    operation = _run(client, job)
    operation.result(timeout=20)
    assert operation.metadata.operation_count == 3
    assert operation.metadata.estimated_completion_ratio == 1.0
    results = _results(client, job)
    assert [result.operation_index for result in results] == [0, 1, 2]
    answers = [result.mutate_operation_response.WhichOneof("response") for result in results]
    assert answers == ["label_result", "ad_group_ad_result", "label_result"]
    assert [label["name"] for label in emulator.labels(SHOP)][-2:] == ["Een", "Twee"]
    assert emulator.stats()["operations"] == {"label.create": 2, "ad_group_ad.create": 1}


def test_a_failed_operation_has_a_status_and_the_others_are_done(client: Any) -> None:
    job = _job(client)
    _add(client, job, [_ad(client), _ad(client, headlines=["Een"]), _ad(client)])
    _run(client, job).result(timeout=20)
    first, failed, last = _results(client, job)
    assert not first.status.message
    assert not last.status.details
    assert failed.status.code == 3
    assert not failed.mutate_operation_response.WhichOneof("response")
    failure = _failure(client, failed)
    assert codes(failure) == ["collection_size_error.TOO_FEW"]
    assert path_of(failure.errors[0]).startswith("mutate_operations[1].ad_group_ad_operation.create.ad")


def test_temporary_ids_hold_within_a_job_also_across_requests(client: Any) -> None:
    job, temporary = _job(client), f"customers/{SHOP}/labels/-1"
    added = _add(client, job, [_label(client, "Nieuw", temporary)])
    _add(client, job, [_attach(client, temporary)], added.next_sequence_token)
    _run(client, job).result(timeout=20)
    made, attached = _results(client, job)
    label_id = made.mutate_operation_response.label_result.resource_name.rpartition("/")[2]
    name = attached.mutate_operation_response.ad_group_label_result.resource_name
    assert name == f"customers/{SHOP}/adGroupLabels/{BOOTS}~{label_id}"


def test_what_depends_on_a_failed_temporary_id_fails_too(client: Any) -> None:
    job, temporary = _job(client), f"customers/{SHOP}/labels/-1"
    added = _add(client, job, [_label(client, "THEMA_ORIGINAL", temporary)])
    _add(client, job, [_attach(client, temporary)], added.next_sequence_token)
    _run(client, job).result(timeout=20)
    made, attached = _results(client, job)
    assert codes(_failure(client, made)) == ["label_error.DUPLICATE_NAME"]
    dependent = codes(_failure(client, attached))
    assert dependent == ["new_resource_creation_error.TEMP_ID_RESOURCE_HAD_ERRORS"]


def test_operations_are_added_with_the_last_token_and_only_while_the_job_is_pending(client: Any) -> None:
    job = _job(client)
    assert _refused(lambda: _add(client, job, [])) == ["batch_job_error.EMPTY_OPERATIONS"]
    wrong = ["batch_job_error.INVALID_SEQUENCE_TOKEN"]
    assert _refused(lambda: _add(client, job, [_label(client, "A")], "nonsense")) == wrong
    first = _add(client, job, [_label(client, "A")], _row(client, job).next_add_sequence_token)
    assert _refused(lambda: _add(client, job, [_label(client, "B")])) == wrong
    _add(client, job, [_label(client, "B")], first.next_sequence_token)
    assert _refused(lambda: _add(client, job, [_label(client, "B")], first.next_sequence_token)) == wrong
    _run(client, job).result(timeout=20)
    started = ["batch_job_error.CANNOT_MODIFY_JOB_AFTER_JOB_STARTS_RUNNING"]
    assert _refused(lambda: _add(client, job, [_label(client, "C")], "x")) == started
    assert _refused(lambda: _run(client, job)) == started


def test_a_request_of_more_than_ten_megabytes_or_ten_thousand_operations_is_too_large(client: Any) -> None:
    job = _job(client)
    many = _refused(lambda: _add(client, job, [_label(client, "x")] * 10_001))
    assert many == ["request_error.TOO_MANY_MUTATE_OPERATIONS"]
    long = _label(client, "x" * 1_100_000)
    refused = _refused(lambda: _add(client, job, [long] * 10))
    assert refused == ["batch_job_error.REQUEST_TOO_LARGE"]
    assert _add(client, job, [long] * 9).total_operations == 9


def test_only_a_pending_job_can_be_removed(client: Any) -> None:
    service = client.get_service("BatchJobService")
    request = client.get_type("MutateBatchJobRequest")
    request.customer_id, request.operation.remove = SHOP, _job(client)
    assert service.mutate_batch_job(request=request).result.resource_name == request.operation.remove
    assert _refused(lambda: _run(client, request.operation.remove)) == ["mutate_error.RESOURCE_NOT_FOUND"]
    request.operation.remove = _job(client)
    _run(client, request.operation.remove).result(timeout=20)
    removed = _refused(lambda: service.mutate_batch_job(request=request))
    assert removed == ["batch_job_error.CAN_ONLY_REMOVE_PENDING_JOB"]


def test_an_account_has_a_hundred_unfinished_jobs_at_most(client: Any, emulator: RunningEmulator) -> None:
    jobs = [_job(client) for _ in range(100)]
    assert _refused(lambda: _job(client)) == ["resource_count_limit_exceeded_error.ACCOUNT_LIMIT"]
    _run(client, jobs[0]).result(timeout=20)
    _job(client)
    emulator.clock(offset_s=8 * 86_400)
    _job(client)
    (row,) = search(client, "SELECT batch_job.id FROM batch_job WHERE batch_job.status = PENDING")
    assert f"{row.batch_job.id}" not in {job.rpartition("/")[2] for job in jobs}


def test_names_of_jobs_lead_to_their_account(client: Any) -> None:
    assert _refused(lambda: _run(client, "nonsense")) == ["request_error.RESOURCE_NAME_MALFORMED"]
    assert _refused(lambda: _run(client, "")) == ["request_error.RESOURCE_NAME_MISSING"]
    missing = f"customers/{SHOP}/batchJobs/1"
    assert _refused(lambda: _run(client, missing)) == ["mutate_error.RESOURCE_NOT_FOUND"]
    foreign = "customers/3000000001/batchJobs/1"
    assert _refused(lambda: _run(client, foreign)) == ["authorization_error.USER_PERMISSION_DENIED"]


def test_a_job_that_hangs_stays_running_until_it_is_let_go(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "hang", "method": "BatchJob"}])
    job = _job(client)
    assert _row(client, job).status == client.enums.BatchJobStatusEnum.PENDING
    _add(client, job, [_label(client, "Laat")])
    operation = _run(client, job)
    time.sleep(0.2)
    running = _row(client, job)
    assert running.status == client.enums.BatchJobStatusEnum.RUNNING
    assert running.long_running_operation == operation.operation.name
    assert not running.next_add_sequence_token
    assert (running.metadata.operation_count, running.metadata.executed_operation_count) == (1, 0)
    assert not operation.done()
    assert _refused(lambda: _results(client, job)) == ["batch_job_error.RESULTS_NOT_READY"]
    emulator.clear_faults()
    operation.result(timeout=20)
    done = _row(client, job)
    assert done.status == client.enums.BatchJobStatusEnum.DONE
    assert done.metadata.creation_date_time <= done.metadata.start_date_time
    assert done.metadata.start_date_time <= done.metadata.completion_date_time
    assert len(_results(client, job)) == 1


def test_a_job_can_be_cancelled_and_ends_by_its_own_time_limit(
    client: Any, emulator: RunningEmulator
) -> None:
    emulator.faults([{"kind": "hang", "method": "BatchJob"}])
    cancelled, limited = _job(client), _job(client, execution_limit_seconds=1)
    for job in (cancelled, limited):
        _add(client, job, [_label(client, job)])
    operations = [_run(client, job) for job in (cancelled, limited)]
    operations[0].cancel()
    for operation in operations:
        with pytest.raises(exceptions.Cancelled):
            operation.result(timeout=20)
    assert [result.status.code for result in _results(client, limited)] == [1]
    assert all(label["name"] not in {cancelled, limited} for label in emulator.labels(SHOP))


def test_a_transient_error_is_tried_again_and_another_is_not(client: Any, emulator: RunningEmulator) -> None:
    fault = {"kind": "error", "scope": "operation", "method": "BatchJob", "count": 1}
    emulator.faults([{**fault, "error": "DatabaseError.CONCURRENT_MODIFICATION"}])
    job = _job(client)
    _add(client, job, [_label(client, "Een"), _label(client, "Twee")])
    _run(client, job).result(timeout=20)
    assert [result.status.code for result in _results(client, job)] == [0, 0]
    emulator.faults([{**fault, "error": "LabelError.INVALID_LABEL_NAME"}])
    job = _job(client)
    _add(client, job, [_label(client, "Drie"), _label(client, "Vier")])
    _run(client, job).result(timeout=20)
    assert [result.status.code for result in _results(client, job)] == [3, 0]
    assert [item["fired"] for item in emulator.faults_in_force()] == [1, 1]


def test_starting_a_job_can_fail_as_any_call(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "error", "method": "RunBatchJob", "code": "UNAVAILABLE", "count": 1}])
    job = _job(client)
    with pytest.raises(exceptions.ServiceUnavailable):
        _run(client, job)
    _run(client, job).result(timeout=20)


def test_added_operations_count_against_the_daily_quota(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "daily_quota", "method": "*Batch*", "operations": 3}])
    job = _job(client)
    with pytest.raises(exceptions.ResourceExhausted):
        _add(client, job, [_label(client, str(number)) for number in range(3)])


def test_work_in_the_background_costs_what_the_profile_says(client: Any, emulator: RunningEmulator) -> None:
    emulator.profile("instant", request_s=0.1, ad_s=0.05, label_s=0.01)
    job = _job(client)
    _add(client, job, [_ad(client) for _ in range(8)])
    started = time.monotonic()
    _run(client, job).result(timeout=20)
    assert time.monotonic() - started > 0.5


def test_results_come_in_pages_and_with_the_resources_when_asked(client: Any) -> None:
    job = _job(client)
    _add(client, job, [_label(client, f"Label {number}") for number in range(1_005)])
    _run(client, job).result(timeout=30)
    content = client.enums.ResponseContentTypeEnum.MUTABLE_RESOURCE
    results = _results(client, job, response_content_type=content)
    assert [result.operation_index for result in results] == list(range(1_005))
    assert results[-1].mutate_operation_response.label_result.label.name == "Label 1004"
    request = client.get_type("ListBatchJobResultsRequest")
    request.resource_name, request.page_size = job, 400
    pages = list(client.get_service("BatchJobService").list_batch_job_results(request=request).pages)
    assert [len(page.results) for page in pages] == [400, 400, 205]
    sizes = ["batch_job_error.INVALID_PAGE_SIZE"]
    assert _refused(lambda: _results(client, job, page_size=-1)) == sizes
    assert _refused(lambda: _results(client, job, page_size=1_001)) == sizes
    wrong = _refused(lambda: _results(client, job, page_token="nonsense"))
    assert wrong == ["request_error.INVALID_PAGE_TOKEN"]


def test_operations_are_listed_waited_for_and_deleted(client: Any, emulator: RunningEmulator) -> None:
    emulator.faults([{"kind": "hang", "method": "BatchJob", "count": 1}])
    job = _job(client)
    _add(client, job, [_label(client, "Een")])
    name = _run(client, job).operation.name
    finished = _job(client)
    _run(client, finished).result(timeout=20)
    operations = _operations(client)
    listed = {item.name: item.done for item in operations.list_operations(f"customers/{SHOP}", "")}
    assert listed[name] is False
    assert sorted(listed.values()) == [False, True]
    running = list(operations.list_operations(f"customers/{SHOP}", "done=false"))
    assert [item.name for item in running] == [name]
    channel = client.get_service("BatchJobService").transport.grpc_channel
    wait = channel.unary_unary(
        "/google.longrunning.Operations/WaitOperation",
        request_serializer=operations_pb2.WaitOperationRequest.SerializeToString,
        response_deserializer=operations_pb2.Operation.FromString,
    )
    request = operations_pb2.WaitOperationRequest(name=name, timeout=Duration(nanos=300_000_000))
    metadata = [("login-customer-id", MANAGER)]
    started = time.monotonic()
    assert not wait(request, metadata=metadata).done
    assert time.monotonic() - started > 0.25
    emulator.clear_faults()
    request.timeout.seconds = 10
    assert wait(request, metadata=metadata).done
    operations.delete_operation(name)
    with pytest.raises(exceptions.NotFound):
        operations.get_operation(name)
    assert len(_results(client, job)) == 1
