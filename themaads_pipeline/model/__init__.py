"""Pure decisions: what uploads, items, themes and ads are, and what to do with them. No I/O, no clock."""
