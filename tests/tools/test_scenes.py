"""The scenes that are trained on, and what is said about them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from sandbox.painter.vocabulary import COLOURS
from tools.miniature.captions import describe
from tools.miniature.lexicon import vocabulary
from tools.miniature.scenes import COLOURLESS, COUNTABLE, KINDS, LEFT_OUT, draw_scene, scene_of
from tools.miniature.words import END, TOKENS, encode_words

SCENES = [scene_of(seed) for seed in range(6000)]


def test_every_thing_is_painted_in_every_colour_but_the_pairs_left_out() -> None:
    """The pairs left out show whether it can put one together."""
    seen = {(thing.kind, thing.colour) for scene in SCENES for thing in scene.things}
    assert not seen & LEFT_OUT
    for kind in KINDS:
        if kind not in (*COLOURLESS, "snow"):
            missing = {c for c in COLOURS if (kind, c) not in seen and (kind, c) not in LEFT_OUT}
            assert not missing, (kind, missing)


def test_there_are_one_two_and_three_of_what_can_be_counted() -> None:
    """And two of a kind in two colours."""
    counts = Counter((t.kind, t.count) for scene in SCENES for t in scene.things)
    for kind in COUNTABLE:
        assert all(counts[kind, number] > 30 for number in (1, 2, 3)), kind
    pairs = sum(len({t.colour for t in scene.things if t.kind == "house"}) == 2 for scene in SCENES)
    assert pairs > 20


def test_nothing_is_beside_what_is_alone() -> None:
    """A ground and the one thing."""
    assert all(len(scene.things) == 2 for scene in SCENES if scene.alone)


def test_captions_keep_to_the_vocabulary_and_say_how_many() -> None:
    """Every word has a token; two houses are called two, or at least several."""
    known, said = set(vocabulary()), Counter[str]()
    for seed in range(1500):
        chance = np.random.default_rng((seed, 5))
        scene = draw_scene(chance)
        text = describe(scene, chance)
        words = text.split()
        assert set(words) <= known, text
        said.update(words)
        single = {t.kind for t in scene.things if t.kind in COUNTABLE and t.count == 1}
        several = {t.kind for t in scene.things if t.kind in COUNTABLE and t.count != 1}
        if several and not single:
            assert not {str(kind) for kind in several} & set(words) or "no" in words, text
    for word in ("two", "three", "dark", "bright", "alone", "behind", "between", "houses"):
        assert said[word] > 3, word


def test_token_ids_end_within_their_number() -> None:
    """A long caption is cut, not broken."""
    row = encode_words(" ".join(["red"] * 50), begins=True)
    assert len(row) == TOKENS and row[-1] == END
