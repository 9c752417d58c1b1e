"""The lock of a SQLite file: one file has one lock, and it is free when its holder ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import HeldError
from core.storage import lock
from tests.end_to_end.program import ROOT


def test_every_name_of_a_file_is_the_same_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links to the file or its folder, and paths from here; another file is free."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "p.db").touch()
    (tmp_path / "folder").symlink_to(real)
    (tmp_path / "file.db").symlink_to(real / "p.db")
    monkeypatch.chdir(tmp_path)
    first = lock.hold_database(f"sqlite:///{real}/p.db")
    assert first
    for name in (
        "real/p.db",
        "folder/p.db",
        "file.db",
        "real/../real/p.db",
        f"{tmp_path}/file.db",
        "file:real/p.db?uri=true",
    ):
        with pytest.raises(HeldError, match=f"process {os.getpid()} on .+, since 20"):
            lock.hold_database(f"sqlite:///{name}")
    other = lock.hold_database("sqlite:///real/other.db")
    assert other
    other.close()
    first.close()
    again = lock.hold_database("sqlite:///file.db")
    assert again
    again.close()


def test_a_database_in_memory_has_no_lock() -> None:
    """Nobody else can see it."""
    assert lock.hold_database("sqlite://") is None
    assert lock.hold_database("sqlite:///file:x?mode=memory&uri=true") is None


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """Its words stay in the file and are not believed."""
    address = f"sqlite:///{tmp_path}/p.db"
    program = (
        f"import time; from core.storage import lock; held = lock.hold_database({address!r}); "
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"GRADIO_SERVER_PORT": "7861"},
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout
        assert first.stdout.readline() == "held\n"
        with pytest.raises(HeldError) as caught:
            lock.hold_database(address)
        assert f"process {first.pid} on " in str(caught.value)
        assert ", port 7861, since 20" in str(caught.value)
        assert "DATABASE_URL" in caught.value.advice
        first.send_signal(signal.SIGKILL)
        first.wait()
    again = lock.hold_database(address)
    assert again
    again.close()


@pytest.mark.parametrize("words", [b"", b"\xff\x00", b"[1]", b'{"host": 1}', b'"x"'])
def test_a_holder_that_says_nothing_of_itself_is_refused_all_the_same(
    tmp_path: Path, words: bytes
) -> None:
    """An older version writes nothing into its lock."""
    first = lock.hold(tmp_path)
    assert first
    (tmp_path / "playground.lock").write_bytes(words)
    with pytest.raises(HeldError, match=r"already uses the data folder [^:]+\.$"):
        lock.hold(tmp_path)
    first.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_was_forked_does_not_hold_the_lock(tmp_path: Path) -> None:
    """On ZeroGPU images are made in such processes, which may outlive this one for a moment."""
    first = lock.hold(tmp_path)
    assert first
    (told, tells), (ends, end) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:  # lives until the other end is closed
        os.close(end)
        os.write(tells, b"!")
        os.read(ends, 1)
        os._exit(0)
    assert os.read(told, 1) == b"!"
    with pytest.raises(HeldError):
        lock.hold(tmp_path)
    first.close()
    again = lock.hold(tmp_path)
    assert again
    again.close()
    for pipe in (end, ends, told, tells):
        os.close(pipe)
    os.waitpid(child, 0)
