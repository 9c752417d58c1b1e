"""Ends an upload in its middle so that Gradio removes what it has written of it.

Relies on Gradio's parser of forms, which does so for one class of error, and on its route for
uploads, which tells by that error's text that too much came.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gradio.route_utils import GradioMultiPartParser
from gradio.routes import App
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from ui.server.gradio_patches.promises import Promises, mentions

DRAFT = re.compile(r"tmp[a-z0-9_]{8}")
"""Name of an upload that did not come to its end."""
CUT = "This upload is larger than the maximum allowed size."


def cut() -> MultiPartException:
    """Return the error to raise in place of the rest of an upload."""
    return MultiPartException(CUT)


async def _removes_what_was_cut(_page: Any) -> bool:
    """Send the head of a file, and then nothing."""
    drafts: list[str] = []
    with tempfile.TemporaryDirectory() as place:

        async def begun() -> AsyncIterator[bytes]:
            yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
            drafts.extend(_names(place))
            raise cut()

        form = Headers({"Content-Type": "multipart/form-data; boundary=b"})
        parser = GradioMultiPartParser(form, begun(), upload_dir=place, max_file_size=100)
        try:
            await parser.parse()
        except MultiPartException:
            return not _names(place) and len(drafts) == 1 and bool(DRAFT.fullmatch(drafts[0]))
    return False


def _names(place: str) -> list[str]:
    return [path.name for path in Path(place).iterdir()]


def _says_too_large(_page: Any) -> bool:
    text = "maximum allowed size"
    return text in CUT and mentions(App.create_app, text, "MultiPartException")


PROMISES: Promises = {
    "what came of an upload that was cut stays on the disk": _removes_what_was_cut,
    "an upload that was cut is not answered as too large": _says_too_large,
}
