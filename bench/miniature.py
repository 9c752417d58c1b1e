"""Measures the miniature: how well it paints what is asked, how fast, and how like diffusers.

`python -m bench.miniature` needs nothing but the repository. The judges of adherence are a small
network trained on the painter's own pictures; what they get wrong there is printed beside.
`--pipeline FOLDER` compares with diffusers, where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import time
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as app.py has it, before NumPy is there

import numpy as np
from PIL import Image

from backends.miniature import FOLDER, Miniature, MiniatureText
from backends.miniature.sampling import Flux, Order, open_model
from bench.miniature_judges import HEADS, OBJECTS, Judges, answers
from core.events import Preview
from sandbox.painter.scene import Scene, Thing
from tools.miniature.pictures import paint_scene
from tools.miniature.scenes import scene_of

FIRST = 50_000_000  # seeds from here on were never trained on
SIZE = (128, 128)
Painted = list[np.ndarray]


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.miniature", description=__doc__)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--assets", type=Path, default=FOLDER)
    parser.add_argument("--pipeline", type=Path, help="a diffusers folder to agree with")
    options = parser.parse_args()
    judges = Judges(Path(__file__).parent)
    scenes = [scene_of(FIRST + number) for number in range(options.prompts)]
    model = open_model(options.assets)
    asyncio.run(measure_speed(options.assets))
    targets = [paint_scene(scene, SIZE, f"held out {n}")[0] for n, scene in enumerate(scenes)]
    print_adherence("the judges on the painter", scenes, targets, judges)
    print_adherence("the judges on the painter, blurred", scenes, map(_blurred, targets), judges)
    for guidance, share in ((3.5, 1.0), (1.0, 0.5), (2.0, 0.5), (5.0, 0.5)):
        chosen = scenes[: max(1, round(len(scenes) * share))]
        pictures = [
            model.paint(Order(say(scene), SIZE, guidance=guidance, seed=number))
            for number, scene in enumerate(chosen)
        ]
        print_adherence(f"guidance {guidance}", chosen, pictures, judges)
    measure_behaviour(model, (scenes, targets), judges)
    if options.pipeline:
        # Torch and diffusers are only needed, and only there, for this one figure.
        from bench.miniature_agreement import compare

        compare(model, options.pipeline, [say(scene) for scene in scenes[:20]])


def say(scene: Scene) -> str:
    """The scene in plain English: everything in it, with colours, sizes and places."""
    sky = {"golden": "golden sky", "sunset": "sunset", "dawn": "dawn", "night": "night sky"}
    parts = [sky.get(scene.sky or "", f"{scene.sky} sky")]
    return ", ".join(parts + [_phrase(thing) for thing in scene.things])


def _phrase(thing: Thing) -> str:
    if thing.kind in ("stars", "birds", "pines", "snow"):
        return {"pines": "pine trees"}.get(thing.kind, thing.kind)
    one = thing.kind in ("sun", "moon", "house", "tree", "boat", "balloon")
    words = [thing.size or ""] if one and thing.size != "medium" else []
    words += (["snowy"] if thing.snowy else []) + [thing.colour or "", thing.kind]
    phrase = " ".join(filter(None, words))
    if not one:
        return phrase
    article = "an" if phrase[0] in "aeiou" else "a"
    return f"{article} {phrase} {'in the' if thing.place == 'center' else 'on the'} {thing.place}"


def print_adherence(
    title: str, scenes: list[Scene], pictures: Iterable[np.ndarray], judges: Judges
) -> None:
    """Print the share of right answers to each question, where it applies."""
    known = np.array([answers(scene) for scene in scenes])
    found = np.array([judges(picture) for picture in pictures])
    print(f"\n{title} ({len(scenes)} pictures)")
    for number, name in enumerate(HEADS):
        applies = known[:, number] >= 0
        right = (known == found)[applies, number]
        line = f"  {name:14} {right.mean():6.1%}"
        if name in OBJECTS:
            for word, answer in (("asked", 1), ("not asked", 0)):
                chosen = known[:, number] == answer
                line += f"  {word} {(known == found)[chosen, number].mean():6.1%}"
        print(line, flush=True)


def _blurred(picture: np.ndarray) -> np.ndarray:
    """The picture as from half as many pixels: the judges ask what is there, not how sharp."""
    half = Image.fromarray(picture).reduce(2)
    return np.asarray(half.resize(SIZE, Image.Resampling.BILINEAR))


def measure_behaviour(
    model: Flux, held_out: tuple[list[Scene], Painted], judges: Judges, count: int = 40
) -> None:
    """Print how steps, strength and seed work."""
    scenes, targets = held_out
    prompts = [say(scene) for scene in scenes[:count]]
    true = np.array([judges.features(picture) for picture in targets])
    print("\ndistance to the painter's pictures, by steps")
    for steps in (1, 2, 4, 8, 20, 50):
        pictures = [
            model.paint(Order(text, SIZE, steps, seed=number))
            for number, text in enumerate(prompts)
        ]
        print(f"  {steps:3} {_distance(pictures, true, judges):8.3f}", flush=True)
    print("\nhow far image-to-image leaves its picture (mean of 255), by strength")
    for strength in (0.2, 0.35, 0.5, 0.65, 0.8, 0.9):
        moved = [
            _moved(
                model,
                Order(text, SIZE, seed=number, picture=targets[-number - 1], strength=strength),
            )
            for number, text in enumerate(prompts[:12])
        ]
        print(f"  {strength:4} {np.mean(moved):6.1f}", flush=True)
    order = Order(prompts[0], SIZE, seed=1)
    same = np.array_equal(model.paint(order), model.paint(order))
    other = np.abs(model.paint(order) - model.paint(Order(prompts[0], SIZE, seed=2)).astype(float))
    print(f"\nsame seed, same pixels: {same}; another seed differs by {other.mean():.1f} of 255")


def _moved(model: Flux, order: Order) -> float:
    if order.picture is None:
        raise ValueError("an order without a picture")
    return float(np.abs(model.paint(order) - order.picture.astype(float)).mean())


def _distance(pictures: Painted, true: np.ndarray, judges: Judges) -> float:
    """Fréchet distance of two sets of features, each feature on its own."""
    found = np.array([judges.features(picture) for picture in pictures])
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
