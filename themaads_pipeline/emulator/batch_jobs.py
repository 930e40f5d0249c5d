"""A batch job: operations that are gathered, done in the background, and their results listed afterwards."""

from dataclasses import dataclass, field
from datetime import datetime
from threading import Condition, Event
from typing import Any
from zoneinfo import ZoneInfo

from themaads_pipeline.emulator.entities import Account
from themaads_pipeline.emulator.failures import ApiError
from themaads_pipeline.emulator.messages import Message, enum_values, message_class

PENDING, RUNNING, DONE = "PENDING", "RUNNING", "DONE"
_OPERATION = "google.longrunning.Operation"
_CANCELLED = 1  # google.rpc.Code


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one operation: its entity, or its errors; neither when the job was cancelled before."""

    resource: str  # as in the operation's field: campaign, or empty for an operation without one
    entity: Any = None
    returns_resource: bool = False
    errors: tuple[ApiError, ...] = ()


@dataclass(slots=True, eq=False, kw_only=True)
class BatchJob:
    """Guarded by its account's lock. Who waits for it to be done waits for `finished`."""

    account: Account
    job_id: int
    created_at: float
    execution_limit_s: int | None = None
    next_token: str
    status: str = PENDING
    operations: list[Message] = field(default_factory=list)
    operation_count: int = 0
    results: list[Result] = field(default_factory=list)
    version: str = ""  # of the API, that it was run by: its operation's metadata is of that version
    started_at: float | None = None
    completed_at: float | None = None
    cancelling: Event = field(default_factory=Event)
    cancelled: bool = False
    forgotten: bool = False  # its operation was deleted, the job was not
    finished: Condition = field(default_factory=Condition)

    @property
    def resource_name(self) -> str:
        return f"customers/{self.account.customer_id}/batchJobs/{self.job_id}"

    @property
    def operation_name(self) -> str:
        return f"customers/{self.account.customer_id}/operations/{self.job_id}"

    def message(self) -> Message:
        job = message_class("resources.BatchJob")(
            resource_name=self.resource_name,
            id=self.job_id,
            status=enum_values("BatchJobStatus")[self.status],
            metadata=self.metadata(),
        )
        if self.status == PENDING:
            job.next_add_sequence_token = self.next_token
        else:
            job.long_running_operation = self.operation_name
        return job

    def metadata(self) -> Message:
        about = message_class("resources.BatchJob.BatchJobMetadata")(
            creation_date_time=self._local(self.created_at), operation_count=self.operation_count
        )
        if self.execution_limit_s is not None:
            about.execution_limit_seconds = self.execution_limit_s
        if self.started_at is not None:
            about.start_date_time = self._local(self.started_at)
            about.executed_operation_count = len(self.results)
            done = len(self.results) / self.operation_count if self.operation_count else 1.0
            about.estimated_completion_ratio = done if self.completed_at is None else 1.0
        if self.completed_at is not None:
            about.completion_date_time = self._local(self.completed_at)
        return about

    def operation(self) -> Message:
        """The long-running operation that the job is, for whoever polls."""
        operation = message_class(_OPERATION)(name=self.operation_name, done=self.status == DONE)
        operation.metadata.type_url = (
            f"type.googleapis.com/google.ads.googleads.{self.version}.resources.BatchJob.BatchJobMetadata"
        )
        operation.metadata.value = self.metadata().SerializeToString()
        if self.cancelled:
            operation.error.code, operation.error.message = _CANCELLED, "The operation was cancelled."
        elif self.status == DONE:
            operation.response.type_url = "type.googleapis.com/google.protobuf.Empty"
        return operation

    def _local(self, moment: float) -> str:
        zone = ZoneInfo(self.account.time_zone)
        return datetime.fromtimestamp(moment, zone).strftime("%Y-%m-%d %H:%M:%S")
