"""README, docs, .env.example, manifest and Procfile agree with the code."""

import re
import shlex
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.admin.commands import OUTCOMES
from bot.cli import cli
from bot.config import HttpSettings, Settings, SocketSettings
from bot.core.link import Reason
from bot.core.templates import PREFIX
from bot.local.aws.stand_in import SERVICES
from bot.slack.manifest import manifest as generated
from bot.slack.words import CATALOGUES, Words
from reference.pages import FOLDER, MEANINGS, pages
from tests.cli import run_command
from tests.templates import template

ROOT = Path(__file__).parent.parent.parent
AWS_VARIABLES = {f"AWS_ENDPOINT_URL_{name}" for name in SERVICES.values()}


@cache
def tree() -> Any:
    return typer.main.get_command(cli)


@cache
def commands() -> set[str]:
    names = set()
    for name, command in tree().commands.items():
        nested = getattr(command, "commands", {})
        names |= {f"{name} {inner}" for inner in nested}
        names |= set() if nested and not getattr(command, "invoke_without_command", False) else {name}
    return names


# No settings, and those of each domain.
OTHERS = {"SLACK_CLIENT_ID", "SLACK_USER", PREFIX, f"{PREFIX}D_ABC"}


def variables() -> set[str]:
    return {name.upper() for name in HttpSettings.model_fields | SocketSettings.model_fields}


def test_manifest_file_equals_generated_manifest() -> None:
    assert (ROOT / "manifest.yml").read_text() == generated()


def test_procfile_runs_existing_commands() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())

    assert set(lines) == {"release", "web", "worker"}
    for line in lines.values():
        words_of_line = [word for word in shlex.split(line) if "=" not in word]
        assert words_of_line[:3] == ["python", "-m", "bot"]  # a buildpack does not install the project
        assert " ".join(word for word in words_of_line[3:] if not word.startswith("-")) in commands()


def test_no_file_forces_one_python_on_a_clone() -> None:
    """Version managers read these two files and refuse to run where exactly that Python is missing."""
    assert not [name for name in (".python-version", "runtime.txt") if (ROOT / name).exists()]


@pytest.mark.public(6)
def test_idle_connections_outlast_herokus_router() -> None:
    """https://devcenter.heroku.com/articles/http-routing#keepalives"""
    assert HttpSettings.model_fields["studio_keep_alive_seconds"].default > 90


def test_example_names_exactly_the_settings() -> None:
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert named - AWS_VARIABLES == variables()


def test_example_shows_the_real_defaults() -> None:
    shown = dict(re.findall(r"^#([A-Z][A-Z_]+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    fields = HttpSettings.model_fields | SocketSettings.model_fields
    for name, value in shown.items():
        default = fields[name.lower()].get_default(call_default_factory=True)
        if name != "LOG_FORMAT":  # depends on whether there is a terminal
            assert value == str(default).lower() or value == str(default), name


def test_every_variable_describes_its_valid_values() -> None:
    for kind in (Settings, HttpSettings, SocketSettings):
        assert all(field.description for field in kind.model_fields.values())


def test_reference_pages_equal_what_the_code_says() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    made = pages()

    old = sorted(name for name in {*written, *made} if written.get(name) != made.get(name))
    assert not old, f"docs/reference is out of date ({', '.join(old)}): run `make docs`"


def test_reference_explains_no_outcome_that_is_gone() -> None:
    assert {*MEANINGS} <= {*OUTCOMES}


def test_reference_has_every_command_and_variable() -> None:
    named = {name: set(re.findall(r"^(?:## |\| `)([\w -]+)", text, re.MULTILINE)) for name, text in pages().items()}

    assert named["commands.md"] >= commands()
    assert named["variables.md"] >= variables()
    assert named["outcomes.md"] >= {*OUTCOMES}


PAGES = sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
for_each_page = pytest.mark.parametrize("page", PAGES)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def shell_lines(page: str) -> list[list[str]]:
    """Return the words of each line in a page's shell examples, with continued lines joined."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    # Nested commands and here-documents are ignored.
    return [line.split("#")[0].split() for line in lines]


@for_each_page
def test_commands_named_in_a_page_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for target in re.findall(r"`make ([a-z]+)", text):
        assert target in targets
    for line in re.findall(r"(?:^ *|`)studio-links ([a-z][a-z-]+(?: (?:create|check|verify))?)", text, re.MULTILINE):
        assert line in commands()


@for_each_page
def test_command_options_in_a_page_exist(page: str) -> None:
    for words_of_line in shell_lines(page):
        if words_of_line[:1] != ["studio-links"]:
            continue
        command = tree()
        for word in words_of_line[1:]:
            command = getattr(command, "commands", {}).get(word, command)
        known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        given = {word for word in words_of_line if word.startswith("--")}
        assert given <= known, words_of_line


@for_each_page
def test_variables_named_in_a_page_exist(page: str) -> None:
    text = (ROOT / page).read_text()

    assert set(re.findall(r"\b(?:STUDIO|SLACK)_[A-Z_]+\b", text)) <= variables() | OTHERS


@for_each_page
def test_relative_links_in_a_page_resolve(page: str) -> None:
    here = ROOT / page
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", here.read_text()):
        path, _, anchor = target.partition("#")
        there = here if not path else here.parent / path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@for_each_page
def test_template_parameters_and_outputs_in_a_page_exist(page: str) -> None:
    templates = [template(path.name) for path in (ROOT / "deploy").glob("*.yaml")]
    parameters = {name for each in templates for name in each.get("Parameters", {})}
    outputs = {name for each in templates for name in each.get("Outputs", {})}
    text = (ROOT / page).read_text()

    for words_of_line in shell_lines(page):
        if "--parameter-overrides" in words_of_line:
            given = words_of_line[words_of_line.index("--parameter-overrides") + 1 :]
            assert {word.partition("=")[0] for word in given if "=" in word} <= parameters
    taken = re.findall(r"\bOutputKey=='(\w+)'|\$\(output (\w+)", text)
    assert {name for pair in taken for name in pair if name} <= outputs


@pytest.mark.parametrize("words", CATALOGUES.values(), ids=CATALOGUES)
def test_every_refusal_reason_has_a_message(words: Words) -> None:
    spoken_by_help = {Reason.UNKNOWN_ALIAS}

    assert set(words.refusals) == set(Reason) - spoken_by_help


@pytest.mark.public(16)
def test_no_page_and_no_advice_installs_from_the_public_index() -> None:
    advice = [ROOT / ".env.example", *(ROOT / "bot").rglob("*.py"), *(ROOT / page for page in PAGES)]
    for page in advice:
        assert not re.search(r"pip install [^`\n]*['\" ]studio-links", page.read_text(encoding="utf-8")), page


@pytest.mark.public(16)
def test_missing_stand_ins_are_installed_from_clone_or_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bot.local.demo.demo", raising=False)
    monkeypatch.setitem(sys.modules, "flask", None)
    for name in [name for name in sys.modules if name.startswith("bot.local")]:
        monkeypatch.delitem(sys.modules, name)

    ended = run_command("demo", "--once", environment={})

    assert ended.returncode == 1
    assert ended.stderr == (
        "studio-links: the stand-ins need flask: install the extra "
        "(in a clone, `pip install '.[demo]'`; with a wheel, `pip install 'FILE.whl[demo]'`)\n"
    )
