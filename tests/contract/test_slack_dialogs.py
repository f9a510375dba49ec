"""The bot's use of dialogs, channel messages and home tabs in Slack."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from structlog.testing import capture_logs

from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.local.faults import Fault
from bot.local.loopback import LoopbackServer
from bot.local.slack.features import Features, Shortcut
from bot.local.slack.people import Channel
from bot.local.slack.workspace import GENERAL, SCOPES, Workspace
from bot.slack.blocks import PRODUCT, Message, RenderContext, actions, button, option, section, text_message
from bot.slack.client import SlackApi
from bot.slack.members import views
from bot.slack.payloads import Origin, suggestion_origin
from bot.slack.requests import views as asking_views
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, BEN, TEAM
from tests.fakes_access_requests import an_access_request

RENDER = RenderContext(CATALOGUES["en"], may_ask=True, picks=True)
MESSAGE, OTHER = views.help_text(RENDER), text_message(RENDER.words.waiting)
FORM = asking_views.form(RENDER)
BROKEN = Message("text", [section("x" * 3001)])
ELSEWHERE, PRIVATE, ARCHIVED = "C0ELSEWHERE", "G0PRIVATE01", "C0ARCHIVED1"
BOT = "U0STUDIOBOT"
FEATURES = Features(shortcuts=(Shortcut("Open Studio", "open"),), home_tab=True)


class Hand:
    """A clock that moves only when advanced."""

    def __init__(self) -> None:
        self.now = 1_893_499_200.0

    def __call__(self) -> float:
        return self.now


def silent(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Run a bot that acknowledges and does nothing."""
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [])
    return [b""]


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def workspace(clock: Hand) -> Iterator[Workspace]:
    with LoopbackServer(silent, 0) as hosted, Workspace(team_id=TEAM, clock=clock, features=FEATURES) as running:
        running.request_url = f"{hosted.url}/slack/events"
        for member, name in ((ANA, "ana"), (BEN, "ben")):
            running.add_member(member.user_id, name)
        people = frozenset({ANA.user_id, BEN.user_id})
        running.add_channel(Channel(ELSEWHERE, "elsewhere", people))
        running.add_channel(Channel(PRIVATE, "private", people, "private"))
        running.add_channel(Channel(ARCHIVED, "archived", people | {BOT}, archived=True))
        yield running


@pytest.fixture
def slack(workspace: Workspace) -> SlackApi:
    return SlackApi(token=workspace.bot_token, api_url=workspace.api_url)


def origin(workspace: Workspace) -> Origin:
    """Return the origin of a shortcut, which can only be answered in a dialog."""
    return Origin(
        request_id="request-1",
        app_id=workspace.installation.app_id,
        team_id=TEAM,
        enterprise_id=None,
        user_id=ANA.user_id,
        user_team_id=TEAM,
        channel_id=None,
        response_url=None,
        trigger_id=workspace.shortcut(ANA.user_id, "open").id,
    )


def failure(job: Callable[[], object]) -> SlackError:
    with pytest.raises(SlackError) as failed:
        job()
    return failed.value


# Dialogs


def test_dialog_is_visible_to_the_member_only(workspace: Workspace, slack: SlackApi) -> None:
    slack.open_view(origin(workspace), MESSAGE)
    shown = workspace.modal(ANA.user_id)
    assert (shown.title, shown.blocks[0]["text"]) == (PRODUCT, MESSAGE.blocks[0]["text"])
    with pytest.raises(LookupError):
        workspace.modal(BEN.user_id)
    assert [call.method for call in workspace.api_calls] == ["views.open"]
    assert workspace.api_calls[0].ignored == ()


def test_replies_go_into_the_open_dialog(workspace: Workspace, slack: SlackApi) -> None:
    asked = origin(workspace)
    opened = slack.open_view(asked, OTHER)
    shown = workspace.modal(ANA.user_id)
    assert replace(opened, view_mark="") == replace(asked, view_id=shown.id)
    assert slack.reply(opened, MESSAGE, replace=False)
    again = workspace.modal(ANA.user_id)
    assert (again.id, again.blocks[0]["text"]) == (shown.id, MESSAGE.blocks[0]["text"])
    assert (workspace.view(ANA.user_id), workspace.deliveries) == ([], ())


def test_forged_reply_goes_into_no_dialog_of_another(workspace: Workspace, slack: SlackApi) -> None:
    """A holder of the signing secret sends a request in Ana's name, which names a dialog and mark of their own."""
    bens = slack.open_view(replace(origin(workspace), user_id=BEN.user_id), OTHER)
    for mark in ("", "é", bens.view_mark):
        assert not slack.reply(replace(bens, user_id=ANA.user_id, view_mark=mark), MESSAGE, replace=True)
    assert slack.reply(bens, MESSAGE, replace=True)


def test_reply_to_a_closed_dialog_returns_false(workspace: Workspace, slack: SlackApi) -> None:
    opened = slack.open_view(origin(workspace), OTHER)
    workspace.close(ANA.user_id)
    with capture_logs() as logs:
        assert not slack.reply(opened, MESSAGE, replace=True)
    assert [(line["event"], line["code"]) for line in logs] == [("dialog_not_updated", "not_found")]


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=429, retry_after=1)], ids=["500", "429"])
def test_reply_refused_by_the_dialog_returns_false(workspace: Workspace, slack: SlackApi, fault: Fault) -> None:
    opened = slack.open_view(origin(workspace), OTHER)
    workspace.inject("views.update", fault)
    assert not slack.reply(opened, MESSAGE, replace=True)
    assert workspace.modal(ANA.user_id).blocks[0]["text"] == OTHER.blocks[0]["text"]


def test_link_in_a_dialog_is_not_logged(workspace: Workspace, slack: SlackApi) -> None:
    link = Message("text", [actions(button("Open", "open", "1", url="https://x.example/s3cr3t"))])
    with capture_logs() as logs:
        opened = slack.open_view(origin(workspace), link)
        workspace.inject("views.update", Fault(status=500))
        slack.reply(opened, link, replace=True)
        broken = replace(opened, view_id="V0UNKNOWN")
        slack.reply(broken, Message("text", [*link.blocks, *BROKEN.blocks]), replace=True)
    assert "s3cr3t" not in str(logs)


OPENERS: dict[str, Callable[[SlackApi, Origin], object]] = {
    "a message": lambda slack, origin: slack.open_view(origin, MESSAGE),
    "a form": lambda slack, origin: slack.open_form(origin, FORM),
}
for_both = pytest.mark.parametrize("open_one", OPENERS.values(), ids=OPENERS)
Opener = Callable[[SlackApi, Origin], object]


@for_both
def test_trigger_is_valid_for_three_seconds(
    workspace: Workspace, slack: SlackApi, clock: Hand, open_one: Opener
) -> None:
    asked = origin(workspace)
    clock.now += 3.1
    failed = failure(lambda: open_one(slack, asked))
    assert (failed.code, failed.reason) == ("expired_trigger_id", Reason.TRIGGER_EXPIRED)
    with pytest.raises(LookupError):
        workspace.modal(ANA.user_id)


@for_both
def test_trigger_is_valid_once(workspace: Workspace, slack: SlackApi, open_one: Opener) -> None:
    asked = origin(workspace)
    open_one(slack, asked)
    assert failure(lambda: open_one(slack, asked)).code == "exchanged_trigger_id"


@for_both
@pytest.mark.parametrize("trigger", [None, "", "1.2.made-up"])
def test_dialog_needs_a_trigger(workspace: Workspace, slack: SlackApi, open_one: Opener, trigger: str | None) -> None:
    made_up = replace(origin(workspace), trigger_id=trigger)
    assert failure(lambda: open_one(slack, made_up)).code == "invalid_trigger_id"


FAULTS = {
    "failed": (Fault(status=500), Reason.SLACK_UNREACHABLE),
    "rate limited": (Fault(status=429, retry_after=1), Reason.SLACK_UNREACHABLE),
    "cut": (Fault(drop=True, served=True), Reason.SLACK_UNREACHABLE),
}
every_fault = pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)


@for_both
@every_fault
def test_refused_dialog_is_an_error(
    workspace: Workspace, slack: SlackApi, open_one: Opener, fault: Fault, reason: Reason
) -> None:
    asked = origin(workspace)
    workspace.inject("views.open", fault)
    failed = failure(lambda: open_one(slack, asked))
    assert failed.reason is reason
    assert str(asked.trigger_id) not in str(failed)


@for_both
def test_revoked_token_opens_no_dialog(workspace: Workspace, open_one: Opener) -> None:
    revoked = SlackApi(token="xoxb-revoked", api_url=workspace.api_url)
    asked = origin(workspace)
    assert failure(lambda: open_one(revoked, asked)).code == "invalid_auth"


def test_invalid_view_is_an_error(workspace: Workspace, slack: SlackApi) -> None:
    asked = origin(workspace)
    failed = failure(lambda: slack.open_view(asked, BROKEN))
    assert (failed.code, failed.reason) == ("invalid_arguments", Reason.SLACK_REFUSED)


PICKED = {name: {name: option(value, value)} for name, value in {"domain": "d-1", "profile": "ana"}.items()}


def test_submitted_form_returns_its_values(workspace: Workspace, slack: SlackApi) -> None:
    request = an_access_request(reason="&" * 500, wish="\u202e\u05d0" * 100)
    form = asking_views.mapping_form(request, RENDER)
    slack.open_form(origin(workspace), form)
    shown = workspace.modal(ANA.user_id)
    kept, mark = shown.content["private_metadata"].split("\n")
    assert (kept, len(mark)) == (form["private_metadata"], 64)
    done = workspace.submit(ANA.user_id, PICKED)
    assert done.errors == {}
    assert workspace.views.stack(ANA.user_id) == ()


@pytest.mark.parametrize(
    "values",
    [{}, {**PICKED, "alias": {"alias": "prod"}}],
    ids=["empty", "all"],
)
def test_profile_form_may_be_submitted_empty(
    workspace: Workspace, slack: SlackApi, values: dict[str, dict[str, Any]]
) -> None:
    slack.open_form(origin(workspace), asking_views.mapping_form(an_access_request(), RENDER))
    assert workspace.submit(ANA.user_id, values).errors == {}
    assert workspace.views.stack(ANA.user_id) == ()


def test_form_says_for_whom_it_was_opened(workspace: Workspace, slack: SlackApi) -> None:
    slack.open_form(origin(workspace), asking_views.mapping_form(an_access_request(), RENDER))
    shown = workspace.modal(ANA.user_id).content
    asked = suggestion_origin(a_suggestion(private_metadata=shown["private_metadata"]))
    assert slack.opened_for(asked)
    assert not slack.opened_for(replace(asked, user_id="U0EVE00001"))
    assert not slack.opened_for(suggestion_origin(a_suggestion(private_metadata="map en")))
    assert not SlackApi(token="xoxb-other", api_url=workspace.api_url).opened_for(asked)


def a_suggestion(**view: str) -> dict[str, Any]:
    return {
        "api_app_id": "A0STUDIO01",
        "team": {"id": "T0STUDIO01"},
        "user": {"id": ANA.user_id},
        "action_id": "domain",
        "view": {"id": "V1", "type": "modal", **view},
    }


def test_form_is_not_put_into_a_dialog_of_another_member(workspace: Workspace, slack: SlackApi) -> None:
    opened = slack.open_view(origin(workspace), OTHER)
    for forged in (replace(opened, user_id="U0EVE00001"), replace(opened, view_mark="")):
        with pytest.raises(SlackError):
            slack.open_form(forged, asking_views.form(RENDER))
    assert [call.method for call in workspace.api_calls] == ["views.open"]


def test_form_replaces_the_open_dialog(workspace: Workspace, slack: SlackApi) -> None:
    opened = slack.open_view(origin(workspace), OTHER)
    slack.open_form(opened, asking_views.form(RenderContext(CATALOGUES["de"], may_ask=True)))
    shown = workspace.modal(ANA.user_id)
    assert (shown.id, shown.title) == (opened.view_id, CATALOGUES["de"].ask)
    assert [call.method for call in workspace.api_calls] == ["views.open", "views.update"]
    assert len(workspace.views.stack(ANA.user_id)) == 1


@every_fault
def test_refused_form_is_an_error(workspace: Workspace, slack: SlackApi, fault: Fault, reason: Reason) -> None:
    opened = slack.open_view(origin(workspace), OTHER)
    workspace.inject("views.update", fault)
    assert failure(lambda: slack.open_form(opened, FORM)).reason is reason


@contextmanager
def answering(body: bytes) -> Iterator[SlackApi]:
    """Run a Slack that answers every request with these bytes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield SlackApi(token="xoxb-0", api_url=f"http://127.0.0.1:{server.server_port}/api/")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("body", [b'{"ok": true, "view": {}}', b'{"ok": true, "view": {"id": null}}'])
def test_answer_without_a_dialog_id_is_an_error(workspace: Workspace, body: bytes) -> None:
    asked = origin(workspace)
    with answering(body) as slack:
        try:
            opened = slack.open_view(asked, MESSAGE)
        except SlackError:
            return
    assert opened.view_id is None


# Posts


def test_post_to_a_channel_is_public(workspace: Workspace, slack: SlackApi) -> None:
    slack.post(GENERAL, MESSAGE)
    for member in (ANA, BEN):
        [shown] = workspace.view(member.user_id)
        assert (shown.text, shown.only_for, shown.channel) == (MESSAGE.text, None, GENERAL)
    assert workspace.api_calls[0].ignored == ()


def test_post_to_a_member_is_private(workspace: Workspace, slack: SlackApi) -> None:
    where = slack.post(ANA.user_id, MESSAGE)
    [shown] = workspace.view(ANA.user_id)
    assert (shown.text, shown.channel) == (MESSAGE.text, workspace.direct_message(ANA.user_id))
    assert where == f"{shown.channel}/{shown.ts}"
    assert workspace.view(BEN.user_id) == []


def test_post_forbids_unfurling(workspace: Workspace, slack: SlackApi) -> None:
    slack.post(GENERAL, MESSAGE)
    sent = workspace.api_calls[0].arguments
    assert {sent[name] in (False, "0", "false") for name in ("unfurl_links", "unfurl_media")} == {True}


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (ELSEWHERE, "not_in_channel"),
        (PRIVATE, "channel_not_found"),
        (ARCHIVED, "is_archived"),
        ("C0UNKNOWN01", "channel_not_found"),
        ("U0UNKNOWN01", "channel_not_found"),
    ],
)
def test_refused_post_is_an_error(workspace: Workspace, slack: SlackApi, place: str, code: str) -> None:
    assert failure(lambda: slack.post(place, MESSAGE)).code == code
    assert workspace.view(ANA.user_id) == []


def test_post_to_a_deactivated_member_is_an_error(workspace: Workspace, slack: SlackApi) -> None:
    workspace.add_member("U0CAROL0001", "carol", deleted=True)
    assert failure(lambda: slack.post("U0CAROL0001", MESSAGE)).code == "channel_not_found"


def test_post_without_its_scope_is_an_error() -> None:
    scopes = tuple(scope for scope in SCOPES if scope != "chat:write")
    with Workspace(team_id=TEAM, scopes=scopes) as limited:
        slack = SlackApi(token=limited.bot_token, api_url=limited.api_url)
        assert failure(lambda: slack.post(GENERAL, MESSAGE)).code == "missing_scope"


@every_fault
def test_failed_post_is_an_error(workspace: Workspace, slack: SlackApi, fault: Fault, reason: Reason) -> None:
    workspace.inject("chat.postMessage", fault)
    assert failure(lambda: slack.post(GENERAL, MESSAGE)).reason is reason


# Replacing posts


def test_update_replaces_the_post(workspace: Workspace, slack: SlackApi) -> None:
    slack.post(GENERAL, MESSAGE)
    [first] = workspace.view(BEN.user_id)
    assert slack.update(f"{GENERAL}/{first.ts}", OTHER)
    [shown] = workspace.view(BEN.user_id)
    assert (shown.ts, shown.text) == (first.ts, OTHER.text)
    assert shown.blocks[0]["text"] == OTHER.blocks[0]["text"]
    assert workspace.api_calls[-1].ignored == ()


def test_update_of_a_private_post_uses_its_conversation(workspace: Workspace, slack: SlackApi) -> None:
    slack.post(ANA.user_id, MESSAGE)
    [first] = workspace.view(ANA.user_id)
    assert slack.update(f"{first.channel}/{first.ts}", OTHER)
    assert [shown.text for shown in workspace.view(ANA.user_id)] == [OTHER.text]


def not_updated(slack: SlackApi, channel: str, ts: str, message: Message = OTHER) -> str:
    with capture_logs() as logs:
        assert not slack.update(f"{channel}/{ts}", message)
    [line] = logs
    assert line["event"] == "message_not_updated"
    return str(line["code"])


def test_update_of_a_missing_post_returns_false(workspace: Workspace, slack: SlackApi) -> None:
    slack.post(GENERAL, MESSAGE)
    [shown] = workspace.view(ANA.user_id)
    assert not_updated(slack, GENERAL, "1.000001") == "message_not_found"
    assert not_updated(slack, workspace.direct_message(ANA.user_id), shown.ts) == "message_not_found"
    assert not_updated(slack, "C0UNKNOWN01", shown.ts) == "channel_not_found"
    assert workspace.view(ANA.user_id) == [shown]


def test_update_of_a_foreign_post_returns_false(workspace: Workspace, slack: SlackApi) -> None:
    said = workspace.say(BEN.user_id, "hello")
    assert not_updated(slack, GENERAL, said.ts) == "cant_update_message"
    assert workspace.view(ANA.user_id)[0].text == "hello"


def test_update_of_an_ephemeral_message_returns_false(workspace: Workspace, slack: SlackApi) -> None:
    slack.reply(replace(origin(workspace), channel_id=GENERAL), MESSAGE, replace=False)
    [shown] = workspace.view(ANA.user_id)
    assert not_updated(slack, GENERAL, shown.ts) == "message_not_found"


def test_update_with_an_invalid_message_returns_false(workspace: Workspace, slack: SlackApi) -> None:
    slack.post(GENERAL, MESSAGE)
    [shown] = workspace.view(ANA.user_id)
    assert not_updated(slack, GENERAL, shown.ts, BROKEN) == "invalid_blocks"
    workspace.inject("chat.update", Fault(status=500))
    assert not_updated(slack, GENERAL, shown.ts) == "internal_error"
    assert workspace.view(ANA.user_id) == [shown]


# Home tabs


def test_home_tab_is_published_to_the_member(workspace: Workspace, slack: SlackApi) -> None:
    slack.publish_home(ANA.user_id, MESSAGE)
    home = workspace.home(ANA.user_id)
    assert home is not None
    assert home.blocks[0]["text"] == MESSAGE.blocks[0]["text"]
    assert workspace.home(BEN.user_id) is None
    assert workspace.api_calls[0].ignored == ()


def test_home_tab_replaces_the_previous_one(workspace: Workspace, slack: SlackApi) -> None:
    for message in (MESSAGE, OTHER):
        slack.publish_home(ANA.user_id, message)
    home = workspace.home(ANA.user_id)
    assert home is not None
    assert home.blocks[0]["text"] == OTHER.blocks[0]["text"]


def test_home_tab_of_an_unknown_member_is_an_error(slack: SlackApi) -> None:
    assert failure(lambda: slack.publish_home("U0UNKNOWN01", MESSAGE)).code == "invalid_arguments"


def test_invalid_home_tab_is_an_error(workspace: Workspace, slack: SlackApi) -> None:
    assert failure(lambda: slack.publish_home(ANA.user_id, BROKEN)).reason is Reason.SLACK_REFUSED
    assert workspace.home(ANA.user_id) is None


@every_fault
def test_failed_home_tab_is_an_error(workspace: Workspace, slack: SlackApi, fault: Fault, reason: Reason) -> None:
    workspace.inject("views.publish", fault)
    assert failure(lambda: slack.publish_home(ANA.user_id, MESSAGE)).reason is reason


def test_app_without_home_tab_is_refused() -> None:
    with Workspace(team_id=TEAM, features=Features(home_tab=False)) as without:
        without.add_member(ANA.user_id, "ana")
        slack = SlackApi(token=without.bot_token, api_url=without.api_url)
        failed = failure(lambda: slack.publish_home(ANA.user_id, MESSAGE))
        assert (failed.code, failed.reason) == ("not_enabled", Reason.SLACK_REFUSED)
