"""The ledger: our tables in Postgres, the only state, and the only SQL."""
