"""The miniature's vocabulary: how any English prompt becomes its few dozen words."""

from __future__ import annotations

from sandbox.painter import vocabulary as painter
from sandbox.painter.vocabulary import Kind

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
COUNTED: dict[Kind, str] = {
    "house": "houses",
    "tree": "trees",
    "boat": "boats",
    "balloon": "balloons",
}
"""What is painted once, twice or three times, and the word for several."""
NUMBERS = {"two": "2 pair couple", "three": "3"}
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
    "a an one single medium the of its very to from as full some several few many side there "
    "it this that front top background foreground scene picture painting landscape flat simple "
    "with over above in at on under below near by and beside before beneath through is are"
)


def vocabulary(words: int | None = None) -> list[str]:
    """Every token; its place is its id. Weights that are older know the first `words` alone."""
    first = [*painter.COLOURS, "small", "big", *painter.PLACES, "sky", "night", "sunset", "dawn"]
    nouns = [PLAIN_NOUNS.get(kind, kind) for kind in painter.NOUNS]
    later = [*NUMBERS, *painter.TONES, "alone", "behind", "between", *COUNTED.values()]
    return [*SPECIALS, *first, "snowy", "no", *nouns, *later][:words]


def rules(words: int | None = None) -> list[tuple[str, str]]:
    """Regular expressions and what takes their place, in order, on lower-case text."""
    first, last = translations(words), tidyings(words)
    return [*first, *last]


def translations(words: int | None = None) -> list[tuple[str, str]]:
    """The rules that put the vocabulary's words in the place of the many that mean the same."""
    phrases = _phrases(set(vocabulary(words)))
    found = [(r"[,.;:!?()\[\]\"/…–—\n]+", " , "), (r"[^\w\s,]|_", " "), (r"\s+", " ")]
    for length in (4, 3, 2, 1):
        for target, names in _grouped(phrases, length).items():
            found.append((rf"\b(?:{'|'.join(names)})\b", target))
    return [*found, (r"\bsky(?:\s+sky\b)+", "sky")]


def tidyings(words: int | None = None) -> list[tuple[str, str]]:
    """The rules that drop every other word, and commas that part nothing."""
    keep = "|".join(sorted(set(vocabulary(words)) - set(SPECIALS)))
    found = [(rf"\b(?!(?:{keep})\b)\w+", " "), (r"(?:\s*,)+\s*", " , "), (r"\s+", " ")]
    return [*found, (r"^[\s,]+|[\s,]+$", "")]


def fillers() -> list[str]:
    """Words that are left out without a word about it."""
    return sorted(FILLERS.split())


def _phrases(known: set[str]) -> dict[str, str]:
    """Each phrase with its meaning in known words; without those that have none."""
    book: dict[str, str] = {}
    tables = (
        painter.COLOURS,
        painter.PLACES,
        painter.TONES,
        NUMBERS,
        {k: v for k, v in painter.SIZES.items() if k != "medium"},
    )
    for table in tables:
        for target, names in table.items():
            book.update(dict.fromkeys(_split(names), target))
    for table in (painter.NOUNS, painter.GROUPS):
        for kind, names in table.items():
            target = PLAIN_NOUNS.get(kind, kind)
            for name in _split(names):
                several = COUNTED[kind] if COUNTED.get(kind) in known else target
                book[name] = several if table is painter.GROUPS else target
                book[painter.plural(name)] = several
    for names, target in MOODS.items():
        book.update(dict.fromkeys(_split(names), target))
    book.update(dict.fromkeys(_split(f"{painter.SNOWY} {painter.SNOWY_AFTER}"), "snowy"))
    book.update(dict.fromkeys(_split(painter.NEGATIONS), "no"))
    book.update(dict.fromkeys(_split(painter.ALONE), "alone"))
    return {
        name: target
        for name, target in book.items()
        if name != target and known.issuperset(target.split())
    }


def _grouped(phrases: dict[str, str], length: int) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, target in sorted(phrases.items()):
        if len(name.split()) == length:
            groups.setdefault(target, []).append(name)
    return groups


def _split(names: str) -> list[str]:
    return [name.replace("_", " ") for name in names.split()]
