"""The Google Ads Query Language: reading a query, checking it against the messages, and answering it."""
