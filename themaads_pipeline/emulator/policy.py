"""Ad policy: words and domains that belong to a topic, and what Google says about an ad that has one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from themaads_pipeline.emulator.messages import Message, enum_values, message_class


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRule:
    """A word in a text, or a domain of a URL, and its topic. An exemptible one is let through when the
    request says so.
    """

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


PUNCTUATION = "PUNCTUATION_AND_SYMBOLS"
_MAX_JUDGED = 50_000


@dataclass(slots=True)
class Policy:
    """The rules in force. Judgements of texts are kept: the texts of a theme come back with every ad."""

    rules: tuple[PolicyRule, ...] = ()
    _clean: set[str] = field(default_factory=set)
    _hosts: dict[str, tuple[Finding, ...]] = field(default_factory=dict)

    def findings(self, headlines: list[str], others: list[str], urls: Iterable[str]) -> list[Finding]:
        """Everything in an ad that belongs to a topic: texts, paths and URLs."""
        found: list[Finding] = []
        if self.rules:
            texts = {*headlines, *others}
            for text in texts - self._clean:
                if judged := self._judge(text):
                    found.extend(judged)
                elif len(self._clean) < _MAX_JUDGED:
                    self._clean.add(text)
            for url in urls:
                found.extend(self._of_host(url))
        found.extend(
            Finding(PUNCTUATION, "PROHIBITED", text, exemptible=False) for text in headlines if "!" in text
        )
        return found

    def _of_host(self, url: str) -> tuple[Finding, ...]:
        start = "/".join(url.split("/", 3)[:3])
        findings = self._hosts.get(start)
        if findings is None:
            host = urlsplit(start).hostname or ""
            findings = tuple(
                Finding(rule.topic, rule.type, start, rule.exemptible)
                for rule in self.rules
                if rule.domain and (host == rule.domain or host.endswith("." + rule.domain))
            )
            if len(self._hosts) > _MAX_JUDGED:
                self._hosts.clear()
            self._hosts[start] = findings
        return findings

    def _judge(self, text: str) -> tuple[Finding, ...]:
        found = []
        lowered = text.lower()
        for rule in self.rules:
            if not rule.word or rule.word.lower() not in lowered:
                continue
            edge = r"\b" if rule.word[0].isalnum() and rule.word[-1].isalnum() else ""
            if match := re.search(f"{edge}{re.escape(rule.word)}{edge}", text, re.IGNORECASE):
                found.append(Finding(rule.topic, rule.type, match[0], rule.exemptible))
        return tuple(found)


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
    """Google fetches the final URL of each new ad; a site that gets too many checks a second answers some
    with errors.
    """

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
