"""How it looks; the only place that imports Gradio.

Gradio rewrites a type stub for every component at every import, a third of the time a start takes,
and writes them beside its own files. It skips a class whose source file cannot be told, so for the
length of that one import Gradio's own classes have none.
"""

import inspect
from typing import Any

_getfile = inspect.getfile


def _untold(thing: Any) -> str:
    if str(getattr(thing, "__module__", "")).startswith("gradio"):
        raise OSError("not told while Gradio is imported")
    return _getfile(thing)


inspect.getfile = _untold  # type: ignore[assignment]  # its parameter has another name
try:
    import gradio  # noqa: F401
finally:
    inspect.getfile = _getfile
