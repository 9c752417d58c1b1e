"""Which routes of the server are open: those that the page, `gradio_client` and MCP clients need.

Gradio brings many more: they fetch addresses for the caller, convert videos, keep what a session
holds, edit the program. Everything that is not listed here is closed.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers

NAME = r"[A-Za-z0-9_]+"
ID = r"[A-Za-z0-9_-]+"
OPEN: tuple[tuple[str, str, str], ...] = (
    ("GET HEAD", "/", "the page"),
    ("GET", "/config/?", "the page's components, for gradio_client"),
    ("GET", r"/(assets|static)/[\w./@+~-]{1,200}", "the page's scripts, styles and fonts"),
    ("GET", "/(gradio_api/)?theme[.]css", "the page's colours"),
    ("GET", "/favicon[.]ico", "the page's icon"),
    ("GET", "/robots[.]txt", "crawlers"),
    ("GET", "/manifest[.]json", "browsers that keep the page as an app"),
    ("GET", "/pwa_icon", "the icon of that app"),
    ("GET HEAD", "/(healthz|readyz)", "our own: load balancers"),
    ("GET HEAD", "/media/[^/]+/[^/]+/[^/]+/[^/]+", "our own: images, by signed addresses"),
    ("GET", "/take-away/[0-9a-f]+/images[.]zip", "our own: all images of an owner, signed"),
    ("GET HEAD", "/sets/[^/]+/[^/]+/[^/]+", "our own: files of sets, by signed addresses"),
    ("GET HEAD", "/exports/[^/]+/[^/]+", "our own: what was chosen to be downloaded"),
    ("POST", "/gallery/[a-z-]+", "our own: thumbnails of the history, with a signed key"),
    ("GET HEAD", "/shared[.]css", "our own: the style sheet of links to look at"),
    ("GET HEAD", "/s/[^/]+", "our own: the page of a link to look at"),
    ("GET HEAD", "/s/[^/]+/[^/]+/[^/]+", "our own: its images"),
    ("POST", "/login/?", "signing in with a password"),
    ("GET", "/login/(huggingface|callback)", "signing in with Hugging Face"),
    ("GET", "/logout", "signing out; only from the page, see guard"),
    ("GET", "/gradio_api/login_check/?", "gradio_client asks whether it has to sign in"),
    ("GET", "/gradio_api/info/?", "gradio_client reads the named API"),
    ("GET", "/gradio_api/app_id/?", "the page notices that the server was restarted"),
    ("GET", "/gradio_api/startup-events", "Gradio calls it itself when it starts"),
    ("GET", f"/gradio_api/heartbeat/{ID}", "an open page keeps its session"),
    ("POST", "/gradio_api/queue/join", "the page's events"),
    ("GET", "/gradio_api/queue/data", "what comes of them"),
    ("POST", "/gradio_api/(cancel|reset/?)", "the page leaves, or a client gives up"),
    ("POST", f"/gradio_api/(run|api)/{NAME}/?", "calls of the API without a queue"),
    ("POST", f"/gradio_api/call/(v2/)?{NAME}/?", "calls of the API, in two requests"),
    ("GET", f"/gradio_api/call/(v2/)?{NAME}/{ID}", "what comes of them"),
    ("POST", "/gradio_api/upload", "images to start from"),
    ("GET", "/gradio_api/upload_progress", "how far an upload is"),
    # An address in place of a path would be fetched: a scheme has at least two letters.
    ("GET HEAD", r"/gradio_api/file=(?!\s*[A-Za-z][A-Za-z0-9+.-]+:).+", "files of one's own"),
    ("POST DELETE", "/gradio_api/mcp/?", "MCP clients"),
    ("POST DELETE", "/gradio_api/mcp/http/?", "MCP clients, by the older address"),
    ("GET", "/gradio_api/mcp/schema", "the tools, as the page shows them"),
)
"""Methods, pattern of the whole path, and who needs it."""
MCP = re.compile(r"/gradio_api/mcp(/http)?/?")
_OPEN = tuple((methods.split(), re.compile(pattern)) for methods, pattern, _why in OPEN)


def is_open(method: str, path: str, headers: Headers | None = None) -> bool:
    """Whether a request may go on; `path` is decoded and without the root path.

    A GET of the MCP endpoint is open to those that ask for a stream of events, as MCP clients do.
    To others Gradio would answer with a page that it makes from the address.
    """
    if method == "GET" and MCP.fullmatch(path):
        return "text/event-stream" in (headers or Headers()).get("accept", "")
    return any(
        method in methods and pattern.fullmatch(path) is not None for methods, pattern in _OPEN
    )
