"""Stands where the `spaces` package and ZeroGPU's scheduler stand: lends a GPU there is not.

Copied as `spaces.py` into a folder of `PYTHONPATH` (see `install`) it is what the program imports
on a Space. As there, a decorated function runs in a process of its own, forked from the program
and kept for the next call; arguments, results and errors cross by pickle, and of an error only its
class's name; whoever asks is known by the header `X-IP-Token` of the request of Gradio in whose
context the call is made; a visitor has a quota of seconds and is told how long to wait; who asks
for more than the longest time, or takes longer than asked, is refused or ended; a program that
launches without a decorated function is stopped. CUDA must not be touched outside of that process:
whatever does it is written down and raises.

It needs no package but Gradio, and is set by the environment:

ZERO_LOG        a file of JSON lines: scheduled, released, refused, touched, launched
ZERO_QUOTA_S    seconds of each visitor, 120 at first
ZERO_POOR       `visitor:seconds` of one who has less
ZERO_LONGEST_S  the longest duration that is granted, 120
ZERO_SLOTS      calls at a time, 1
ZERO_QUEUE_S    how long a call waits for a slot, 60
ZERO_PATIENCE   how many times as long as asked a call may take, 1
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import inspect
import json
import multiprocessing
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from pathlib import Path
from pickle import PicklingError
from typing import Any

import gradio as gr

if not hasattr(gr, "Blocks"):  # Gradio tries to import it before it is there itself, as with spaces
    raise ImportError("gradio is only half imported")

from gradio.context import LocalContext

FORK = multiprocessing.get_context("fork")
DAY_S = 24 * 3600
RESULT, ERROR, END = "result", "error", "end"


def install(folder: Path) -> Path:
    """Put this file where `import spaces` finds it once `folder` is in PYTHONPATH; return that."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(__file__, folder / "spaces.py")
    return folder


def lines(log: Path, what: str = "") -> list[dict[str, Any]]:
    """Read the log, or what it says of one kind of event."""
    if not log.exists():
        return []
    found = [json.loads(line) for line in log.read_text().splitlines()]
    return [one for one in found if not what or one["what"] == what]


def note(what: str, **facts: Any) -> None:
    """Add a line to the log."""
    if file := os.environ.get("ZERO_LOG"):
        with Path(file).open("a") as log:
            log.write(json.dumps({"what": what, "at": time.time(), **facts}) + "\n")


def _set(name: str, usual: float) -> float:
    return float(os.environ.get(name) or usual)


class Scheduler:
    """Who has the GPU, and how many seconds each visitor has left."""

    def __init__(self) -> None:
        self.quota_s = _set("ZERO_QUOTA_S", 120)
        self.longest_s = _set("ZERO_LONGEST_S", 120)
        self.queue_s = _set("ZERO_QUEUE_S", 60)
        self.slots = threading.Semaphore(int(_set("ZERO_SLOTS", 1)))
        self.left: dict[str, float] = {}
        poor, _, seconds = os.environ.get("ZERO_POOR", "").partition(":")
        if poor:
            self.left[poor] = float(seconds)
        self.lock = threading.Lock()

    def schedule(self, visitor: str | None, seconds: float) -> None:
        """Grant a turn, or refuse it as the package does."""
        if seconds > self.longest_s:
            note("refused", visitor=visitor, why="duration", seconds=seconds)
            words = (
                f"The requested GPU duration ({seconds:.0f}s) is larger than the maximum allowed"
            )
            raise error("ZeroGPU illegal duration", words)
        with self.lock:
            left = self.left.setdefault(visitor or "", self.quota_s)
        if left < seconds:
            note("refused", visitor=visitor, why="quota", seconds=seconds, left=left)
            if visitor is None:
                words = "Space app has reached its GPU limit. Try re-running outside of examples"
                raise error("ZeroGPU quota exceeded", words)
            raise error(
                "ZeroGPU quota exceeded",
                f"You have exceeded your free ZeroGPU quota ({seconds:.0f}s requested vs. "
                f"{left:.0f}s left). Try again in {timedelta(seconds=DAY_S - 1)}. ",
            )
        if not self.slots.acquire(timeout=self.queue_s):
            raise error("ZeroGPU queue timeout", "No GPU was available after 60s. Retry later")

    def release(self, visitor: str | None, used: float, *, fail: bool = False) -> None:
        """Take the seconds that were used off the quota and free the slot."""
        with self.lock:
            self.left[visitor or ""] = max(0.0, self.left.get(visitor or "", self.quota_s) - used)
        self.slots.release()
        note("released", visitor=visitor, used=round(used, 3), fail=fail)


SCHEDULER = Scheduler()
"""One for the program; a test may put another in its place."""
DECORATED: list[Callable[..., Any]] = []


def error(title: str, message: str) -> gr.Error:
    """Make an error as the package makes them."""
    return gr.Error(message, title=title, print_exception=False)


class Worker:
    """A process that was forked from this one and has the GPU while it is lent."""

    def __init__(self, task: Callable[..., Any]) -> None:
        self.arguments: Any = FORK.SimpleQueue()
        self.results: Any = FORK.SimpleQueue()
        self.stop: Any = FORK.Event()
        self.process = FORK.Process(target=self._serve, args=(task, os.getpid()), daemon=True)
        self.process.start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self.process.join()
        with suppress(OSError, ValueError):
            self.results._wlock.release()  # it may have died in the midst of a word
        with suppress(OSError, ValueError):
            self.results.put(None)

    def _serve(self, task: Callable[..., Any], parent: int) -> None:
        _close_sockets()
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
        TORCH.unpatch()
        while True:
            arguments = self.arguments.get()
            self.stop.clear()
            # As there, each call runs in a thread that a pool begins anew.
            thread = threading.Thread(target=self._iterate, args=(task, arguments))
            thread.start()
            thread.join()
            self.results.put((END, None))

    def _iterate(self, task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        events = task(*arguments)
        while True:
            try:
                found = next(events)
            except StopIteration:
                return
            except Exception as broken:  # noqa: BLE001 - it is told to whoever asked
                traceback.print_exc()
                told = broken if isinstance(broken, gr.Error) else type(broken).__name__
                self.results.put((ERROR, told))
                return
            if self.stop.is_set():
                events.close()
                return
            try:
                self.results.put((RESULT, found))
            except (PicklingError, TypeError, AttributeError) as broken:
                self.results.put((ERROR, type(broken).__name__))
                return


def GPU(task: Any = None, *, duration: Any = None, size: str | None = None) -> Any:
    """Lend a GPU to a function for its time, as `spaces.GPU` does."""
    if not callable(task):
        return lambda one: GPU(one, duration=duration, size=size)
    if inspect.iscoroutinefunction(task):
        raise NotImplementedError
    workers: list[Worker] = []
    streams = inspect.isgeneratorfunction(task)
    worked = task if streams else _one_result(task)

    @wraps(task)
    def lent(*arguments: Any) -> Iterator[Any]:
        asked = duration(*arguments) if callable(duration) else (duration or 60)
        visitor = _visitor()
        SCHEDULER.schedule(visitor, asked)
        while workers and not workers[-1].process.is_alive():
            workers.pop()
        worker = workers.pop() if workers else Worker(worked)
        began = time.monotonic()
        note("scheduled", visitor=visitor, seconds=asked, pid=worker.process.pid)
        late = threading.Timer(asked * _set("ZERO_PATIENCE", 1), worker.process.kill)
        late.start()
        worker.arguments.put(arguments)
        done = threading.Event()
        try:
            yield from _heard(worker, done)
        finally:
            if not done.is_set():  # closed: it ends at its next result, and is waited for
                worker.stop.set()
                with suppress(gr.Error):
                    for _rest in _heard(worker, done):
                        pass
            late.cancel()
            alive = worker.process.is_alive()
            if alive:
                workers.append(worker)
            SCHEDULER.release(visitor, time.monotonic() - began, fail=not alive)

    DECORATED.append(lent)
    return lent if streams else wraps(task)(lambda *arguments: next(lent(*arguments)))


def _heard(worker: Worker, done: threading.Event) -> Iterator[Any]:
    while True:
        found = worker.results.get()
        if found is None:
            done.set()
            raise error("ZeroGPU worker error", "GPU task aborted")
        kind, value = found
        if kind == END:
            done.set()
            return
        if kind == ERROR:
            worker.results.get()  # its end
            done.set()
            raise value if isinstance(value, gr.Error) else error("ZeroGPU worker error", value)
        yield value


def _one_result(task: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def events(*arguments: Any) -> Iterator[Any]:
        yield task(*arguments)

    return events


def _visitor() -> str | None:
    request = LocalContext.request.get(None)
    headers = getattr(request, "headers", None)
    return headers.get("x-ip-token") if headers is not None else None


def _close_sockets() -> None:
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if link.readlink().name.startswith("socket:"):
                os.close(int(link.name))


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


class Torch(importlib.abc.MetaPathFinder):
    """Makes torch, when it is imported, say that there is a GPU and refuse to touch it here."""

    NAMES = ("is_available", "device_count", "_lazy_init", "is_initialized")

    def __init__(self) -> None:
        self.own: dict[str, Any] = {}
        self.looking = False

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Find torch as the others do, and come back when it has been loaded."""
        if name != "torch" or self.looking:
            return None
        self.looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.looking = False
        if spec is None or spec.loader is None:
            return None
        loader, load = spec.loader, spec.loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            loader.exec_module = load  # type: ignore[method-assign]
            self.patch(module.cuda)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def patch(self, cuda: Any) -> None:
        """Emulate a GPU as far as the package does, without one."""
        if self.own:  # whoever only looks whether there is torch wraps its loader too
            return
        note("torch")
        self.own = {name: getattr(cuda, name) for name in self.NAMES}
        cuda.is_available, cuda.device_count = (lambda: True), (lambda: 1)

        def touched() -> None:
            note("touched", where=traceback.format_stack()[-4:])
            raise RuntimeError("Low-level CUDA init reached outside of the GPU's process")

        cuda._lazy_init = touched

    def unpatch(self) -> None:
        """Give torch back what it has, in the process that has the GPU."""
        if "torch" in sys.modules and self.own:
            torch = sys.modules["torch"]
            for name, value in self.own.items():
                setattr(torch.cuda, name, value)
            torch.set_num_threads(1)  # OpenMP's threads were not forked along


TORCH = Torch()
if __name__ == "spaces":
    sys.meta_path.insert(0, TORCH)
    launch = gr.Blocks.launch

    def launched(self: Any, *arguments: Any, **options: Any) -> Any:
        """Launch, unless nothing would ever ask for the GPU."""
        if not DECORATED:
            raise RuntimeError("No @spaces.GPU function detected during startup")
        note("launched", torch="torch" in sys.modules, decorated=len(DECORATED))
        return launch(self, *arguments, **options)

    gr.Blocks.launch = launched  # type: ignore[method-assign]
