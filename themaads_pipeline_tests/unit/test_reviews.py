"""What a review says, read from a row and told in a word."""

import pytest

from themaads_pipeline.ads import queries
from themaads_pipeline.ads.protobuf import PAUSED, GoogleAdsRow
from themaads_pipeline.model.reviews import AdReview, Verdict


def review(approval: str, *, review_status: str = "REVIEWED", status: str = "PAUSED") -> AdReview:
    return AdReview(
        ad_id=1,
        ad_group_id=2,
        ad_group_name="Schoenen",
        campaign_name="Merk",
        status=status,
        review_status=review_status,
        approval_status=approval,
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (review("APPROVED"), Verdict.APPROVED),
        (review("APPROVED_LIMITED"), Verdict.LIMITED),
        (review("AREA_OF_INTEREST_ONLY"), Verdict.LIMITED),
        (review("DISAPPROVED"), Verdict.DISAPPROVED),
        (review("DISAPPROVED", review_status="UNDER_APPEAL"), Verdict.DISAPPROVED),
        (review("UNKNOWN", review_status="REVIEW_IN_PROGRESS"), Verdict.UNDER_REVIEW),
        (review("UNKNOWN"), Verdict.UNKNOWN),
        (review("4711"), Verdict.UNKNOWN),
        (review("DISAPPROVED", status="REMOVED"), Verdict.REMOVED),
    ],
)
def test_a_review_is_told_in_a_word(found: AdReview, verdict: Verdict) -> None:
    assert found.verdict is verdict


def test_a_row_becomes_a_review_with_topics_and_what_google_names() -> None:
    row = GoogleAdsRow()
    row.ad_group.id, row.ad_group.name, row.campaign.name = 22, "Schoenen", "Merk"
    row.ad_group_ad.ad.id, row.ad_group_ad.status = 333, PAUSED
    summary = row.ad_group_ad.policy_summary
    summary.review_status, summary.approval_status = 3, 2
    gambling = summary.policy_topic_entries.add(topic="GAMBLING", type_=2)
    gambling.evidences.add().text_list.texts.extend(["casino", "poker"])
    gambling.evidences.add().text_list.texts.append("casino")
    page = summary.policy_topic_entries.add(topic="DESTINATION_NOT_WORKING", type_=2)
    page.evidences.add().destination_not_working.expanded_url = "https://a.nl/"

    assert queries.review_of(row) == AdReview(
        ad_id=333,
        ad_group_id=22,
        ad_group_name="Schoenen",
        campaign_name="Merk",
        status="PAUSED",
        review_status="REVIEWED",
        approval_status="DISAPPROVED",
        topics=(("GAMBLING", "PROHIBITED"), ("DESTINATION_NOT_WORKING", "PROHIBITED")),
        evidences=("casino", "poker", "https://a.nl/"),
    )


def test_reviews_are_asked_for_by_ad_with_the_removed_ones() -> None:
    query = queries.reviews([1, 2])
    assert "ad_group_ad.ad.id IN (1, 2)" in query
    assert "REMOVED)" in query
