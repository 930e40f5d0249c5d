"""Ad policy: words and domains that belong to a topic, and what Google says about an ad that has one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from unicodedata import category
from urllib.parse import urlsplit

from themaads_pipeline.emulator.messages import Message, enum_values, message_class


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyRule:
    """A word in a text, or a domain of a URL, and its topic.

    A PROHIBITED topic refuses a creation, and an exemptible one is let through when the request says so.
    Topics of other types refuse nothing: they show in the ad's policy_summary. With `after_s` the topic is
    found that long after the creation, in review; with `share` in that share of ads.

    Raises:
        KeyError: Google has no such type of topic.
        ValueError: Neither a word nor a domain.
    """

    topic: str
    word: str = ""
    domain: str = ""
    exemptible: bool = False
    type: str = "PROHIBITED"
    after_s: float = 0.0
    share: float = 1.0

    def __post_init__(self) -> None:
        enum_values("PolicyTopicEntryType")[self.type]
        if not self.word and not self.domain:
            raise ValueError(f"policy: {self.topic} needs a word or a domain")

    def found(self, evidence: str) -> "Finding":
        return Finding(self.topic, self.type, evidence, self.exemptible, self.after_s, self.share)


@dataclass(frozen=True, slots=True)
class Finding:
    topic: str
    type: str
    evidence: str
    exemptible: bool
    after_s: float = 0.0
    share: float = 1.0

    @property
    def refuses(self) -> bool:
        """Whether an ad with it is not created at all."""
        return self.type == "PROHIBITED" and not self.after_s

    def concerns(self, ad_id: int) -> bool:
        """Whether this ad is among the share that has it: the same ads in every run."""
        return self.share >= 1.0 or Random(f"{self.topic} {ad_id}").random() < self.share  # noqa: S311 - replayable


DESTINATION_NOT_WORKING = "DESTINATION_NOT_WORKING"
DESTINATION_MISMATCH = "DESTINATION_MISMATCH"
PUNCTUATION = "PUNCTUATION_AND_SYMBOLS"
_MAX_JUDGED = 50_000


@dataclass(slots=True)
class Policy:
    """The rules in force. Judgements of texts are kept: the texts of a theme come back with every ad."""

    rules: tuple[PolicyRule, ...] = ()
    _clean_headlines: set[str] = field(default_factory=set)
    _clean: set[str] = field(default_factory=set)
    _hosts: dict[str, tuple[Finding, ...]] = field(default_factory=dict)

    def findings(
        self, headlines: list[str], others: list[str], urls: Iterable[str], mobile_urls: Iterable[str] = ()
    ) -> list[Finding]:
        """Everything in an ad that belongs to a topic: texts, paths and URLs. In the order of the texts."""
        found: list[Finding] = []
        for texts, clean, exclamations in ((headlines, self._clean_headlines, 0), (others, self._clean, 1)):
            if unknown := [text for text in texts if text not in clean]:
                found.extend(self._of_texts(unknown, clean, exclamations))
        if self.rules:
            for url in (*urls, *mobile_urls):
                found.extend(self._of_host(url))
        if mobile_urls:
            found.extend(_mismatch([*urls], [*mobile_urls]))
        return found

    def _of_texts(self, texts: list[str], clean: set[str], exclamations: int) -> list[Finding]:
        found: list[Finding] = []
        for text in texts:
            judged = self._judge(text)
            if text.count("!") > exclamations or _has_emoji(text):
                judged = (*judged, Finding(PUNCTUATION, "PROHIBITED", text, exemptible=True))
            if judged:
                found.extend(judged)
            elif len(clean) < _MAX_JUDGED:
                clean.add(text)
        return found

    def _of_host(self, url: str) -> tuple[Finding, ...]:
        start = "/".join(url.split("/", 3)[:3])
        findings = self._hosts.get(start)
        if findings is None:
            host = urlsplit(start).hostname or ""
            findings = tuple(
                rule.found(start)
                for rule in self.rules
                if rule.domain and (host == rule.domain or host.endswith("." + rule.domain))
            )
            if len(self._hosts) > _MAX_JUDGED:
                self._hosts.clear()
            self._hosts[start] = findings
        return findings

    def _judge(self, text: str) -> tuple[Finding, ...]:
        if not self.rules:
            return ()
        found = []
        lowered = text.lower()
        for rule in self.rules:
            if not rule.word or rule.word.lower() not in lowered:
                continue
            edge = r"\b" if rule.word[0].isalnum() and rule.word[-1].isalnum() else ""
            if match := re.search(f"{edge}{re.escape(rule.word)}{edge}", text, re.IGNORECASE):
                found.append(rule.found(match[0]))
        return tuple(found)


def _has_emoji(text: str) -> bool:
    """Pictures instead of words. Trade marks, degrees and the like are symbols that ads may have."""
    return not text.isascii() and any(
        category(character) == "So" and ord(character) >= _FIRST_PICTURE for character in text
    )


_FIRST_PICTURE = 0x2600


def _mismatch(urls: list[str], mobile_urls: list[str]) -> list[Finding]:
    """An ad leads to one site, whatever the device."""
    sites = {_site(url) for url in urls}
    return [
        Finding(DESTINATION_MISMATCH, "PROHIBITED", url, exemptible=False)
        for url in mobile_urls
        if urls and _site(url) not in sites
    ]


@lru_cache(maxsize=10_000)
def _site(url: str) -> str:
    """The registered domain of a URL, near enough: of `m.shop.example.nl` it is `example.nl`."""
    labels = (urlsplit(url).hostname or "").split(".")
    short_before_country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3 if short_before_country else -2 :])


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
        evidence = entry.evidences.add()
        if topic == DESTINATION_NOT_WORKING:
            evidence.destination_not_working.expanded_url = texts[0]
        elif topic == DESTINATION_MISMATCH:
            kinds = enum_values("PolicyTopicEvidenceDestinationMismatchUrlType")
            evidence.destination_mismatch.url_types.extend([kinds["FINAL_URL"], kinds["FINAL_MOBILE_URL"]])
        else:
            evidence.text_list.texts.extend(texts)
        entries.append(entry)
    return tuple(entries)


def finding_details(findings: Iterable[Finding]) -> Message:
    details = message_class("errors.ErrorDetails")()
    details.policy_finding_details.policy_topic_entries.extend(topic_entries(findings))
    return details


@dataclass(slots=True)
class SiteChecks:
    """Google fetches the final URL of each new ad; a site that gets too many checks a second answers some
    with errors.
    """

    _checks: dict[tuple[str, int], int] = field(default_factory=dict)

    def check(self, url: str, moment: float, limit_per_s: float, after_s: float = 0.0) -> Finding | None:
        """With `after_s` Google creates the ad, and disapproves of it that much later."""
        host = url.split("/", 3)[2] if "//" in url else url
        key = (host, int(moment))
        count = self._checks.get(key, 0) + 1
        if len(self._checks) > 10_000:
            for old in [old for old in self._checks if old[1] < moment - 60]:
                del self._checks[old]
        self._checks[key] = count
        if count <= limit_per_s:
            return None
        return Finding(DESTINATION_NOT_WORKING, "PROHIBITED", url, exemptible=False, after_s=after_s)
