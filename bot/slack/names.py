"""Ask Slack for the member whom an e-mail address or @name stands for."""

from collections.abc import Iterator
from itertools import islice

from bot.admin.names import find
from bot.core.access import Person
from bot.core.errors import BadInput
from bot.slack.client import SlackApi

# Accounts to look through for an @name: each page of them is a call, and Slack allows about twenty a minute.
MAX_ACCOUNTS = 4000


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
