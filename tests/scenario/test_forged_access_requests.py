"""Forged access requests: buttons, forms, outsiders and replays.

The rows of `docs/SECURITY.md` name these tests.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from bot.admin.changes import Admin
from bot.core.access import Effect, Grant, Mapping, Member
from bot.local.slack.screens import Message
from bot.local.slack.workspace import GENERAL
from bot.slack.words import CATALOGUES
from tests.scenario.conftest import TEAM, Product, create_profile
from tests.scenario.test_access_requests import TESTER, administrators, ask, newest, outcomes, somebody, wait
from tests.scenario.test_identity import post

# Every member of this channel sees the buttons; Bea administers by a rule.
SETTINGS = {"STUDIO_ADMINS": "U0ADA", "STUDIO_REQUEST_CHANNEL": GENERAL}


@pytest.fixture(scope="module", autouse=True)
def admin(product: Product) -> Admin:
    admin = administrators(product)
    admin.grant(TEAM, Grant("U0BEA", Effect.ADMIN), TESTER)
    return admin


@pytest.fixture
def user(product: Product) -> str:
    return somebody(product)


def signed(product: Product, payload: dict[str, Any], user: str, team: str = TEAM) -> tuple[int, str]:
    """Return a forged interaction with Slack's signature."""
    whole = {
        "user": {"id": user, "team_id": team},
        "team": {"id": TEAM, "domain": "x"},
        "api_app_id": product.slack.installation.app_id,
        "trigger_id": f"forged.{time.monotonic_ns()}",
        **payload,
    }
    return post(product, {"payload": json.dumps(whole)})


def sent_form(callback_id: str, metadata: object, **values: object) -> dict[str, Any]:
    """Return the submission of a dialog that was never shown."""
    state = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
    view = {
        "id": "V0FORGED",
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": metadata,
        "hash": "1.x",
    }
    return {"type": "view_submission", "view": {**view, "state": {"values": state}}}


def pressed(action_id: str, value: object) -> dict[str, Any]:
    """Return the press of a button that was never shown."""
    action = {"type": "button", "action_id": action_id, "block_id": "x", "value": value}
    return {"type": "block_actions", "actions": [action], "container": {"type": "message"}}


def value_of(request: Message) -> str:
    return next(button.value or "" for button in request.buttons() if button.action_id == "approve_access")


@pytest.fixture
def button_value(product: Product, admin: Admin, user: str) -> str:
    """Return the button value of an open request by a member with a profile."""
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    ask(product, user)
    return value_of(newest(product, "U0ADA", f"<@{user}>"))


def test_channel_posting_is_decided_by_administrators_only(product: Product, admin: Admin, button_value: str) -> None:
    asker = button_value.partition(" ")[0]
    for who in ("U0MIA", asker):
        product.slack.press(who, newest(product, who, f"<@{asker}> asks"), "approve_access")
        newest(product, who, "Only Studio administrators")
        assert outcomes(admin, asker)[0][1:3] == ("not_an_admin", who)
    assert admin.access.read(Member(TEAM, asker)).grants == ()

    product.slack.press("U0BEA", newest(product, "U0BEA", f"<@{asker}> asks"), "approve_access")

    newest(product, asker, "You can open SageMaker Studio now")
    assert newest(product, "U0MIA", f"<@{asker}> asks", "Approved by <@U0BEA>").buttons() == []
    assert [grant.set_by for grant in admin.access.read(Member(TEAM, asker)).grants] == ["U0BEA"]


FORGED: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "a button": lambda value, _: pressed("approve_access", value),
    "the profile dialog": lambda value, domain: sent_form(
        "approve_access", f"{value} en", domain=domain, profile="mia", alias="x"
    ),
    "the profile dialog, empty": lambda value, _: sent_form("approve_access", f"{value} de"),
}
for_each_forgery = pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)


@for_each_forgery
def test_forged_decision_decides_nothing_and_is_recorded(
    product: Product, admin: Admin, button_value: str, forge: Callable[[str, str], dict[str, Any]]
) -> None:
    asker = button_value.partition(" ")[0]
    before = admin.access.read(Member(TEAM, asker))
    for number, who in enumerate(("U0MIA", asker), 2):
        assert signed(product, forge(button_value, product.domain_id), who) == (200, "")

        wait(product, lambda number=number: len(outcomes(admin, asker)) == number)  # type: ignore[misc] # mypy's gap
        assert outcomes(admin, asker)[0][1:3] == ("not_an_admin", who)
        assert admin.access.read(Member(TEAM, asker)) == before
    assert newest(product, "U0ADA", f"<@{asker}>").buttons() != []


@for_each_forgery
def test_outsider_with_an_administrators_id_decides_nothing(
    product: Product, admin: Admin, button_value: str, forge: Callable[[str, str], dict[str, Any]]
) -> None:
    """User ids are unique only within a workspace, and outsiders in a shared channel see our buttons."""
    asker, refused = button_value.partition(" ")[0], product.bot.outcomes("foreign")
    before = admin.access.read(Member(TEAM, asker))

    assert signed(product, forge(button_value, product.domain_id), "U0ADA", "T0OTHER")[0] == 200

    product.bot.wait_for_outcomes("foreign", refused + 1)
    assert admin.access.read(Member(TEAM, asker)) == before
    assert [entry[1] for entry in outcomes(admin, asker)] == ["done"]


def test_outsider_opens_no_request(product: Product, admin: Admin) -> None:
    refused = product.bot.outcomes("foreign")
    form = sent_form("ask_access", "en", reason="let me in")

    signed(product, form, "U0OUTSIDER", "T0OTHER")

    product.bot.wait_for_outcomes("foreign", refused + 1)
    assert not any("let me in" in str(message.blocks) for message in product.slack.view("U0ADA"))
    assert outcomes(admin, "U0OUTSIDER") == []


NO_REQUEST: dict[str, Callable[[str, str], object]] = {
    "nothing": lambda *_: "",
    "no text": lambda *_: {"a": 1},
    "another member's id with it": lambda _, request: f"U0MIA {request}",
    "an unknown id": lambda user, _: f"{user} {'0' * 32}",
    "two of them": lambda user, request: f"{user} {request} {user} {request}",
    "a line after it": lambda user, request: f"{user} {request}\n",
    "another member of another team": lambda user, request: f"T0OTHER#{user} {request}",
    "endless": lambda user, request: f"{user} {request}" + "0" * 2000,
}


@pytest.mark.parametrize("case", NO_REQUEST)
def test_button_without_a_request_decides_nothing(
    product: Product, admin: Admin, button_value: str, case: str
) -> None:
    def refused() -> float:
        return product.bot.outcomes("stale_button") + product.bot.outcomes("decision_gone")

    asker, before = button_value.partition(" ")[0], refused()
    value = NO_REQUEST[case](*button_value.split())
    metadata = f"{value} en" if isinstance(value, str) else value

    signed(product, pressed("approve_access", value), "U0ADA")
    signed(product, sent_form("approve_access", metadata), "U0ADA")

    wait(product, lambda: refused() == before + 2)
    assert admin.access.read(Member(TEAM, asker)).grants == ()
    assert newest(product, "U0ADA", f"<@{asker}> asks").buttons() != []


# After the first line comes the mark of a dialog, which this form does not need.
LANGUAGES = {
    "de": "de",
    "de\n": "de",
    **dict.fromkeys(("fr", "", "../de", "x" * 3000, "\U0001f980", "{words}"), "en"),
}


@pytest.mark.parametrize("metadata", LANGUAGES)
def test_form_with_an_unknown_language_uses_a_known_one(product: Product, user: str, metadata: str) -> None:
    status, answer = signed(product, sent_form("ask_access", metadata, reason=" "), user)

    assert status == 200
    assert json.loads(answer)["errors"] == {"reason": CATALOGUES[LANGUAGES[metadata]].ask_reason_missing}


VALUES: dict[str, dict[str, object]] = {
    "a duration that is not offered": {"days": "3650"},
    "a negative duration": {"days": "-1"},
    "a duration that is not a number": {"days": "for ever"},
    "a duration that is not text": {"days": 7},
}


@pytest.mark.parametrize("case", VALUES)
def test_unoffered_duration_becomes_a_day(product: Product, user: str, case: str) -> None:
    signed(product, sent_form("ask_access", "en", reason="Falcon " + case, **VALUES[case]), user)

    assert "How long: 1 day" in str(newest(product, "U0ADA", f"<@{user}>", case).blocks)


def test_replayed_approval_changes_nothing(product: Product, admin: Admin, user: str, button_value: str) -> None:
    product.slack.press("U0ADA", newest(product, "U0ADA", f"<@{user}>"), "approve_access")
    newest(product, user, "You can open SageMaker Studio now")
    admin.forget(TEAM, user, TESTER)
    approval = next(
        each for each in reversed(product.slack.exchanges) if button_value.encode() in each.body.replace(b"+", b" ")
    )

    assert product.slack.replay(approval).ack == "ok"

    wait(product, lambda: outcomes(admin, user)[0][1] == "already_decided")
    assert admin.access.read(Member(TEAM, user)).grants == ()


def test_profile_of_another_member_is_not_mapped(
    product: Product, admin: Admin, user: str, button_value: str
) -> None:
    create_profile(product.domain_id, f"{user.lower()}-friend")
    friend = Member(TEAM, f"{user}FRIEND")
    admin.map(friend, Mapping("default", product.domain_id, f"{user.lower()}-friend"), TESTER)
    values = {"domain": product.domain_id, "profile": f"{user}-Friend", "alias": "other"}

    signed(product, sent_form("approve_access", f"{button_value} en", **values), "U0ADA")

    newest(product, "U0ADA", "Another member has that user profile")
    assert [m.alias for m in admin.access.read(Member(TEAM, user)).mappings] == ["default"]
    assert admin.access.read(Member(TEAM, user)).grants == ()
    assert outcomes(admin, user)[0][1] == "taken_back"
