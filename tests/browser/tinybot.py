"""A bot that does one of everything: answers with any message, opens and changes modals, publishes a home."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from slack_bolt import Ack, App, BoltRequest, Respond
from slack_sdk import WebClient

from bot.local.loopback import LoopbackServer
from bot.local.page.routes import page
from bot.local.slack.features import Command, Features, Shortcut
from bot.local.slack.workspace import Workspace
from tests.waiting import wait_until

Json = dict[str, Any]
TIMEOUT = 15.0  # seconds: the machine that tests is busy with other tests
FEATURES = Features(
    commands=(Command("/studio", "Get a link", "[alias]"), Command("/status", "How things are")),
    shortcuts=(Shortcut("Open Studio", "open_studio", "From anywhere"),),
    home_tab=True,
    events=frozenset({"app_home_opened"}),
)


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def markdown(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": markdown(text), **more}


def button(text: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(text), **more}


def options(*names: str) -> list[Json]:
    return [{"text": plain(name.title()), "value": name} for name in names]


def asked(label: str, block_id: str, element: Json, **more: Any) -> Json:
    """An input block whose element is called "it"."""
    element = {"action_id": "it", **element}
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}


SURE = {"title": plain("Sure?"), "text": markdown("*No* way back"), "confirm": plain("Yes"), "deny": plain("No")}
HOME = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Your profiles")},
        section("*prod*\nOpens `d-research`", accessory=button("Request access", "request", style="primary")),
        {"type": "divider"},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "static_select",
                    "action_id": "default",
                    "placeholder": plain("Default profile"),
                    "options": options("prod", "sandbox"),
                    "confirm": SURE,
                },
                {"type": "users_select", "action_id": "who", "placeholder": plain("A colleague")},
                {"type": "datepicker", "action_id": "until", "initial_date": "2026-12-31"},
                button("Remove", "remove", style="danger", confirm=SURE),
            ],
        },
        {"type": "context", "elements": [markdown("Updated just now")]},
    ],
}
REQUEST = {
    "type": "modal",
    "callback_id": "request",
    "title": plain("Request access"),
    "submit": plain("Send"),
    "close": plain("Cancel"),
    "notify_on_close": True,
    "private_metadata": "kept",
    "blocks": [
        section("An administrator will decide."),
        asked("Profile", "profile", {"type": "static_select", "options": options("prod", "sandbox")}),
        asked(
            "Reason",
            "reason",
            {"type": "plain_text_input", "multiline": True, "min_length": 5},
            hint=plain("What do you need it for?"),
        ),
        asked("Until", "until", {"type": "datepicker"}, optional=True),
        asked("Who knows you", "who", {"type": "users_select"}, optional=True),
        asked("Domain", "domain", {"type": "external_select", "min_query_length": 0}, optional=True),
        asked("Apps", "apps", {"type": "checkboxes", "options": options("lab", "code")}, optional=True),
        asked("How long", "long", {"type": "radio_buttons", "options": options("week", "month")}, optional=True),
    ],
}
DOMAINS = options("research", "data-science", "sandbox")
MORE = {"type": "modal", "title": plain("One more thing"), "blocks": [section("Really.")]}
SENT = {"type": "modal", "title": plain("Sent"), "blocks": [section("Ada has been asked.")]}


def suggest(ack: Ack, body: Json) -> None:
    ack(options=[each for each in DOMAINS if body["value"].lower() in each["text"]["text"].lower()])


class TinyBot:
    """`message` is what it says to a command; `received` is all that Slack sent it."""

    def __init__(self) -> None:
        self.message: Json = {"text": "Hello"}
        self.received: list[Json] = []
        self.app = App(token_verification_enabled=False, signing_secret="unset", token="unset")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        answer = self.app.dispatch(BoltRequest(body=body, headers=dict(headers)))
        start_response(
            f"{answer.status} X", [("Content-Type", answer.first_headers().get("content-type", "text/plain"))]
        )
        return [answer.body.encode()]

    def last(self, kind: str) -> Json:
        """The latest interaction of this kind; waits for it, because the page may be drawn before the bot has it."""
        return self.hears(lambda: [body for body in self.received if body.get("type") == kind])[-1]

    def hears(self, what: Callable[[], list[Json]]) -> list[Json]:
        """The requests that the bot has received, once there are any."""
        return wait_until(what, timeout=TIMEOUT)

    def serve(self, slack: Workspace) -> None:
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        self.app = app = App(client=client, signing_secret=slack.signing_secret, process_before_response=True)

        @app.use
        def keep(body: Json, next_: Any) -> None:
            self.received.append(body)
            next_()

        @app.command("/studio")
        def studio(ack: Ack, respond: Respond) -> None:
            ack()
            respond(self.message)

        @app.event("app_home_opened")
        def home(event: Json) -> None:
            if event["tab"] == "home" and "view" not in event:
                client.views_publish(user_id=event["user"], view=HOME)

        @app.action("request")
        @app.shortcut("open_studio")
        def request(ack: Ack, body: Json) -> None:
            ack()
            client.views_open(trigger_id=body["trigger_id"], view=REQUEST)

        app.options("it")(suggest)

        @app.action(re.compile("^(apps|one)$"))
        @app.action({"action_id": "who"})
        @app.action({"action_id": "default"})
        @app.action({"action_id": "until"})
        @app.action({"action_id": "remove"})
        @app.view_closed("request")
        def nothing(ack: Ack) -> None:
            ack()

        @app.view("request")
        def submitted(ack: Ack, view: Json) -> None:
            reason = view["state"]["values"]["reason"]["it"]["value"]
            if "please" in reason:
                ack(response_action="errors", errors={"reason": "Say what it is for."})
            elif "more" in reason:
                ack(response_action="push", view=MORE)
            else:
                ack(response_action="update", view=SENT)


@contextmanager
def running() -> Iterator[tuple[Workspace, TinyBot]]:
    """The tiny bot, and a workspace with a page that it lives in."""
    bot = TinyBot()
    with workspace() as slack, LoopbackServer(bot, 0) as hosted:
        slack.request_url = f"{hosted.url}/slack/events"
        bot.serve(slack)
        yield slack, bot


@contextmanager
def workspace(**features: Any) -> Iterator[Workspace]:
    """A workspace with a page and two members, and no bot yet."""
    slack = Workspace(features=replace(FEATURES, **features))
    slack.app.register_blueprint(page(slack))
    with slack:
        slack.add_member("U0ALICE", "alice")
        slack.add_member("U0BOB", "bob")
        yield slack
