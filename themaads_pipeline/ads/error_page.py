"""The page of errors for users, docs/errors.md: the table of errors.yaml in prose.

    python -m themaads_pipeline.ads.error_page > docs/errors.md

A test compares the two, so that the page cannot say anything else than what is done.
"""

import sys
from collections.abc import Iterator
from typing import Final

from themaads_pipeline.ads.failures import Meaning, Reaction, errors
from themaads_pipeline.model.outcomes import Category

_TOP: Final = """\
# Errors, and what is done about them

Every error that Google can answer with has a class that somebody chose: who can do something about it (its
category), and what the push does. The table is `themaads_pipeline/ads/errors.yaml`; this page is written from
it, and a test fails when an error of the installed google-ads package (v23 to v26) is not in it.

- `AdError.*` is every code of that kind that is not named by itself.
- Of several errors of one ad the gravest counts, in whatever order they come: policy, then what else is wrong
  with the ad, then the account, then what stops all, then what is tried again. Every message is kept.
- An error that names no ad concerns the whole request; there, what stops most counts.
- **Perhaps committed**: a request that failed so may have changed the account. Ads of it are looked up there
  before they are sent again; labels are sent again, which changes nothing where they are.
- `StatusCode` is gRPC's own, where Google Ads says no more. `ErrorReason` is from Google's front door, which
  a call passes before it reaches Google Ads. `google.auth` and `RefreshError`: no access token could be had.
- `Newer` is what only a newer version of this package can name, by its status: its number is in the message.

The message of a stop says what happened, where, what to do, and then what Google said, with the id that
Google's support asks for: `creating 500 ads in account 1234567890: the account is suspended. Have the
suspension lifted in Google Ads, or take the account out of the file. Google: ...
[AuthorizationError.ACTION_NOT_PERMITTED_FOR_SUSPENDED_ACCOUNT] (request Xy12)`.
"""
_ABOUT: Final = {
    Reaction.STOP_RUN: """\
The same would happen in every account: the run ends at once with the remedy, and every item stays pending.
After the remedy, `themaads resume UPLOAD` goes on. What is `temporary` here goes away by itself.""",
    Reaction.STOP_ACCOUNT: """\
The account's items fail together, with one message, and the other accounts go on. After the remedy,
`themaads retry UPLOAD --account A` sends them again.""",
    Reaction.SMALLER_BATCH: "The batch is halved, and the work goes on.",
    Reaction.RETRY: """\
Tried again after a pause that grows and is spread, and never before Google says; a bounded number of times.
An ad that is refused so to the end is a failure of the category `temporary`.""",
    Reaction.SLOW_DOWN: """\
A policy that is most often no fault of the ad: tried again later, a bounded number of times.""",
    Reaction.ALREADY_THERE: """\
Success for the methods named here: what was asked for was there. For any other it is a technical failure.""",
    Reaction.FAIL_ITEM_AS_POLICY: """\
Never sent again by itself, and no reason to slow down: change the text or the site, or ask Google for a
review. The report has topic and text.""",
    Reaction.FAIL_ITEM: """\
The item fails with Google's words; the rest of its batch is not concerned. A whole request that is refused so
is sent in halves, until the one item that is the cause is alone.""",
}
_NEVER: Final = "of a call that we never make"


def error_page() -> str:
    """The page, in Markdown."""
    parts = [_TOP]
    for reaction in reversed(Reaction):
        found = [(code, each) for code, each in errors().items() if each.reaction is reaction]
        parts.append(f"## {reaction.capitalize()}\n\n{_ABOUT[reaction]}\n")
        for category in Category:
            rows = [(code, each) for code, each in found if each.category is category]
            named = [(code, each) for code, each in rows if each.reason != _NEVER]
            if named:
                parts.append("\n".join([f"### {category}\n", *_table(named), ""]))
            if len(named) < len(rows):
                kinds = ", ".join(f"`{code}`" for code, each in rows if each.reason == _NEVER)
                parts.append(f"And all errors of calls that we never make: {kinds}.\n")
    return "\n".join(parts)


def _table(rows: list[tuple[str, Meaning]]) -> Iterator[str]:
    """One line a meaning: codes that mean the same share it."""
    codes_of: dict[Meaning, list[str]] = {}
    for code, meaning in rows:
        codes_of.setdefault(meaning, []).append(code)
    has_remedies = any(meaning.remedy for meaning in codes_of)
    yield "| error | what happened |" + (" what to do |" if has_remedies else "")
    yield "|---|---|" + ("---|" if has_remedies else "")
    for meaning, codes in codes_of.items():
        cells = [", ".join(f"`{code}`" for code in codes), _happened(meaning)]
        yield f"| {' | '.join(cells + ([meaning.remedy] if has_remedies else []))} |"


def _happened(meaning: Meaning) -> str:
    notes = [meaning.reason]
    if meaning.in_doubt:
        notes.append("**perhaps committed**")
    if meaning.wait_s:
        notes.append(f"due again after {meaning.wait_s:,.0f} s where Google names no time")
    if meaning.only_for:
        notes.append(", ".join(f"`{method}`" for method in sorted(meaning.only_for)))
    return "; ".join(notes)


if __name__ == "__main__":
    sys.stdout.write(error_page())
