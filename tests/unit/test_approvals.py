"""Access requests under rules: who decides, for how long, and what needs no approver."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.admin.decisions import Decision, Submission
from bot.admin.explain import explain
from bot.core.access import Effect, Grant, Mapping, Person
from bot.core.approval_rules import ADMINS, ApprovalRule, Automatic
from bot.core.errors import BadInput, SlackError, StoreError
from bot.core.link import Denied, Reason, Source
from bot.core.policy import Rules
from bot.core.records import AccessRequest, DecisionResult, RequestState
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping
from tests.unit.test_access_requests import ADA, BEA, World

RESEARCH = ApprovalRule("research", domains=("d-research",), approvers=(BEN.user_id,))
NIGHT = replace(RESEARCH, name="night", automatic=Automatic(8, ("S0NIGHT",)))


def a_world(*rules: ApprovalRule, allow_guests: bool = False) -> World:
    world = World()
    settings = Rules(allow_guests, approval_rules=rules)
    world.use_case = replace(world.use_case, rules=settings, admin=replace(world.use_case.admin, rules=settings))
    world.directory.groups = {"S0NIGHT": frozenset({ANA.user_id}), "S0LEADS": frozenset({BEN.user_id})}
    return world


def submitted(world: World, *, days: int | None = 1, wish: str = "", reason: str = "Falcon") -> AccessRequest:
    found = world.use_case.ask(ANA, world.form(), wish=wish, reason=reason, days=days)
    assert isinstance(found, Submission)
    return found.request


def until(world: World) -> datetime | None:
    grant = world.rule()
    assert grant is not None
    return grant.until


# Who may decide


def test_approver_named_by_the_rule_decides() -> None:
    world = a_world(RESEARCH)
    assert world.approve(world.ask(), by=BEN).result is DecisionResult.DONE
    assert world.rule() is not None


def test_member_of_an_approving_group_decides() -> None:
    world = a_world(replace(RESEARCH, approvers=("S0LEADS",)))
    assert world.approve(world.ask(), by=BEN).result is DecisionResult.DONE


def test_fallback_decides() -> None:
    world = a_world(replace(RESEARCH, approvers=("S0NIGHT",), fallback=(ADMINS,)))
    assert world.approve(world.ask(), by=ADA).result is DecisionResult.DONE


@pytest.mark.parametrize("way", [World.approve, World.deny])
def test_administrator_does_not_decide_where_a_rule_names_others(way: object) -> None:
    world = a_world(RESEARCH)
    request = world.ask()
    decision = world.approve(request) if way is World.approve else world.deny(request)
    assert decision == Decision(DecisionResult.NOT_AN_APPROVER, request)
    assert (world.rule(), world.steps()[-1]) == (None, ("decide", "not_an_approver", ADA.user_id))


def test_approver_does_not_decide_on_their_own_request() -> None:
    world = a_world(replace(RESEARCH, approvers=(ANA.user_id, "S0NIGHT")))
    request = world.ask()
    assert world.approve(request, by=ANA).result is DecisionResult.OWN_REQUEST
    assert world.deny(request, by=ANA).result is DecisionResult.OWN_REQUEST
    assert world.rule() is None


def test_press_of_one_who_left_the_group_decides_nothing() -> None:
    world = a_world(replace(RESEARCH, approvers=("S0LEADS",)))
    request = world.ask()
    world.directory.groups["S0LEADS"] = frozenset()
    assert world.approve(request, by=BEN).result is DecisionResult.NOT_AN_APPROVER
    assert world.rule() is None


def test_approver_removed_from_the_rules_decides_nothing() -> None:
    world = a_world(RESEARCH)
    request = world.ask()
    world.use_case = replace(world.use_case, rules=Rules(approval_rules=(replace(RESEARCH, approvers=(ADMINS,)),)))
    assert world.approve(request, by=BEN).result is DecisionResult.NOT_AN_APPROVER


@pytest.mark.parametrize("person", [Person(BEN.user_id, TEAM, guest=True), Person(BEN.user_id, TEAM, None, "bot")])
def test_ineligible_approver_decides_nothing(person: Person) -> None:
    world = a_world(RESEARCH)
    request = world.ask()
    world.directory.people[BEN.user_id] = person
    assert world.approve(request, by=BEN).result is DecisionResult.NOT_AN_APPROVER


def test_blocked_approver_decides_nothing() -> None:
    world = a_world(RESEARCH)
    request = world.ask()
    world.access.give(BEN, a_grant(BEN, Effect.DENY))
    assert world.approve(request, by=BEN).result is DecisionResult.NOT_AN_APPROVER


def test_unconfirmed_group_of_approvers_decides_nothing() -> None:
    world = a_world(replace(RESEARCH, approvers=("S0LEADS",)))
    request = world.ask()
    world.directory.group_error = SlackError("busy", reason=Reason.SLACK_UNREACHABLE)
    with pytest.raises(SlackError):
        world.approve(request, by=BEN)
    assert world.rule() is None


def test_approver_of_one_domain_adds_no_profile_in_another() -> None:
    other = ApprovalRule("other", domains=("d-other",), approvers=(BEA.user_id,))
    world = a_world(RESEARCH, other)
    request = world.ask()
    assert world.approve(request, Mapping("b", "d-other", "ana"), by=BEN).result is DecisionResult.NOT_AN_APPROVER
    assert world.approve(request, Mapping("b", "d-other", "ana"), by=BEA).result is DecisionResult.NOT_AN_APPROVER
    assert len(world.access.read(ANA).mappings) == 1


def test_approver_opens_the_form_for_whom_nothing_is_mapped() -> None:
    world = a_world(replace(RESEARCH, approvers=(BEA.user_id,)))
    world.use_case = replace(world.use_case, admins=frozenset({ADA.user_id}))
    request = world.ask(BEN, wish="")
    assert world.approve(request, by=BEA, asked_for=False).result is DecisionResult.NEEDS_MAPPING
    assert world.deny(request, by=BEA).result is DecisionResult.NOT_AN_ADMIN
    assert world.approve(request, Mapping("a", "d-research", "ben"), by=BEA).result is DecisionResult.DONE


def test_rule_needs_as_many_approvers_as_it_says() -> None:
    world = a_world(replace(RESEARCH, approvers=(ADMINS,), needed=2))
    request = world.ask()
    assert world.approve(request, by=ADA).result is DecisionResult.ENDORSED
    assert world.approve(request, by=BEA).result is DecisionResult.DONE


def test_those_whom_a_rule_names_are_asked() -> None:
    world = a_world(replace(RESEARCH, approvers=("S0NIGHT", "S0LEADS"), fallback=(ADMINS,)))
    asked = world.use_case.basis.asked(world.ask())
    assert list(map(set, asked)) == [{BEN.user_id}, {ADA.user_id, BEA.user_id}]
    assert list(map(set, a_world().use_case.basis.asked(world.ask()))) == [{ADA.user_id, BEA.user_id}, set()]


# For how long, and with which reason


def test_duration_beyond_the_rules_is_not_asked_for() -> None:
    world = a_world(replace(RESEARCH, days=(3, 7), max_days=7))
    assert submitted(world, days=90).days == 3
    assert world.approve(submitted(world, days=None), by=BEN).result is DecisionResult.DONE


def test_duration_is_capped_by_the_rules_at_the_decision() -> None:
    world = a_world(RESEARCH)
    request = world.ask(days=90)
    world.use_case = replace(world.use_case, rules=Rules(approval_rules=(replace(RESEARCH, max_days=7),)))
    world.approve(request, by=BEN)
    assert until(world) == NOON + timedelta(days=7)


def test_request_without_a_ticket_is_not_kept() -> None:
    rules = with_ticket(RESEARCH)
    world = a_world(rules)
    with pytest.raises(BadInput, match="no ticket such as OPS-1"):
        submitted(world)
    assert world.requests.find(ANA) is None
    assert submitted(world, reason="for OPS-7").reason == "for OPS-7"


def test_approval_needs_the_ticket_that_a_rule_requires_by_then() -> None:
    world = a_world(RESEARCH)
    request = world.ask()
    world.use_case = replace(world.use_case, rules=Rules(approval_rules=(with_ticket(RESEARCH),)))
    assert world.approve(request, by=BEN).result is DecisionResult.NEEDS_TICKET
    assert world.rule() is None


def with_ticket(rule: ApprovalRule) -> ApprovalRule:
    return replace(rule, ticket=re.compile("OPS-[0-9]+"), ticket_example="OPS-1")


# Without an approver


def test_rule_approves_by_itself_and_is_named() -> None:
    world = a_world(NIGHT)
    request = submitted(world)
    assert (request.state, request.decided_by) == (RequestState.APPROVED, "rule:night")
    grant = world.rule()
    assert grant is not None
    assert (grant.until, grant.set_by) == (NOON + timedelta(hours=8), "rule:night")
    assert world.steps() == [
        ("request", "done", ANA.user_id),
        ("decide", "approved", "rule:night"),
        ("allow", "done", "rule:night"),
    ]


def test_longer_time_and_other_wishes_need_an_approver() -> None:
    for days, wish in ((7, ""), (None, ""), (1, "another profile")):
        assert submitted(a_world(NIGHT), days=days, wish=wish).state is RequestState.OPEN


def test_member_outside_the_conditions_needs_an_approver() -> None:
    world = a_world(replace(NIGHT, automatic=Automatic(8, ("S0LEADS",))))
    assert submitted(world).state is RequestState.OPEN


@pytest.mark.parametrize("confirmed", [True, False])
def test_unconfirmed_address_needs_an_approver(confirmed: bool) -> None:  # noqa: FBT001 - a column of the table
    world = a_world(replace(NIGHT, automatic=Automatic(8, email_domains=("example.com",))))
    world.directory.people[ANA.user_id] = Person(
        ANA.user_id, TEAM, email="ana@example.com", email_confirmed=confirmed
    )
    assert submitted(world).state is (RequestState.APPROVED if confirmed else RequestState.OPEN)


def test_deny_rule_beats_a_rule_that_approves_by_itself() -> None:
    world = a_world(NIGHT)
    world.access.give(ANA, a_grant(ANA, Effect.DENY))
    denied = world.use_case.ask(ANA, world.form(), wish="", reason="Falcon", days=1)
    assert isinstance(denied, Denied)
    assert world.requests.find(ANA) is None


def test_guest_needs_an_approver_even_where_guests_are_admitted() -> None:
    world = a_world(NIGHT, allow_guests=True)
    world.directory.people[ANA.user_id] = Person(ANA.user_id, TEAM, guest=True)
    assert submitted(world).state is RequestState.OPEN


def test_two_approvals_are_not_replaced_by_a_rule() -> None:
    world = a_world(NIGHT)
    world.use_case = replace(world.use_case, rules=replace(world.use_case.rules, approvals=2))
    assert submitted(world).state is RequestState.OPEN


def test_profile_under_another_rule_needs_an_approver() -> None:
    world = a_world(NIGHT)
    world.access.give(ANA, a_mapping("second", domain="d-other"))
    assert submitted(world).state is RequestState.OPEN


def test_rule_that_approves_by_itself_never_shortens_access() -> None:
    world = a_world(NIGHT)
    longer = Grant(ANA.user_id, Effect.ALLOW, NOON + timedelta(days=2))
    world.access.give(ANA, longer)
    assert submitted(world).state is RequestState.APPROVED
    assert world.rule() == longer


def test_failed_approval_by_a_rule_leaves_the_request_to_people(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world(NIGHT)

    def fail(*_: object, **__: object) -> None:
        raise StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)

    monkeypatch.setattr(world.access, "put_grant", fail)
    assert submitted(world).state is RequestState.OPEN
    kept = world.requests.find(ANA)
    assert kept is not None
    assert kept.state is RequestState.OPEN
    assert world.steps()[-1] == ("decide", "taken_back", "rule:night")


def test_explain_names_the_rule_of_a_request() -> None:
    world = a_world(NIGHT)
    found = explain(world.use_case.admin, ANA, None, world.use_case.facts)
    assert [rule.name for rule in found.approval] == ["night"]
    assert [rule.name for rule in explain(world.use_case.admin, BEN, None, None).approval] == [""]


def test_shell_decides_within_the_limits_of_the_rules() -> None:
    world = a_world(RESEARCH)
    request = world.ask(days=90)
    world.use_case = replace(world.use_case, rules=Rules(approval_rules=(replace(RESEARCH, max_days=7),)))
    decision = world.use_case.approve("cli:ada", ANA, request.id, source=Source.CLI, asked_for=True)
    assert decision.result is DecisionResult.DONE
    assert until(world) == NOON + timedelta(days=7)
