"""Whether a member is in the user groups that rules are about, as far as Slack can say."""

from datetime import datetime

import structlog

from bot.core import policy
from bot.core.access import Access, Effect, Grant, Member
from bot.core.errors import SlackError
from bot.core.ports import NO_SUCH_GROUP, Directory

log = structlog.get_logger()


def is_in(directory: Directory, member: Member, grant: Grant) -> bool:
    """Whether the member is in the group of a rule.

    Nobody is in a group that Slack does not know or has disabled: such a group allows nobody. But a rule that denies
    it must not fall silent with it, so there a disabled group still counts, and an unknown one is an error.

    Raises:
        SlackError: it could not be confirmed.
    """
    denies = grant.effect is Effect.DENY
    try:
        return member.user_id in directory.group_members(member.tenant, grant.principal, even_disabled=denies)
    except SlackError as error:
        if error.code == NO_SUCH_GROUP and not denies:
            return False
        raise


def of_member(directory: Directory, member: Member, access: Access, now: datetime) -> dict[Grant, bool]:
    """What matters of the member's groups, asked one by one. What could not be confirmed is missing."""
    found = {}
    for grant in policy.group_questions(member, access, now):
        try:
            found[grant] = is_in(directory, member, grant)
        except SlackError as error:
            unconfirmed(grant, str(error))
    return found


def unconfirmed(grant: Grant, why: str) -> None:
    """Tell the log, where administrators look for why members are refused."""
    log.warning("group_not_confirmed", group=grant.principal, effect=grant.effect.value, why=why)
