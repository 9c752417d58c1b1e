"""Replays what the hub does with a built folder, and says in sentences what is wrong with it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import InputError
from deploy.space import builder, front_matter, upload_rules
from deploy.space.replay import UID, Environment, Running, Space, as_user, closed_reload, give
from deploy.space.visit import Image, Visitor

Line = tuple[bool, str]
"""Whether it is well, and a sentence about it."""
PAGE_S, IMAGE_S = 15.0, 5.0
"""How long a visitor may wait for the page after a start, and for an image after the page."""
IMPORT_ALL = """
import importlib, pkgutil
for room in ("core", "backends", "sandbox", "ui"):
    package = importlib.import_module(room)
    for one in pkgutil.walk_packages(package.__path__, room + "."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
import app
"""
SIGN_IN = "Sign in with Hugging Face"
ONCE_MORE = "After a restart with nothing but the bucket"


@dataclass(slots=True)
class Check:
    """One folder on its way; what was found so far is in `lines`."""

    space: Space
    python: Path | None = None
    environment: Path | None = None
    """Where to keep the installed environment for another time."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Further variables, beside those that the folder asks for."""
    stand_in: Path | None = None
    """A folder with a package `spaces` instead of the hub's, which needs its scheduler."""
    page_s: float = PAGE_S
    image_s: float = IMAGE_S

    def lines(self) -> Iterator[Line]:
        """Yield what is well and what is not, each as soon as it is known."""
        well = True
        for line in examined(self.space):
            well &= line[0]
            yield line
        if not well:
            yield False, "It was not installed or started: put that right first."
            return
        place = Path(tempfile.mkdtemp(prefix="space-"))
        place.chmod(0o755)
        try:
            yield from self._replayed(place)
        except (InputError, OSError) as error:
            yield False, f"{error}"
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _replayed(self, place: Path) -> Iterator[Line]:
        environment = Environment(
            self.space, self.environment or place / "environment", self.python
        )
        if said := environment.make():
            yield False, f"pip could not install it:\n{said[-3000:]}"
            return
        who = f"user {UID}" if as_user() else "you"
        yield True, f"It installs as {who}, by: pip {' '.join(environment.line)}"
        yield True, _which_python(environment)
        if said := _missing(environment):
            yield False, f"Not all of its modules can be imported:\n{said[-2000:]}"
            return
        yield True, "Every module it imports is there."
        bucket, more = place / "bucket", self._told(place)
        if self.space.zero and not self.stand_in:
            yield True, "Nothing here lends a GPU as ZeroGPU does: it runs as on a CPU."
        with _started(environment, place / "one", bucket, more) as first:
            yield _in_time("The first page came", first.first_page(), self.page_s)
            visitor = Visitor(first.address)
            image = visitor.image()
            said = f"An image by {image.backend} came"
            yield _in_time(said, image.seconds, self.image_s)
            if self.space.front.get("hf_oauth"):
                yield _offered(visitor)
            yield from _ended(first)
        with _started(environment, place / "two", bucket, more) as second:
            seconds = second.first_page()
            yield _in_time(f"{ONCE_MORE}, the first page came", seconds, self.page_s)
            yield _still_there(Visitor(second.address), image)
            yield from _ended(second)

    def _told(self, place: Path) -> dict[str, str]:
        """Return the further variables; with a stand-in, those of ZeroGPU."""
        if not self.stand_in:
            return dict(self.more)
        copy = place / "stand-in"
        shutil.copytree(self.stand_in, copy)
        give(copy)
        return {"SPACES_ZERO_GPU": "true", "PYTHONPATH": str(copy), **self.more}


def examined(space: Space) -> Iterator[Line]:
    """Yield what can be seen without installing anything."""
    front = space.front
    wrong = [*front_matter.troubles(front, space.folder), *_versions(space)]
    yield from ((False, one) for one in wrong)
    if not wrong:
        hardware = front.get("suggested_hardware")
        yield True, f"The front matter is one that the hub takes; its hardware is {hardware}."
    refused = list(upload_rules.troubles(space.folder))
    yield from ((False, one) for one in refused)
    if not refused:
        found = upload_rules.files(space.folder)
        large = sum(one.needs_rule for one in found)
        size = sum(one.size for one in found) / 1e6
        yield (
            True,
            (
                f"All of its {len(found)} files, {size:.1f} MB, can be pushed: "
                f"{len(found) - large} as text, {large} through LFS or Xet."
            ),
        )


def _versions(space: Space) -> Iterator[str]:
    """Say where the pins and what the builder adds cannot both hold."""
    text = (space.folder / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in lines:
        if line.startswith("-"):
            yield f"requirements.txt has the line {line}: the builder mounts that one file alone."
    pins = dict(re.findall(r"^([\w-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))
    if pins.get("gradio") != space.front.get("sdk_version"):
        yield f"requirements.txt pins gradio {pins.get('gradio')}, and sdk_version is another."
    if not space.zero:
        return
    if space.front.get("python_version") not in builder.ZERO_PYTHONS:
        yield f"ZeroGPU has Python {' and '.join(builder.ZERO_PYTHONS)}; python_version is another."
    torch = tuple(int(part) for part in re.findall(r"\d+", pins.get("torch", "0"))[:3])
    if not builder.OLDEST_TORCH <= torch <= builder.NEWEST_TORCH:
        yield f"ZeroGPU takes torch from 2.8.0 to 2.13.0; requirements.txt has {pins.get('torch')}."


def _which_python(environment: Environment) -> str:
    wanted = environment.space.front["python_version"]
    if environment.exact:
        return f"It runs on {environment.chosen}, for Python {wanted} of the front matter."
    mine = ".".join(str(number) for number in sys.version_info[:2])
    return f"Python {wanted} of the front matter is not on this machine: it runs on {mine}."


def _missing(environment: Environment) -> str:
    """Import everything in a copy of the folder; return what went wrong, if anything."""
    code = [str(environment.python), "-c", IMPORT_ALL]
    with tempfile.TemporaryDirectory(prefix="space-") as name:
        copy = Path(name)
        shutil.copytree(environment.space.folder, copy, dirs_exist_ok=True)
        copy.chmod(0o777)
        done = environment.run([*code[:1], "-B", *code[1:]], copy)
    return done.stdout.strip() if done.returncode else ""


@contextmanager
def _started(
    environment: Environment, place: Path, bucket: Path, more: Mapping[str, str]
) -> Iterator[Running]:
    """Run the Space; where it does not answer, raise InputError with the end of its log."""
    with closed_reload(), Running(environment, place, bucket, more) as running:
        try:
            yield running
        except OSError as error:
            said = f"It does not answer as it should: {error}. The end of its log:"
            raise InputError(f"{said}\n{running.output[-3000:]}") from error


def _in_time(said: str, seconds: float, limit: float) -> Line:
    late = "" if seconds <= limit else f"; {limit:g} s is the limit"
    return not late, f"{said} after {seconds:.1f} s{late}."


def _offered(visitor: Visitor) -> Line:
    there = SIGN_IN in visitor.labels()
    return there, f"“{SIGN_IN}” is {'offered' if there else 'not offered'}."


def _still_there(visitor: Visitor, image: Image) -> Line:
    if visitor.kept(image):
        return True, f"{ONCE_MORE}, the history has the image, with the same file."
    return False, f"{ONCE_MORE}, the image is lost."


def _ended(running: Running) -> Iterator[Line]:
    if not running.stop():
        yield False, "It did not end when it was asked to."
    if troubled(running.output):
        yield False, f"Its log has a traceback:\n{running.output[-3000:]}"


def troubled(log: str) -> bool:
    """Whether a log tells of an error that somebody met.

    On a Space Gradio leaves event loops half closed; what Python says when it clears them away
    harms nobody.
    """
    lines = log.splitlines()
    starts = (n for n, line in enumerate(lines) if line.startswith("Traceback (most recent"))
    return any(not (n and lines[n - 1].startswith("Exception ignored in")) for n in starts)


def check(chosen: Check) -> int:
    """Print what is found as it is found; return the exit status."""
    well = True
    for right, sentence in chosen.lines():
        well &= right
        sys.stdout.write(f"{'well ' if right else 'WRONG'} {sentence}{os.linesep}")
        sys.stdout.flush()
    return 0 if well else 1
