"""The docs are read by tests: nothing undocumented, nothing documented that is not there."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import click
import pytest

from archive import errors
from chatkeep.cli import chatkeep

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {
    " ".join(names): command
    for name, first in chatkeep.commands.items()
    for names, command in [
        ((name,), first),
        *(((name, part), own) for part, own in (first.commands if isinstance(first, click.Group) else {}).items()),
    ]
}


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_has_help_worth_reading(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert len(command.help.split()) >= 8
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("page", ["commands.md", "tables.md"])
def test_the_generated_pages_are_what_the_code_says(page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == generator().PAGES[page](), "run `make docs` and commit what changed"


def commands_in(page: Path) -> list[list[str]]:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.partition("#")[0] for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(chatkeep [^`]+)`", text)
    return [shlex.split(line) for line in lines if line.startswith("chatkeep ")]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "commands.md"], ids=lambda page: page.name)
def test_every_command_that_the_docs_name_can_be_run_as_it_stands(page: Path) -> None:
    for _, name, *arguments in commands_in(page):
        if name.startswith("-"):
            continue
        command = COMMANDS.get(f"{name} {arguments[0]}" if arguments else name) or chatkeep.commands[name]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in arguments if word.startswith("--")} <= known, (page.name, name)


def test_every_make_target_that_the_docs_name_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"`make ([a-z]+)`", page.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page.name, target)


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_the_exit_codes_stand_in_the_operators_page() -> None:
    page = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    used = {value.exit_code for value in classes if issubclass(value, errors.ChatkeepError)}
    assert used | {0, 130} == documented


def test_every_public_function_and_class_says_what_it_is() -> None:
    for package in ("archive", "collector", "analysis", "publish", "chatkeep"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                    assert ast.get_docstring(node), f"{path.name}: {node.name}"


def test_the_pages_use_the_words_of_the_field_and_never_a_platforms_own() -> None:
    foreign = re.compile(r"\b(tweets?|toots?|skeets?)\b", re.IGNORECASE)
    for page in PAGES:
        assert not foreign.search(page.read_text(encoding="utf-8")), page.name


def test_the_project_speaks_of_itself_alone() -> None:
    paths = re.compile(r"/(root|home)/\w")
    tracked = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".py")]
    for path in [ROOT / "README.md", ROOT / "Makefile", ROOT / ".ci" / "run", *tracked]:
        assert not paths.search(path.read_text(encoding="utf-8")), path.name
