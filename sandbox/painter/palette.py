"""The painter's colours: names, skies, and how light and distance change them."""

from dataclasses import dataclass
from typing import TypeAlias

from sandbox.painter.canvas import Rgb
from sandbox.painter.vocabulary import Colour, Sky, Tone

Stops: TypeAlias = tuple[Rgb, Rgb, Rgb]


def _rgb(code: str) -> Rgb:
    red, green, blue = bytes.fromhex(code)
    return red / 255, green / 255, blue / 255


def _stops(codes: str) -> Stops:
    zenith, middle, horizon = codes.split()
    return _rgb(zenith), _rgb(middle), _rgb(horizon)


COLOURS: dict[Colour, Rgb] = {
    "red": _rgb("d0463c"),
    "orange": _rgb("ee9448"),
    "yellow": _rgb("f7ce5c"),
    "green": _rgb("62a05e"),
    "blue": _rgb("4a7ac6"),
    "purple": _rgb("8260b4"),
    "pink": _rgb("f096b4"),
    "white": _rgb("f6f4ee"),
    "grey": _rgb("9098a4"),
    "brown": _rgb("8c684c"),
    "teal": _rgb("429e9c"),
    "black": _rgb("2c2c36"),
}
SKIES: dict[Sky, Stops] = {
    "blue": _stops("4488d8 82b8ec e4f1f8"),
    "pink": _stops("d876aa f2a6c0 fde2d8"),
    "orange": _stops("dc6c46 f29c5c fee0a2"),
    "purple": _stops("4c3c88 9066ae f0b0c4"),
    "grey": _stops("76828f a2abb6 dbdfe2"),
    "teal": _stops("22788a 5aaab0 ccecdc"),
    "night": _stops("080c26 141e4c 3c4a84"),
    "sunset": _stops("483a84 c45e7c ffba6c"),
    "dawn": _stops("6490d0 b2b8da ffdcc0"),
    "red": _stops("8a2836 c84e42 f8a66c"),
    "golden": _stops("e09c48 f4c66c fff0bc"),
    "green": _stops("2e7460 74ae88 d4eebc"),
    "white": _stops("d6dae2 eceef0 faf8f4"),
    "brown": _stops("5e4434 92694c d8b48c"),
}
BLACK: Rgb = (0.0, 0.0, 0.0)
WHITE: Rgb = (1.0, 1.0, 1.0)
SNOW = _rgb("f4f6fa")
WOOD = _rgb("5c3a26")
TRUNK = _rgb("563a2a")
PINE = _rgb("1f5a44")
LAMP = _rgb("ffd873")
GLASS = _rgb("8fbcdc")
DEEP_NIGHT = _rgb("0a1030")
SHADE = _rgb("221c40")


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """`one` with the given share of `other` in it."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def darker(colour: Rgb, share: float) -> Rgb:
    """A shade that turns towards violet rather than black, as outdoors."""
    return mix(colour, SHADE, share)


def lighter(colour: Rgb, share: float) -> Rgb:
    """A tint towards white."""
    return mix(colour, WHITE, share)


def toned(colour: Rgb, tone: Tone | None) -> Rgb:
    """The colour, darker or more vivid where that was asked for."""
    if tone == "dark":
        return mix(colour, SHADE, 0.42)
    if tone == "bright":
        grey = sum(colour) / 3
        red, green, blue = (min(max(part + 0.3 * (part - grey) + 0.07, 0), 1) for part in colour)
        return red, green, blue
    return colour


@dataclass(frozen=True, slots=True)
class Light:
    """The light of a scene: its sky, whether it is night, and the side it comes from."""

    sky: Stops
    night: bool
    side: float  # -1: the light comes from the left, 1: from the right

    @property
    def haze(self) -> Rgb:
        """The colour of far things: that of the air at the horizon."""
        return self.sky[2]

    def on(self, colour: Rgb, distance: float = 0.0) -> Rgb:
        """How a colour looks under this light, at a distance from 0 (here) to 1 (all haze)."""
        seen = mix(colour, DEEP_NIGHT, 0.42) if self.night else mix(colour, self.sky[1], 0.05)
        return mix(seen, self.haze, distance)
