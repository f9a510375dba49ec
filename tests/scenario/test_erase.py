"""`erase USER`: nothing in the tables names the person afterwards, and the audit still verifies."""

import json
from typing import Any

import boto3
import pytest

from bot.local.faults import Fault
from tests.scenario.conftest import TEAM, Product, create_profile
from tests.scenario.test_access_requests import ask
from tests.scenario.test_slack_admin import types

ADA, ANA, BEN = "U0ADA", "U0ANA", "U0BEN"
# Erasing reads the audit day by day.
SETTINGS = {"STUDIO_ADMINS": f"{ADA},U0BEA", "STUDIO_AUDIT_DAYS": "30"}


def dump(product: Product) -> dict[str, str]:
    """Return every item of the three tables as JSON, by table."""
    client = boto3.client("dynamodb", region_name=product.environment["AWS_REGION"])
    names = client.list_tables()["TableNames"]
    pages = {name: client.get_paginator("scan").paginate(TableName=name) for name in names}
    return {name: json.dumps([page["Items"] for page in pages[name]], default=repr) for name in names}


def erase(product: Product, user: str, *options: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(product.cli("erase", user, "--json", *options).stdout)
    return report


def use(product: Product, user: str) -> None:
    """Leave traces of a member: a mapping, rules, links, a request, and rules that they set as an administrator."""
    name = user.removeprefix("U0").lower()
    product.slack.add_member(user, name)
    create_profile(product.domain_id, name)
    product.cli("map", user, "--domain", product.domain_id, "--profile", name)
    product.cli("allow", user, "--reason", f"ask <@{user}> or {name}")
    product.slack.answer_to(product.slack.command(user), timeout=12)


@pytest.fixture(scope="module", autouse=True)
def _people(product: Product) -> None:
    for user in (ADA, "U0BEA", "U0CAI"):
        product.slack.add_member(user, user.removeprefix("U0").lower())


def test_erased_member_is_in_no_table(product: Product) -> None:
    use(product, ANA)
    product.cli("admin", ANA)
    types(product, ANA, "allow @cai --reason secret-words")
    ask(product, "U0CAI", reason="curious")
    product.cli("forget", "U0CAI")
    product.cli("forget", ANA)

    report = erase(product, ANA)

    for table, items in dump(product).items():
        assert ANA not in items, table
    assert "secret-words" not in dump(product)["studio-links-audit"]
    assert (report["erased"], report["access"] > 0, report["audit"] > 5) == (True, True, True)
    assert product.cli("audit", "verify").returncode == 0
    assert "short-lived" not in product.cli("erase", ANA, "--json").stdout


def test_entries_of_an_erased_member_still_belong_together(product: Product) -> None:
    use(product, "U0DEE")
    before = json.loads(product.cli("history", "U0DEE", "--json").stdout)

    erase(product, "U0DEE")

    [pseudonym] = {
        entry["subject"]
        for entry in json.loads(product.cli("history", "--json").stdout)
        if entry["id"] in {each["id"] for each in before}
    }
    after = json.loads(product.cli("history", pseudonym, "--json").stdout)
    facts = [(entry["id"], entry["action"], entry["outcome"]) for entry in before]
    assert facts == [(entry["id"], entry["action"], entry["outcome"]) for entry in after][-len(facts) :]
    assert not [entry for entry in after if entry["profile_name"] or entry["before"] or entry["detail"]]


def test_interrupted_erasure_is_finished_by_the_next(product: Product) -> None:
    use(product, "U0EVA")
    # The first entries are replaced, the others are not.
    product.aws.inject("UpdateItem", Fault(), Fault(), Fault("AccessDeniedException", times=None))
    broken = product.cli("erase", "U0EVA", check=False)
    product.aws.faults.clear()
    assert broken.returncode == 1

    erase(product, "U0EVA")

    assert [table for table, items in dump(product).items() if "U0EVA" in items] == []


def test_erase_keeps_a_block_unless_forced(product: Product) -> None:
    product.cli("deny", BEN)
    refused = product.cli("erase", BEN, check=False)
    assert (refused.returncode, "a rule blocks U0BEN" in refused.stderr) == (1, True)
    assert "deny" in product.cli("show", BEN).stdout
    erase(product, BEN, "--force")
    assert product.cli("show", BEN).stdout == ""


def test_erase_refuses_a_configured_administrator(product: Product) -> None:
    refused = product.cli("erase", ADA, check=False)
    assert "U0ADA is in STUDIO_ADMINS" in refused.stderr


def test_erase_of_nobody_changes_nothing_else(product: Product) -> None:
    use(product, "U0FAY")
    before = product.cli("show", "U0FAY").stdout
    erase(product, "U0FA")
    assert product.cli("show", "U0FAY").stdout == before
    assert TEAM in dump(product)["studio-links-access"]
