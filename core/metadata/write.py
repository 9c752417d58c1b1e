"""Puts our texts and IPTC's mark into an image file, or takes all metadata out; pixels stay."""

from __future__ import annotations

from xml.sax.saxutils import escape

from core.metadata.texts import (
    APP1,
    COMMENT,
    INFOTEXT,
    JOB,
    JOB_ELEMENT,
    JOB_FOOT,
    JOB_HEAD,
    PIECE,
    SOURCE_TYPE,
    XMP,
    XMP_PREFIX,
    named_texts,
)
from core.pictures import containers, exif
from core.pictures.containers import (
    MAX_SEGMENT,
    TRAILER,
    ContainerError,
    Part,
    jpeg_segment,
    webp_chunk,
)
from core.words import english

MAX_JOB = 1_000_000

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)
_RDF_END = b"</rdf:RDF>"
_MARK = (
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>"
    "</rdf:Description>"
).encode()
_PIECE_LETTERS = 15_000
_APP0, _APP2, _APP14 = b"\xe0", b"\xe2", b"\xee"
_PNG_PIXELS = set(b"IHDR PLTE IDAT IEND tRNS bKGD gAMA cHRM sRGB iCCP cICP sBIT pHYs".split())
_PNG_MOVING = set(b"acTL fcTL fdAT mDCV cLLI".split())
_JPEG_PIXELS = {bytes([n]) for n in (*range(0xC0, 0xD0), 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD)}
_JPEG_COLOURS = {_APP0: b"JFIF\0", _APP2: b"ICC_PROFILE\0", _APP14: b"Adobe"}
_WEBP_PIXELS = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"}


def embed(data: bytes, infotext: str, job: str) -> bytes:
    """Put our two texts into an image; an earlier job of ours gives way, all else stays."""
    if len(job) > MAX_JOB:
        raise ContainerError(english("images-record-image-too-long-kept"))
    container, parts = containers.parse(data)
    if container == "png":
        parts = _into_png(parts, infotext, job)
    elif container == "jpeg":
        parts = _into_jpeg(parts, infotext, job)
    else:
        parts = _into_webp(parts, infotext, job)
    return containers.join(container, parts)


def mark(data: bytes) -> bytes:
    """Say in the file's XMP, in IPTC's words, that a trained model made the image.

    A file that says so already is returned as it is. Raises ContainerError where the XMP of the
    file leaves no room for it.
    """
    container, parts = containers.parse(data)
    if marked(data):
        return data
    if container == "png":
        name = f"{XMP}\0".encode()
        old = _taken(parts, b"iTXt", name + bytes(4)).removeprefix(name + bytes(4))
        fresh = [containers.png_chunk(b"iTXt", name + bytes(4) + one) for one in _with(old, _MARK)]
        return containers.join("png", [parts[0], *fresh, *parts[1:]])
    if container == "jpeg":
        at = 2 if parts[1].kind == _APP0 else 1
        at += parts[at].kind == APP1 and parts[at].body.startswith(exif.PREFIX)
        old = _taken(parts, APP1, XMP_PREFIX).removeprefix(XMP_PREFIX)
        packets = _with(old, _MARK)
        if any(len(XMP_PREFIX + packet) > MAX_SEGMENT for packet in packets):
            packets = [*_with(b"", _MARK), old]
        fresh = [jpeg_segment(APP1, XMP_PREFIX + packet) for packet in packets]
        return containers.join("jpeg", [*parts[:at], *fresh, *parts[at:]])
    parts = _with_header(parts)
    old = _taken(parts, b"XMP ")
    at = len(parts) - (parts[-1].kind == TRAILER)
    fresh = [webp_chunk(b"XMP ", packet) for packet in _with(old, _MARK)]
    has_exif = any(part.kind == b"EXIF" for part in parts)
    flags = containers.WEBP_XMP | (containers.WEBP_EXIF if has_exif else 0)
    return containers.join("webp", _flagged([*parts[:at], *fresh, *parts[at:]], flags))


def marked(data: bytes) -> bool:
    """Whether a file says that a trained model made its image."""
    return any(SOURCE_TYPE in text for name, text in named_texts(data) if name == XMP)


def bare(data: bytes) -> bytes:
    """Return the image without any metadata: only pixels and what their colours need."""
    container, parts = containers.parse(data)
    if container == "png":
        return containers.join("png", (p for p in parts if p.kind in _PNG_PIXELS | _PNG_MOVING))
    if container == "jpeg":
        return containers.join("jpeg", (part for part in parts if _is_jpeg_picture(part)))
    kept = _flagged([part for part in parts if part.kind in _WEBP_PIXELS], 0)
    # A long header that announces nothing new is one that `embed` put there.
    flags = kept[0].body[0] if kept[:1] and kept[0].kind == b"VP8X" else None
    alone = [part.kind for part in kept[1:]] == [b"VP8L"]  # it tells of its transparency itself
    idle = flags == 0 or (flags == containers.WEBP_ALPHA and alone)
    return containers.join("webp", kept[1:] if idle else kept)


def _into_png(parts: list[Part], infotext: str, job: str) -> list[Part]:
    names = tuple(f"{name}\0".encode() for name in (JOB, INFOTEXT))
    if any(_is_text(part, names[:1]) for part in parts):
        parts = [part for part in parts if not _is_text(part, names)]
    at = next((n for n, part in enumerate(parts) if part.kind == b"IDAT"), len(parts) - 1)
    # Like A1111: some readers know only tEXt, which holds Latin-1.
    try:
        copy = containers.png_chunk(b"tEXt", names[1] + infotext.encode("latin-1"))
    except UnicodeEncodeError:
        copy = containers.png_chunk(b"iTXt", names[1] + bytes(4) + infotext.encode())
    record = containers.png_chunk(b"iTXt", names[0] + bytes(4) + job.encode())
    return [*parts[:at], copy, record, *parts[at:]]


def _into_jpeg(parts: list[Part], infotext: str, job: str) -> list[Part]:
    parts = [part for part in parts if part.kind != COMMENT or not part.body.startswith(PIECE)]
    at = 2 if parts[1].kind == _APP0 else 1
    old = _taken(parts, APP1, exif.PREFIX)
    block = exif.PREFIX + exif.with_comment(old, infotext)
    # An EXIF block that is nearly full stays as it was: the job below holds all that matters.
    block = block if len(block) <= MAX_SEGMENT else old
    old_xmp = _taken(parts, APP1, XMP_PREFIX).removeprefix(XMP_PREFIX)
    packets = _packets(old_xmp, job)
    pieces: list[str] = []
    if any(len(XMP_PREFIX + packet) > MAX_SEGMENT for packet in packets):
        packets = [_without_job(old_xmp)] if old_xmp else []
        pieces = [job[n : n + _PIECE_LETTERS] for n in range(0, len(job), _PIECE_LETTERS)]
    return [
        *parts[:at],
        jpeg_segment(APP1, block),
        *(jpeg_segment(APP1, XMP_PREFIX + packet) for packet in packets),
        *(jpeg_segment(COMMENT, PIECE + piece.encode()) for piece in pieces),
        *parts[at:],
    ]


def _into_webp(parts: list[Part], infotext: str, job: str) -> list[Part]:
    parts = _with_header(parts)
    old_exif, old_xmp = _taken(parts, b"EXIF"), _taken(parts, b"XMP ")
    parts = _flagged(parts, containers.WEBP_EXIF | containers.WEBP_XMP)
    at = len(parts) - (parts[-1].kind == TRAILER)
    block = webp_chunk(b"EXIF", exif.with_comment(old_exif, infotext))
    packets = (webp_chunk(b"XMP ", packet) for packet in _packets(old_xmp, job))
    return [*parts[:at], block, *packets, *parts[at:]]


def _with_header(parts: list[Part]) -> list[Part]:
    """Return WebP parts that begin with the header in which metadata are announced."""
    if parts[0].kind == b"VP8X":
        return parts
    size = containers.frame_size("webp", parts)
    # A bit behind the two sizes of a lossless image says that it has alpha.
    clear = parts[0].kind == b"VP8L" and parts[0].body[4] >> 4 & 1
    flags = containers.WEBP_ALPHA if clear else 0
    canvas = b"".join((side - 1).to_bytes(3, "little") for side in size)
    return [webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas), *parts]


def _is_text(part: Part, names: tuple[bytes, ...]) -> bool:
    return part.kind in (b"tEXt", b"iTXt") and part.body.startswith(names)


def _taken(parts: list[Part], kind: bytes, prefix: bytes = b"") -> bytes:
    """Take the first part of a kind out of the list and return its content."""
    for number, part in enumerate(parts):
        if part.kind == kind and part.body.startswith(prefix):
            return parts.pop(number).body
    return b""


def _packets(packet: bytes, job: str) -> list[bytes]:
    """Return the XMP with our job in it: one packet, or two when the old one is not plain."""
    return _with(_without_job(packet), (JOB_HEAD + escape(job) + JOB_FOOT).encode())


def _with(packet: bytes, element: bytes) -> list[bytes]:
    before, end, after = packet.rpartition(_RDF_END)
    if end:
        return [before + element + end + after]
    ours = _PACKET.format(element.decode()).encode()
    return [ours, packet] if packet else [ours]


def _without_job(packet: bytes) -> bytes:
    return JOB_ELEMENT.sub(b"", packet)


def _flagged(parts: list[Part], flags: int) -> list[Part]:
    """Return WebP parts whose header says which metadata follow."""
    if not parts or parts[0].kind != b"VP8X":
        return parts
    body = parts[0].body
    both = containers.WEBP_EXIF | containers.WEBP_XMP
    return [webp_chunk(b"VP8X", bytes([body[0] & ~both | flags]) + body[1:]), *parts[1:]]


def _is_jpeg_picture(part: Part) -> bool:
    prefix = _JPEG_COLOURS.get(part.kind)
    return part.kind in _JPEG_PIXELS if prefix is None else part.body.startswith(prefix)
