"""A paid job's way: written down, sent once, followed, found again, saved."""
