"""Measures the miniature: how well it paints what is asked, how fast, and how like diffusers.

`python -m bench.miniature` needs nothing but the repository. The judges of adherence are a small
network trained on the painter's own images; what they get wrong there is printed beside.
`--pipeline FOLDER` compares with diffusers, where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as app.py has it, before NumPy is there

import numpy as np
from PIL import Image

from backends.miniature import FOLDER, Miniature, MiniatureText
from backends.miniature.autoencoder import Bytes
from backends.miniature.enlarging import enlarge
from backends.miniature.sampling import Flux, Order, open_model
from bench.miniature_figures import Paint, measure
from bench.miniature_judge import Judge
from bench.miniature_judges import HEADS, LARGER, OBJECTS, Judges, answers
from bench.miniature_words import say
from core.events import Preview
from sandbox.painter.scene import Scene, Thing
from tools.miniature.pictures import paint_scene

HERE = Path(__file__).parent
LARGE = 1024
Painted = list[np.ndarray]


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.miniature", description=__doc__)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--assets", type=Path, default=FOLDER)
    parser.add_argument("--pipeline", type=Path, help="a diffusers folder to agree with")
    parser.add_argument("--former", type=Path, help="a folder of weights to print beside")
    parser.add_argument("--share", type=float, default=1.0, help="of the pictures of new figures")
    options = parser.parse_args()
    asyncio.run(measure_speed(options.assets))
    models = {"former weights": options.former} if options.former else {}
    models["these weights"] = options.assets
    work: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        *((figures, (title, folder, options.share)) for title, folder in models.items()),
        *((obey, (title, folder, options.prompts)) for title, folder in models.items()),
        *(
            (measure_behaviour, (title, folder, options.prompts))
            for title, folder in models.items()
        ),
        (figures, ("the painter", None, options.share)),
        (obey_painter, (options.assets, options.prompts)),
    ]
    with ProcessPoolExecutor() as pool:
        for told in [pool.submit(_told, *job) for job in work]:
            print(told.result(), flush=True)
    if options.pipeline:
        # Torch and diffusers are only needed, and only there, for this one figure.
        from bench.miniature_agreement import compare

        scenes = kept_scenes("judged")[:20]
        compare(open_model(options.assets), options.pipeline, [say(scene) for scene in scenes])


def _told(work: Callable[..., None], arguments: tuple[Any, ...]) -> str:
    """What it prints: several are measured at once."""
    with redirect_stdout(StringIO()) as said:
        work(*arguments)
    return said.getvalue()


def figures(title: str, folder: Path | None, share: float) -> None:
    """Print how round, sharp and obedient a model is, or without a folder the painter."""
    paint = by_model(open_model(folder)) if folder else painter
    measure(title, paint, Judge(HERE), share)


def obey_painter(folder: Path, prompts: int) -> None:
    """Print what the judges find in the painter's own images, at the size of a model's."""
    scenes, size = kept_scenes("judged")[:prompts], open_model(folder).sizes[0]
    targets = [paint_scene(scene, size, f"held out {n}")[0] for n, scene in enumerate(scenes)]
    print_adherence("the judges on the painter", scenes, targets)
    print_adherence("the judges on the painter, blurred", scenes, map(_blurred, targets))


def obey(title: str, folder: Path, prompts: int) -> None:
    """Print what all judges find at every guidance."""
    model, scenes = open_model(folder), kept_scenes("judged")[:prompts]
    for guidance, share in ((3.5, 1.0), (1.0, 0.5), (2.0, 0.5), (5.0, 0.5)):
        chosen = scenes[: max(1, round(len(scenes) * share))]
        pictures = [
            model.paint(Order(say(scene), model.sizes[0], guidance=guidance, seed=number))
            for number, scene in enumerate(chosen)
        ]
        print_adherence(f"{title}, guidance {guidance}", chosen, pictures)


def kept_scenes(part: str) -> list[Scene]:
    """The scenes that were always measured on, or are always on the sheet."""
    stored = json.loads((Path(__file__).parent / "miniature_scenes.json").read_text("ascii"))
    return [
        Scene(entry["sky"], tuple(Thing(*thing) for thing in entry["things"]))
        for entry in stored[part]
    ]


def painter(scene: Scene, prompt: str, seed: int) -> Bytes:
    """The scene by the painter's own hand at 1024 x 1024; it needs no words."""
    return paint_scene(scene, (LARGE, LARGE), f"figures {seed}")[0]


def by_model(model: Flux) -> Paint:
    """The prompt by a model, enlarged as the program does it."""

    def paint(scene: Scene, prompt: str, seed: int) -> Bytes:
        small = model.paint(Order(prompt, model.sizes[0], seed=seed))
        return np.asarray(enlarge(small, (LARGE, LARGE), (0, 0, *model.sizes[0])))

    return paint


def print_adherence(title: str, scenes: list[Scene], pictures: Iterable[np.ndarray]) -> None:
    """Print the share of right answers to each question, where it applies, by all judges."""
    known, painted = np.array([answers(scene) for scene in scenes]), list(pictures)
    for some in (Judges(HERE), Judges(HERE, LARGER)):
        found = np.array([some(_small(picture, some.side)) for picture in painted])
        print(f"\n{title} ({len(scenes)} pictures, judges at {some.side})")
        for number, name in enumerate(HEADS):
            applies = known[:, number] >= 0
            right = (known == found)[applies, number]
            line = f"  {name:14} {right.mean():6.1%}"
            if name in OBJECTS:
                for word, answer in (("asked", 1), ("not asked", 0)):
                    chosen = known[:, number] == answer
                    line += f"  {word} {(known == found)[chosen, number].mean():6.1%}"
            print(line, flush=True)


def _small(picture: np.ndarray, side: int) -> np.ndarray:
    """The image at the size that judges look at."""
    if picture.shape[0] == side:
        return picture
    way = Image.Resampling.BOX if side < picture.shape[0] else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize((side, side), way))


def _blurred(picture: np.ndarray) -> np.ndarray:
    """The image as from half as many pixels: the judges ask what is there, not how sharp."""
    half = Image.fromarray(picture).reduce(2)
    return np.asarray(half.resize(picture.shape[1::-1], Image.Resampling.BILINEAR))


def measure_behaviour(title: str, folder: Path, prompts: int, count: int = 40) -> None:
    """Print how steps, strength and seed work."""
    model, judges = open_model(folder), Judges(HERE)
    scenes, size = kept_scenes("judged")[:prompts], model.sizes[0]
    targets = [paint_scene(scene, size, f"held out {n}")[0] for n, scene in enumerate(scenes)]
    texts = [say(scene) for scene in scenes[:count]]
    starts = [
        paint_scene(scene, size, f"start {n}")[0] for n, scene in enumerate(scenes[::-1][:12])
    ]
    true = np.array([judges.features(_small(picture, judges.side)) for picture in targets])
    print(f"\n{title}: distance to the painter's pictures, by steps")
    for steps in (1, 2, 4, 8, 20, 50):
        pictures = [
            model.paint(Order(text, model.sizes[0], steps, seed=number))
            for number, text in enumerate(texts)
        ]
        print(f"  {steps:3} {_distance(pictures, true, judges):8.3f}", flush=True)
    print(f"\n{title}: how far image-to-image leaves its picture (mean of 255), by strength")
    for strength in (0.2, 0.35, 0.5, 0.65, 0.8, 0.9):
        moved = [
            _moved(
                model,
                Order(text, size, seed=number, picture=starts[number], strength=strength),
            )
            for number, text in enumerate(texts[:12])
        ]
        print(f"  {strength:4} {np.mean(moved):6.1f}", flush=True)
    order = Order(texts[0], size, seed=1)
    same = np.array_equal(model.paint(order), model.paint(order))
    other = np.abs(model.paint(order) - model.paint(Order(texts[0], size, seed=2)).astype(float))
    print(f"\n{title}: same seed, same pixels: {same}")
    print(f"another seed differs by {other.mean():.1f} of 255")


def _moved(model: Flux, order: Order) -> float:
    if order.picture is None:
        raise ValueError("an order without a picture")
    return float(np.abs(model.paint(order) - order.picture.astype(float)).mean())


def _distance(pictures: Painted, true: np.ndarray, judges: Judges) -> float:
    """Fréchet distance of two sets of features, each feature on its own."""
    found = np.array([judges.features(_small(picture, judges.side)) for picture in pictures])
    apart = (found.mean(axis=0) - true.mean(axis=0)) ** 2
    spread = (found.std(axis=0) - true.std(axis=0)) ** 2
    return float((apart + spread).sum() / true.var(axis=0).sum())


async def measure_speed(assets: Path) -> None:
    """Print the time to the first preview and to the end, and the memory it takes."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    backend = Miniature(assets)
    print(f"problem: {backend.problem()!r}")
    for name in ("cold", "warm", "warm"):
        begun, used = time.perf_counter(), time.process_time()
        first = 0.0
        async for event in backend.generate(MiniatureText(prompt=SPEED_PROMPT, seed=3)):
            if isinstance(event, Preview) and not first:
                first = time.perf_counter() - begun
        took, busy = time.perf_counter() - begun, time.process_time() - used
        print(
            f"{name}: 20 steps and 1024 x 1024 in {took:.2f} s ({busy:.2f} s of processor), "
            f"first preview after {first:.2f} s",
            flush=True,
        )
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory: {(after - before) / 1024:.0f} MB above the program")
    await backend.aclose()


SPEED_PROMPT = "A red sun over blue mountains, pink sky, green hills"

if __name__ == "__main__":
    main()
