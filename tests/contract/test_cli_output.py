"""Output of `studio-links` in processes of their own, as a locale or a redirect sets them up."""

import os
import subprocess
import sys

import pytest

from bot.core.access import Effect, Grant
from tests.contract.stands import Store
from tests.fakes import ANA, TEAM, an_entry

ENCODINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
REASON = "Übergabe → Łukasz 東京"


def run(*arguments: str | bytes, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "bot", *arguments]
    settings = {**os.environ, "STUDIO_TABLE_PREFIX": "contract-", "STUDIO_TEAMS": TEAM, **environment}
    return subprocess.run(command, env=settings, capture_output=True, check=False)


@pytest.mark.parametrize(
    "encoding", [pytest.param(name, marks=pytest.mark.public(18)) if name == "cp1252" else name for name in ENCODINGS]
)
def test_output_is_utf_8_in_every_locale(encoding: str, dynamodb: Store) -> None:
    rule = Grant(ANA.user_id, Effect.ALLOW, None, REASON)
    dynamodb.access.put_grant(TEAM, rule, seen=dynamodb.access.read(ANA), entry=an_entry("rule"))

    exported = run("export", **ENCODINGS[encoding])

    assert exported.stderr == b""
    assert exported.stdout.decode().splitlines()[1] == f"{ANA.user_id},allow,,,,,,,,,,,{REASON}"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_errors_are_utf_8_in_every_locale(encoding: str) -> None:
    failed = run("allow", "U0123ABCD", "--until", "→ 東京".encode(), **{**ENCODINGS[encoding], "LC_ALL": "C.UTF-8"})

    assert failed.returncode == 2
    assert "→ 東京" in failed.stderr.decode()


def test_reason_that_is_no_text_is_refused() -> None:
    failed = run("deny", "U0123ABCD", "--reason", b"\xff")

    assert failed.returncode == 2
    expected = "reason '\\udcff' is not valid: it must be text of at most 500 characters"
    assert failed.stderr.decode() == f"studio-links: {expected}\n"
