"""Keep Slack's records of members who asked for links, so that a link rarely waits for Slack.

Slack allows about a hundred account look-ups a minute, for all replicas together. So they share a record of each,
renewed from Slack's list of accounts and corrected by Slack's events. One that is older than `MAX_AGE` counts for
nothing, and so do all while no events arrive: then Slack is asked, as for a member without a record.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.core.access import Access, Member, Person
from bot.core.policy import ineligible_reason
from bot.core.ports import PeopleStore
from bot.core.values import utc_now

log = structlog.get_logger()

# A member whom Slack has restricted is refused after this time at the latest, even if Slack's event was lost.
MAX_AGE = timedelta(hours=1)
# Slack tells of each new status of anybody, so in a workspace of some size events arrive all the time.
DEAF_AFTER = timedelta(days=1)
# The records are renewed twice in that time, so that one attempt may fail.
RENEWED_EVERY = timedelta(minutes=25)


@dataclass(frozen=True, slots=True)
class People:
    """The use case and its dependencies.

    Attributes:
        accounts: lists all accounts of the token's workspace, a page at a time.
    """

    store: PeopleStore
    accounts: Callable[[], Iterable[Person]]
    now: Callable[[], datetime] = utc_now

    def known(self, access: Access) -> Person | None:
        """Return the record that was read with the member's rules; None where Slack has to be asked."""
        person = access.person if self.in_use else None
        recent = person is not None and person.as_of is not None and self.now() - person.as_of < MAX_AGE
        return person if recent else None

    @property
    def in_use(self) -> bool:
        """Return whether records may count: while Slack's events arrive, so that they correct them.

        An app without the event, as set up by older versions, never gets one.
        """
        heard_at = self.store.heard_at
        return heard_at is not None and self.now() - heard_at < DEAF_AFTER

    def learn(self, member: Member, person: Person) -> None:
        """Keep what Slack has said of a member who is in order."""
        if self.in_use and ineligible_reason(member, person) is None:
            self.store.learn(member.tenant, person, self.now())

    def renew(self, tenant: str) -> None:
        """Renew all records if it is time, on one replica for all.

        Raises:
            StoreError, SlackError: some are not renewed.
        """
        now = self.now()
        if self.store.claim(tenant, now, now + RENEWED_EVERY):
            people = (replace(person, as_of=now) for person in self.accounts())
            log.info("people_renewed", count=self.store.renew(tenant, people))

    def changed(self, member: Member, person: Person) -> None:
        """Take note of Slack's event about an account: a restriction counts at once, anything else has Slack asked.

        So a forged event can take a link away, and never gives one. StoreError if it cannot be noted.
        """
        self.store.hear(member.tenant, self.now())
        restricted, now = person.guest or ineligible_reason(member, person) is not None, self.now()
        self.store.changed(member.tenant, replace(person, as_of=now), now, restricted=restricted)
