"""A word before the bill: tell members what they have had running for long, and stop it where a rule says so.

A member gets one message a day at most, and none at night in their own time zone. Nothing is stopped without a
warning an hour before, so a stop that would need one at night waits for the day. When an app was last used decides
nothing: at AWS, health checks count as use.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from bot.core.access import Effect, Member, Person, in_force
from bot.core.apps import ALIVE, AppName
from bot.core.errors import SlackError, StoreError, StudioLinksError
from bot.core.link import LinkRequest, Reason, Source
from bot.core.ports import AccessAdmin
from bot.core.records import Actor
from bot.core.reminders import WAKING, Reminded, ReminderStore, Told, is_waking, local_time
from bot.workspaces.app_changes import Action, Done, Running
from bot.workspaces.everything import everything
from bot.workspaces.limits import Limits
from bot.workspaces.running import RunningApps
from bot.workspaces.usage import WeeklySummary

log = structlog.get_logger()

# Between looks at what runs, by one replica for all.
LOOK_EVERY = timedelta(minutes=15)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# The end of a member's working day.
EVENING = WAKING.stop
# Between messages that name the same app; the last one repeats.
DISTANCES = (DAY, 2 * DAY, 4 * DAY, 7 * DAY)
# The actor of a stop that no person asked for.
BY_RULE = "STUDIO_STOP_HOURS"
TONIGHT, WEEK = "tonight", "week"


@dataclass(frozen=True, slots=True)
class Plan:
    """The messages and stops that are due for a member now.

    Attributes:
        name: the apps to name in a message, with the time from which each may be stopped; None for never.
        stop: the apps to stop.
    """

    name: tuple[tuple[Running, datetime | None], ...] = ()
    stop: tuple[Running, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminders:
    """The use case and its dependencies.

    Attributes:
        after: when members hear of what runs.
        stop_after: when it is stopped; without a rule for the domain, never.
        person: Slack's record of a member, for their time zone.
        known: returns the records of users that are kept, whatever their age.
        tell: sends a member the message; SlackError if Slack does not take it.
        summary: counts what runs for the weekly summary; None for no summary.
    """

    running: RunningApps
    access: AccessAdmin
    store: ReminderStore
    after: Limits
    stop_after: Limits
    person: Callable[[Member], Person]
    tell: Callable[[Member, Person, Plan], object]
    summary: WeeklySummary | None = None
    known: Callable[[str, Sequence[str]], Mapping[str, Person]] = lambda _tenant, _users: {}

    def look(self, tenant: str) -> None:
        """Look at everything that runs, if it is time; on one replica for all.

        Raises:
            StoreError: it is not known what is mapped.
        """
        now = self.running.changes.now()
        if not self.store.claim(tenant, now, now + LOOK_EVERY):
            return
        members = list(self.access.members(tenant))
        found = everything(self.running.changes, members)
        for domain, error in found.unknown:
            log.warning("apps_unknown", domain=domain, why=str(error))
        if self.summary is not None:
            self.summary.look(tenant, [held.running for held in found.apps], now)
        blocked = {user for user, access in members if in_force(access.grants, Effect.DENY, now)}
        for user in sorted({held.user for held in found.apps if held.user} - blocked):
            try:
                self._look_at(Member(tenant, user), [held.running for held in found.apps if held.user == user], now)
            except StudioLinksError as error:  # the next look may do better
                log.warning("not_reminded", user=user, why=str(error))
            except Exception:  # a defect about one member must not silence the others
                log.exception("not_reminded", user=user)

    def keep(self, request: LinkRequest, alias: str, name: AppName, until: str) -> tuple[Done | None, datetime]:
        """Say nothing more of an app of the member's own until a time, and do not stop it; return that time.

        Raises:
            StoreError, SlackError: nothing was changed.
        """
        member, now = request.member, self.running.changes.now()
        kept_until = keep_until(until, now, self.person(member).tz_offset)

        def keep(running: Running) -> Reason | None:
            seen = self.store.read(member)
            told = Told(seen.apps.get(key(running), Told()).times, kept_until)
            kept = self.store.write(member, replace(seen, apps={**seen.apps, key(running): told}), now)
            return None if kept else Reason.STORE_THROTTLED

        return self.running.keep(request, alias, name, keep), kept_until

    def _look_at(self, member: Member, found: Sequence[Running], now: datetime) -> None:
        if not any(self._concerns(running, now) for running in found):
            return
        seen = self.store.read(member)
        planned = plan(found, seen, self.after, self.stop_after, now)
        for running in planned.stop:
            self._stop(member, running, now)
        if not planned.name:
            return
        kept = self.known(member.tenant, [member.user_id]).get(member.user_id)
        if kept is not None and not is_waking(now, kept.tz_offset):
            return  # without a look-up in Slack, which takes about a hundred of them a minute
        person = self.person(member)
        if not is_waking(now, person.tz_offset):
            return
        told = after_telling(planned, seen, found, now)
        if not self.store.write(member, told, now):  # another replica was faster, or the member keeps something
            return
        try:
            self.tell(member, person, planned)
        except SlackError as error:
            log.warning("not_reminded", user=member.user_id, code=error.code)
        else:
            self._note_warnings(member, planned, told)

    def _note_warnings(self, member: Member, planned: Plan, told: Reminded) -> None:
        """Note that the warnings of a message have arrived, except of what the member keeps by now."""
        seen, now = self.store.read(member), self.running.changes.now()
        sent = {key(running): told.apps[key(running)] for running, stop_at in planned.name if stop_at}
        warned = {name: replace(each, warned_at=now) for name, each in sent.items() if seen.apps.get(name) == each}
        if warned:
            self.store.write(member, replace(seen, apps={**seen.apps, **warned}), now)

    def _concerns(self, running: Running, now: datetime) -> bool:
        """Return whether a rule may already apply to an app, so that the member's record has to be read."""
        limits = (limit_of(each, running) for each in (self.after, self.stop_after))
        return any(limit is not None and running.lasts(now) >= limit - HOUR for limit in limits)

    def _stop(self, member: Member, running: Running, now: datetime) -> None:
        entry_id = uuid4().hex
        act = Action(entry_id, entry_id, Actor(BY_RULE, Source.SCHEDULE), now)
        try:
            done = self.running.changes.stop(act, member, running.mapping, running.app.name, running.app)
        except StoreError as error:  # no record, nothing is stopped
            log.warning("not_stopped", user=member.user_id, why=str(error))
        else:
            log.info("stopped_by_rule", user=member.user_id, outcome=done.outcome if done else "replayed")


def plan(found: Iterable[Running], seen: Reminded, after: Limits, stop_after: Limits, now: datetime) -> Plan:
    """Return what to tell a member, if it is day for them, and what to stop."""
    was_told = seen.last_at is not None and now - seen.last_at < DAY
    name: list[tuple[Running, datetime | None]] = []
    stop: list[Running] = []
    for running in found:
        if running.app.status not in ALIVE or running.app.since is None:
            continue
        told, stop_limit = seen.apps.get(key(running), Told()), limit_of(stop_after, running)
        stop_at = None if stop_limit is None else running.app.since + stop_limit
        if stop_at is not None and told.warned_at is not None:
            if now >= max(stop_at, told.warned_at + HOUR):
                stop.append(running)
        elif not was_told and (told.next_at is None or now >= told.next_at):
            name += _named(running, limit_of(after, running), stop_at, now)
    return Plan(tuple(name), tuple(stop))


def _named(
    running: Running, limit: timedelta | None, stop_at: datetime | None, now: datetime
) -> list[tuple[Running, datetime | None]]:
    """Return whether to name an app, and when it will be stopped.

    Where the warning of its stop is due within a day, the warning is that day's message.
    """
    if stop_at is not None and now >= stop_at - HOUR:
        return [(running, max(stop_at, now + HOUR))]
    soon = stop_at is not None and now >= stop_at - HOUR - DAY
    return [(running, None)] if limit is not None and running.lasts(now) >= limit and not soon else []


def after_telling(planned: Plan, seen: Reminded, found: Iterable[Running], now: datetime) -> Reminded:
    """Return the record once a message has named the apps; forget those that no longer run."""
    there = {key(running) for running in found}
    apps = {name: told for name, told in seen.apps.items() if name in there}
    for running, _ in planned.name:
        times = apps.get(key(running), Told()).times
        distance = DISTANCES[min(times, len(DISTANCES) - 1)]
        apps[key(running)] = Told(times + 1, now + distance)
    return Reminded(apps, now, seen.version)


def keep_until(until: str, now: datetime, tz_offset: int | None) -> datetime:
    """Return the evening of the member's day, or the time a week from now."""
    if until == WEEK:
        return now + timedelta(days=7)
    local = local_time(now, tz_offset)
    evening = local.replace(hour=EVENING, minute=0, second=0, microsecond=0)
    return evening if local < evening else evening + DAY


def limit_of(limits: Limits, running: Running) -> timedelta | None:
    return limits.of(running.mapping.domain_id, running.app.instance_type)


def key(running: Running) -> str:
    """Return the name of an app's run: one that was stopped and started again is another."""
    name, mapping = running.app.name, running.mapping
    since = int(running.app.since.timestamp()) if running.app.since else 0
    return f"{mapping.domain_id} {name.space or mapping.profile_name.lower()} {name.app_type} {name.name} {since}"
