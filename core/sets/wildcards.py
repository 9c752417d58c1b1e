"""Wildcards: `__name__` in a prompt stands for a line of the text file of that name.

The files lie in the folder `wildcards` of the data folder. A seed draws the lines, so that an image
can be made again; what was drawn is in the prompt that is kept with it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.words import english

NAME = re.compile(r"__([A-Za-z0-9][A-Za-z0-9 _./-]*?)__")
MOST_DRAWN = 100
MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Wildcards:
    """Lists of words by name."""

    lists: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, folder: Path) -> Wildcards:
        """Read every text file of a folder and of the folders in it; other files are left alone.

        A list is called by its path without `.txt`. Empty lines and lines that begin with # do not
        count.
        """
        lists = {}
        for file in sorted(folder.rglob("*.txt")):
            inside = file.resolve().is_relative_to(folder.resolve())
            if not inside or file.stat().st_size > MOST_BYTES:
                continue
            text = file.read_text(encoding="utf-8-sig", errors="replace")
            lines = (line.strip() for line in text.splitlines())
            words = tuple(line for line in lines if line and not line.startswith("#"))
            if words:
                lists[file.relative_to(folder).with_suffix("").as_posix()] = words
        return cls(lists)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many words each list has, by its name."""
        return {name: len(words) for name, words in self.lists.items()}

    def written(self, prompt: str, seed: int) -> str:
        """Return a prompt with every `__name__` replaced by a word of its list.

        The same seed draws the same words. A word may name a list itself; one that leads back to
        itself is refused. Raises InputError for that and for a list that is not there.
        """
        draw = random.Random(f"wildcards {seed}")
        for _ in range(MOST_DRAWN):
            match = NAME.search(prompt)
            if match is None:
                return prompt
            words = self.lists.get(match[1])
            if words is None:
                raise InputError(
                    english("sets-there-no-wildcard", match=match[1][:40]),
                    field="prompt",
                    advice=english("sets-wildcards", names=", ".join(self.lists))
                    if self.lists
                    else english("sets-wildcards-none"),
                )
            prompt = prompt[: match.start()] + draw.choice(words) + prompt[match.end() :]
        raise InputError(
            english("sets-wildcard-in-prompt-names-itself", most_drawn=MOST_DRAWN),
            field="prompt",
            advice=english("sets-take-out-its-own-list"),
        )
