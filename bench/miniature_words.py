"""Says a complete scene in plain English, as somebody would ask for it."""

from __future__ import annotations

from sandbox.painter.scene import Scene, Thing
from sandbox.painter.vocabulary import plural

ONE = ("sun", "moon", "house", "tree", "boat", "balloon")
NUMBERS = {2: "two", 3: "three"}


def say(scene: Scene) -> str:
    """Everything in the scene, with colours, sizes, places and numbers."""
    skies = {"golden": "golden sky", "sunset": "sunset", "dawn": "dawn", "night": "night sky"}
    sky = skies.get(scene.sky or "", f"{scene.sky} sky")
    if scene.tone:
        sky = f"{scene.tone} {sky}"
    return ", ".join([sky, *(_phrase(thing) for thing in scene.things)])


def _phrase(thing: Thing) -> str:
    if thing.kind in ("stars", "birds", "pines", "snow") and not thing.tone:
        return {"pines": "pine trees"}.get(thing.kind, thing.kind)
    words = [thing.size or ""] if thing.kind in ONE and thing.size != "medium" else []
    words += ["snowy" if thing.snowy else "", thing.tone or "", thing.colour or ""]
    if thing.kind in ONE and thing.count in NUMBERS:
        return " ".join(filter(None, [NUMBERS[thing.count], *words, plural(thing.kind)]))
    phrase = " ".join(filter(None, [*words, thing.kind]))
    if thing.kind not in ONE:
        return phrase
    article = "an" if phrase[0] in "aeiou" else "a"
    return f"{article} {phrase} {'in the' if thing.place == 'center' else 'on the'} {thing.place}"
