"""Races against other programs, one command each."""
