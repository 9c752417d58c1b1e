"""The command line: the flags people know from other tools; a flag wins over the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence


def read(arguments: Sequence[str] | None = None) -> bool:
    """Put flags where settings and Gradio look for them; return whether only to check."""
    chosen = vars(_parser().parse_args(arguments))
    only_check = bool(chosen.pop("check"))
    for variable, value in chosen.items():
        if value is not None:
            os.environ[variable] = str(value)
    return only_check


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py", description="FLUX.1 SRPO Playground. Settings are listed in README.md."
    )
    parser.add_argument(
        "--listen",
        nargs="?",
        const="0.0.0.0",  # noqa: S104 asked for by the person who starts the program
        metavar="IP",
        dest="GRADIO_SERVER_NAME",
        help="serve other machines too; without it only this one",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", dest="GRADIO_SERVER_PORT", help="port to serve on"
    )
    parser.add_argument(
        "--root-path", metavar="PATH", dest="GRADIO_ROOT_PATH", help="path behind a proxy"
    )
    parser.add_argument(
        "--share",
        action="store_const",
        const="True",
        dest="GRADIO_SHARE",
        help="make a public link through Gradio's servers",
    )
    parser.add_argument(
        "--data-dir", metavar="FOLDER", dest="SRPO_DATA_DIR", help="database and images"
    )
    parser.add_argument(
        "--autolaunch",
        action="store_const",
        const="1",
        dest="SRPO_AUTOLAUNCH",
        help="open the page in a browser",
    )
    parser.add_argument(
        "--check", action="store_true", help="say what is wrong with the installation, and stop"
    )
    return parser
