"""SECURITY.md and RELIABILITY.md list all guards and faults, and name only tests that exist."""

import re
from pathlib import Path

import pytest

from fuzz.break_guards import GUARDS
from tests.scenario.test_faults import CASES

ROOT = Path(__file__).parent.parent.parent
SECURITY, RELIABILITY = (ROOT / "docs" / name for name in ("SECURITY.md", "RELIABILITY.md"))
NAMED = re.compile(r"`(test_\w+\.py)(?:::(test_\w+))?`")


def rows(page: Path) -> list[list[str]]:
    """Return the cells of every table row of a page."""
    lines = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("page", [SECURITY, RELIABILITY], ids=lambda page: page.name)
def test_tests_named_in_a_page_exist(page: Path) -> None:
    files: dict[str, str] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):  # two folders may have a file of the same name
        files[path.name] = files.get(path.name, "") + path.read_text()
    named = NAMED.findall(page.read_text())
    assert len(named) > 10
    assert [(file, test) for file, test in named if f"def {test}(" not in files.get(file, "") and test] == []
    assert [file for file, _ in named if file not in files] == []


def test_every_attack_names_a_test() -> None:
    attacks = [row for row in rows(SECURITY) if len(row) == 5 and row[0] != "attacker"]
    assert len(attacks) > 30
    assert [row[:2] for row in attacks if not NAMED.search(row[3])] == []


def test_security_page_lists_exactly_the_guards() -> None:
    attacks = [row for row in rows(SECURITY) if len(row) == 5 and row[0] != "attacker"]
    named = {guard for row in attacks for guard in row[4].split(", ") if guard}
    seen = {row[0] for row in rows(SECURITY) if len(row) == 3 and row[2] == "seen to fail"}
    assert named <= set(GUARDS)
    assert seen == set(GUARDS)


@pytest.mark.parametrize("name", GUARDS)
def test_guard_text_and_test_are_found(name: str) -> None:
    guard = GUARDS[name]
    assert (ROOT / "bot" / guard.file).read_text().count(guard.there) == 1
    assert f"def {guard.test[1]}" in (ROOT / guard.test[0]).read_text()


def test_reliability_page_lists_every_fault_and_outcome() -> None:
    outcomes = {row[0]: row[2] for row in rows(RELIABILITY) if len(row) == 4}
    for name, case in CASES.items():
        expected = case.audit or case.outcome
        assert outcomes[name].startswith(expected if expected == "nothing" else f"`{expected}`"), name
