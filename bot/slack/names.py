"""Ask Slack for the member whom an e-mail address or @name stands for, and for the names of members."""

from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Lock

import structlog
from cachetools import TTLCache

from bot.admin.listing import NamesOf
from bot.admin.names import find, label
from bot.core.access import Member, Person
from bot.core.errors import BadInput, SlackError, StoreError
from bot.slack.client import SlackApi

log = structlog.get_logger()

# Accounts to look through for an @name: each page of them is a call, and Slack allows about twenty a minute.
MAX_ACCOUNTS = 4000
# Accounts to ask for one by one rather than list, and the seconds that a list is kept.
FEW, LIST_SECONDS = 3, 60


def find_member(slack: SlackApi, tenant: str, text: str) -> Person:
    """Return the full member with this address or @name.

    Raises:
        UnclearName: it does not stand for one full member.
        BadInput: the workspace has too many accounts to look for an @name.
        SlackError: Slack did not say.
    """
    if text.startswith("@"):
        return find(text, _accounts(slack, text), tenant)
    found = slack.with_address(text)
    return find(text, () if found is None else (found,), tenant)


def _accounts(slack: SlackApi, text: str) -> Iterator[Person]:
    yield from islice(accounts := slack.accounts(), MAX_ACCOUNTS)
    if next(accounts, None) is not None:  # somebody among the others may have the name as well
        raise BadInput(
            f"this workspace has too many accounts to look for {text}: give the e-mail address or the Slack id"
        )


class Names:
    """The names of accounts, as far as known: from kept records first, then from Slack. Thread-safe.

    Args:
        slack: None where it cannot be asked.
        known: the kept records; StoreError where they cannot be read.
    """

    def __init__(self, slack: SlackApi | None, known: NamesOf) -> None:
        self._slack, self._known = slack, known
        self._listed: TTLCache[str, dict[str, Person]] = TTLCache(1, LIST_SECONDS)
        self._lock = Lock()

    def of(self, tenant: str, users: Sequence[str]) -> dict[str, Person]:
        """Return the accounts that are known. A failure leaves some out: a list without names is still a list."""
        try:
            found = dict(self._known(tenant, users))
        except StoreError as error:
            log.info("names_unknown", why=str(error))
            found = {}
        missing = {user for user in users if user not in found or not label(found[user])}
        if self._slack is not None and missing:
            try:
                found |= self._asked(self._slack, tenant, missing)
            except SlackError as error:
                log.warning("names_unknown", why=str(error))
        return found

    def _asked(self, slack: SlackApi, tenant: str, users: set[str]) -> dict[str, Person]:
        if len(users) <= FEW:
            return {user: slack.person(Member(tenant, user)) for user in users}
        with self._lock:
            if tenant not in self._listed:
                self._listed[tenant] = {each.user_id: each for each in islice(slack.accounts(), MAX_ACCOUNTS)}
            listed = self._listed[tenant]
        return {user: listed[user] for user in users & listed.keys()}
