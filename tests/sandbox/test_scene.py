"""What the painter reads out of a prompt."""

import pytest

from sandbox.painter.scene import Scene, Thing, known_words, read, unknown


@pytest.mark.parametrize(
    ("prompt", "sky"),
    [
        ("blue sky", "blue"),
        ("A PINK SKY!", "pink"),
        ("the sky is purple", "purple"),
        ("grey skies", "grey"),
        ("yellow sky", "golden"),
        ("golden hour", "golden"),
        ("sailing at dusk", "sunset"),
        ("early morning", "dawn"),
        ("pink sunset", "pink"),
        ("a night sky", "night"),
        ("blue night sky", "night"),
        ("Starry night over the sea", "night"),
        ("overcast", "grey"),
        ("a red house", None),
        ("red hills", None),
    ],
)
def test_the_sky_follows_its_words(prompt: str, sky: str | None) -> None:
    """Colours and moods set the sky; the colour of something else does not."""
    assert read(prompt).sky == sky


@pytest.mark.parametrize(
    ("prompt", "thing"),
    [
        ("a red house on the left", Thing("house", colour="red", place="left")),
        ("a big yellow moon", Thing("moon", colour="yellow", size="big")),
        ("snowy blue mountains", Thing("mountains", colour="blue", count=None, snowy=True)),
        ("snow-capped peaks", Thing("mountains", count=None, snowy=True)),
        ("mountains with snow", Thing("mountains", count=None, snowy=True)),
        ("teal ocean", Thing("sea", colour="teal")),
        ("two white sailboats", Thing("boat", colour="white", count=2)),
        ("hot-air balloons", Thing("balloon", count=None)),
        ("a village", Thing("house", count=None)),
        ("pine forest", Thing("pines", count=None)),
        ("a red wooden cabin", Thing("house", colour="brown")),
        ("the house is pink", Thing("house", colour="pink")),
        ("cherry tree with pink leaves", Thing("tree", colour="pink")),
        ("poppies", Thing("flowers", count=None)),
    ],
)
def test_a_thing_gets_what_describes_it(prompt: str, thing: Thing) -> None:
    """Colour, size, place, number and snow belong to the noun they stand with."""
    assert read(prompt).things == (thing,)


def test_traits_stay_with_their_own_noun() -> None:
    """Nothing leaks from one thing to its neighbour."""
    scene = read("a red house on the left and a tree on the right, blue hills, sun")
    assert scene.things == (
        Thing("house", colour="red", place="left"),
        Thing("tree", place="right"),
        Thing("hills", colour="blue", count=None),
        Thing("sun"),
    )


def test_the_colour_of_an_unknown_thing_is_not_borrowed() -> None:
    """A red dragon over the sea leaves the sea its own colour."""
    assert read("a red dragon over the sea").things == (Thing("sea"),)


def test_a_night_without_stars_has_none() -> None:
    """What must not be there is kept apart."""
    scene = read("night without stars, no clouds, a moon")
    assert (scene.sky, scene.absent) == ("night", ("stars", "clouds"))
    assert scene.things == (Thing("moon"),)


def test_unknown_words_are_told() -> None:
    """Only the words that mean nothing to the painter, in order."""
    assert unknown("A dragon over the blue sea, épique!") == ["dragon", "épique"]
    assert unknown("a red house under a blue sky") == []


def test_an_empty_prompt_leaves_everything_open() -> None:
    """No words, no wishes."""
    assert read("  \n ") == Scene()


def test_every_known_word_is_understood() -> None:
    """No word of the vocabulary is reported as unknown."""
    assert [word for word in known_words() if unknown(word)] == []


@pytest.mark.parametrize(
    "prompt", ["🌊🎈🏠", "山の上の赤い家", "----", "a", "no", "with snow", "snowy", "\x00\ud800"]
)
def test_strange_prompts_are_read(prompt: str) -> None:
    """Whatever is typed becomes a scene."""
    assert isinstance(read(prompt), Scene)


def test_tones_belong_to_the_noun_that_follows() -> None:
    """ "dark blue sea" is a dark sea, "dark green sky" a dark sky."""
    scene = read("a dark blue sea, a bright red house, dark green sky")
    assert [(thing.kind, thing.tone) for thing in scene.things] == [
        ("sea", "dark"),
        ("house", "bright"),
    ]
    assert (scene.sky, scene.tone) == ("green", "dark")


def test_what_is_between_has_the_others_at_its_sides() -> None:
    """A house between two trees stands in the middle."""
    for prompt in ("a house between two trees", "a house between a tree and a tree"):
        places = [(thing.kind, thing.place) for thing in read(prompt).things]
        assert places == [("house", "center"), ("tree", "left"), ("tree", "right")], prompt


def test_a_sun_behind_the_land_is_low_and_one_thing_can_be_alone() -> None:
    """Both are said with one word."""
    assert read("a red sun behind the mountains").things[0].low
    assert not read("a tree behind a house").things[0].low
    assert read("a lonely tree").alone
