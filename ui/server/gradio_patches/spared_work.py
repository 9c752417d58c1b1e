"""Spares browsers work at the start of a page that changes nothing of what is seen.

Each text of Gradio's scripts stands for another one that ends the same, sooner.

Relies on these texts: each stands in one script, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradio import routes

from ui.server.gradio_patches.promises import Promises

SPARED: Mapping[str, Mapping[str, str]] = {
    "Blocks-": {
        # Looks a component up for each event's arguments, also where an event has none.
        "async set_event_args(e,t){": "async set_event_args(e,t){"
        "if(!Object.keys(t).length)return()=>{};",
        # Compiles the script of each event, also of those that never come.
        "function z(e){let t,n=!0,": "function z(e){let made;"
        "return async(...given)=>(made??=compiled(e))(...given)}"
        "function compiled(e){let t,n=!0,",
        # Makes the whole page a second time at the start, as if it had been reloaded.
        "v(),oe(()=>{O.reload(": "v()&&oe(()=>{O.reload(",
    },
    # Looks through every event for each component.
    "core-": {
        "find_attached_events(e,t){": "find_attached_events(e,t){if(!t.of){let m=new Map;"
        "for(let d of t){let seen=new Set;for(let[id,name]of d.targets)"
        "if(!seen.has(id)){seen.add(id);m.has(id)||m.set(id,[]);m.get(id).push(name)}}"
        "Object.defineProperty(t,`of`,{value:m})}"
        "return e.props.shared_props.attached_events=(t.of.get(e.id)||[]).filter(Boolean),e;",
    },
    # Has every language's numbers made ready, to see that a language is one.
    "runtime-": {
        "e.resolveLocale=function(e){if(Intl.Locale!==void 0){": "e.resolveLocale=function(e){"
        "if(Intl.Locale!==void 0){if(typeof e==`string`)return new Intl.Locale(e);",
    },
    "HTML-": {
        # Compiles, for each component, a template that is empty or its value alone.
        "function $(e,t,n=`html`){": "function $(e,t,n=`html`){if(!e)return``;"
        "if(e===`\\${value}`&&`value`in t)return`${t.value}`;",
        # Gives each component a style sheet, also where there is nothing in it.
        "function Ce(){typeof document": "function Ce(){if(!W&&!re())return;typeof document",
    },
}
"""Work that scripts of the front end need not do, by the beginning of their names."""


def spare(name: str, text: str) -> str:
    """Return a script without the work that it need not do."""
    for begin, texts in SPARED.items():
        for old, new in texts.items() if name.startswith(begin) else ():
            text = text.replace(old, new, 1)
    return text


def _do_that_work(_page: Any) -> bool:
    return all(
        sum(one.read_text("utf-8").count(old) for one in _scripts(begin)) == 1
        for begin, texts in SPARED.items()
        for old in texts
    )


def _scripts(begin: str) -> list[Path]:
    return list(Path(routes.BUILD_PATH_LIB).glob(f"{begin}*.js"))


PROMISES: Promises = {"its scripts do other work at the start": _do_that_work}
