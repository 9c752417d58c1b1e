"""Tries at the start whether every patch still bites on the Gradio that is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import gradio as gr

from core.errors import NotReadyError
from ui.server.gradio_patches import (
    arguments,
    assets,
    fetching,
    folder,
    hub_login,
    languages,
    light_page,
    mcp_calls,
    outliving,
    own_files,
    password_login,
    requests,
    sessions,
    slow_start,
    spared_work,
    streams,
    template,
    type_stubs,
    uploading,
)
from ui.server.gradio_patches.promises import Promises

ALL = (
    type_stubs,
    fetching,
    arguments,
    template,
    assets,
    spared_work,
    languages,
    light_page,
    own_files,
    streams,
    folder,
    uploading,
    password_login,
    hub_login,
    mcp_calls,
    outliving,
    requests,
    sessions,
    slow_start,
)


def check(page: Any) -> None:
    """Raise NotReadyError with all that does not hold for a page that is about to be served.

    To be called where no event loop runs. Nothing is fetched, and nothing of the page is changed.
    """
    with asyncio.Runner() as runner:
        broken = [said for one in ALL for said in _broken(one.PROMISES, page, runner)]
    if broken:
        raise NotReadyError(
            f"Gradio {gr.__version__} is not the release this program was made for: "
            f"{'; '.join(broken)}.",
            advice="Install the versions of requirements.lock.",
        )


def _broken(promises: Promises, page: Any, runner: asyncio.Runner) -> Iterator[str]:
    for said, trial in promises.items():
        try:
            found = trial(page)
            holds = found if isinstance(found, bool) else runner.run(_awaited(found))
        except Exception:  # noqa: BLE001 – another release may fail in any way
            holds = False
        if not holds:
            yield said


async def _awaited(found: Any) -> bool:
    return bool(await found)
