"""Faults that a client must survive, each by name."""
