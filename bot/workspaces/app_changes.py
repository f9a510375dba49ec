"""Stop and start apps, with the intention in the audit first and the outcome after.

The owner of an app is read again at the moment of acting: buttons only name the app.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.core import audit
from bot.core.access import Mapping, Member
from bot.core.apps import App, AppName
from bot.core.errors import AlreadyRecorded, StoreError, StudioError
from bot.core.link import Denied, LinkRequest, Reason
from bot.core.ports import AuditLog
from bot.core.records import Actor, Entry
from bot.core.values import utc_now
from bot.workspaces.prices import PriceList
from bot.workspaces.resources import Apps

log = structlog.get_logger()

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Running:
    """An app, the mapping that reaches it, and its price.

    Attributes:
        hourly: dollars; None where the price is unknown.
    """

    mapping: Mapping
    app: App
    hourly: float | None

    def lasts(self, now: datetime) -> timedelta:
        """Return how long it has run."""
        return max(now - self.app.since, timedelta()) if self.app.since else timedelta()

    def cost(self, now: datetime) -> float | None:
        """Return the dollars so far; None where the price or the beginning is unknown."""
        return None if self.hourly is None or self.app.since is None else self.hourly * (self.lasts(now) / HOUR)


@dataclass(frozen=True, slots=True)
class Action:
    """A request to stop or start something.

    Attributes:
        id: the same for a replayed request.
        attempt: fresh each time.
        member: on whose behalf a mapping's role is assumed; None for administration.
    """

    id: str
    attempt: str
    actor: Actor
    at: datetime
    member: Member | None = None


def action_of(request: LinkRequest, *, own: bool = True) -> Action:
    """Return what a member asks in Slack, about what is their `own` or another member's."""
    actor = Actor(request.member.user_id, request.source)
    return Action(request.id, request.attempt, actor, request.at, request.member if own else None)


@dataclass(frozen=True, slots=True)
class Done:
    """The result of stopping or starting something.

    Attributes:
        outcome: "done", or a `Reason`.
        refusal: the policy's refusal, if that is why.
        locale: the language of the member who asked.
    """

    action: str
    outcome: str
    mapping: Mapping | None = None
    name: AppName | None = None
    app: App | None = None
    refusal: Denied | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class AppChanges:
    """The use case and its dependencies. Each method returns None for a replay, which changes nothing.

    Attributes:
        region: that of mappings without one of their own.
    """

    apps: Apps
    audit: AuditLog
    prices: PriceList
    region: str
    now: Callable[[], datetime] = utc_now

    def priced(self, mapping: Mapping, app: App) -> Running:
        return Running(mapping, app, self.prices.hourly(mapping.region or self.region, app))

    def stop(
        self, act: Action, member: Member, mapping: Mapping, name: AppName, seen: App | None = None
    ) -> Done | None:
        """End an app of the mapping's profile. StoreError if it cannot be recorded: then nothing is changed.

        Args:
            seen: the app as it was listed, if one of that name which was started later is to go on.
        """
        done = Done(audit.STOP, audit.DONE, mapping, name)

        def stop() -> Done:
            app = self._owned(act, mapping, name)
            if isinstance(app, Reason):
                return replace(done, outcome=app)
            if seen is not None and _began(app) != _began(seen):
                return replace(done, outcome=Reason.APP_GONE)
            self.apps.stop(mapping, name, act.member)
            return replace(done, app=app)

        return self._recorded(act, member, done, name.space, stop)

    def start(self, act: Action, member: Member, mapping: Mapping, space: str) -> Done | None:
        """Start the app of a space that the mapping's profile owns; StoreError as for `stop`."""
        done = Done(audit.START, audit.DONE, mapping)
        return self._recorded(
            act, member, done, space, lambda: replace(done, name=self.apps.start(mapping, space, act.member))
        )

    def keep(
        self,
        act: Action,
        member: Member,
        mapping: Mapping,
        name: AppName,
        work: Callable[[Running], Reason | None],
    ) -> Done | None:
        """Do something else about an app of the mapping's profile, which may fail; StoreError as for `stop`."""
        done = Done(audit.KEEP, audit.DONE, mapping, name)

        def keep() -> Done:
            app = self._owned(act, mapping, name)
            if isinstance(app, Reason):
                return replace(done, outcome=app)
            return replace(done, app=app, outcome=work(self.priced(mapping, app)) or audit.DONE)

        return self._recorded(act, member, done, name.space, keep)

    def refuse(self, act: Action, member: Member, action: str, denied: Denied) -> Done | None:
        """Record that nothing is stopped or started, and why; StoreError as for `stop`."""
        done = Done(action, denied.reason, denied.mapping, refusal=denied)
        return self._recorded(act, member, done, None, lambda: done)

    def _owned(self, act: Action, mapping: Mapping, name: AppName) -> App | Reason:
        """Return an app of the mapping's profile as it is now, or why there is none."""
        app = self.apps.app(mapping, name, act.member)
        if app is None:
            return Reason.APP_GONE
        return app if app.belongs_to(mapping) else Reason.APP_NOT_YOURS

    def _recorded(
        self, act: Action, member: Member, done: Done, space: str | None, work: Callable[[], Done]
    ) -> Done | None:
        """Act once the intention is in the audit, and complete its entry. No record, nothing is done."""
        entry = _entry(act, member, done, space)
        try:
            self.audit.open(entry)
        except AlreadyRecorded:
            return None
        try:
            done = work()
        except StudioError as error:
            log.warning("app_not_changed", request=act.id, why=str(error))
            done = replace(done, outcome=error.reason)
        try:
            self.audit.close(replace(entry, outcome=done.outcome, after=self._kept(done)))
        except (StoreError, AlreadyRecorded) as error:  # the app has changed all the same, and the member reads it
            log.error("outcome_not_recorded", request=act.id, outcome=done.outcome, why=str(error))  # noqa: TRY400
        return done

    def _kept(self, done: Done) -> dict[str, object] | None:
        """Return what the audit keeps of an app: its name, and how long it had run on what."""
        if done.name is None or done.mapping is None:
            return None
        kept: dict[str, object] = {"app": f"{done.name.app_type} {done.name.name}"}
        if done.app is not None:
            hours = round(self.priced(done.mapping, done.app).lasts(self.now()) / HOUR, 1)
            kept |= {"instance": done.app.instance_type or "unknown", "hours": hours}
        return kept


def _began(app: App) -> int | None:
    return int(app.since.timestamp()) if app.since else None


def _entry(act: Action, member: Member, done: Done, space: str | None) -> Entry:
    entry = audit.changed(done.action, act.actor, member.tenant, member.user_id, act.at, outcome=audit.REQUESTED)
    of_mapping = ("alias", "domain_id", "profile_name", "region")
    copied: dict[str, Any] = {name: getattr(done.mapping, name, None) for name in of_mapping}
    return replace(entry, id=act.id, attempt=act.attempt, space_name=space, **copied)
