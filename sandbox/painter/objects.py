"""The single things of an image: houses, trees, boats, balloons, birds and flowers."""

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from sandbox.painter.canvas import Oval, Point, Polygon, Rgb, Shape, Wash, box
from sandbox.painter.ground import Ground
from sandbox.painter.palette import GLASS, LAMP, SNOW, TRUNK, WOOD, darker, lighter, mix
from sandbox.painter.placement import place
from sandbox.painter.view import Spot, View
from sandbox.painter.vocabulary import Kind

Drawing: TypeAlias = Callable[[View, Spot, Rgb], None]

RED_ROOF: Rgb = (0.45, 0.22, 0.18)
SLATE_ROOF: Rgb = (0.29, 0.29, 0.38)


def draw_objects(view: View, ground: Ground) -> None:
    """All things of the scene, the far ones first."""
    for _ in draw_each(view, ground):
        pass


def draw_each(view: View, ground: Ground) -> Iterator[Kind]:
    """The same, pausing after each thing to tell its kind."""
    for kind, spot, colour in sorted(place(view, ground), key=lambda placed: placed[1].y):
        _DRAWINGS[kind](view, spot, view.light.on(colour))
        yield kind


def _draw_shadow(view: View, spot: Spot, half: float) -> None:
    s = spot.scale
    x = spot.x - view.light.side * half * 0.35
    view.canvas.draw([Oval(x, spot.y, half * 1.15, 0.012 * s)], darker(view.light.sky[0], 0.8), 0.2)


def _draw_house(view: View, spot: Spot, wall: Rgb) -> None:
    x, y, s = spot.x, spot.y, spot.scale
    w, h = 0.08 * s, 0.098 * s
    roof = view.light.on(RED_ROOF if wall[0] < wall[1] * 1.5 else SLATE_ROOF)
    _draw_shadow(view, spot, w)
    view.canvas.draw([box(x + w * 0.42, y - h * 1.8, x + w * 0.66, y - h * 1.1)], darker(roof, 0.2))
    front = box(x - w, y - h, x + w, y)
    gable = Polygon(((x - w, y - h), (x + w, y - h), (x, y - h * 1.62)))
    view.canvas.draw([front, gable], Wash(lighter(wall, 0.1), darker(wall, 0.08), y - h * 1.6, y))
    shady = box(min(x, x - w * view.light.side), y - 2 * h, max(x, x - w * view.light.side), y)
    view.canvas.draw([shady], darker(wall, 0.5), 0.16, within=[front, gable])
    for side in (-1, 1):
        eave: tuple[Point, ...] = (
            (x, y - h * 1.84),
            (x + side * w * 1.28, y - h * 0.9),
            (x + side * w * 1.13, y - h * 0.78),
            (x, y - h * 1.56),
        )
        lit = side == view.light.side
        view.canvas.draw([Polygon(eave)], lighter(roof, 0.12) if lit else darker(roof, 0.18))
    _draw_openings(view, spot, roof)


def _draw_openings(view: View, spot: Spot, frame: Rgb) -> None:
    """A door, a window with a cross, and at night the lamp behind it."""
    x, y, s = spot.x, spot.y, spot.scale
    glass = LAMP if view.light.night else view.light.on(GLASS)
    door = (x + 0.016 * s, y - 0.062 * s, x + 0.05 * s, y)
    view.canvas.draw([box(*door)], darker(view.light.on(WOOD), 0.1))
    view.canvas.draw([Oval(x + 0.043 * s, y - 0.03 * s, 0.003 * s, 0.003 * s)], LAMP)
    left, top, side = x - 0.057 * s, y - 0.074 * s, 0.04 * s
    if view.light.night:
        view.canvas.glow(left + side / 2, top + side / 2, 0.06 * s, (LAMP, 0.5))
    rim = 0.005 * s
    view.canvas.draw(
        [box(left - rim, top - rim, left + side + rim, top + side + rim)], lighter(frame, 0.55)
    )
    view.canvas.draw([box(left, top, left + side, top + side)], glass)
    bar, mid = 0.0018 * s, side / 2
    cross = [
        box(left + mid - bar, top, left + mid + bar, top + side),
        box(left, top + mid - bar, left + side, top + mid + bar),
    ]
    view.canvas.draw(cross, lighter(frame, 0.55))


def _draw_tree(view: View, spot: Spot, leaf: Rgb) -> None:
    x, y, s = spot.x, spot.y, spot.scale
    side = view.light.side
    _draw_shadow(view, spot, 0.085 * s)
    trunk = view.light.on(TRUNK)
    stem = ((x - 0.016 * s, y), (x - 0.008 * s, y - 0.15 * s), (x + 0.008 * s, y - 0.15 * s))
    view.canvas.draw([Polygon((*stem, (x + 0.016 * s, y)))], trunk)
    lumps = ((-0.06, -0.15, 0.058), (0.06, -0.152, 0.056), (0, -0.215, 0.07), (0, -0.145, 0.06))
    crown: list[Shape] = [Oval(x + dx * s, y + dy * s, r * s, r * s) for dx, dy, r in lumps]
    crown += [Oval(x - 0.04 * s, y - 0.2 * s, 0.05 * s, 0.05 * s)]
    crown += [Oval(x + 0.042 * s, y - 0.198 * s, 0.05 * s, 0.05 * s)]
    view.canvas.draw(crown, Wash(leaf, darker(leaf, 0.3), y - 0.26 * s, y - 0.09 * s))
    clumps = ((0.026, -0.222, 0.046), (0.062, -0.168, 0.036), (-0.03, -0.168, 0.034))
    lit: list[Shape] = [
        Oval(x + side * dx * s, y + dy * s, r * s, r * s * 0.9) for dx, dy, r in clumps
    ]
    view.canvas.draw(lit, lighter(leaf, 0.24), 0.55, within=crown)


def _draw_pine(view: View, spot: Spot, leaf: Rgb) -> None:
    x, y, s = spot.x, spot.y, spot.scale
    height = 0.165 * s
    _draw_shadow(view, spot, 0.03 * s)
    view.canvas.draw([box(x - 0.006 * s, y - 0.03 * s, x + 0.006 * s, y)], view.light.on(TRUNK))
    whole: list[Shape] = []
    dark: list[Shape] = []
    for start, half in ((0.12, 0.31), (0.36, 0.25), (0.6, 0.17)):
        foot, top = y - height * start, y - height * min(start + 0.46, 1.04)
        reach = height * half
        whole.append(
            Polygon(((x - reach, foot), (x, foot + 0.006 * s), (x + reach, foot), (x, top)))
        )
        far = x - view.light.side * reach
        dark.append(Polygon(((far, foot), (x, foot + 0.006 * s), (x, top))))
    view.canvas.draw(whole, Wash(lighter(leaf, 0.16), leaf, y - height, y))
    view.canvas.draw(dark, darker(leaf, 0.45), 0.5)
    if view.scene.find("snow"):
        half, edge = height * 0.075, y - height * 0.84
        peak, fold = (x, y - height * 1.04), (x, y - height * 0.8)
        cap = Polygon(((x - half, edge), fold, (x + half, edge), peak))
        view.canvas.draw([cap], view.light.on(SNOW), 0.95)


def _draw_boat(view: View, spot: Spot, sail: Rgb) -> None:
    x, y, s = spot.x, spot.y, spot.scale
    water = [
        Oval(x, y + 0.012 * s + 0.017 * n * s, (0.085 - 0.016 * n) * s, 0.006 * s) for n in range(4)
    ]
    view.canvas.draw(water, mix(sail, darker(view.light.sky[0], 0.5), 0.45), 0.45)
    hull = Polygon(((x - 0.1 * s, y - 0.026 * s), (x + 0.11 * s, y - 0.03 * s),
                    (x + 0.07 * s, y + 0.012 * s), (x - 0.066 * s, y + 0.012 * s)))  # fmt: skip
    wood = view.light.on(WOOD)
    view.canvas.draw(
        [hull], Wash(lighter(wood, 0.22), darker(wood, 0.3), y - 0.03 * s, y + 0.012 * s)
    )
    view.canvas.draw([box(x - 0.003 * s, y - 0.235 * s, x + 0.003 * s, y - 0.026 * s)], wood)
    main = _sail(
        (x + 0.009 * s, y - 0.225 * s),
        (x + 0.009 * s, y - 0.042 * s),
        (x + 0.092 * s, y - 0.042 * s),
    )
    jib = _sail(
        (x - 0.009 * s, y - 0.2 * s), (x - 0.009 * s, y - 0.042 * s), (x - 0.07 * s, y - 0.042 * s)
    )
    view.canvas.draw(
        [main], Wash(lighter(sail, 0.12), darker(sail, 0.12), y - 0.22 * s, y - 0.04 * s)
    )
    view.canvas.draw([jib], darker(sail, 0.14))


def _sail(top: Point, foot: Point, clew: Point) -> Polygon:
    """A triangle whose free edge bulges with the wind."""
    bulge = (clew[0] - foot[0]) * 0.22
    edge = []
    for t in (0.2, 0.4, 0.6, 0.8):
        belly = bulge * math.sin(math.pi * t)
        edge.append((clew[0] + (top[0] - clew[0]) * t + belly, clew[1] + (top[1] - clew[1]) * t))
    return Polygon((top, foot, clew, *edge))


def _draw_balloon(view: View, spot: Spot, cloth: Rgb) -> None:
    x, y, s = spot.x, spot.y, spot.scale
    r = 0.075 * s
    arc = np.linspace(math.radians(152), math.radians(388), 40)
    round_part: list[Point] = [(x + r * math.cos(a), y + r * math.sin(a)) for a in arc.tolist()]
    mouth = y + r * 1.55
    envelope = Polygon((*round_part, (x + r * 0.2, mouth), (x - r * 0.2, mouth)))
    view.canvas.draw([envelope], Wash(lighter(cloth, 0.1), darker(cloth, 0.1), y - r, mouth))
    bright = lighter(cloth, 0.5)
    for half, colour in ((0.78, bright), (0.5, cloth), (0.2, bright)):
        gore = Oval(x, y + r * 0.2, r * half, r * 1.42)
        view.canvas.draw([gore], colour, 0.85, within=[envelope])
    shade = Oval(x - view.light.side * r * 0.95, y + r * 0.25, r * 0.9, r * 1.6)
    view.canvas.draw([shade], darker(cloth, 0.6), 0.13, within=[envelope])
    basket = (x - r * 0.19, mouth + r * 0.3, x + r * 0.19, mouth + r * 0.56)
    ropes = [
        box(x + n * r * 0.17 - 0.001, mouth, x + n * r * 0.17 + 0.001, basket[3]) for n in (-1, 1)
    ]
    wood = view.light.on(WOOD)
    view.canvas.draw(ropes, wood)
    view.canvas.draw([box(*basket)], Wash(lighter(wood, 0.25), wood, basket[1], basket[3]))


def _draw_bird(view: View, spot: Spot, feather: Rgb) -> None:
    x, y, s = spot.x, spot.y, spot.scale
    wings: list[Shape] = []
    for side in (-1, 1):
        over = (
            (x, y),
            (x + side * 0.012 * s, y - 0.011 * s),
            (x + side * 0.032 * s, y - 0.008 * s),
        )
        wings.append(Polygon((*over, (x + side * 0.013 * s, y - 0.006 * s), (x, y + 0.004 * s))))
    view.canvas.draw(wings, feather, 0.9)


def _draw_flower(view: View, spot: Spot, petal: Rgb) -> None:
    x, y, s = spot.x, spot.y, spot.scale
    height, r = 0.03 * s, 0.0068 * s
    stem = box(x - 0.0012 * s, y - height, x + 0.0012 * s, y)
    leaf = Oval(x + 0.005 * s, y - 0.009 * s, 0.005 * s, 0.002 * s)
    view.canvas.draw([stem, leaf], darker(view.light.on((0.28, 0.5, 0.26)), 0.2))
    petals = [
        Oval(x + r * math.cos(a), y - height + r * math.sin(a), r * 0.8, r * 0.8)
        for a in np.linspace(0.3, 0.3 + 2 * math.pi, 6)[:5].tolist()
    ]
    view.canvas.draw(petals, petal)
    view.canvas.draw([Oval(x, y - height, r * 0.55, r * 0.55)], view.light.on(LAMP))


_DRAWINGS: dict[Kind, Drawing] = {
    "house": _draw_house,
    "tree": _draw_tree,
    "pines": _draw_pine,
    "boat": _draw_boat,
    "balloon": _draw_balloon,
    "birds": _draw_bird,
    "flowers": _draw_flower,
}
