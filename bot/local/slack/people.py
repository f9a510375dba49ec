"""The people, channels and groups of the stand-in's workspace, and the app's own identity."""

import hashlib
import secrets
import threading
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

T = TypeVar("T")
SLACKBOT = "USLACKBOT"
SCOPES = ("commands", "chat:write", "users:read", "users:read.email", "usergroups:read", "im:history")


@dataclass(frozen=True, slots=True)
class Person:
    """One account, with what `users.info` can return of it."""

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
    tz_offset: int = 0
    locale: str = "en-US"
    updated: int = 1_735_689_600
    enterprise_user: dict[str, Any] | None = None

    def user_object(self, *, home_team: str, with_email: bool = True, with_locale: bool = False) -> dict[str, Any]:
        """Return the account as `users.info` does; its fields depend on the kind of account.

        https://docs.slack.dev/reference/objects/user-object, https://docs.slack.dev/apis/slack-connect
        """
        user: dict[str, Any] = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "is_bot": self.bot,
            "is_app_user": False,
            "updated": 0 if self.id == SLACKBOT else self.updated,
            "profile": self._profile(with_email=with_email),
        }
        if self.team_id != home_team or self.stranger:
            # Only accounts in Slack Connect have it; it is false for an outsider who shares a channel.
            user["is_stranger"] = self.stranger
        if self.enterprise_user is not None:
            user["enterprise_user"] = self.enterprise_user
        if self.deleted:  # Slack leaves the rest out, the account's restrictions included
            return user
        if self.invited:
            user["is_invited_user"] = True
        if with_locale:
            user["locale"] = self.locale
        return user | {
            "color": "9f69e7",
            "real_name": self.full_name,
            "who_can_share_contact_card": "EVERYONE",
            "tz": "Europe/London",
            "tz_label": "Greenwich Mean Time",
            "tz_offset": self.tz_offset,
            "is_admin": self.admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.guest or self.single_channel_guest,
            "is_ultra_restricted": self.single_channel_guest,
            "is_email_confirmed": bool(self.email) and not self.invited,
        }

    @property
    def full_name(self) -> str:
        """The name that Slack shows beside what the account writes."""
        return self.real_name or self.name.replace(".", " ").title()

    def _profile(self, *, with_email: bool) -> dict[str, Any]:
        return {
            "title": self.title,
            "phone": "",
            "skype": "",
            "fields": None,
            "team": self.team_id,
            **dict.fromkeys(("real_name", "real_name_normalized"), self.full_name),
            **dict.fromkeys(("display_name", "display_name_normalized"), self.name),
            "status_text": "",
            "status_emoji": "",
            "status_expiration": 0,
            "avatar_hash": "g0000000000",
            **({"email": self.email} if self.email and with_email and not self.bot else {}),
            **({"always_active": True} if self.id == SLACKBOT else {}),
        }


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation; its members are ids of people, the bot's own user among them if it was invited."""

    id: str
    name: str
    members: frozenset[str] = frozenset()
    kind: Literal["public", "private", "direct"] = "public"
    archived: bool = False
    topic: str = ""

    @property
    def name_in_payload(self) -> str:
        """Only public channels are named. https://docs.slack.dev/interactivity/implementing-slash-commands"""
        return {"public": self.name, "private": "privategroup", "direct": "directmessage"}[self.kind]


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group. https://docs.slack.dev/reference/objects/usergroup-object"""

    id: str
    handle: str
    members: frozenset[str] = frozenset()
    disabled: bool = False

    @property
    def name(self) -> str:
        """The name that members see."""
        return self.handle.replace("-", " ").title()


@dataclass(frozen=True, slots=True)
class Installation:
    """The app as it is installed in this workspace."""

    team_id: str = "T0STUDIO01"
    app_id: str = "A0STUDIO01"
    scopes: tuple[str, ...] = SCOPES
    bot_token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(12)}", repr=False)
    app_token: str = field(default_factory=lambda: f"xapp-1-{secrets.token_hex(12)}", repr=False)
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    enterprise_id: str | None = None
    team_domain: str = "studio-links-demo"
    bot_id: str = "B0STUDIO01"
    bot_user_id: str = "U0STUDIOBOT"
    bot_name: str = "studio-links"
    # Deprecated, and still sent.
    verification_token: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)


class Directory:
    """All people, channels and user groups. Thread-safe: its values are replaced, never changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: dict[str, Person | Channel | UserGroup] = {}

    def put(self, one: Person | Channel | UserGroup) -> None:
        """Add an entry, or replace the one with this id."""
        with self._lock:
            self._all[one.id] = one

    def join(self, channel_id: str, user_id: str) -> None:
        """Add a member to a channel."""
        with self._lock:
            channel = self._all[channel_id]
            if isinstance(channel, Channel):
                self._all[channel_id] = replace(channel, members=channel.members | {user_id})

    def direct_message(self, one: str, other: str) -> str:
        """Return the id of the direct conversation between two members, which is created if needed."""
        digest = hashlib.sha256("".join(sorted({one, other})).encode()).hexdigest()
        channel_id = f"D{digest[:9].upper()}"
        if self.channel(channel_id) is None:
            self.put(Channel(channel_id, "directmessage", frozenset({one, other}), "direct"))
        return channel_id

    def person(self, user_id: str) -> Person | None:
        return self._one(Person, user_id)

    def channel(self, channel_id: str) -> Channel | None:
        return self._one(Channel, channel_id)

    def group(self, group_id: str) -> UserGroup | None:
        return self._one(UserGroup, group_id)

    def people(self) -> list[Person]:
        return self._each(Person)

    def members(self) -> list[Person]:
        """Return the people who can use the workspace: no bots, no deactivated accounts."""
        return [each for each in self.people() if not (each.bot or each.deleted or each.id == SLACKBOT)]

    def channels(self) -> list[Channel]:
        return self._each(Channel)

    def groups(self) -> list[UserGroup]:
        return self._each(UserGroup)

    def _one(self, kind: type[T], one_id: str) -> T | None:
        with self._lock:
            one = self._all.get(one_id)
        return one if isinstance(one, kind) else None

    def _each(self, kind: type[T]) -> list[T]:
        with self._lock:
            return [one for one in self._all.values() if isinstance(one, kind)]
