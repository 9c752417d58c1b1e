"""Draws the sheets of the README: held-out prompts, what each dial does, prompts drawn by lot."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from backends.miniature.autoencoder import Bytes
from backends.miniature.enlarging import enlarge
from backends.miniature.sampling import Flux, Order, open_model
from bench.miniature import kept_scenes
from bench.miniature_words import say
from tools.miniature.pictures import paint_scene
from tools.miniature.scenes import scene_of

CELL = (256, 256)
LABEL = 30
PROMPT = "A red sun on the left, blue mountains, pink sky, green hills, a white house on the right"
EDIT = "Starry night, a white moon on the right, purple mountains, blue hills, a yellow house"
DRAWN = 80_000_000
"""From here on the numbers of the scenes whose prompts nobody chose."""
Cell = tuple[Bytes, str]


def draw_sheets(assets: Path, former: Path | None = None) -> None:
    """Write `prompts.webp`, `dials.webp` and `drawn.webp` into the assets.

    The last shows former weights beside these, where there are some.
    """
    model = open_model(assets)
    models = {"before": open_model(former), "now": model} if former else {"": model}
    _sheet(_drawn(models, 24), 6).save(assets / "drawn.webp", quality=84, method=6)
    _sheet(_held_out(model, 24), 6).save(assets / "prompts.webp", quality=84, method=6)
    rows = [*_guidances(model), *_steps(model), *_strengths(model)]
    _sheet(rows, 7).save(assets / "dials.webp", quality=84, method=6)


def _held_out(model: Flux, count: int) -> list[Cell]:
    prompts = [say(scene) for scene in kept_scenes("sheet")[:count]]
    return [
        (model.paint(Order(prompt, model.sizes[0], seed=number)), prompt)
        for number, prompt in enumerate(prompts)
    ]


def _drawn(models: dict[str, Flux], count: int) -> list[Cell]:
    """Prompts as the lot has them, each by every model."""
    prompts = [say(scene_of(DRAWN + number)) for number in range(count)]
    return [
        (model.paint(Order(prompt, model.sizes[0], seed=number)), f"{title} {prompt}".strip())
        for number, prompt in enumerate(prompts)
        for title, model in models.items()
    ]


def _guidances(model: Flux) -> list[Cell]:
    return [
        (model.paint(Order(PROMPT, model.sizes[0], guidance=value, seed=3)), f"guidance {value}")
        for value in (1.0, 1.5, 2.0, 3.0, 3.5, 4.5, 6.0)
    ]


def _steps(model: Flux) -> list[Cell]:
    return [
        (
            model.paint(Order(PROMPT, model.sizes[0], steps=count, seed=3)),
            f"{count} step" + "s" * (count > 1),
        )
        for count in (1, 2, 4, 8, 12, 20, 50)
    ]


def _strengths(model: Flux) -> list[Cell]:
    start = paint_scene(kept_scenes("judged")[3], model.sizes[0], "dials")[0]
    cells: list[Cell] = [(start, "the picture to start from")]
    for value in (0.2, 0.4, 0.55, 0.7, 0.85, 1.0):
        order = Order(EDIT, model.sizes[0], seed=1, picture=start, strength=value)
        cells.append((model.paint(order), f"strength {value}"))
    return cells


def _sheet(cells: list[Cell], columns: int) -> Image.Image:
    width, height = CELL
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", ((width + 8) * columns, (height + LABEL + 8) * rows), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (picture, text) in enumerate(cells):
        x, y = number % columns * (width + 8), number // columns * (height + LABEL + 8)
        sheet.paste(enlarge(picture, CELL, (0, 0, picture.shape[1], picture.shape[0])), (x, y))
        pen.multiline_text((x + 2, y + height + 2), _wrapped(text), "black", font, spacing=1)
    return sheet


def _wrapped(text: str, width: int = 48) -> str:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{word} "
    return "\n".join(lines[:2])
