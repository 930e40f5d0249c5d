"""The outbox of alerts: what there is to tell, to whom it was told, and how often that was tried."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from themaads_pipeline.ledger.database import Connection, Database, queries
from themaads_pipeline.model.alerts import YOUNG, Event, Occasion, UploadState
from themaads_pipeline.model.unfinished import RecentRun
from themaads_pipeline.model.uploads import UploadStatus

__all__ = ["MOST_TRIES", "Alerts", "Claim"]

MOST_TRIES = 10  # the last one 4 h 16 min after the first
_FIRST_WAIT_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """An alert that is about to be told to one channel: `tries` counts this time."""

    alert: int
    occasion: Occasion
    tries: int


class Alerts:
    """At least once: a try is counted before the message leaves, and noted as told after it has left.

    A process that dies in between leaves one message that is sent a second time, after the usual wait. At
    most once could lose that of an upload that failed, which is the worse of the two.
    """

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    @contextmanager
    def told_alone(self) -> Iterator[bool]:
        """Be the only one that tells for as long as the block runs; False: another one is at it."""
        with self._database.transaction() as connection:
            yield bool(queries.tell_alone(connection))

    def states(self) -> list[UploadState]:
        """Uploads that there may be something to tell of: what is not over, and what changed lately."""
        with self._database.transaction() as connection:
            rows = list(queries.uploads_to_tell_of(connection, young_s=YOUNG.total_seconds()))
            return [_state(row, _runs(connection, row)) for row in rows]

    def note(self, occasions: Sequence[Occasion], channels: Sequence[str]) -> None:
        """Write down what is to be told to each channel; harmless when it is written already."""
        with self._database.transaction() as connection:
            queries.note_alerts(connection, **_columns(occasions), channels=list(channels))

    def claim(self, occasions: Sequence[Occasion], channel: str) -> Claim | None:
        """The next of these that this channel is to be told of now; None: there is none.

        What is not among them any more (an upload that a person resumed meanwhile) is not told.
        """
        with self._database.transaction() as connection:
            row = queries.claim_alert(
                connection,
                **_columns(occasions),
                channel=channel,
                most_tries=MOST_TRIES,
                young_s=YOUNG.total_seconds(),
                first_wait_s=_FIRST_WAIT_S,
            )
        if row is None:
            return None
        claimed = (row["upload"], Event(row["event"]), row["occasion"])
        [occasion] = [each for each in occasions if (each.state.number, each.event, each.key) == claimed]
        return Claim(alert=row["alert"], occasion=occasion, tries=row["tries"])

    def note_told(self, claim: Claim) -> None:
        """The channel has taken the message."""
        with self._database.transaction() as connection:
            queries.alert_told(connection, alert=claim.alert)

    def note_error(self, claim: Claim, error: str) -> None:
        """It has not; `error` has no part of the channel's address, which is a secret."""
        with self._database.transaction() as connection:
            queries.alert_not_told(connection, alert=claim.alert, error=error)


def _columns(occasions: Sequence[Occasion]) -> dict[str, list[Any]]:
    return {
        "uploads": [occasion.state.number for occasion in occasions],
        "events": [str(occasion.event) for occasion in occasions],
        "occasions": [occasion.key for occasion in occasions],
    }


def _runs(connection: Connection, row: dict[str, Any]) -> tuple[RecentRun, ...]:
    if not row["lost_a_run"]:
        return ()
    return tuple(RecentRun(**run) for run in queries.recent_runs(connection, upload=row["number"]))


def _state(row: dict[str, Any], runs: tuple[RecentRun, ...]) -> UploadState:
    facts = {name: value for name, value in row.items() if name != "lost_a_run"}
    return UploadState(**facts | {"status": UploadStatus(row["status"]), "runs": runs})
