"""Tell members a day before their access ends, and again when it has ended.

This is about allow rules for one member. A group's rule ends for everybody in it at the same moment, and members
cannot extend it: administrators find it with `list`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.admin.listing import Around, Listing, listed
from bot.core.access import Access, Effect, Member, Person
from bot.core.errors import SlackError, StoreError
from bot.core.link import Reason
from bot.core.reminders import EndNotice, ReminderStore, is_waking

log = structlog.get_logger()

# Time between looks at access that ends. One replica looks for all.
LOOK_EVERY = timedelta(minutes=15)
# How long before the end of access to send a message, and how long after it a message makes sense.
DAY = timedelta(days=1)
# The most members per look: Slack allows about a hundred account look-ups a minute. The next look covers the rest.
MAX_A_LOOK = 90


def ending(member: Member, own: Access, person: Person | None, around: Around, now: datetime) -> EndNotice | None:
    """Return what to tell a member now about the end of their access; None for nothing. Pure.

    Members get a message only if they lose access, not if a deny rule, a lockdown or a group makes the end
    irrelevant. They get none in advance if the access was given for no longer than that.

    Args:
        person: as for `listed`.
    """
    rule = next((grant for grant in own.grants if grant.effect is Effect.ALLOW), None)
    if rule is None or rule.until is None or abs(rule.until - now) > DAY or around.workspace.lockdown is not None:
        return None
    over = not rule.holds_at(now)
    if not over and rule.set_at is not None and rule.until - rule.set_at <= DAY:
        return None
    if not over and not listed(member, own, person, around, now).allowed:
        return None
    then = listed(member, own, person, around, max(rule.until, now))
    return EndNotice(rule.until, over) if then.reason is Reason.GRANT_EXPIRED else None


@dataclass(frozen=True, slots=True)
class EndNotices:
    """The use case and its dependencies.

    Attributes:
        listing: with kept records of accounts alone, because there may be many.
        person: Slack's record of a member, for their time zone.
        tell: sends a member the message; SlackError if Slack does not take it.
    """

    listing: Listing
    store: ReminderStore
    person: Callable[[Member], Person]
    tell: Callable[[Member, Person, EndNotice], object]

    def look(self, tenant: str) -> None:
        """Tell members that their access ends, if a look is due. One replica looks for all.

        Raises:
            StoreError: the rules or the messages sent so far could not be read.
        """
        now, access = self.listing.admin.now(), self.listing.admin.access
        if not self.store.claim(f"{tenant}#endings", now, now + LOOK_EVERY):
            return
        users = sorted(access.ending(tenant, now - DAY, now + DAY))
        if not users:
            return
        people, around = self.listing.names(tenant, users), self.listing.around(tenant)
        due: dict[Member, EndNotice] = {}
        for member, own in access.read_each([Member(tenant, user) for user in users]):
            person = people.get(member.user_id)
            notice = ending(member, own, person, around, now)
            if notice is not None and (person is None or is_waking(now, person.tz_offset)):
                due[member] = notice
        seen = self.store.end_notices(list(due))
        unaware = [member for member in due if not _is_known(due[member], seen[member])]
        # Start with members for whom it is daytime by their kept record: for many of the others, it may be night.
        unaware.sort(key=lambda each: (each.user_id not in people, due[each].until, each))
        for member in unaware[:MAX_A_LOOK]:
            try:
                self._tell(member, seen[member])
            except SlackError as error:
                log.warning("end_not_told", user=member.user_id, code=error.code)
                if error.reason is Reason.SLACK_UNREACHABLE:  # the next look may do better
                    return
            except StoreError:
                raise
            except Exception:  # a defect about one member must not silence the others
                log.exception("end_not_told", user=member.user_id)

    def _tell(self, member: Member, seen: EndNotice) -> None:
        """Tell a member, if their access still ends then.

        The message counts as sent before it is: a second one would be worse than none. It also counts as sent to an
        account that can open nothing, so that no later look asks Slack about it.
        """
        person, admin = self.person(member), self.listing.admin
        now, around = admin.now(), self.listing.around(member.tenant)
        [(_, own)] = admin.access.read_each([member])
        notice = ending(member, own, None, around, now)
        if notice is None or _is_known(notice, seen) or not is_waking(now, person.tz_offset):
            return
        first = self.store.write_end_notice(member, replace(notice, version=seen.version), now)
        if first and ending(member, own, person, around, now) is not None:
            self.tell(member, person, notice)


def _is_known(notice: EndNotice, seen: EndNotice) -> bool:
    """Return whether a member already got the message about this end, or a later one about it."""
    return notice.until == seen.until and notice.over <= seen.over
