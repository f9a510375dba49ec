"""The bot is ready once everything that a member's link needs has responded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.admin import ending
from bot.app import bot as running
from bot.app import sealing, serving
from bot.app.bot import Bot
from bot.config import HttpSettings, load
from bot.core.access import Access, Effect, Grant, Member
from bot.core.values import utc_now
from bot.local.slack.workspace import Workspace
from bot.slack import manifest
from bot.store.access import AccessTable
from bot.store.models import Tables, client_of
from bot.store.seals import SealTable
from tests.fakes import a_mapping, an_entry
from tests.waiting import wait_until

SCOPES = tuple(manifest.scopes())


@pytest.fixture
def started(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:  # noqa: ARG001 - tables
    """Return a context in which a bot of this environment has tried to start at least once."""

    @contextmanager
    def start(slack: Workspace, **environment: str) -> Iterator[Bot]:
        settings = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.api_url,
            "STUDIO_TABLE_PREFIX": "contract-",
            "PORT": "0",
            **environment,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        bot = serving.build(load(HttpSettings))
        first = bot.health.starting
        bot.start()
        try:
            wait_until(lambda: bot.health.starting != first)
            yield bot
        finally:
            bot.stop()
            for model in bot.tables.all():
                client_of(model).close()

    return start


def test_bot_is_ready_where_a_member_would_be_served(started: Callable[..., Any]) -> None:
    with Workspace() as slack, started(slack) as bot:
        assert bot.health.problem() is None


def test_running_bot_seals_the_audit_of_its_team(
    started: Callable[..., Any], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "PAUSE", 0.01)
    seals = SealTable(tables, days=400)
    with Workspace() as slack, started(slack) as bot:
        wait_until(lambda: seals.seal_text(bot.app.home.team_id, 1))


def test_running_bots_tell_a_member_once_that_access_ends(
    started: Callable[..., Any], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PAUSE", 0.01)
    monkeypatch.setattr(ending, "LOOK_EVERY", timedelta(seconds=0.05))
    now, access = utc_now(), AccessTable(tables, audit_days=400)
    at_noon = (12 - now.hour) * 3600

    def ends(slack: Workspace, name: str, hours: int) -> None:
        user = slack.add_member(f"U0{name.upper()}", name, tz_offset=at_noon).id
        member = Member(slack.installation.team_id, user)
        grant = Grant(user, Effect.ALLOW, now + timedelta(hours=hours), set_at=now - timedelta(days=9))
        entry = an_entry(name, member, outcome="done")
        access.put_records(member, [a_mapping(profile=name), grant], seen=Access(), entry=entry)
        wait_until(lambda: slack.view(user))

    environment = {"STUDIO_ADMINS": "U0ADA"}
    with Workspace() as slack, started(slack, **environment), started(slack, **environment):
        for number, hours in enumerate((20, -1, 10, -20)):  # by the last message, both have looked several times
            ends(slack, f"ends{number}", hours)
        shown = [slack.view(f"U0ENDS{number}") for number in range(4)]
    assert [[button.text for message in each for button in message.buttons()] for each in shown] == [["Extend"]] * 4


@pytest.mark.public(12)
def test_every_fault_at_the_start_is_named_at_once(started: Callable[..., Any], tables: Tables) -> None:
    client = client_of(tables.access)
    client.delete_table(TableName="contract-audit")
    client.delete_table(TableName="contract-runtime")
    client.create_table(
        TableName="contract-runtime",
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with (
        Workspace(scopes=[scope for scope in SCOPES if scope != "users:read"]) as slack,
        started(slack, STUDIO_TEAMS="T0OTHER") as bot,
    ):
        problem = bot.health.problem()
        assert bot.app.home is None
    for part in ("users:read", "STUDIO_TEAMS admits T0OTHER only", "contract-runtime: keys differ", "tables create"):
        assert part in problem
