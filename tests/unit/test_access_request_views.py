"""Views of access requests: within Slack's limits, with texts and ids only."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.admin.decisions import Decision
from bot.core.access import Mapping, Member
from bot.core.approval_rules import DAYS
from bot.core.errors import BadInput, Changed, ProfileConflict, StudioLinksError, UpstreamError
from bot.core.link import Reason
from bot.core.records import AccessRequest, DecisionResult, RequestState
from bot.core.values import CONTROL, MAX_REASON, InvalidValue
from bot.local.slack.blocks import check_message, check_view, refusal
from bot.slack.blocks import Message, RenderContext, count, slack_date
from bot.slack.members import views
from bot.slack.requests import outcomes
from bot.slack.requests import views as asking_views
from bot.slack.requests.handlers import REQUEST
from bot.slack.words import CATALOGUES, Words
from tests.fakes import NOON, TEAM
from tests.fakes_access_requests import an_access_request

MAX_ID_LENGTH = "U" + "X" * 30
HOSTILE = "<!channel> & <@U0BEN00001> <https://evil.example.com|click> *bold* `code` {user} {days} %s \x00"
RTL = "\u202e\u05e9\u05dc\u05d5\u05dd\u200f " * 70
TEXTS = {
    "short": "project Falcon",
    "ampersands": "&" * MAX_REASON,
    "brackets": "<>" * (MAX_REASON // 2),
    "right to left": RTL,
    "wide": "\U0001f980" * MAX_REASON,
    "lines": "\n" * MAX_REASON,
    "hostile": HOSTILE,
}

in_each_language = pytest.mark.parametrize(
    "render", [RenderContext(words, may_ask=True) for words in CATALOGUES.values()], ids=CATALOGUES
)
for_each_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def asked(text: str = "project Falcon", **more: Any) -> AccessRequest:
    """Return an access request with the longest possible other values."""
    wish = text[: asking_views.MAX_WISH_LENGTH]
    return an_access_request(
        Member(TEAM, MAX_ID_LENGTH), **{"reason": text[:MAX_REASON], "wish": wish, "id": "f" * 32, **more}
    )


def decided(request: AccessRequest, state: RequestState) -> AccessRequest:
    return replace(request, state=state, decided_by=MAX_ID_LENGTH, decided_at=NOON)


def texts(blocks: list[dict[str, Any]]) -> Iterator[str]:
    """Return every text in the blocks that Slack reads as markup."""
    for block in blocks:
        for part in (block.get("text"), *block.get("elements", ())):
            if part and part.get("type") == "mrkdwn":
                yield part["text"]


def all_texts(blocks: list[dict[str, Any]]) -> list[str]:
    """Return every text in the blocks, markup or not."""
    parts = [part for block in blocks for part in (block.get("text"), *block.get("elements", ())) if part]
    return [part["text"] for part in parts if isinstance(part["text"], str)]


def elements(blocks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the buttons and fields by action id."""
    found = [element for block in blocks for element in (*block.get("elements", ()), block.get("element")) if element]
    return {element["action_id"]: element for element in found if "action_id" in element}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str):
        yield value


def every_message(request: AccessRequest, render: RenderContext) -> dict[str, Message]:
    approved, denied = (decided(request, state) for state in (RequestState.APPROVED, RequestState.DENIED))
    refusals = {
        f"refused {verdict}": outcomes.outcome(Decision(verdict, request), render) for verdict in DecisionResult
    }
    return {
        "to admins": asking_views.to_admins(request, render),
        "approved": asking_views.settled(approved, render),
        "denied": asking_views.settled(denied, render),
        "run out": asking_views.settled(request, render),
        "granted": asking_views.to_member(approved, render),
        "turned down": asking_views.to_member(denied, render),
        "reminder": asking_views.to_admins(replace(request, reminders=1), render),
        "asked again": asking_views.asked_again(request, render),
        "has run out": asking_views.ran_out(request, render),
        "given back": outcomes.given_back(render.words.ask_failed, request.wish, request.reason),
        **refusals,
    }


def every_form(request: AccessRequest, render: RenderContext) -> dict[str, dict[str, Any]]:
    return {
        "empty": asking_views.form(render),
        "with a wish": asking_views.form(render, request.wish),
        "mapping": asking_views.mapping_form(request, render),
        "gone": asking_views.mapping_form(request, render, gone=True),
        "denial": asking_views.denial_form(request, render),
    }


# Slack's limits


@in_each_language
@for_each_text
@pytest.mark.parametrize("days", DAYS)
def test_every_message_is_valid(render: RenderContext, text: str, days: int | None) -> None:
    for name, message in every_message(asked(text, days=days), render).items():
        assert check_message(message.payload()) == [], name
        assert refusal(message.payload()) is None, name


@in_each_language
@for_each_text
def test_every_form_is_valid(render: RenderContext, text: str) -> None:
    for name, form in every_form(asked(text), render).items():
        assert check_view(form, "modal") == [], name


@in_each_language
def test_message_with_the_longest_profile_text_is_valid(render: RenderContext) -> None:
    request = asked("&" * MAX_REASON, wish="&" * MAX_REASON)
    for name, message in every_message(request, render).items():
        assert check_message(message.payload()) == [], name
    assert check_view(asking_views.mapping_form(request, render), "modal") == []


@in_each_language
def test_private_metadata_fits(render: RenderContext) -> None:
    form = asking_views.mapping_form(asked("&" * MAX_REASON), render)
    assert len(form["private_metadata"]) <= 3000


@in_each_language
def test_labels_fit(render: RenderContext) -> None:
    request = asked()
    shown = [*every_message(request, render).values()]
    parts = [message.payload() for message in shown] + [*every_form(request, render).values()]
    assert not any("…" in text for text in strings(parts))


# Contents


@in_each_language
@for_each_text
def test_button_values_contain_only_ids(render: RenderContext, text: str) -> None:
    request = asked(text)
    found = elements(asking_views.to_admins(request, render).blocks)
    assert set(found) == {asking_views.APPROVE, asking_views.DENY}
    for button in found.values():
        named = REQUEST.fullmatch(button["value"])
        assert named is not None
        assert named.groups() == (MAX_ID_LENGTH, request.id)


@pytest.mark.parametrize("language", CATALOGUES)
def test_mapping_form_metadata_is_request_and_language(language: str) -> None:
    request = asked(HOSTILE)
    form = asking_views.mapping_form(request, RenderContext(CATALOGUES[language]))
    value, _, brought = form["private_metadata"].rpartition(" ")
    named = REQUEST.fullmatch(value)
    assert named is not None
    assert named.groups() == (MAX_ID_LENGTH, request.id)
    assert brought == language


@pytest.mark.parametrize("language", CATALOGUES)
def test_request_form_metadata_is_its_language(language: str) -> None:
    assert asking_views.form(RenderContext(CATALOGUES[language]), HOSTILE)["private_metadata"] == language


@in_each_language
def test_members_text_appears_only_in_text(render: RenderContext) -> None:
    request = asked("n33dle", wish="w1sh")
    for name, message in every_message(request, render).items():
        for word in ("n33dle", "w1sh"):
            count = json.dumps(message.payload()).count(word)
            texts_of_sections = [block["text"]["text"] for block in message.blocks if block["type"] == "section"]
            assert count == sum(text.count(word) for text in texts_of_sections), name


@in_each_language
def test_members_text_is_never_formatted(render: RenderContext) -> None:
    """Slack formats, links and notifies in markup only; a plain text may still have emoji."""
    text = f"{HOSTILE} _i_ ~s~ > q @channel #general https://evil.example.com :white_check_mark: \u202edevorppA"
    for name, message in every_message(asked(text), render).items():
        assert "channel" not in "".join(texts(message.blocks)), name
        for block in message.blocks:
            if "channel" in json.dumps(block):
                assert block["text"] | {"text": ""} == {"type": "plain_text", "text": "", "emoji": False}, name
                assert not CONTROL.search(block["text"]["text"]), name
    forms = every_form(asked(text), render)
    assert "channel" not in "".join(texts(forms["mapping"]["blocks"]))


@in_each_language
def test_braces_in_members_text_are_kept(render: RenderContext) -> None:
    assert "{user} {days}" in "\n".join(all_texts(asking_views.to_admins(asked(HOSTILE), render).blocks))


@in_each_language
def test_messages_have_no_unfilled_placeholder(render: RenderContext) -> None:
    request = asked()
    for name, message in every_message(request, render).items():
        shown = [text.replace("{date_short_pretty} {time}", "") for text in strings(message.payload())]
        assert not any("{" in text for text in shown), name
    for name, form in every_form(request, render).items():
        assert not any("{" in text for text in strings(form["blocks"])), name


@in_each_language
def test_posting_shows_requester_profile_reason_and_duration(render: RenderContext) -> None:
    words, request = render.words, asked()
    for message in (
        asking_views.to_admins(request, render),
        asking_views.settled(decided(request, RequestState.APPROVED), render),
    ):
        lines = all_texts(message.blocks)
        assert f"<@{MAX_ID_LENGTH}>" in lines[0]
        assert lines[1:4] == [
            words.asked_reason.format(reason="project Falcon"),
            words.asked_wish.format(wish="project Falcon"),
            words.asked_days.format(days=count(7, words.day)),
        ]
    until = slack_date(request.expires_at)
    assert until in list(texts(asking_views.to_admins(request, render).blocks))[-1]


@in_each_language
def test_posting_without_a_profile_has_no_line_for_it(render: RenderContext) -> None:
    before = render.words.asked_wish.partition("{")[0]
    assert before not in "\n".join(texts(asking_views.to_admins(asked(wish=""), render).blocks))


@in_each_language
def test_permanent_duration_is_described(render: RenderContext) -> None:
    shown = "\n".join(all_texts(asking_views.to_admins(asked(days=None), render).blocks))
    assert render.words.no_end_date in shown
    assert "None" not in shown


@in_each_language
@pytest.mark.parametrize("state", [RequestState.APPROVED, RequestState.DENIED])
def test_decided_posting_has_decider_and_time_but_no_buttons(render: RenderContext, state: RequestState) -> None:
    at = NOON + timedelta(minutes=5)
    request = replace(decided(asked(), state), decided_at=at)
    message = asking_views.settled(request, render)
    line = {RequestState.APPROVED: render.words.approved, RequestState.DENIED: render.words.denied}[state]
    assert elements(message.blocks) == {}
    assert list(texts(message.blocks))[-1] == line.format(by=f"<@{MAX_ID_LENGTH}>", at=slack_date(at))


@in_each_language
def test_approval_message_has_an_open_button(render: RenderContext) -> None:
    message = asking_views.to_member(decided(asked(), RequestState.APPROVED), render)
    assert set(elements(message.blocks)) == {views.HOME_OPEN}
    assert message.text == f"{render.words.granted} {render.words.granted_open}"


@in_each_language
def test_denial_message_does_not_name_the_administrator(render: RenderContext) -> None:
    message = asking_views.to_member(decided(asked(), RequestState.DENIED), render)
    assert elements(message.blocks) == {}
    assert message.text == render.words.turned_down
    assert MAX_ID_LENGTH not in json.dumps(message.payload())


REFUSED = sorted(
    {*DecisionResult} - {DecisionResult.DONE, DecisionResult.ALREADY_DECIDED, DecisionResult.NEEDS_REASON}
)


@in_each_language
@pytest.mark.parametrize("verdict", REFUSED)
def test_refused_press_shows_its_reason(render: RenderContext, verdict: DecisionResult) -> None:
    words = render.words
    shown = outcomes.outcome(Decision(verdict, asked("n33dle")), render)
    expected = {
        DecisionResult.NOT_AN_ADMIN: words.only_admins,
        DecisionResult.NOT_AN_APPROVER: words.only_approvers,
        DecisionResult.NEEDS_TICKET: words.approval_needs_ticket,
        DecisionResult.OWN_REQUEST: words.not_your_own,
        DecisionResult.PROFILE_GONE: words.profile_gone,
        DecisionResult.ALIAS_IN_USE: words.alias_in_use,
        DecisionResult.HAD_OWNER: words.had_owner,
        DecisionResult.ENDORSED: words.endorsed,
        DecisionResult.UNREADABLE: words.unreadable,
        DecisionResult.DENY_RULE_REMAINS: words.deny_rule_remains,
        DecisionResult.INELIGIBLE: words.ineligible,
        DecisionResult.LOCKED_DOWN: words.locked_down,
        DecisionResult.NEEDS_MAPPING: words.approve_needs,
        DecisionResult.CLOSED: words.request_closed,
        DecisionResult.NO_TEMPLATE: words.workspaces.no_template,
        DecisionResult.PROFILE_EXISTS: words.workspaces.profile_exists,
        DecisionResult.WORK_UNDER_WAY: words.workspaces.work_under_way,
    }
    assert shown.text == expected[verdict].format(command=render.command, existing=words.workspaces.existing)
    assert "n33dle" not in json.dumps(shown.payload())


@in_each_language
def test_replayed_form_shows_the_state_of_the_request(render: RenderContext) -> None:
    words, request = render.words, asked()
    states = {
        "open": (request, words.ask_joined, request.at),
        "approved": (decided(request, RequestState.APPROVED), words.ask_was_approved, NOON),
        "denied": (decided(request, RequestState.DENIED), words.ask_was_denied, NOON),
        "withdrawn": (decided(request, RequestState.WITHDRAWN), words.ask_was_withdrawn, NOON),
    }
    for name, (latest, line, at) in states.items():
        message = asking_views.not_new(latest, NOON, render)
        assert message.text == line.format(at=slack_date(at)), name
        assert MAX_ID_LENGTH not in json.dumps(message.payload())
    assert asking_views.not_new(request, request.expires_at, render).text == words.ask_ran_out


@in_each_language
def test_refused_press_shows_a_next_step(render: RenderContext) -> None:
    """Check the text after the first sentence."""
    for verdict in REFUSED:
        text = outcomes.outcome(Decision(verdict, asked()), render).text
        assert len(re.split(r"(?<=[.:!?])\s+", text)) > 1, verdict


def test_refusal_is_in_the_administrators_language() -> None:
    german, english = RenderContext(CATALOGUES["de"]), RenderContext(CATALOGUES["en"])
    for verdict in DecisionResult:
        decision = Decision(verdict, decided(asked(), RequestState.APPROVED))
        assert outcomes.outcome(decision, german).text != outcomes.outcome(decision, english).text
    assert "Gast" in outcomes.outcome(Decision(DecisionResult.INELIGIBLE), german).text
    assert "Profil" in outcomes.outcome(Decision(DecisionResult.NEEDS_MAPPING), german).text


@in_each_language
@pytest.mark.parametrize("state", [RequestState.APPROVED, RequestState.DENIED])
@pytest.mark.parametrize("verdict", [DecisionResult.DONE, DecisionResult.ALREADY_DECIDED])
def test_decider_is_named_where_no_message_shows_it(
    render: RenderContext, state: RequestState, verdict: DecisionResult
) -> None:
    words, request = render.words, decided(asked("n33dle"), state)
    shown = outcomes.outcome(Decision(verdict, request), render).text
    line = {RequestState.APPROVED: words.approved, RequestState.DENIED: words.denied}[state]
    assert shown.splitlines() == [
        words.asked.format(user=MAX_ID_LENGTH),
        line.format(by=f"<@{MAX_ID_LENGTH}>", at=slack_date(NOON)),
    ]


@in_each_language
def test_expired_posting_has_no_buttons(render: RenderContext) -> None:
    request = asked()
    message = asking_views.settled(request, render)
    assert elements(message.blocks) == {}
    assert list(texts(message.blocks))[-1] == render.words.undecided.format(at=slack_date(request.expires_at))


# Failures and field errors


FAILURES: list[tuple[StudioLinksError, Callable[[Words], str]]] = [
    *(
        (UpstreamError("n33dle", reason=reason), lambda words, reason=reason: words.failures[reason])
        for reason in CATALOGUES["en"].failures
    ),
    (UpstreamError("n33dle", reason=Reason.INTERNAL), lambda words: words.failed_otherwise),
    (ProfileConflict("n33dle"), lambda words: words.profile_in_use),
    (Changed("n33dle"), lambda words: words.changed_meanwhile),
    (BadInput("n33dle"), lambda words: words.failed_otherwise),
]


@in_each_language
@pytest.mark.parametrize(("error", "why"), FAILURES)
def test_failure_message_comes_from_the_catalogue(
    render: RenderContext, error: StudioLinksError, why: Callable[[Words], str]
) -> None:
    message = outcomes.failed(error, render)
    assert message.text == f"{render.words.decision_failed} {why(render.words)}"
    assert check_message(message.payload()) == []


@pytest.mark.public(10)
@in_each_language
def test_failure_of_a_domain_shows_aws_reason_to_administrators(render: RenderContext) -> None:
    error = UpstreamError("domain d-x is Failed (no: <VPC>): repair it", reason=Reason.DOMAIN_NOT_READY)
    message = outcomes.failed(error, render)
    assert message.text.endswith(" (SageMaker: domain d-x is Failed (no: &lt;VPC&gt;))")
    member = views.refusal(Reason.DOMAIN_NOT_READY, render)
    assert "VPC" not in member.text


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_upstream_reason_has_an_administrators_message(language: str) -> None:
    upstream = ("domain_", "profile_", "aws_", "store_", "slack_")
    assert set(CATALOGUES[language].failures) == {reason for reason in Reason if reason.startswith(upstream)}


WRONG = {
    "a domain": (("default", "nonsense", "ana"), asking_views.DOMAIN, "bad_domain"),
    "no domain": (("default", "", "ana"), asking_views.DOMAIN, "bad_domain"),
    "a profile": (("default", "d-research", "-"), asking_views.PROFILE, "bad_profile"),
    "an alias": (("so so", "d-research", "ana"), asking_views.ALIAS_FIELD, "bad_alias"),
    "a word of the command": (("help", "d-research", "ana"), asking_views.ALIAS_FIELD, "bad_alias"),
}


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize(("values", "field", "name"), WRONG.values(), ids=WRONG)
def test_field_error_is_shown_beside_its_field(
    language: str, values: tuple[str, str, str], field: str, name: str
) -> None:
    words = CATALOGUES[language]
    with pytest.raises(InvalidValue) as error:
        Mapping(*values)
    assert asking_views.invalid(error.value, words) == {field: getattr(words, name)}


# The mapping form


@in_each_language
@pytest.mark.parametrize("picks", [True, False])
def test_mapping_form_may_be_empty_and_explains_it(render: RenderContext, *, picks: bool) -> None:
    words, blocks = render.words, asking_views.mapping_form(asked(), replace(render, picks=picks))["blocks"]
    fields = {block["block_id"]: block for block in blocks if block["type"] == "input"}
    assert {name: (field["label"]["text"], field["optional"]) for name, field in fields.items()} == {
        asking_views.DOMAIN: (words.approve_domain, True),
        asking_views.PROFILE: (words.approve_profile, True),
        asking_views.ALIAS_FIELD: (words.approve_alias, True),
    }
    kinds = {name: element["type"] for name, element in elements(blocks).items()}
    picked = dict.fromkeys(
        (asking_views.DOMAIN, asking_views.PROFILE), "external_select" if picks else "plain_text_input"
    )
    assert kinds == {**picked, asking_views.ALIAS_FIELD: "plain_text_input"}
    assert fields[asking_views.DOMAIN].get("dispatch_action", False) is picks
    assert list(texts(blocks))[-1] == words.approve_note


# The request form


@in_each_language
def test_request_form_has_a_reason_and_every_duration(render: RenderContext) -> None:
    form = asking_views.form(render)
    blocks = {block["block_id"]: block for block in form["blocks"]}
    assert [blocks[name]["optional"] for name in ("wish", "reason", "days")] == [True, False, False]
    offered = [option["value"] for option in elements(form["blocks"])[asking_views.SPAN]["options"]]
    assert offered == [str(days or asking_views.FOR_GOOD) for days in DAYS]
    assert len({option["text"]["text"] for option in elements(form["blocks"])[asking_views.SPAN]["options"]}) == 5


@in_each_language
def test_request_form_limits_text_to_the_stored_length(render: RenderContext) -> None:
    found = elements(asking_views.form(render)["blocks"])
    assert found[asking_views.REASON]["max_length"] == MAX_REASON
    assert found[asking_views.WISH]["max_length"] <= MAX_REASON


@in_each_language
def test_requested_profile_is_prefilled_only_if_present(render: RenderContext) -> None:
    assert elements(asking_views.form(render, "prod")["blocks"])[asking_views.WISH]["initial_value"] == "prod"
    assert "initial_value" not in elements(asking_views.form(render)["blocks"])[asking_views.WISH]
    assert check_view(asking_views.form(render, "x" * 2000), "modal") == []
