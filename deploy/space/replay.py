"""Does on this machine what the hub does with a Space: installs it, and runs it as a Space is run.

All of it by a user without root, in folders of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from core.errors import InputError
from deploy.space import builder, front_matter
from deploy.space.build import FACTS
from deploy.space.kinds import ZERO

UID = 1000
"""The user of every Space."""
PASSED_ON = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT", "REQUESTS_CA")
"""What pip may need of this machine's environment."""
HOST = "somebody-playground.hf.space"
RELOAD_PORT = 7887
PATIENCE_S = 120.0
STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Space:
    """A built folder: its front matter, and what was noted when it was built."""

    folder: Path
    front: front_matter.Front
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Space:
        """Read a folder; one that was not built here has a front matter and no facts."""
        front = front_matter.read(folder / "README.md")
        noted = folder / FACTS
        return cls(folder, front, json.loads(noted.read_text()) if noted.is_file() else {})

    @property
    def zero(self) -> bool:
        """Whether it is for ZeroGPU."""
        return bool(self.front.get("suggested_hardware") == ZERO.hardware)

    @property
    def variables(self) -> dict[str, str]:
        """What the Space is told by its settings."""
        return dict(self.facts.get("variables", {}))


def as_user() -> dict[str, Any]:
    """Return the options of a process that is no root; whoever is none already stays as he is."""
    return {"user": UID, "group": UID, "extra_groups": []} if os.geteuid() == 0 else {}


def give(path: Path) -> None:
    """Make the Space's user the owner of a file or folder and all that is in it."""
    if as_user():
        for one in (path, *path.rglob("*")):
            os.chown(one, UID, UID, follow_symlinks=False)


class Environment:
    """A fresh environment as the builder makes it, in a folder; one that is whole is kept."""

    def __init__(self, space: Space, folder: Path, python: Path | None = None) -> None:
        self.space, self.folder = space, folder
        self.chosen, self.exact = builder.python_for(space.front)
        if python:
            self.chosen, self.exact = python, True
        self.python = folder / "venv" / "bin" / "python"
        self.line = builder.pip_line(space.front)
        self._done = folder / "installed.json"
        self._copy = folder / "python"

    def make(self) -> str:
        """Install; return what pip said if it failed, else nothing."""
        wanted = [str(self.chosen.resolve()), self.line, self._requirements()]
        if self._done.is_file() and json.loads(self._done.read_text()) == wanted:
            return ""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        _open_to_others(self.folder)
        give(self.folder)
        python = self.chosen
        if as_user():
            python = builder.within_reach(python, self._copy)
        requirements = self.folder / "requirements.txt"
        requirements.write_text(self._requirements(), encoding="utf-8")
        for command in (
            [str(python), "-m", "venv", str(self.folder / "venv")],
            [str(self.python), "-m", "pip", *self.line],
        ):
            done = self.run(command)
            if done.returncode:
                return done.stdout.strip()
        self._done.write_text(json.dumps(wanted))
        return ""

    def run(
        self, command: list[str], folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the environment as the Space's user, with the network's settings."""
        passed = {n: v for n, v in os.environ.items() if n.upper().startswith(PASSED_ON)}
        own = {"HOME": str(self.folder), "PATH": os.defpath, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        own |= self.libraries
        return subprocess.run(  # noqa: S603
            command,
            cwd=folder or self.folder,
            env=passed | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **as_user(),
        )

    @property
    def libraries(self) -> dict[str, str]:
        """What an interpreter that was copied needs to find its own library."""
        return {"LD_LIBRARY_PATH": str(self._copy / "lib")} if self._copy.exists() else {}

    def _requirements(self) -> str:
        return (self.space.folder / "requirements.txt").read_text(encoding="utf-8")


class Running:
    """The Space, running; it has an address on this machine, and the Space's own names.

    `place` is the container: its disk is empty at each start. `bucket` is what is mounted into it.
    """

    def __init__(
        self,
        environment: Environment,
        place: Path,
        bucket: Path,
        more: Mapping[str, str] | None = None,
    ) -> None:
        space = environment.space
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.data = bucket
        self._home = place / "home"
        self._log = place / f"log-{self.port}.txt"
        if self._home.exists():
            shutil.rmtree(self._home)
        app = self._home / "app"
        shutil.copytree(space.folder, app, ignore=shutil.ignore_patterns(".git"))
        bucket.mkdir(parents=True, exist_ok=True)
        for one in (place, bucket):
            _open_to_others(one)
            give(one)
        told = variables(space, self._home) | space.variables | {"SRPO_DATA_DIR": str(bucket)}
        told |= {"GRADIO_SERVER_PORT": str(self.port)} | dict(more or {})
        self._host = told["SPACE_HOST"]
        self._began = time.monotonic()
        with self._log.open("wb") as log:
            self._process = _started(environment, app, told, log)

    @property
    def output(self) -> str:
        """What it has printed."""
        return self._log.read_text(errors="replace")

    def first_page(self) -> float:
        """Return the seconds from the start to the page; raises InputError if there is none."""
        end = self._began + PATIENCE_S
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(URLError, OSError):
                if b"gradio_config" in get(self.address + "/", {"Host": self._host}):
                    return time.monotonic() - self._began
            time.sleep(0.05)
        stopped = self._process.poll() is not None
        what = "It stopped before it showed a page." if stopped else "It shows no page."
        raise InputError(f"{what} The end of its log:\n{self.output[-3000:]}")

    def stop(self) -> bool:
        """End it as the hub does; return whether it ended by itself."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self, number: int = 9) -> None:
        """End it without a word."""
        self._process.send_signal(number)
        self._process.wait(STOP_S)

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.kill()


def _started(
    environment: Environment, app: Path, told: Mapping[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        [str(environment.python), str(environment.space.front["app_file"])],
        cwd=app,
        env=dict(told) | environment.libraries,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        **as_user(),
    )


def variables(space: Space, home: Path) -> dict[str, str]:
    """Return the environment of a Space, as its image and the hub set it.

    It listens on this machine alone: nobody else is to come in while it is checked. Nobody can
    sign in either; that it is offered is seen.
    """
    told = {
        "PATH": os.defpath,
        "HOME": str(home),
        "USER": "user",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(home / "app"),
        "PYTHONUNBUFFERED": "1",
        "SYSTEM": "spaces",
        "SPACE_ID": "somebody/playground",
        "SPACE_HOST": HOST,
        "SPACE_AUTHOR_NAME": "somebody",
        "SPACE_REPO_NAME": "playground",
        "SPACE_TITLE": str(space.front.get("title", "")),
        "SPACE_CREATOR_USER_ID": "6032802e1f993496bc14d9e3",
        "ACCELERATOR": "none",
        "CPU_CORES": "2",
        "MEMORY": "16Gi",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SSR_MODE": "True",
        "GRADIO_TEMP_DIR": str(home / "gradio"),
    }
    if space.front.get("hf_oauth"):
        told |= {
            "OAUTH_CLIENT_ID": "a-client",
            "OAUTH_CLIENT_SECRET": "a-secret",
            "OAUTH_SCOPES": "openid profile",
            "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
        }
    return told


def get(address: str, headers: Mapping[str, str] | None = None, data: bytes | None = None) -> bytes:
    """Ask as a visitor of the Space does, whose request comes through the hub."""
    through = {
        "Host": HOST,
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Proto": "https",
        "Content-Type": "application/json",
    }
    request = Request(address, data, through | dict(headers or {}))  # noqa: S310
    with urlopen(request, timeout=60) as answer:  # noqa: S310
        found: bytes = answer.read()
    return found


def _open_to_others(path: Path) -> None:
    """Let the Space's user in; raises InputError where a folder above keeps him out."""
    path.chmod(0o755)
    if as_user():
        shut = [one for one in path.resolve().parents if not one.stat().st_mode & 0o001]
        if shut:
            raise InputError(
                f"A user without root cannot enter {shut[0]}.", advice="Choose another folder."
            )


@contextmanager
def closed_reload() -> Iterator[None]:
    """Keep the port on which a Space takes new code for itself.

    Behind the hub only its owner gets there. Here it would be open to the whole network, and
    whoever came would run code on this machine. Gradio goes on without it. Several can keep it at
    once.
    """
    with socket.socket() as held:
        if hasattr(socket, "SO_REUSEPORT"):  # all but Windows
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with suppress(OSError):  # another program has it
            held.bind(("0.0.0.0", RELOAD_PORT))  # noqa: S104 - nobody is listened to
        yield


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
