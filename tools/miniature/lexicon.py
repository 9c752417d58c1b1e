"""The miniature's vocabulary: how any English prompt becomes its few dozen words."""

from __future__ import annotations

from sandbox.painter import vocabulary as painter

SPECIALS = ("<pad>", "</s>", "<unk>", "<s>", ",")
PLAIN_NOUNS = {
    "stars": "star",
    "clouds": "cloud",
    "mountains": "mountain",
    "hills": "hill",
    "pines": "pine",
    "birds": "bird",
    "flowers": "flower",
}
MOODS = {
    "night midnight nighttime dark_sky night_sky": "night sky",
    "starry starlit starry_night starry_sky starry_night_sky": "night sky , star",
    "moonlit moonlight moonrise": "night sky , moon",
    "sunset sundown dusk evening sunset_sky": "sunset sky",
    "twilight": "purple sky",
    "dawn sunrise morning daybreak dawn_sky": "dawn sky",
    "golden_hour golden_light": "yellow sky",
    "overcast": "grey sky , cloud",
    "stormy storm rain rainy gloomy fog foggy mist misty hazy": "grey sky",
    "sunny sunshine": "blue sky , sun",
    "day daytime daylight noon midday clear_sky": "blue sky",
    "cloudy": "cloud",
    "winter wintry": "snow",
    "spring": "flower",
    "skies": "sky",
}
FILLERS = (
    "a an one single lone medium the of its very to from as full some several few many side there "
    "it this that front top background foreground scene picture painting landscape flat simple "
    "with over above in at on under below behind near by and beside before beneath through is are"
)


def vocabulary() -> list[str]:
    """Every token; its place is its id."""
    words = [*painter.COLOURS, "small", "big", *painter.PLACES, "sky", "night", "sunset", "dawn"]
    nouns = [PLAIN_NOUNS.get(kind, kind) for kind in painter.NOUNS]
    return [*SPECIALS, *words, "snowy", "no", *nouns]


def rules() -> list[tuple[str, str]]:
    """Regular expressions and what takes their place, in order, on lower-case text."""
    first, last = translations(), tidyings()
    return [*first, *last]


def translations() -> list[tuple[str, str]]:
    """The rules that put the vocabulary's words in the place of the many that mean the same."""
    phrases = _phrases()
    found = [(r"[,.;:!?()\[\]\"/…–—\n]+", " , "), (r"[^\w\s,]|_", " "), (r"\s+", " ")]
    for length in (4, 3, 2, 1):
        for target, names in _grouped(phrases, length).items():
            found.append((rf"\b(?:{'|'.join(names)})\b", target))
    return [*found, (r"\bsky(?:\s+sky\b)+", "sky")]


def tidyings() -> list[tuple[str, str]]:
    """The rules that drop every other word, and commas that part nothing."""
    keep = "|".join(sorted(set(vocabulary()) - set(SPECIALS)))
    found = [(rf"\b(?!(?:{keep})\b)\w+", " "), (r"(?:\s*,)+\s*", " , "), (r"\s+", " ")]
    return [*found, (r"^[\s,]+|[\s,]+$", "")]


def fillers() -> list[str]:
    """Words that are left out without a word about it."""
    return sorted(FILLERS.split())


def _phrases() -> dict[str, str]:
    """Each known phrase with its meaning in plain words."""
    book: dict[str, str] = {}
    tables = (
        painter.COLOURS,
        painter.PLACES,
        {k: v for k, v in painter.SIZES.items() if k != "medium"},
    )
    for table in tables:
        for target, names in table.items():
            book.update(dict.fromkeys(_split(names), target))
    for table in (painter.NOUNS, painter.GROUPS):
        for kind, names in table.items():
            target = PLAIN_NOUNS.get(kind, kind)
            for name in _split(names):
                book[name] = book[painter.plural(name)] = target
    for names, target in MOODS.items():
        book.update(dict.fromkeys(_split(names), target))
    book.update(dict.fromkeys(_split(f"{painter.SNOWY} {painter.SNOWY_AFTER}"), "snowy"))
    book.update(dict.fromkeys(_split(painter.NEGATIONS), "no"))
    return {name: target for name, target in book.items() if name != target}


def _grouped(phrases: dict[str, str], length: int) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, target in sorted(phrases.items()):
        if len(name.split()) == length:
            groups.setdefault(target, []).append(name)
    return groups


def _split(names: str) -> list[str]:
    return [name.replace("_", " ") for name in names.split()]
