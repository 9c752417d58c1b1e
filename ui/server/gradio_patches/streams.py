"""Knows which streams of events are open, so that nonsense requests are answered before Gradio.

Gradio ends a stream that nobody opened with an exception, whose traceback goes into the log.

Relies on three mappings of the queue, on the page being found through the app, and on the message
by which a browser is told that its session is gone.
"""

from __future__ import annotations

from typing import Any

from gradio.routes import App
from gradio.server_messages import UnexpectedErrorMessage

from ui.server.gradio_patches.promises import Promises, mentions

GONE = {
    "msg": "unexpected_error",
    "message": "404: Not Found",
    "success": False,
    "session_not_found": True,
}
"""By this message the page notices that the server was restarted."""


def has_session(app: Any, name: str) -> bool:
    """Whether events of a session, or of a call that is one by itself, are waited for."""
    return name in app.get_blocks()._queue.pending_messages_per_session


def has_event(app: Any, name: str) -> bool:
    """Whether an event waits, runs, or has an end that was not fetched yet."""
    queue = app.get_blocks()._queue
    events = queue.pending_event_ids_session.values()
    return name in queue.event_ids_to_events or any(name in ids for ids in events)


def _finds_the_queue(page: Any) -> bool:
    looked = (has_session(page.app, "nobody's"), has_event(page.app, "nobody's"))
    used = ("pending_messages_per_session", "event_ids_to_events", "pending_event_ids_session")
    return looked == (False, False) and mentions(App.create_app, "get_blocks", "_queue", *used)


def _says_gone(_page: Any) -> bool:
    told = UnexpectedErrorMessage(message="404: Not Found", session_not_found=True)
    return bool(GONE.items() <= told.model_dump(mode="json").items())


PROMISES: Promises = {
    "the streams that are open are not known": _finds_the_queue,
    "a page does not notice that its session is gone": _says_gone,
}
