"""One partition an upload; its key is the upload's (`black-friday-2026@1f3a9c2e`)."""

import dagster as dg

__all__ = ["uploads"]

uploads = dg.DynamicPartitionsDefinition(name="uploads")
