"""Changes the template of Gradio's page: a text in it for another, both known beforehand.

Relies on the page's template and on where Gradio keeps its templates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradio import routes
from jinja2 import BaseLoader, Environment

from ui.server.gradio_patches.promises import Promises

NAME = "frontend/index.html"


class _Changed(BaseLoader):
    """Gradio's templates, with other texts in them."""

    def __init__(self, inner: BaseLoader) -> None:
        self.inner = inner
        self.texts: dict[str, str] = {}

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, name, fresh = self.inner.get_source(environment, template)
        for old, new in self.texts.items():
            source = source.replace(old, new, 1)
        return source, name, fresh


def change(texts: dict[str, str]) -> None:
    """Have each text stand in the templates in place of the one it is named by."""
    templates = routes.templates.env
    if not isinstance(templates.loader, _Changed):
        templates.loader = _Changed(templates.loader)
    templates.loader.texts |= texts
    if templates.cache:
        templates.cache.clear()


def has(*texts: str) -> bool:
    """Whether Gradio's own template has all these texts."""
    templates = routes.templates.env
    loader = templates.loader.inner if isinstance(templates.loader, _Changed) else templates.loader
    source, _, _ = loader.get_source(templates, NAME)
    return all(one in source for one in texts)


def _is_found(_page: Any) -> bool:
    return has("<head>", "</head>")


PROMISES: Promises = {"the template of its page is another": _is_found}
