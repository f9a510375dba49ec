"""The gateway: admit or reject incoming requests, answer and record each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import Ack, App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from structlog.testing import capture_logs

from bot.core.access import Member, Person
from bot.core.errors import SlackError, StoreError
from bot.core.link import Reason, Source
from bot.core.records import Entry
from bot.observability.metrics import Metrics
from bot.slack.app_context import Admitted, AppContext, reply
from bot.slack.blocks import Message, RenderContext
from bot.slack.bolt import create, dispatch
from bot.slack.client import SlackApi
from bot.slack.gateway import MAX_FOREIGN_ID_LENGTH, MAX_WAIT, Body, Route, receive, register
from bot.slack.members import views
from bot.slack.payloads import Home, Origin, action_origin, command_origin, event_origin, request_id
from bot.slack.requests import handlers as request_handlers
from bot.slack.words import CATALOGUES
from tests.fakes import (
    ANA,
    NOON,
    TEAM,
    Clock,
    FakeAccess,
    FakeAudit,
    FakeDirectory,
    FakeStudio,
)
from tests.fakes_access_requests import FakeAccessRequests, FakeMessages
from tests.fakes_admin import FakePending
from tests.fakes_app import HeldJobs, app_context, counted

APP, ORG, CHANNEL = "A0STUDIO01", "E0ORG00001", "C0GENERAL01"
TRIGGER = "1.2.trigger"
URL = f"https://hooks.slack.com/commands/{TEAM}/1/x"
NO = SlackError("Slack refuses us: check the token", reason=Reason.SLACK_REFUSED, code="expired_trigger_id")

PERSON = {
    "user": {"id": ANA.user_id, "team_id": TEAM},
    "team": {"id": TEAM},
    "api_app_id": APP,
    "trigger_id": TRIGGER,
}
IN_A_MESSAGE = {"channel": {"id": CHANNEL}, "container": {"message_ts": "1.2"}, "response_url": URL}
IN_A_DIALOG = {"type": "view_submission", "view": {"id": "V1", "type": "modal", "callback_id": "ask_access"}}
COMMAND: Body = {
    "api_app_id": APP,
    "team_id": TEAM,
    "user_id": ANA.user_id,
    "channel_id": CHANNEL,
    "response_url": URL,
    "trigger_id": TRIGGER,
    "command": "/atelier",
}
EVENT: Body = {"api_app_id": APP, "team_id": TEAM, "event_id": TRIGGER, "event": {"user": ANA.user_id, "tab": "home"}}
BODIES: dict[Source, Body] = {
    Source.COMMAND: COMMAND,
    Source.BUTTON: {**PERSON, **IN_A_MESSAGE},
    Source.SHORTCUT: PERSON,
    Source.HOME: EVENT,
}
ORIGINS: dict[Source, Callable[[Body], Origin]] = {
    Source.COMMAND: command_origin,
    Source.BUTTON: action_origin,
    Source.SHORTCUT: action_origin,
    Source.HOME: event_origin,
}
for_each_source = pytest.mark.parametrize("source", BODIES)


class Slack(SlackApi):
    """Slack as the gateway uses it; records its calls in a shared list of events."""

    def __init__(self, happened: list[str]) -> None:
        self._happened = happened
        self.replies: list[tuple[Origin, Message, bool]] = []
        self.dialogs: list[tuple[Origin, Message]] = []
        self.posts: list[tuple[str, str]] = []
        self.takes = True
        self.closed_dialogs = False
        self.error: SlackError | None = None
        self.locale: str | None = None

    def person(self, member: Member) -> Person:
        if self.error is not None:
            raise self.error
        return Person(member.user_id, member.tenant, locale=self.locale)

    def reply(self, origin: Origin, message: Message, *, replace: bool) -> bool:
        self.replies.append((origin, message, replace))
        if not self.takes or (self.closed_dialogs and origin.view_id is not None):
            return False
        self._happened.append("replied")
        return True

    def open_view(self, origin: Origin, message: Message) -> Origin:
        if self.error is not None:
            raise self.error
        self.dialogs.append((origin, message))
        self._happened.append("replied")
        return origin

    def post(self, place: str, message: Message) -> str:
        self.posts.append((place, message.text))
        self._happened.append("replied")
        return f"{place}/{len(self.posts)}.0"

    def announce(self, channel: str, text: str) -> None:
        if self.error is not None:
            raise self.error
        self.posts.append((channel, text))
        self._happened.append("announced")


class Audit(FakeAudit):
    """Record its writes in the same list of events."""

    def __init__(self, happened: list[str]) -> None:
        super().__init__()
        self._happened = happened

    def open(self, entry: Entry) -> None:
        super().open(entry)
        self._happened.append("recorded")


@dataclass
class World:
    """The app context of Ana's workspace, and what it received."""

    clock: Clock = field(default_factory=Clock)
    workers: HeldJobs = field(default_factory=HeldJobs)
    overflow: HeldJobs = field(default_factory=HeldJobs)
    happened: list[str] = field(default_factory=list)
    admitted: list[tuple[Admitted, Body]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    defect: Exception | None = None

    def __post_init__(self) -> None:
        self.audit, self.slack, self.metrics = Audit(self.happened), Slack(self.happened), Metrics()
        self.directory = FakeDirectory(Person(ANA.user_id, TEAM))
        self.app = app_context(
            self.slack,
            access=FakeAccess(self.audit),
            audit=self.audit,
            directory=self.directory,
            studio=FakeStudio(),
            metrics=self.metrics,
            workers=self.workers,
            overflow=self.overflow,
            clock=self.clock,
            requests=FakeAccessRequests(),
            messages=FakeMessages(),
            pending=FakePending(),
        )

    def receive(self, source: Source = Source.COMMAND, body: Body | None = None) -> str:
        """Send a request to the gateway. Return the text of its acknowledgement."""
        ack = Ack()  # type: ignore[no-untyped-call] # Bolt's own gap
        given = BODIES[source] if body is None else body
        receive(self.app, Route(source, "", self.work, self.check), ack, dict(given))
        assert ack.response is not None
        self.acknowledgement = str(ack.response.body)
        return self.acknowledgement

    def check(self, _app: AppContext, _body: Body) -> Mapping[str, str]:
        return self.errors

    def work(self, app: AppContext, admitted: Admitted, body: Body) -> None:
        assert app is self.app
        self.admitted.append((admitted, body))
        self.happened.append("worked")
        if self.defect is not None:
            raise self.defect

    def run(self) -> None:
        """Run every waiting job."""
        self.workers.run()
        self.overflow.run()

    def counted(self) -> dict[str, float]:
        return counted(self.metrics)

    def recorded(self) -> list[tuple[str, str, str, Source]]:
        entries = self.audit.entries.values()
        return [(entry.tenant, entry.subject, entry.outcome, entry.source) for entry in entries]

    def replies(self) -> list[str]:
        return [message.text for _, message, _ in self.slack.replies] + [
            message.text for _, message in self.slack.dialogs
        ]


@pytest.fixture
def world() -> World:
    return World()


def words(reason: Reason, command: str = "/studio") -> str:
    return CATALOGUES["en"].refusals[reason].format(command=command)


# Admission


@for_each_source
def test_request_is_acknowledged_and_queued(world: World, source: Source) -> None:
    assert world.receive(source) == ""
    assert (world.happened, world.admitted) == ([], [])
    world.run()
    [(admitted, body)] = world.admitted
    assert body == BODIES[source]
    assert admitted.origin == ORIGINS[source](body)
    assert (admitted.member, admitted.source, admitted.at, admitted.started) == (
        ANA,
        source,
        NOON,
        world.clock.monotonic(),
    )
    assert world.happened == ["worked"]
    assert world.counted() == {}


def test_each_delivery_is_a_separate_attempt(world: World) -> None:
    world.receive()
    world.receive()
    world.run()
    (first, _), (second, _) = world.admitted
    assert first.origin.request_id == second.origin.request_id == request_id(TRIGGER)
    assert first.attempt != second.attempt


@pytest.mark.parametrize(
    ("teams", "body", "tenant"),
    [
        (frozenset({ORG}), {"enterprise_id": ORG}, ORG),
        (frozenset({ORG, TEAM}), {"enterprise_id": ORG}, ORG),
        (frozenset({"T0OTHER001"}), {"team_id": "T0OTHER001"}, "T0OTHER001"),
        (frozenset(), {}, TEAM),
    ],
    ids=["the organisation", "the organisation first", "another admitted workspace", "our own workspace"],
)
def test_admitted_teams_determine_the_tenant(world: World, teams: frozenset[str], body: Body, tenant: str) -> None:
    world.app.teams, world.app.home = teams, Home(APP, TEAM, ORG)
    world.receive(body={**COMMAND, **body})
    world.run()
    assert [admitted.member for admitted, _ in world.admitted] == [Member(tenant, ANA.user_id)]


# Installed in a whole organisation: Slack names the organisation, no team, and the member's own workspace.

ORG_WIDE: Body = json.loads((Path(__file__).parent.parent / "data/org-wide-block-actions.json").read_text())
CORP, HOME_TEAM, OTHER_TEAM = "E0CORP0001", "T0HOME0001", "T0OTHER001"
PRESSER = str(ORG_WIDE["user"]["id"])
ORG_WIDE_BODIES: dict[Source, Body] = {
    Source.BUTTON: ORG_WIDE,
    Source.SHORTCUT: {**ORG_WIDE, "type": "shortcut", "callback_id": "open", "channel": None, "container": None},
    Source.FORM: {**ORG_WIDE, **IN_A_DIALOG, "channel": None, "container": None},
}


def org_wide(world: World, teams: frozenset[str], person: Person) -> None:
    world.app.teams, world.app.home = teams, Home(str(ORG_WIDE["api_app_id"]), HOME_TEAM, CORP)
    world.directory.people[PRESSER] = person


@pytest.mark.public(2)
@pytest.mark.parametrize("source", ORG_WIDE_BODIES)
@pytest.mark.parametrize(
    ("teams", "tenant"),
    [(frozenset({CORP}), CORP), (frozenset({HOME_TEAM}), HOME_TEAM), (frozenset(), HOME_TEAM)],
    ids=["the organisation", "the workspace", "the token's own workspace"],
)
def test_org_wide_interaction_is_served(world: World, source: Source, teams: frozenset[str], tenant: str) -> None:
    org_wide(world, teams, Person(PRESSER, HOME_TEAM, enterprise_id=CORP))
    world.receive(source, ORG_WIDE_BODIES[source])
    world.run()
    assert [admitted.member for admitted, _ in world.admitted] == [Member(tenant, PRESSER)]


@pytest.mark.public(2)
def test_org_wide_interaction_passes_bolt(world: World) -> None:
    org_wide(world, frozenset({CORP}), Person(PRESSER, HOME_TEAM, enterprise_id=CORP))
    bolt = create("xoxb-0")
    register(bolt, world.app, [Route(Source.BUTTON, "choose_0", world.work)])
    answer = dispatch(bolt, {**ORG_WIDE})
    world.run()
    assert answer is not None
    assert (answer.status, answer.body) == (200, "")
    assert [admitted.origin.response_url for admitted, _ in world.admitted] == [ORG_WIDE["response_url"]]


@pytest.mark.public(2)
@pytest.mark.parametrize("source", ORG_WIDE_BODIES)
def test_member_of_another_workspace_of_ours_is_served(world: World, source: Source) -> None:
    org_wide(world, frozenset({CORP}), Person(PRESSER, OTHER_TEAM, enterprise_id=CORP))
    world.receive(source, {**ORG_WIDE_BODIES[source], "user": {"id": PRESSER, "team_id": OTHER_TEAM}})
    world.run()
    assert [admitted.member for admitted, _ in world.admitted] == [Member(CORP, PRESSER)]


@pytest.mark.public(2)
@pytest.mark.parametrize("source", ORG_WIDE_BODIES)
@pytest.mark.parametrize(
    "person",
    [Person(PRESSER, "T0PARTNER1", enterprise_id="E0PARTNER1"), Person(PRESSER, "T0PARTNER1"), Person(PRESSER, "")],
    ids=["of another organisation", "of no organisation", "unknown"],
)
def test_presser_whom_slack_places_elsewhere_is_foreign(world: World, source: Source, person: Person) -> None:
    org_wide(world, frozenset({CORP}), person)
    world.receive(source, {**ORG_WIDE_BODIES[source], "user": {"id": PRESSER, "team_id": "T0PARTNER1"}})
    world.run()
    assert world.admitted == []
    assert world.recorded() == [(HOME_TEAM, f"{CORP}/{PRESSER}", "foreign", source)]
    said = [*world.replies(), *(text for _, text in world.slack.posts)]
    assert said == [words(Reason.FOREIGN)]


def test_presser_whom_slack_cannot_place_is_refused(world: World) -> None:
    org_wide(world, frozenset({CORP}), Person(PRESSER, OTHER_TEAM, enterprise_id=CORP))
    world.directory.error = SlackError("silent", reason=Reason.SLACK_UNREACHABLE)
    world.receive(Source.BUTTON, {**ORG_WIDE, "user": {"id": PRESSER, "team_id": OTHER_TEAM}})
    world.run()
    assert world.admitted == []
    assert world.recorded() == [(CORP, PRESSER, "slack_unreachable", Source.BUTTON)]


# Rejection


@for_each_source
def test_nothing_is_admitted_before_the_app_is_identified(world: World, source: Source) -> None:
    world.app.home = None
    command = "/atelier" if source is Source.COMMAND else "/studio"
    assert world.receive(source) == words(Reason.NOT_READY, command)
    world.run()
    assert world.admitted == []
    assert world.recorded() == [(TEAM, ANA.user_id, "not_ready", source)]
    assert world.counted() == {"not_ready": 1}


FOREIGN: dict[str, tuple[Source, Body]] = {
    "another app": (Source.COMMAND, {**COMMAND, "api_app_id": "A0OTHER001"}),
    "another workspace": (Source.COMMAND, {**COMMAND, "team_id": "T0OTHER001"}),
    "another organisation": (Source.COMMAND, {**COMMAND, "enterprise_id": "E0OTHER001"}),
    "a guest of a shared channel": (
        Source.BUTTON,
        {**PERSON, **IN_A_MESSAGE, "user": {"id": ANA.user_id, "team_id": "T0OTHER001"}},
    ),
    "an event of another app": (Source.HOME, {**EVENT, "api_app_id": "A0OTHER001"}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_request_is_rejected_and_recorded(world: World, name: str) -> None:
    source, body = FOREIGN[name]
    command = "/atelier" if source is Source.COMMAND else "/studio"
    assert world.receive(source, body) == words(Reason.FOREIGN, command)
    world.run()
    team = body.get("team_id") or TEAM
    assert world.admitted == []
    assert world.recorded() == [(TEAM, f"{team}/{ANA.user_id}", "foreign", source)]
    [entry] = world.audit.entries.values()
    assert str(body["api_app_id"]) in str(entry.detail)


def test_long_foreign_ids_fit_the_audit(world: World) -> None:
    world.receive(body={**COMMAND, "team_id": "T" * 3000, "user_id": "U" * 3000})
    world.run()
    [(_, subject, _, _)] = world.recorded()
    assert subject == "T" * MAX_FOREIGN_ID_LENGTH


def test_foreign_request_without_a_team_is_recorded(world: World) -> None:
    world.receive(body={name: value for name, value in COMMAND.items() if name != "team_id"})
    world.run()
    assert world.recorded() == [(TEAM, f"None/{ANA.user_id}", "foreign", Source.COMMAND)]


MALFORMED = [
    (source, name)
    for source, required in {
        Source.COMMAND: ("trigger_id", "api_app_id", "user_id", "command"),
        Source.BUTTON: ("trigger_id", "api_app_id", "user"),
        Source.SHORTCUT: ("trigger_id", "api_app_id", "user"),
        Source.HOME: ("event_id", "api_app_id", "event"),
    }.items()
    for name in required
]


@pytest.mark.parametrize(("source", "name"), MALFORMED)
@pytest.mark.parametrize("value", [None, "", 7, []])
def test_malformed_request_is_only_counted(world: World, source: Source, name: str, value: object) -> None:
    with capture_logs() as logs:
        assert world.receive(source, {**BODIES[source], name: value}) == words(Reason.INTERNAL)
    world.run()
    assert (world.admitted, world.happened) == ([], [])
    assert world.counted() == {"malformed": 1}
    assert [line["event"] for line in logs] == ["request_malformed"]


def test_invalid_member_id_is_only_counted(world: World) -> None:
    assert world.receive(body={**COMMAND, "user_id": "ana"}) == words(Reason.INTERNAL)
    assert world.counted() == {"malformed": 1}


# Answers and audit entries


def test_command_is_rejected_in_its_acknowledgement_only(world: World) -> None:
    world.workers.capacity = 0
    assert world.receive() == words(Reason.BUSY, "/atelier")
    world.run()
    assert world.happened == ["recorded"]
    assert world.recorded() == [(TEAM, ANA.user_id, "busy", Source.COMMAND)]


def test_button_is_rejected_by_ephemeral_message(world: World) -> None:
    world.workers.capacity = 0
    assert world.receive(Source.BUTTON) == words(Reason.BUSY)
    assert world.happened == []
    world.run()
    assert world.happened == ["replied", "recorded"]
    [(origin, message, replaced)] = world.slack.replies
    assert (origin.response_url, message.text, replaced) == (URL, words(Reason.BUSY), False)


def test_rejected_shortcut_opens_a_dialog(world: World) -> None:
    world.workers.capacity = 0
    world.receive(Source.SHORTCUT)
    world.run()
    assert [message.text for _, message in world.slack.dialogs] == [words(Reason.BUSY)]
    assert world.happened == ["replied", "recorded"]


@for_each_source
def test_undelivered_rejection_is_recorded(world: World, source: Source) -> None:
    world.workers.capacity, world.slack.takes, world.slack.error = 0, False, NO
    world.receive(source)
    world.run()
    assert world.recorded() == [(TEAM, ANA.user_id, "busy", source)]
    assert world.counted() == {"busy": 1}


def test_refusal_is_sent_then_recorded_then_announced(world: World) -> None:
    world.workers.capacity, world.app.audit_channel = 0, "C0AUDIT0001"
    world.receive(Source.BUTTON)
    world.run()
    assert world.happened == ["replied", "recorded", "announced"]
    assert world.slack.posts == [("C0AUDIT0001", f"{ANA.user_id} · link · busy")]


def test_failed_announcement_changes_nothing(world: World) -> None:
    world.workers.capacity, world.app.audit_channel, world.slack.error = 0, "C0AUDIT0001", NO
    world.receive()
    with capture_logs() as logs:
        world.run()
    assert world.recorded() == [(TEAM, ANA.user_id, "busy", Source.COMMAND)]
    assert [line["event"] for line in logs] == ["concluded", "announcement_failed"]


def test_replayed_refusal_is_recorded_and_announced_once(world: World) -> None:
    world.workers.capacity, world.app.audit_channel = 0, "C0AUDIT0001"
    world.receive()
    world.receive()
    world.run()
    assert world.happened == ["recorded", "announced"]
    assert world.counted() == {"busy": 1, "replayed": 1}


def test_unrecorded_refusal_is_counted_and_logged(world: World) -> None:
    world.workers.capacity = 0
    world.audit.open_error = StoreError("it failed: try again", reason=Reason.STORE_UNREACHABLE)
    world.receive()
    with capture_logs() as logs:
        world.run()
    assert world.counted() == {"busy": 1}
    assert [line["event"] for line in logs] == ["refusal_not_recorded", "concluded"]


@for_each_source
def test_full_call_pool_still_rejects_in_the_acknowledgement(world: World, source: Source) -> None:
    world.workers.capacity = world.overflow.capacity = 0
    with capture_logs() as logs:
        assert "Many people are asking at once" in world.receive(source)
    assert world.happened == []
    assert world.counted() == {"unrecorded": 1}
    assert [line["event"] for line in logs] == ["request_rejected", "refusal_not_recorded"]


def test_log_of_a_refusal_contains_no_secret(world: World) -> None:
    world.workers.capacity = 0
    with capture_logs() as logs:
        world.receive(Source.BUTTON)
        world.run()
    assert URL not in str(logs)
    assert TRIGGER not in str(logs)


# Queue timeout


def test_request_within_the_queue_timeout_runs(world: World) -> None:
    world.receive()
    world.clock.advance(MAX_WAIT)
    world.run()
    assert world.happened == ["worked"]


@for_each_source
def test_request_beyond_the_queue_timeout_is_refused(world: World, source: Source) -> None:
    assert world.receive(source) == ""
    world.clock.advance(MAX_WAIT + 0.1)
    world.run()
    assert world.happened == ["replied", "recorded"]
    assert world.replies() == [words(Reason.BUSY, "/atelier" if source is Source.COMMAND else "/studio")]
    assert world.recorded() == [(TEAM, ANA.user_id, "busy", source)]
    assert world.counted() == {"busy": 1}


def test_queue_time_is_measured(world: World) -> None:
    world.receive()
    world.clock.advance(2)
    world.run()
    assert 'studio_links_stage_seconds_sum{stage="wait"} 2.0' in world.app.metrics.page().decode()


def test_form_beyond_the_queue_timeout_is_answered_by_message(world: World) -> None:
    """The acknowledgement has closed the dialog, so an answer can only be a message."""
    world.slack.closed_dialogs = True
    assert world.receive(Source.FORM, {**PERSON, **IN_A_DIALOG}) == ""
    world.clock.advance(MAX_WAIT + 0.1)
    world.run()
    assert world.happened == ["replied", "recorded"]


@pytest.mark.public(4)
@pytest.mark.parametrize("capacity", [0, 9])
def test_busy_shortcut_is_answered_by_message_if_its_trigger_expired(world: World, capacity: int) -> None:
    """The bot gives up waiting for a worker just when the trigger expires."""
    world.workers.capacity, world.slack.error = capacity, NO
    world.receive(Source.SHORTCUT)
    world.clock.advance(MAX_WAIT + 0.1)
    world.run()
    assert world.slack.posts == [(ANA.user_id, words(Reason.BUSY))]
    assert world.recorded() == [(TEAM, ANA.user_id, "busy", Source.SHORTCUT)]


def test_form_is_answered_by_direct_message(world: World) -> None:
    world.receive(Source.FORM, {**PERSON, **IN_A_DIALOG})
    world.clock.advance(MAX_WAIT + 0.1)
    world.run()
    assert world.slack.posts == [(ANA.user_id, words(Reason.BUSY))]
    assert (world.slack.replies, world.slack.dialogs) == ([], [])
    assert world.recorded() == [(TEAM, ANA.user_id, "busy", Source.FORM)]


def test_form_beyond_capacity_gets_a_valid_acknowledgement(world: World) -> None:
    """Slack accepts an empty or JSON answer to a submitted form; for others it shows that the app is unreachable.

    https://docs.slack.dev/surfaces/modals#handling_submissions
    """
    world.workers.capacity = 0
    token = AuthorizeResult(enterprise_id=None, team_id=TEAM, bot_token="xoxb-0")
    bolt = App(authorize=lambda: token, request_verification_enabled=False, process_before_response=True)
    register(bolt, world.app, request_handlers.ROUTES)
    reason = {"values": {"reason": {"reason": {"type": "plain_text_input", "value": "Falcon"}}}}
    body = {
        **PERSON,
        **IN_A_DIALOG,
        "view": {"id": "V1", "type": "modal", "callback_id": "ask_access", "state": reason},
    }
    answer = bolt.dispatch(BoltRequest(body=body, mode="socket_mode"))
    assert answer.status == 200
    assert answer.body == "" or isinstance(json.loads(answer.body), dict)


# Forms


def test_form_with_bad_fields_is_counted_and_recorded(world: World) -> None:
    world.errors = {"reason": "Say in a few words why you need it."}
    answer = json.loads(world.receive(Source.FORM, {**PERSON, **IN_A_DIALOG}))
    assert answer == {"response_action": "errors", "errors": world.errors}
    world.run()
    assert (world.admitted, world.happened) == ([], ["recorded"])
    assert world.recorded() == [(TEAM, ANA.user_id, "invalid_form", Source.FORM)]
    [entry] = world.audit.entries.values()
    assert entry.action == "form"
    assert world.counted() == {"invalid_form": 1}


def test_foreign_form_is_rejected_before_validation(world: World) -> None:
    world.errors = {"reason": "Say in a few words why you need it."}
    assert world.receive(Source.FORM, {**PERSON, **IN_A_DIALOG, "api_app_id": "A0OTHER001"}) == ""
    world.run()
    assert world.counted() == {"foreign": 1}


# Defects


@for_each_source
def test_handler_defect_is_answered_counted_logged_and_recorded(world: World, source: Source) -> None:
    world.defect = RuntimeError("a defect")
    world.receive(source)
    with capture_logs() as logs:
        world.run()
    assert world.replies() == [words(Reason.INTERNAL, "/atelier" if source is Source.COMMAND else "/studio")]
    assert world.recorded() == [(TEAM, ANA.user_id, "internal", source)]
    assert world.counted() == {"internal": 1}
    assert [line["event"] for line in logs] == ["request_failed", "request_rejected", "concluded"]


def test_defect_without_a_message_is_answered_by_direct_message(world: World) -> None:
    """A shortcut may have opened its dialog already, which uses up its trigger."""
    world.defect, world.slack.error = RuntimeError("a defect"), NO
    world.receive(Source.SHORTCUT)
    world.run()
    assert world.slack.posts == [(ANA.user_id, words(Reason.INTERNAL))]


def test_defect_after_the_answer_sends_no_second_answer(world: World) -> None:
    """The audit has the request's outcome already."""
    world.defect = RuntimeError("a defect")
    world.receive()
    world.workers.run()
    world.receive()
    world.workers.run()
    assert len(world.replies()) == 1
    assert world.counted() == {"internal": 1, "replayed": 1}


# Ways to reply


PLACES: dict[str, dict[str, Any]] = {
    "in the dialog": {"view_id": "V1"},
    "through the response_url": {"response_url": URL},
    "in the channel": {"channel_id": CHANNEL},
    "nowhere, after an event": {"trigger_id": None},
}
NOWHERE = replace(action_origin(PERSON), response_url=None, channel_id=None, view_id=None)
MESSAGE = views.help_text(RenderContext(CATALOGUES["en"]))


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.parametrize("takes", [True, False])
def test_reply_uses_the_response_url(world: World, where: str, *, replaced: bool, takes: bool) -> None:
    world.slack.takes = takes
    origin = replace(NOWHERE, **PLACES[where])
    assert reply(world.app, origin, MESSAGE, replace=replaced) is takes
    assert world.slack.replies == [(origin, MESSAGE, replaced)]
    assert world.slack.dialogs == []


def test_reply_without_a_response_url_opens_a_dialog(world: World) -> None:
    assert reply(world.app, NOWHERE, MESSAGE, replace=True)
    assert (world.slack.dialogs, world.slack.replies) == ([(NOWHERE, MESSAGE)], [])


def test_reply_in_an_unopened_dialog_is_undelivered(world: World) -> None:
    world.slack.error = NO
    with capture_logs() as logs:
        assert not reply(world.app, NOWHERE, MESSAGE, replace=True)
    assert [(line["event"], line["code"]) for line in logs] == [("reply_not_sent", "expired_trigger_id")]


@pytest.mark.parametrize(
    ("installed", "own", "language"),
    [
        (None, None, "en"),
        (None, "de-DE", "de"),
        ("de", "en-US", "de"),
        ("en", "de-DE", "en"),
        (None, "xx", "en"),
        ("xx", "de", "en"),
    ],
)
def test_configured_language_overrides_the_members(
    world: World, installed: str | None, own: str | None, language: str
) -> None:
    world.app.locale = installed
    assert world.app.render(locale=own).words is CATALOGUES[language]
    assert world.app.render(NOWHERE, own).words is CATALOGUES[language]


@pytest.mark.parametrize(
    ("installed", "own", "error", "language"),
    [(None, "de-DE", None, "de"), ("en", "de-DE", None, "en"), (None, None, None, "en"), (None, "de-DE", NO, "en")],
    ids=["their own", "the installation's", "unknown", "Slack does not say"],
)
def test_reply_is_in_the_members_language(
    world: World, installed: str | None, own: str | None, error: SlackError | None, language: str
) -> None:
    world.app.locale, world.slack.locale, world.slack.error = installed, own, error
    facts: Any = replace(world.app.signin.facts, people=world.slack)
    world.app.signin = replace(world.app.signin, facts=facts)
    assert world.app.render_for(ANA).words is CATALOGUES[language]


@pytest.mark.parametrize("admins", [frozenset(), frozenset({"U0ADA00001"})])
@pytest.mark.parametrize("channel", [None, "C0REQUESTS"])
def test_access_requests_need_someone_to_decide(world: World, admins: frozenset[str], channel: str | None) -> None:
    world.app.admins, world.app.request_channel = admins, channel
    decidable = bool(admins) or channel is not None
    assert world.app.render(command_origin(COMMAND)) == RenderContext(CATALOGUES["en"], "/atelier", may_ask=decidable)
    assert world.app.render() == RenderContext(CATALOGUES["en"], "/studio", may_ask=decidable)
