"""Access requests under rules in Slack, and what the doctor says of the rules; over fakes."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.admin.decisions import Decision
from bot.app import administration, clients
from bot.app.doctor import Doctor
from bot.app.findings import Level
from bot.core.access import Person
from bot.core.approval_rules import ADMINS, ApprovalRule, Automatic
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.core.policy import Rules
from bot.core.records import DecisionResult, Posting, RequestState
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, NOON, TEAM, FakeDirectory
from tests.fakes_access_requests import an_access_request
from tests.fakes_app import ADA, AppWorld

WORDS = CATALOGUES["en"]
RULE = ApprovalRule(
    "research",
    domains=("d-research",),
    approvers=(BEN.user_id,),
    fallback=(ADMINS,),
    days=(2, 5),
    max_days=5,
    ticket=re.compile("OPS-[0-9]+"),
    ticket_example="OPS-1",
)
FILLED_IN = {"wish": "", "reason": "Falcon, OPS-7", "days": "2"}


def a_world(rule: ApprovalRule) -> AppWorld:
    """Return a world with one rule on access requests."""
    world, rules = AppWorld(), Rules(approval_rules=(rule,))
    world.app.access_requests = replace(world.app.access_requests, rules=rules)
    return world


def test_form_offers_the_durations_of_the_rule_and_explains_it() -> None:
    world = a_world(RULE)
    world.command("request", ANA)
    [form] = world.slack.forms
    shown = json.dumps(form)
    assert [f'"value": "{days}"' in shown for days in (2, 5, 1, 30)] == [True, True, False, False]
    assert "Rule research" in shown
    assert form["private_metadata"] == "en research"


@pytest.mark.parametrize("language", ["en", "de"])
def test_missing_ticket_is_shown_beside_its_field(language: str) -> None:
    world = a_world(RULE)
    fields = {**FILLED_IN, "reason": "Falcon"}
    answer = json.loads(world.submit("ask_access", fields, metadata=f"{language} research", member=ANA))
    assert answer["errors"] == {"reason": CATALOGUES[language].ask_ticket_missing.format(example="OPS-1")}
    assert world.requests.latest == {}


def test_forged_form_without_a_ticket_asks_nobody() -> None:
    world = a_world(RULE)
    world.submit("ask_access", {**FILLED_IN, "reason": "Falcon"}, metadata="en", member=ANA)
    assert world.requests.latest == {}
    assert world.counted() == {"not_asked": 1}


def test_request_goes_to_those_whom_the_rule_names() -> None:
    world = a_world(RULE)
    world.submit("ask_access", FILLED_IN, member=ANA)
    assert [place for place, _ in world.slack.posts] == [BEN.user_id, ANA.user_id]
    assert world.requests.latest[ANA].days == 2


def test_request_goes_to_the_fallback_if_no_approver_is_left() -> None:
    world = a_world(replace(RULE, approvers=(ANA.user_id,)))
    world.submit("ask_access", FILLED_IN, member=ANA)
    assert [place for place, _ in world.slack.posts] == [ADA.user_id, ANA.user_id]


def test_approver_beside_the_channel_gets_a_message() -> None:
    world = a_world(RULE)
    world.app.request_channel = "C0REQUESTS"
    world.submit("ask_access", FILLED_IN, member=ANA)
    assert [place for place, _ in world.slack.posts] == ["C0REQUESTS", BEN.user_id, ANA.user_id]


def test_administrators_get_messages_if_the_channel_takes_none() -> None:
    world = a_world(replace(RULE, approvers=(ADMINS,)))
    world.app.request_channel, world.slack.unreachable = "C0REQUESTS", {"C0REQUESTS"}
    world.submit("ask_access", FILLED_IN, member=ANA)
    assert [place for place, _ in world.slack.posts] == [ADA.user_id, ANA.user_id]


def test_request_is_withdrawn_if_its_approvers_are_unknown() -> None:
    world = a_world(replace(RULE, approvers=("S0LEADS",)))
    world.directory.group_error = SlackError("busy", reason=Reason.SLACK_UNREACHABLE)
    world.submit("ask_access", FILLED_IN, member=ANA)
    assert world.requests.latest[ANA].state is RequestState.WITHDRAWN
    assert world.counted() == {"not_asked": 1}


def test_member_opens_studio_at_once_where_a_rule_approves() -> None:
    world = a_world(replace(RULE, ticket=None, automatic=Automatic(30, ("S0NIGHT",))))
    world.directory.groups = {"S0NIGHT": frozenset({ANA.user_id})}
    world.submit("ask_access", FILLED_IN, member=ANA)
    [(place, message)] = world.slack.posts
    assert (place, message.text.startswith(WORDS.granted)) == (ANA.user_id, True)
    assert world.counted() == {"decision_done": 1, "home": 1}


# The doctor


def a_doctor(rule: ApprovalRule, *admins: str) -> Doctor:
    directory = FakeDirectory(Person(BEN.user_id, TEAM), Person(ANA.user_id, TEAM, guest=True))
    directory.groups = {"S0EMPTY": frozenset(), "S0LEADS": frozenset({BEN.user_id})}
    admin: Any = SimpleNamespace(rules=Rules(approval_rules=(rule,)))
    none, settings = cast("Any", None), cast("Any", SimpleNamespace(studio_admins=admins))
    admin.now = lambda: NOON
    return Doctor(admin, aws=none, tables=none, slack=cast("Any", directory), settings=settings, tenant=TEAM)


def test_doctor_describes_a_rule() -> None:
    [found] = a_doctor(replace(RULE, approvers=(BEN.user_id, "S0LEADS")), ADA.user_id)._approval_rules({})
    assert (found.level, found.check) == (Level.OK, "approval rule research")
    assert found.found.startswith("Rule research (domain d-research): approved by U0BEN00001 or S0LEADS, or")


@pytest.mark.parametrize("nobody", ["S0EMPTY", "S0GONE", "U0GONE", ANA.user_id])
def test_doctor_reports_a_rule_that_names_nobody(nobody: str) -> None:
    _, found = a_doctor(replace(RULE, fallback=(nobody,)))._approval_rules({})
    assert (found.level, found.found.partition(":")[0]) == (Level.FAIL, nobody)
    assert found.why
    assert found.fix


LEADS = ("S0LEADS",)


@pytest.mark.parametrize(
    ("more", "admins", "problem"),
    [
        ({"fallback": (ADMINS,)}, (), "admins: nobody administers"),
        ({"fallback": (ADMINS,)}, (ADA.user_id,), None),
        ({"fallback": (), "needed": 2}, (ADA.user_id,), "2 must approve, and it names 1"),
        ({"fallback": (ADMINS,), "needed": 2}, (ADA.user_id,), None),
        ({"fallback": (ADMINS,), "needed": 2}, (BEN.user_id,), "2 must approve, and it names 1"),
        ({"fallback": (), "approvers": LEADS, "needed": 2}, (), None),
    ],
)
def test_doctor_reports_a_rule_by_which_nobody_gets_access(
    more: dict[str, Any], admins: tuple[str, ...], problem: str | None
) -> None:
    found = [each.found for each in a_doctor(replace(RULE, **more), *admins)._approval_rules({}) if each.fix]
    assert found == ([problem] if problem else [])


# The shell


def test_shell_updates_every_message_even_if_the_member_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world(RULE)
    world.slack.unreachable = {ANA.user_id}
    monkeypatch.setattr(clients, "slack", lambda _: world.slack)
    postings = (Posting("D0BEN/1.0", "de"), Posting("C0REQUESTS/2.0", "en"))
    decided = an_access_request(postings=postings, state=RequestState.DENIED, decided_by="cli:ops", answer="later")
    why = administration.tell(cast("Any", None), Decision(DecisionResult.DONE, decided))
    assert why is not None
    assert "Slack" in why
    assert [place for place, _ in world.slack.updates] == ["D0BEN/1.0", "C0REQUESTS/2.0"]
    assert all("cli:ops" in str(message.blocks) for _, message in world.slack.updates)
