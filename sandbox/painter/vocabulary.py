"""The painter's vocabulary: what each English word or short phrase asks for."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Colour: TypeAlias = Literal[
    "red", "orange", "yellow", "green", "blue", "purple",
    "pink", "white", "grey", "brown", "teal", "black",
]  # fmt: skip
Sky: TypeAlias = Literal[
    "blue", "pink", "orange", "purple", "grey", "teal",
    "night", "sunset", "dawn", "red", "golden", "green", "white", "brown",
]  # fmt: skip
Kind: TypeAlias = Literal[
    "sun", "moon", "stars", "clouds", "mountains", "hills", "sea", "desert", "snow",
    "house", "tree", "pines", "boat", "balloon", "birds", "flowers",
]  # fmt: skip
Size: TypeAlias = Literal["small", "medium", "big"]
Place: TypeAlias = Literal["left", "center", "right"]
Tone: TypeAlias = Literal["dark", "bright"]

# Phrases are written with underscores; plurals are derived.
COLOURS: dict[Colour, str] = {
    "red": "red crimson scarlet ruby maroon",
    "orange": "orange amber apricot tangerine copper rust",
    "yellow": "yellow gold golden lemon ochre mustard",
    "green": "green emerald olive lime mint",
    "blue": "blue azure navy cobalt indigo",
    "purple": "purple violet lavender lilac mauve magenta",
    "pink": "pink rose rosy salmon peach coral",
    "white": "white ivory pale silver cream",
    "grey": "grey gray ash slate",
    "brown": "brown tan beige chocolate wooden",
    "teal": "teal turquoise cyan aqua",
    "black": "black ebony",
}
SIZES: dict[Size, str] = {
    "small": "small little tiny distant faraway",
    "medium": "medium",
    "big": "big large huge giant enormous great tall massive",
}
PLACES: dict[Place, str] = {
    "left": "left",
    "center": "center centre middle central centered centred",
    "right": "right",
}
TONES: dict[Tone, str] = {"dark": "dark deep", "bright": "bright vivid light"}
NOUNS: dict[Kind, str] = {
    "sun": "sun",
    "moon": "moon full_moon crescent",
    "stars": "star galaxy milky_way",
    "clouds": "cloud",
    "mountains": "mountain peak alp mountain_range summit volcano cliff fuji",
    "hills": "hill hillside meadow field grass grassland prairie valley countryside pasture plain "
    "farmland lawn rice_field",
    "sea": "sea ocean lake water bay river fjord lagoon coast pond harbour harbor seaside beach",
    "desert": "desert dune sand sand_dune sahara",
    "snow": "snow snow_field snowfield ice glacier tundra",
    "house": "house cabin cottage hut home barn farmhouse farm chalet lodge",
    "tree": "tree oak maple birch willow cherry_tree apple_tree",
    "pines": "pine pine_tree fir fir_tree spruce conifer evergreen",
    "boat": "boat sailboat sailing_boat sail_boat ship yacht",
    "balloon": "balloon hot_air_balloon air_balloon",
    "birds": "bird seagull gull swallow goose geese",
    "flowers": "flower wildflower poppy tulip daisy blossom bloom",
}
GROUPS: dict[Kind, str] = {
    "house": "village town hamlet",
    "tree": "orchard grove",
    "pines": "forest wood pine_forest woodland taiga",
    "boat": "fleet regatta",
    "flowers": "flower_field",
}
# A mood sets the sky, brings things along, or both.
MOODS: dict[str, tuple[Sky | None, tuple[Kind, ...]]] = {
    "night midnight nighttime dark_sky night_sky": ("night", ()),
    "starry starlit starry_night starry_sky": ("night", ("stars",)),
    "moonlit moonlight moonrise": ("night", ("moon",)),
    "sunset sundown dusk evening": ("sunset", ()),
    "twilight": ("purple", ()),
    "dawn sunrise morning daybreak": ("dawn", ()),
    "golden_hour golden_light": ("golden", ()),
    "overcast": ("grey", ("clouds",)),
    "stormy storm rain rainy gloomy fog foggy mist misty hazy": ("grey", ()),
    "sunny sunshine": ("blue", ("sun",)),
    "day daytime daylight noon midday clear_sky": ("blue", ()),
    "cloudy": (None, ("clouds",)),
    "winter wintry": (None, ("snow",)),
    "spring": (None, ("flowers",)),
}
SKY_OF_COLOUR: dict[Colour, Sky] = {
    "red": "red", "orange": "orange", "yellow": "golden", "green": "green", "blue": "blue",
    "purple": "purple", "pink": "pink", "white": "white", "grey": "grey", "brown": "brown",
    "teal": "teal", "black": "night",
}  # fmt: skip
COUNTS: dict[str, int] = {
    "a": 1, "an": 1, "one": 1, "single": 1, "two": 2, "pair": 2, "couple": 2,
    "three": 3, "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5,
}  # fmt: skip
SNOWY = "snowy snow_capped snowcapped snow_covered snow_topped"
SNOWY_AFTER = "with_snow covered_in_snow covered_with_snow capped_with_snow with_snow_on_top"
NEGATIONS = "no without"
PARTS = "leaves leaf foliage crown sail sails stripes petals walls wall"
COPULAS = "is are"
ALONE = "alone lone lonely solitary"
BREAKS = "with over above in at on under below near by and beside before beneath through"
FILLERS = (
    "the of its very to from as full some several few many side there it this that "
    "front top background foreground scene picture painting landscape flat simple"
)


@dataclass(frozen=True, slots=True)
class Noun:
    """A word for a thing; `several` for plurals and groups."""

    kind: Kind
    several: bool = False


@dataclass(frozen=True, slots=True)
class Mood:
    """A word that sets the sky or brings things along."""

    sky: Sky | None
    brings: tuple[Kind, ...]


@dataclass(frozen=True, slots=True)
class Trait:
    """A word that says something about a thing; exactly one field is set."""

    colour: Colour | None = None
    size: Size | None = None
    place: Place | None = None
    count: int | None = None
    tone: Tone | None = None


Grammar: TypeAlias = Literal[
    "sky",
    "snowy",
    "snowy after",
    "not",
    "is",
    "part",
    "alone",
    "behind",
    "between",
    "break",
    "filler",
]
Meaning: TypeAlias = Noun | Mood | Trait | Grammar


def vocabulary() -> dict[str, Meaning]:
    """Every known word or phrase (words joined by one space) with what it means."""
    book: dict[str, Meaning] = {"sky": "sky", "skies": "sky"}
    for role, words in _GRAMMAR:
        book.update(dict.fromkeys(_split(words), role))
    for count_word, count in COUNTS.items():
        book[count_word] = Trait(count=count)
    for colour, words in COLOURS.items():
        book.update(dict.fromkeys(_split(words), Trait(colour=colour)))
    for size, words in SIZES.items():
        book.update(dict.fromkeys(_split(words), Trait(size=size)))
    for place, words in PLACES.items():
        book.update(dict.fromkeys(_split(words), Trait(place=place)))
    for tone, words in TONES.items():
        book.update(dict.fromkeys(_split(words), Trait(tone=tone)))
    for words, (sky, brings) in MOODS.items():
        book.update(dict.fromkeys(_split(words), Mood(sky, brings)))
    for kind, words in NOUNS.items():
        book.update({plural(word): Noun(kind, several=True) for word in _split(words)})
        book.update({word: Noun(kind) for word in _split(words)})
    for kind, words in GROUPS.items():
        names = _split(words)
        book.update(dict.fromkeys([*names, *map(plural, names)], Noun(kind, several=True)))
    return book


def plural(word: str) -> str:
    """The regular English plural."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "sh", "ch", "x")) else f"{word}s"


def _split(words: str) -> list[str]:
    return [word.replace("_", " ") for word in words.split()]


_GRAMMAR: tuple[tuple[Grammar, str], ...] = (
    ("snowy", SNOWY),
    ("snowy after", SNOWY_AFTER),
    ("not", NEGATIONS),
    ("is", COPULAS),
    ("part", PARTS),
    ("alone", ALONE),
    ("behind", "behind"),
    ("between", "between"),
    ("break", BREAKS),
    ("filler", FILLERS),
)
