"""Work in a process of its own, with a limit of time: what hangs or dies takes nothing along."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 10.0
"""For a process to end by itself after it has answered."""


class ApartError(Exception):
    """What became of work that brought nothing; the message is a sentence for a table."""


def apart(work: Callable[..., T], *given: Any, limit_s: float) -> T:
    """Return what `work` returns in a new process; raises ApartError when it does not."""
    context = get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(there, work, given))
    process.start()
    there.close()
    try:
        if not here.poll(limit_s):
            raise ApartError(f"took more than {limit_s:.0f} s and was ended")
        found, trouble = here.recv()
        process.join(PATIENCE_S)
    except EOFError:
        process.join(PATIENCE_S)
        raise ApartError(f"its process died with {process.exitcode}") from None
    finally:
        if process.is_alive():
            process.kill()
            process.join()
        here.close()
    if trouble:
        raise ApartError(trouble)
    return found  # type: ignore[no-any-return]


def _answer(there: Connection, work: Callable[..., Any], given: tuple[Any, ...]) -> None:
    try:
        there.send((work(*given), ""))
    except BaseException as error:  # noqa: BLE001 - it is told to whoever waits
        traceback.print_exc()
        said = str(error).strip().split("\n")[0]
        there.send((None, f"{type(error).__name__}: {said}"[:300]))
