"""Everything that a workspace holds: its parts share it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.local.slack.changes import Changes
from bot.local.slack.features import Features
from bot.local.slack.people import Directory, Installation
from bot.local.slack.response_urls import ResponseUrls
from bot.local.slack.screens import Screens
from bot.local.slack.socket_mode import SocketMode
from bot.local.slack.suggestions import Offers
from bot.local.slack.triggers import Triggers
from bot.local.slack.views import Views


@dataclass
class WorkspaceState:
    """The people, what is on their screens, and the app as it is installed. `clock` gives seconds since the epoch.

    `rate_limits` refuses calls beyond Slack's limits.
    """

    installation: Installation
    features: Features
    clock: Callable[[], float]
    rate_limits: bool = False
    directory: Directory = field(default_factory=Directory)
    changes: Changes = field(default_factory=Changes)

    def __post_init__(self) -> None:
        self.triggers = Triggers(self.clock)
        self.screens = Screens(self.directory, self.clock, self.changes)
        self.offers = Offers()
        self.views = Views(self.clock, self.changes.note)
        self.urls = ResponseUrls(self.screens, self.installation.team_id, self.clock, self.changes)
        self.socket_mode = SocketMode(self.installation.app_id, self.changes.note, enabled=self.features.socket_mode)
