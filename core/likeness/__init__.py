"""What images look like: their colours, how alike they are, and which are the same; no model."""

from core.likeness.colour import colour_in
from core.likeness.descriptor import VERSION, Descriptor, describe, describe_file
from core.likeness.index import Index, Probe
from core.likeness.pairs import Alike
from core.likeness.same import SameImage

__all__ = [
    "VERSION",
    "Alike",
    "Descriptor",
    "Index",
    "Probe",
    "SameImage",
    "colour_in",
    "describe",
    "describe_file",
]
