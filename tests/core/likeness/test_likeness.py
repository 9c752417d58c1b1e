"""What images look like: colours, likeness, and what shows the same image."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core import pictures
from core.errors import InputError
from core.likeness import Index, Probe, SameImage, colour_in, describe, describe_file
from core.likeness.descriptor import COLOUR_BYTES, LAYOUT_BYTES
from tests.core.likeness.images import SCENES, encoded, plain, scaled, scene

pytestmark = pytest.mark.slow

ANY = 10


def index_of(*images: Image.Image, owner: str = "ann") -> Index:
    index = Index()
    for number, image in enumerate(images):
        index.put(number, owner, describe(image))
    return index


def closest(index: Index, probe: Probe, owner: str = "ann") -> list[int]:
    return index.closest(owner, probe, most=ANY)[0].tolist()


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (2000, 31), (33, 900)])
def test_every_image_has_a_descriptor_of_the_same_length(size: tuple[int, int]) -> None:
    """Rows of one table are compared: none may be longer or shorter."""
    found = describe(plain("#4488d8", size))
    assert (len(found.colours), len(found.layout)) == (COLOUR_BYTES, LAYOUT_BYTES)


def test_a_descriptor_is_the_same_in_every_process_and_for_every_mode() -> None:
    """What was described when it was saved is compared with what is described today."""
    image = scene("meadow")
    assert describe(image) == describe(image.copy()) == describe(image.convert("RGBA"))
    assert describe_file(encoded(image)) == describe(image)


def test_the_shares_of_the_dominant_colours_add_up_and_the_largest_is_first() -> None:
    """A quarter of red is a quarter, however the rest is divided."""
    image = plain("#f6f4ee", (80, 80))
    image.paste("#d0463c", (0, 0, 40, 40))
    shares = [one[3] for one in np.frombuffer(describe(image).colours, np.uint8).reshape(-1, 4)]
    assert shares[:3] == [191, 64, 0]


def test_images_in_a_colour_are_found_and_those_without_it_are_not() -> None:
    """A small part counts less than a large one, and another colour not at all."""
    some = plain("#f6f4ee")
    some.paste("#d0463c", (0, 0, 30, 64))
    index = index_of(plain("#62a05e"), some, plain("#d0463c"), plain("#4a7ac6"))
    assert closest(index, Probe(colour_in("#d0463c"))) == [2, 1]


def test_a_shade_beside_the_colour_still_counts() -> None:
    """Nobody hits a colour exactly with a picker."""
    index = index_of(plain("#d0463c"), plain("#62a05e"))
    assert closest(index, Probe(colour_in("#c84038"))) == [0]


@pytest.mark.parametrize("name", SCENES)
def test_the_same_scene_with_another_seed_is_more_alike_than_any_other(name: str) -> None:
    """More images like one: its siblings come first."""
    images = [scene(other, seed) for other in SCENES for seed in (1, 2, 3)]
    names = [other for other in SCENES for _ in (1, 2, 3)]
    found = closest(index_of(*images), Probe(like=describe(scene(name, 4))))
    assert [names[number] for number in found[:3]] == [name] * 3


def test_with_a_colour_and_an_image_the_colour_chooses_and_likeness_orders() -> None:
    """Both wishes hold at once."""
    red_above, red_below = plain("#4a7ac6"), plain("#4a7ac6")
    red_above.paste("#d0463c", (0, 0, 96, 20))
    red_below.paste("#d0463c", (0, 30, 96, 64))
    index = index_of(red_below, plain("#4a7ac6"), red_above, plain("#62a05e"))
    red = colour_in("#d0463c")
    assert closest(index, Probe(red)) == [0, 2]
    assert closest(index, Probe(red, describe(red_above))) == [2, 0]


def test_another_owners_images_are_never_near() -> None:
    """The index is one for all owners; a question is one owner's."""
    index = index_of(plain("#d0463c"))
    index.put(7, "bob", describe(plain("#d0463c")))
    red = Probe(colour_in("#d0463c"))
    assert (closest(index, red), closest(index, red, "bob"), closest(index, red, "eve")) == (
        [0],
        [7],
        [],
    )
    index.hand_over("bob", "ann")
    assert closest(index, red) == [7, 0]
    assert closest(index, red, "bob") == []


def test_of_equally_near_images_the_newer_is_first_and_a_limit_keeps_the_first() -> None:
    """Pages follow each other: the order may not depend on how many are asked for."""
    index = index_of(*[plain("#d0463c")] * 30)
    probe = Probe(colour_in("#d0463c"))
    whole = index.closest("ann", probe, most=30)[0].tolist()
    assert whole == [*range(29, -1, -1)]
    assert [index.closest("ann", probe, most=n)[0].tolist() for n in (1, 7)] == [
        whole[:1],
        whole[:7],
    ]


def test_only_some_are_compared_where_others_do_not_fit_a_filter() -> None:
    """A filter chooses before the nearest are counted."""
    index = index_of(*[plain("#d0463c")] * 5)
    among = np.array([1, 3, 99])
    found, _ = index.closest("ann", Probe(colour_in("#d0463c")), most=ANY, among=among)
    assert found.tolist() == [3, 1]


def test_an_entry_that_is_described_again_is_there_once() -> None:
    """Numbers of deleted entries are used again: the old image must not answer for the new one."""
    index = index_of(plain("#d0463c"))
    index.put(0, "ann", describe(plain("#4a7ac6")))
    assert len(index) == 1
    assert closest(index, Probe(colour_in("#d0463c"))) == []
    assert index.of(0) == describe(plain("#4a7ac6"))
    assert index.of(1) is None


def test_thousands_of_rows_are_added_and_compared() -> None:
    """The table grows as it is filled, and no row is lost where it does."""
    blue, red = describe(plain("#4a7ac6")), describe(plain("#d0463c"))
    index = Index()
    index.extend([(n, "ann", red if n % 1000 == 5 else blue) for n in range(3000)])
    index.put(3000, "ann", red)
    assert closest(index, Probe(colour_in("#d0463c"))) == [3000, 2005, 1005, 5]
    assert closest(index, Probe(like=red))[:4] == [3000, 2005, 1005, 5]


VARIANTS = {
    "JPEG 90": lambda image: encoded(image, "JPEG", quality=90),
    "JPEG 50": lambda image: encoded(image, "JPEG", quality=50),
    "WebP 80": lambda image: encoded(image, "WEBP", quality=80),
    "half": lambda image: encoded(scaled(image, 0.5)),
    "double": lambda image: encoded(scaled(image, 2)),
    "0.7 as JPEG": lambda image: encoded(scaled(image, 0.7), "JPEG", quality=75),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SCENES)
def test_an_image_encoded_again_or_scaled_is_the_same(name: str, variant: str) -> None:
    """Its layout is nearly equal, and its thumbnail shows the same details."""
    own = pictures.thumbnail(encoded(scene(name)))
    other = pictures.thumbnail(VARIANTS[variant](scene(name)))
    index = Index()
    index.put(5, "ann", describe_file(other))
    assert index.nearly("ann", describe_file(own)).tolist() == [5]
    assert SameImage(own).is_shown_by(other)


@pytest.mark.parametrize("name", SCENES)
def test_the_same_scene_made_with_another_seed_is_another_image(name: str) -> None:
    """A duplicate is what may be thrown away: nobody wants to lose a variant."""
    own = SameImage(pictures.thumbnail(encoded(scene(name))))
    assert not own.is_shown_by(pictures.thumbnail(encoded(scene(name, 2))))
    turned = scene(name).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert not own.is_shown_by(pictures.thumbnail(encoded(turned)))


def test_images_without_any_detail_are_the_same_and_another_shape_is_not() -> None:
    """A plain surface has nothing to compare but its shape."""
    own = SameImage(pictures.thumbnail(encoded(plain("#4a7ac6", (320, 240)))))
    assert own.is_shown_by(pictures.thumbnail(encoded(plain("#4a7ac6", (160, 120)), "JPEG")))
    assert not own.is_shown_by(pictures.thumbnail(encoded(plain("#4a7ac6", (240, 320)))))
    assert not own.is_shown_by(pictures.thumbnail(encoded(scene("meadow"))))


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#4488d8", (68, 136, 216)),
        (" 4488D8 ", (68, 136, 216)),
        ("#48d", (68, 136, 221)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ("rgba(68.4, 135.6, 216, 1)", (68, 136, 216)),
    ],
)
def test_a_colour_is_read_as_people_and_pickers_write_it(
    text: str, colour: tuple[int, int, int]
) -> None:
    """Gradio's colour picker sends fractions."""
    assert colour_in(text) == colour


@pytest.mark.parametrize(
    "text", ["blue", "#12345", "#gggggg", "rgb(1, 2)", "rgb(1,2,300)", "rgb(1..2,3,4)", "#" * 500]
)
def test_what_is_no_colour_gets_one_sentence(text: str) -> None:
    """It names the field and shows how a colour is written."""
    with pytest.raises(InputError, match="is not a colour") as refused:
        colour_in(text)
    assert refused.value.field == "colour"
    assert "#4488d8" in refused.value.advice
    assert len(str(refused.value)) < 80
