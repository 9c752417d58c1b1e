"""Remakes the miniature, a stage at a time or all of it: `python -m tools.miniature --help`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Run the asked stages in a folder outside the repository."""
    parser = argparse.ArgumentParser(prog="python -m tools.miniature", description=__doc__)
    parser.add_argument(
        "stages",
        nargs="*",
        choices=[*STAGES, []],
        help="default: all in order, but unpack, which takes up the shipped weights instead",
    )
    parser.add_argument("--folder", type=Path, default=Path("../miniature"), help="for checkpoints")
    parser.add_argument("--gpu", action="store_true", help="train on one, with its batch size")
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--minutes", type=float, default=180.0, help="for the flow")
    parser.add_argument("--steps", type=int, default=0, help="that make up the flow's minutes")
    parser.add_argument("--settle-minutes", type=float, default=60.0, help="of a falling rate")
    parser.add_argument("--distil-minutes", type=float, default=22.0, help="of teaching guidance")
    parser.add_argument("--peak", type=float, default=2e-3, help="of the flow's learning rate")
    parser.add_argument("--autoencoder-minutes", type=float, default=15.0)
    parser.add_argument("--text-minutes", type=float, default=6.0)
    parser.add_argument("--text-steps", type=int, default=0, help="in the place of its minutes")
    parser.add_argument("--batch", type=int, default=64, help="of one process of the flow")
    parser.add_argument("--compiled", action="store_true", help="compile the flow's blocks first")
    parser.add_argument("--assets", type=Path, default=Path("assets/miniature"))
    parser.add_argument("--former", type=Path, help="weights to show beside, in a folder")
    parser.add_argument("--judges", type=Path, default=Path("bench"), help="where they are kept")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as app.py has it, for the sheets
    for stage in options.stages or [stage for stage in STAGES if stage != "unpack"]:
        STAGES[stage](options)


# Each stage imports what it needs: painting needs no torch.
def _paint(options: argparse.Namespace) -> None:
    from tools.miniature.pictures import paint_all

    paint_all(options.folder / "data", options.pictures, os.cpu_count() or 2)


def _latents(options: argparse.Namespace) -> None:
    from tools.miniature.latents import fit

    fit(options.folder / "data")


def _text(options: argparse.Namespace) -> None:
    from tools.miniature.text import train

    train(options.folder, options.text_minutes, options.text_steps)


def _autoencoder(options: argparse.Namespace) -> None:
    from tools.miniature.autoencoder import train

    train(options.folder, options.autoencoder_minutes, "cuda" if options.gpu else "cpu")


def _flow(options: argparse.Namespace) -> None:
    from tools.miniature.flow import train
    from tools.miniature.learner import Recipe

    batch, device = (512, "cuda") if options.gpu else (options.batch, "cpu")
    recipe = Recipe(
        options.minutes,
        options.steps,
        batch,
        distil_minutes=options.distil_minutes,
        settle_minutes=options.settle_minutes,
        peak=options.peak,
        compiled=options.compiled,
        device=device,
    )
    train(options.folder, recipe)


def _judges(options: argparse.Namespace) -> None:
    from tools.miniature.detectors import train

    train(options.folder, options.judges)


def _export(options: argparse.Namespace) -> None:
    from tools.miniature.export import export

    export(options.folder, options.assets)


def _sheets(options: argparse.Namespace) -> None:
    from tools.miniature.sheets import draw_sheets

    draw_sheets(options.assets, options.former)


def _unpack(options: argparse.Namespace) -> None:
    from tools.miniature.unpack import unpack

    unpack(options.assets, options.folder)


STAGES: dict[str, Callable[[argparse.Namespace], None]] = {
    "paint": _paint,
    "latents": _latents,
    "unpack": _unpack,
    "text": _text,
    "autoencoder": _autoencoder,
    "flow": _flow,
    "judges": _judges,
    "export": _export,
    "sheets": _sheets,
}

if __name__ == "__main__":
    main()
