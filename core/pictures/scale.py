"""Makes an image to start from smaller, as the service that gets it would, or larger."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO

from PIL import Image

from core.pictures.load import Picture

Size = tuple[int, int]


def within(size: Size, most: int) -> Size:
    """Return a size whose longer side has at most `most` pixels, in the same shape."""
    share = min(1.0, most / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def scaled(picture: Picture, most: int) -> Picture:
    """Return an image whose longer side has at most `most` pixels; the same one if it has.

    Blocking work, as `resampled`.
    """
    return resampled(picture, within((picture.width, picture.height), most))


def resampled(picture: Picture, size: Size) -> Picture:
    """Return an image of that size by Lanczos resampling; the same one if it has that size.

    Blocking work: call it in a thread. A photograph stays a JPEG, everything else is without loss.
    """
    if size == (picture.width, picture.height):
        return picture
    kind = picture.media_type.rpartition("/")[2]
    with Image.open(BytesIO(picture.data), formats=[kind]) as opened:
        other = opened.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = BytesIO()
    if kind == "jpeg":
        other.save(file, "JPEG", quality=95, subsampling=0)
    else:
        other.save(file, "PNG", compress_level=1)
    data = file.getvalue()
    facts = {"sha256": sha256(data).hexdigest(), "width": size[0], "height": size[1], "data": data}
    return picture.model_copy(update=facts)
