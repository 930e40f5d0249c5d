"""Ad policy: words and domains that belong to a topic, and what Google says about an ad that has one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from themaads_pipeline.emulator.messages import Message, enum_values, message_class


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRule:
    """A word in a text, or a domain of a URL, and its topic. An exemptible one is let through when the request says so."""

    topic: str
    word: str = ""
    domain: str = ""
    exemptible: bool = False
    type: str = "PROHIBITED"


@dataclass(frozen=True, slots=True)
class Finding:
    topic: str
    type: str
    evidence: str
    exemptible: bool


_PUNCTUATION = PolicyRule(topic="PUNCTUATION_AND_SYMBOLS", word="!")
_MAX_JUDGED = 50_000


@dataclass(slots=True)
class Policy:
    """The rules in force. Judgements of texts are kept: the texts of a theme come back with every ad."""

    rules: tuple[PolicyRule, ...] = ()
    _headlines: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    _texts: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    _hosts: dict[str, tuple[Finding, ...]] = field(default_factory=dict)

    def headline(self, text: str) -> tuple[Finding, ...]:
        findings = self._headlines.get(text)
        if findings is None:
            findings = self._judge(text, (*self.rules, _PUNCTUATION))
            _keep(self._headlines, text, findings)
        return findings

    def text(self, text: str) -> tuple[Finding, ...]:
        findings = self._texts.get(text)
        if findings is None:
            findings = self._judge(text, self.rules)
            _keep(self._texts, text, findings)
        return findings

    def url(self, url: str) -> tuple[Finding, ...]:
        if not self.rules:
            return ()
        host = urlsplit(url).hostname or ""
        findings = self._hosts.get(host)
        if findings is None:
            findings = tuple(
                Finding(rule.topic, rule.type, url, rule.exemptible)
                for rule in self.rules
                if rule.domain and (host == rule.domain or host.endswith("." + rule.domain))
            )
            _keep(self._hosts, host, findings)
        return findings

    @staticmethod
    def _judge(text: str, rules: Iterable[PolicyRule]) -> tuple[Finding, ...]:
        found = []
        for rule in rules:
            if not rule.word:
                continue
            edge = r"\b" if rule.word[0].isalnum() and rule.word[-1].isalnum() else ""
            if match := re.search(f"{edge}{re.escape(rule.word)}{edge}", text, re.IGNORECASE):
                evidence = text if rule is _PUNCTUATION else match[0]
                found.append(Finding(rule.topic, rule.type, evidence, rule.exemptible))
        return tuple(found)


def _keep(cache: dict[str, tuple[Finding, ...]], key: str, findings: tuple[Finding, ...]) -> None:
    if len(cache) > _MAX_JUDGED:
        cache.clear()
    cache[key] = findings


def topic_entries(findings: Iterable[Finding]) -> tuple[Message, ...]:
    """PolicyTopicEntry messages, one a topic, with all the texts that are its evidence."""
    by_topic: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        texts = by_topic.setdefault((finding.topic, finding.type), [])
        if finding.evidence not in texts:
            texts.append(finding.evidence)
    entries = []
    for (topic, kind), texts in by_topic.items():
        entry = message_class("common.PolicyTopicEntry")(
            topic=topic, type_=enum_values("PolicyTopicEntryType")[kind]
        )
        if topic == DESTINATION_NOT_WORKING:
            destination = entry.evidences.add().destination_not_working
            destination.expanded_url = texts[0]
        else:
            entry.evidences.add().text_list.texts.extend(texts)
        entries.append(entry)
    return tuple(entries)


def finding_details(findings: Iterable[Finding]) -> Message:
    details = message_class("errors.ErrorDetails")()
    details.policy_finding_details.policy_topic_entries.extend(topic_entries(findings))
    return details


DESTINATION_NOT_WORKING = "DESTINATION_NOT_WORKING"


@dataclass(slots=True)
class SiteChecks:
    """Google fetches the final URL of each new ad; a site that gets too many checks a second answers some with errors."""

    _checks: dict[tuple[str, int], int] = field(default_factory=dict)

    def check(self, url: str, moment: float, limit_per_s: float) -> Finding | None:
        host = url.split("/", 3)[2] if "//" in url else url
        key = (host, int(moment))
        count = self._checks.get(key, 0) + 1
        if len(self._checks) > 10_000:
            for old in [old for old in self._checks if old[1] < moment - 60]:
                del self._checks[old]
        self._checks[key] = count
        if count <= limit_per_s:
            return None
        return Finding(DESTINATION_NOT_WORKING, "PROHIBITED", url, exemptible=False)
