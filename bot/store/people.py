"""What Slack last said of the accounts that asked for links, in the runtime table."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pynamodb.exceptions import AttributeDeserializationError

from bot.core.access import Person
from bot.store.dynamodb import MAX_BATCH, write_if
from bot.store.models import RuntimeItem, Tables, claim, read_items

# A record goes so long after its member has last been asked about.
KEPT = timedelta(days=30)
# How often replicas tell each other that Slack's events arrive.
TOLD_EVERY = timedelta(hours=1)


class PeopleTable:
    """The records; see `ports.PeopleStore`.

    An installation's role may not allow reading them with a member's rules yet, so `heard_at` waits for one success.
    """

    def __init__(self, tables: Tables) -> None:
        self._items = tables.runtime
        self._allowed = False
        self._heard_at: datetime | None = None

    @property
    def heard_at(self) -> datetime | None:
        return self._heard_at if self._allowed else None

    def claim(self, tenant: str, at: datetime, until: datetime) -> bool:
        """Move the time of the next renewal, if it has come; read what other replicas have heard."""
        items, key = self._items, _state(tenant)
        state = read_items(items, [key]).get(key)
        self._allowed = True
        if state is not None and state.as_of is not None:
            self._heard_at = max(state.as_of, self._heard_at or state.as_of)
        return claim(items, key, at, until, expires=at + KEPT)

    def hear(self, tenant: str, at: datetime) -> None:
        if self._heard_at is None or at - self._heard_at > TOLD_EVERY:
            items = self._items
            write_if(None, items(_state(tenant)), [items.as_of.set(at), items.expires.set(at + KEPT)])
        self._heard_at = at

    def known(self, tenant: str, users: Sequence[str]) -> dict[str, Person]:
        """Return the kept records of these users at any age: for names, not for decisions."""
        keys = {person_key(tenant, user): user for user in users}
        found = read_items(self._items, list(keys)).items()
        return {keys[key]: person for key, item in found if (person := _person(item))}

    def learn(self, tenant: str, person: Person, at: datetime) -> None:
        self._put(tenant, person, at + KEPT)

    def renew(self, tenant: str, people: Iterable[Person]) -> int:
        """Replace the records that exist; return how many."""
        renewed, rest = 0, iter(people)
        while batch := list(islice(rest, MAX_BATCH)):
            stored = read_items(self._items, [person_key(tenant, person.user_id) for person in batch])
            for person in batch:
                item = stored.get(person_key(tenant, person.user_id))
                renewed += item is not None and self._put(tenant, person, item.expires)
        return renewed

    def changed(self, tenant: str, person: Person, at: datetime, *, restricted: bool) -> None:
        if restricted:
            self._put(tenant, person, at + KEPT)
            return
        key = person_key(tenant, person.user_id)
        item = read_items(self._items, [key]).get(key)
        if item is not None and not _same_rights(_person(item), person):
            self._put(tenant, person, item.expires, ask=True)

    def _put(self, tenant: str, person: Person, expires: datetime, *, ask: bool = False) -> bool:
        """Write a record unless a newer one is there; with `ask`, one that only says that Slack has to be asked."""
        items = self._items
        item = items(
            person_key(tenant, person.user_id),
            person=None if ask else asdict(replace(person, as_of=None)) | {"teams": sorted(person.teams)},
            updated=person.updated,
            as_of=person.as_of,
            expires=expires,
        )
        return write_if(items.updated.does_not_exist() | (items.updated <= person.updated), item)


def _state(tenant: str) -> str:
    """Return the key of what replicas share about the records: when they are due, and when Slack told of a change."""
    return f"people#{tenant}"


def person_key(tenant: str, user_id: str) -> str:
    """Return the key of a person's record in the runtime table."""
    return f"person#{tenant}#{user_id}"


def person_in(items: type[RuntimeItem], raw: dict[str, Any] | None) -> Person | None:
    """Return a stored person; None without a readable record: then ask Slack."""
    if raw is None:
        return None
    try:
        return _person(items.from_raw_data(raw))
    except (AttributeDeserializationError, ValueError):
        return None


def _person(item: RuntimeItem) -> Person | None:
    stored = item.person
    if not isinstance(stored, dict) or not isinstance(stored.get("teams"), list):
        return None
    try:
        return Person(**stored | {"teams": frozenset(stored["teams"]), "as_of": item.as_of})
    except TypeError:  # stored by a version with other fields
        return None


def _same_rights(stored: Person | None, person: Person) -> bool:
    """Return whether two records differ at most in what allows and denies nothing."""
    return stored is not None and replace(stored, locale=person.locale) == person
