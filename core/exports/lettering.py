"""Writes text into images, each letter in the first font of this machine that has it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from PIL import ImageDraw, ImageFont

from core.words import english

FONTS = (
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf"),
    *("wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf"),  # Linux
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "Arial Unicode.ttf"),  # macOS
    *("msyh.ttc", "msgothic.ttc", "malgun.ttf", "arial.ttf"),  # Windows
    *("NotoSans-Regular.ttf", "DejaVuSans.ttf"),
)
"""Asked for by name, behind the one that Pillow brings, which knows Western letters alone."""
UNKNOWN = "□"
"""Stands for a letter that no font here has; DejaVu and Pillow's own have it."""
_NO_FONT_HAS = "\uffff"


class Lettering:
    """Writes lines, and keeps in mind which letters no font of this machine has."""

    def __init__(self, fonts: tuple[str, ...] = FONTS) -> None:
        self._found = list(_installed(fonts))
        self._sized: dict[tuple[int, int], ImageFont.FreeTypeFont] = {}
        self._choice: dict[str, int] = {}
        self.missing: set[str] = set()

    @property
    def note(self) -> str:
        """A sentence on the letters that could not be written; "" when there are none."""
        if not self.missing:
            return ""
        return english("exports-letter-for-which-server-has", unknown=UNKNOWN)

    def write(
        self,
        pen: ImageDraw.ImageDraw,
        place: tuple[int, int],
        text: str,
        size: int,
        ink: str,
        width: int,
    ) -> None:
        """Write a line that ends in … where it would be wider than `width` pixels."""
        text = "".join(self._shown(letter) for letter in " ".join(text.split()))
        if self._length(text, size) > width:
            text = self._cut(text, size, width)
        x, y = place
        base = y + self._font(0, size).getmetrics()[0]
        for number, run in self._runs(text):
            font = self._font(number, size)
            pen.text((x, base), run, fill=ink, font=font, anchor="ls")
            x += round(font.getlength(run))

    def _cut(self, text: str, size: int, width: int) -> str:
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._length(text[:middle].rstrip() + "…", size) <= width:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "…"

    def _length(self, text: str, size: int) -> float:
        return sum(self._font(number, size).getlength(run) for number, run in self._runs(text))

    def _runs(self, text: str) -> Iterator[tuple[int, str]]:
        for number, letters in groupby(text, self._number):
            yield number, "".join(letters)

    def _shown(self, letter: str) -> str:
        """Return a letter as it can be written; marks that join others are left out."""
        if unicodedata.category(letter) in ("Cf", "Cc", "Cs", "Mn", "Me"):
            return ""
        if self._number(letter) >= 0:
            return letter
        self.missing.add(letter)
        return UNKNOWN if self._number(UNKNOWN) >= 0 else "?"

    def _number(self, letter: str) -> int:
        """Return which font has a letter; -1 when none has."""
        if letter not in self._choice:
            numbers = range(len(self._found) + 1)
            self._choice[letter] = next((n for n in numbers if self._has(n, letter)), -1)
        return self._choice[letter]

    def _has(self, number: int, letter: str) -> bool:
        if letter == " ":
            return True
        font = self._font(number, 16)
        return bytes(font.getmask(letter)) != bytes(font.getmask(_NO_FONT_HAS))

    def _font(self, number: int, size: int) -> ImageFont.FreeTypeFont:
        if (number, size) not in self._sized:
            base = ImageFont.load_default(16) if number <= 0 else self._found[number - 1]
            if not isinstance(base, ImageFont.FreeTypeFont):
                raise TypeError("Pillow was built without FreeType.")
            self._sized[number, size] = base.font_variant(size=size)
        return self._sized[number, size]


def _installed(names: tuple[str, ...]) -> Iterator[ImageFont.FreeTypeFont]:
    for name in names:
        try:
            yield ImageFont.truetype(name, 16)
        except OSError:  # not on this machine
            continue
