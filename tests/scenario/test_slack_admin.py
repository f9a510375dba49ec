"""Administration from Slack: every command as text and form, every refusal, and confirmations."""

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.admin.changes import Admin
from bot.admin.specs import Name
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Access, Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor, Entry
from bot.core.values import utc_now
from bot.local.faults import Fault
from bot.local.slack.blocks import check_message
from bot.local.slack.exchanges import Exchange
from bot.local.slack.people import Channel
from bot.local.slack.screens import Message
from bot.local.slack.views import View
from bot.slack.words import CATALOGUES
from tests.scenario.conftest import TEAM, Product, create_profile, filled
from tests.scenario.test_home import dialog_of
from tests.scenario.test_link import admitted

AUDIT = "C0AUDIT0001"
SETTINGS = {
    "STUDIO_ADMINS": "U0ADA,U0BEA,U0GUS,U0DEE,U0UWE",
    "STUDIO_AUDIT_CHANNEL": AUDIT,
    "STUDIO_PICK_LISTS": "mapped",
}
ADA, BEA, GUS, DEE, MIA, EVE, UWE = "U0ADA", "U0BEA", "U0GUS", "U0DEE", "U0MIA", "U0EVE", "U0UWE"
TESTER = Actor("cli:test", Source.CLI)
numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def admin(product: Product) -> Admin:
    for user in (ADA, BEA, DEE, MIA, EVE):
        product.slack.add_member(user, user.removeprefix("U0").lower())
    product.slack.add_member(GUS, "gus", guest=True)
    product.slack.add_member(UWE, "uwe", locale="de-DE")
    bot = product.slack.installation.bot_user_id
    product.slack.add_channel(Channel(AUDIT, "audit", frozenset({EVE, bot})))
    admin = administration.admin(load(Settings))
    admin.grant(TEAM, Grant(DEE, Effect.DENY), TESTER)
    return admin


@pytest.fixture(autouse=True)
def _calm(product: Product) -> Iterator[None]:
    yield
    product.aws.clear_faults()


@pytest.fixture
def who(product: Product) -> str:
    """Create a member with a profile in SageMaker and nothing stored: `U0WHO1` is `@who1`, profile `who1`."""
    name = f"who{next(numbers)}"
    product.slack.add_member(f"U0{name.upper()}", name)
    create_profile(product.domain_id, name)
    return name


def user_id(name: str) -> str:
    return f"U0{name.upper()}"


def types(product: Product, user: str, text: str) -> Message:
    """Type `/studio admin …`. Return the answer, which only this member sees."""
    exchange = product.slack.command(user, f"admin {text}")
    assert (exchange.ack, exchange.reply) == ("ok", "")
    return checked(answer(product, exchange))


def presses(product: Product, user: str, message: Message, action_id: str) -> Message:
    exchange = product.slack.press(user, message, action_id)
    assert exchange.ack == "ok"
    return checked(answer(product, exchange))


def answer(product: Product, exchange: Exchange) -> Message:
    """Return the answer, beside which direct messages about changes arrive."""

    def answers(screen: list[Message]) -> list[Message]:
        return [m for m in screen if m.revision > exchange.before and m.exchange == exchange.id]

    return answers(product.slack.wait_for(exchange.user_id, answers, timeout=12))[-1]


def checked(message: Message) -> Message:
    assert message.ephemeral
    assert check_message({"text": message.text, "blocks": list(message.blocks)}) == []
    return message


def text_of(message: Message | View) -> str:
    return str(message.blocks)


def stored(admin: Admin, name: str) -> Access:
    return admin.access.read(Member(TEAM, user_id(name)))


def changes(admin: Admin, name: str) -> list[tuple[str, str, Source]]:
    found = admin.history(TEAM, user_id(name), utc_now() - timedelta(hours=1), 50)
    return [(entry.action, entry.actor, entry.source) for entry in found if entry.outcome == "done"]


def newest(admin: Admin, name: str) -> Entry:
    return next(admin.history(TEAM, user_id(name), utc_now() - timedelta(hours=1), 1))


def audit_channel(product: Product) -> str:
    return " ".join(message.text for message in product.slack.view(EVE) if message.channel == AUDIT)


def forges(product: Product, user: str, message: Message, action_id: str, value: str | None) -> Message:
    """Press a button with a value that another message had."""
    action = {"type": "button", "action_id": action_id, "block_id": "x", "value": value}
    pressed = next(button.action_id for button in message.buttons())
    exchange = product.slack.press(user, message, pressed, overrides={"actions": [action]})
    return checked(product.slack.answer_to(exchange, timeout=12))


def opens(product: Product, user: str) -> View:
    assert product.slack.command(user, "admin").ack == "ok"
    return dialog_of(product, user, "What do you want to do?")


def again(product: Product, user: str, dialog: View) -> View:
    assert product.slack.press(user, dialog, "admin_pick_menu").ack == "ok"
    return dialog_of(product, user, "What do you want to do?")


def picks(product: Product, user: str, menu: View, verb: str) -> None:
    assert product.slack.press(user, menu, f"admin_pick_{verb}").ack == "ok"
    pattern = re.compile(f"{verb} [a-z]+\n[0-9a-f]{{64}}")
    content = product.slack.modal
    product.slack.wait_until(
        lambda: pattern.fullmatch(str(content(user).content.get("private_metadata"))) is not None
    )


def submits(product: Product, user: str, fields: dict[str, str], words: str) -> View:
    """Fill in and submit the form. Return the dialog once it shows this text."""
    sent = product.slack.submit(user, filled(fields))
    assert (sent.errors, sent.trouble) == ({}, "")
    return dialog_of(product, user, words)


# As text


def test_mapped_and_allowed_member_opens_studio(product: Product, admin: Admin, who: str) -> None:
    mapped = types(product, ADA, f"map @{who} —domain {product.domain_id} --profile={who} --alias sandbox")
    allowed = types(product, ADA, f"allow @{who} --until 30d --reason “project Falcon”")

    assert f"<@{user_id(who)}> now has `sandbox`" in text_of(mapped)
    assert "project Falcon" in text_of(allowed)
    access = stored(admin, who)
    assert [(m.alias, m.profile_name, m.set_by) for m in access.mappings] == [("sandbox", who, ADA)]
    assert access.grants[0].until is not None
    assert timedelta(days=29) < access.grants[0].until - utc_now() < timedelta(days=30, seconds=1)
    assert changes(admin, who) == [("allow", ADA, Source.COMMAND), ("map", ADA, Source.COMMAND)]
    link = product.slack.answer_to(product.slack.command(user_id(who)), timeout=12)
    assert who in admitted(link.button("open_studio").url or "")
    product.slack.wait_until(lambda: f"{user_id(who)} · map · done · by {ADA}" in audit_channel(product))


def test_unmap_needs_confirmation_and_records_the_mapping(product: Product, admin: Admin, who: str) -> None:
    admin.map(Member(TEAM, user_id(who)), Mapping("sandbox", product.domain_id, who), TESTER)

    question = types(product, ADA, f"unmap @{who}")
    assert f"profile `{who}` in domain `{product.domain_id}`" in text_of(question)
    assert stored(admin, who).mappings != ()
    done = presses(product, ADA, question, "admin_confirm")

    assert "no longer has `sandbox`" in text_of(done)
    assert done.ts == question.ts
    assert stored(admin, who).mappings == ()
    entry = newest(admin, who)
    assert (entry.action, entry.actor, entry.source) == ("unmap", ADA, Source.BUTTON)
    assert entry.before is not None
    assert (entry.before["profile_name"], entry.after) == (who, None)


def test_deny_and_forget_need_confirmation(product: Product, admin: Admin, who: str) -> None:
    admin.grant(TEAM, Grant(user_id(who), Effect.ALLOW, reason="project Falcon"), TESTER)

    question = types(product, ADA, f"deny @{who} --reason 'laptop stolen'")
    assert "project Falcon" in text_of(question)
    assert [grant.effect for grant in stored(admin, who).grants] == [Effect.ALLOW]
    presses(product, ADA, question, "admin_confirm")
    assert {grant.effect for grant in stored(admin, who).grants} == {Effect.ALLOW, Effect.DENY}

    question = types(product, ADA, f"forget @{who}")
    assert "laptop stolen" in text_of(question)
    gone = presses(product, ADA, question, "admin_confirm")
    assert "Removed the rules" in text_of(gone)
    assert stored(admin, who).grants == ()
    assert changes(admin, who)[:2] == [("forget", ADA, Source.BUTTON), ("deny", ADA, Source.BUTTON)]


def test_replacing_or_shortening_access_needs_confirmation(product: Product, admin: Admin, who: str) -> None:
    create_profile(product.domain_id, f"{who}-new")
    types(product, ADA, f"map @{who} --domain {product.domain_id} --profile {who}")
    types(product, ADA, f"allow @{who}")

    again = types(product, ADA, f"map @{who} --domain {product.domain_id} --profile {who}")
    longer = types(product, ADA, f"allow @{who} --reason Falcon")
    replaced = types(product, ADA, f"map @{who} --domain {product.domain_id} --profile {who}-new")
    shortened = types(product, ADA, f"allow @{who} --until 1d")

    assert "Nothing to change" in text_of(again)
    assert "now has access" in text_of(longer)
    assert "Now: " in text_of(replaced)
    assert "After: " in text_of(replaced)
    assert "Shorten the access" in text_of(shortened)
    assert [m.profile_name for m in stored(admin, who).mappings] == [who]
    presses(product, ADA, replaced, "admin_confirm")
    assert [m.profile_name for m in stored(admin, who).mappings] == [f"{who}-new"]
    assert stored(admin, who).grants[0].until is None


def test_cancelled_command_cannot_be_confirmed_later(product: Product, admin: Admin, who: str) -> None:
    question = types(product, ADA, f"deny @{who}")
    value = question.button("admin_confirm").value

    assert "Nothing was changed" in text_of(presses(product, ADA, question, "admin_cancel"))

    other = types(product, ADA, f"deny @{who}")
    assert "no longer works" in text_of(forges(product, ADA, other, "admin_confirm", value))
    assert stored(admin, who).grants == ()


def test_show_list_and_explain_answer(product: Product, admin: Admin, who: str) -> None:
    nothing = types(product, ADA, f"show @{who}")
    admin.map(Member(TEAM, user_id(who)), Mapping("sandbox", product.domain_id, who), TESTER)
    admin.grant(TEAM, Grant(user_id(who), Effect.ALLOW, reason="<!channel> & more"), TESTER)

    shown = types(product, ADA, f"show {user_id(who)}")
    explained = types(product, ADA, f"explain @{who}")
    refused = types(product, ADA, "explain @mia")

    assert "Nothing is stored" in text_of(nothing)
    assert "`sandbox`" in text_of(shown)
    assert "&lt;!channel&gt; &amp; more" in text_of(shown)
    assert "would get a link" in text_of(explained)
    assert f"<@{user_id(who)}> allowed · in force · *this one decides*" in text_of(explained)
    assert "would be refused now:* not_mapped" in text_of(refused)
    assert "No rule applies to this member" in text_of(refused)


def test_long_list_is_paged(product: Product, admin: Admin) -> None:
    people = [f"U0LIST{number}" for number in range(25)]
    for person in people:
        admin.grant(TEAM, Grant(person, Effect.ALLOW), TESTER)

    pages = [types(product, ADA, "list")]
    value = pages[0].button("admin_more").value
    while any(button.action_id == "admin_more" for button in pages[-1].buttons()):
        pages.append(presses(product, ADA, pages[-1], "admin_more"))

    seen = [person for page in pages for person in people if f"<@{person}>" in text_of(page)]
    assert sorted(seen) == sorted(people)
    assert all(text_of(page).count("<@") <= 10 for page in pages)
    assert "No more entries" in text_of(pages[-1])
    other = types(product, ADA, "list")
    assert "no longer works" in text_of(forges(product, ADA, other, "admin_more", value))


def test_history_shows_actors_and_can_be_filtered(product: Product, admin: Admin, who: str) -> None:
    types(product, ADA, f"allow @{who} --reason Falcon")
    presses(product, BEA, types(product, BEA, f"deny @{who}"), "admin_confirm")
    product.slack.answer_to(product.slack.command(user_id(who)))
    product.slack.wait_until(lambda: newest(admin, who).outcome == "denied")

    everything = types(product, ADA, f"history @{who}")
    by_bea = types(product, ADA, f"history @{who} --by @bea")
    denied = types(product, ADA, f"history @{who} --outcome denied --day {utc_now():%Y-%m-%d}")
    never = types(product, ADA, f"history @{who} --day 2020-01-01")

    assert all(told in text_of(everything) for told in (" allowed <@", " blocked <@", " got no link: denied"))
    assert "Falcon" in text_of(everything)
    assert f"<@{BEA}> blocked <@{user_id(who)}>" in text_of(by_bea)
    assert " allowed " not in text_of(by_bea)
    assert f"<@{user_id(who)}> got no link: denied" in text_of(denied)
    assert " blocked " not in text_of(denied)
    assert "No matching entries" in text_of(never)


def test_long_history_is_paged(product: Product, admin: Admin, who: str) -> None:
    for number in range(20):
        admin.grant(TEAM, Grant(user_id(who), Effect.ALLOW, reason=f"number {number:02}"), TESTER)

    first = types(product, ADA, f"history @{who}")
    second = presses(product, ADA, first, "admin_more")

    assert [f"number {number:02}" in text_of(first) for number in (19, 5, 3)] == [True, True, False]
    assert [f"reason number {number:02}" in text_of(second) for number in (4, 0)] == [True, True]
    assert not second.buttons()


def test_lockdown_stops_links_until_an_administrator_ends_it(product: Product, admin: Admin, who: str) -> None:
    admin.map(Member(TEAM, user_id(who)), Mapping("default", product.domain_id, who), TESTER)
    admin.grant(TEAM, Grant(user_id(who), Effect.ALLOW), TESTER)

    question = types(product, ADA, "lockdown on --reason “incident 42”")
    assert product.slack.answer_to(product.slack.command(user_id(who)), timeout=12).button("open_studio").url
    assert "Links are stopped for everyone" in text_of(presses(product, ADA, question, "admin_confirm"))
    try:
        refused = product.slack.answer_to(product.slack.command(user_id(who)), timeout=12)
        assert "incident 42" in text_of(refused)
        assert not any(button.url for button in refused.buttons())
    finally:
        ended = types(product, ADA, "lockdown off")
    assert "Lockdown lifted" in text_of(ended)
    assert product.slack.answer_to(product.slack.command(user_id(who)), timeout=12).button("open_studio").url


def test_user_group_is_allowed_shown_listed_and_forgotten(product: Product, admin: Admin) -> None:
    assert "<!subteam^S0TEAM01> now has access" in text_of(types(product, ADA, "allow S0TEAM01 --reason Falcon"))
    assert [grant.principal for grant in admin.access.workspace(TEAM).grants] == ["S0TEAM01"]
    assert "Falcon" in text_of(types(product, ADA, "show S0TEAM01"))
    assert "<!subteam^S0TEAM01>* allowed" in text_of(types(product, ADA, "list"))

    question = types(product, ADA, "forget S0TEAM01")
    assert "including you if you are in it" in text_of(question)
    presses(product, ADA, question, "admin_confirm")

    assert admin.access.workspace(TEAM).grants == ()


def test_user_group_handle_is_accepted_where_groups_are(product: Product, admin: Admin, who: str) -> None:
    product.slack.add_group("S0SCIENCE1", "data-science", user_id(who))

    assert "<!subteam^S0SCIENCE1> now has access" in text_of(types(product, ADA, "allow @data-science"))
    assert [grant.principal for grant in admin.access.workspace(TEAM).grants] == ["S0SCIENCE1"]
    explained = types(product, ADA, f"explain @{who}")
    assert "<!subteam^S0SCIENCE1> allowed · the member is in it · *this one decides*" in text_of(explained)
    assert "an id that starts with U or W" in text_of(types(product, ADA, "explain @data-science"))

    admin.forget(TEAM, "S0SCIENCE1", TESTER)


# In the dialog


def test_map_and_allow_work_in_the_dialog(product: Product, admin: Admin, who: str) -> None:
    menu = opens(product, ADA)
    picks(product, ADA, menu, "map")
    fields = {"user": user_id(who), "domain": product.domain_id, "profile": who, "alias": "sandbox"}
    mapped = submits(product, ADA, fields, "now has `sandbox`")
    picks(product, ADA, again(product, ADA, mapped), "allow")
    until = f"{utc_now() + timedelta(days=3):%Y-%m-%d}"
    submits(product, ADA, {"user": user_id(who), "until": until, "reason": "project Falcon"}, "now has access")

    access = stored(admin, who)
    assert [m.alias for m in access.mappings] == ["sandbox"]
    assert access.grants[0].until is not None
    assert timedelta(days=3) < access.grants[0].until - utc_now() <= timedelta(days=4)
    assert changes(admin, who) == [("allow", ADA, Source.FORM), ("map", ADA, Source.FORM)]

    for verb, done in (("unmap", "no longer has"), ("deny", "is now blocked"), ("forget", "Removed the rules")):
        picks(product, ADA, opens(product, ADA), verb)
        question = submits(product, ADA, {"user": user_id(who)}, "Nothing has been changed yet")
        assert product.slack.press(ADA, question, "admin_confirm").ack == "ok"
        dialog_of(product, ADA, done)
    assert stored(admin, who) == Access()

    for verb, words in (
        ("show", "Nothing is stored"),
        ("explain", "would be refused"),
        ("history", "removed all rules"),
    ):
        picks(product, ADA, opens(product, ADA), verb)
        submits(product, ADA, {"user": user_id(who)}, words)
    product.slack.press(ADA, opens(product, ADA), "admin_pick_list")
    dialog = dialog_of(product, ADA, "Everyone with a mapping or a rule")
    assert product.slack.press(ADA, dialog, "admin_pick_list").ack == "ok"
    dialog_of(product, ADA, "Name, address, id or profile")
    submits(product, ADA, {"search": who, "broken": "yes"}, "This fits nobody")


def test_form_errors_are_shown_beside_their_fields(product: Product, admin: Admin, who: str) -> None:
    picks(product, ADA, opens(product, ADA), "map")
    fields = {"user": user_id(who), "domain": "nonsense", "profile": who}

    rejected = product.slack.submit(ADA, filled(fields))

    assert dict(rejected.errors) == {"domain": "It must be a SageMaker domain id, such as d-abc123."}
    picks(product, ADA, opens(product, ADA), "deny")
    both = product.slack.submit(ADA, filled({"user": user_id(who), "group": "S0TEAM"}))
    neither = product.slack.submit(ADA, {})
    assert "not both" in str(both.errors)
    assert "not both" in str(neither.errors)
    bad = product.slack.submit(ADA, filled({"group": "the team"}))
    assert list(bad.errors) == ["group"]
    assert stored(admin, who) == Access()


def test_form_errors_are_in_the_administrators_language(product: Product) -> None:
    assert product.slack.command(UWE, "admin").ack == "ok"
    picks(product, UWE, dialog_of(product, UWE, "Was möchtest du tun?"), "history")

    rejected = product.slack.submit(UWE, {"outcome": {"outcome": "allright"}})

    assert dict(rejected.errors) == {"outcome": f"Erwartet wird: {CATALOGUES['de'].admin.must[Name.OUTCOME]}."}


BAD_FIELDS = filled({"user": MIA, "domain": "nonsense", "profile": "x"})


def test_form_with_bad_fields_is_counted_and_recorded(product: Product, admin: Admin) -> None:
    picks(product, ADA, opens(product, ADA), "map")
    counted, since = product.bot.outcomes("invalid_form"), datetime.now(UTC)

    assert product.slack.submit(ADA, BAD_FIELDS).errors

    product.bot.wait_for_outcomes("invalid_form", counted + 1)
    [entry] = admin.history(TEAM, ADA, since, 10, outcome="invalid_form")
    assert (entry.action, entry.source) == ("form", Source.FORM)


def test_invalid_form_of_a_former_administrator_is_refused(product: Product, admin: Admin) -> None:
    admin.grant(TEAM, Grant(MIA, Effect.ADMIN), TESTER)
    picks(product, MIA, opens(product, MIA), "map")
    admin.forget(TEAM, MIA, TESTER)

    assert product.slack.submit(MIA, BAD_FIELDS).errors

    product.slack.wait_until(lambda: newest(admin, "mia").outcome == "not_an_admin")
    assert newest(admin, "mia").source is Source.FORM


def test_closed_dialog_is_answered_by_message(product: Product, admin: Admin, who: str) -> None:
    picks(product, ADA, opens(product, ADA), "allow")
    product.slack.inject("views.update", Fault(status=500))

    assert product.slack.submit(ADA, {"user": {"user": user_id(who)}}).exchange is not None

    product.slack.wait_for(
        ADA, lambda screen: f"<@{user_id(who)}> now has access" in "".join(map(text_of, screen[-1:])), timeout=12
    )
    assert len(stored(admin, who).grants) == 1


# Permission and mistakes


@pytest.mark.parametrize("user", [MIA, GUS, DEE], ids=["no administrator", "a guest", "denied"])
def test_non_administrator_is_refused_and_recorded(product: Product, admin: Admin, who: str, user: str) -> None:
    channel = product.slack.direct_message(user)
    exchange = product.slack.command(user, f"admin allow @{who}", channel=channel)
    refused = checked(product.slack.answer_to(exchange, timeout=12))
    product.slack.command(user, "admin")
    dialog = dialog_of(product, user, "Only your Studio administrators")

    assert "Only your Studio administrators" in text_of(refused)
    assert not [block for block in dialog.blocks if block["type"] == "actions"]
    assert stored(admin, who) == Access()
    found = admin.history(TEAM, user, utc_now() - timedelta(hours=1), 50)
    entries = [e for e in found if (e.action, e.source) == ("admin", Source.COMMAND)]
    assert [(entry.outcome, entry.actor) for entry in entries] == [("not_an_admin", user)] * 2


def test_unknown_sender_does_not_administer(product: Product, admin: Admin, who: str) -> None:
    product.slack.inject("users.info", Fault(status=500))

    assert "Nothing was changed: Slack" in text_of(types(product, ADA, f"allow @{who}"))

    product.aws.inject("BatchGetItem", Fault("AccessDeniedException"))
    assert "Nothing was changed: DynamoDB" in text_of(types(product, ADA, f"show @{who}"))
    assert stored(admin, who) == Access()


def test_another_workspace_does_not_administer(product: Product, admin: Admin, who: str) -> None:
    exchange = product.slack.command(ADA, f"admin allow @{who}", overrides={"team_id": "T0OTHER001"})

    assert "not set up for this workspace" in exchange.reply
    assert stored(admin, who) == Access()


def test_member_is_named_by_address_or_user_name(product: Product, admin: Admin, who: str) -> None:
    product.slack.add_member(user_id(who), who, email=f"{who}@example.com")
    types(product, ADA, f'allow {who}@example.com --reason "by address"')
    assert text_of(types(product, ADA, f'show "@{who}"')).count(f"<@{user_id(who)}>") == 1

    assert [grant.reason for grant in stored(admin, who).grants] == ["by address"]
    for name, words in {"@nobody": "No active account", '"@gus"': f"<@{GUS}> `{GUS}`"}.items():
        assert words in text_of(types(product, ADA, f"deny {name}"))
    assert stored(admin, "gus") == Access()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("frobnicate @{who}", "know `frobnicate`"),
        ("alow @{who}", "Did you mean `allow`?"),
        ("deny @{who} --profile x", "know `--profile` here"),
        ("deny @{who} --until soon", "a valid `until`"),
        ("deny @{who} @mia", "understand `"),
        ("deny WALTER", "a valid `user`"),
        ("deny <@{id}>", "a valid `user`"),
        ("deny", "`user` is missing"),
        ("deny @{who} --reason", "`--reason` needs a value"),
        ("deny @{who} --reason a --reason b", "`reason` appears twice"),
        ("deny @{who} --reason “laptop stolen", "is never closed"),
        ("map @{who} --profile {who}", "`domain` is missing"),
        ("map @{who} --domain d-x --profile {who} --session-seconds 5", "a valid `session-seconds`"),
    ],
)
def test_unparsed_text_changes_nothing(product: Product, admin: Admin, who: str, text: str, words: str) -> None:
    answer = types(product, ADA, text.format(who=who, id=user_id(who)))

    assert words in text_of(answer)
    assert "/studio admin" in text_of(answer)
    assert not answer.buttons()
    assert stored(admin, who) == Access()


def test_profile_of_another_member_waits_for_an_approval(product: Product, admin: Admin, who: str) -> None:
    admin.map(Member(TEAM, user_id(who)), Mapping("default", product.domain_id, who), TESTER)

    answer = types(product, ADA, f"map @mia --domain {product.domain_id} --profile {who.upper()}")

    assert "needs a second administrator" in text_of(answer)
    picks(product, ADA, opens(product, ADA), "map")
    fields = {"user": MIA, "domain": product.domain_id, "profile": who}
    again(product, ADA, submits(product, ADA, fields, "needs a second administrator"))
    assert stored(admin, "mia").mappings == ()


def test_removing_missing_records_changes_nothing(product: Product, who: str) -> None:
    assert "has no mappings" in text_of(types(product, ADA, f"unmap @{who}"))
    assert "no rule" in text_of(types(product, ADA, f"forget @{who}"))


def test_question_warns_administrators_about_themselves(product: Product, admin: Admin) -> None:
    admin.grant(TEAM, Grant(BEA, Effect.ALLOW), TESTER)

    for verb in ("deny", "forget"):
        question = types(product, BEA, f"{verb} @bea")
        assert "This is you" in text_of(question)
        presses(product, BEA, question, "admin_cancel")


# A question is confirmed once, in time, by its administrator, and only if nothing has changed


def test_second_and_replayed_press_change_nothing(product: Product, admin: Admin, who: str) -> None:
    question = types(product, ADA, f"deny @{who}")
    value = question.button("admin_confirm").value
    presses(product, ADA, question, "admin_confirm")
    pressed = product.slack.exchanges[-1]
    admin.forget(TEAM, user_id(who), TESTER)

    product.slack.replay(pressed)
    other = types(product, ADA, f"show @{who}")
    assert "Nothing is stored" in text_of(other)

    again = types(product, ADA, f"deny @{who}")
    assert "no longer works" in text_of(forges(product, ADA, again, "admin_confirm", value))
    assert stored(admin, who).grants == ()


def test_replayed_command_changes_nothing(product: Product, admin: Admin, who: str) -> None:
    types(product, ADA, f"allow @{who}")
    allowed = product.slack.exchanges[-1]
    admin.forget(TEAM, user_id(who), TESTER)
    seen = product.bot.outcomes("replayed")

    assert product.slack.replay(allowed).ack == "ok"

    product.bot.wait_for_outcomes("replayed", seen + 1)
    assert stored(admin, who).grants == ()


def test_only_its_administrator_confirms(product: Product, admin: Admin, who: str) -> None:
    value = types(product, ADA, f"deny @{who}").button("admin_confirm").value

    for user, words in ((BEA, "no longer works"), (MIA, "Only your Studio administrators")):
        message = product.slack.answer_to(product.slack.command(user))  # with a button to ask for access
        assert words in text_of(forges(product, user, message, "admin_confirm", value))
    assert stored(admin, who).grants == ()


def test_former_administrator_confirms_nothing(product: Product, admin: Admin, who: str) -> None:
    question = types(product, BEA, f"deny @{who}")
    admin.grant(TEAM, Grant(BEA, Effect.DENY), TESTER)
    try:
        assert "Only your Studio administrators" in text_of(presses(product, BEA, question, "admin_confirm"))
    finally:
        admin.forget(TEAM, BEA, TESTER)
    assert stored(admin, who).grants == ()


def test_confirmation_after_a_change_is_refused(product: Product, admin: Admin, who: str) -> None:
    admin.map(Member(TEAM, user_id(who)), Mapping("default", product.domain_id, who), TESTER)
    question = types(product, ADA, f"unmap @{who}")
    admin.grant(TEAM, Grant(user_id(who), Effect.ALLOW), TESTER)

    answer = presses(product, ADA, question, "admin_confirm")

    assert "has changed this since" in text_of(answer)
    assert len(stored(admin, who).mappings) == 1


def test_help_shows_administration_to_administrators_only(product: Product) -> None:
    assert "/studio admin" in text_of(product.slack.answer_to(product.slack.command(ADA, "help")))
    assert "/studio admin" not in text_of(product.slack.answer_to(product.slack.command(MIA, "help")))
    assert "map @ana" in text_of(types(product, ADA, "help"))
