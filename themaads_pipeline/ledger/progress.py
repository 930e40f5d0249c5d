"""Progress as the ledger saw it: who is alive, how far, and what it was last seen doing (invariant 5)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from themaads_pipeline.ledger.database import Database, Owner, queries, session_name
from themaads_pipeline.ledger.outages import rides_out

__all__ = ["AccountBeat", "Beats", "RunProgress"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountBeat:
    """An account that is being worked on: it progressed, or waits for something that has an end."""

    customer_id: int
    doing: str
    waits_s: float = 0.0  # from now on; 0: it does not wait
    progressed: bool = True  # False: only what it does has changed


@dataclass(frozen=True, kw_only=True, slots=True)
class RunProgress:
    """A run's hold on an upload. `age_s`: for how long nothing was seen, a wait's own time left out."""

    upload: int
    key: str
    epoch: int
    stage: str
    customer_id: int | None
    doing: str
    age_s: float
    final: int
    total: int

    def counted_from(self, seconds_ago: float) -> "RunProgress":
        """The same, as if nothing could be seen before then."""
        return replace(self, age_s=min(self.age_s, seconds_ago))

    def how_far(self) -> str:
        """`at 21,595 of 50,000 items (43.2%) of #213`."""
        if not self.total:
            return f"while {self.stage} #{self.upload}"
        share = 100 * self.final / self.total
        return f"at {self.final:,} of {self.total:,} items ({share:.1f}%) of #{self.upload}"

    def last_seen_doing(self) -> str:
        """What the slowest account, or the stage, was last seen doing; empty when nobody said."""
        who = f"account {self.customer_id}: " if self.customer_id else ""
        return f"; last seen: {who}{self.doing or self.stage}" if self.doing or who else ""


class Beats:
    """Written by the run that owns an upload, read by whoever has to know whether it lives."""

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    @rides_out
    def write(self, owner: Owner, beats: Iterable[AccountBeat], *, at_rest: Iterable[int] = ()) -> None:
        """Note progress and waits, and that some accounts are not worked on any more.

        Harmless when fenced: nothing is written then.
        """
        told = list(beats)
        with self._database.transaction() as connection:
            if told:
                queries.beat_accounts(
                    connection,
                    upload=owner.upload,
                    epoch=owner.epoch,
                    customer_ids=[beat.customer_id for beat in told],
                    doings=[beat.doing for beat in told],
                    waits_s=[beat.waits_s for beat in told],
                    progressed_ids=[beat.customer_id for beat in told if beat.progressed],
                )
            if resting := list(at_rest):
                queries.rest_accounts(
                    connection, upload=owner.upload, epoch=owner.epoch, customer_ids=resting
                )

    def of_run(self, run_id: str) -> RunProgress | None:
        """The upload that the run holds, and how it gets on; None when it holds none."""
        with self._database.transaction() as connection:
            row: dict[str, Any] | None = queries.progress_of_run(connection, run_id=run_id)
            return RunProgress(**row) if row else None

    def ask_to_stop(self, run_id: str, *, by: str) -> bool:
        """Before a run is told to end: it claims nothing from now on, and may settle what is in flight.

        Args:
            run_id: Dagster's.
            by: `person`, which pauses the upload, or `machine`, which does not.

        Returns:
            Whether the run held an upload.
        """
        with self._database.transaction() as connection:
            upload = queries.ask_to_stop(connection, run_id=run_id, by=by)
            if upload is not None and by == "person":
                why = f"stopped by a person in Dagster: `themaads resume {upload}` goes on"
                queries.set_status(connection, number=upload, status="paused", was=["running"], message=why)
            return upload is not None

    def bury(self, run_id: str, *, why: str) -> int | None:
        """The run's worker is dead: its upload is interrupted for this reason, and it is shut out.

        Returns:
            The upload's number; None when the run held none.
        """
        with self._database.transaction() as connection:
            held = queries.held_by(connection, run_id=run_id)
            if held is not None:
                list(queries.end_sessions(connection, **held, own=session_name()))
        with self._database.transaction() as connection:
            upload: int | None = queries.bury(connection, run_id=run_id, why=why)
            return upload

    @rides_out
    def why_dead(self, run_id: str) -> str | None:
        """Why the run was declared dead; None when it was not."""
        with self._database.transaction() as connection:
            why: str | None = queries.why_dead(connection, run_id=run_id)
            return why

    @rides_out
    def stop_asked_by(self, owner: Owner) -> str | None:
        """Who asked this owner to stop: `person`, `machine`, or nobody."""
        with self._database.transaction() as connection:
            by: str | None = queries.stop_asked_by(connection, upload=owner.upload, epoch=owner.epoch)
            return by
