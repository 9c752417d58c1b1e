"""The page's own scripts and styles are files of their own, with names that change with them."""

from __future__ import annotations

import base64
import re

import pytest
from starlette.testclient import TestClient

from tests.ui.server.test_assets import client as client
from ui import launch
from ui.server.gradio_patches import own_files
from ui.server.gradio_patches.own_files import INSIDE, with_twins


def test_a_script_is_answered_under_the_name_in_its_tag(client: TestClient) -> None:
    """Another text has another name, so that nobody runs what was kept of an earlier one."""
    tag = own_files.script("srpo = 1;")
    [name] = [part for part in tag.split('"') if part.endswith(".js")]
    found = client.get(name.removeprefix("."))
    assert (found.text, "immutable" in found.headers["cache-control"]) == ("srpo = 1;", True)
    assert found.headers["content-type"].startswith("text/javascript")
    assert own_files.script("srpo = 2;") != tag == own_files.script("srpo = 1;")
    assert client.get("/assets/own-0123456789abcdef.js").text == "other"


def test_a_style_sheet_is_answered_with_its_twins(client: TestClient) -> None:
    """By the name that the page gives in a link."""
    name = own_files.sheet(".a { color: red }")
    found = client.get(f"/assets/{name}")
    assert found.text == with_twins(".a { color: red }")
    assert found.headers["content-type"].startswith("text/css")


def test_an_image_is_answered_as_it_is(client: TestClient) -> None:
    """From the address in which it was written out; no compression is said that is not there."""
    address = own_files.image(f"data:image/webp;base64,{base64.b64encode(b'RIFF').decode()}")
    found = client.get(address.removeprefix("."), headers={"Accept-Encoding": "br"})
    assert (found.content, found.headers["content-type"]) == (b"RIFF", "image/webp")
    assert "content-encoding" not in found.headers


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (".a { b: c }", f".a, {INSIDE} .a{{b: c}}"),
        (".a, .b > p { c: d }", f".a, .b > p, {INSIDE} .a, {INSIDE} .b > p{{c: d}}"),
        (".a:not(.b, .c) { d: e }", f".a:not(.b, .c), {INSIDE} .a:not(.b, .c){{d: e}}"),
        (".dark .a { b: c }", f".dark .a, .dark {INSIDE} .a{{b: c}}"),
        ("@media print { .a { b: c } }", f"@media print{{{INSIDE} .a{{b: c}}}}"),
        ("@keyframes a { to { b: c } }", "@keyframes a{to { b: c }}"),
        ('/* { */ .a { b: "}" }', f'.a, {INSIDE} .a{{b: "}}"}}'),
    ],
)
def test_each_rule_has_a_twin_inside_the_page(given: str, made: str) -> None:
    """As strong as Gradio makes it; commas and braces that mean something else stay."""
    assert with_twins(given) == made


def test_no_rule_of_the_page_is_lost() -> None:
    """As many are in the sheet that is made as in those it is made from."""
    whole = launch._joined([*launch.STYLES, *launch.LATER_STYLES])
    bare = re.sub(r"/\*.*?\*/", "", whole, flags=re.DOTALL)
    made = with_twins(whole)
    assert made.count("{") == made.count("}") == bare.count("{") > 500
    assert made.count("@media") == bare.count("@media")
    assert made.count(INSIDE) > 0.9 * bare.count("{")
