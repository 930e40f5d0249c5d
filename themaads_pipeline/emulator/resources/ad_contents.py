"""What an ad says and where it leads: checked by the rules and by policy, when it is created or edited."""

from functools import cache

from themaads_pipeline.emulator.ad_rules import AdRules
from themaads_pipeline.emulator.failures import ApiError, OperationRefusedError, Path
from themaads_pipeline.emulator.messages import Message
from themaads_pipeline.emulator.policy import Finding, finding_details
from themaads_pipeline.emulator.transactions import Transaction

rsa_rules = cache(AdRules)


def judged(
    tx: Transaction,
    operation: Message,
    ad: Message,
    path: Path,
    *,
    headlines: list[str],
    descriptions: list[str],
) -> list[Finding]:
    """What policy finds in an ad, all of it exempted by the operation.

    Raises:
        OperationRefusedError: Something that is not; `path` leads to the ad.
    """
    findings = _findings(tx, ad, headlines, descriptions)
    if findings:
        ignorable = set(operation.policy_validation_parameter.ignorable_policy_topics)
        refused = [found for found in findings if not (found.exemptible and found.topic in ignorable)]
        if refused:
            raise OperationRefusedError(
                ApiError(
                    code="PolicyFindingError.POLICY_FINDING",
                    path=path,
                    message="The resource has been disapproved since the policy summary includes policy "
                    "topics of type PROHIBITED.",
                    trigger=refused[0].evidence,
                    details=finding_details(findings),
                )
            )
    return findings


def _findings(tx: Transaction, ad: Message, headlines: list[str], descriptions: list[str]) -> list[Finding]:
    rsa = ad.responsive_search_ad
    url = ad.final_urls[0]
    others = [*descriptions, rsa.path1, rsa.path2]
    findings = tx.world.policy.findings(headlines, others, [url, *ad.final_mobile_urls])
    if not findings and (limit := tx.world.site_limit(url)):
        moment = tx.now - tx.spread_s * (1 - tx.position)
        if throttled := tx.world.site_checks.check(url, moment, limit):
            findings.append(throttled)
    return findings
