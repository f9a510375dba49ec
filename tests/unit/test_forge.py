"""The files that GitHub reads: issue forms, owners, and the hooks of pre-commit."""

import json
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_supply_chain import ROOT, run, workflow

FORGE = ROOT / ".github"
FORMS = sorted(path for path in (FORGE / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("github-issue-forms", FORMS),
        ("github-issue-config", [FORGE / "ISSUE_TEMPLATE" / "config.yml"]),
        ("dependabot", [FORGE / "dependabot.yml"]),
    ],
)
def test_files_follow_githubs_schema(name: str, paths: list[Path]) -> None:
    """Read the schema from its package, because importing that takes a second."""
    from jsonschema import Draft7Validator

    schemas = distribution("check-jsonschema").locate_file("check_jsonschema/builtin_schemas/vendor")
    schema = json.loads(Path(str(schemas), f"{name}.json").read_text())
    for path in paths:
        Draft7Validator(schema).validate(load(path))


def test_issue_forms_warn_of_secrets_and_of_vulnerabilities() -> None:
    assert {path.stem for path in FORMS} == {"fault", "idea", "question"}
    for path in FORMS:
        [warning] = [each["attributes"]["value"] for each in load(path)["body"] if each["type"] == "markdown"]
        assert warning.startswith("**Everybody can read this.** Leave out links to Studio, tokens")
    assert "(../security/policy)" in (FORGE / "ISSUE_TEMPLATE" / "fault.yml").read_text()
    assert load(FORGE / "ISSUE_TEMPLATE" / "config.yml") == {"blank_issues_enabled": False}


def test_owners_are_named_for_paths_that_exist() -> None:
    lines = [line.split() for line in (FORGE / "CODEOWNERS").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0][0] == "*"
    for pattern, *owners in lines:
        assert owners
        assert list(ROOT.glob(pattern.lstrip("/"))), pattern


def test_hooks_are_local_and_check_what_lint_checks() -> None:
    """A hook from another repository would be code that no lock file pins."""
    config = ROOT / ".pre-commit-config.yaml"
    checked = run("prek", "validate-config", str(config))
    assert checked.returncode == 0, checked.stderr
    [repository] = load(config)["repos"]
    assert repository["repo"] == "local"
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}
    recipe = re.search(r"^lint:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    linted = re.findall(r"\$\(BIN\)/(ruff \w+|mypy|lint-imports)", recipe[1])
    hooks = [hook["entry"].removeprefix(".venv/bin/").removesuffix(" --fix") for hook in repository["hooks"]]
    assert hooks == linted


def test_ci_runs_on_each_python_that_the_metadata_names() -> None:
    matrix = workflow("ci.yml")["jobs"]["versions"]["strategy"]["matrix"]
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert set(named) <= set(matrix["python"])
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos"}
