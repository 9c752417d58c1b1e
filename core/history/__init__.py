"""The history: finished images, and all that is asked of them."""

from core.history.entry import INPUT, OWN, Entry, input_name
from core.history.history import Change, History
from core.history.search import ALL, Wanted

__all__ = ["ALL", "INPUT", "OWN", "Change", "Entry", "History", "Wanted", "input_name"]
