"""The command line: the flags people know from other tools; a flag wins over the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_USD = 100
"""What a live check may spend at most."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to do instead of serving: look at the installation, or ask the services too."""

    check: bool = False
    live: bool = False
    spend_usd: float | None = None
    """What the images of a live check may cost; None makes none."""
    examples: bool = False
    """Make the images that the first page shows."""
    rebuild: bool = False
    """Make the database again from the images and their records."""
    export_to: Path | None = None
    """Where images are to be exported to, with all that belongs to them."""
    import_from: Path | None = None
    owner: str | None = None
    """Whose images are exported, or whom imported ones are to belong to; None for each owner."""
    with_jobs: bool = False
    """Whether open jobs leave with an export, or are taken from one."""
    backup: Path | None = None
    """The zip that the installation is to be copied to."""


def read(arguments: Sequence[str] | None = None) -> Command:
    """Put flags where settings and Gradio look for them; return what to do instead of serving."""
    parser = _parser()
    chosen = vars(parser.parse_args(arguments))
    command = Command(
        chosen.pop("check"),
        chosen.pop("live"),
        chosen.pop("spend"),
        chosen.pop("examples"),
        chosen.pop("rebuild"),
        chosen.pop("export"),
        chosen.pop("import"),
        chosen.pop("owner"),
        chosen.pop("with_jobs"),
        chosen.pop("backup"),
    )
    if command.owner is not None and not (command.export_to or command.import_from):
        parser.error("--owner goes with --export or --import")
    if command.with_jobs and not (command.export_to or command.import_from):
        parser.error("--with-jobs goes with --export or --import")
    if command.with_jobs and command.export_to and command.owner is not None:
        parser.error("--with-jobs moves everybody's open jobs, so it goes without --owner")
    if command.export_to and command.import_from:
        parser.error("--export and --import are done one after the other")
    if command.live and not command.check:
        parser.error("--live goes with --check")
    if command.spend_usd is not None and not command.live:
        parser.error("--spend goes with --check --live")
    for variable, value in chosen.items():
        if value is not None:
            os.environ[variable] = str(value)
    return command


def _sum(text: str) -> float:
    """Read a sum of money in dollars; a slip of the finger stays small."""
    usd = float(text)
    if not 0 < usd <= MOST_USD:
        raise argparse.ArgumentTypeError(f"it takes dollars, {MOST_USD} at most")
    return usd


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
        "--examples",
        action="store_true",
        help="make the images that the first page shows, with a backend that is free, and stop",
    )
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="add to the database what the images and their records tell, and stop",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FOLDER",
        help="write all images, or those of --owner, with all that belongs to them into a new "
        "folder, and stop",
    )
    parser.add_argument(
        "--import",
        type=Path,
        metavar="FOLDER",
        help="take the images of such a folder, say what cannot be used, and stop",
    )
    parser.add_argument(
        "--owner",
        metavar="NAME",
        help="with --export: whose images; with --import: whom they are to belong to",
    )
    parser.add_argument(
        "--with-jobs",
        action="store_true",
        help="with --export: open jobs leave this installation, to go on in the one that imports "
        "the folder with the same flag; only from a folder of your own, for what waits is sent",
    )
    parser.add_argument(
        "--backup",
        type=Path,
        metavar="FILE",
        help="copy database and images to a new zip, also while the playground runs, and stop",
    )
    parser.add_argument(
        "--check", action="store_true", help="say what is wrong with the installation, and stop"
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="with --check: ask each service that has a key, and say where it is not as expected",
    )
    parser.add_argument(
        "--spend",
        type=_sum,
        metavar="USD",
        help="with --live: make the smallest images, for at most so many dollars in all",
    )
    return parser
