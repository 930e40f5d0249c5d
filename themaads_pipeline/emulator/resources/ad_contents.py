"""What an ad says and where it leads: checked by the rules and by policy, when it is created or edited."""

from functools import cache

from themaads_pipeline.emulator.ad_rules import AdRules
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path
from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.policy import Finding, finding_details, topic_entries
from themaads_pipeline.emulator.reviews import Review
from themaads_pipeline.emulator.transactions import Transaction

rsa_rules = cache(AdRules)
_REFUSED = (
    "The resource has been disapproved since the policy summary includes policy topics of type PROHIBITED."
)


def judged(
    tx: Transaction,
    operation: Message,
    ad: Message,
    path: Path,
    *,
    ad_id: int,
    headlines: list[str],
    descriptions: list[str],
) -> Review:
    """What policy finds in an ad: what prohibits it is exempted by the operation, or found later only.

    Raises:
        OperationRefusedError: A topic prohibits the ad, and is not exempted; `path` leads to the ad.
    """
    until = tx.now + tx.world.profile.review_s
    findings = _findings(tx, ad, headlines, descriptions)
    if not findings:
        return Review(until)
    findings = [found for found in findings if found.concerns(ad_id)]
    at_once = [found for found in findings if not found.after_s]
    ignorable = set(operation.policy_validation_parameter.ignorable_policy_topics)
    for found in at_once:
        if found.refuses and not (found.exemptible and found.topic in ignorable):
            raise OperationRefusedError(
                ApiError(
                    code="PolicyFindingError.POLICY_FINDING",
                    path=path,
                    message=_REFUSED,
                    trigger=found.evidence,
                    details=finding_details(at_once),
                )
            )
    late = tuple(
        (tx.now + after_s, topic)
        for after_s in sorted({found.after_s for found in findings if found.after_s})
        for topic in topic_entries(found for found in findings if found.after_s == after_s)
    )
    return Review(until, topic_entries(at_once), late)


def _findings(tx: Transaction, ad: Message, headlines: list[str], descriptions: list[str]) -> list[Finding]:
    rsa = ad.responsive_search_ad
    url = ad.final_urls[0]
    others = [*descriptions, rsa.path1, rsa.path2]
    findings = tx.world.policy.findings(headlines, others, ad.final_urls, ad.final_mobile_urls)
    limit = tx.world.site_limit(url)
    if limit is not None and not any(found.refuses for found in findings):
        moment = tx.now - tx.spread_s * (1 - tx.position)
        if throttled := tx.world.site_checks.check(url, moment, *limit):
            findings.append(throttled)
    return findings
