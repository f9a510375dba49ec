"""The hooks of `slack run`; tests/scenario/test_deployment.py runs the one that starts the bot."""

import json
from typing import Any

import pytest
import yaml

from bot.slack.manifest import manifest
from tests.slack_cli import ROOT, hooks, run_hook


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return hooks()


def test_slack_cli_gets_the_manifest_for_socket_mode(project: dict[str, Any]) -> None:
    printed = run_hook(project["hooks"]["get-manifest"])
    assert printed == yaml.safe_load(manifest(socket=True))
    # The CLI asks nobody which manifest counts, the project's or the one in Slack.
    assert json.loads((ROOT / ".slack/config.json").read_text()) == {"manifest": {"source": "local"}}


def test_slack_cli_leaves_the_connection_to_the_bot(project: dict[str, Any]) -> None:
    assert project["config"]["sdk-managed-connection-enabled"] is True
    # Another protocol would add options to each command, which `serve` does not take.
    assert project["config"]["protocol-version"] == ["default"]
    watched = project["config"]["watch"]
    assert all((ROOT / path).exists() for part in ("app", "manifest") for path in watched[part]["paths"])


def test_slack_cli_doctor_names_our_python(project: dict[str, Any]) -> None:
    assert {"check-update", "doctor"} < set(project["hooks"])
    assert run_hook(project["hooks"]["doctor"])["versions"][0]["name"] == "python"
