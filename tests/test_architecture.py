"""The rules of the house, as tests: who imports whom, how long things are, what names are not used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("archive", "collector", "analysis", "publish", "chatkeep")
MAY_IMPORT = {
    "archive": set[str](),
    "collector": {"archive"},
    "analysis": {"archive"},
    "publish": {"archive", "analysis"},
    "chatkeep": {"archive", "collector", "analysis", "publish"},
}
# methods of tweepy's and httpx's that subclasses override, and a hook of Datasette's
OF_LIBRARIES = {"_process_params", "handle_exception", "handle_request"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    used = {name.partition(".")[0] for name in imports_of(path)} & set(PACKAGES)
    assert used <= MAY_IMPORT[package] | {package}


def test_sources_never_see_the_store() -> None:
    forbidden = ("archive.store", "archive.walks", "archive.saving", "archive.schema", "sqlite3", "sqlite_utils")
    for path in (ROOT / "collector" / "sources").rglob("*.py"):
        assert not [name for name in imports_of(path) if name.startswith(forbidden)], path


def test_migrations_import_none_of_our_code() -> None:
    used = {name.partition(".")[0] for name in imports_of(ROOT / "archive" / "schema.py")}
    assert not used & set(PACKAGES)


def test_only_analysis_imports_scikit_learn() -> None:
    for path in MODULES:
        if "analysis" not in path.relative_to(ROOT).parts[0]:
            assert not any(name.startswith("sklearn") for name in imports_of(path)), path


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    long = [f.name for f in functions_of(path) if (f.end_lineno or 0) - f.lineno + 1 > 50]
    assert not long


def test_most_functions_are_under_twenty_lines() -> None:
    lengths = [(f.end_lineno or 0) - f.lineno + 1 for path in MODULES for f in functions_of(path)]
    assert sum(length <= 20 for length in lengths) / len(lengths) > 0.8


def test_no_module_or_function_has_a_name_that_says_nothing() -> None:
    for path in MODULES:
        assert path.stem not in ("utils", "helpers", "helper", "manager", "common", "misc"), path
        bad = {f.name for f in functions_of(path) if re.match(r"_?(get|process|handle)_", f.name)} - OF_LIBRARIES
        assert not bad, path


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_in_its_first_line_what_it_is_for(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text or path.name == "__init__.py"


def test_excuses_from_the_rules_have_their_reason_beside_them() -> None:
    bare = re.compile(r"#\s*(noqa(: [A-Z0-9, ]+)?|type: ignore(\[[a-z-, ]+\])?)\s*$")
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [f"{path}:{n}" for n, line in enumerate(lines, 1) if bare.search(line)]
