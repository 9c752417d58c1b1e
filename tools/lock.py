"""Writes requirements.lock: every package of an installation, pinned by hash for every platform.

    python -m tools.lock

Run it after a change to requirements.txt; it needs `uv` of requirements-dev.txt.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OPTIONS = (
    # One file for Linux, macOS and Windows, and for every Python from the oldest that is supported.
    "--universal --python-version 3.11 --generate-hashes --no-header --no-annotate "
    "--no-emit-index-url --no-emit-find-links --upgrade --quiet"
)


def main() -> None:
    """Resolve requirements.txt anew and write down what came of it."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS.split()]
    files = ["requirements.txt", "--output-file", "requirements.lock"]
    subprocess.run([*command, *files], cwd=ROOT, check=True)  # noqa: S603 words of our own


if __name__ == "__main__":
    main()
