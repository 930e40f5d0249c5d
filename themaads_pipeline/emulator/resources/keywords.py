"""Rules for the text of keywords, and the policy on it."""

import unicodedata

from themaads_pipeline.emulator.messages import Message, enum_values, message_class
from themaads_pipeline.emulator.policy import Finding
from themaads_pipeline.emulator.resources.documents import Checking

_MAX_LENGTH, _MAX_WORDS = 80, 10
_ALLOWED = frozenset(" #$&_-\"[]'+./:\u3000")


def check_keyword(checking: Checking) -> None:
    """Adds what is wrong with the keyword of a new criterion.

    Letters, digits and a few signs are allowed, as the API's team wrote in its forum; superscripts are not.
    """
    keyword = checking.body.keyword
    text = keyword.text
    if not keyword.match_type:
        checking.add("FieldError.REQUIRED", "keyword", "match_type")
    elif keyword.match_type not in _match_types():
        checking.add("EnumError.ENUM_VALUE_NOT_PERMITTED", "keyword", "match_type")
    problem = keyword_problem(text)
    if not problem and keyword.match_type == enum_values("KeywordMatchType")["BROAD"]:
        negative = getattr(checking.body, "negative", False)
        if not negative and any(word.startswith("+") for word in text.split()):
            problem = "BROAD_MATCH_MODIFIER_KEYWORD_NOT_ALLOWED"
    if problem:
        checking.add(f"CriterionError.{problem}", "keyword", "text", trigger=text)


def keyword_problem(text: str) -> str:
    """The CriterionError of a keyword's text, empty for a good one."""
    if not text.strip():
        return "INVALID_KEYWORD_TEXT"
    if len(text) > _MAX_LENGTH:
        return "KEYWORD_TEXT_TOO_LONG"
    if not all(character in _ALLOWED or _is_written(character) for character in text):
        return "KEYWORD_HAS_INVALID_CHARS"
    return "KEYWORD_HAS_TOO_MANY_WORDS" if len(text.split()) > _MAX_WORDS else ""


def _is_written(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character) in {"Nd", "Mn", "Mc"}


def _match_types() -> frozenset[int]:
    values = enum_values("KeywordMatchType")
    return frozenset(values[name] for name in ("EXACT", "PHRASE", "BROAD"))


def check_keyword_policy(checking: Checking, operation: Message) -> None:
    """Refuses a new keyword with words of a policy, unless the operation asks for exemption from it.

    One error a violation, as for keywords at Google; an exempted keyword is kept and waits for its review.
    """
    body = checking.body
    if checking.before is not None or body.WhichOneof("criterion") != "keyword" or body.negative:
        return
    findings = checking.tx.world.policy.findings([], [body.keyword.text], [])
    exempted = operation.exempt_policy_violation_keys
    seen = set()
    for found in findings:
        if found.type != "PROHIBITED" or (found.topic, found.evidence) in seen:
            continue
        seen.add((found.topic, found.evidence))
        if found.exemptible and any(_is_about(key, found) for key in exempted):
            body.approval_status = enum_values("AdGroupCriterionApprovalStatus")["UNDER_REVIEW"]
            continue
        checking.errors.add(
            "PolicyViolationError.POLICY_ERROR",
            (*checking.path, ("keyword", None), ("text", None)),
            message="A policy was violated. See PolicyViolationDetails for more detail.",
            trigger=found.evidence,
            details=_details(found),
        )


def _is_about(key: Message, found: Finding) -> bool:
    """A key without a text is about the whole policy."""
    text: str = key.violating_text
    return bool(key.policy_name == found.topic) and (not text or text.casefold() == found.evidence.casefold())


def _details(found: Finding) -> Message:
    details = message_class("errors.ErrorDetails")()
    violation = details.policy_violation_details
    violation.external_policy_name = found.topic.replace("_", " ").capitalize()
    violation.external_policy_description = "This keyword has to be reviewed before ads can run on it."
    violation.is_exemptible = found.exemptible
    violation.key.policy_name = found.topic
    violation.key.violating_text = found.evidence
    return details
