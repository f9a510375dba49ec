"""The Slack stand-in's modals, App Home, shortcuts and choices keep Slack's contract."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.local.loopback import LoopbackServer
from bot.local.page.state import mistakes
from bot.local.slack.elements import REQUIRED
from bot.local.slack.exchanges import Exchange
from bot.local.slack.features import Command, Features, Shortcut, from_manifest, read
from bot.local.slack.people import Channel
from bot.local.slack.screens import Message
from bot.local.slack.views import View
from bot.local.slack.workspace import GENERAL, Workspace

Json = dict[str, Any]
ALICE, BOB = "U0ALICE", "U0BOB"
FEATURES = Features(
    shortcuts=(Shortcut("Open Studio", "open"),), home_tab=True, events=frozenset({"app_home_opened", "message.im"})
)


class Bot:
    """An app that keeps its requests and gives the acknowledgements that a test sets."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.kinds: list[str] = []
        self.status = "200 OK"
        self.reply: object = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        self.bodies.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        self.kinds.append(environ["CONTENT_TYPE"])
        start_response(self.status, [("Content-Type", "application/json")])
        return [b"" if self.reply is None else json.dumps(self.reply).encode()]


class Hand:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_735_689_600.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def bot() -> Bot:
    return Bot()


@pytest.fixture
def slack(bot: Bot, clock: Hand) -> Iterator[Workspace]:
    with LoopbackServer(bot, 0) as hosted, Workspace(clock=clock, ack_seconds=1.0, features=FEATURES) as workspace:
        workspace.request_url = f"{hosted.url}/slack/events"
        workspace.add_member(ALICE, "alice")
        workspace.add_member(BOB, "bob")
        yield workspace


@pytest.fixture
def client(slack: Workspace) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url)


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str = "Hello") -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def options(*names: str) -> list[Json]:
    return [{"text": plain(name), "value": name} for name in names]


def field(block_id: str, element: Json, **more: Any) -> Json:
    element = {"action_id": "it", **element}
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("A form"), "blocks": list(blocks) or [section()], **more}


FORM = modal(
    field("reason", {"type": "plain_text_input", "min_length": 3, "max_length": 10}),
    field("profile", {"type": "static_select", "options": options("prod", "sandbox")}, optional=True),
    submit=plain("Send"),
    callback_id="form",
    private_metadata="kept",
    notify_on_close=True,
)


def refused(call: Callable[..., Any], **arguments: Any) -> Json:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    answer: Json = caught.value.response.data
    return answer


def opened(slack: Workspace, client: WebClient, view: Json | None = None, user: str = ALICE) -> View:
    client.views_open(trigger_id=slack.shortcut(user, "open").id, view=view or FORM)
    return slack.modal(user)


# Triggers


def test_trigger_opens_one_modal_for_its_member(slack: Workspace, client: WebClient) -> None:
    exchange = slack.shortcut(ALICE, "open")

    answer = client.views_open(trigger_id=exchange.id, view=FORM)

    shown = slack.modal(ALICE)
    assert (shown.title, slack.views.stack(BOB)) == ("A form", ())
    told = answer["view"]
    assert (told["id"], told["root_view_id"], told["previous_view_id"]) == (shown.id, shown.id, None)
    assert (told["state"], told["app_id"], told["private_metadata"]) == ({"values": {}}, "A0STUDIO01", "kept")
    assert refused(client.views_open, trigger_id=exchange.id, view=FORM)["error"] == "exchanged_trigger_id"


def test_trigger_expires_after_three_seconds(slack: Workspace, client: WebClient, clock: Hand) -> None:
    exchange = slack.command(ALICE)
    clock.now += 3.1
    assert refused(client.views_open, trigger_id=exchange.id, view=FORM)["error"] == "expired_trigger_id"
    assert refused(client.views_open, trigger_id="1.2.x", view=FORM)["error"] == "invalid_trigger_id"
    with pytest.raises(LookupError, match="no modal is open"):
        slack.modal(ALICE)


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        ({**FORM, "title": plain("x" * 25)}, "less than 25"),
        ({**FORM, "submit": plain("x" * 25)}, "less than 25"),
        ({**FORM, "close": plain("x" * 25)}, "less than 25"),
        ({**FORM, "private_metadata": "x" * 3001}, "less than 3001"),
        ({**FORM, "callback_id": "x" * 256}, "less than 256"),
        ({**FORM, "blocks": [section()] * 101}, "no more than 100"),
        ({name: part for name, part in FORM.items() if name != "submit"}, "missing required field: submit"),
        ({"type": "home", "blocks": [section()]}, "must be a modal view"),
        ({**FORM, "colour": "red"}, "additional property"),
    ],
)
def test_invalid_view_is_refused_with_its_problems(
    slack: Workspace, client: WebClient, view: Json, problem: str
) -> None:
    answer = refused(client.views_open, trigger_id=slack.command(ALICE).id, view=view)
    assert answer["error"] == "invalid_arguments"
    assert problem in answer["response_metadata"]["messages"][0]
    assert problem in mistakes(slack.api_calls, slack.deliveries, slack.exchanges)[-1]


def test_view_over_the_size_limit_is_refused(slack: Workspace, client: WebClient) -> None:
    view = modal(*[section("x" * 3000)] * 90)
    assert refused(client.views_open, trigger_id=slack.command(ALICE).id, view=view)["error"] == "view_too_large"


# Suggestions

PICKED = field("domain", {"type": "external_select", "min_query_length": 0}, optional=True)
OFFERED = [{"text": plain("Research"), "value": "d-1"}, {"text": plain("Sandbox"), "value": "d-2"}]


def test_suggestions_are_asked_for_without_a_trigger(slack: Workspace, client: WebClient, bot: Bot) -> None:
    shown = opened(slack, client, {**FORM, "blocks": [*FORM["blocks"], PICKED]})
    bot.reply = {"options": OFFERED}

    found = slack.suggest(ALICE, shown, "it", "re", block_id="domain")

    fields = sent(found.exchange)
    asked = ("block_suggestion", "domain", "it", "re")
    assert (fields["type"], fields["block_id"], fields["action_id"], fields["value"]) == asked
    assert fields["user"]["id"] == ALICE
    assert fields["view"]["id"] == fields["container"]["view_id"] == shown.id
    assert {"trigger_id", "response_url", "channel"}.isdisjoint(fields)
    assert found.options == tuple(OFFERED)


def test_suggested_option_is_sent_with_its_text(slack: Workspace, client: WebClient, bot: Bot) -> None:
    shown = opened(slack, client, {**FORM, "blocks": [*FORM["blocks"], PICKED]})
    bot.reply = {"options": OFFERED}
    slack.suggest(ALICE, shown, "it", "re", block_id="domain")
    slack.suggest(ALICE, shown, "it", "sa", block_id="domain")
    with pytest.raises(LookupError, match="offered no option 'd-3'"):
        slack.submit(ALICE, GOOD | {"domain": {"it": "d-3"}})
    bot.reply = None

    done = slack.submit(ALICE, GOOD | {"domain": {"it": "d-1"}})

    chosen = sent(done.exchange)["view"]["state"]["values"]["domain"]["it"]
    assert chosen == {"type": "external_select", "selected_option": OFFERED[0]}


def test_state_in_a_suggestion_is_that_of_the_opening(slack: Workspace, client: WebClient, bot: Bot) -> None:
    initial = {**PICKED, "element": {**PICKED["element"], "initial_option": OFFERED[0]}}
    shown = opened(slack, client, {**FORM, "blocks": [*FORM["blocks"], initial]})
    bot.reply = {"options": OFFERED}
    found = slack.suggest(ALICE, shown, "it", block_id="domain")
    state = sent(found.exchange)["view"]["state"]["values"]
    assert (state["domain"]["it"]["selected_option"], state["reason"]["it"]["value"]) == (OFFERED[0], None)
    bot.reply = None
    done = slack.submit(ALICE, GOOD)
    assert sent(done.exchange)["view"]["state"]["values"]["domain"]["it"]["selected_option"] == OFFERED[0]


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (None, "missing required field: options"),
        ([], "must be an object"),
        ({"options": [{"text": plain("x" * 76), "value": "x"}]}, "less than 76"),
        ({"options": [{"text": plain("x"), "value": "x"}] * 101}, "no more than 100"),
        ({"options": [{"text": {"type": "mrkdwn", "text": "x"}, "value": "x"}]}, "unsupported type: mrkdwn"),
        ({"text": "no"}, "additional property"),
    ],
)
def test_invalid_suggestions_are_not_shown(
    slack: Workspace, client: WebClient, bot: Bot, reply: object, problem: str
) -> None:
    shown = opened(slack, client, {**FORM, "blocks": [PICKED]})
    bot.reply = reply
    found = slack.suggest(ALICE, shown, "it", "")
    assert (found.options, bool(found.trouble)) == ((), True)
    assert problem in mistakes((), (), slack.exchanges)[-1]


def test_no_suggestions_are_asked_for_too_early(slack: Workspace, client: WebClient, bot: Bot) -> None:
    late = {**PICKED, "element": {"type": "external_select", "action_id": "it"}}
    shown = opened(slack, client, {**FORM, "blocks": [late]})
    bot.bodies.clear()
    assert (slack.suggest(ALICE, shown, "it", "re").exchange, bot.bodies) == (None, [])
    bot.reply = {"options": []}
    assert slack.suggest(ALICE, shown, "it", "res").trouble == ""
    bot.status = "500 X"
    assert slack.suggest(ALICE, shown, "it", "res").trouble
    with pytest.raises(LookupError, match="no element"):
        slack.suggest(ALICE, shown, "other", "res")


# Stacks


def test_three_modals_stack_and_a_fourth_is_refused(slack: Workspace, client: WebClient) -> None:
    first = opened(slack, client)
    for _ in range(2):
        client.views_push(trigger_id=slack.shortcut(ALICE, "open").id, view=modal())
    trigger = slack.shortcut(ALICE, "open").id
    assert refused(client.views_push, trigger_id=trigger, view=modal())["error"] == "push_limit_reached"
    stack = slack.views.stack(ALICE)
    assert [view.root for view in stack] == [first.id] * 3
    assert [view.previous for view in stack] == [None, stack[0].id, stack[1].id]


def test_push_without_an_open_modal_is_refused(slack: Workspace, client: WebClient) -> None:
    trigger = slack.shortcut(ALICE, "open").id
    assert refused(client.views_push, trigger_id=trigger, view=modal())["error"] == "not_found"


def test_update_with_an_old_hash_is_refused(slack: Workspace, client: WebClient) -> None:
    shown = opened(slack, client)
    client.views_update(view_id=shown.id, hash=shown.hash, view=modal(section("Second")))
    assert slack.modal(ALICE).blocks[0]["text"]["text"] == "Second"
    conflict = refused(client.views_update, view_id=shown.id, hash=shown.hash, view=modal())
    assert conflict["error"] == "hash_conflict"
    assert refused(client.views_update, view_id="V0", view=modal())["error"] == "not_found"
    assert refused(client.api_call, api_method="views.update", json={"view": modal()})["error"] == "invalid_arguments"


def test_update_finds_a_view_by_external_id(slack: Workspace, client: WebClient) -> None:
    opened(slack, client, modal(external_id="mine"))
    client.views_update(external_id="mine", view=modal(section("Found"), external_id="mine"))
    assert slack.modal(ALICE).blocks[0]["text"]["text"] == "Found"
    trigger = slack.shortcut(BOB, "open").id
    taken = refused(client.views_open, trigger_id=trigger, view=modal(external_id="mine"))
    assert taken["error"] == "duplicate_external_id"


# Submitting and closing


def test_incomplete_form_is_not_sent(slack: Workspace, client: WebClient, bot: Bot) -> None:
    opened(slack, client)
    bot.bodies.clear()
    assert slack.submit(ALICE).errors == {"reason": REQUIRED}
    assert slack.submit(ALICE, {"reason": {"it": "ab"}}).errors == {"reason": "Please enter at least 3 characters."}
    assert "at most 10" in slack.submit(ALICE, {"reason": {"it": "x" * 11}}).errors["reason"]
    with pytest.raises(LookupError, match="no option 'other'"):
        slack.submit(ALICE, {"reason": {"it": "fine"}, "profile": {"it": "other"}})
    assert bot.bodies == []


def sent(exchange: Exchange | None) -> Json:
    assert exchange is not None
    return exchange.fields


def test_submission_sends_values_and_closes_the_modal(slack: Workspace, client: WebClient) -> None:
    shown = opened(slack, client)

    done = slack.submit(ALICE, {"reason": {"it": "Falcon"}})

    fields = sent(done.exchange)
    assert fields["type"] == "view_submission"
    assert fields["user"]["id"] == ALICE
    assert fields["view"]["id"] == shown.id
    assert fields["view"]["state"]["values"] == {
        "reason": {"it": {"type": "plain_text_input", "value": "Falcon"}},
        "profile": {"it": {"type": "static_select", "selected_option": None}},
    }
    assert {"trigger_id", "response_urls", "team", "api_app_id"} <= fields.keys()
    assert "channel" not in fields
    assert slack.views.stack(ALICE) == ()


GOOD = {"reason": {"it": "Falcon"}}


def test_acknowledgement_shows_errors(slack: Workspace, client: WebClient, bot: Bot) -> None:
    opened(slack, client)
    bot.reply = {"response_action": "errors", "errors": {"reason": "Not enough."}}
    assert slack.submit(ALICE, GOOD).errors == {"reason": "Not enough."}
    assert slack.modal(ALICE).title == "A form"


def test_acknowledgement_updates_pushes_and_clears(slack: Workspace, client: WebClient, bot: Bot) -> None:
    first = opened(slack, client)
    bot.reply = {"response_action": "push", "view": {**FORM, "title": plain("Second")}}
    slack.submit(ALICE, GOOD)
    assert [view.title for view in slack.views.stack(ALICE)] == ["A form", "Second"]
    bot.reply = {"response_action": "update", "view": {**FORM, "title": plain("Third")}}
    slack.submit(ALICE, GOOD)
    assert [view.title for view in slack.views.stack(ALICE)] == ["A form", "Third"]
    assert slack.views.stack(ALICE)[0].id == first.id
    bot.reply = None
    slack.submit(ALICE, GOOD)
    assert [view.title for view in slack.views.stack(ALICE)] == ["A form"]
    bot.reply = {"response_action": "push", "view": FORM}
    slack.submit(ALICE, GOOD)
    bot.reply = {"response_action": "clear"}
    slack.submit(ALICE, GOOD)
    assert slack.views.stack(ALICE) == ()


@pytest.mark.parametrize(
    "reply",
    [
        {"response_action": "errors"},
        {"response_action": "errors", "errors": {"nobody": "x"}},
        {"response_action": "errors", "errors": {"reason": 1}},
        {"response_action": "update"},
        {"response_action": "push", "view": {**FORM, "title": plain("x" * 25)}},
        {"response_action": "dance"},
        [],
        "ok",
    ],
)
def test_invalid_acknowledgement_shows_trouble(slack: Workspace, client: WebClient, bot: Bot, reply: object) -> None:
    opened(slack, client)
    bot.reply = reply
    done = slack.submit(ALICE, GOOD)
    assert done.trouble == "We had some trouble connecting. Try again?"
    assert slack.modal(ALICE).title == "A form"
    assert done.exchange in slack.exchanges
    assert mistakes((), (), slack.exchanges)[-1].startswith("submission: ")


def test_acknowledgement_cannot_push_a_fourth_modal(slack: Workspace, client: WebClient, bot: Bot) -> None:
    opened(slack, client)
    bot.reply = {"response_action": "push", "view": FORM}
    results = [slack.submit(ALICE, GOOD) for _ in range(3)]
    assert [bool(result.trouble) for result in results] == [False, False, True]


def test_unacknowledged_submission_shows_trouble(slack: Workspace, client: WebClient, bot: Bot) -> None:
    opened(slack, client)
    bot.status = "500 X"
    assert slack.submit(ALICE, GOOD).trouble
    assert slack.modal(ALICE).title == "A form"


def test_closed_modal_notifies_the_app_on_request_only(slack: Workspace, client: WebClient) -> None:
    opened(slack, client)
    (told,) = slack.close(ALICE)
    assert (told.fields["type"], told.fields["is_cleared"]) == ("view_closed", False)
    assert "trigger_id" not in told.fields
    opened(slack, client, modal())
    assert slack.close(ALICE) == ()


def test_close_everything_or_clear_on_close_clears_the_stack(slack: Workspace, client: WebClient) -> None:
    for view, everything in ((FORM, True), ({**FORM, "clear_on_close": True}, False)):
        opened(slack, client)
        client.views_push(trigger_id=slack.shortcut(ALICE, "open").id, view=view)
        told = slack.close(ALICE, everything=everything)
        assert [each.fields["is_cleared"] for each in told] == [True, True]
        assert slack.views.stack(ALICE) == ()


# App Home


def home(text: str = "Welcome", **more: Any) -> Json:
    button = {"type": "button", "text": plain("Open"), "action_id": "open", "value": text}
    return {
        "type": "home",
        "blocks": [section(text), {"type": "actions", "block_id": "a", "elements": [button]}],
        **more,
    }


def test_opened_home_sends_a_signed_event(slack: Workspace, client: WebClient, bot: Bot) -> None:
    first = slack.open_home(ALICE)
    client.views_publish(user_id=ALICE, view=home())
    again = slack.open_home(ALICE)
    slack.open_home(ALICE, "messages")

    assert bot.kinds == ["application/json"] * 3
    event = sent(first)
    assert (event["type"], event["team_id"], event["api_app_id"]) == ("event_callback", "T0STUDIO01", "A0STUDIO01")
    assert event["event"] == {
        "type": "app_home_opened",
        "user": ALICE,
        "channel": slack.direct_message(ALICE),
        "tab": "home",
        "event_ts": event["event"]["event_ts"],
    }
    assert sent(again)["event"]["view"]["type"] == "home"
    assert json.loads(bot.bodies[-1])["event"]["tab"] == "messages"
    assert again is not None
    assert again.headers["X-Slack-Signature"] == slack.sign(again.body)["X-Slack-Signature"]


def test_message_to_the_app_alone_is_sent_as_an_event(slack: Workspace, bot: Bot) -> None:
    said = slack.say(ALICE, "Hello @bob", channel=slack.direct_message(ALICE))
    slack.say(ALICE, "Not for the app", channel=slack.direct_message(ALICE, BOB))
    slack.say(ALICE, "Hello all")

    [body] = bot.bodies
    event = json.loads(body)["event"]
    assert event == {
        "type": "message",
        "channel_type": "im",
        "channel": slack.direct_message(ALICE),
        "user": ALICE,
        "text": "Hello <@U0BOB|bob>",
        "ts": said.ts,
        "event_ts": event["event_ts"],
    }


def test_app_without_subscription_gets_no_event(bot: Bot) -> None:
    with Workspace() as plain_workspace:
        plain_workspace.add_member(ALICE, "alice")
        assert plain_workspace.open_home(ALICE) is None
        bare = WebClient(plain_workspace.bot_token, base_url=plain_workspace.api_url)
        assert refused(bare.views_publish, user_id=ALICE, view=home())["error"] == "not_enabled"
    assert bot.bodies == []


def test_home_belongs_to_one_member_and_keeps_its_id(slack: Workspace, client: WebClient) -> None:
    first = client.views_publish(user_id=ALICE, view=home())["view"]
    second = client.views_publish(user_id=ALICE, view=home("Again"), hash=first["hash"])["view"]
    assert first["id"] == second["id"]
    assert refused(client.views_publish, user_id=ALICE, view=home(), hash=first["hash"])["error"] == "hash_conflict"
    assert slack.home(BOB) is None
    assert refused(client.views_publish, user_id="U0NOBODY", view=home())["error"] == "invalid_arguments"
    assert refused(client.views_publish, user_id=ALICE, view=modal())["error"] == "invalid_arguments"
    client.views_update(view_id=first["id"], view=home("Updated"))
    shown = slack.home(ALICE)
    assert shown is not None
    assert shown.blocks[0]["text"]["text"] == "Updated"


def test_press_in_home_sends_the_view_without_channel(slack: Workspace, client: WebClient) -> None:
    client.views_publish(user_id=ALICE, view=home())
    shown = slack.home(ALICE)
    assert shown is not None
    fields = slack.press(ALICE, shown, "open").fields
    assert fields["container"] == {"type": "view", "view_id": shown.id}
    assert fields["view"]["id"] == shown.id
    assert fields["actions"][0]["value"] == "Welcome"
    assert not {"channel", "message", "response_url"} & fields.keys()
    with pytest.raises(LookupError, match="not on the screen of U0BOB"):
        slack.press(BOB, shown, "open")


# Shortcuts and choices


def test_shortcut_has_no_channel_and_no_message(slack: Workspace) -> None:
    fields = slack.shortcut(ALICE, "open").fields
    assert (fields["type"], fields["callback_id"], fields["user"]["id"]) == ("shortcut", "open", ALICE)
    assert {"trigger_id", "action_ts", "team"} <= fields.keys()
    assert not {"channel", "response_url"} & fields.keys()


CHOICES: list[tuple[Json, object, Json]] = [
    (
        {"type": "static_select", "options": options("prod", "sandbox")},
        "sandbox",
        {"selected_option": options("sandbox")[0]},
    ),
    (
        {"type": "static_select", "option_groups": [{"label": plain("Mine"), "options": options("prod")}]},
        "prod",
        {"selected_option": options("prod")[0]},
    ),
    ({"type": "users_select"}, BOB, {"selected_user": BOB}),
    ({"type": "datepicker"}, "2026-02-28", {"selected_date": "2026-02-28"}),
    (
        {"type": "checkboxes", "options": options("lab", "code")},
        ["lab", "code"],
        {"selected_options": options("lab", "code")},
    ),
    ({"type": "radio_buttons", "options": options("lab", "code")}, "code", {"selected_option": options("code")[0]}),
]


@pytest.mark.parametrize(("element", "value", "told"), CHOICES, ids=lambda each: str(each)[:30])
def test_choice_is_sent_with_the_state(
    slack: Workspace, client: WebClient, element: Json, value: object, told: Json
) -> None:
    other = {"type": "datepicker", "action_id": "other", "initial_date": "2026-01-01"}
    blocks = [{"type": "actions", "block_id": "b", "elements": [{"action_id": "it", **element}, other]}]
    client.chat_postMessage(channel=GENERAL, text="x", blocks=blocks)
    (message,) = slack.view(ALICE)

    fields = slack.press(ALICE, message, "it", values={"b": {"it": value}}).fields

    action = fields["actions"][0]
    assert {name: action[name] for name in told} == told
    assert (action["type"], action["block_id"]) == (element["type"], "b")
    assert fields["state"]["values"]["b"] == {
        "it": {"type": element["type"], **told},
        "other": {"type": "datepicker", "selected_date": "2026-01-01"},
    }
    assert slack.exchanges[-1].kind == "choice"


def test_initial_values_are_in_the_state(slack: Workspace, client: WebClient) -> None:
    view = modal(
        field("who", {"type": "users_select", "initial_user": BOB}),
        field("which", {"type": "static_select", "options": options("a"), "initial_option": options("a")[0]}),
        field("apps", {"type": "checkboxes", "options": options("a", "b"), "initial_options": options("b")}),
        field("words", {"type": "plain_text_input", "initial_value": "x"}),
        submit=plain("Send"),
    )
    opened(slack, client, view)
    values = sent(slack.submit(ALICE).exchange)["view"]["state"]["values"]
    assert values["who"]["it"]["selected_user"] == BOB
    assert values["which"]["it"]["selected_option"]["value"] == "a"
    assert values["apps"]["it"]["selected_options"] == options("b")
    assert values["words"]["it"]["value"] == "x"


def test_block_id_distinguishes_buttons_with_one_action(slack: Workspace, client: WebClient) -> None:
    button = {"type": "button", "text": plain("Open"), "action_id": "open"}
    blocks = [
        {"type": "actions", "block_id": alias, "elements": [{**button, "value": alias}]}
        for alias in ("prod", "sandbox")
    ]
    client.chat_postMessage(channel=GENERAL, text="x", blocks=blocks)
    (message,) = slack.view(ALICE)
    pressed = slack.press(ALICE, message, "open", block_id="sandbox").fields["actions"][0]
    assert (pressed["block_id"], pressed["value"]) == ("sandbox", "sandbox")


# Messages


def test_message_to_a_member_goes_to_their_direct_message(slack: Workspace, client: WebClient) -> None:
    answer = client.chat_postMessage(channel=ALICE, text="You may now")
    assert answer["channel"] == slack.direct_message(ALICE)
    assert [message.text for message in slack.view(ALICE)] == ["You may now"]
    assert slack.view(BOB) == []


def test_update_needs_a_visible_message_of_the_app(slack: Workspace, client: WebClient) -> None:
    posted = client.chat_postMessage(channel=GENERAL, text="Open")
    ephemeral = client.chat_postEphemeral(channel=GENERAL, user=ALICE, text="Secret")
    typed = slack.say(BOB, "Mine")

    assert client.chat_update(channel=GENERAL, ts=posted["ts"], text="Closed")["text"] == "Closed"
    assert [message.text for message in slack.view(BOB)] == ["Closed", "Mine"]
    assert refused(client.chat_update, channel=GENERAL, ts=ephemeral["message_ts"], text="x")["error"] == (
        "message_not_found"
    )
    assert refused(client.chat_update, channel=GENERAL, ts=typed.ts, text="x")["error"] == "cant_update_message"
    assert refused(client.chat_update, channel=GENERAL, ts=posted["ts"], blocks=[{"type": "x"}], text="x")[
        "error"
    ] == ("invalid_blocks")
    slack.add_channel(Channel("C0OTHER", "other"))
    assert refused(client.chat_update, channel="C0OTHER", ts=posted["ts"], text="x")["error"] == "not_in_channel"


def test_unknown_command_is_answered_by_slack(slack: Workspace, bot: Bot) -> None:
    slack.say(ALICE, "Hello @bob & all")
    slack.not_a_command(ALICE, "/dance", GENERAL)
    assert [message.text for message in slack.view(BOB)] == ["Hello <@U0BOB|bob> &amp; all"]
    assert "not a valid command" in slack.view(ALICE)[-1].text
    assert bot.bodies == []


def test_users_info_has_locale_on_request(slack: Workspace, client: WebClient) -> None:
    slack.add_member("U0KARL", "karl", locale="de-DE", title="Data scientist")
    user = client.users_info(user="U0KARL", include_locale=True)["user"]
    assert (user["locale"], user["profile"]["title"]) == ("de-DE", "Data scientist")
    assert "locale" not in client.users_info(user="U0KARL")["user"]


# The manifest, and waiting


def test_features_match_the_manifest() -> None:
    features = from_manifest()
    assert features.commands[0].name == "/studio"
    assert features.commands[0].description
    full = read(
        {
            "features": {
                "app_home": {"home_tab_enabled": True, "messages_tab_read_only_enabled": True},
                "slash_commands": [{"command": "/studio", "usage_hint": "[alias]"}],
                "shortcuts": [
                    {"name": "Open", "callback_id": "open", "type": "global"},
                    {"name": "Message", "callback_id": "message", "type": "message"},
                ],
            },
            "settings": {"event_subscriptions": {"bot_events": ["app_home_opened"]}},
        }
    )
    assert full == Features(
        commands=(Command("/studio", "", "[alias]"),),
        shortcuts=(Shortcut("Open", "open"),),
        home_tab=True,
        read_only=True,
        events=frozenset({"app_home_opened"}),
        suggestions=False,
    )
    assert features.suggestions
    addressed = read({"settings": {"interactivity": {"message_menu_options_url": "https://studio.example.com"}}})
    assert addressed.suggestions


def test_wait_until_returns_after_any_change(slack: Workspace, client: WebClient) -> None:
    later = threading.Timer(0.05, lambda: client.views_publish(user_id=ALICE, view=home()))
    later.start()
    slack.wait_until(lambda: slack.home(ALICE))
    later.join()
    with pytest.raises(TimeoutError, match="not happened within"):
        slack.wait_until(lambda: False, timeout=0.05)


def test_no_link_is_in_the_repr_of_a_view(slack: Workspace, client: WebClient) -> None:
    url = "https://studio.example.com/auth?token=secret"
    button = {"type": "button", "text": plain("Open"), "action_id": "open", "url": url}
    shown = opened(slack, client, modal({"type": "actions", "elements": [button]}))
    assert "token" not in repr(shown)
    assert "token" not in repr(Message("1", GENERAL, "x", shown.blocks))
