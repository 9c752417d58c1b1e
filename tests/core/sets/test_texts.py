"""Wildcards, styles and tables of requests: read by the rule, or refused in one sentence."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from core.errors import InputError
from core.sets.styles import Style, read_styles
from core.sets.table import read_table
from core.sets.wildcards import Wildcards
from tests.fakes import FakeText


def folder(tmp_path: Path, **lists: str) -> Path:
    for name, text in lists.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_seed_draws_the_words(tmp_path: Path) -> None:
    text = "# colours\nred\n\nblue\ngreen\n"
    wildcards = Wildcards.read(folder(tmp_path, colour=text, thing="a __colour__ boat"))
    assert wildcards.counts == {"colour": 3, "thing": 1}
    drawn = [wildcards.written("__thing__ and __colour__", seed) for seed in range(40)]
    assert drawn == [wildcards.written("__thing__ and __colour__", seed) for seed in range(40)]
    assert len(set(drawn)) == 9
    assert wildcards.written("snake_case__", 1) == "snake_case__"


def test_a_wildcard_in_itself_or_unknown_is_refused(tmp_path: Path) -> None:
    wildcards = Wildcards.read(folder(tmp_path, loop="a __loop__"))
    with pytest.raises(InputError, match="names itself"):
        wildcards.written("__loop__", 1)
    with pytest.raises(InputError, match="There is no wildcard “moon”") as caught:
        wildcards.written("__moon__", 1)
    assert "loop" in caught.value.advice


def test_only_files_inside_the_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a key")
    inside = tmp_path / "wildcards"
    inside.mkdir()
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert Wildcards.read(inside).counts == {}
    assert Wildcards.read(tmp_path / "nowhere").counts == {}


def test_styles_are_read_with_what_is_dropped() -> None:
    data = '\ufeffname,prompt,negative_prompt\nink,"{prompt}, ink drawing",photo\nfog,in fog,\n'
    ink, fog = read_styles(data.encode()).styles
    assert ink == Style("ink", "{prompt}, ink drawing", "photo")
    assert ink.applied("a boat") == "a boat, ink drawing"
    assert fog.applied("a boat, ") == "a boat, in fog"
    assert fog.applied("") == "in fog"
    assert (ink.around, fog.around) == (("", ", ink drawing"), ("", ", in fog"))


def test_a_line_that_is_no_style_is_told_by_its_number() -> None:
    """As A1111 writes them: headings between styles, prompts of several lines, a style twice."""
    data = (
        "name,prompt,negative_prompt\r\n"
        '"two lines","a,\nb",\r\n'
        "— ink —,,\r\n"
        "\r\n"
        ",lost words,\r\n"
        "no hands,,hands\r\n"
        "short\r\n"
        "fog,in mist,\r\n"
        "fog,in fog,,one cell too many\r\n"
    )
    found = read_styles(data.encode())
    assert [(style.name, style.prompt) for style in found.styles] == [
        ("two lines", "a,\nb"),
        ("fog", "in fog"),
    ]
    assert [said for _, said in found.errors] == [
        "Line 4: “— ink —” has no words.",
        "Line 6: the style has no name.",
        "Line 7: “no hands” has a negative prompt alone, which no backend here reads.",
        "Line 8: “short” has no words.",
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "must name the columns name and prompt"),
        ("name,prompt\né,x".encode("latin-1"), "not in UTF-8"),
        ("name,prompt\né,x".encode("utf-16"), "not in UTF-8"),
        (b'name,prompt\na,"b', "Line 2: the quotes do not match."),
        (b"x" * 2_000_001, "larger than 2 MB"),
        (b"name,prompt\n" + b"".join(b"%d,x\n" % n for n in range(2001)), "more than 2,000"),
    ],
)
def test_what_is_no_styles_file_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_styles(data)
    assert said in str(caught.value)
    assert caught.value.advice


def lines(*rows: list[object], mark: str = "\ufeff") -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return (mark + file.getvalue()).encode()


def test_a_thousand_lines_are_read_with_quotes_and_every_script() -> None:
    rows: list[list[object]] = [["Prompt", "seed", "guidance", "width"]]
    rows += [[f'夕焼けの海, "{n}"\nred', n, 3.5, ""] for n in range(1000)]
    reading = read_table(lines(*rows), FakeText, {"width": 128})
    assert (len(reading.requests), reading.errors) == (1000, [])
    _, last = reading.requests[-1]
    assert last == FakeText(prompt='夕焼けの海, "999"\nred', seed=999, guidance=3.5, width=128)


def test_a_bad_line_is_told_by_its_number_and_the_others_are_read() -> None:
    data = lines(["prompt", "steps"], ["a", 4], ["b", 4000], ["", 4], ["c", "few"], ["d", 5, 6])
    reading = read_table(data, FakeText, {})
    assert [line for line, _ in reading.requests] == [2]
    assert [line for line, _ in reading.errors] == [3, 4, 5, 6]
    assert reading.errors[0][1] == "Line 3: Steps must be a whole number from 1 to 50."
    assert "more cells" in reading.errors[3][1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (lines(["prompt", "sampler"], ["a", "b"]), "column “sampler”"),
        (lines(["prompt", "prompt"], ["a", "b"]), "is there twice"),
        (lines(["seed"], [1]), "“prompt” is missing"),
        (lines(["prompt"], *[["a"]] * 1001), "more than 1,000"),
        ("prompt\nöl".encode("latin-1"), "not in UTF-8"),
        (b'prompt\n"a', "quotes do not match"),
        (b"x" * 4_000_001, "larger than 4 MB"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_table(data, FakeText, {})
    assert said in str(caught.value)
    assert caught.value.advice


def test_utf_16_with_its_mark_is_read() -> None:
    reading = read_table("prompt\r\n海\r\n".encode("utf-16"), FakeText, {})
    assert [one.prompt for _, one in reading.requests] == ["海"]
