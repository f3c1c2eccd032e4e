"""The conventions of the package as tests: who may import what, sizes, and what never appears.

Every failure names the rule, the file and the line, so that the message alone says what to move where.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import persistent
import pytest

import django_zodb

ROOT = Path(django_zodb.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "project_template" not in path.parts)
MAX_LINES = 600
MAX_FUNCTION = 60

# From the bottom up: a module may import its own layer and those before it.
LAYERS = (
    *("record", "threads", "chance", "errors", "clock", "collector", "intervals", "values"),
    *("storage", "sql", "dbapi", "django"),
)

# Third-party package → the files that may import it.
CONFINED = {
    "sqlglot": ("sql/parse.py", "sql/bind*.py", "sql/ddl*.py"),
    **dict.fromkeys(
        ("BTrees", "ZEO", "ZODB", "persistent", "transaction", "zc", "zodbpickle", "zodburi", "zope"),
        ("storage/*.py", "dbapi/connection.py"),
    ),
    "django": (
        "*.py",
        "management/*.py",
        "!storage/*",
        "!sql/*",
        "!dbapi/*",
        "!errors.py",
        "!clock.py",
        "!collector.py",
        "!intervals.py",
        "!record.py",
        "!threads.py",
        "!values.py",
    ),
    "datetime": ("clock.py",),  # whose classes stay what they are when a test freezes time
}


@dataclass(frozen=True, slots=True)
class Import:
    """``module`` (dotted, absolute) imported at ``line`` of ``file``."""

    file: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{name_of(self.file)}:{self.line} imports {self.module}"


def name_of(file: Path) -> str:
    """The file's path inside the package."""
    return file.relative_to(ROOT).as_posix()


@cache
def tree_of(file: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


@cache
def imports_of(file: Path) -> tuple[Import, ...]:
    """Every import of the file, wherever it stands; ``from x import y`` counts as x.y where that is a module."""
    return tuple(_imports(file))


def _imports(file: Path) -> Iterator[Import]:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(file, node)
            for alias in node.names:
                module = f"{base}.{alias.name}"
                yield Import(file, node.lineno, module if _is_own_module(module) else base)


def _absolute(file: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = ["django_zodb", *file.relative_to(ROOT).parent.parts]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])


def _is_own_module(module: str) -> bool:
    parts = module.split(".")
    path = ROOT.joinpath(*parts[1:])
    return parts[0] == "django_zodb" and (path.with_suffix(".py").is_file() or path.is_dir())


def layer_of(module: str) -> str | None:
    """The layer of one of our modules, None for the bare package and for others' modules."""
    parts = module.split(".")
    if parts[0] != "django_zodb" or len(parts) == 1:
        return None
    return parts[1] if parts[1] in LAYERS else "django"


def module_of(file: Path) -> str:
    """The dotted name of a file."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(["django_zodb", *(part for part in parts if part != "__init__")])


def allowed(file: Path, patterns: tuple[str, ...]) -> bool:
    """Whether the file is among the patterns, and among none that starts with ``!``."""
    name = name_of(file)
    if any(fnmatch(name, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(fnmatch(name, pattern) for pattern in patterns)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_go_downward(file: Path) -> None:
    own = layer_of(module_of(file))
    if own is None:
        return
    upward = [
        f"{found}: layer {own!r} may not import from the layer {layer!r} above it"
        for found in imports_of(file)
        if (layer := layer_of(found.module)) is not None and LAYERS.index(layer) > LAYERS.index(own)
    ]
    assert not upward, "\n".join(upward)


def test_sql_sees_only_the_seam_of_storage() -> None:
    seam = {f"django_zodb.storage.{name}" for name in ("protocol", "schema", "sieves", "derived")}
    beyond = [
        f"{found}: sql/ may import only storage.protocol, storage.schema, storage.sieves and storage.derived"
        for file in FILES
        if layer_of(module_of(file)) == "sql"
        for found in imports_of(file)
        if layer_of(found.module) == "storage" and found.module not in seam
    ]
    assert not beyond, "\n".join(beyond)


@pytest.mark.parametrize("package", CONFINED)
def test_third_party_packages_are_confined(package: str) -> None:
    outside = [
        f"{found}: only {', '.join(CONFINED[package])} may import {package}"
        for file in FILES
        for found in imports_of(file)
        if found.module.split(".")[0] == package and not allowed(file, CONFINED[package])
    ]
    assert not outside, "\n".join(outside)


def test_persistent_classes_live_in_one_module() -> None:
    for module in pkgutil.walk_packages(django_zodb.__path__, "django_zodb."):
        if "management.commands" not in module.name and layer_of(module.name) != "django":
            importlib.import_module(module.name)
    strays = [
        f"{cls.__module__}.{cls.__qualname__} is persistent: its module path would become part of the file format"
        for cls in _subclasses(persistent.Persistent)
        if cls.__module__.startswith("django_zodb.") and cls.__module__ != "django_zodb.storage.persistent"
    ]
    assert not strays, "\n".join(strays)


def _subclasses(cls: type) -> Iterator[type]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def test_files_do_one_job() -> None:
    sizes = {name_of(file): file.read_text(encoding="utf-8").count("\n") for file in FILES}
    long = [f"{name}: {size} lines, at most {MAX_LINES}" for name, size in sizes.items() if size > MAX_LINES]
    assert not long, "\n".join(long)


def test_functions_are_short() -> None:
    long = [
        f"{name_of(file)}:{node.lineno} {node.name}: {size} lines, at most {MAX_FUNCTION}"
        for file in FILES
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION
        and not any(isinstance(statement, ast.Match) for statement in node.body)
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_nothing_is_printed_and_nothing_swallowed(file: Path) -> None:
    found = []
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            found.append(f"{name_of(file)}:{node.lineno} prints: use the command's stdout or the logger")
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises(node):
            found.append(f"{name_of(file)}:{node.lineno} catches everything: name the exceptions")
    assert not found, "\n".join(found)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))


def _raises(handler: ast.ExceptHandler) -> bool:
    """Whether it raises, or hands the error on to something that may."""
    nodes = [node for statement in handler.body for node in ast.walk(statement)]
    return any(
        isinstance(node, ast.Raise) or (isinstance(node, ast.Name) and node.id == handler.name) for node in nodes
    )


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(file) for file in FILES if not ast.get_docstring(tree_of(file))]
    assert not silent, f"no module docstring: {', '.join(silent)}"
