"""Shared by commands: the settings, the workspace, administration and the caller, each made on first use.

The imports are inside the methods: `studio-links --help` needs neither boto3 nor Slack's SDK, which take longer to
load than everything else.
"""

import logging
import sys
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from bot import console
from bot.admin.changes import Admin
from bot.admin.names import find, folded, is_name, label, names_of
from bot.core.link import Source
from bot.core.records import Actor
from bot.observability import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.admin.access_requests import AccessRequests
    from bot.admin.decisions import Decision
    from bot.admin.listing import Listing
    from bot.admin.notices import Notice
    from bot.config import Settings
    from bot.core.access import Person
    from bot.links.facts import Gatherer
    from bot.slack.names import Names


def read_settings() -> "Settings":
    """Read the environment, for commands that do their work and end."""
    from bot.config import Settings, load

    settings, terminal = load(Settings), sys.stderr.isatty()
    # A command prints its own result; its log is only for those who set LOG_LEVEL.
    level = settings.log_level if "log_level" in settings.model_fields_set else "ERROR"
    logs.configure(level=level, style="console" if terminal else "json")
    # Where output is collected, so is what a command has changed.
    collected = not terminal and level == "ERROR"
    logging.getLogger("bot.store.audit").setLevel(logging.INFO if collected else logging.NOTSET)
    return settings


class CommandContext:
    """The settings and adapters of an administrative command.

    Args:
        team: the workspace, if the command names one.
        workers: how many changes the command makes at once.
    """

    def __init__(self, team: str | None = None, workers: int = 1) -> None:
        self.settings = read_settings()
        self._team, self._workers = team, workers

    @cached_property
    def tenant(self) -> str:
        """The workspace; ConfigError if neither the command nor the settings name one."""
        from bot.app import administration

        return administration.tenant(self.settings, self._team)

    @cached_property
    def admin(self) -> Admin:
        """Administration, connected to the tables."""
        from bot.app import administration

        return administration.admin(self.settings, self._workers)

    @cached_property
    def gatherer(self) -> "Gatherer | None":
        """The gatherer of facts about members; None without a bot token."""
        from bot.app import administration

        return administration.gatherer(self.settings, self.admin.access)

    @cached_property
    def names(self) -> "Names":
        """The names of accounts, as far as known."""
        from bot.app import administration

        return administration.names(self.settings)

    @cached_property
    def access_requests(self) -> "AccessRequests":
        """The access requests; ConfigError without a bot token, since a decision rests on what Slack says."""
        from bot.app import administration

        return administration.access_requests(self.settings, self.admin)

    def tell(self, decision: "Decision") -> None:
        """Show the member, and everybody who was asked, what was decided. What cannot be sent is printed."""
        from bot.app import administration

        why = administration.tell(self.settings, decision)
        if why is not None:
            console.warn(f"the decision stands, but not everybody heard of it: {why}")

    def listing(self, *, names: bool) -> "Listing":
        """Return what lists members, without their names if so told."""
        from bot.admin.listing import Listing

        groups = self.gatherer.groups if self.gatherer else None
        return Listing(self.admin, groups, self.names.of if names else lambda _tenant, _users: {})

    def notify(self, notices: "Sequence[Notice]") -> None:
        """Send what a change calls for to administrators and former owners. What cannot be sent is printed."""
        from bot.app import administration

        why = administration.notify(self.settings, self.admin, self.tenant, notices)
        if why is not None:
            console.warn(f"the change stands, but not everybody heard of it: {why}. Tell the administrators yourself")

    def user_id(self, text: str) -> str:
        """Return the id of the member with an e-mail address or @name, which Slack says; any other text as it is.

        Raises:
            UnclearName: it does not stand for one full member.
            ConfigError, SlackError: Slack could not be asked.
        """
        if not is_name(text):
            return text
        from bot.app import clients
        from bot.slack.names import find_member

        found = find_member(clients.patient_slack(self.settings), self.tenant, text)
        console.warn(f"{text} is {found.user_id}, {label(found)}")
        return found.user_id

    def find_listed(self, name: str) -> str:
        """Return the id of the member with this name, as `user_id` does, from one list of all accounts."""
        return find(name, self._by_name.get(folded(name.removeprefix("@")), ()), self.tenant).user_id

    @cached_property
    def _by_name(self) -> "dict[str, list[Person]]":
        """All accounts by each of their names and by their address."""
        from bot.app import clients

        found: dict[str, list[Person]] = defaultdict(list)
        accounts = clients.patient_slack(self.settings).accounts()
        for person in console.progress(accounts, doing="listing members"):
            for name in set(map(folded, names_of(person))):
                found[name].append(person)
        return found

    @cached_property
    def actor(self) -> Actor:
        """The caller of this command line, for the audit."""
        from bot.app import administration

        name = administration.caller(self.settings)
        if name.startswith(administration.UNKNOWN_CALLER):
            console.warn(f"STS did not identify these credentials, so the audit records {name}")
        return Actor(name, Source.CLI)
