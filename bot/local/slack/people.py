"""Who and what exists in the stand-in's workspace: people, channels, and the app's own identity."""

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypedDict

SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class Person:
    """One account, with the traits that `users.info` can tell of."""

    id: str
    name: str
    team_id: str
    real_name: str = ""
    email: str = ""
    deleted: bool = False
    bot: bool = False
    guest: bool = False
    single_channel_guest: bool = False
    stranger: bool = False
    invited: bool = False
    admin: bool = False
    title: str = ""
    locale: str = "en-US"
    enterprise_user: dict[str, Any] | None = None

    def user_object(self, *, home_team: str, with_email: bool = True, with_locale: bool = False) -> dict[str, Any]:
        """The account as `users.info` returns it; which fields there are depends on the kind of account.

        https://docs.slack.dev/reference/objects/user-object, https://docs.slack.dev/apis/slack-connect
        """
        user: dict[str, Any] = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "profile": self._profile(with_email=with_email),
            "is_bot": self.bot,
            "is_app_user": False,
            "updated": 0 if self.id == SLACKBOT else 1_735_689_600,
        }
        if self.team_id != home_team or self.stranger:
            # Only accounts that reach the workspace through Slack Connect have it. False means "not a
            # stranger to you", which an outsider who shares a channel is not either.
            user["is_stranger"] = self.stranger
        if self.enterprise_user is not None:
            user["enterprise_user"] = self.enterprise_user
        if self.deleted:
            # Slack leaves the rest out for a deactivated account, its restrictions included.
            return user
        if self.invited:
            user["is_invited_user"] = True
        if with_locale:
            user["locale"] = self.locale
        return user | {
            "color": "9f69e7",
            "real_name": self.full_name,
            "tz": "Europe/London",
            "tz_label": "Greenwich Mean Time",
            "tz_offset": 0,
            "is_admin": self.admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.guest or self.single_channel_guest,
            "is_ultra_restricted": self.single_channel_guest,
            "is_email_confirmed": bool(self.email) and not self.invited,
            "who_can_share_contact_card": "EVERYONE",
        }

    @property
    def full_name(self) -> str:
        """What Slack shows beside what the account writes."""
        return self.real_name or self.name.replace(".", " ").title()

    def _profile(self, *, with_email: bool) -> dict[str, Any]:
        profile: dict[str, Any] = {
            "title": self.title,
            "phone": "",
            "skype": "",
            "real_name": self.full_name,
            "real_name_normalized": self.full_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "fields": None,
            "status_text": "",
            "status_emoji": "",
            "status_expiration": 0,
            "avatar_hash": "g0000000000",
            "team": self.team_id,
        }
        if self.email and with_email and not self.bot:
            profile["email"] = self.email
        if self.id == SLACKBOT:
            profile["always_active"] = True
        return profile


class Traits(TypedDict, total=False):
    """What sets an account apart from a full, active member."""

    real_name: str
    email: str
    deleted: bool
    bot: bool
    guest: bool
    single_channel_guest: bool
    stranger: bool
    invited: bool
    admin: bool
    title: str
    locale: str
    team_id: str
    enterprise_user: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation; its members are ids of people, the bot's own user among them where it was invited."""

    id: str
    name: str
    members: frozenset[str] = frozenset()
    kind: Literal["public", "private", "direct"] = "public"
    archived: bool = False
    topic: str = ""

    @property
    def name_in_payload(self) -> str:
        """What Slack writes as `channel_name`: only public channels are named.

        https://docs.slack.dev/interactivity/implementing-slash-commands
        """
        return {"public": self.name, "private": "privategroup", "direct": "directmessage"}[self.kind]


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group, such as the workspace's administrators define. https://docs.slack.dev/reference/objects/usergroup-object"""

    id: str
    handle: str
    members: frozenset[str] = frozenset()
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Installation:
    """The app as it is installed in this workspace."""

    team_id: str
    app_id: str
    scopes: tuple[str, ...]
    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    enterprise_id: str | None = None
    team_domain: str = "studio-links-demo"
    bot_id: str = "B0STUDIO01"
    bot_user_id: str = "U0STUDIOBOT"
    bot_name: str = "studio-links"
    # Deprecated since signatures came, and still sent: nobody should look at it.
    verification_token: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)


class Directory:
    """All people, channels and user groups. Safe to share between threads: its values are replaced, never changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, Person] = {}
        self._channels: dict[str, Channel] = {}
        self._groups: dict[str, UserGroup] = {}

    def put(self, one: Person | Channel | UserGroup) -> None:
        with self._lock:
            if isinstance(one, Person):
                self._people[one.id] = one
            elif isinstance(one, Channel):
                self._channels[one.id] = one
            else:
                self._groups[one.id] = one

    def join(self, channel_id: str, members: Iterable[str]) -> None:
        with self._lock:
            channel = self._channels[channel_id]
            self._channels[channel_id] = replace(channel, members=channel.members | frozenset(members))

    def person(self, user_id: str) -> Person | None:
        with self._lock:
            return self._people.get(user_id)

    def channel(self, channel_id: str) -> Channel | None:
        with self._lock:
            return self._channels.get(channel_id)

    def group(self, group_id: str) -> UserGroup | None:
        with self._lock:
            return self._groups.get(group_id)

    def groups(self) -> list[UserGroup]:
        with self._lock:
            return list(self._groups.values())

    def people(self) -> list[Person]:
        with self._lock:
            return list(self._people.values())

    def channels(self) -> list[Channel]:
        with self._lock:
            return list(self._channels.values())
