"""An administrator of 500 members does the most frequent tasks in a few steps, and explains a rule file."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.admin.changes import Admin
from bot.app import administration, clients
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.core.values import utc_now
from bot.local.slack.elements import elements
from bot.local.slack.screens import Message
from bot.local.slack.views import View
from tests.scenario.conftest import TEAM, Product, create_domain, create_profile
from tests.scenario.test_access_requests import newest
from tests.scenario.test_home import dialog_of, home_of

RULES = Path(__file__).parent.parent / "data" / "approvals.toml"
SETTINGS = {
    "STUDIO_ADMINS": "U0ADA",
    "STUDIO_APPROVALS_FILE": str(RULES),
    "STUDIO_PROFILE_TEMPLATE_D_RESEARCH": "role=arn:aws:iam::123456789012:role/studio,instances=ml.t3.medium",
}
TRANSPORTS = ("http", "socket")
MEMBERS, TESTER = 500, Actor("cli:test", Source.CLI)
# What an administrator can do within a minute: commands, presses and forms.
MAX_STEPS = 5
ADA = "U0ADA"


@pytest.fixture(scope="module", autouse=True)
def admin(product: Product) -> Admin:
    """Fill the table, in which the access of four members ends each day."""
    product.slack.add_member(ADA, "ada")
    now, items = utc_now(), clients.tables(load(Settings)).access
    with items.batch_write() as batch:
        for number in range(MEMBERS):
            name = f"member{number:03}"
            product.slack.add_member(f"U0M{number:03}", name, email=f"{name}@example.com")
            until = now + timedelta(days=1 + number // 4, hours=number % 4)
            mapping = {"domain_id": product.domain_id, "profile_name": name}
            rule = {"until": until.isoformat(), "set_by": ADA}
            owner = f"{TEAM}#U0M{number:03}"
            batch.save(items(owner, "member", version=1, mappings={"default": mapping}, rules={"allow": rule}))
    admin = administration.admin(load(Settings))
    give(product, admin, "ana")
    admin.grant(TEAM, Grant("U0ANA", Effect.ALLOW), TESTER)
    return admin


def give(product: Product, admin: Admin, name: str, domain: str | None = None) -> str:
    """Create a member with a profile in a domain."""
    user, domain = f"U0{name.upper()}", domain or product.domain_id
    product.slack.add_member(user, name, email=f"{name}@example.com")
    create_profile(domain, name)
    admin.map(Member(TEAM, user), Mapping("default", domain, name), TESTER)
    return user


@contextmanager
def few_steps(product: Product) -> Iterator[None]:
    """Count what Ada does."""

    def steps() -> int:
        return sum(each.user_id == ADA for each in product.slack.exchanges)

    before = steps()
    yield
    assert steps() - before <= MAX_STEPS


def press(product: Product, where: Message | View, action_id: str, value: str) -> None:
    """Press the button that is about somebody."""
    [block_id] = [
        block["block_id"]
        for block, element in elements(where.blocks)
        if element["action_id"] == action_id and value in element["value"]
    ]
    assert product.slack.press(ADA, where, action_id, block_id=block_id).ack == "ok"


def find(product: Product, user: str, words: str) -> View:
    """Pick a member on the home tab, with nothing else open."""
    if product.slack.views.stack(ADA):
        product.slack.close(ADA, everything=True)
    product.slack.open_home(ADA)
    home = home_of(product, ADA, "Administration")
    product.slack.press(ADA, home, "admin_find", values={"admin_find": {"admin_find": user}})
    return dialog_of(product, ADA, f"*<@{user}>* {user[2:].lower()}@example.com {words}")


def ask(product: Product, user: str, reason: str) -> None:
    product.slack.command(user, "request")
    dialog_of(product, user, "Why do you need it?")
    product.slack.submit(user, {"reason": {"reason": reason}, "days": {"days": "1"}})


def test_access_that_ends_this_week_is_extended(product: Product, admin: Admin) -> None:
    later = utc_now() + timedelta(days=30)  # as the form proposes
    with few_steps(product):
        listed = product.slack.answer_to(product.slack.command(ADA, "admin list --expiring 7d"), timeout=20)
        assert "1 to 10 of 25" in str(listed.blocks)
        for user in ("U0M000", "U0M001"):  # the first two of the list
            press(product, listed, "admin_pick_allow", f"allow {user}")
            dialog_of(product, ADA, "Until the end of")
            product.slack.submit(ADA)
            dialog_of(product, ADA, "now has access")
    for user in ("U0M000", "U0M001"):
        [rule] = admin.access.read(Member(TEAM, user)).grants
        assert rule.until is not None
        assert rule.until.date() > later.date()


def test_member_is_found_with_what_they_can_open_and_why(product: Product) -> None:
    with few_steps(product):
        found = find(product, "U0ANA", "can open Studio, with no end date (own rule)")
        assert "profile `ana` in domain `d-research`" in str(found.blocks)
        press(product, found, "admin_pick_explain", "U0ANA")
        why = str(dialog_of(product, ADA, "would get a link now").blocks)
    assert "*this one decides*" in why
    assert "Rule everybody (domain d-research): approved by an administrator." in why


def test_request_is_approved_with_a_new_profile(product: Product, admin: Admin) -> None:
    product.slack.add_member("U0DAN", "dan", email="dan.brown@example.com")
    ask(product, "U0DAN", "new here")
    newest(product, ADA, "<@U0DAN> asks")
    with few_steps(product):
        product.slack.open_home(ADA)
        press(product, home_of(product, ADA, "new here"), "approve_access", "U0DAN")
        form = dialog_of(product, ADA, "dan-brown")
        product.slack.submit(ADA, {}, view=form)
    newest(product, "U0DAN", "Your profile in SageMaker Studio is ready")
    assert admin.access.read(Member(TEAM, "U0DAN")).mappings[0].profile_name == "dan-brown"


def test_request_is_denied_with_a_reason(product: Product) -> None:
    product.slack.add_member("U0EVE", "eve")
    ask(product, "U0EVE", "curious")
    newest(product, ADA, "<@U0EVE> asks")
    with few_steps(product):
        product.slack.open_home(ADA)
        press(product, home_of(product, ADA, "curious"), "deny_access", "U0EVE")
        dialog_of(product, ADA, "curious")
        product.slack.submit(ADA, {"reason": {"reason": "ask your manager first"}})
        home_of(product, ADA, "There are no open access requests")
    newest(product, "U0EVE", "was denied", "ask your manager first")


def test_history_says_who_let_a_member_in(product: Product, admin: Admin) -> None:
    user = give(product, admin, "ben")
    ask(product, user, "project Falcon")
    press(product, newest(product, ADA, f"<@{user}> asks"), "approve_access", user)
    newest(product, user, "You can open SageMaker Studio now")
    with few_steps(product):
        found = find(product, user, "can open Studio until")
    assert f"<@{ADA}> approved <@{user}>'s request" in str(found.blocks)


# A rule file


def test_explain_and_the_form_say_what_a_rule_means(product: Product, admin: Admin) -> None:
    user = give(product, admin, "finn", create_domain("finance"))
    text = (
        "Rule finance (domain d-finance): approved by {lead}, or by an administrator if none of them answers. "
        "Access lasts at most 30 days. The reason must name a ticket such as FIN-123."
    )
    assert text.format(lead="U0LEAD") in " ".join(product.cli("explain", user).stdout.split())
    explained = product.slack.answer_to(product.slack.command(ADA, "admin explain @finn"))
    assert text.format(lead="<@U0LEAD>") in str(explained.blocks)
    product.slack.add_member("U0LEAD", "lead")

    product.slack.command(user, "request")
    assert text.format(lead="<@U0LEAD>") in str(dialog_of(product, user, "Why do you need it?").blocks)
    given = {"days": {"days": "7"}}
    assert "FIN-123" in str(product.slack.submit(user, {**given, "reason": {"reason": "the budget"}}).errors)
    product.slack.submit(user, {**given, "reason": {"reason": "the budget, FIN-7"}})

    request = newest(product, "U0LEAD", f"<@{user}> asks")
    assert not any(user in str(message.blocks) for message in product.slack.view(ADA) if not message.ephemeral)
    assert product.slack.press("U0LEAD", request, "approve_access").ack == "ok"
    newest(product, user, "You can open SageMaker Studio now")


def test_rule_that_needs_no_approval_lets_in_at_once(product: Product, admin: Admin) -> None:
    user = give(product, admin, "nora", create_domain("night"))
    product.slack.add_group("S0NIGHT", "night-shift", user)
    explained = product.slack.answer_to(product.slack.command(ADA, "admin explain @nora"))
    assert "Members of <!subteam^S0NIGHT> who ask for one day get up to 8 hours right away" in str(explained.blocks)
    ask(product, user, "an incident")
    newest(product, user, "You can open SageMaker Studio now")
    found = find(product, user, "can open Studio until")
    assert f"`rule:night-shift` approved <@{user}>'s request" in str(found.blocks)
