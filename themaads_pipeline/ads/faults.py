"""Google's errors, read into plain values: which operation, which code, in whose words. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from themaads_pipeline.ads.failures import NEWER, Meaning, meaning_of
from themaads_pipeline.model.outcomes import Failure

DESTINATION_NOT_WORKING: Final = "PolicyTopic.DESTINATION_NOT_WORKING"
NOT_NAMED: Final = "UnknownError.NOT_NAMED"
_FORBIDS: Final = "PROHIBITED"  # the type of policy entry that refuses an ad; others limit it, or describe it
_FOR_ALL: Final = "DEVELOPER"  # the scope of a rate limit; the other one is ACCOUNT
_MESSAGE_LIMIT: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One of Google's errors as plain values. `index` is the operation's, None: the whole request's."""

    code: str
    message: str
    index: int | None = None
    field_path: str = ""
    trigger: str = ""
    policies: tuple[tuple[str, str], ...] = ()  # topic and type; what forbids the ad comes first
    evidences: tuple[str, ...] = ()
    details: str = ""
    retry_after_s: float | None = None
    rate_for_all: bool = False  # a rate limit of the developer, not of one account
    is_unpublished: bool = False  # Google's name for it is newer than the API version that we speak

    def meaning(self, *, method: str = "", status: str = "") -> Meaning:
        """The table's answer; a site that Google could not open is given time, other policies are not."""
        if self.is_unpublished:
            return meaning_of(f"{NEWER}.{self.code}", status=status)
        forbidding = {topic for topic, kind in self.policies if kind == _FORBIDS}
        topics = forbidding or {topic for topic, _ in self.policies}
        if {f"PolicyTopic.{topic}" for topic in topics} == {DESTINATION_NOT_WORKING}:
            return meaning_of(DESTINATION_NOT_WORKING)
        return meaning_of(self.code, method=method, status=status)


def faults_of(failure: Any) -> tuple[Fault, ...]:
    """Every error of a GoogleAdsFailure (raw protobuf or wrapped), in Google's order."""
    message = getattr(failure, "_pb", failure)
    return tuple(_fault(error) for error in message.errors)


def failure_of(faults: Sequence[Fault], *, method: str = "") -> tuple[Failure, Meaning]:
    """One operation's errors as one failure: the gravest decides, in whatever order they came; every
    message is kept.
    """

    def by_gravity(fault: Fault) -> tuple[int, str, str, str]:
        gravity = fault.meaning(method=method).gravity_for_item
        return -gravity, fault.code, fault.field_path, fault.message

    ordered = sorted(faults, key=by_gravity)
    gravest = ordered[0]
    meaning = gravest.meaning(method=method)
    policies = dict(policy for fault in reversed(ordered) for policy in reversed(fault.policies))
    topics = dict.fromkeys(topic for fault in ordered for topic, _ in fault.policies)
    triggers = (trigger for fault in ordered for trigger in (*fault.evidences, fault.trigger) if trigger)
    failure = Failure(
        category=meaning.category,
        code=gravest.code,
        message=joined(ordered),
        policy_topics=tuple(topics),
        policy_types=tuple(policies[topic] for topic in topics),
        trigger=next(triggers, ""),
    )
    return failure, meaning


def longest_wait(faults: Iterable[Fault]) -> float | None:
    """How long Google wants to be left alone; None where it does not say."""
    return max((fault.retry_after_s for fault in faults if fault.retry_after_s is not None), default=None)


def joined(faults: Iterable[Fault]) -> str:
    """The faults in Google's words, each once."""
    return clipped("; ".join(dict.fromkeys(_sentence(fault) for fault in faults)))


def clipped(text: str) -> str:
    """A message short enough for a table."""
    return text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"


def _fault(error: Any) -> Fault:
    details = error.details
    index, field_path = _place(error.location.field_path_elements)
    policies: list[tuple[str, str]] = []
    evidences: list[str] = []
    notes: list[str] = []
    entries = sorted(
        details.policy_finding_details.policy_topic_entries,
        key=lambda entry: _value_name(entry, "type_") != _FORBIDS,
    )
    for entry in entries:
        policies.append((entry.topic, _value_name(entry, "type_")))
        notes.append(f"{entry.topic} ({_value_name(entry, 'type_')})")
        for evidence in entry.evidences:
            evidences += evidence.text_list.texts
            evidences += evidence.website_list.websites
            evidences += evidence.destination_text_list.destination_texts
            if evidence.HasField("destination_not_working"):
                evidences += filter(None, [evidence.destination_not_working.expanded_url])
                notes += filter(None, [_not_opened(evidence.destination_not_working)])
    if details.HasField("policy_violation_details"):
        violation = details.policy_violation_details
        policies.append((violation.key.policy_name or violation.external_policy_name, _FORBIDS))
        notes.append(violation.external_policy_description or violation.external_policy_name)
        evidences += [violation.key.violating_text] if violation.key.violating_text else []
    if details.HasField("resource_count_details"):
        count = details.resource_count_details
        notes.append(f"{_value_name(count, 'limit_type')}: {count.existing_count} of {count.limit}")
    retry_after_s, rate_for_all = None, False
    if details.HasField("quota_error_details"):
        quota = details.quota_error_details
        rate_for_all = _value_name(quota, "rate_scope") == _FOR_ALL
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
        policies=tuple(policies),
        evidences=tuple(evidences),
        details="; ".join(filter(None, notes)),
        retry_after_s=retry_after_s,
        rate_for_all=rate_for_all,
        is_unpublished=bool(details.unpublished_error_code),
    )


def _not_opened(destination: Any) -> str:
    """What kept Google from opening a page: its site's answer, or that there is no such site."""
    if destination.HasField("http_error_code"):
        return f"HTTP {destination.http_error_code}"
    return _value_name(destination, "dns_error_type") if destination.HasField("dns_error_type") else ""


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
