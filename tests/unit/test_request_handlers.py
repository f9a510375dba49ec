"""Handlers of access requests, over fakes."""

import json
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.core.access import Effect, Grant, Person
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.core.records import AccessRequest, RequestState
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, TEAM, a_grant, a_mapping
from tests.fakes_access_requests import an_access_request
from tests.fakes_app import ADA, IN_A_DIALOG, AppWorld

WORDS = CATALOGUES["en"]
BROKEN = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)
FILLED_IN = {"wish": "prod", "reason": "project Falcon"}
IN_THE_CHANNEL = {"channel": {"id": "C0REQUESTS"}, "container": {"message_ts": "5.0"}}


@pytest.fixture
def world() -> AppWorld:
    return AppWorld()


def asked(world: AppWorld, **more: Any) -> AccessRequest:
    """Return Ben's open request."""
    request = an_access_request(BEN, **more)
    world.requests.latest[BEN] = request
    return request


def value(request: AccessRequest) -> str:
    return f"{request.member.user_id} {request.id}"


def texts(message: Any) -> str:
    return str(message.blocks)


# The member's form


@pytest.mark.parametrize("how", ["command", "button"])
def test_form_opens_after_a_moment(world: AppWorld, how: str) -> None:
    if how == "command":
        world.command("request", BEN)
    else:
        world.press("ask_access", "", BEN)
    assert [message.text for message in world.slack.dialogs] == [WORDS.one_moment]
    assert [form["callback_id"] for form in world.slack.forms] == ["ask_access"]
    assert world.counted() == {"asking": 1}


def test_form_is_not_shown_where_a_request_would_reach_nobody(world: AppWorld) -> None:
    world.app.admins = frozenset()
    world.command("request", BEN)
    assert (world.answer(), world.slack.forms) == (WORDS.ask_nobody, [])


def test_form_is_not_shown_to_a_denied_member(world: AppWorld) -> None:
    world.access.give(BEN, a_grant(BEN, Effect.DENY))
    world.command("request", BEN)
    assert world.slack.forms == []
    assert world.answer() == WORDS.refusals[Reason.DENIED]
    assert world.counted() == {"denied": 1}


@pytest.mark.parametrize(("method", "outcome"), [("open_view", "dialog_not_opened"), ("open_form", "slack_refused")])
def test_unopened_form_is_answered_and_counted(world: AppWorld, method: str, outcome: str) -> None:
    world.slack.broken = {method}
    world.command("request", BEN)
    assert world.answer() == (WORDS.form_failed if method == "open_view" else WORDS.refusals[Reason.SLACK_REFUSED])
    assert world.counted() == {outcome: 1}


# Submission


def test_request_reaches_each_administrator_with_buttons(world: AppWorld) -> None:
    assert world.submit("ask_access", FILLED_IN, member=BEN) == ""
    [(to, message), (back, answer)] = world.slack.posts
    assert (to, back, answer.text) == (ADA.user_id, BEN.user_id, WORDS.ask_sent)
    assert "approve_access" in texts(message)
    assert "project Falcon" in texts(message)
    [posting] = world.requests.latest[BEN].postings
    assert posting.message == f"{ADA.user_id}/1.0"
    assert world.outcomes() == [("request", "done")]
    assert world.counted() == {"asked": 1}


def test_request_goes_to_the_channel_where_one_is_set(world: AppWorld) -> None:
    world.app.request_channel = "C0REQUESTS"
    world.submit("ask_access", FILLED_IN, member=BEN)
    assert [place for place, _ in world.slack.posts] == ["C0REQUESTS", BEN.user_id]


@pytest.mark.parametrize("reason", ["", "   "])
def test_request_without_a_reason_shows_what_is_missing(world: AppWorld, reason: str) -> None:
    answer = json.loads(world.submit("ask_access", {"reason": reason}, metadata="de", member=BEN))
    assert answer["errors"] == {"reason": CATALOGUES["de"].ask_reason_missing}
    assert world.requests.latest == {}
    assert world.outcomes() == [("form", "invalid_form")]
    assert world.counted() == {"invalid_form": 1}


def test_request_that_reaches_nobody_is_withdrawn(world: AppWorld) -> None:
    world.slack.broken = {"post"}
    world.submit("ask_access", FILLED_IN, member=BEN)
    assert world.requests.latest[BEN].state is RequestState.WITHDRAWN
    assert world.counted() == {"asked_nobody": 1}


def test_second_request_joins_the_open_one(world: AppWorld) -> None:
    asked(world)
    world.submit("ask_access", FILLED_IN, member=BEN)
    assert [place for place, _ in world.slack.posts] == [BEN.user_id]
    assert world.counted() == {"asked_again": 1}


def test_request_of_a_guest_is_refused(world: AppWorld) -> None:
    world.directory.people[BEN.user_id] = Person(BEN.user_id, TEAM, guest=True)
    world.submit("ask_access", FILLED_IN, member=BEN)
    assert [(place, message.text) for place, message in world.slack.posts] == [
        (BEN.user_id, WORDS.refusals[Reason.GUEST])
    ]
    assert world.counted() == {"guest": 1}


def test_unstored_request_is_answered(world: AppWorld) -> None:
    world.requests.error = BROKEN
    world.submit("ask_access", FILLED_IN, member=BEN)
    assert [message.text for _, message in world.slack.posts] == [WORDS.ask_failed]
    assert world.counted() == {"not_asked": 1}


def test_decided_request_loses_the_buttons_of_late_postings(world: AppWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = world.requests.posted

    def after_a_decision(*given: Any) -> AccessRequest | None:
        stands = keep(*given)
        assert stands is not None
        return replace(stands, state=RequestState.DENIED, decided_by=ADA.user_id, decided_at=world.clock.now())

    monkeypatch.setattr(world.requests, "posted", after_a_decision)
    world.submit("ask_access", FILLED_IN, member=BEN)
    [(place, message)] = world.slack.updates
    assert place == f"{ADA.user_id}/1.0"
    assert "approve_access" not in texts(message)


def test_unstored_postings_change_nothing_for_the_member(world: AppWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise BROKEN

    monkeypatch.setattr(world.requests, "posted", fails)
    with capture_logs() as logs:
        world.submit("ask_access", FILLED_IN, member=BEN)
    assert world.counted() == {"asked": 1}
    assert "postings_not_kept" in [line["event"] for line in logs]


# Decisions


def test_approval_of_a_mapped_member_grants_and_notifies(world: AppWorld) -> None:
    world.access.give(BEN, a_mapping("bens", "ben"))
    request, world.app.audit_channel = asked(world, wish=""), "C0AUDIT0001"
    world.press("approve_access", value(request), ADA, IN_THE_CHANNEL)
    assert [grant.effect for grant in world.access.read(BEN).grants] == [Effect.ALLOW]
    [(place, message)] = world.slack.updates
    assert place == "C0REQUESTS/5.0"
    assert "approve_access" not in texts(message)
    assert [(to, answer.text) for to, answer in world.slack.posts] == [(BEN.user_id, WORDS.granted)]
    assert [user for user, _ in world.slack.homes] == [BEN.user_id]
    assert [channel for channel, _ in world.slack.announced] == ["C0AUDIT0001"]
    assert world.slack.replies == []
    assert world.counted() == {"decision_done": 1, "home": 1}


def test_approval_of_a_member_without_a_mapping_opens_a_form(world: AppWorld) -> None:
    request = asked(world)
    world.press("approve_access", value(request), ADA)
    [form] = world.slack.forms
    assert form["private_metadata"] == f"{value(request)} en"
    assert world.requests.latest[BEN].state is RequestState.OPEN
    assert world.counted() == {"decision_needs_mapping": 1}


def test_unopened_mapping_form_is_answered(world: AppWorld) -> None:
    world.slack.broken = {"open_form"}
    world.press("approve_access", value(asked(world)), ADA)
    assert world.answer() == WORDS.form_failed


def test_mapping_form_approves_with_its_mapping(world: AppWorld) -> None:
    request = asked(world)
    fields = {"domain": "d-research", "profile": "ben", "alias": "Bens"}
    assert world.submit("approve_access", fields, f"{value(request)} en", ADA) == ""
    [mapping] = world.access.read(BEN).mappings
    assert (mapping.alias, mapping.profile_name) == ("bens", "ben")
    assert world.requests.latest[BEN].state is RequestState.APPROVED


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"domain": "nonsense", "profile": "ben"}, "domain"),
        ({"domain": "d-research", "profile": "no profile"}, "profile"),
        ({"domain": "d-research", "profile": "ben", "alias": "admin"}, "alias"),
    ],
)
def test_mapping_form_with_bad_fields_shows_which(world: AppWorld, fields: dict[str, str], field: str) -> None:
    request = asked(world)
    answer = json.loads(world.submit("approve_access", fields, f"{value(request)} de", ADA))
    assert list(answer["errors"]) == [field]
    assert world.requests.latest[BEN] == request
    assert world.counted() == {"invalid_form": 1}


def test_denial_is_sent_to_the_member(world: AppWorld) -> None:
    request = asked(world)
    world.press("deny_access", value(request), ADA)
    assert world.requests.latest[BEN].state is RequestState.DENIED
    assert (BEN.user_id, WORDS.turned_down) in [(to, message.text) for to, message in world.slack.posts]
    assert world.access.read(BEN).grants == ()


@pytest.mark.parametrize("action_id", ["approve_access", "deny_access"])
def test_press_by_non_administrator_decides_nothing(world: AppWorld, action_id: str) -> None:
    request = asked(world)
    world.press(action_id, value(request), ANA)
    assert world.answer() == WORDS.only_admins
    assert world.requests.latest[BEN] == request
    assert world.outcomes() == [("decide", "not_an_admin")]


@pytest.mark.parametrize("named", ["", "nonsense", f"{BEN.user_id} 1", f"{TEAM} {'1' * 32}"])
@pytest.mark.parametrize("action_id", ["approve_access", "deny_access"])
def test_press_that_names_no_request_is_stale(world: AppWorld, action_id: str, named: str) -> None:
    world.press(action_id, named, ADA)
    assert world.answer() == WORDS.request_closed
    assert world.outcomes() == [("link", "stale_button")]


def test_failed_decision_is_answered_and_counted(world: AppWorld) -> None:
    world.access.give(BEN, a_mapping("bens", "ben"))
    request, world.requests.error = asked(world, wish=""), None
    world.access.error = BROKEN
    world.press("approve_access", value(request), ADA)
    assert WORDS.decision_failed in world.answer()
    assert world.counted() == {"decision_failed": 1}
    assert world.requests.latest[BEN] == request


def test_decided_request_shows_its_end_instead_of_buttons(world: AppWorld) -> None:
    request = asked(world, state=RequestState.DENIED, decided_by=ADA.user_id, decided_at=world.clock.now())
    world.press("approve_access", value(request), ADA)
    [(_, message)] = world.slack.updates
    assert "approve_access" not in texts(message)
    assert world.counted() == {"decision_already_decided": 1}


def test_unreplaced_message_is_answered_beside_it(world: AppWorld) -> None:
    world.slack.broken = {"update"}
    world.press("deny_access", value(asked(world)), ADA)
    assert "Denied by" in world.answer()


def test_approval_from_a_dialog_is_answered_in_it(world: AppWorld) -> None:
    request = asked(world)
    world.press("approve_access", value(request), ADA, IN_A_DIALOG)
    assert len(world.slack.forms) == 1


def test_approval_of_a_member_in_a_denied_group_says_so(world: AppWorld) -> None:
    """An administrator's press justifies the group look-up, although nothing is mapped yet."""
    deny = Grant("S0LEAVERS1", Effect.DENY)
    world.access.give_group(TEAM, deny)
    world.directory.groups = {deny.principal: frozenset({BEN.user_id})}
    world.press("approve_access", value(asked(world)), ADA)
    assert world.answer() == WORDS.deny_rule_remains.format(command="/studio")
