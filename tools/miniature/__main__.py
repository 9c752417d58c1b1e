"""Remakes the miniature, a stage at a time or all of it: `python -m tools.miniature --help`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

STAGES = ("paint", "latents", "text", "autoencoder", "flow", "judges", "export", "sheets")


def main() -> None:
    """Run the asked stages in a folder outside the repository."""
    parser = argparse.ArgumentParser(prog="python -m tools.miniature", description=__doc__)
    parser.add_argument("stages", nargs="*", choices=[*STAGES, []], help="default: all, in order")
    parser.add_argument("--folder", type=Path, default=Path("../miniature"), help="for checkpoints")
    parser.add_argument("--gpu", action="store_true", help="a GPU's batch size")
    parser.add_argument("--pictures", type=int, default=60_000)
    parser.add_argument("--minutes", type=float, default=180.0, help="for the flow")
    parser.add_argument("--autoencoder-minutes", type=float, default=15.0)
    parser.add_argument("--text-minutes", type=float, default=6.0)
    parser.add_argument("--batch", type=int, default=64, help="of one process of the flow")
    parser.add_argument("--compiled", action="store_true", help="compile the flow's blocks first")
    parser.add_argument("--assets", type=Path, default=Path("assets/miniature"))
    options = parser.parse_args()
    for stage in options.stages or STAGES:
        _run(stage, options)


def _run(stage: str, options: argparse.Namespace) -> None:
    # Each stage imports what it needs: painting needs no torch.
    folder, device = options.folder, "cuda" if options.gpu else "cpu"
    match stage:
        case "paint":
            from tools.miniature.pictures import paint_all

            paint_all(folder / "data", options.pictures, os.cpu_count() or 2)
        case "latents":
            from tools.miniature.latents import fit

            fit(folder / "data")
        case "text":
            from tools.miniature.text import train as train_text

            train_text(folder, options.text_minutes)
        case "autoencoder":
            from tools.miniature import autoencoder

            autoencoder.train(folder, options.autoencoder_minutes, device)
        case "flow":
            from tools.miniature.flow import train
            from tools.miniature.learner import Recipe

            batch = 512 if options.gpu else options.batch
            recipe = Recipe(options.minutes, batch, compiled=options.compiled, device=device)
            train(folder, recipe)
        case "judges":
            from tools.miniature.detectors import train as train_judges

            train_judges(folder, Path("bench"))
        case "export":
            from tools.miniature.export import export

            export(folder, options.assets)
        case "sheets":
            from tools.miniature.sheets import draw_sheets

            draw_sheets(options.assets)
        case _:
            raise ValueError(stage)


if __name__ == "__main__":
    main()
