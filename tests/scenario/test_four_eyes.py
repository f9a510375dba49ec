"""No administrator alone becomes somebody else: every door in Slack, with signed HTTP requests."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.core.values import utc_now
from bot.local.slack.screens import Message
from tests.scenario.conftest import TEAM, Product, create_profile
from tests.scenario.test_slack_admin import opens, picks, presses, submits, text_of, types

ADA, BEA, ANA, BEN = "U0ADA", "U0BEA", "U0ANA", "U0BEN"
SETTINGS = {"STUDIO_ADMINS": f"{ADA},{BEA}", "STUDIO_SOLE_ADMIN": "true", "STUDIO_PERSON_SECONDS": "0"}
SHELL = Actor("cli:test", Source.CLI)


@pytest.fixture(scope="module")
def admin(product: Product) -> Admin:
    for user in (ADA, BEA, ANA, BEN):
        product.slack.add_member(user, user.removeprefix("U0").lower())
        create_profile(product.domain_id, user.removeprefix("U0").lower())
    return administration.admin(load(Settings))


@pytest.fixture(autouse=True)
def _ana(product: Product, admin: Admin) -> Iterator[None]:
    """Map and allow Ana, and leave the workspace open."""
    admin.map(Member(TEAM, ANA), Mapping("default", product.domain_id, "ana"), SHELL)
    admin.grant(TEAM, Grant(ANA, Effect.ALLOW), SHELL)
    yield
    admin.end_lockdown(TEAM, SHELL)


def confirms(product: Product, user: str, text: str) -> Message:
    """Type a command, and confirm it if it asks."""
    answer = types(product, user, text)
    asks = any(button.action_id == "admin_confirm" for button in answer.buttons())
    return presses(product, user, answer, "admin_confirm") if asks else answer


def outcomes(admin: Admin, by: str) -> list[tuple[str, str]]:
    """Return action and outcome of what an administrator did, newest first."""
    found = admin.history(TEAM, None, utc_now() - timedelta(hours=1), 100, by=by)
    return [(entry.action, entry.outcome) for entry in found]


def links_of(product: Product, user: str) -> list[str]:
    """Type `/studio` and return the links in the answer."""
    answer = product.slack.answer_to(product.slack.command(user), timeout=12)
    return [button.url for button in answer.buttons() if button.url]


NOT_YOURSELF = "can't give yourself access"


def test_command_gives_its_administrator_nothing(product: Product, admin: Admin) -> None:
    mapped = types(product, ADA, f"map @ada --domain {product.domain_id} --profile ada")
    allowed = types(product, ADA, "allow @ada")

    assert NOT_YOURSELF in text_of(mapped)
    assert "Ask another administrator" in text_of(allowed)
    assert outcomes(admin, ADA)[:2] == [("allow", "own_access"), ("map", "own_access")]
    assert links_of(product, ADA) == []


def test_form_gives_its_administrator_nothing(product: Product, admin: Admin) -> None:
    fields = {"user": ADA, "domain": product.domain_id, "profile": "ada"}
    picks(product, ADA, opens(product, ADA), "map")
    submits(product, ADA, fields, NOT_YOURSELF)
    picks(product, ADA, opens(product, ADA), "allow")
    submits(product, ADA, {"user": ADA}, NOT_YOURSELF)

    assert admin.access.read(Member(TEAM, ADA)).mappings == ()
    assert links_of(product, ADA) == []


def test_group_of_its_administrator_is_not_allowed(product: Product) -> None:
    product.slack.add_group("S0ADMINS", "admins", ADA)
    assert NOT_YOURSELF in text_of(types(product, ADA, "allow @admins"))
    assert NOT_YOURSELF not in text_of(types(product, BEA, "allow @admins"))
    types(product, BEA, "forget @admins")
