"""What a browser loads before the page can be used."""

from __future__ import annotations

from typing import Any

LOADED = "() => performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)"
NAMED = "() => [...document.querySelectorAll('link[rel=modulepreload]')].map((one) => one.href)"


def test_the_page_names_beforehand_what_it_loads(visit: Any) -> None:
    """Each file once, and the styles of its components as one."""
    page = visit().page
    loaded = [path for path in page.evaluate(LOADED) if path.startswith("/assets/")]
    assert len(loaded) == len(set(loaded))
    styles = [path for path in loaded if path.endswith(".css")]
    assert len(styles) == 2, styles
    named = {address.rpartition("/")[2] for address in page.evaluate(NAMED)}
    scripts = {path.rpartition("/")[2] for path in loaded if path.endswith(".js")}
    late = {name for name in scripts - named if not name.startswith("index-")}
    assert not late and len(named) > 20


def test_what_the_page_is_made_of_is_not_observed(visit: Any) -> None:
    """Svelte leaves alone what is neither a plain object nor a plain array."""
    page = visit().page
    kinds = page.evaluate(
        """() => [window.gradio_config.components, window.gradio_config.dependencies]
        .flatMap((some) => [some, some[0]]).map((one) => Object.getPrototypeOf(one))
        .map((kind) => kind === Object.prototype || kind === Array.prototype)"""
    )
    assert kinds == [False] * 4
