"""Image files: the one strict loader, what a header says, and what is refused."""

from core.pictures.convert import Encoding, converted
from core.pictures.load import (
    MAX_PIXELS,
    Picture,
    encoded_thumbnail,
    inspect,
    load,
    reduced,
    source_digest,
    thumbnail,
)
from core.pictures.refusals import PictureError
from core.pictures.scale import resampled, scaled, within

__all__ = [
    "MAX_PIXELS",
    "Encoding",
    "Picture",
    "PictureError",
    "converted",
    "encoded_thumbnail",
    "inspect",
    "load",
    "reduced",
    "resampled",
    "scaled",
    "source_digest",
    "thumbnail",
    "within",
]
