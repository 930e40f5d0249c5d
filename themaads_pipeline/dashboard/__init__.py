"""Job health in a browser: what runs, how far, whether it lives, what went wrong, and what to do about it."""
