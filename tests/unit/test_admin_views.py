"""Views for administrators: within Slack's limits, texts and ids only, one id in each button."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.changes import Change
from bot.admin.commands import OFF, ON, AdminCommand, ParseError, Problem, build
from bot.admin.explain import Explanation
from bot.admin.listing import Listed
from bot.admin.pages import ENTRIES_A_PAGE, MEMBERS_A_PAGE, RECORDS_A_PAGE
from bot.admin.results import Done, Explained, Forgotten, NotDone, NotDoneReason, Outcome, Page, Question
from bot.admin.specs import COMMAND_SPECS, Name, Verb
from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Person
from bot.core.link import Check, Denied, Reason
from bot.core.policy import Considered
from bot.core.values import MAX_REASON
from bot.local.slack.blocks import check_message, check_view, refusal
from bot.slack.admin import forms
from bot.slack.admin import views as admin_views
from bot.slack.admin.parsing import GROUP
from bot.slack.blocks import Message, RenderContext, slack_date
from bot.slack.words import CATALOGUES
from bot.slack.words.admin_en import AdminWords
from tests.fakes import NOON, an_allowed, an_entry

IN_SLACK = [verb for verb in Verb if COMMAND_SPECS[verb].in_slack]
ID = "f" * 32
USER, GROUP_ID = "U" + "X" * 30, "S" + "X" * 30
HOSTILE = "<!channel> & <@U0BEN00001> <https://evil.example.com|click> *bold* `code` {user} %s \x00\u202e"
TEXTS = {
    "short": "project Falcon",
    "ampersands": "&" * 5000,
    "brackets": "<>" * 2500,
    "backticks": "`" * 5000,
    "wide": "\U0001f980" * 5000,
    "hostile": HOSTILE * 60,
}
READERS = {language: RenderContext(words, "/" + "c" * 31) for language, words in CATALOGUES.items()}

in_each_language = pytest.mark.parametrize("render", READERS.values(), ids=READERS)
for_each_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def mapping(alias: str = "a" * 32) -> Mapping:
    return Mapping(
        alias,
        "d-" + "x" * 61,
        "p" * 63,
        region="us-gov-northwestsouth-99",
        role_arn="arn:aws-us-gov:iam::123456789012:role/" + "r" * 512,
        space_name="s" * 63,
        landing_uri="app:JupyterServer:" + "&" * 1005,
        session_seconds=43199,
        set_by="cli:" + "&" * 500,
        set_at=NOON,
    )


def grant(text: str, effect: Effect = Effect.ALLOW, principal: str = USER) -> Grant:
    return Grant(principal, effect, NOON + timedelta(days=1), text[:MAX_REASON], f"cli:{text}", NOON)


def command(verb: Verb, principal: str = USER, text: str = "x", state: str = ON) -> AdminCommand:
    fields = {
        Name.USER: principal,
        Name.STATE: state,
        Name.DOMAIN: "d-" + "x" * 61,
        Name.PROFILE: "p" * 63,
        Name.ALIAS: "a" * 32,
        Name.LANDING: "app:JupyterServer:" + "&" * 1005,
        Name.UNTIL: "30d",
        Name.REASON: text[:MAX_REASON],
    }
    return build(verb, {name: value for name, value in fields.items() if name in COMMAND_SPECS[verb].fields}, NOON)


def an_old_entry(text: str) -> Any:
    return an_entry(
        ID,
        actor=f"cli:{text}",
        outcome="done",
        profile_name=text,
        domain_id=text,
        detail=text,
        before={"reason": text, "until": None},
        after={text: text},
    )


def outcomes(text: str) -> Iterator[Outcome]:
    """Return each result with the longest possible values."""
    access = Access((mapping(),) * 40, (grant(text), grant(text, Effect.DENY)), (f"mapping#{text}",) * 30)
    yield from (NotDone(verdict, command(Verb.UNMAP), access) for verdict in NotDoneReason)
    yield NotDone(NotDoneReason.EXPIRED)
    for verb in (Verb.MAP, Verb.UNMAP):
        yield Question(ID, command(verb), (mapping(),), oneself=True)
        yield Done(command(verb), Change(mapping(), None if verb is Verb.UNMAP else mapping("b" * 32), (text,) * 3))
    for verb, principal in ((Verb.ALLOW, USER), (Verb.DENY, GROUP_ID)):
        yield Question(ID, command(verb, principal, text), (grant(text),), oneself=True)
        yield Done(command(verb, principal, text), Change(grant(text), replace(grant(text), until=None), (text,)))
        yield Done(command(verb, principal, text), Change(grant(text), grant(text)))
        for obstacle in AdminWords.obstacles:
            yield Done(command(verb, principal, text), Change(None, grant(text), (text,), obstacle))
    reason = (text[:MAX_REASON].strip() or "x") if text.strip() else "x"
    lockdown = Lockdown(reason, f"cli:{text}", NOON)
    yield Question(ID, command(Verb.LOCKDOWN, text=reason), (), oneself=False)
    yield Done(command(Verb.LOCKDOWN, text=reason), Change(lockdown, replace(lockdown, set_by=text), (text,)))
    yield Done(command(Verb.LOCKDOWN, state=OFF), Change(lockdown, None))
    yield Done(command(Verb.LOCKDOWN, state=OFF), Change(None, None))
    yield Question(ID, command(Verb.FORGET), (*access.grants, *access.unreadable), oneself=True)
    yield Forgotten(command(Verb.FORGET), access)
    checks = (Check("records readable", passed=False, detail=text),) * 30
    yield Explained(command(Verb.EXPLAIN), Explanation(Denied(Reason.DENIED, text, checks=checks), slack_asked=True))
    yield Explained(command(Verb.EXPLAIN), Explanation(replace(an_allowed(), checks=checks), slack_asked=True))
    rules = (Considered(grant(text, principal=GROUP_ID), applies=None, why="w" * 60, decides=True),) * 102
    yield Explained(
        command(Verb.EXPLAIN),
        Explanation(Denied(Reason.DENIED, text, checks=checks[:9]), slack_asked=True, rules=rules),
    )
    person = Person(USER, "T0HOME", email=f"{text[:200]}@example.com")
    member = Listed(USER, access, person, Denied(Reason.GROUP_UNCONFIRMED))
    for more in (ID, None):
        yield Page(command(Verb.LIST), (member,) * MEMBERS_A_PAGE, more, counts=(10**5, 10**5, 10**6))
        yield Page(command(Verb.HISTORY), (an_old_entry(text),) * ENTRIES_A_PAGE, more)
        yield Page(command(Verb.SHOW), (mapping(),) * RECORDS_A_PAGE, more)
        yield Page(command(Verb.SHOW), (grant(text), grant(text), *(f"mapping#{text}",) * (RECORDS_A_PAGE - 2)), more)
        yield Page(command(Verb.LIST), (), more)
    yield Page(command(Verb.HISTORY), (), ID, searched_to=NOON)


def messages(text: str, render: RenderContext) -> Iterator[Message]:
    for outcome in outcomes(text):
        for in_dialog in (True, False):
            yield admin_views.outcome(outcome, render, NOON, in_dialog=in_dialog)
    yield forms.menu(render)
    yield admin_views.usage(render)
    for problem in Problem:
        for verb in (None, *IN_SLACK):
            yield admin_views.parse_error(ParseError(problem, verb=verb, field=Name.DAY, value=text), render)
            yield admin_views.parse_error(ParseError(problem, verb=verb, field=text, value=text), render)


def marked(message: Message) -> str:
    """Return every text that Slack reads as markup."""
    parts = [part for block in message.blocks for part in (block.get("text"), *block.get("elements", ())) if part]
    return "\n".join([message.text, *(part["text"] for part in parts if part.get("type") == "mrkdwn")])


def buttons(message: Message) -> dict[str, dict[str, Any]]:
    found = [element for block in message.blocks for element in block.get("elements", ())]
    return {element["action_id"]: element for element in found if element["type"] == "button"}


# Slack's limits


@in_each_language
@for_each_text
def test_every_message_is_valid(render: RenderContext, text: str) -> None:
    for message in messages(text, render):
        assert check_message(message.payload()) == []
        assert refusal(message.payload()) is None
        assert check_view(message.modal(), "modal") == []


@in_each_language
@pytest.mark.parametrize("picks", [True, False])
@pytest.mark.parametrize("verb", IN_SLACK)
def test_every_form_is_valid(render: RenderContext, verb: Verb, *, picks: bool) -> None:
    render = replace(render, picks=picks)
    if COMMAND_SPECS[verb].fields:
        form = forms.form(verb, render)
        assert check_view(form, "modal") == []
        assert form["private_metadata"] == f"{verb} {render.words.language}"
        assert form["title"]["text"] == render.words.admin.verbs[verb], "the title was cut"
        extra = {GROUP} if COMMAND_SPECS[verb].groups else set()  # the list has a field of that name
        assert {block["block_id"] for block in form["blocks"]} - extra == set(COMMAND_SPECS[verb].fields)
    assert check_view(forms.working("admin_form-" + ID, render), "modal") == []


# Contents


@in_each_language
def test_text_from_others_is_escaped(render: RenderContext) -> None:
    for message in messages(HOSTILE, render):
        read = marked(message)
        assert "<!channel>" not in read
        assert "<@U0BEN" not in read
        assert "<http" not in read
        code = re.sub(r"<!date\^\d+\^[^|>]*\|[^>]*>|<@U[A-Z0-9]+>|<!subteam\^S[A-Z0-9]+>", "", read)
        assert not set("<>") & set(code)


@in_each_language
def test_address_in_text_from_members_becomes_no_link(render: RenderContext) -> None:
    """A member's reason reaches administrators in the history, and in the resulting rule."""
    written = "https://evil.example.com"
    page, shown = (
        Page(command(verb), (each,), None)
        for verb, each in ((Verb.HISTORY, an_old_entry(written)), (Verb.SHOW, grant(written)))
    )
    for outcome in (page, shown, Question(ID, command(Verb.FORGET), (grant(written),), oneself=False)):
        message = admin_views.outcome(outcome, render, NOON, in_dialog=False)
        texts = [block["text"] for block in message.blocks if "text" in block]
        assert [text["verbatim"] for text in texts if written in text["text"]] == [True]


@given(st.text(max_size=80))
def test_unparsed_text_is_escaped(text: str) -> None:
    for problem in Problem:
        said = admin_views.parse_error(ParseError(problem, value=text, field=text), READERS["en"]).text
        assert not set("<>") & set(said)


@in_each_language
def test_button_values_are_ids(render: RenderContext) -> None:
    for message in messages("project Falcon", render):
        for action_id, button in buttons(message).items():
            if action_id.startswith(forms.PICK):
                assert button["value"].split()[0] in {*IN_SLACK, forms.MENU}
            else:
                assert button["value"] == ID


@in_each_language
def test_question_shows_before_and_after_and_can_be_cancelled(render: RenderContext) -> None:
    words = render.words.admin
    question = Question(ID, command(Verb.MAP), (mapping("sandbox"),), oneself=False)
    shown = admin_views.outcome(question, render, NOON, in_dialog=False)

    assert set(buttons(shown)) == {admin_views.CONFIRM, admin_views.CANCEL}
    assert buttons(shown)[admin_views.CONFIRM]["style"] == "danger"
    assert "`sandbox`" in marked(shown)
    assert words.after.format(what="") in marked(shown)
    assert words.oneself not in marked(shown)
    own = admin_views.outcome(replace(question, oneself=True), render, NOON, in_dialog=False)
    assert words.oneself in marked(own)
    group = Question(ID, command(Verb.DENY, "S0TEAM"), (), oneself=False)
    assert words.group in marked(admin_views.outcome(group, render, NOON, in_dialog=False))
    assert "<!subteam^S0TEAM>" in marked(admin_views.outcome(group, render, NOON, in_dialog=False))


@in_each_language
def test_omitted_rows_are_announced(render: RenderContext) -> None:
    many = Access(tuple(mapping(f"alias-{number}") for number in range(20)))
    page = Page(command(Verb.LIST), (Listed(USER, many),))
    listed = marked(admin_views.outcome(page, render, NOON, in_dialog=False))
    shown = sum(f"`alias-{number}`" in listed for number in range(20))

    assert render.words.admin.and_more.format(number=20 - shown, command=render.command, user=USER) in listed
    assert render.words.admin.last_page in listed


@in_each_language
def test_explanation_shows_every_rule_and_the_deciding_one(render: RenderContext) -> None:
    words = render.words.admin
    own, group = grant("Falcon"), replace(grant("Falcon", Effect.DENY, "S0TEAM"), until=None)
    rules = (
        Considered(group, applies=False, why="the member is not in it"),
        Considered(own, applies=True, why="in force", decides=True),
    )
    explanation = Explanation(an_allowed(), slack_asked=True, rules=rules)
    shown = marked(admin_views.outcome(Explained(command(Verb.EXPLAIN), explanation), render, NOON, in_dialog=False))

    [of_group] = [line for line in shown.splitlines() if "<!subteam^S0TEAM>" in line]
    assert words.rules[Effect.DENY] in of_group
    assert of_group.endswith("the member is not in it")
    [of_member] = [line for line in shown.splitlines() if line.endswith(words.decides)]
    assert f"<@{USER}>" in of_member
    assert words.rules[Effect.ALLOW] in of_member
    assert "in force" in of_member
    none = Explained(command(Verb.EXPLAIN), replace(explanation, rules=()))
    assert words.no_rules in marked(admin_views.outcome(none, render, NOON, in_dialog=False))


@pytest.mark.public(14)
@in_each_language
def test_explained_choice_is_no_refusal(render: RenderContext) -> None:
    mappings = (mapping("falcon"), mapping("prod"))
    decision = Denied(Reason.CHOOSE, mappings=mappings)
    explanation = Explanation(decision, slack_asked=True, unknown="falcon: AWS throttles us: wait")
    shown = marked(admin_views.outcome(Explained(command(Verb.EXPLAIN), explanation), render, NOON, in_dialog=False))
    words = render.words.admin
    assert words.would_choose.format(user=f"<@{USER}>", aliases="falcon, prod") in shown
    assert "SageMaker: falcon: AWS throttles us: wait" in shown


@in_each_language
@pytest.mark.parametrize("items", [(), (an_old_entry("x"),)], ids=["nothing", "something"])
def test_unfinished_search_shows_how_far_it_went(render: RenderContext, items: tuple[Any]) -> None:
    words = render.words.admin
    page = Page(command(Verb.HISTORY), items, ID, searched_to=NOON)
    shown = marked(admin_views.outcome(page, render, NOON, in_dialog=False))

    assert words.searched_to.format(at=slack_date(NOON)) in shown
    assert words.no_entries not in shown


@in_each_language
def test_entry_of_an_import_describes_its_changes(render: RenderContext) -> None:
    entry = replace(an_old_entry("x"), before=None, after={"grant#allow": {"reason": "Falcon", "set_by": "cli:me"}})
    listed = marked(admin_views.outcome(Page(command(Verb.HISTORY), (entry,)), render, NOON, in_dialog=False))

    assert "grant#allow reason Falcon" in listed
    assert "{'" not in listed
    assert "set_by" not in listed
    assert "`cli:x`" in listed


@in_each_language
def test_dialog_leads_back_to_the_menu(render: RenderContext) -> None:
    done = NotDone(NotDoneReason.CANCELLED)
    assert buttons(admin_views.outcome(done, render, NOON, in_dialog=False)) == {}
    back = buttons(admin_views.outcome(done, render, NOON, in_dialog=True))
    assert list(back) == [f"{forms.PICK}_{forms.MENU}"]
    assert {button["value"] for button in buttons(forms.menu(render)).values()} == set(IN_SLACK)


@in_each_language
def test_form_errors_are_shown_beside_their_fields(render: RenderContext) -> None:
    words = render.words.admin
    bad = ParseError(Problem.BAD_VALUE, verb=Verb.DENY, field=Name.USER, value="x")
    assert list(forms.field_errors(bad, {GROUP: "x"}, render)) == [GROUP]
    missing = ParseError(Problem.MISSING, verb=Verb.DENY, field=Name.USER)
    assert forms.field_errors(missing, {}, render) == {Name.USER: words.one_of_both}
    for name in Name:
        wrong = ParseError(Problem.BAD_VALUE, verb=Verb.MAP, field=name, value="x")
        assert forms.field_errors(wrong, {}, render) == {name: words.must_be.format(must=words.must[name])}


@in_each_language
def test_user_group_is_suggested_only_where_it_is_valid(render: RenderContext) -> None:
    words = render.words.admin
    for verb in IN_SLACK:
        if Name.USER in COMMAND_SPECS[verb].fields:
            wrong = ParseError(Problem.BAD_VALUE, verb=verb, field=Name.USER, value="x")
            must = words.must_with_group if COMMAND_SPECS[verb].groups else words.must[Name.USER]
            assert must in admin_views.parse_error(wrong, render).text
            missing = ParseError(Problem.MISSING, verb=verb, field=Name.USER)
            assert must in admin_views.parse_error(missing, render).text
    group = ParseError(Problem.BAD_VALUE, verb=Verb.DENY, field=Name.USER, value="x")
    said = words.must_be.format(must=words.must_group)
    assert forms.field_errors(group, {GROUP: "x"}, render) == {GROUP: said}


@in_each_language
@pytest.mark.parametrize("verb", [Verb.ALLOW, Verb.DENY])
def test_ended_rule_is_shown_as_not_in_force(render: RenderContext, verb: Verb) -> None:
    words, past = render.words.admin, NOON - timedelta(days=9)
    what = build(verb, {Name.USER: USER, Name.UNTIL: past.isoformat()}, NOON)
    question = Question(ID, what, (grant("x"),), oneself=False)
    done = Done(what, Change(None, what.grant()))

    asked, lists = (marked(admin_views.outcome(each, render, NOON, in_dialog=False)) for each in (question, done))

    user = f"<@{USER}>"
    assert words.ended_question.format(user=user) in asked
    assert words.questions[verb].format(user=user) not in asked
    assert words.done_ended.format(user=user, what="") in lists
    assert words.done[verb].format(user=user, what="") not in lists


def test_languages_have_different_words() -> None:
    for text in TEXTS.values():
        pairs = zip(outcomes(text), outcomes(text), strict=True)
        for one, other in pairs:
            english = admin_views.outcome(one, READERS["en"], NOON, in_dialog=False)
            german = admin_views.outcome(other, READERS["de"], NOON, in_dialog=False)
            assert marked(english) != marked(german)


@pytest.mark.public(15)
@in_each_language
@pytest.mark.parametrize("obstacle", AdminWords.obstacles)
def test_headline_of_a_rule_is_its_effect(render: RenderContext, obstacle: Reason) -> None:
    rule = Grant("U0ANA", Effect.ALLOW)
    done = Done(build(Verb.ALLOW, {Name.USER: "U0ANA"}, NOON), Change(None, rule, obstacle=obstacle))

    shown = admin_views.outcome(done, render, NOON, in_dialog=False)
    unhindered = admin_views.outcome(replace(done, change=Change(None, rule)), render, NOON, in_dialog=False)

    assert shown.text == render.words.admin.obstacles[obstacle].format(user="<@U0ANA>")
    assert shown.text != unhindered.text


@pytest.mark.public(15)
@in_each_language
def test_errors_name_the_commands_of_slack(render: RenderContext) -> None:
    text = "remove <it> with `studio-links forget U0ANA`, then run `studio-links tables check`"

    assert admin_views.for_slack(text, render) == (
        f"remove &lt;it&gt; with `{render.command} admin forget U0ANA`, then run `studio-links tables check`"
    )


@pytest.mark.public(29)
@in_each_language
def test_question_shows_the_reason_that_a_shorter_rule_keeps(render: RenderContext) -> None:
    shorter = build(Verb.ALLOW, {Name.USER: "U0ANA", Name.UNTIL: "1d"}, NOON)
    question = Question(ID, shorter, (Grant("U0ANA", Effect.ALLOW, None, "Falcon"),), oneself=False)

    shown = marked(admin_views.outcome(question, render, NOON, in_dialog=False))

    assert shown.count("Falcon") == 2


@pytest.mark.parametrize(("typed", "proposed"), [("alow", True), ("admin", False)])
def test_only_a_verb_of_slack_is_proposed(typed: str, *, proposed: bool) -> None:
    unknown = ParseError(Problem.UNKNOWN_VERB, value=typed)
    assert ("Did you mean" in admin_views.parse_error(unknown, READERS["en"]).text) == proposed
