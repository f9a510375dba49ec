"""Tables that version 0.1.0 wrote are read and changed as they are.

`tests/data/tables-0.1.0.json` has every item of the three tables after a run of 0.1.0 against the stand-ins, and the
message in which it asked an administrator to approve the open request. That request's end was moved to 2099.
"""

import csv
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from slack_sdk import WebClient
from typer.testing import CliRunner

from bot import cli as commands
from bot.local.slack.screens import Message
from tests.scenario.conftest import TEAM, Product, create_profile
from tests.scenario.test_access_requests import newest
from tests.scenario.test_home import dialog_of, home_of

SETTINGS = {"STUDIO_ADMINS": "U0ADA"}
STORED = json.loads((Path(__file__).parents[1] / "data" / "tables-0.1.0.json").read_text())
PEOPLE = ("ada", "ana", "ben", "chi", "eva", "fay", "gil", "hal", "ivy", "jon")


@pytest.fixture(scope="module", autouse=True)
def upgraded(product: Product) -> None:
    """Load the tables, members and profiles of an installation of 0.1.0."""
    for name in PEOPLE:
        product.slack.add_member(f"U0{name.upper()}", name)
        create_profile(product.domain_id, name)
    create_profile(product.domain_id, "ana-lab")
    product.slack.add_group("S0SCIENCE1", "science", "U0IVY")
    product.slack.add_group("S0LEAVERS1", "leavers", "U0BEN")
    dynamodb: Any = boto3.client("dynamodb")
    for table in ("access", "audit", "runtime"):
        for item in STORED[table]:
            dynamodb.put_item(TableName=f"studio-links-{table}", Item=item)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(commands.cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def answer(product: Product, user: str, text: str = "") -> Message:
    return product.slack.answer_to(product.slack.command(user, text), timeout=12)


def by_id(item: dict[str, Any]) -> str:
    return str(item["id"])


# Reading. These tests come first: they compare with what was stored.


def test_tables_check_accepts_the_tables() -> None:
    assert all(check["ok"] for check in json.loads(run("tables", "check", "--json")))


def test_list_shows_every_member_and_group() -> None:
    listed = run("list")
    for principal in ("U0ANA", "U0BEN", "U0CHI", "U0EVA", "U0GIL", "U0HAL", "U0IVY", "U0ODD", "S0SCIENCE1"):
        assert principal in listed
    assert "U0JON" not in listed  # unmapped


def test_show_returns_mappings_and_rules_as_stored() -> None:
    shown = json.loads(run("show", "U0ANA", "--json"))
    by_alias = {mapping["alias"]: mapping for mapping in shown["mappings"]}
    assert by_alias["default"]["landing_uri"] == "studio::"
    assert {name: by_alias["gpu"][name] for name in ("profile_name", "landing_uri", "region", "session_seconds")} == {
        "profile_name": "Ana-Lab",
        "landing_uri": "app:JupyterLab:lab/tree/work",
        "region": "us-east-1",
        "session_seconds": 3600,
    }
    assert by_alias["gpu"]["role_arn"] == "arn:aws:iam::123456789012:role/studio/broker"
    [rule] = shown["grants"]
    assert (rule["effect"], rule["reason"]) == ("allow", "project “Falcon” & <co>")
    assert rule["until"].startswith("2100-01-01T00:00:00")


def test_show_names_an_unreadable_record() -> None:
    assert json.loads(run("show", "U0ODD", "--json"))["unreadable"] == ["mapping#default"]


def test_lockdown_of_another_workspace_still_holds() -> None:
    assert "moved away" in run("lockdown", "--team", "T0OTHER001")


def test_history_has_every_entry_of_the_workspace() -> None:
    entries = json.loads(run("history", "--since", "2026-01-01", "--json", "--limit", "1000"))
    mine = {by_id(entry): entry for entry in entries}
    stored = [item for item in STORED["audit"] if item["member"]["S"].startswith(f"{TEAM}#")]
    assert {item["id"]["S"] for item in stored} <= mine.keys()
    for item in stored:
        entry = mine[item["id"]["S"]]
        assert (entry["action"], entry["outcome"]) == (item["action"]["S"], item["outcome"]["S"])
        for change in ("before", "after"):
            assert entry[change] == (json.loads(item[change]["S"]) if change in item else None)
    assert any(entry["opened_at"] for entry in mine.values())


def test_explain_decides_by_stored_rules() -> None:
    assert "DECIDES\tallow U0ANA until 2100-01-01" in run("explain", "U0ANA", "--alias", "default")
    assert "DECIDES\tallow S0SCIENCE1" in run("explain", "U0IVY")
    assert "DECIDES\tdeny U0BEN (left the project)" in run("explain", "U0BEN")


# Using


def test_stored_last_choice_is_the_primary_button(product: Product) -> None:
    first, second = answer(product, "U0ANA").buttons()
    assert [(button.text, button.style) for button in (first, second)] == [
        ("Open default", "primary"),
        ("Open gpu", None),
    ]


def test_stored_mappings_and_rules_give_links(product: Product) -> None:
    assert answer(product, "U0ANA", "default").button("open_studio").url
    assert answer(product, "U0ANA", "gpu").button("open_studio").url  # in a role
    assert answer(product, "U0IVY").button("open_studio").url  # allowed by a group


def test_stored_denials_and_unreadable_records_give_no_link(product: Product) -> None:
    product.slack.add_member("U0ODD", "odd")
    for user in ("U0BEN", "U0ODD", "U0HAL"):
        assert not any(button.url for button in answer(product, user).buttons())


def test_stored_admin_can_administer(product: Product) -> None:
    assert "U0ANA" in json.dumps(answer(product, "U0CHI", "admin show @ana").blocks)


def test_open_request_is_found_with_its_member(product: Product) -> None:
    """The list of requests lacks it until it has expired: before, requests were not listed."""
    product.slack.open_home("U0ADA")
    home = home_of(product, "U0ADA", "There are no open access requests")
    product.slack.press("U0ADA", home, "admin_find", values={"admin_find": {"admin_find": "U0GIL"}})
    assert "approve_access" in str(dialog_of(product, "U0ADA", "<@U0GIL>").blocks)


def test_open_request_is_approved_from_its_old_message(product: Product) -> None:
    client = WebClient(product.slack.bot_token, base_url=product.slack.api_url)
    client.chat_postMessage(channel="U0ADA", **STORED["request_message"])
    assert product.slack.press("U0ADA", newest(product, "U0ADA", "<@U0GIL>"), "approve_access").ack == "ok"
    newest(product, "U0ADA", "<@U0GIL>", "Approved by <@U0ADA>")
    newest(product, "U0GIL", "You can open SageMaker Studio now")
    assert answer(product, "U0GIL").button("open_studio").url


def test_member_with_a_decided_request_can_ask_again(product: Product) -> None:
    refusal = answer(product, "U0FAY")
    assert product.slack.press("U0FAY", refusal, "ask_access").ack == "ok"
    dialog_of(product, "U0FAY", "Why do you need it?")
    product.slack.submit("U0FAY", {"reason": {"reason": "again"}, "days": {"days": "7"}})
    newest(product, "U0ADA", "<@U0FAY>", "again")


def test_export_is_imported_without_a_change(tmp_path: Path) -> None:
    run("forget", "U0ODD")
    exported = run("export")
    rows = list(csv.DictReader(exported.splitlines()))
    assert {"U0ANA", "U0BEN", "U0CHI", "S0SCIENCE1"} <= {row["principal"] for row in rows}
    file = tmp_path / "members.csv"
    file.write_text(exported, encoding="utf-8")
    assert " 0 added, 0 changed" in run("import", str(file))


def test_stored_records_can_be_changed_and_removed() -> None:
    run("map", "U0JON", "--domain", "d-research", "--profile", "jon", "--force")
    run("unmap", "U0ANA", "--alias", "gpu")
    run("map", "U0JON", "--domain", "d-research", "--profile", "ana-lab", "--alias", "gpu", "--force")
    run("forget", "U0BEN")
    assert json.loads(run("show", "U0BEN", "--json"))["grants"] == []
