"""Pushes large, themed ad changes to Google Ads: nothing sent twice, nothing lost."""
