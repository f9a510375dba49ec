"""Entries of changelog.d reach the changelog."""

import re
import shutil
import tomllib
from pathlib import Path

from tests.unit.test_supply_chain import ROOT, run

TYPES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]


def test_release_takes_each_entry_in_the_order_of_types(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "changelog.d", tmp_path / "changelog.d")
    for each in TYPES:
        (tmp_path / f"changelog.d/+sample.{each['directory']}.md").write_text(f"A sample of `{each['directory']}`.")

    drafted = run("towncrier", "build", "--draft", "--dir", str(tmp_path), "--version", "9.9.9")

    assert drafted.returncode == 0, drafted.stderr
    assert re.findall(r"^### (.+)$", drafted.stdout, re.MULTILINE) == [each["name"] for each in TYPES]
    for entry in (tmp_path / "changelog.d").glob("+*"):
        assert entry.read_text().splitlines()[0].strip() in drafted.stdout


def test_entries_have_names_that_a_release_finds() -> None:
    """towncrier passes over a file of another name without a word."""
    known = "|".join(each["directory"] for each in TYPES)
    files = {path.name for path in (ROOT / "changelog.d").iterdir()}
    assert "README.md" in files
    assert [name for name in files - {"README.md"} if not re.fullmatch(rf"\+[a-z0-9-]+\.({known})\.md", name)] == []
    assert "\n<!-- towncrier release notes start -->\n" in (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"`(\w+)`", (ROOT / "changelog.d/README.md").read_text().partition("It holds")[0])[:6] == [
        each["directory"] for each in TYPES
    ]
