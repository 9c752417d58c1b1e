"""Image files: the one strict loader, what a header says, and what is refused."""

from core.pictures.load import MAX_PIXELS, Picture, inspect, load, thumbnail
from core.pictures.refusals import PictureError

__all__ = ["MAX_PIXELS", "Picture", "PictureError", "inspect", "load", "thumbnail"]
