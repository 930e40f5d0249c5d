"""The Google Ads Query Language: reading a query, checking it against the API's messages, and answering it."""
