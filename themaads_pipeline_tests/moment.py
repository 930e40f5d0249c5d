"""The moment at which tests take place: some days before Black Friday 2026, on whatever day they are run."""

from datetime import UTC, datetime

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
