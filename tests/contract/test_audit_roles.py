"""What a thief of each role's credentials can write over an existing entry, and how it comes to light."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.admin.verification import Verification, Witness
from bot.aws.iam_policy import ERASABLE, Role, policy
from bot.aws.iam_scope import Scope
from bot.core.audit import FROM_SHELL, changed
from bot.core.link import Source
from bot.core.records import Actor
from bot.core.seals import GRACE, INTERVAL, seal_key, stamp
from bot.local.aws.stand_in import REGION
from bot.store.audit import AuditTable
from bot.store.models import Tables, client_of
from bot.store.seals import SealTable
from tests.contract.stands import ListeningAws
from tests.fakes import ANA, NOON, TEAM, an_entry
from tests.policies import Context, Stack, Statement, permits, writes

SCOPE = Scope(
    partition="aws", account="123456789012", region=REGION, table_prefix="contract-", administers_in_slack=True
)
# The policies of `iam-policy` and of the template, with what each calls the audit table.
WHO = {f"{who}Arn": f"arn:aws:iam::123456789012:role/{who}" for who in ("Administrator", "Setup", "Revocation")}
STACK = Stack(Transport="socket", AdministerInSlack="true", DomainArns="", **WHO)
POLICIES: list[tuple[dict[Role, list[Statement]], str]] = [
    ({role: policy(role, SCOPE)["Statement"] for role in Role}, SCOPE.table("audit")),
    (
        {
            Role.SERVING: STACK.permissions("ServingRole"),
            Role.ADMINISTRATION: STACK.permissions("AdministrationRole"),
            Role.SETUP: STACK.permissions("SetupRole"),
            Role.REVOCATION: STACK.permissions("RevocationRole"),
        },
        "AuditTable",
    ),
]
LINK, SHELL, SEAL, FORGED = "request-1", "cli-1", seal_key(TEAM, 1), "forged"
NOW = NOON + INTERVAL + GRACE


@dataclass(frozen=True)
class Write:
    """A write over something that exists, or beside it."""

    operation: str
    key: str
    attribute: str = "outcome"

    def __str__(self) -> str:
        return f"{self.operation} {self.attribute} of {self.key}"

    def arguments(self, tables: Tables) -> dict[str, Any]:
        name, client = tables.audit.Meta.table_name, client_of(tables.audit)
        key = {"id": {"S": self.key}}
        if self.operation == "UpdateItem":
            return {
                "TableName": name,
                "Key": key,
                "UpdateExpression": "SET #a = :v",
                "ExpressionAttributeNames": {"#a": self.attribute},
                "ExpressionAttributeValues": {":v": {"N" if self.attribute == "expires" else "S": "1"}},
            }
        there = client.get_item(TableName=name, Key={"id": {"S": LINK if self.key == FORGED else self.key}})["Item"]
        return {"TableName": name, "Item": there | key | {"outcome": {"S": "forged"}, "text": {"S": "forged"}}}


# Each write, the roles whose policy allows it, and what `audit verify` names then.
WRITES = [
    (Write("PutItem", LINK), {Role.SERVING}, [(LINK, "changed")]),
    (Write("PutItem", SHELL), {Role.ADMINISTRATION, Role.REVOCATION}, [(SHELL, "changed")]),
    (Write("PutItem", SEAL), {Role.SERVING}, [(SEAL, "changed")]),
    (Write("PutItem", FORGED), {Role.SERVING}, [(FORGED, "added")]),
    (Write("UpdateItem", LINK), {Role.SERVING}, [(LINK, "changed")]),
    (Write("UpdateItem", LINK, "at"), {Role.SERVING}, [(LINK, "missing")]),
    (Write("UpdateItem", LINK, "day"), {Role.SERVING}, [(LINK, "missing")]),
    (Write("UpdateItem", LINK, "expires"), {Role.SERVING}, []),  # until DynamoDB deletes it: then it is missing
    (Write("UpdateItem", LINK, "actor"), {Role.SERVING, Role.ERASURE}, [(LINK, "changed")]),
    (Write("UpdateItem", LINK, "member"), {Role.SERVING, Role.ERASURE}, [(LINK, "changed")]),
    (Write("UpdateItem", LINK, "original"), {Role.SERVING, Role.ERASURE}, [(LINK, "changed")]),
    (Write("UpdateItem", SHELL), {Role.REVOCATION}, [(SHELL, "changed")]),
    (Write("UpdateItem", SHELL, "after"), {Role.ERASURE, Role.REVOCATION}, [(SHELL, "changed")]),
    (Write("UpdateItem", SEAL, "text"), {Role.SERVING}, [(SEAL, "changed")]),
]


@pytest.fixture
def sealed(tables: Tables) -> SealTable:
    """An entry of a bot and one of a shell, sealed, and a seal after that."""
    audit, seals = AuditTable(tables, days=400), SealTable(tables, days=400)
    audit.close(an_entry(LINK, outcome="issued"))
    audit.open(an_entry(SHELL, outcome="done", action="map", source=Source.CLI))
    seals.seal(TEAM, NOW)
    seals.seal(TEAM, NOW + INTERVAL)
    return seals


@pytest.mark.parametrize(("write", "roles", "expected"), WRITES, ids=[str(each) for each, *_ in WRITES])
def test_write_over_an_entry_is_refused_or_comes_to_light(
    write: Write, roles: set[Role], expected: list[tuple[str, str]], tables: Tables, sealed: SealTable
) -> None:
    arguments = write.arguments(tables)
    [(action, _, context)] = writes(write.operation, arguments)
    for policies, table in POLICIES:
        assert {role for role, found in policies.items() if permits(found, action, table, context)} == roles & set(
            policies
        )

    client = client_of(tables.audit)
    (client.put_item if write.operation == "PutItem" else client.update_item)(**arguments)
    run = Verification(sealed, TEAM, NOW + 2 * INTERVAL, witness=Witness(), days=400)
    found = run.run(stamp(NOON), stamp(NOON + timedelta(days=1)))
    assert [(each.id, each.what) for each in found] == expected


@pytest.mark.parametrize("role", [Role.SERVING, Role.ADMINISTRATION, Role.REVOCATION])
@pytest.mark.parametrize(
    "action",
    [
        "BatchWriteItem",
        "DeleteItem",
        "DeleteTable",
        "PartiQLUpdate",
        "UpdateContinuousBackups",
        "UpdateTable",
        "UpdateTimeToLive",
    ],
)
def test_no_role_of_every_day_takes_away_protection(role: Role, action: str) -> None:
    for policies, table in POLICIES:
        assert not permits(policies[role], f"dynamodb:{action}", table)


def written(aws: ListeningAws) -> list[tuple[str, Context]]:
    """Return each write of the audit since the last reset."""
    names = ("PutItem", "UpdateItem", "TransactWriteItems")
    sent = [part for name in names for each in aws.requests(name) for part in writes(name, each)]
    return [(action, context) for action, table, context in sent if table.endswith("audit")]


def assert_permitted(role: Role, aws: ListeningAws) -> None:
    """Assert that a role's policies allow each write of the audit so far."""
    assert written(aws)
    for policies, table in POLICIES:
        assert [each for each in written(aws) if not permits(policies[role], each[0], table, each[1])] == []


def test_conditions_let_a_bot_do_its_work(tables: Tables, local_aws: ListeningAws) -> None:
    audit = AuditTable(tables, days=400)
    assert audit.take(an_entry(LINK), at_most=5)
    audit.close(an_entry(LINK, outcome="issued", domain_id="d-1", locale="de"))
    audit.opened(ANA, LINK, NOON)
    audit.open(an_entry("refusal", outcome="denied"))
    audit.open(changed("allow", Actor("U0ADA", Source.COMMAND), TEAM, ANA.user_id, NOON))
    SealTable(tables, days=400).seal(TEAM, NOW)
    assert_permitted(Role.SERVING, local_aws)


def test_conditions_let_a_shell_do_its_work(tables: Tables, local_aws: ListeningAws) -> None:
    audit, ada = AuditTable(tables, days=400), Actor("cli:ada", Source.CLI)
    audit.open(changed("map", ada, TEAM, ANA.user_id, NOON))
    assert_permitted(Role.ADMINISTRATION, local_aws)


def test_erasure_needs_its_role_beside_the_administrators(
    tables: Tables,
    sealed: SealTable,  # noqa: ARG001 - what a bot has written
    local_aws: ListeningAws,
) -> None:
    local_aws.sent.clear()
    pseudonymous = an_entry(LINK, outcome="issued", actor="U0ERASED01")
    erasure = changed("erase", Actor("cli:ada", Source.CLI), TEAM, "U0ERASED01", NOON)
    AuditTable(tables, days=400).erase(erasure, [pseudonymous])
    policies, table = POLICIES[0]
    both = [*policies[Role.ADMINISTRATION], *policies[Role.ERASURE]]
    assert [permits(both, action, table, context) for action, context in written(local_aws)] == [True, True]
    alone = [permits(policies[Role.ADMINISTRATION], action, table, context) for action, context in written(local_aws)]
    assert sorted(alone) == [False, True]


def test_conditions_let_revocation_do_its_work(tables: Tables, local_aws: ListeningAws) -> None:
    audit, ada = AuditTable(tables, days=400), Actor("cli:ada", Source.CLI)
    entry = changed("revoke", ada, TEAM, ANA.user_id, NOON, outcome="requested")
    audit.open(entry)
    audit.close(replace(entry, outcome="done", after={"apps": []}))
    assert_permitted(Role.REVOCATION, local_aws)


def test_ids_tell_entries_of_shells_from_those_of_bots() -> None:
    entries = [changed("map", Actor("x", source), TEAM, "U1", NOON) for source in Source]
    assert [each.source for each in entries if each.id.startswith(FROM_SHELL)] == [Source.CLI]


def test_erasable_attributes_are_those_that_an_erasure_writes(
    tables: Tables,
    sealed: SealTable,  # noqa: ARG001 - what is erased
    local_aws: ListeningAws,
) -> None:
    local_aws.sent.clear()
    erasure = changed("erase", Actor("cli:ada", Source.CLI), TEAM, "U0ERASED01", NOON)
    AuditTable(tables, days=400).erase(erasure, [an_entry(LINK, outcome="issued", actor="U0ERASED01")])
    [attributes] = [context["dynamodb:Attributes"] for action, context in written(local_aws) if "Update" in action]
    assert set(attributes) == set(ERASABLE)
