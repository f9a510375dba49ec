"""Members for the scenarios of attack and failure, and the results of their requests."""

import itertools
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Member
from bot.core.access import Mapping as Mapped
from bot.core.link import Source
from bot.core.records import Actor, Entry
from bot.core.values import utc_now
from bot.local.slack.exchanges import Exchange
from bot.local.slack.screens import Message
from bot.slack.payloads import request_id
from tests.leaks import remember
from tests.scenario.conftest import TEAM, BotProcess, Product, create_profile, free_port, outside, start_bot
from tests.waiting import wait_until

TESTER = Actor("cli:test", Source.CLI)
MINT = "CreatePresignedDomainUrl"
numbers = itertools.count(1)


class Crowd:
    """Makes members directly in the store and in the workspace, each with a new id."""

    def __init__(self, product: Product, log_folder: Path, prefix: str) -> None:
        self.product, self.log_folder, self.prefix = product, log_folder, prefix
        self.admin: Admin = administration.admin(load(Settings))

    def member(self, *, mapped: bool = True, allowed: bool = True, role_arn: str | None = None) -> "Someone":
        """Create a full member, by default with a profile and an allow rule."""
        someone = Someone(self, next(numbers))
        someone.becomes()
        if mapped:
            create_profile(self.product.domain_id, someone.profile)
            someone.map(someone.profile, role_arn=role_arn)
        if allowed:
            someone.rule(Effect.ALLOW)
        return someone

    def links(self) -> int:
        """Return how many links the bot asked AWS to make."""
        return self.product.aws.calls.count(MINT)


class Someone:
    """One member."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd, self.product = crowd, crowd.product
        self.user_id = f"U0{crowd.prefix}{number}"
        self.profile = f"{crowd.prefix.lower()}-{number}"
        self.member = Member(TEAM, self.user_id)

    def becomes(self, **traits: Any) -> None:
        """Change fields of Slack's record of the account."""
        self.product.slack.add_member(self.user_id, self.profile, **traits)

    def map(self, profile: str, *, role_arn: str | None = None) -> None:
        mapping = Mapped("default", self.product.domain_id, profile, role_arn=role_arn)
        self.crowd.admin.map(self.member, mapping, TESTER)

    def map_also(self, alias: str, profile: str) -> None:
        self.crowd.admin.map(self.member, Mapped(alias, self.product.domain_id, profile), TESTER)

    def unmap(self) -> None:
        self.crowd.admin.unmap(self.member, None, TESTER)

    def gives_profile_to(self, other: "Someone") -> None:
        """Move the profile to another member."""
        self.unmap()
        other.map(self.profile)

    def rule(self, effect: Effect) -> None:
        self.crowd.admin.grant(TEAM, Grant(self.user_id, effect), TESTER)

    def types(self, text: str = "", *, overrides: Mapping[str, str | None] | None = None) -> Exchange:
        return self.product.slack.command(self.user_id, text, overrides=overrides)

    def presses(self, message: Message, action_id: str, overrides: Mapping[str, Any] | None = None) -> Exchange:
        return self.product.slack.press(self.user_id, message, action_id, overrides=overrides)

    def reads(self, exchange: Exchange, timeout: float = 12) -> Message:
        """Return the answer once it is on the screen."""
        message = self.product.slack.answer_to(exchange, timeout=timeout)
        remember(self.crowd.log_folder, *(button.url for button in message.buttons() if button.url))
        return message

    def screen(self) -> list[Message]:
        return self.product.slack.view(self.user_id)

    def entries(self) -> list[Entry]:
        """Return the member's requests in the audit, newest first."""
        since = utc_now() - timedelta(hours=1)
        found = self.crowd.admin.history(TEAM, self.user_id, since, limit=200)
        return [entry for entry in found if entry.action == "link"]

    def entry(self, exchange: Exchange) -> Entry | None:
        """Return the audit entry of a request."""
        return next((entry for entry in self.entries() if entry.id == request_id(exchange.id)), None)

    def ended(self, exchange: Exchange, outcome: str) -> Entry:
        """Return the entry once it has the outcome, which is written after the reply."""

        def found() -> list[Entry]:
            entry = self.entry(exchange)
            return [entry] if entry is not None and entry.outcome == outcome else []

        return wait_until(found)[0]


def links_in(messages: list[Message]) -> list[str]:
    """Return the links in these messages."""
    return [button.url for message in messages for button in message.buttons() if button.url]


@contextmanager
def sent_to(product: Product, bot: BotProcess) -> Iterator[None]:
    """Let the workspace send members' requests to this bot instead of the product's."""
    before, product.slack.request_url = product.slack.request_url, f"{bot.address}/slack/events"
    try:
        yield
    finally:
        product.slack.request_url = before


@dataclass
class Mortal:
    """A bot that the test may kill."""

    bot: BotProcess

    @property
    def pid(self) -> int:
        return self.bot.process.pid


@contextmanager
def mortal(
    environment: Mapping[str, str],
    output: Path,
    port: int | None = None,
    *,
    arguments: Sequence[str] = (),
    forked: bool = True,
) -> Iterator[Mortal]:
    """Start a bot whose standard output and error go to `output`. Kill what is left of it afterwards."""
    port = port or free_port()
    settings = {**outside(), "LOG_LEVEL": "INFO", "LOG_FORMAT": "json", **environment, "PORT": str(port)}
    process = start_bot("serve", *arguments, env=settings, output=output, forked=forked)
    try:
        yield Mortal(BotProcess(process, port, output))
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
