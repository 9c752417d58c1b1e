"""The shape of the code: who may import whom, and what state is forbidden."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import gradio
import pytest

from core.studio import Studio

ROOT = Path(__file__).parent.parent
PACKAGES = ("core", "backends", "sandbox", "ui", "deploy")
FILES = sorted(
    path
    for name in ("app.py", *PACKAGES, "bench", "tools")
    for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
)

SQL_AS_TEXT = ("core/storage/database.py", "core/storage/lock.py")
"""Migrations, and what one server alone understands."""
QUERIES = ("core/jobs/ledger.py", "core/jobs/sets.py", "core/history/", "core/tokens.py")
OUTSIDE = [path for path in FILES if path.relative_to(ROOT).parts[0] in ("ui", "deploy")]
VALUES = frozenset(
    {
        "core.backend",
        "core.caller",
        "core.code",
        "core.controls",
        "core.enlarging.Refinement",
        "core.errors",
        "core.events",
        "core.examples",
        "core.exports",
        "core.exposure",
        "core.history.ALL",
        "core.history.Change",
        "core.history.Entry",
        "core.history.Wanted",
        "core.history.filters.Filter",
        "core.history.changes",
        "core.history.collections.Collection",
        "core.history.lineage.Lineage",
        "core.lasting",
        "core.jobs.estimate",
        "core.jobs.consent",
        "core.jobs.job",
        "core.jobs.set_jobs.Draft",
        "core.jobs.set_jobs.Missing",
        "core.jobs.set_jobs.Wish",
        "core.jobs.sets.JobSet",
        "core.jobs.sets.SetCell",
        "core.jobs.sets.SetSummary",
        "core.jobs.sets.unknown",
        "core.jobs.spending",
        "core.metadata",
        "core.money",
        "core.own_keys.Entered",
        "core.params",
        "core.parsing",
        "core.pictures",
        "core.sets",
        "core.sharing.Link",
        "core.sharing.PREVIEW",
        "core.sharing.Shared",
        "core.sharing.WHOLE",
        "core.settings",
        "core.words",
    }
)
"""Value types and pure functions, which every room may use."""
READ = frozenset({"admins", "backends", "closed", "images_per_click", "trash_days"})
"""Values of the studio that may be read; all else of it is asked for by calling a method."""


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_names(path: Path) -> Iterator[str]:
    """Yield what is imported from where: a module, or a name with its module before it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_the_studio(tree: ast.AST) -> Iterator[str]:
    """Yield the attributes that are taken of anything that is called a studio."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name.lstrip("_") == "studio":
                yield node.attr


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_inward(path: Path) -> None:
    """app → ui → core ← backends ← deploy, the sandbox alone; foreign libraries in their places."""
    package, found, name = path.relative_to(ROOT).parts[0], roots(path), name_of(path)
    if package == "core":
        assert not found & {"ui", "backends", "app", "gradio", "httpx", "torch", "starlette"}
    if package == "ui":
        assert not found & {"backends", "app", "httpx", "torch", "sqlalchemy"}
    if package == "backends":
        assert not found & {"ui", "app", "gradio", "sqlalchemy"}
    if package == "deploy":
        assert not found & {"ui", "app", "gradio", "sqlalchemy", "torch"}
    elif package != "bench":
        assert "deploy" not in found
    if "ray" in found and package != "bench":
        assert name == "deploy/serve.py"
    if package == "sandbox":
        assert not found & {"backends", "ui", "app", "gradio", "sqlalchemy"}
    if "sqlalchemy" in found and package != "bench":
        assert name.startswith((*SQL_AS_TEXT, *QUERIES, "core/storage/tables.py"))
    if "gradio" in found and package not in ("bench", "tools"):
        assert package in ("ui", "app.py")
    if "httpx" in found and package not in ("bench", "tools"):
        assert package in ("backends", "sandbox")


@pytest.mark.parametrize("path", OUTSIDE, ids=name_of)
def test_ui_and_deploy_reach_core_through_the_studio(path: Path) -> None:
    """What lies behind the studio can change without a look at the page."""
    # Who a script is, is asked of the tokens: that is older than any job and needs no studio.
    allowed = VALUES | {"core.studio.Studio", "core.studio.Progress", "core.tokens.Tokens"}
    for name in imported_names(path):
        if name.partition(".")[0] == "core":
            parts = name.split(".")
            ways = {".".join(parts[:n]) for n in range(2, len(parts) + 1)}
            assert ways & allowed, f"{name} lies behind the studio"


@pytest.mark.parametrize("path", OUTSIDE, ids=name_of)
def test_ui_and_deploy_reach_nothing_behind_the_studio(path: Path) -> None:
    """They call its methods: `studio.ledger.get` would tie the page to how jobs are kept."""
    methods = {name for name in dir(Studio) if callable(getattr(Studio, name))}
    open_to_all = {name for name in methods if not name.startswith("_")} | READ
    for name in of_the_studio(tree_of(path)):
        assert name in open_to_all, f"studio.{name} lies behind the studio"


def test_nothing_in_core_but_the_studio_knows_the_studio() -> None:
    """The studio calls what works for it, and never the other way round."""
    for path in FILES:
        if path.is_relative_to(ROOT / "core"):
            found = [name for name in imports(path) if name.startswith("core.studio")]
            assert not found, name_of(path)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_tables_and_their_columns_are_named_once(path: Path) -> None:
    """In `tables.py`; whoever asks the database asks in terms of them, and not in text."""
    found, name = set(imports(path)), name_of(path)
    if name != "core/storage/tables.py":
        made = ("Column", "Index", "MetaData", "Table", "column", "table", "literal_column")
        assert not found & {f"sqlalchemy.{one}" for one in made}
        if name not in SQL_AS_TEXT:
            assert "sqlalchemy.text" not in found
            assert "exec_driver_sql" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_module_and_public_class_says_what_it_is_for(path: Path) -> None:
    """A file opens with one sentence; so does every public class and function."""
    tree = tree_of(path)
    assert ast.get_docstring(tree), "the module has no docstring"
    for node in tree.body:
        public = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if public and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_there_are_no_globals_and_no_vague_names(path: Path) -> None:
    """State comes through constructors; a file is named for what it holds."""
    tree = tree_of(path)
    assert not any(isinstance(node, ast.Global) for node in ast.walk(tree))
    assert path.stem not in ("utils", "util", "common", "helpers", "misc", "base")
    vague = ("Manager", "Handler", "Service", "Base", "Impl", "Data", "Info")
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(vague), node.name


def test_sentences_have_no_exclamation_marks() -> None:
    """Plain words: nothing on the page shouts."""
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and " " in text and "<!" not in text and "{{" not in text:
                assert "! " not in text and not text.rstrip().endswith("!"), (name_of(path), text)


PATCHES = "ui/server/gradio_patches"
INNER = {
    *("get_blocks", "cookie_id", "validate_inputs", "preprocess_data", "event_ids_to_events"),
    *("pending_messages_per_session", "pending_event_ids_session", "user_middleware"),
}
"""Attributes of Gradio that its documentation does not name, without an underscore."""


@pytest.mark.parametrize(
    "path", [path for path in FILES if name_of(path).startswith("ui/")], ids=name_of
)
def test_what_gradio_does_not_document_is_used_in_one_place(path: Path) -> None:
    """The patches alone touch its inner modules and attributes; each is checked at the start."""
    if name_of(path).startswith(PATCHES):
        return
    for name in imports(path):
        assert name == "gradio" or not name.startswith(("gradio.", "gradio_client")), name
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Attribute):
            continue
        of = node.value.id if isinstance(node.value, ast.Name) else ""
        if of in ("gr", "gradio"):
            inner = isinstance(getattr(gradio, node.attr), ModuleType)
            assert node.attr == "themes" or not inner, f"gradio.{node.attr}"
        private = node.attr.startswith("_") and not node.attr.endswith("__")
        assert not private or of in ("self", "cls"), ast.unparse(node)
        assert node.attr not in INNER or of == "self", ast.unparse(node)
