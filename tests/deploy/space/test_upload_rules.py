"""What a plain push to the hub takes: told before it is refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.space import upload_rules
from deploy.space.build import build
from deploy.space.kinds import Plan
from deploy.space.upload_rules import File, attributes

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n".format("0" * 64)


has_git = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")


def git(folder: Path, *arguments: str) -> None:
    own = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    subprocess.run(own, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("data", "binary"),
    [
        (b"", False),
        ("Grüße".encode(), False),
        (b"a\0b", True),
        ("Grüße".encode("latin-1"), True),
        (b"\x89PNG\r\n", True),
    ],
)
def test_a_file_is_text_or_it_is_binary(data: bytes, binary: bool) -> None:
    """A zero byte makes it binary, and so does what is no UTF-8."""
    assert upload_rules.is_binary(data) is binary


def test_rules_are_made_for_what_needs_them_alone() -> None:
    """By ending; by its whole path what has none; what is too large for git too."""
    large = upload_rules.LARGEST + 1
    found = [
        File("a/one.npz", 5, True),
        File("two.npz", 5, True),
        File("bin/tool", 5, True),
        File("big.json", large, False),
        File("app.py", 5, False),
    ]
    lines = attributes(found).splitlines()
    assert [line.split()[0] for line in lines] == ["*.json", "*.npz", "bin/tool"]
    assert all(line.endswith("filter=lfs diff=lfs merge=lfs -text") for line in lines)


def test_every_file_of_a_built_folder_can_be_pushed(tmp_path: Path) -> None:
    """And the weights of the miniature go through LFS or Xet."""
    found = build(Plan.of("zero"), tmp_path / "space")
    assert not list(upload_rules.troubles(tmp_path / "space"))
    assert [one.path for one in found if one.needs_rule] == ["assets/miniature/weights.npz"]
    assert sum(one.size for one in found) < 10_000_000
    (tmp_path / "space" / ".gitattributes").write_text("*.png filter=lfs\n")
    (said,) = upload_rules.troubles(tmp_path / "space")
    assert said.startswith("assets/miniature/weights.npz is binary and has no rule")


@has_git
def test_a_file_is_found_in_its_history_too(tmp_path: Path) -> None:
    """The hub looks at every commit: what was removed or given a rule later is still there."""
    git(tmp_path, "init", "-q")
    (tmp_path / "app.py").write_text("print()")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a picture")
    (tmp_path / "picture.png").write_text(POINTER)  # as git-lfs keeps it
    (tmp_path / ".gitattributes").write_text(f"*.png {upload_rules.RULE}\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "filter.lfs.clean=cat", "commit", "-qm", "a rule")
    said = list(upload_rules.troubles(tmp_path))
    assert len(said) == 1
    assert said[0].startswith("In its history: picture.png is binary")


@has_git
def test_a_pointer_in_the_history_is_what_belongs_there(tmp_path: Path) -> None:
    """A repository that was begun with a rule passes."""
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitattributes").write_text(f"*.png {upload_rules.RULE}\n")
    (tmp_path / "picture.png").write_text(POINTER)
    git(tmp_path, "-c", "filter.lfs.clean=cat", "add", ".")
    git(tmp_path, "commit", "-qm", "all")
    assert not list(upload_rules.troubles(tmp_path))
