"""No administrator alone becomes somebody else: every door in Slack, with signed HTTP requests."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor
from bot.core.values import utc_now
from bot.local.faults import Fault
from bot.local.slack.screens import Message
from tests.scenario.conftest import TEAM, Product, create_domain, create_profile, filled
from tests.scenario.test_access_requests import ask, newest
from tests.scenario.test_home import dialog_of
from tests.scenario.test_slack_admin import answer, opens, picks, presses, submits, text_of, types

ADA, BEA, ANA, BEN, FAY = "U0ADA", "U0BEA", "U0ANA", "U0BEN", "U0FAY"
CLOSED = "d-closed"
SETTINGS = {
    "STUDIO_ADMINS": f"{ADA},{BEA}",
    "STUDIO_SOLE_ADMIN": "true",  # changes nothing: there are two
    "STUDIO_APPROVALS": f"1,{CLOSED}=2",
    "STUDIO_PERSON_SECONDS": "0",
    "STUDIO_PICK_LISTS": "mapped",
}
SHELL = Actor("cli:test", Source.CLI)


@pytest.fixture(scope="module")
def admin(product: Product) -> Admin:
    for user in (ADA, BEA, ANA, BEN):
        product.slack.add_member(user, user.removeprefix("U0").lower())
        create_profile(product.domain_id, user.removeprefix("U0").lower())
    return administration.admin(load(Settings))


@pytest.fixture(autouse=True)
def _ana(product: Product, admin: Admin) -> Iterator[None]:
    """Map Ana alone to her profile and allow her; leave the workspace open."""
    for user in (ADA, BEA, BEN):
        for mapping in admin.access.read(Member(TEAM, user)).mappings:
            admin.unmap(Member(TEAM, user), mapping.alias, SHELL)
    admin.map(Member(TEAM, ANA), Mapping("default", product.domain_id, "ana"), SHELL)
    admin.grant(TEAM, Grant(ANA, Effect.ALLOW), SHELL)
    admin.grant(TEAM, Grant(BEN, Effect.ALLOW), SHELL)
    yield
    product.slack.clear_faults()
    admin.end_lockdown(TEAM, SHELL)
    if admin.access.read(Member(TEAM, BEA)).grants:
        admin.forget(TEAM, BEA, SHELL)


def confirms(product: Product, user: str, text: str) -> Message:
    """Type a command, and confirm it if it asks."""
    message = types(product, user, text)
    asks = any(button.action_id == "admin_confirm" for button in message.buttons())
    return presses(product, user, message, "admin_confirm") if asks else message


def outcomes(admin: Admin, by: str) -> list[tuple[str, str]]:
    """Return action and outcome of what an administrator did, newest first."""
    found = admin.history(TEAM, None, utc_now() - timedelta(hours=1), 100, by=by)
    return [(entry.action, entry.outcome) for entry in found]


def links_of(product: Product, user: str) -> list[str]:
    """Type `/studio` and return the links in the answer."""
    message = answer(product, product.slack.command(user))
    return [button.url for button in message.buttons() if button.url]


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


# A profile that had an owner


def moves(product: Product, user: str = ADA) -> Message:
    """Ask to move Ana's profile to Ben."""
    return types(product, user, f"map @ben --domain {product.domain_id} --profile ANA")


def question(product: Product, user: str = BEA) -> Message:
    """Return the newest question to a second administrator, once it has arrived."""

    def found() -> list[Message]:
        return [m for m in product.slack.view(user) if "as a second administrator" in m.text and m.buttons()]

    product.slack.wait_until(found, timeout=8)
    return found()[-1]


def decides(product: Product, user: str, message: Message, action_id: str = "admin_agree") -> Message:
    """Press a button of a question, and return what the presser sees."""
    exchange = product.slack.press(user, message, action_id)
    assert exchange.ack == "ok"
    return answer(product, exchange)


def forges(product: Product, user: str, asked: Message, action_id: str = "admin_agree") -> Message:
    """Press a button of another one's question, with its value in a message of one's own."""
    own = answer(product, product.slack.command(user, "" if user == BEN else "admin deny @ben"))
    action = {"type": "button", "action_id": action_id, "block_id": "x", "value": asked.button(action_id).value}
    exchange = product.slack.press(user, own, own.buttons()[0].action_id, overrides={"actions": [action]})
    return answer(product, exchange)


def test_two_second_theft_of_a_profile_fails(product: Product, admin: Admin) -> None:
    """Ada takes Ana's profile, allows herself, opens it, and puts everything back: every step by signed requests."""
    allow = "allow @ada --reason audit"
    confirms(product, ADA, "unmap @ana")
    stolen = confirms(product, ADA, f"map @ada --domain {product.domain_id} --profile ana")
    allowed = confirms(product, ADA, allow)
    through_a_friend = moves(product)

    assert NOT_YOURSELF in text_of(stolen)
    assert NOT_YOURSELF in text_of(allowed)
    assert "needs a second administrator" in text_of(through_a_friend)
    assert links_of(product, ADA) == links_of(product, BEN) == []
    assert "Someone else has to decide" in text_of(forges(product, ADA, question(product)))
    assert admin.access.read(Member(TEAM, BEN)).mappings == ()
    back = types(product, ADA, f"map @ana --domain {product.domain_id} --profile ana")
    assert "now has" in text_of(back)
    assert links_of(product, ANA)


def test_profile_moves_with_a_second_administrator(product: Product, admin: Admin) -> None:
    waits = moves(product)

    assert "Nothing is changed yet" in text_of(waits)
    assert links_of(product, ANA)
    assert links_of(product, BEN) == []
    asked = question(product)
    assert f"from <@{ANA}> to <@{BEN}>" in text_of(asked)
    assert "now has" in text_of(decides(product, BEA, asked))
    assert links_of(product, ANA) == []
    assert links_of(product, BEN)
    done = next(
        entry for entry in admin.history(TEAM, BEN, utc_now() - timedelta(hours=1), 5) if entry.action == "map"
    )
    assert (done.actor, done.outcome, done.detail) == (ADA, "done", f"approved by {BEA}")
    assert ("map", "approved") in outcomes(admin, BEA)
    assert ("map", "waiting") in outcomes(admin, ADA)
    lost = next(admin.history(TEAM, ANA, utc_now() - timedelta(hours=1), 5, outcome="done"))
    assert (lost.action, lost.detail) == ("unmap", f"approved by {BEA}")


def test_declined_move_changes_nothing(product: Product, admin: Admin) -> None:
    moves(product)
    asked = question(product)

    assert "Declined" in text_of(decides(product, BEA, asked, "admin_disagree"))
    newest(product, ADA, f"<@{BEA}> declined your `map` command")

    assert links_of(product, ANA)
    assert "decided already" in text_of(forges(product, BEA, asked))
    assert links_of(product, BEN) == []
    assert outcomes(admin, BEA)[0][1] == "decided"


@pytest.mark.parametrize("presser", ["the one who asked", "no administrator", "removed meanwhile"])
def test_move_is_not_approved_by(product: Product, admin: Admin, presser: str) -> None:
    moves(product)
    asked, by = question(product), {"the one who asked": ADA, "no administrator": BEN}.get(presser, BEA)
    if presser == "removed meanwhile":
        admin.grant(TEAM, Grant(BEA, Effect.DENY), SHELL)

    (decides if by == BEA else forges)(product, by, asked)

    assert links_of(product, ANA)
    assert links_of(product, BEN) == []
    expected = "own_request" if by == ADA else "not_an_admin"
    assert expected in [outcome for _, outcome in outcomes(admin, by)[:2]]


def test_two_administrators_at_once_move_a_profile_once(product: Product, admin: Admin) -> None:
    product.slack.add_member("U0CAI", "cai")
    admin.grant(TEAM, Grant("U0CAI", Effect.ADMIN), SHELL)
    moves(product)
    asked = {user: question(product, user) for user in (BEA, "U0CAI")}

    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(lambda user: text_of(decides(product, user, asked[user])), asked))

    admin.forget(TEAM, "U0CAI", SHELL)
    assert sorted("decided already" in text for text in seen) == [False, True]
    assert links_of(product, BEN)


def test_move_is_refused_after_the_profile_changed_owners(product: Product, admin: Admin) -> None:
    moves(product)
    asked = question(product)
    for _ in range(2):  # back to the same owner: still not what Bea has read
        admin.unmap(Member(TEAM, ANA), "default", SHELL)
        admin.map(Member(TEAM, ANA), Mapping("default", product.domain_id, "ana"), SHELL)
    admin.unmap(Member(TEAM, ANA), "default", SHELL)

    assert "changed this since" in text_of(decides(product, BEA, asked))

    assert admin.access.read(Member(TEAM, BEN)).mappings == ()


def test_move_that_reaches_nobody_is_dropped(product: Product, admin: Admin) -> None:
    product.slack.inject("chat.postMessage", Fault("channel_not_found", times=9))
    assert "could not reach a second administrator" in text_of(moves(product))
    assert outcomes(admin, ADA)[0] == ("map", "withdrawn")


def test_approved_request_does_not_take_a_former_owners_profile(product: Product, admin: Admin) -> None:
    """Ada fills in Ana's profile while she approves Ben's request."""
    confirms(product, ADA, "unmap @ana")
    admin.forget(TEAM, BEN, SHELL)
    ask(product, BEN, "project Falcon")
    request = newest(product, ADA, "asks for access", "project Falcon")
    product.slack.press(ADA, request, "approve_access")
    dialog_of(product, ADA, "user profile")
    fields = {"domain": product.domain_id, "profile": "ana"}
    product.slack.submit(ADA, filled(fields))

    newest(product, ADA, "had another owner")
    found = admin.access.read(Member(TEAM, BEN))
    assert (found.mappings, found.grants) == ((), ())
    assert ("decide", "had_owner") in outcomes(admin, ADA)


# A lockdown of somebody else


def test_lockdown_of_the_shell_is_lifted_by_two(product: Product, admin: Admin) -> None:
    product.cli("lockdown", "on", "--reason", "ada's account is taken over")

    assert "needs a second administrator" in text_of(types(product, ADA, "lockdown off"))
    assert links_of(product, ANA) == []
    assert "needs a second administrator" in text_of(confirms(product, ADA, "lockdown on --reason mine"))
    assert "needs a second administrator" in text_of(types(product, ADA, "lockdown off"))
    forges(product, ADA, question(product))
    assert admin.access.workspace(TEAM).lockdown is not None

    assert "Lockdown lifted" in text_of(decides(product, BEA, question(product)))
    assert links_of(product, ANA)


def test_own_lockdown_is_lifted_at_once(product: Product) -> None:
    confirms(product, ADA, "lockdown on --reason drill")
    assert "needs a second administrator" in text_of(types(product, BEA, "lockdown off"))
    assert "Lockdown lifted" in text_of(types(product, ADA, "lockdown off"))


# Nothing happens unseen


def news(product: Product, words: str, *users: str) -> list[str]:
    """Wait until each of these users has a direct message with the words, and return what they read."""
    return [text_of(newest(product, user, words)) for user in users]


def test_move_is_told_to_its_former_owner_and_administrators(product: Product) -> None:
    moves(product)
    decides(product, BEA, question(product))

    for user in (ANA, ADA, BEA):
        by = f"Done by <@{ADA}> and approved by <@{BEA}>"
        newest(product, user, f"was <@{ANA}>'s and now belongs to <@{BEN}>", by)


def test_unmapping_and_lifting_a_lockdown_are_told(product: Product) -> None:
    confirms(product, ADA, "unmap @ana")
    confirms(product, ADA, "lockdown on --reason drill-1")
    types(product, ADA, "lockdown off")

    news(product, f"<@{ANA}> no longer has profile", ANA, ADA, BEA)
    news(product, "drill-1", BEA)
    assert "members get links again" in news(product, "drill-1", BEA)[0]


def test_changes_from_the_shell_are_told(product: Product, admin: Admin) -> None:
    product.slack.add_member("U0DAN", "dan", locale="de-DE")
    assert "heard of it" not in product.cli("admin", "U0DAN", "--reason", "on call").stderr
    assert "heard of it" not in product.cli("unmap", ANA, "--yes").stderr

    news(product, "<@U0DAN> can now administer", ADA, BEA)
    news(product, "kann Studio-Links jetzt aus Slack verwalten", "U0DAN")
    news(product, "no longer has profile", ANA)
    product.cli("map", ANA, "--domain", product.domain_id, "--profile", "ana")
    admin.forget(TEAM, "U0DAN", SHELL)


def test_news_that_slack_refuses_undoes_nothing(product: Product, admin: Admin) -> None:
    product.slack.inject("chat.postMessage", Fault("channel_not_found", times=2))
    shell = product.cli("unmap", ANA, "--yes")
    assert "the change stands, but not everybody heard of it: Slack took no message for U0ADA, U0ANA" in shell.stderr
    assert admin.access.read(Member(TEAM, ANA)).mappings == ()

    admin.map(Member(TEAM, ANA), Mapping("default", product.domain_id, "ana"), SHELL)
    product.slack.inject("chat.postMessage", Fault("channel_not_found", times=2))
    confirms(product, ADA, "unmap @ana")
    product.slack.wait_until(lambda: product.bot.log.read_text().count("notice_not_sent") == 2)
    assert admin.access.read(Member(TEAM, ANA)).mappings == ()


# Two approvals of an access request, for members with a profile in a domain that needs them


def test_access_to_a_domain_that_needs_two_approvals(product: Product, admin: Admin) -> None:
    product.slack.add_member(FAY, "fay")
    assert create_domain("closed") == CLOSED
    create_profile(CLOSED, "fay")
    admin.map(Member(TEAM, FAY), Mapping("closed", CLOSED, "fay"), SHELL)
    ask(product, FAY, "project Kestrel")
    asked = {user: newest(product, user, "asks for access", "project Kestrel") for user in (ADA, BEA)}

    for _ in range(2):
        product.slack.press(ADA, asked[ADA], "approve_access")
        newest(product, BEA, "project Kestrel", "1 of 2", f"<@{ADA}>")
    assert links_of(product, FAY) == []
    product.slack.press(BEA, newest(product, BEA, "project Kestrel"), "approve_access")

    newest(product, ADA, "project Kestrel", f"Approved by <@{BEA}>")
    assert links_of(product, FAY)
    assert {("decide", "endorsed")} == set(outcomes(admin, ADA)[:2])
