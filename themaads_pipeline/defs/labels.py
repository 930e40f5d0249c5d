"""What assets, jobs and sensors have alike in Dagster's lists: whose they are, and where they stand."""

__all__ = ["CHANGES_NOTHING", "GROUP", "OWNERS", "SENDS"]

GROUP = "themed_ads"
OWNERS = ("team:online-marketing",)

# Filters in Dagster's lists: what can change an account, and what cannot. Jobs and sensors name their owner
# here, too, since Dagster's `owners` of theirs may still break with a minor release.
_OWNER = OWNERS[0].removeprefix("team:")
SENDS = {"google_ads": "changes", "owner": _OWNER}
CHANGES_NOTHING = {"google_ads": "only_reads", "owner": _OWNER}
