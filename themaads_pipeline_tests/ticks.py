"""What one tick of a sensor said and asked for."""

import dagster as dg


def keys(result: dg.SensorResult) -> list[str]:
    """The uploads that it asked runs for."""
    return [str(request.partition_key) for request in result.run_requests or ()]


def said(result: dg.SensorResult) -> str:
    """Why it asked for none."""
    reason = result.skip_reason
    return reason.skip_message or "" if isinstance(reason, dg.SkipReason) else reason or ""
