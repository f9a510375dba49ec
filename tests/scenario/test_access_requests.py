"""Access requests: members make them; administrators decide each once, and never their own."""

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from bot.admin.changes import Admin
from bot.app import administration
from bot.app.serving import build
from bot.config import HttpSettings, Settings, SocketSettings, load
from bot.core.access import Access, Effect, Grant, Mapping, Member
from bot.core.link import Reason, Source
from bot.core.records import Actor
from bot.core.values import utc_now
from bot.core.waiting import WORKDAYS
from bot.local.faults import Fault
from bot.local.slack.screens import Message
from bot.slack.words import CATALOGUES
from tests.fakes_reminders import FakeReminders
from tests.scenario.conftest import TEAM, Product, arguments, bot_process, create_profile, filled
from tests.scenario.test_home import dialog_of, home_of, link_in
from tests.scenario.test_link import admitted

# A changed account takes effect with the next request.
SETTINGS = {
    "STUDIO_ADMINS": "U0ADA,U0BEA",
    "STUDIO_PERSON_SECONDS": "0",
    "STUDIO_PICK_LISTS": "aws",
    "STUDIO_PROFILE_TEMPLATE_D_RESEARCH": "role=arn:aws:iam::123456789012:role/studio,instances=ml.t3.medium",
}
# A profile that is there already.
EXISTING = {"creation": {"creation": "existing"}}
TRANSPORTS = ("http", "socket")
TESTER = Actor("cli:test", Source.CLI)
numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def admin(product: Product) -> Admin:
    return administrators(product)


@pytest.fixture
def user(product: Product) -> str:
    return somebody(product)


def administrators(product: Product) -> Admin:
    """Create Ada and Bea, who administer, and Mia, who does not."""
    for name in ("ada", "bea", "mia"):
        product.slack.add_member(f"U0{name.upper()}", name)
    return administration.admin(load(Settings))


def somebody(product: Product) -> str:
    """Create a member with nothing stored."""
    number = next(numbers)
    product.slack.add_member(f"U0ASK{number}", f"ask{number}")
    return f"U0ASK{number}"


def wait(product: Product, what: Callable[[], object]) -> None:
    def happened() -> bool:
        with suppress(LookupError, AttributeError):
            return bool(what())
        return False

    product.slack.wait_until(happened, timeout=8)


def newest(product: Product, user: str, *words: str) -> Message:
    """Return the newest message on the member's screen with all these words."""

    def found() -> list[Message]:
        return [m for m in product.slack.view(user) if all(word in f"{m.text} {m.blocks}" for word in words)]

    wait(product, found)
    return found()[-1]


def ask(product: Product, user: str, reason: str = "project Falcon", days: str = "7", wish: str = "") -> None:
    """Send a request, starting from a refusal."""
    refusal = product.slack.answer_to(product.slack.command(user))
    assert product.slack.press(user, refusal, "ask_access").ack == "ok"
    dialog_of(product, user, "Why do you need it?")
    fields = {"reason": {"reason": reason}, "days": {"days": days}}
    product.slack.submit(user, {**fields, **({"wish": {"wish": wish}} if wish else {})})


def deny(product: Product, by: str, request: Message, reason: str = "") -> None:
    """Press *Deny*, and send the form that asks for a reason."""
    assert product.slack.press(by, request, "deny_access").ack == "ok"
    dialog_of(product, by, "The member will see this")
    product.slack.submit(by, {"reason": {"reason": reason}} if reason else {})


def test_mapped_member_is_approved_for_the_requested_duration(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    ask(product, user, reason="<!channel> & Falcon")

    assert "I sent your request to your Studio administrators" in newest(product, user, "administrators").text
    request = newest(product, "U0ADA", f"<@{user}>")
    words = {"type": "plain_text", "text": "Why: <!channel> & Falcon", "emoji": False}
    assert {"type": "section", "text": words}.items() <= request.blocks[1].items()
    newest(product, "U0BEA", f"<@{user}>")
    assert product.slack.press("U0ADA", request, "approve_access").ack == "ok"

    assert "Approved by <@U0ADA>" in str(newest(product, "U0ADA", f"<@{user}>", "Approved by").blocks)
    granted = newest(product, user, "You can open SageMaker Studio now")
    wait(product, lambda: "access to Studio until" in str(product.slack.home(user).blocks))  # type: ignore[union-attr] # once it is there
    grant = admin.access.read(Member(TEAM, user)).grants[0]
    assert grant.until is not None
    assert timedelta(days=6) < grant.until - utc_now() < timedelta(days=7, seconds=1)
    assert grant.set_by == "U0ADA"
    assert product.slack.press(user, granted, "home_open").ack == "ok"
    assert user.lower() in admitted(link_in(product, dialog_of(product, user, "link is ready")))
    for who in ("U0ADA", "U0BEA"):
        seen = newest(product, who, f"<@{user}>", "Approved by <@U0ADA>")
        assert seen.buttons() == []


def test_open_requests_are_found_and_decided_by_name(product: Product, user: str) -> None:
    """An administrator who knows names asks for open requests, past approvals and access that ends this week."""
    name, address = user[2:].lower(), f"{user.lower()}@example.com"
    create_profile(product.domain_id, user.lower())
    product.slack.add_member(user, name, email=address)
    ask(product, user, days="1")
    newest(product, "U0ADA", f"<@{user}>")

    def types(text: str) -> str:
        return str(product.slack.answer_to(product.slack.command("U0ADA", f"admin {text}")).blocks)

    listed = types("requests --open")
    assert all(part in listed for part in (f"<@{user}>", "approve_access", "deny_access"))
    in_the_shell = product.cli("requests", "--open").stdout
    assert user in in_the_shell
    assert "1 days" not in in_the_shell
    product.slack.open_home("U0ADA")
    home = home_of(product, "U0ADA", f"{user} ")
    product.slack.press("U0ADA", home, "admin_find", values={"admin_find": {"admin_find": user}})
    dialog_of(product, "U0ADA", "has nothing to open")
    product.slack.command("U0ADA", f"admin approve {address} --domain {product.domain_id} --profile {user.lower()}")
    newest(product, user, "You can open SageMaker Studio now")

    soon = json.loads(product.cli("list", "--expiring", "7d", "--json").stdout)
    assert [row["access"]["allowed"] for row in soon if row["email"] == address] == [True]
    assert "can open Studio until" in types(f"list {name} --expiring 7d")
    product.slack.command("U0ADA", f"admin allow {address} --until 30d")
    wait(product, lambda: user not in product.cli("list", "--expiring", "7d").stdout)
    assert f"<@U0ADA> approved <@{user}>" in types(f"history @{name} --approver @ada")


def test_approval_for_a_later_day_opens_nothing_yet(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    product.slack.press(user, product.slack.answer_to(product.slack.command(user)), "ask_access")
    dialog_of(product, user, "From when?")
    day = utc_now().date() + timedelta(days=3)
    given = {"reason": {"reason": "Falcon"}, "days": {"days": "7"}}
    errors = product.slack.submit(user, {**given, "start": {"start": str(day + timedelta(days=90))}}).errors
    assert list(errors) == ["start"]
    product.slack.submit(user, {**given, "start": {"start": str(day)}})
    request = newest(product, "U0ADA", f"<@{user}>", "From: ")
    product.slack.press("U0ADA", request, "approve_access")
    newest(product, user, "Your access to SageMaker Studio begins", "lasts until")
    assert newest(product, "U0ADA", f"<@{user}>", "Approved by <@U0ADA>", "access begins").buttons() == []
    assert admin.access.read(Member(TEAM, user)).grants == ()
    refusal = product.slack.answer_to(product.slack.command(user))
    assert "your access begins" in str(refusal.blocks)
    assert f"begins {day}" in product.cli("requests").stdout
    assert f"access begins {day}" in product.cli("explain", user).stdout
    assert "denied" in product.cli("decline", user, "--reason", "not then").stdout
    newest(product, user, "was denied", "not then")
    assert "your access begins" not in str(product.slack.answer_to(product.slack.command(user)).blocks)


def test_shell_denies_a_request(product: Product, user: str) -> None:
    ask(product, user)
    newest(product, "U0ADA", f"<@{user}>")
    assert "denied" in product.cli("decline", user, "--reason", "ask your manager").stdout
    newest(product, user, "was denied", "ask your manager")
    assert newest(product, "U0ADA", f"<@{user}>", "Denied by").buttons() == []
    assert "no open access request" in product.cli("approve", user, check=False).stderr


def test_press_on_an_outdated_posting_shows_who_decided(product: Product, admin: Admin, user: str) -> None:
    ask(product, user)
    copies = {who: newest(product, who, f"<@{user}>") for who in ("U0ADA", "U0BEA")}
    product.slack.inject("chat.update", Fault(), Fault(status=500))
    deny(product, "U0ADA", copies["U0ADA"])
    newest(product, user, "was denied")
    assert newest(product, "U0BEA", f"<@{user}>").buttons() != []

    product.slack.press("U0BEA", copies["U0BEA"], "approve_access")

    assert newest(product, "U0BEA", f"<@{user}>", "Denied by <@U0ADA>").buttons() == []
    assert outcomes(admin, user)[0] == ("decide", "already_decided", "U0BEA", Source.BUTTON)


def test_late_mapping_form_shows_who_decided(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    ask(product, user)
    copies = {who: newest(product, who, f"<@{user}>") for who in ("U0ADA", "U0BEA")}
    product.slack.press("U0ADA", copies["U0ADA"], "approve_access")
    dialog_of(product, "U0ADA", "SageMaker domain")
    deny(product, "U0BEA", copies["U0BEA"])
    newest(product, user, "was denied")

    values = {"domain": product.domain_id, "profile": user.lower()}
    product.slack.submit("U0ADA", filled(values) | EXISTING)

    newest(product, "U0ADA", f"<@{user}> asks for access to SageMaker Studio\nDenied by <@U0BEA>")
    assert admin.access.read(Member(TEAM, user)) == Access()
    assert outcomes(admin, user)[0] == ("decide", "already_decided", "U0ADA", Source.FORM)


def test_posting_after_the_decision_has_no_buttons(product: Product, admin: Admin, user: str) -> None:
    product.slack.inject("chat.postMessage", Fault(), Fault(delay=1.2))  # Ada's at once, Bea's not
    ask(product, user)

    deny(product, "U0ADA", newest(product, "U0ADA", f"<@{user}>"))

    assert newest(product, "U0BEA", f"<@{user}>", "Denied by <@U0ADA>").buttons() == []
    assert outcomes(admin, user)[0] == ("decide", "denied", "U0ADA", Source.FORM)


# Offers


def test_home_tab_without_access_offers_a_request(product: Product, user: str) -> None:
    product.slack.open_home(user)
    wait(product, lambda: product.slack.home(user))
    home = product.slack.home(user)
    assert home is not None

    assert product.slack.press(user, home, "ask_access").ack == "ok"

    dialog_of(product, user, "Why do you need it?")


def test_help_offers_a_request_to_eligible_members_only(product: Product, admin: Admin, user: str) -> None:
    slack = product.slack
    assert "`/studio request`" in slack.answer_to(slack.command(user, "help")).text
    slack.add_member(user, "guest", guest=True)
    assert "request`" not in slack.answer_to(slack.command(user, "help")).text
    slack.add_member(user, "denied")
    admin.grant(TEAM, Grant(user, Effect.DENY), TESTER)
    assert "request`" not in slack.answer_to(slack.command(user, "help")).text


@pytest.mark.parametrize(("guest", "words"), [(True, "Guests cannot open"), (False, "is blocked")])
def test_ineligible_member_gets_no_form(
    product: Product, admin: Admin, user: str, words: str, *, guest: bool
) -> None:
    product.slack.add_member(user, "blocked", guest=guest)
    if not guest:
        admin.grant(TEAM, Grant(user, Effect.DENY), TESTER)

    assert product.slack.command(user, "request").ack == "ok"

    assert not any(block["type"] == "input" for block in dialog_of(product, user, words).blocks)


# Languages


@pytest.fixture
def german(product: Product) -> Iterator[str]:
    """Create a member and an administrator who read German; Bea reads English."""
    number = next(numbers)
    user = f"U0ASK{number}"
    product.slack.add_member(user, f"ask{number}", locale="de-DE")
    product.slack.add_member("U0ADA", "ada", locale="de-AT")
    yield user
    product.slack.add_member("U0ADA", "ada")


def test_posting_is_in_each_readers_language(product: Product, admin: Admin, german: str) -> None:
    slack, words = product.slack, CATALOGUES["de"]
    refusal = slack.answer_to(slack.command(german))
    slack.press(german, refusal, "ask_access")
    assert dialog_of(product, german, words.ask_reason).title == words.ask
    empty = {"reason": {"reason": " "}, "days": {"days": "7"}}
    assert slack.submit(german, empty).errors == {"reason": words.ask_reason_missing}
    slack.submit(german, {**empty, "reason": {"reason": "Projekt Falke"}})
    newest(product, german, words.ask_sent)
    english = newest(product, "U0BEA", f"<@{german}> asks for access")

    create_profile(product.domain_id, german.lower())
    slack.press("U0ADA", newest(product, "U0ADA", f"<@{german}> beantragt Zugriff"), "approve_access")
    assert dialog_of(product, "U0ADA", words.approve_domain).title == words.approve_title
    values = {"domain": "unsinn", "profile": german.lower(), "alias": ""}
    wrong = {
        "domain": words.bad_domain,
        "profile": words.bad_profile,
        "alias": words.bad_alias,
    }
    for field, value in (("domain", "unsinn"), ("profile", "-"), ("alias", "help")):
        given = {**values, "domain": product.domain_id, field: value}
        notice = slack.submit("U0ADA", filled(given))
        assert notice.errors == {field: wrong[field]}
    given = {"domain": product.domain_id, "profile": "niemand", "creation": "existing"}
    slack.submit("U0ADA", filled(given))
    newest(product, "U0ADA", words.decision_failed, words.failures[Reason.PROFILE_MISSING])
    slack.press("U0ADA", newest(product, "U0ADA", f"<@{german}> beantragt", "Genehmigen"), "approve_access")
    dialog_of(product, "U0ADA", words.approve_domain)
    slack.submit("U0ADA", filled({"domain": product.domain_id, "profile": german.lower()}) | EXISTING)

    newest(product, german, words.granted)
    newest(product, "U0ADA", f"<@{german}> beantragt", "Genehmigt von <@U0ADA>")
    seen = newest(product, "U0BEA", f"<@{german}> asks", "Approved by <@U0ADA>")
    assert seen.ts == english.ts
    assert [outcome for action, outcome, *_ in outcomes(admin, german) if action == "decide"] == [
        "approved",
        "needs_mapping",
        "profile_missing",
        "needs_mapping",
    ]


def test_unmapped_member_gets_the_administrators_mapping(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    ask(product, user, days="0")
    request = newest(product, "U0ADA", f"<@{user}>")

    product.slack.press("U0ADA", request, "approve_access")
    dialog_of(product, "U0ADA", "SageMaker domain")
    fields = {"domain": "nonsense", "profile": user.lower()}
    rejected = product.slack.submit("U0ADA", filled(fields) | EXISTING)
    assert "domain" in str(rejected)
    product.slack.submit("U0ADA", filled({**fields, "domain": product.domain_id}) | EXISTING)

    newest(product, user, "You can open SageMaker Studio now")
    access = admin.access.read(Member(TEAM, user))
    assert (access.mappings[0].profile_name, access.grants[0].until) == (user.lower(), None)
    newest(product, "U0ADA", f"<@{user}>", "Approved by")


def test_approval_picks_from_what_aws_has(product: Product, admin: Admin, user: str) -> None:
    """Over both transports: a domain, its profiles with those who hold them, and one that is free."""
    slack, name = product.slack, user.lower()
    for profile in (f"{name}-taken", f"{name}-free"):
        create_profile(product.domain_id, profile)
    slack.add_member(f"{user}HOLDER", f"{name}holder", email=f"{name}@example.com")
    holder = Member(TEAM, f"{user}HOLDER")
    admin.map(holder, Mapping("default", product.domain_id, f"{name}-taken"), TESTER)
    ask(product, user)
    slack.press("U0ADA", newest(product, "U0ADA", f"<@{user}>"), "approve_access")
    form = dialog_of(product, "U0ADA", "SageMaker domain")

    domains = slack.suggest("U0ADA", form, "domain")
    assert [each["value"] for each in domains.options] == [product.domain_id]
    chosen = filled({"domain": product.domain_id})
    assert slack.press("U0ADA", form, "domain", block_id="domain", values=chosen).ack == "ok"
    wait(product, lambda: slack.suggest("U0ADA", form, "profile", f"{name}-").options)
    found = slack.suggest("U0ADA", form, "profile", f"{name}-")
    assert [each["text"]["text"] for each in found.options] == [
        f"{name}-free — free",
        f"{name}-taken — {name}@example.com",
        f"{name}- — doesn't exist yet",
    ]
    for shown in (domains, found):
        assert shown.exchange is not None
        assert shown.exchange.seconds < 3
    assert found.exchange is not None
    assert json.loads(slack.replay(found.exchange).reply) == {"options": list(found.options)}
    product.aws.inject("ListUserProfiles", Fault("ThrottlingException", "Rate exceeded", times=None))
    late = slack.suggest("U0ADA", form, "profile", f"{name}-fr")
    product.aws.clear_faults()
    assert [each["value"] for each in late.options] == [f"{name}-fr", "-"]
    slack.submit(
        "U0ADA", {"domain": {"domain": product.domain_id}, "profile": {"profile": f"{name}-free"}} | EXISTING
    )
    newest(product, user, "You can open SageMaker Studio now")


def test_requested_profile_is_mapped_by_the_administrator(product: Product, admin: Admin, user: str) -> None:
    for name in (user.lower(), f"{user.lower()}-prod"):
        create_profile(product.domain_id, name)
    admin.map(Member(TEAM, user), Mapping("sandbox", product.domain_id, user.lower()), TESTER)
    ask(product, user, wish="prod, please")

    product.slack.press("U0ADA", newest(product, "U0ADA", f"<@{user}>", "prod, please"), "approve_access")
    dialog_of(product, "U0ADA", "Alias")
    values = {"domain": product.domain_id, "profile": f"{user.lower()}-prod", "alias": "prod"}
    product.slack.submit("U0ADA", filled(values) | EXISTING)

    newest(product, user, "You can open SageMaker Studio now")
    assert sorted(mapping.alias for mapping in admin.access.read(Member(TEAM, user)).mappings) == ["prod", "sandbox"]


def test_ineligible_requester_is_not_approved(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    ask(product, user)
    request = newest(product, "U0ADA", f"<@{user}>")
    product.slack.add_member(user, "guest", guest=True)

    product.slack.press("U0ADA", request, "approve_access")

    newest(product, "U0ADA", "as a guest or inactive")
    assert admin.access.read(Member(TEAM, user)).grants == ()


def test_replayed_form_opens_nothing(product: Product, user: str) -> None:
    ask(product, user)
    request = newest(product, "U0ADA", f"<@{user}>")
    deny(product, "U0ADA", request)
    newest(product, user, "was denied")

    resend(product, user)

    newest(product, user, "That request was denied")
    assert sum(f"<@{user}>" in message.text for message in product.slack.view("U0ADA")) == 1


def test_replayed_form_of_a_withdrawn_request_opens_nothing(product: Product, admin: Admin, user: str) -> None:
    for _ in ("U0ADA", "U0BEA"):
        product.slack.inject("chat.postMessage", Fault(status=500))
    ask(product, user)
    newest(product, user, "could not reach anyone")

    resend(product, user)

    newest(product, user, "That request was withdrawn")
    assert outcomes(admin, user) == [
        ("request", "joined", user, Source.FORM),
        ("request", "withdrawn", user, Source.FORM),
        ("request", "done", user, Source.FORM),
    ]
    assert not any(f"<@{user}>" in message.text for message in product.slack.view("U0ADA"))


def resend(product: Product, user: str) -> None:
    """Send the member's last form again, byte for byte."""
    sent = [each for each in product.slack.exchanges if b"view_submission" in each.body and each.user_id == user]
    product.slack.replay(sent[-1])


def outcomes(admin: Admin, user: str) -> list[tuple[str, str, str, Source]]:
    """Return the audit entries of the member's access requests and of decisions on them, newest first."""
    entries = admin.history(TEAM, user, utc_now() - timedelta(hours=1), 50)
    return [(e.action, e.outcome, e.actor, e.source) for e in entries if e.action in ("request", "decide")]


def let_run_out(user: str) -> None:
    """Move the end of the member's open request into the past."""
    boto3.client("dynamodb").update_item(
        TableName="studio-links-runtime",
        Key={"id": {"S": f"access#{TEAM}#{user}"}},
        UpdateExpression="SET open_until = :past",
        ExpressionAttributeValues={":past": {"S": (utc_now() - timedelta(seconds=1)).isoformat()}},
    )


def test_expired_request_tells_both_sides_after_a_restart(
    product: Product, admin: Admin, user: str, transport: str
) -> None:
    ask(product, user)
    newest(product, "U0BEA", f"<@{user}>", "approve_access")
    let_run_out(user)
    looked_at = {"id": {"S": f"reminders#{TEAM}#requests"}}
    boto3.client("dynamodb").delete_item(TableName="studio-links-runtime", Key=looked_at)

    with bot_process(product.environment, product.bot.log, *arguments(transport)):
        ended = newest(product, user, "has expired")
        for who in ("U0ADA", "U0BEA"):
            assert newest(product, who, f"<@{user}>", "Expired without a decision").buttons() == []

    assert outcomes(admin, user)[0] == ("request", "ran_out", "time", Source.SCHEDULE)
    assert product.slack.press(user, ended, "ask_access").ack == "ok"
    dialog_of(product, user, "Why do you need it?")


def test_reminder_moves_the_buttons_below(product: Product, user: str, transport: str) -> None:
    """The bot's own parts, at noon of the next working day."""
    ask(product, user)
    first = newest(product, "U0ADA", f"<@{user}>", "approve_access")
    days = next(day for day in range(1, 4) if (utc_now() + timedelta(days=day)).weekday() in WORKDAYS)
    noon = (utc_now() + timedelta(days=days)).replace(hour=12)
    bot = build(load(SocketSettings) if transport == "socket" else load(HttpSettings))
    bot.tables.connect()
    use_case = replace(bot.app.access_requests, now=lambda: noon)
    try:
        replace(bot.waiting, use_case=use_case, claims=FakeReminders()).look(TEAM)
    finally:
        bot.stop()

    reminder = newest(product, "U0ADA", f"<@{user}>", "Nobody has decided since")
    assert reminder.ts != first.ts
    assert newest(product, "U0ADA", f"<@{user}>", "I asked again below").ts == first.ts
    deny(product, "U0ADA", reminder)
    for who in ("U0ADA", "U0BEA"):
        assert newest(product, who, f"<@{user}>", "Denied by").buttons() == []


def test_expired_request_is_not_decided(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    ask(product, user)
    request = newest(product, "U0ADA", f"<@{user}>")
    let_run_out(user)

    product.slack.press("U0ADA", request, "approve_access")

    newest(product, "U0ADA", "has expired or was replaced")
    assert newest(product, "U0ADA", f"<@{user}>", "Expired without a decision").buttons() == []
    assert admin.access.read(Member(TEAM, user)).grants == ()
    assert outcomes(admin, user)[0] == ("decide", "gone", "U0ADA", Source.BUTTON)
    ask(product, user, reason="again")
    product.slack.press("U0ADA", newest(product, "U0ADA", f"<@{user}>", "again"), "approve_access")
    newest(product, user, "You can open SageMaker Studio now")


def test_deny_rule_prevents_approval(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    ask(product, user)
    request = newest(product, "U0ADA", f"<@{user}>")
    admin.grant(TEAM, Grant(user, Effect.DENY), TESTER)

    product.slack.press("U0ADA", request, "approve_access")

    newest(product, "U0ADA", "blocked by a deny rule")
    assert [grant.effect for grant in admin.access.read(Member(TEAM, user)).grants] == [Effect.DENY]
    assert outcomes(admin, user)[0] == ("decide", "deny_stands", "U0ADA", Source.BUTTON)
    admin.forget(TEAM, user, TESTER)
    product.slack.press("U0ADA", request, "approve_access")
    newest(product, user, "You can open SageMaker Studio now")


def test_alias_in_use_is_refused_and_writes_nothing(product: Product, admin: Admin, user: str) -> None:
    for name in (user.lower(), f"{user.lower()}-prod"):
        create_profile(product.domain_id, name)
    admin.map(Member(TEAM, user), Mapping("sandbox", product.domain_id, user.lower()), TESTER)
    ask(product, user, wish="prod, please")
    request = newest(product, "U0ADA", f"<@{user}>", "prod, please")
    values = {
        "domain": product.domain_id,
        "profile": f"{user.lower()}-prod",
        "alias": "sandbox",
        "creation": "existing",
    }

    product.slack.press("U0ADA", request, "approve_access")
    dialog_of(product, "U0ADA", "Alias")
    product.slack.submit("U0ADA", filled(values) | EXISTING)

    newest(product, "U0ADA", "already uses that alias", "Press *Approve* again")
    access = admin.access.read(Member(TEAM, user))
    assert ([m.profile_name for m in access.mappings], access.grants) == ([user.lower()], ())
    assert outcomes(admin, user)[0] == ("decide", "alias_taken", "U0ADA", Source.FORM)
    product.slack.press("U0ADA", request, "approve_access")
    dialog_of(product, "U0ADA", "Alias")
    product.slack.submit("U0ADA", filled(values | {"alias": "prod"}))
    newest(product, user, "You can open SageMaker Studio now")


@pytest.mark.parametrize(
    ("rejection", "words"),
    [
        ("guest", "Guests cannot open"),
        ("denied", "is blocked"),
        ("invited", "only for full members"),
        ("lockdown", "switched off for everyone here right now: “a leak”"),
    ],
)
def test_ineligible_requester_posts_nothing(
    product: Product, admin: Admin, user: str, rejection: str, words: str
) -> None:
    """The form was on the screen already, or is forged."""
    product.slack.command(user, "request")
    dialog_of(product, user, "Why do you need it?")
    if rejection == "denied":
        admin.grant(TEAM, Grant(user, Effect.DENY), TESTER)
    elif rejection == "lockdown":
        admin.lock_down(TEAM, "a leak", TESTER)
    else:
        product.slack.add_member(user, rejection, guest=rejection == "guest", invited=rejection == "invited")

    product.slack.submit(user, {"reason": {"reason": "Falcon"}, "days": {"days": "7"}})

    newest(product, user, words)
    admin.end_lockdown(TEAM, TESTER)
    assert not any(f"<@{user}>" in message.text for message in product.slack.view("U0ADA"))
    [entry] = outcomes(admin, user)
    assert entry[0] == "request"
    assert entry[1] != "done"


def test_denial_is_sent_and_grants_nothing(product: Product, admin: Admin, user: str) -> None:
    ask(product, user)

    deny(product, "U0ADA", newest(product, "U0ADA", f"<@{user}>"), "ask your manager first")

    newest(product, user, "was denied", "ask your manager first")
    assert admin.access.read(Member(TEAM, user)).grants == ()
    actions = [(e.action, e.outcome, e.actor) for e in admin.history(TEAM, user, utc_now() - timedelta(hours=1), 50)]
    assert ("decide", "denied", "U0ADA") in actions
    assert ("request", "done", user) in actions


def test_second_request_shows_the_open_one(product: Product, user: str) -> None:
    ask(product, user)
    newest(product, user, "I sent your request to your Studio administrators")

    product.slack.command(user, "request")

    dialog_of(product, user, "Requested · waiting for your administrators")
    assert sum(f"<@{user}>" in message.text for message in product.slack.view("U0ADA")) == 1


def test_reason_is_required(product: Product, user: str) -> None:
    product.slack.command(user, "request")
    dialog_of(product, user, "Why do you need it?")

    answered = product.slack.submit(user, {"reason": {"reason": "   "}, "days": {"days": "7"}})

    assert "Say briefly" in str(answered)


def test_non_administrator_decides_nothing_and_is_recorded(product: Product, admin: Admin, user: str) -> None:
    ask(product, user)
    request = newest(product, "U0ADA", f"<@{user}>")
    value = next(button.value for button in request.buttons() if button.action_id == "approve_access")
    link = product.slack.answer_to(product.slack.command("U0MIA"))
    forged = [{"type": "button", "action_id": "approve_access", "block_id": "x", "value": value}]

    product.slack.press("U0MIA", link, "ask_access", overrides={"actions": forged})

    newest(product, "U0MIA", "Only Studio administrators")
    wait(product, lambda: outcomes(admin, user)[0] == ("decide", "not_an_admin", "U0MIA", Source.BUTTON))
    assert admin.access.read(Member(TEAM, user)).grants == ()


def test_administrator_cannot_approve_their_own_request(product: Product, admin: Admin) -> None:
    ask(product, "U0ADA")
    request = newest(product, "U0BEA", "<@U0ADA> asks")
    assert not any("<@U0ADA> asks" in message.text for message in product.slack.view("U0ADA"))
    value = next(button.value for button in request.buttons() if button.action_id == "approve_access")
    own = newest(product, "U0ADA", "no SageMaker Studio profile")
    forged = [{"type": "button", "action_id": "approve_access", "block_id": "x", "value": value}]

    product.slack.press("U0ADA", own, "ask_access", overrides={"actions": forged})

    newest(product, "U0ADA", "cannot decide on your own request")
    assert admin.access.read(Member(TEAM, "U0ADA")).grants == ()


def test_concurrent_decisions_have_one_winner(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    ask(product, user)
    requests = {who: newest(product, who, f"<@{user}>") for who in ("U0ADA", "U0BEA")}

    with ThreadPoolExecutor(2) as together:
        list(together.map(lambda who: product.slack.press(who, requests[who], "approve_access"), requests))

    seen = [str(newest(product, who, f"<@{user}>", "Approved by").blocks) for who in requests]
    assert len({("U0ADA" in text.partition("Approved by")[2]) for text in seen}) == 1
    entries = admin.history(TEAM, user, utc_now() - timedelta(hours=1), 50)
    assert [entry.action for entry in entries].count("allow") == 1


def test_failed_approval_leaves_the_request_open(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    ask(product, user)
    request = newest(product, "U0ADA", f"<@{user}>")
    product.aws.inject("TransactWriteItems", Fault("AccessDeniedException"))

    product.slack.press("U0ADA", request, "approve_access")

    newest(product, "U0ADA", "This did not work", "not allowed to write to its tables")
    assert admin.access.read(Member(TEAM, user)).grants == ()
    product.slack.press("U0ADA", newest(product, "U0ADA", f"<@{user}>"), "approve_access")
    newest(product, user, "You can open SageMaker Studio now")


def test_access_that_ends_within_a_day_is_mentioned(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    admin.grant(TEAM, Grant(user, Effect.ALLOW, utc_now() + timedelta(hours=20)), TESTER)

    link = product.slack.answer_to(product.slack.command(user))

    assert "Your access ends" in str(link.blocks)
    assert [button.text for button in link.buttons()] == ["Open Studio", "New link", "Extend"]
    assert product.slack.press(user, link, "ask_access").ack == "ok"
    dialog_of(product, user, "Why do you need it?")


def test_access_that_a_member_gives_back_ends_at_once(product: Product, admin: Admin, user: str) -> None:
    create_profile(product.domain_id, user.lower())
    admin.map(Member(TEAM, user), Mapping("default", product.domain_id, user.lower()), TESTER)
    admin.grant(TEAM, Grant(user, Effect.ALLOW), TESTER)

    product.slack.command(user, "return")
    dialog_of(product, user, "ends now")
    product.slack.submit(user, {})

    newest(product, user, "You gave back your own access to SageMaker Studio")
    assert "allow-list" in str(product.slack.answer_to(product.slack.command(user)).blocks)
    assert [entry.action for entry in admin.history(TEAM, user, utc_now() - timedelta(hours=1), 9)][1] == "return"


def test_workspace_is_made_on_approval_and_removed_when_its_member_leaves(
    product: Product, admin: Admin, user: str
) -> None:
    """Over both transports: asked for, made, opened, lived in, and off-boarded with a report."""
    name, slack = f"the-new-{user.lower()}", product.slack
    slack.add_member(user, user, email=f"The.New.{user}@example.com")
    ask(product, user)
    slack.press("U0ADA", newest(product, "U0ADA", f"<@{user}>"), "approve_access")
    assert f"'value': '{name}'" in str(dialog_of(product, "U0ADA", "with a private space").blocks)
    fields = {"domain": product.domain_id, "profile": name, "creation": "ml.t3.medium"}
    slack.submit("U0ADA", {field: {field: value} for field, value in fields.items()})

    ready = newest(product, user, "Your profile in SageMaker Studio is ready")
    assert slack.press(user, ready, "home_open").ack == "ok"
    assert name in admitted(link_in(product, dialog_of(product, user, "link is ready")))
    place: Any = {"DomainId": product.domain_id, "SpaceName": f"{name}-lab"}
    client = boto3.client("sagemaker")
    client.create_app(**place, AppType="JupyterLab", AppName="x", ResourceSpec={"InstanceType": "ml.t3.medium"})

    question = slack.answer_to(slack.command("U0ADA", f"admin offboard {user}"))
    for words in (f"app JupyterLab x in space {name}-lab", f"space {name}-lab", f"profile {name} in"):
        assert words in str(question.blocks)
    assert client.describe_space(**place)["Status"] == "InService"
    slack.press("U0ADA", question, "admin_confirm")
    report = newest(product, "U0ADA", f"<@{user}> is off-boarded")
    for words in ("*Gone*", f"app JupyterLab x in space {name}-lab", f"profile {name} in", "home directory"):
        assert words in str(report.blocks)
    assert "*Not gone*" not in str(report.blocks)
    assert admin.access.read(Member(TEAM, user)).mappings == ()
    found = client.list_user_profiles(DomainIdEquals=product.domain_id, UserProfileNameContains=name)
    assert found["UserProfiles"] == []
    history = [(each.action, each.outcome) for each in admin.history(TEAM, user, utc_now() - timedelta(hours=1), 20)]
    assert history[:2] == [("offboard", "done"), ("unmap", "done")]
    assert ("provision", "done") in history
