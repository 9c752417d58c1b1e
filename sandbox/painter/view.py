"""What every part of an image needs to know while it is drawn."""

from dataclasses import dataclass

import numpy as np

from sandbox.painter.canvas import Canvas, Rgb
from sandbox.painter.composition import dice
from sandbox.painter.palette import COLOURS, SKIES, Light, Stops, mix, toned
from sandbox.painter.scene import Scene, Thing

HORIZONS = (0.55, 0.64)
PLACE_SHARES = {"left": 0.23, "center": 0.5, "right": 0.77}
DISC_RADII = {"small": 0.062, "medium": 0.1, "big": 0.15}


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of the image and the size of what is there, in units."""

    x: float
    y: float
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class View:
    """A complete scene on its canvas: light, horizon, and the sun or moon where there is one."""

    canvas: Canvas
    scene: Scene
    key: str
    light: Light
    horizon: float
    disc: Spot | None

    def dice(self, name: str) -> np.random.Generator:
        """The random numbers of one part: other parts of the image do not disturb them."""
        return dice(self.key, "draws", name)

    def colour(self, thing: Thing) -> Rgb:
        """The plain colour of a thing, before light."""
        return toned(COLOURS[thing.colour or "grey"], thing.tone)

    def place(self, thing: Thing, chance: np.random.Generator) -> float:
        """An x near the thing's place."""
        return self.canvas.width * PLACE_SHARES[thing.place or "center"] + chance.uniform(
            -0.05, 0.05
        )


def look(canvas: Canvas, scene: Scene, key: str) -> View:
    """The view of a complete scene on an empty canvas."""
    chance = dice(key, "view")
    horizon = canvas.height * chance.uniform(*HORIZONS)
    disc = _disc(canvas, scene, horizon, dice(key, "disc"))
    side = float(np.sign(disc.x - canvas.width / 2) or 1.0) if disc else chance.choice([-1.0, 1.0])
    light = Light(_tinted_sky(scene, key), scene.sky == "night", float(side))
    return View(canvas, scene, key, light, horizon, disc)


def _disc(canvas: Canvas, scene: Scene, horizon: float, chance: np.random.Generator) -> Spot | None:
    thing = scene.find("sun", "moon")
    if thing is None:
        return None
    radius = DISC_RADII[thing.size or "medium"] * chance.uniform(0.92, 1.08)
    x = canvas.width * PLACE_SHARES[thing.place or "center"] + chance.uniform(-0.06, 0.06)
    low = scene.sky in ("sunset", "dawn") and thing.kind == "sun"
    y = canvas.height * (chance.uniform(0.34, 0.46) if low else chance.uniform(0.18, 0.32))
    if thing.low:
        above = 0.09 * float(canvas.height) if scene.find("mountains") else 0.0
        return Spot(x, horizon - above - radius * float(chance.uniform(0.0, 0.4)), radius)
    return Spot(x, max(y, radius + 0.03), radius)


def _tinted_sky(scene: Scene, key: str) -> Stops:
    """The sky's colours, shifted a little by the seed and more by words nobody knew."""
    strength = 0.16 if scene.unknown else 0.07
    chance = dice(key, "tint")
    hue = chance.uniform(0.2, 1.0, 3)
    tint: Rgb = (float(hue[0]), float(hue[1]), float(hue[2]))
    share = float(chance.uniform(0.3, 1.0)) * strength
    zenith, middle, horizon = SKIES[scene.sky or "blue"]
    if scene.sky == "night":
        share *= 0.3
    return (
        toned(mix(zenith, tint, share), scene.tone),
        toned(mix(middle, tint, share), scene.tone),
        toned(mix(horizon, tint, share * 0.5), scene.tone),
    )
