"""Google's errors, read into plain values: which operation, which code, in whose words. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from themaads_pipeline.ads.failures import SITE_THROTTLED, Meaning, meaning_of
from themaads_pipeline.model.outcomes import Category, Failure

DESTINATION_NOT_WORKING: Final = "DESTINATION_NOT_WORKING"  # a policy topic
NOT_NAMED: Final = "UnknownError.NOT_NAMED"
_MESSAGE_LIMIT: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One of Google's errors as plain values. `index` is the operation's, None: the whole request's."""

    code: str
    message: str
    index: int | None = None
    field_path: str = ""
    trigger: str = ""
    policy_topics: tuple[str, ...] = ()
    evidences: tuple[str, ...] = ()
    details: str = ""
    retry_after_s: float | None = None

    @property
    def meaning(self) -> Meaning:
        """The table's answer; a site that Google could not open is given time, other policies are not."""
        if self.policy_topics and set(self.policy_topics) == {DESTINATION_NOT_WORKING}:
            return SITE_THROTTLED
        return meaning_of(self.code)


def faults_of(failure: Any) -> tuple[Fault, ...]:
    """Every error of a GoogleAdsFailure (raw protobuf or wrapped), in Google's order."""
    message = getattr(failure, "_pb", failure)
    return tuple(_fault(error) for error in message.errors)


def failure_of(faults: Sequence[Fault]) -> tuple[Failure, Meaning]:
    """One operation's errors as one failure: the most telling decides, every message is kept."""
    telling = max(
        faults, key=lambda fault: (fault.meaning.category is Category.POLICY, fault.meaning.reaction)
    )
    topics = dict.fromkeys(topic for fault in faults for topic in fault.policy_topics)
    triggers = dict.fromkeys(
        trigger for fault in [telling, *faults] for trigger in (*fault.evidences, fault.trigger) if trigger
    )
    meaning = telling.meaning
    failure = Failure(
        category=meaning.category,
        code=telling.code,
        message=joined([telling, *faults]),
        policy_topics=tuple(topics),
        trigger=next(iter(triggers), ""),
    )
    return failure, meaning


def joined(faults: Iterable[Fault]) -> str:
    """The faults in Google's words, each once."""
    return clipped("; ".join(dict.fromkeys(_sentence(fault) for fault in faults)))


def clipped(text: str) -> str:
    """A message short enough for a table."""
    return text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"


def _fault(error: Any) -> Fault:
    details = error.details
    index, field_path = _place(error.location.field_path_elements)
    topics: list[str] = []
    evidences: list[str] = []
    notes: list[str] = []
    for entry in details.policy_finding_details.policy_topic_entries:
        topics.append(entry.topic)
        notes.append(f"{entry.topic} ({_value_name(entry, 'type_')})")
        for evidence in entry.evidences:
            evidences += evidence.text_list.texts
            evidences += evidence.website_list.websites
            if evidence.destination_not_working.expanded_url:
                evidences.append(evidence.destination_not_working.expanded_url)
    if details.HasField("policy_violation_details"):
        violation = details.policy_violation_details
        topics.append(violation.key.policy_name or violation.external_policy_name)
        notes.append(violation.external_policy_description or violation.external_policy_name)
        evidences += [violation.key.violating_text] if violation.key.violating_text else []
    if details.HasField("resource_count_details"):
        count = details.resource_count_details
        notes.append(f"{_value_name(count, 'limit_type')}: {count.existing_count} of {count.limit}")
    retry_after_s = None
    if details.HasField("quota_error_details"):
        quota = details.quota_error_details
        notes.append(f"{quota.rate_name or 'quota'} per {_value_name(quota, 'rate_scope').lower()}")
        if quota.HasField("retry_delay"):
            retry_after_s = quota.retry_delay.seconds + quota.retry_delay.nanos / 1e9
            notes.append(f"retry after {retry_after_s:g} s")
    trigger = error.trigger
    kind = trigger.WhichOneof("value")
    return Fault(
        code=_code(error),
        message=error.message.strip(),
        index=index,
        field_path=field_path,
        trigger=str(getattr(trigger, kind)) if kind else "",
        policy_topics=tuple(topics),
        evidences=tuple(evidences),
        details="; ".join(filter(None, notes)),
        retry_after_s=retry_after_s,
    )


def _code(error: Any) -> str:
    """`AdError.LINE_TOO_WIDE`; `AdError.4711` for a value, NOT_NAMED for a kind newer than this package."""
    if error.details.unpublished_error_code:
        return str(error.details.unpublished_error_code)
    field = error.error_code.WhichOneof("error_code")
    if field is None:
        return NOT_NAMED
    kind = error.error_code.DESCRIPTOR.fields_by_name[field].enum_type
    return f"{kind.name}.{_value_name(error.error_code, field)}"


def _value_name(message: Any, field: str) -> str:
    number = getattr(message, field)
    value = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(number)
    return value.name if value is not None else str(number)


def _place(elements: Sequence[Any]) -> tuple[int | None, str]:
    """The operation's index and the path below it: `ad.responsive_search_ad.headlines[3].text`."""
    index: int | None = None
    path = list(elements)
    if path and path[0].field_name in {"operations", "mutate_operations"} and path[0].HasField("index"):
        index = path.pop(0).index
    names = [
        f"{each.field_name}[{each.index}]" if each.HasField("index") else each.field_name for each in path
    ]
    return index, ".".join(names)


def _sentence(fault: Fault) -> str:
    """A fault in Google's words, with where and what where Google names them."""
    parts = [fault.message or fault.code]
    if fault.details:
        parts.append(f"({fault.details})")
    if fault.field_path:
        parts.append(f"at {fault.field_path}")
    if named := fault.evidences or (fault.trigger,):
        parts.append(": " + ", ".join(repr(each) for each in named[:3]) if any(named) else "")
    return " ".join(filter(None, parts)).replace(" : ", ": ")
