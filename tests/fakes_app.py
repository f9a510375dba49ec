"""The app context over fakes: a workspace whose members send requests to the handlers, in this process."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from slack_bolt import Ack

from bot.admin.access_requests import AccessRequests
from bot.admin.changes import Admin
from bot.admin.confirmation import CommandRunner
from bot.core.access import Member, Person
from bot.core.errors import QueueFull, SlackError
from bot.core.link import Reason, Source
from bot.core.policy import Rules
from bot.links.sign_in import SignIn
from bot.links.status import GetStatus
from bot.observability.metrics import Metrics
from bot.slack.admin.handlers import ROUTES as ADMIN_ROUTES
from bot.slack.app_context import AppContext
from bot.slack.blocks import Message
from bot.slack.client import SlackApi
from bot.slack.gateway import receive
from bot.slack.link_expiry import LinkExpiry
from bot.slack.members.handlers import ROUTES as MEMBER_ROUTES
from bot.slack.members.views import SHORTCUT
from bot.slack.payloads import Home, Origin
from bot.slack.request_limit import RequestLimit
from bot.slack.requests.handlers import ROUTES as REQUEST_ROUTES
from bot.slack.workspaces.handlers import ROUTES as WORKSPACE_ROUTES
from tests.fakes import (
    ANA,
    BEN,
    TEAM,
    Clock,
    FakeAccess,
    FakeAudit,
    FakeChoices,
    FakeDirectory,
    FakeIntake,
    FakeStudio,
    a_gatherer,
    a_grant,
    a_mapping,
)
from tests.fakes_access_requests import FakeAccessRequests, FakeMessages
from tests.fakes_admin import FakePending

APP, CHANNEL = "A0STUDIO01", "C0GENERAL01"
ADA = Member(TEAM, "U0ADA00001")
URL = f"https://hooks.slack.com/commands/{TEAM}/1/x"
ROUTES = (*WORKSPACE_ROUTES, *REQUEST_ROUTES, *ADMIN_ROUTES, *MEMBER_ROUTES)
IN_A_MESSAGE = {"channel": {"id": CHANNEL}, "container": {"message_ts": "1.2"}, "response_url": URL}
IN_A_DIALOG = {"view": {"id": "V1", "type": "modal"}}


class FakeSlack(SlackApi):
    """Slack as handlers use it; records its calls. `broken` names the methods that raise `error`."""

    def __init__(self, directory: FakeDirectory) -> None:
        self._directory, self._shared, self._key = directory, frozenset(), b"xoxb-fake"
        self.error = SlackError(
            "Slack refuses us: check the token", reason=Reason.SLACK_REFUSED, code="expired_trigger_id"
        )
        self.broken: set[str] = set()
        self.unreachable: set[str] = set()
        self.replies: list[tuple[Message, bool]] = []
        self.dialogs: list[Message] = []
        self.forms: list[Mapping[str, Any]] = []
        self.posts: list[tuple[str, Message]] = []
        self.updates: list[tuple[str, Message]] = []
        self.homes: list[tuple[str, Message]] = []
        self.announced: list[tuple[str, str]] = []

    def person(self, member: Member) -> Person:
        self._fail("person")
        return self._directory.person(member)

    def expect_reply(self, origin: Origin) -> None:
        """Open no connection."""

    def reply(self, origin: Origin, message: Message, *, replace: bool) -> bool:  # noqa: ARG002 - only Slack needs it
        self.replies.append((message, replace))
        return "reply" not in self.broken

    def open_view(self, origin: Origin, message: Message) -> Origin:
        self._fail("open_view")
        self.dialogs.append(message)
        return origin if origin.view_id else Origin(**{**_fields(origin), "view_id": "V9"})

    def open_form(self, origin: Origin, view: Mapping[str, Any]) -> None:  # noqa: ARG002 - only Slack needs it
        self._fail("open_form")
        self.forms.append(view)

    def post(self, place: str, message: Message) -> str:
        self._fail("post")
        if place in self.unreachable:
            raise self.error
        self.posts.append((place, message))
        return f"{place}/{len(self.posts)}.0"

    def update(self, posted: str, message: Message) -> bool:
        self.updates.append((posted, message))
        return "update" not in self.broken

    def publish_home(self, user_id: str, message: Message) -> None:
        self._fail("publish_home")
        self.homes.append((user_id, message))

    def announce(self, channel: str, text: str) -> None:
        self._fail("announce")
        self.announced.append((channel, text))

    def _fail(self, method: str) -> None:
        if method in self.broken:
            raise self.error


def _fields(origin: Origin) -> dict[str, Any]:
    return {name: getattr(origin, name) for name in Origin.__slots__}


class HeldJobs:
    """Hold jobs until `run`; refuse them without capacity."""

    name, capacity = "worker", 9

    def __init__(self) -> None:
        self.jobs: deque[Callable[[], object]] = deque()

    @property
    def in_flight(self) -> int:
        return len(self.jobs)

    def submit(self, job: Callable[[], object]) -> None:
        if len(self.jobs) >= self.capacity:
            raise QueueFull
        self.jobs.append(job)

    def shutdown(self) -> None:
        """Do nothing: no thread runs."""

    def run(self) -> None:
        while self.jobs:
            self.jobs.popleft()()


def app_context(
    slack: SlackApi,
    *,
    access: FakeAccess,
    audit: FakeAudit,
    directory: FakeDirectory,
    studio: FakeStudio,
    metrics: Metrics,
    workers: HeldJobs,
    overflow: HeldJobs,
    clock: Clock,
    requests: FakeAccessRequests,
    messages: FakeMessages,
    pending: FakePending,
    admins: frozenset[str] = frozenset(),
    admin_workers: HeldJobs | None = None,
    requests_per_minute: int = 1000,
) -> AppContext:
    """Wire the app context over fakes."""
    facts, now, rules = a_gatherer(access, directory, monotonic=clock.monotonic), clock.now, Rules()
    admin = Admin(access, audit, studio, rules, now=now)
    return AppContext(
        signin=SignIn(facts, audit, FakeIntake(audit), studio, FakeChoices(), rules, now),
        get_status=GetStatus(facts, audit, rules, now),
        command_runner=CommandRunner(admin, pending, facts, admins, now=now),
        access_requests=AccessRequests(requests, admin, audit, facts, rules, admins, now=now),
        link_expiry=LinkExpiry(messages, overflow.submit, now=now, monotonic=clock.monotonic),
        slack=slack,
        workers=workers,
        admin_workers=admin_workers or workers,
        limit=RequestLimit(requests_per_minute, admins),
        overflow=overflow,
        noting=overflow,
        metrics=metrics,
        admins=admins,
        home=Home(APP, TEAM),
        now=now,
        monotonic=clock.monotonic,
    )


def counted(metrics: Metrics) -> dict[str, float]:
    """Return the outcomes that were counted."""
    counts = re.compile(r'^studio_links_requests_total\{outcome="(\w+)"\} (\S+)$', re.MULTILINE)
    found = counts.findall(metrics.page().decode())
    return {outcome: float(number) for outcome, number in found if float(number)}


@dataclass
class AppWorld:
    """Ana is mapped and allowed, nothing is stored about Ben, Ada administers."""

    clock: Clock = field(default_factory=Clock)
    audit: FakeAudit = field(default_factory=FakeAudit)
    workers: HeldJobs = field(default_factory=HeldJobs)
    overflow: HeldJobs = field(default_factory=HeldJobs)
    requests: FakeAccessRequests = field(default_factory=FakeAccessRequests)
    messages: FakeMessages = field(default_factory=FakeMessages)

    def __post_init__(self) -> None:
        self.access = FakeAccess(self.audit)
        self.access.give(ANA, a_mapping(), a_grant())
        self.directory = FakeDirectory(*(Person(member.user_id, TEAM) for member in (ANA, BEN, ADA)))
        self.studio, self.pending, self.metrics = FakeStudio(self.clock.now), FakePending(), Metrics()
        self.studio.add("d-research", "ana", "ben")
        self.slack = FakeSlack(self.directory)
        self.app = app_context(
            self.slack,
            access=self.access,
            audit=self.audit,
            directory=self.directory,
            studio=self.studio,
            metrics=self.metrics,
            workers=self.workers,
            overflow=self.overflow,
            clock=self.clock,
            requests=self.requests,
            messages=self.messages,
            pending=self.pending,
            admins=frozenset({ADA.user_id}),
        )
        self._numbers = count(1)
        self.trigger = ""
        self.written = 1_767_225_600

    def command(self, text: str = "", member: Member = ANA, **more: Any) -> str:
        body = {
            "team_id": TEAM,
            "user_id": member.user_id,
            "channel_id": CHANNEL,
            "response_url": URL,
            "command": "/studio",
            "text": text,
        }
        return self.call(Source.COMMAND, "/studio", {**body, **more})

    def press(
        self, action_id: str, value: str = "", member: Member = ANA, where: Mapping[str, Any] = IN_A_MESSAGE
    ) -> str:
        action = {"type": "button", "action_id": action_id, "value": value}
        return self.call(Source.BUTTON, action_id, {**self._person(member), **where, "actions": [action]})

    def shortcut(self, member: Member = ANA) -> str:
        return self.call(Source.SHORTCUT, SHORTCUT, self._person(member))

    def submit(self, callback_id: str, fields: Mapping[str, str], metadata: str = "en", member: Member = ANA) -> str:
        """Submit a form of plain text fields."""
        values = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in fields.items()}
        view = {"id": "V1", "type": "modal", "callback_id": callback_id, "private_metadata": metadata}
        return self.call(
            Source.FORM, callback_id, {**self._person(member), "view": {**view, "state": {"values": values}}}
        )

    def open_home(self, member: Member = ANA, tab: str = "home") -> str:
        event = {"type": "app_home_opened", "user": member.user_id, "tab": tab}
        return self.call(Source.HOME, "app_home_opened", {"team_id": TEAM, "event": event})

    def write(self, text: str = "hello", member: Member = ANA, **more: Any) -> str:
        """Write to the bot in its Messages tab; each message is a minute later than the one before."""
        self.written += 60
        event = {"type": "message", "channel_type": "im", "channel": "D0ANA", "text": text, "user": member.user_id}
        return self.call(
            Source.HOME, "message", {"team_id": TEAM, "event": {**event, "ts": f"{self.written}.000100", **more}}
        )

    def call(self, source: Source, name: str, body: Mapping[str, Any]) -> str:
        """Send a request where Bolt would, and finish its work. Return the acknowledgement."""
        self.trigger = self.trigger or f"{next(self._numbers)}.trigger"
        ids = {"api_app_id": APP, "trigger_id": self.trigger, "event_id": self.trigger}
        self.trigger = ""
        matching = (route for route in ROUTES if route.source is source and _matches(route.name, name))
        ack = Ack()  # type: ignore[no-untyped-call] # Bolt's own gap
        receive(self.app, next(matching), ack, {**ids, **body})
        self.workers.run()
        self.overflow.run()
        assert ack.response is not None
        return str(ack.response.body)

    def counted(self) -> dict[str, float]:
        return counted(self.metrics)

    def outcomes(self) -> list[tuple[str, str]]:
        """Return action and outcome of each audit entry."""
        return [(entry.action, entry.outcome) for entry in self.audit.entries.values()]

    def answer(self) -> str:
        """Return the last reply."""
        return self.slack.replies[-1][0].text

    def _person(self, member: Member) -> dict[str, Any]:
        return {"user": {"id": member.user_id, "team_id": TEAM}, "team": {"id": TEAM}}


def _matches(pattern: str | re.Pattern[str], name: str) -> bool:
    return name == pattern if isinstance(pattern, str) else pattern.search(name) is not None
