"""The far half of an image: sky, stars, sun or moon, clouds and mountains."""

from dataclasses import dataclass

import numpy as np

from sandbox.painter.canvas import Floats, Oval, Point, Polygon, Rgb, Shape, Wash
from sandbox.painter.palette import SNOW, WHITE, darker, lighter, mix
from sandbox.painter.scene import Thing
from sandbox.painter.view import View

CRATERS = ((-0.32, -0.22, 0.2), (0.28, 0.12, 0.26), (-0.12, 0.46, 0.14), (0.2, -0.5, 0.1))


@dataclass(frozen=True, slots=True)
class Layer:
    """A row of mountains: its foot, the height of its peaks, and how far off it is (0..1)."""

    name: str
    foot: float
    height: float
    distance: float


@dataclass(frozen=True, slots=True)
class Ridge:
    """A jagged line over the whole width; `tops` and `valleys` are indices of its points."""

    xs: Floats
    ys: Floats
    tops: tuple[int, ...]


def draw_sky(view: View) -> None:
    """Everything above the mountains."""
    view.canvas.sweep(view.light.sky, view.horizon)
    if view.scene.find("stars"):
        _draw_stars(view)
    disc = view.scene.find("sun", "moon")
    if disc:
        _draw_disc(view, disc)
    clouds = view.scene.find("clouds")
    if clouds:
        _draw_clouds(view, clouds)


def draw_mountains(view: View, thing: Thing) -> None:
    """Three layers of mountains, the farther the hazier, lit from the light's side."""
    rise = min(max(view.canvas.height, 0.8), 1.3) * {"small": 0.8, "big": 1.25}.get(
        thing.size or "", 1.0
    )
    for layer in (
        Layer("far", view.horizon + 0.02, 0.33 * rise, 0.55),
        Layer("middle", view.horizon + 0.04, 0.28 * rise, 0.26),
        Layer("near", view.horizon + 0.06, 0.18 * rise, 0.04),
    ):
        _draw_layer(view, thing, layer)


def _draw_stars(view: View) -> None:
    chance, canvas = view.dice("stars"), view.canvas
    count = int(70 * canvas.width * canvas.height)
    xs, ys = chance.uniform(0, canvas.width, count), chance.uniform(0, view.horizon, count) ** 1.15
    glints = chance.uniform(0, 1, count) ** 3
    for x, y, glint in zip(xs.tolist(), ys.tolist(), glints.tolist(), strict=True):
        if view.disc and np.hypot(x - view.disc.x, y - view.disc.y) < view.disc.scale * 1.3:
            continue
        size = max(0.0011 + 0.0022 * glint, 0.55 / canvas.unit)
        canvas.draw([Oval(x, y, size, size)], (1.0, 0.98, 0.92), 0.45 + 0.55 * glint)
        if glint > 0.75:
            canvas.glow(x, y, size * 3.5, (WHITE, 0.35))


def _draw_disc(view: View, thing: Thing) -> None:
    canvas, spot = view.canvas, view.disc
    if spot is None:
        return
    colour, radius = view.colour(thing), spot.scale
    air = mix(colour, view.light.haze, 0.4) if view.light.night else colour
    halo = lighter(air, 0.45)
    for reach, strength in ((4.2, 0.2), (2.2, 0.28), (1.35, 0.4)):
        canvas.glow(
            spot.x, spot.y, radius * reach, (halo, strength * (0.6 if view.light.night else 1))
        )
    disc = Oval(spot.x, spot.y, radius, radius)
    body = Wash(lighter(colour, 0.14), colour, spot.y - radius, spot.y + radius)
    canvas.draw([disc], body)
    if thing.kind == "moon":
        craters: list[Shape] = [
            Oval(spot.x + dx * radius, spot.y + dy * radius, r * radius, r * radius)
            for dx, dy, r in CRATERS
        ]
        canvas.draw(craters, darker(colour, 0.16), 0.8, within=[disc])


def _draw_clouds(view: View, thing: Thing) -> None:
    chance, canvas = view.dice("clouds"), view.canvas
    count = max(2, round(chance.uniform(2.2, 4.2) * canvas.width))
    starts = (np.arange(count) + chance.uniform(0.1, 0.9, count)) / count * canvas.width
    colour = view.colour(thing)
    if view.light.night:
        colour = mix(colour, view.light.sky[1], 0.6)
    for x in chance.permutation(starts):
        y = view.horizon * chance.uniform(0.13, 0.62)
        scale = float(chance.uniform(0.6, 1.15)) * (1.25 - 0.75 * y / view.horizon)
        _draw_cloud(view, (float(x), float(y), scale), colour, chance)


def _draw_cloud(
    view: View, spot: tuple[float, float, float], colour: Rgb, chance: np.random.Generator
) -> None:
    """A flat-bottomed heap of puffs: lit above, tinted by the air below."""
    x, y, scale = spot
    puffs: list[Shape] = []
    half = 0.15 * scale
    for share in np.linspace(-1, 1, 7):
        radius = scale * 0.058 * (1.15 - 0.75 * share**2) * chance.uniform(0.8, 1.15)
        puffs.append(Oval(x + share * half, y - radius * 0.35, radius * 1.25, radius))
    puffs.append(Oval(x, y, half * 1.35, 0.022 * scale))
    sky = [_above(view, y + 0.014 * scale)]
    low = mix(colour, view.light.sky[1], 0.34)
    view.canvas.draw(puffs, Wash(lighter(colour, 0.25), low, y - 0.08 * scale, y + 0.02), 0.94, sky)
    tops: list[Shape] = [
        Oval(p.x + 0.012 * view.light.side, p.y - p.ry * 0.2, p.rx * 0.72, p.ry * 0.66)
        for p in puffs[1:6]
        if isinstance(p, Oval)
    ]
    view.canvas.draw(tops, lighter(colour, 0.45), 0.35, sky)


def _above(view: View, y: float) -> Polygon:
    width = view.canvas.width
    return Polygon(((-1.0, -1.0), (width + 1, -1.0), (width + 1, y), (-1.0, y)))


def _draw_layer(view: View, thing: Thing, layer: Layer) -> None:
    chance, light = view.dice(f"mountains {layer.name}"), view.light
    ridge = _ridge(view.canvas.width, layer, chance)
    rock = light.on(view.colour(thing), layer.distance)
    top = float(ridge.ys.min())
    foot = mix(rock, light.haze, 0.38)
    view.canvas.land(
        np.interp(view.canvas.xs, ridge.xs, ridge.ys).astype(np.float32),
        Wash(lighter(rock, 0.08), foot, top, layer.foot),
    )
    if thing.snowy:
        snow = light.on(SNOW, layer.distance * 0.75)
        _draw_snow(view, ridge, (layer, snow), chance)
    shade = mix(darker(rock, 0.55), light.haze, layer.distance * 0.5)
    facets = _facets(ridge, layer, light.side, chance)
    if facets:
        strength = 0.46 * (1 - layer.distance)
        view.canvas.draw(facets, Wash(shade, foot, top, layer.foot), strength)


def _ridge(width: float, layer: Layer, chance: np.random.Generator) -> Ridge:
    """Peaks and valleys by turns, then roughened twice between them."""
    count = max(2, round(width / chance.uniform(0.34, 0.5))) + 1
    gap = width / (count - 1)
    tops = (np.arange(-1, count + 1) + chance.uniform(-0.3, 0.3, count + 2)) * gap
    valleys = (tops[:-1] + tops[1:]) / 2 + chance.uniform(-0.1, 0.1, count + 1) * gap
    heights = layer.height * chance.uniform(0.5, 1.0, count + 2)
    lows = layer.height * chance.uniform(0.06, 0.3, count + 1)
    xs = np.empty(2 * count + 3)
    ys = np.empty_like(xs)
    xs[::2], xs[1::2] = tops, valleys
    ys[::2], ys[1::2] = layer.foot - heights, layer.foot - lows
    for roughness in (0.045, 0.025):
        xs, ys = _roughened(xs, ys, layer.height * roughness, chance)
    indices = tuple(range(0, len(xs), 8))
    return Ridge(xs.astype(np.float32), ys.astype(np.float32), indices)


def _roughened(
    xs: np.ndarray, ys: np.ndarray, amount: float, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The line with a displaced point in the middle of every stretch."""
    between = (xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2
    kinks = chance.uniform(-1, 1, len(xs) - 1)
    more_xs, more_ys = np.empty(2 * len(xs) - 1), np.empty(2 * len(xs) - 1)
    more_xs[::2], more_ys[::2] = xs, ys
    more_xs[1::2], more_ys[1::2] = between[0] + kinks * amount * 0.4, between[1] - kinks * amount
    return more_xs, more_ys


def _facets(ridge: Ridge, layer: Layer, side: float, chance: np.random.Generator) -> list[Shape]:
    """The shadow side of every peak: from the top down to the next valley and back inside."""
    facets: list[Shape] = []
    step = -int(side)
    for top in ridge.tops:
        end = min(max(top + 4 * step, 0), len(ridge.xs) - 1)
        if end == top:
            continue
        run = range(top, end + step, step)
        outline: list[Point] = [(float(ridge.xs[i]), float(ridge.ys[i])) for i in run]
        x, y = outline[0]
        span = outline[-1][0] - x
        outline.append((outline[-1][0], layer.foot))
        drift = span * float(chance.uniform(-0.25, 0.15))
        for number, share in enumerate((1.0, 0.78, 0.56, 0.36, 0.18)):
            sway = span * (0.13 if number % 2 else -0.06) * float(chance.uniform(0.5, 1.3))
            outline.append((x + drift * share + sway, y + (layer.foot - y) * share))
        facets.append(Polygon(tuple(outline)))
    return facets


def _draw_snow(
    view: View, ridge: Ridge, look: tuple[Layer, Rgb], chance: np.random.Generator
) -> None:
    """White caps whose lower edge zigzags, on the peaks that are high enough."""
    layer, snow = look
    caps: list[Shape] = []
    for top in ridge.tops:
        height = layer.foot - float(ridge.ys[top])
        if height < layer.height * 0.5:
            continue
        line = float(ridge.ys[top]) + height * float(chance.uniform(0.3, 0.42))
        start, stop = max(top - 4, 0), min(top + 4, len(ridge.xs) - 1)
        edge = [(float(ridge.xs[i]), float(ridge.ys[i])) for i in range(start, stop + 1)]
        crest = [(x, min(y, line)) for x, y in edge if y < line + 0.3 * height]
        zigzag: list[Point] = []
        for number, share in enumerate(np.linspace(0.96, 0.04, 8)):
            x = crest[0][0] + (crest[-1][0] - crest[0][0]) * float(share)
            dip = height * (0.1 if number % 2 else -0.08) * float(chance.uniform(0.5, 1.3))
            zigzag.append((x, line + dip))
        caps.append(Polygon(tuple(crest + zigzag)))
    if caps:
        below: list[Shape] = [
            Polygon(
                (
                    *((float(x), float(y)) for x, y in zip(ridge.xs, ridge.ys, strict=True)),
                    (float(ridge.xs[-1]), layer.foot),
                    (float(ridge.xs[0]), layer.foot),
                )
            )
        ]
        view.canvas.draw(caps, snow, 0.95, within=below)
