"""The file of approval rules while the bot runs: changes, errors, and files that are not whole."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.app import administration
from bot.app.clients import approval_rules
from bot.app.rule_file import WHOLE_AFTER, RuleFile
from bot.cli import doctor_findings
from bot.config import Settings
from bot.core.policy import Rules
from bot.observability import logs
from bot.observability.metrics import Metrics

ONE, TWO = '[[rule]]\nname = "one"\nmax_days = 7\n', '[[rule]]\nname = "two"\napprovals = 2\n'
WRONG = f"{ONE}approvers = 7\n"
# Seconds since 1970 at which the file was written, and at which the bot looks.
WRITTEN, NOW = 1_800_000_000.0, 1_800_000_060.0


class Watched:
    """A rule file, and the rules that the bot reads from it."""

    def __init__(self, path: Path) -> None:
        self.path, self.log = path, io.StringIO()
        logs.configure(level="INFO", style="json", stream=self.log)
        self.write(ONE)
        self.rules, self.metrics = Rules(approval_rules=approval_rules(str(path))), Metrics()
        self.file = RuleFile(str(path), self.rules, self.metrics.approval_rules_stale, lambda: NOW)

    def write(self, text: str, at: float = WRITTEN) -> None:
        self.path.write_text(text)
        os.utime(self.path, (at, at))

    def look(self) -> list[str]:
        """Return the names of the rules that count after a look."""
        self.file.look()
        return [rule.name for rule in self.rules.approval_rules]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    @property
    def stale(self) -> bool:
        return "studio_links_approval_rules_stale 1.0" in self.metrics.page().decode()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "approvals.toml")


def test_change_counts_at_the_next_look(watched: Watched) -> None:
    assert watched.look() == ["one"]
    assert watched.lines == []
    watched.write(ONE + TWO)
    assert watched.look() == ["one", "two"]
    assert watched.look() == ["one", "two"]
    [line] = watched.lines
    assert (line["event"], line["rules"]) == ("approval_rules_changed", ["one", "two"])


@pytest.mark.parametrize("text", [WRONG, "", "# none\n", "[[rule]\n", "gone", "open to all"])
def test_error_keeps_the_last_good_rules_and_is_logged_once(watched: Watched, text: str) -> None:
    watched.write(text)
    if text == "gone":
        watched.path.unlink()
    if text == "open to all":
        watched.write(TWO)
        watched.path.chmod(0o666)
    assert [watched.look() for _ in range(3)] == [["one"]] * 3
    assert watched.stale
    [line] = watched.lines
    assert (line["event"], line["level"]) == ("approval_rules_not_read", "error")
    assert str(watched.path) in line["why"]

    watched.write(TWO)
    watched.path.chmod(0o644)
    assert watched.look() == ["two"]
    assert not watched.stale


def test_error_names_line_and_field_and_the_next_one_is_logged_too(watched: Watched) -> None:
    for text in (WRONG, f"{ONE}max = 1\n", WRONG):
        watched.write(text)
        watched.look()
    fields = ["line 4, approvers", "line 4, max", "line 4, approvers"]
    assert [field in line["why"] for field, line in zip(fields, watched.lines, strict=True)] == [True] * 3


def test_file_that_is_being_written_is_left_for_the_next_look(watched: Watched) -> None:
    watched.write(ONE + TWO)
    watched.look()
    watched.write(TWO[:10], NOW - 1)
    assert watched.look() == ["one", "two"]
    watched.write(ONE, NOW - WHOLE_AFTER + 0.1)  # whole for a parser, and not what the author means
    assert watched.look() == ["one", "two"]
    assert not watched.stale
    watched.write(ONE, NOW + 3600)  # the clock of another machine
    assert watched.look() == ["one"]


def test_file_behind_a_replaced_link_is_read(tmp_path: Path) -> None:
    """Kubernetes swaps the folder of a ConfigMap by renaming a link to it."""
    for name, text in (("..1", ONE), ("..2", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "approvals.toml").write_text(text)
        os.utime(tmp_path / name / "approvals.toml", (WRITTEN, WRITTEN))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "approvals.toml").symlink_to("..data/approvals.toml")
    path = str(tmp_path / "approvals.toml")
    rules = Rules(approval_rules=approval_rules(path))
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").rename(tmp_path / "..data")
    RuleFile(path, rules, lambda _: None, lambda: NOW).look()
    assert [rule.name for rule in rules.approval_rules] == ["two"]


@pytest.fixture
def no_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A rule file with an error, for a doctor that has nothing else to check."""
    path = tmp_path / "approvals.toml"
    path.write_text(WRONG)
    settings = Settings(aws_region="eu-west-1", studio_approvals_file=str(path))
    monkeypatch.setattr(doctor_findings, "read_settings", lambda: settings)

    class Nothing:
        def examine(self) -> list[Any]:
            return []

    def doctor(settings: Settings, *_: object, **__: object) -> Nothing:
        assert settings.studio_approvals_file is None
        return Nothing()

    monkeypatch.setattr(administration, "doctor", doctor)
    return path


def test_doctor_reads_the_file_itself_and_goes_on(no_installation: Path) -> None:
    found = doctor_findings.findings(None, None, None, presign=False, all_mappings=False)
    [wrong] = [each for each in found if each.check == "approval rules"]
    assert wrong.found == f"STUDIO_APPROVALS_FILE: {no_installation}, line 4, approvers"
    assert wrong.fix.startswith("it must be ids of users")
