"""What the hub's builder does with a Space: its Python, and one line for pip.

Seen in build logs of autumn 2026. On ZeroGPU it adds a cap on torch and the version of `spaces`
that its scheduler speaks with; what is newer there is refused.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.space.front_matter import Front
from deploy.space.kinds import ZERO

ZERO_PYTHONS = ("3.12.12", "3.10.13")
ZERO_TORCH = "torch<=2.13.0"
ZERO_SPACES = "spaces==0.51.3"
NEWEST_TORCH = (2, 13, 0)
OLDEST_TORCH = (2, 8, 0)


def pip_line(front: Front) -> list[str]:
    """Return what the builder hands to pip, in the folder of the Space."""
    zero = front.get("suggested_hardware") == ZERO.hardware
    return [
        *("install", "-r", "requirements.txt"),
        *([ZERO_TORCH] if zero else []),
        f"gradio[oauth,mcp]=={front['sdk_version']}",
        *("uvicorn>=0.14.0", "websockets>=10.4"),
        ZERO_SPACES if zero else "spaces",
    ]


def python_for(front: Front) -> tuple[Path, bool]:
    """Return an interpreter, and whether it is of the version that the front matter asks for.

    Looked for on the path and among those of pyenv and uv; else it is the one that runs this.
    """
    wanted = ".".join(str(front["python_version"]).split(".")[:2])
    places = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep)]
    homes = [Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python"]
    places += [one / "bin" for home in homes for one in sorted(home.glob(f"*{wanted}.*"))]
    for place in places:
        found = place / f"python{wanted}"
        if "shims" not in place.parts and found.is_file() and _version(found) == wanted:
            return found, True
    mine = ".".join(str(number) for number in sys.version_info[:2])
    return Path(sys.executable), mine == wanted


def _version(python: Path) -> str:
    """Return its version, or nothing if it cannot make an environment."""
    asked = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run(  # noqa: S603
        [str(python), "-c", asked], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def within_reach(python: Path, place: Path) -> Path:
    """Return an interpreter that a user without root can run: that one, or a copy of its tree."""
    real = python.resolve()
    if all(parent.stat().st_mode & 0o001 for parent in real.parents):
        return real
    tree = real.parents[1]
    left_out = shutil.ignore_patterns("__pycache__", "site-packages", "test", "idlelib", "*.a")
    shutil.copytree(tree, place, symlinks=True, ignore=left_out, dirs_exist_ok=True)
    return place / "bin" / real.name
