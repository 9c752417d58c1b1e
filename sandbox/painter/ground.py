"""The near half of an image: hills, dunes, snow, and the sea with its reflections."""

from dataclasses import dataclass

import numpy as np

from sandbox.painter.canvas import Floats, Oval, Point, Polygon, Rgb, Shape, Wash
from sandbox.painter.composition import GROUNDS, STANDING
from sandbox.painter.palette import COLOURS, SNOW, darker, lighter, mix
from sandbox.painter.scene import Thing
from sandbox.painter.view import View

SWELLS = {"hills": 0.14, "snow": 0.12, "desert": 0.15}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where things can stand: one height for each column; `water` is the sea's upper edge."""

    line: Floats
    depth: float
    water: float | None

    def height(self, x: float, unit: float) -> float:
        """The y of the ground at x."""
        return float(self.line[int(np.clip(x * unit, 0, len(self.line) - 1))])


def draw_ground(view: View) -> Ground:
    """Draw land, sea, or a sea between far hills and a near bank; tell where things can stand."""
    sea, land = view.scene.find("sea"), view.scene.find(*GROUNDS)
    if sea is None:
        return _draw_land(view, land or Thing("hills", "green"))
    rest = view.canvas.height - view.horizon
    if land:
        far = view.horizon - _waves(view, "far hills", 0.1) * 0.09 - 0.035
        colour = view.light.on(_land_colour(view, land), 0.4)
        view.canvas.land(
            far, Wash(colour, mix(colour, view.light.haze, 0.3), float(far.min()), view.horizon)
        )
    _draw_sea(view, sea)
    bank = view.canvas.height + np.zeros_like(view.canvas.xs)
    if land or view.scene.find(*STANDING):
        bank = _draw_bank(view, land or Thing("hills", "green"))
    return Ground(bank, rest * 0.12, view.horizon)


def _land_colour(view: View, thing: Thing) -> Rgb:
    return SNOW if thing.kind == "snow" and thing.colour == "white" else view.colour(thing)


def _waves(view: View, name: str, calm: float) -> Floats:
    """A soft line in 0..1 over the columns; `calm` moves it from rolling to nearly flat."""
    chance, xs = view.dice(name), view.canvas.xs
    line = np.zeros_like(xs)
    for octave, weight in enumerate((0.62, 0.28, 0.1)):
        pitch = chance.uniform(0.5, 0.8) * 1.9**octave
        line += weight * np.sin(2 * np.pi * (xs * pitch + chance.uniform(0, 1)))
    height: Floats = ((line * 0.5 + 0.5) * (1 - calm)).astype(np.float32)
    return height


def _draw_land(view: View, thing: Thing) -> Ground:
    """Three layers that come nearer: hazy and light far off, deep in the foreground."""
    canvas, light = view.canvas, view.light
    rest = canvas.height - view.horizon
    swell, line = SWELLS[thing.kind] * rest / 0.4, canvas.xs * 0
    for number, (share, distance) in enumerate(((0.06, 0.42), (0.3, 0.16), (0.58, 0.0))):
        rise = _dunes if thing.kind == "desert" else _waves
        line = view.horizon + rest * share - rise(view, f"land {number}", 0.0) * swell
        colour = light.on(_land_colour(view, thing), distance)
        deep = darker(colour, 0.1 if thing.kind == "snow" else 0.24)
        if thing.kind == "snow":
            deep = mix(deep, light.sky[1], 0.22)
        top = float(line.min())
        canvas.land(line, Wash(lighter(colour, 0.12), deep, top, top + rest * 0.62))
        if thing.kind == "desert":
            _shade_dunes(view, line, colour)
    return Ground(line, rest * 0.3, None)


def _dunes(view: View, name: str, _calm: float) -> Floats:
    """Long slopes with sharp crests, 0..1."""
    chance, xs = view.dice(name), view.canvas.xs
    pitch, phase = chance.uniform(0.7, 1.2), chance.uniform(0, 1)
    crest = 1 - np.abs(np.sin(np.pi * (xs * pitch + phase))) ** 0.8
    roll = 0.5 + 0.5 * np.sin(2 * np.pi * (xs * 0.4 + chance.uniform(0, 1)))
    line: Floats = (0.7 * crest * (0.4 + 0.6 * roll) + 0.3 * roll).astype(np.float32)
    return line


def _shade_dunes(view: View, line: Floats, colour: Rgb) -> None:
    """The side of each dune that looks away from the light, under an S-shaped edge."""
    canvas, side = view.canvas, view.light.side
    peaks = np.flatnonzero((line[1:-1] < line[:-2]) & (line[1:-1] <= line[2:])) + 1
    shapes: list[Shape] = []
    for peak in peaks.tolist():
        away = -int(side)
        stop = peak
        while 0 < stop < len(line) - 1 and line[stop + away] >= line[stop]:
            stop += away
        columns = np.linspace(peak, stop, 24).astype(int)
        slope: list[Point] = [(float(canvas.xs[i]), float(line[i])) for i in columns]
        shapes.append(Polygon((*slope, *_dune_edge(slope))))
    if shapes:
        top = float(line.min())
        shade = Wash(darker(colour, 0.34), darker(colour, 0.16), top, top + 0.22)
        canvas.draw(shapes, shade, 0.62)


def _dune_edge(slope: list[Point]) -> list[Point]:
    """The way back from a slope's foot to its crest, swinging below it."""
    span = slope[-1][0] - slope[0][0]
    edge: list[Point] = []
    for (x, y), t in zip(slope, np.linspace(0, 1, len(slope)).tolist(), strict=True):
        swing = float(np.sin(np.pi * t))
        edge.append((x - span * 0.12 * float(np.sin(2 * np.pi * t)), y + 0.06 * swing))
    return edge[::-1]


def _draw_bank(view: View, thing: Thing) -> Floats:
    """A shore in the foreground, for what cannot stand on water."""
    canvas = view.canvas
    rest = canvas.height - view.horizon
    line = view.horizon + rest * 0.74 - _waves(view, "bank", 0.0) * rest * 0.2
    colour = view.light.on(_land_colour(view, thing))
    top = float(line.min())
    sand = lighter(mix(COLOURS["yellow"], _land_colour(view, thing), 0.4), 0.3)
    canvas.land(line - 0.006, view.light.on(sand, 0.2))
    canvas.land(line, Wash(lighter(colour, 0.1), darker(colour, 0.26), top, canvas.height))
    return line


def _draw_sea(view: View, thing: Thing) -> None:
    canvas, light, chance = view.canvas, view.light, view.dice("sea")
    rest = canvas.height - view.horizon
    water = light.on(view.colour(thing))
    near = darker(water, 0.26)
    far = mix(lighter(water, 0.12), light.haze, 0.3)
    edge = np.full_like(canvas.xs, view.horizon)
    canvas.land(edge, Wash(far, near, view.horizon, canvas.height))
    rows = np.arange(round(rest * canvas.unit) + 1) / canvas.unit
    # Ripples widen towards the viewer, in step with perspective.
    phase = 26 * np.log1p(rows * 9)
    shifts = (np.sin(phase) + 0.6 * np.sin(phase * 2.3 + 1)) * (0.002 + 0.03 * rows)
    canvas.reflect(view.horizon, shifts.astype(np.float32), (0.32, 0.08))
    _draw_ripples(view, water, chance)
    disc = view.scene.find("sun", "moon")
    if disc and view.disc:
        _draw_glitter(view, lighter(view.colour(disc), 0.4), chance)


def _draw_ripples(view: View, water: Rgb, chance: np.random.Generator) -> None:
    """Thin bright and dark streaks, denser near the horizon."""
    canvas = view.canvas
    rest = canvas.height - view.horizon
    for colour, opacity in ((lighter(water, 0.45), 0.4), (darker(water, 0.4), 0.22)):
        streaks: list[Shape] = []
        for t in chance.uniform(0.03, 1, int(15 * canvas.width + 4)) ** 1.5:
            half = 0.02 + 0.075 * float(t) * chance.uniform(0.5, 1.2)
            y = view.horizon + rest * float(t)
            x = float(chance.uniform(0, canvas.width))
            streaks.append(Oval(x, y, half, 0.0012 + 0.0034 * float(t)))
        canvas.draw(streaks, colour, opacity)


def _draw_glitter(view: View, colour: Rgb, chance: np.random.Generator) -> None:
    """The path of light that a sun or moon lays on the water."""
    disc, rest = view.disc, view.canvas.height - view.horizon
    if disc is None:
        return
    path: list[Shape] = []
    for t in np.linspace(0.03, 0.97, 13) ** 1.25:
        half = disc.scale * (0.42 + 0.75 * t) * chance.uniform(0.55, 1.1)
        x = disc.x + chance.uniform(-0.25, 0.25) * disc.scale * (0.4 + t)
        path.append(Oval(float(x), view.horizon + rest * float(t), half, 0.0026 + 0.006 * float(t)))
    view.canvas.glow(disc.x, view.horizon, disc.scale * 1.6, (colour, 0.25))
    view.canvas.draw(path, colour, 0.72)
