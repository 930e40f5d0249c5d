"""The effectful loop: read, plan, write down, send, settle. No Dagster, no Google types, no SQL."""
