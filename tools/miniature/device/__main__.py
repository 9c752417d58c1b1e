"""Paints scenes, trains all networks in a row on a lent GPU, and takes up what came back.

`python -m tools.miniature.device --help` tells the rest.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def main() -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(prog="python -m tools.miniature.device", description=__doc__)
    parser.add_argument("stage", choices=("check", "scenes", "train", "warm", "judge", "land"))
    parser.add_argument("--folder", type=Path, default=Path("/tmp/miniature"))  # noqa: S108
    parser.add_argument("--out", type=Path, default=Path("out"), help="for weights, log and sheet")
    parser.add_argument("--assets", type=Path, default=Path("assets/miniature"))
    parser.add_argument("--start", type=Path, help="a codec to go on from")
    parser.add_argument("--count", type=int, default=200_000, help="of pictures")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--seconds", type=float, default=270.0, help="for the whole stage")
    parser.add_argument("--codec-seconds", type=float, default=60.0)
    parser.add_argument("--judge-seconds", type=float, default=12.0)
    parser.add_argument("--save-every", type=float, default=45.0)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--shards", type=int, default=1_000_000, help="that are used at most")
    parser.add_argument("--tiny", action="store_true", help="on a processor, to try it out")
    parser.add_argument("--careful", action="store_true", help="slow, with the plainest kernels")
    parser.add_argument("--part", help="of the check, in this process")
    options = parser.parse_args()
    if options.stage == "scenes":
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        from tools.miniature.device.scenes import check, paint_shards

        paint_shards(options.folder, options.count, options.processes, options.seconds)
        print(check(options.folder), flush=True)
        return
    if options.stage == "land":
        from tools.miniature.device.land import land

        land(options.out, options.assets, options.folder)
        return
    if options.stage == "check":
        from tools.miniature.device import check

        check.run(options.part, tiny=options.tiny)
        return
    if options.stage == "judge":
        _judge(options)
        return
    from tools.miniature.device import run

    order = run.Order(
        folder=options.folder,
        out=options.out,
        start=options.start,
        seconds=options.seconds,
        codec_seconds=options.codec_seconds,
        judge_seconds=options.judge_seconds,
        save_every=options.save_every,
        batch=options.batch,
        shards=options.shards,
        tiny=options.tiny,
        careful=options.careful,
    )
    (run.warm if options.stage == "warm" else run.train)(order)


def _judge(options: argparse.Namespace) -> None:
    """Train the judge alone."""
    from tools.miniature.device import judge
    from tools.miniature.device.clock import Clock, Log
    from tools.miniature.device.scenes import shards

    options.out.mkdir(parents=True, exist_ok=True)
    log = Log(options.out / "judge.jsonl")
    device = "cpu" if options.tiny else "cuda"
    judge.train(shards(options.folder), device, Clock(options.seconds), log, options.out)


if __name__ == "__main__":
    main()
