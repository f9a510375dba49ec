"""Commands that change something: what they ask on a terminal, keep, and print for programs."""

import itertools
import json
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from bot.core.access import Effect
from bot.core.values import our_version, utc_now
from tests.cli import run_command
from tests.contract.stands import Store
from tests.fakes import ANA, TEAM, a_grant, a_mapping, an_entry

WHO = ANA.user_id
ENVIRONMENT = {"STUDIO_TABLE_PREFIX": "contract-", "STUDIO_TEAMS": TEAM}
MAPPING = a_mapping()
MAP = ("map", WHO, "--domain", "d-other", "--profile", "ana", "--force")

# What takes something away, and the question about it.
ASKING = {
    "deny": (("deny", WHO), f"Block {WHO}? This overrides every allow rule."),
    "unmap": (("unmap", WHO), f"Remove this mapping from {WHO}?"),
    "forget": (("forget", WHO), f"Remove every rule of {WHO}?"),
    "lockdown": (("lockdown", "on", "--reason", "incident"), "Stop links for everyone in this workspace?"),
    "another mapping": (MAP, f"Replace the mapping default of {WHO}?"),
    "a shorter rule": (("allow", WHO, "--until", "1d"), f"Shorten this rule of {WHO}?"),
    "a shorter admin rule": (("admin", WHO, "--until", "1d"), f"Shorten this rule of {WHO}?"),
}


@pytest.fixture(autouse=True)
def stored(dynamodb: Store) -> Store:
    """Ana has a mapping and rules without an end."""
    dynamodb.access.put_records(ANA, [MAPPING], seen=dynamodb.access.read(ANA), entry=an_entry("map"))
    for effect in (Effect.ALLOW, Effect.ADMIN):
        rule = a_grant(effect=effect, reason="Falcon")
        dynamodb.access.put_grant(TEAM, rule, seen=dynamodb.access.read(ANA), entry=an_entry(f"rule {effect}"))
    return dynamodb


def run(*arguments: str, typed: str | None = None) -> "subprocess.CompletedProcess[str]":
    return run_command(*arguments, environment=ENVIRONMENT, typed=typed)


def state(store: Store) -> Any:
    return store.access.read(ANA), store.access.workspace(TEAM)


@pytest.mark.public(29)
@pytest.mark.parametrize("case", ASKING)
def test_command_that_takes_something_asks_on_a_terminal(stored: Store, case: str) -> None:
    (arguments, question), before = ASKING[case], state(stored)

    declined = run(*arguments, typed="n\n")

    assert declined.returncode == 1
    assert question in declined.stderr
    assert "studio-links: cancelled; nothing was changed" in declined.stderr
    assert state(stored) == before
    assert run(*arguments, typed="y\n").returncode == 0
    assert state(stored) != before


@pytest.mark.parametrize("case", ASKING)
@pytest.mark.parametrize("with_yes", [True, False])
def test_command_asks_nobody_with_yes_or_without_a_terminal(stored: Store, case: str, *, with_yes: bool) -> None:
    arguments, before = ASKING[case][0], state(stored)

    done = run(*arguments, "--yes", typed="") if with_yes else run(*arguments)

    assert done.returncode == 0
    assert "?" not in done.stderr
    assert state(stored) != before


@pytest.mark.parametrize(
    "arguments",
    [("allow", WHO), ("allow", "U0BEN00001"), ("lockdown", "off"), ("map", "U0BEN00001", *MAP[2:])],
    ids=" ".join,
)
def test_command_that_takes_nothing_does_not_ask(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, typed="")

    assert done.returncode == 0
    assert "?" not in done.stderr


def test_question_shows_what_goes() -> None:
    asked = run("forget", WHO, typed="n\n").stderr

    assert f"now: allow {WHO} (Falcon)" in asked
    assert f"now: admin {WHO} (Falcon)" in asked


def test_command_that_can_take_nothing_is_refused_unasked() -> None:
    refused = run("unmap", WHO, "--alias", "other", typed="")

    assert refused.returncode == 1
    assert "has these mappings: default" in refused.stderr


def test_real_terminal_is_asked() -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bot", "deny", WHO]
    with subprocess.Popen(
        command, env={**os.environ, **ENVIRONMENT}, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    ) as asking:
        os.close(theirs)
        os.write(ours, b"n\n")
        assert asking.wait(30) == 1
    assert b"overrides every allow rule. [y/N]" in os.read(ours, 4096)
    os.close(ours)


@pytest.mark.public(29)
def test_allow_again_keeps_a_reason_that_is_not_replaced(stored: Store) -> None:
    assert "(Falcon)" in run("allow", WHO, "--until", "2030-01-31", "--yes").stdout
    assert stored.access.read(ANA).grants[-1].reason == "Falcon"
    assert "(Condor)" in run("allow", WHO, "--reason", "Condor").stdout


WRITERS = {
    "map": (MAP, ["mapping#default"]),
    "unmap": (("unmap", WHO), ["mapping#default"]),
    "allow": (("allow", "U0BEN00001", "--until", "2030-01-31"), ["grant#allow"]),
    "deny": (("deny", WHO), ["grant#deny"]),
    "admin": (("admin", WHO, "--reason", "on call"), ["grant#admin"]),
    "forget": (("forget", WHO), ["grant#admin", "grant#allow"]),
    "lockdown": (("lockdown", "on", "--reason", "incident"), ["lockdown"]),
    "nothing": (("lockdown", "off"), []),
}


@pytest.mark.public(29)
@pytest.mark.parametrize("case", WRITERS)
def test_writers_print_one_vocabulary_as_json(case: str) -> None:
    arguments, expected = WRITERS[case]

    printed = json.loads(run(*arguments, "--json").stdout)

    assert printed["written"] == bool(expected)
    assert sorted(change["what"] for change in printed["changes"]) == expected
    for change in printed["changes"]:
        assert set(change) == {"principal", "what", "before", "after"}
        assert change["principal"] in (WHO, "U0BEN00001", TEAM)
        assert change["before"] != change["after"]


def test_readers_name_the_principal_as_writers_do() -> None:
    for arguments in (("show", WHO), ("explain", WHO)):
        assert json.loads(run(*arguments, "--json").stdout)["principal"] == WHO
    assert [row["principal"] for row in json.loads(run("list", "--json").stdout)] == [WHO]


def test_tables_are_created_with_json() -> None:
    found = json.loads(run("tables", "create", "--json").stdout)

    assert {finding["table"] for finding in found} >= {"contract-access", "contract-audit", "contract-runtime"}


@pytest.mark.public(29)
@pytest.mark.parametrize("command", [[], *([verb] for verb in ("map", "iam-policy", "import", "history", "doctor"))])
def test_help_fills_eighty_columns_and_breaks_no_word(command: list[str]) -> None:
    printed = run_command(*command, "--help", environment={"COLUMNS": "80"}).stdout

    assert max(map(len, printed.splitlines())) <= 80
    for paragraph in re.split(r"\n\s*\n", printed):
        lines = [line.rstrip() for line in paragraph.splitlines() if line.startswith(" ") and line.strip()]
        for line, following in itertools.pairwise(lines):
            assert len(f"{line} {following.split()[0]}") > 79, line
    assert not re.search(r"<\S+\|[^>]*$", printed, re.MULTILINE)  # a list of choices that goes on below


@pytest.mark.public(29)
def test_version_is_printed() -> None:
    assert run("--version").stdout == f"studio-links {our_version()}\n"


def test_change_is_a_log_line_where_output_is_collected(stored: Store) -> None:
    collected = [json.loads(line) for line in run("deny", WHO).stderr.splitlines() if line.startswith("{")]
    [line] = [line for line in collected if line["event"] == "audit_entry"]
    assert (line["action"], line["subject"], line["source"]) == ("deny", WHO, "cli")
    assert line["id"] in {entry.id for entry in stored.audit.of_day(TEAM, utc_now().date())}


def test_change_is_no_log_line_on_a_terminal() -> None:
    assert "audit_entry" not in run("deny", WHO, "--yes", typed="").stderr
