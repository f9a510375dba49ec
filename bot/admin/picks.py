"""The lists in administrators' forms: domains, profiles and spaces, from AWS where it lists them, else from mappings.

A list only offers: a submitted form is checked as if everything in it were typed.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Lock
from typing import Protocol

import structlog
from cachetools import TTLCache

from bot.admin.listing import NamesOf
from bot.admin.names import shown_name
from bot.core.access import Access, Mapping, Member
from bot.core.errors import StudioError
from bot.core.ports import AccessAdmin, Messages, Studio
from bot.core.templates import Templates
from bot.core.values import DEFAULT_ALIAS, DOMAIN_ID, MAX_NAME, NAME, InvalidValue

log = structlog.get_logger()

# Of Slack's hundred options, one is for the typed text, and one for a note.
MAX_CHOICES = 98
# Without AWS: the most members whose mappings to read, the most names to keep, and the seconds for which to keep
# both.
MAX_MEMBERS, MAX_NAMES, KNOWN_SECONDS = 2000, 10_000, 60.0


class StudioLists(Protocol):
    """The lists that AWS provides. StudioError if it refuses or does not answer.

    Args:
        by: the administrator on whose behalf a role is assumed.
    """

    def domains(self, by: Member) -> Sequence[tuple[str, str]]:
        """Return ids and names of the domains in the home region, a hundred at most."""

    def profiles(self, by: Member, place: Mapping, part: str, most: int) -> Sequence[str]:
        """Return names of profiles that contain a part, in the domain of a mapping."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A domain, profile or space.

    Attributes:
        note: the name of a domain, or who holds a profile; empty for a free one.
    """

    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices that match the typed text.

    Attributes:
        all_there: whether AWS listed them, so nothing else matches the typed text.
        failed: whether AWS should have listed them but did not answer.
        goes_on: whether more match.
    """

    found: tuple[Choice, ...] = ()
    all_there: bool = False
    failed: bool = False
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the mappings say: one mapping for each domain, and the holder of each profile in it."""

    places: Dictionary[str, Mapping]
    holders: Dictionary[str, Dictionary[str, str]]


@dataclass(frozen=True, slots=True)
class Picks:
    """The use case and its dependencies.

    Attributes:
        lists: None where the bot's role may not list.
        names: the known names and addresses of users.
        notes: stores the values of fields on which other fields depend.
    """

    access: AccessAdmin
    studio: Studio
    names: NamesOf
    notes: Messages
    templates: Templates = field(default_factory=dict)
    lists: StudioLists | None = None
    _called: TTLCache[tuple[str, str], str] = field(default_factory=lambda: TTLCache(MAX_NAMES, KNOWN_SECONDS))
    _kept: TTLCache[str, Known] = field(default_factory=lambda: TTLCache(8, KNOWN_SECONDS))
    _lock: Lock = field(default_factory=Lock)

    def domains(self, by: Member, typed: str) -> Choices:
        """Return the domains. StoreError if the tables fail, here and below."""
        known = self._known(by.tenant)
        found = dict.fromkeys([*self.templates, *known.places], "")
        failed, lists = False, self.lists
        if lists is not None:
            try:
                found |= dict(lists.domains(by))
            except StudioError as error:
                failed = _failed(error)
        choices = (Choice(domain, name) for domain, name in found.items() if DOMAIN_ID.fullmatch(domain))
        return _fitting(choices, typed, failed=failed)

    def only_domain(self, by: Member) -> str:
        """Return the domain of every mapping and template; empty if there are several, or none."""
        found = {*self.templates, *self._known(by.tenant).places}
        return next(iter(found)) if len(found) == 1 else ""

    def profiles(self, by: Member, domain: str, typed: str) -> Choices:
        """Return a domain's profiles with their holders."""
        known, lists = self._known(by.tenant), self.lists
        place = self._place(known, domain)
        if place is None:
            return Choices()
        failed, part = False, typed.strip("-")  # AWS rejects a search text that ends with a hyphen
        if lists is not None and (not part or (len(part) <= MAX_NAME and NAME.fullmatch(part))):
            try:
                return self._held(by, place, lists.profiles(by, place, part, MAX_CHOICES + 1))
            except StudioError as error:
                failed = _failed(error)
        held = known.holders.get(domain, {})
        fitting = _fitting(map(Choice, sorted(held)), typed, failed=failed)
        noted = self._named(by.tenant, {each.value: held[each.value] for each in fitting.found})
        return replace(fitting, found=tuple(Choice(each.value, noted[each.value]) for each in fitting.found))

    def spaces(self, by: Member, domain: str, profile: str, typed: str) -> Choices:
        """Return the spaces that a profile may open."""
        place = self._place(self._known(by.tenant), domain)
        if place is None or not NAME.fullmatch(profile[:MAX_NAME]):
            return Choices()
        try:
            found = self.studio.spaces(by, replace(place, profile_name=profile[:MAX_NAME]))
        except StudioError as error:
            return Choices(failed=_failed(error))
        return _fitting(map(Choice, found), typed)

    def _held(self, by: Member, place: Mapping, listed: Sequence[str]) -> Choices:
        """Return listed profiles with their holders, as they are now."""
        names = sorted((name for name in listed if NAME.fullmatch(name)), key=str.lower)[:MAX_CHOICES]
        locks = self.access.holders([replace(place, profile_name=name) for name in names])
        noted = self._named(by.tenant, {mapping.profile_name: holder.user_id for mapping, holder in locks})
        found = tuple(Choice(name, noted.get(name, "")) for name in names)
        return Choices(found, all_there=True, goes_on=len(listed) > MAX_CHOICES)

    def _named(self, tenant: str, users: Dictionary[str, str]) -> dict[str, str]:
        """Return the addresses or names of the users; ids where nothing else is known."""
        with self._lock:
            called = {user: self._called[tenant, user] for user in users.values() if (tenant, user) in self._called}
        if missing := sorted({*users.values()} - called.keys()):
            known = self.names(tenant, missing)
            called |= dict.fromkeys(missing, "")
            called |= {user: person.email or shown_name(person) for user, person in known.items()}
            with self._lock:  # unknown ones too: Slack is not asked again with each key
                self._called.update(((tenant, user), called[user]) for user in missing)
        return {key: called[user] or user for key, user in users.items()}

    def _place(self, known: Known, domain: str) -> Mapping | None:
        """Return a mapping that shows how to reach the domain; None if this is not a domain id."""
        if domain in known.places:
            return known.places[domain]
        template = self.templates.get(domain)
        try:
            return Mapping(DEFAULT_ALIAS, domain, "any", region=template.region if template else None)
        except InvalidValue:
            return None

    def _known(self, tenant: str) -> Known:
        with self._lock:
            if tenant not in self._kept:
                self._kept[tenant] = _read(islice(self.access.members(tenant), MAX_MEMBERS))
            return self._kept[tenant]


def _read(members: Iterable[tuple[str, Access]]) -> Known:
    places: dict[str, Mapping] = {}
    holders: dict[str, dict[str, str]] = {}
    for user, access in members:
        for mapping in access.mappings:
            domain = mapping.domain_id
            places.setdefault(domain, Mapping(DEFAULT_ALIAS, domain, "any", mapping.region, mapping.role_arn))
            holders.setdefault(domain, {})[mapping.profile_name] = user
    return Known(places, holders)


def _fitting(choices: Iterable[Choice], typed: str, *, failed: bool = False) -> Choices:
    """Return the choices that contain the typed text."""
    part = typed.lower()
    found = [each for each in choices if part in each.value.lower() or part in each.note.lower()]
    return Choices(tuple(found[:MAX_CHOICES]), failed=failed, goes_on=len(found) > MAX_CHOICES)


def _failed(error: StudioError) -> bool:
    log.info("not_listed", why=str(error))
    return True
