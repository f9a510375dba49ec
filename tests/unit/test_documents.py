"""What the repository says of itself is held against what the code does."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from bot.cli import cli
from bot.config import MAY_BE, HttpSettings, SocketSettings
from bot.manifest import manifest as generated
from bot.model import Reason
from bot.slack.words import CATALOGUES, Words

ROOT = Path(__file__).parent.parent.parent
AWS_VARIABLES = {"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_STS"}


def commands() -> set[str]:
    tree = typer.main.get_command(cli)
    names = set()
    for name, command in getattr(tree, "commands", {}).items():
        nested = getattr(command, "commands", {})
        names |= {f"{name} {inner}" for inner in nested} or {name}
    return names


def variables() -> set[str]:
    return {name.upper() for name in HttpSettings.model_fields | SocketSettings.model_fields}


def test_the_manifest_is_the_generated_one() -> None:
    assert (ROOT / "manifest.yml").read_text() == generated()


def test_the_procfile_runs_commands_that_exist() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())

    assert set(lines) == {"release", "web", "worker"}
    for line in lines.values():
        words_of_line = [word for word in shlex.split(line) if "=" not in word]
        assert words_of_line[0] == "studio-links"
        assert " ".join(word for word in words_of_line[1:] if not word.startswith("-")) in commands()


def test_every_variable_is_in_the_example_and_in_no_other_words() -> None:
    named = set(re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert named - AWS_VARIABLES == variables()


def test_the_examples_defaults_are_the_real_ones() -> None:
    shown = dict(re.findall(r"^#([A-Z][A-Z_]+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    fields = HttpSettings.model_fields
    for name, value in shown.items():
        default = fields[name.lower()].get_default(call_default_factory=True)
        if name != "LOG_FORMAT":  # depends on whether there is a terminal
            assert value == str(default).lower() or value == str(default), name


def test_each_variable_that_can_be_wrong_says_what_it_may_be() -> None:
    checked_elsewhere = {"SLACK_API_URL", "AWS_REGION", "STUDIO_TEAMS", "STUDIO_ADMINS"}  # by their validators

    assert set(MAY_BE) | checked_elsewhere == variables()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for target in re.findall(r"`make ([a-z]+)", text):
        assert target in targets
    for line in re.findall(r"(?:^|`)studio-links ([a-z-]+(?: (?:create|check))?)", text, re.MULTILINE):
        assert line in commands()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_files_that_a_page_links_to_exist(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text()):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("words", CATALOGUES.values(), ids=CATALOGUES)
def test_every_refusal_has_its_words(words: Words) -> None:
    spoken_by_help = {Reason.UNKNOWN_ALIAS}

    assert set(words.refusals) == set(Reason) - spoken_by_help
