"""Handlers of access requests, over fakes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.core.access import Effect, Grant, Member, Person
from bot.core.errors import StoreError
from bot.core.link import Allowed, Link, Reason
from bot.core.records import AccessRequest, Posting, RequestState
from bot.local.slack.blocks import check_blocks
from bot.slack.blocks import slack_date
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, NOON, TEAM, NeverReady, a_grant, a_mapping
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


# A form that Slack sends twice, as over Socket Mode


def test_denial_that_comes_twice_gives_no_reason_back(world: AppWorld) -> None:
    request = asked(world)
    for _ in range(2):
        world.submit("deny_access", {"reason": "no budget"}, f"{value(request)} en", ADA)
    assert world.requests.latest[BEN].answer == "no budget"
    assert WORDS.reason_not_sent not in str(world.slack.posts)
    world.submit("deny_access", {"reason": "too late"}, f"{value(request)} en", ADA)
    assert "too late" in str(world.slack.posts[-1][1].blocks)


# The list for administrators


def test_list_of_many_requests_fits_into_a_message(world: AppWorld) -> None:
    """With all that a request can have: Slack refuses a message of more than 50 blocks, and nobody would read it."""
    for number in range(12):
        member = Member(TEAM, f"U0MANY{number:02}")
        endorsed = {"reminders": 1, "approvers": (ANA.user_id,), "needed": 2}
        world.requests.latest[member] = an_access_request(member, **endorsed)
    world.command("admin requests", ADA)
    message = world.slack.replies[-1][0]
    assert check_blocks(message.blocks) == []
    assert "1 to 5 of 12" in texts(message)


def test_list_of_few_requests_has_them_all(world: AppWorld) -> None:
    asked(world)
    world.command("admin requests", ADA)
    assert " of 1" not in texts(world.slack.replies[-1][0])


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


@pytest.mark.parametrize(
    ("rules", "filled_in"),
    [
        ((), None),
        ((a_grant(BEN, until=NOON + timedelta(hours=1), reason="Falcon, OPS-12"),), "Falcon, OPS-12"),
        ((a_grant(BEN, until=NOON - timedelta(hours=1), reason="Falcon"),), "Falcon"),
        ((a_grant(BEN, until=NOON + timedelta(hours=1)),), None),
    ],
)
def test_form_has_the_reason_of_the_access_to_extend(
    world: AppWorld, rules: tuple[Grant, ...], filled_in: str | None
) -> None:
    world.access.give(BEN, a_mapping(profile="ben"), *rules)
    world.press("ask_access", "", BEN)
    [reason] = [block["element"] for block in world.slack.forms[0]["blocks"] if block.get("block_id") == "reason"]
    assert reason.get("initial_value") == filled_in


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
    assert world.counted() == {"asked": 1, "home": 1}


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
    [(_, message)] = world.slack.posts
    assert message.text == WORDS.ask_failed
    assert [block["text"]["text"] for block in message.blocks[1:]] == ["prod", "project Falcon"]
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
    assert world.counted() == {"asked": 1, "home": 1}
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
    until = world.access.read(BEN).grants[0].until
    assert until is not None
    lasts = WORDS.granted_until.format(until=slack_date(until))
    assert [(to, answer.text) for to, answer in world.slack.posts] == [(BEN.user_id, f"{WORDS.granted} {lasts}")]
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
        ({"domain": "nonsense", "profile": "no profile", "alias": "admin"}, "alias domain profile"),
        ({"domain": "", "profile": "", "alias": "prod"}, "domain profile"),
    ],
)
def test_mapping_form_with_bad_fields_shows_which(world: AppWorld, fields: dict[str, str], field: str) -> None:
    request = asked(world)
    answer = json.loads(world.submit("approve_access", fields, f"{value(request)} de", ADA))
    assert list(answer["errors"]) == field.split()
    assert world.requests.latest[BEN] == request
    assert world.counted() == {"invalid_form": 1}


def deny(world: AppWorld, request: AccessRequest, reason: str = "", by: Member = ADA) -> str:
    """Submit the form that asks for the reason of a denial."""
    return world.submit("deny_access", {"reason": reason}, f"{value(request)} en", by)


def test_denial_asks_for_a_reason_in_a_form(world: AppWorld) -> None:
    request = asked(world)
    world.press("deny_access", value(request), ADA)
    [form] = world.slack.forms
    assert (form["callback_id"], form["private_metadata"]) == ("deny_access", f"{value(request)} en")
    assert world.requests.latest[BEN] == request
    assert world.counted() == {"decision_needs_reason": 1}


@pytest.mark.parametrize("reason", ["", "ask your *manager* first"])
def test_denial_is_sent_to_the_member_with_its_reason(world: AppWorld, reason: str) -> None:
    request = asked(world, postings=(Posting("C0REQUESTS/5.0", "en"),))
    assert deny(world, request, reason) == ""
    assert world.requests.latest[BEN].state is RequestState.DENIED
    [(_, message)] = [(to, message) for to, message in world.slack.posts if to == BEN.user_id]
    assert message.text == WORDS.turned_down
    assert (WORDS.denied_because.format(reason=reason) in texts(message)) is bool(reason)
    [(place, card)] = world.slack.updates
    assert (place, reason in texts(card)) == ("C0REQUESTS/5.0", True)
    assert world.access.read(BEN).grants == ()
    assert world.slack.replies == []


def test_reason_for_what_another_has_decided_comes_back(world: AppWorld) -> None:
    """The form was open while another administrator decided."""
    request = asked(world, state=RequestState.APPROVED, decided_by=ADA.user_id, decided_at=world.clock.now())
    deny(world, request, "no budget")
    outcome, not_sent = (message for to, message in world.slack.posts if to == ADA.user_id)
    assert "Approved by" in outcome.text
    assert "no budget" in texts(not_sent)
    assert world.requests.latest[BEN] == request


def test_reason_comes_back_where_the_denial_fails(world: AppWorld) -> None:
    request, world.requests.error = asked(world), BROKEN
    deny(world, request, "no budget")
    assert [WORDS.decision_failed in message.text for _, message in world.slack.posts] == [True, False]
    assert "no budget" in texts(world.slack.posts[-1][1])


def test_form_of_one_who_may_no_longer_decide_denies_nothing(world: AppWorld) -> None:
    request = asked(world)
    world.press("deny_access", value(request), ADA)
    world.directory.people[ADA.user_id] = Person(ADA.user_id, TEAM, ineligible_reason="deactivated")
    deny(world, request)
    assert world.requests.latest[BEN] == request
    assert world.outcomes()[-1] == ("decide", "not_an_admin")


def test_unopened_form_for_a_reason_is_answered(world: AppWorld) -> None:
    world.slack.broken = {"open_form"}
    world.press("deny_access", value(asked(world)), ADA)
    assert world.answer() == WORDS.form_failed


def test_decision_in_the_home_tab_takes_the_request_off_it(world: AppWorld) -> None:
    world.access.give(BEN, a_mapping("bens", "ben"))
    request = asked(world, wish="")
    world.press("approve_access", value(request), ADA, {"view": {"id": "V1", "type": "home"}})
    [home] = [message for user, message in world.slack.homes if user == ADA.user_id]
    assert "approve_access" not in texts(home)


def test_command_is_answered_beside_the_messages_that_it_updates(world: AppWorld) -> None:
    asked(world, postings=(Posting("C0REQUESTS/5.0", "en"),))
    world.command(f"admin decline <@{BEN.user_id}|ben> --reason later", ADA)
    assert [place for place, _ in world.slack.updates] == ["C0REQUESTS/5.0"]
    assert "Denied by" in world.answer()


def test_form_says_that_the_members_profile_is_gone(world: AppWorld) -> None:
    world.access.give(BEN, a_mapping("bens", "gone"))
    world.press("approve_access", value(asked(world, wish="")), ADA)
    [form] = world.slack.forms
    assert form["callback_id"] == "approve_access"
    assert WORDS.profile_gone in str(form["blocks"])


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
    request = asked(world, state=RequestState.DENIED, decided_by=ADA.user_id, decided_at=world.clock.now())
    world.press("deny_access", value(request), ADA)
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


# While a request is open

WAITING = "Requested · waiting for your administrators"


def shown(world: AppWorld) -> list[Any]:
    """Return everything that Ben was shown: replies, dialogs, forms, home tabs and direct messages."""
    direct = [message for user, message in (*world.slack.homes, *world.slack.posts) if user == BEN.user_id]
    messages = [message for message, _ in world.slack.replies] + direct
    return [*(message.blocks for message in messages), *(form["blocks"] for form in world.slack.forms)]


PLACES: dict[str, Callable[[AppWorld], object]] = {
    "/studio": lambda world: world.command("", BEN),
    "/studio whoami": lambda world: world.command("whoami", BEN),
    "/studio help": lambda world: world.command("help", BEN),
    "/studio request": lambda world: world.command("request", BEN),
    "an old button": lambda world: world.press("ask_access", "", BEN),
    "the home tab": lambda world: world.open_home(BEN),
    "the messages tab": lambda world: world.write("hello", BEN),
}


@pytest.mark.public(27)
@pytest.mark.parametrize("place", PLACES)
def test_open_request_shows_instead_of_the_way_to_ask(world: AppWorld, place: str) -> None:
    PLACES[place](world)
    before = str(shown(world))
    assert "ask_access" in before or "`/studio request`" in before or "Why do you need it?" in before
    for seen in (world.slack.replies, world.slack.homes, world.slack.forms, world.slack.posts):
        seen.clear()

    request = asked(world)
    PLACES[place](world)

    after = str(shown(world))
    assert WAITING in after
    assert ("withdraw_access" in after and request.id in after) or place == "/studio help"
    assert "ask_access" not in after
    assert "`/studio request`" not in after
    assert world.slack.forms == []


@pytest.mark.public(27)
@pytest.mark.parametrize("state", [*(each for each in RequestState if each is not RequestState.OPEN), "expired"])
def test_request_that_is_over_leaves_the_way_to_ask(world: AppWorld, state: str) -> None:
    request = asked(world)
    if state == "expired":
        world.clock.advance(8 * 86400)
    else:
        world.requests.latest[BEN] = replace(request, state=RequestState(state), decided_by=ADA.user_id)
    world.command("whoami", BEN)
    assert "ask_access" in str(shown(world))
    assert WAITING not in str(shown(world))


@pytest.mark.public(27)
def test_access_that_ends_soon_shows_the_open_request(world: AppWorld) -> None:
    world.access.give(BEN, a_mapping(), a_grant(BEN, until=world.clock.now() + timedelta(hours=2)))
    asked(world)
    world.command("", BEN)
    [blocks] = shown(world)
    assert WAITING in str(blocks)
    assert "ask_access" not in str(blocks)
    assert "open_studio" in str(blocks)


@pytest.mark.parametrize(("minting", "wait"), [(0.1, 1.0), (5.0, 1.0), (5.8, 0.7), (7.0, 0.0)])
def test_look_up_of_a_request_leaves_time_for_the_link(world: AppWorld, minting: float, wait: float) -> None:
    world.access.give(BEN, a_mapping(), a_grant(BEN, until=world.clock.now() + timedelta(hours=2)))
    side, sign_in = NeverReady("open_request"), world.studio.sign_in
    world.app.signin = replace(world.app.signin, facts=replace(world.app.signin.facts, side=side))

    def slow(allowed: Allowed) -> Link:
        world.clock.advance(minting)
        return sign_in(allowed)

    world.studio.sign_in = slow  # type: ignore[method-assign]
    world.command("", BEN)
    assert side.waits == [pytest.approx(wait)]
    assert "open_studio" in str(shown(world))


@pytest.mark.public(27)
def test_member_withdraws_their_request(world: AppWorld) -> None:
    request = asked(world, postings=(Posting("C0REQUESTS/5.0", "en"),))
    world.press("withdraw_access", request.id, BEN)
    assert world.requests.latest[BEN].state is RequestState.WITHDRAWN
    assert world.answer() == WORDS.ask_withdrawn.format(command="/studio")
    [(place, message)] = world.slack.updates
    assert (place, "approve_access" in texts(message)) == ("C0REQUESTS/5.0", False)
    assert f"Withdrawn by <@{BEN.user_id}>" in texts(message)
    assert [user for user, _ in world.slack.homes] == [BEN.user_id]
    assert world.outcomes() == [("request", "withdrawn")]
    assert world.counted() == {"ask_withdrawn": 1, "home": 1}

    world.press("withdraw_access", request.id, BEN)
    assert world.outcomes()[1:] == [("link", "stale_button")]


@pytest.mark.public(27)
@pytest.mark.parametrize("whose", ["another member's", "an older one"])
def test_only_the_members_own_open_request_is_withdrawn(world: AppWorld, whose: str) -> None:
    request = asked(world)
    world.press(
        "withdraw_access", "0" * 32 if whose == "an older one" else request.id, ANA if "another" in whose else BEN
    )
    assert world.requests.latest[BEN] == request
    assert world.outcomes() == [("link", "stale_button")]


@pytest.mark.public(27)
def test_new_request_shows_on_the_home_tab(world: AppWorld) -> None:
    world.submit("ask_access", FILLED_IN, member=BEN)
    [(user, message)] = world.slack.homes
    assert (user, WAITING in texts(message)) == (BEN.user_id, True)


def test_unreadable_request_leaves_the_way_to_ask(world: AppWorld) -> None:
    world.requests.error = BROKEN
    world.command("whoami", BEN)
    assert "ask_access" in str(shown(world))
