"""What runs for a member in Studio and what it costs; who may stop and start it.

A member reaches the apps of their own profiles and of the spaces that these own, whether or not others use the spaces
as well.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeGuard

import structlog

from bot.core import audit
from bot.core.access import Access, Mapping, Member
from bot.core.apps import ALIVE, App, AppName, AppStatus, Space
from bot.core.errors import StudioError
from bot.core.link import Allowed, Denied, LinkRequest, Reason
from bot.core.policy import Rules, preview
from bot.links.facts import Gatherer, groups_for_link
from bot.links.status import MemberStatus
from bot.workspaces.app_changes import Action, AppChanges, Done, Running, action_of

log = structlog.get_logger()

# Seconds that finding out about a member may take, and then AWS's lists.
GATHER_TIMEOUT, LIST_TIMEOUT = 3.5, 4.0
# A member who gets no link for one of these reasons may still see and stop what is theirs: it gives them nothing.
HARMLESS = frozenset({Reason.NOT_ALLOWED, Reason.GRANT_EXPIRED, Reason.LOCKDOWN})
STARTABLE = ("JupyterLab", "CodeEditor")


@dataclass(frozen=True, slots=True)
class Overview:
    """What a member has.

    Attributes:
        idle: spaces of theirs in which nothing runs.
        unknown: the mappings whose domain could not be read, and why.
        may_start: whether they may open and start something now.
        locale: the member's language.
    """

    running: tuple[Running, ...] = ()
    idle: tuple[tuple[Mapping, Space], ...] = ()
    unknown: tuple[tuple[Mapping, Reason], ...] = ()
    may_start: bool = False
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class RunningApps:
    """The use case and its dependencies. The methods that act return None for a replay, which changes nothing."""

    changes: AppChanges
    facts: Gatherer
    rules: Rules

    def of(self, member: Member) -> Overview | Denied:
        """Return what a member has; Denied if even that is none of their business.

        Raises:
            StoreError, SlackError: nothing is known of the member.
        """
        access, decision = self._known(member)
        return decision if _hides(decision) else self._seen(access, decision, member)

    def of_status(self, status: MemberStatus) -> Overview | None:
        """Return what a member has, of whom everything else is known; None if it is none of their business."""
        decision = status.decision
        return None if _hides(decision) else self._seen(status.facts.access, decision, status.member)

    def of_mappings(self, mappings: Iterable[Mapping], member: Member | None = None) -> Overview:
        """Return what belongs to the profiles of these mappings, with each profile once."""
        once = {each.profile_key: each for each in reversed(tuple(mappings))}
        until, side = self.facts.within(LIST_TIMEOUT), self.facts.side
        asked = [(m, side.submit(self.changes.apps.inventory, m, member)) for m in reversed(once.values())]
        running: list[Running] = []
        idle: list[tuple[Mapping, Space]] = []
        unknown: list[tuple[Mapping, Reason]] = []
        for mapping, answer in asked:
            try:
                inventory = self.facts.wait(until, answer, StudioError, "SageMaker")
            except StudioError as error:
                log.warning("apps_unknown", domain=mapping.domain_id, why=str(error))
                unknown.append((mapping, error.reason))
                continue
            own = [app for app in inventory.apps if app.belongs_to(mapping)]
            running += [self.changes.priced(mapping, app) for app in own]
            idle += [(mapping, space) for space in _idle(mapping, inventory.spaces, own)]
        return Overview(tuple(running), tuple(idle), tuple(unknown))

    def stop(self, request: LinkRequest, alias: str, name: AppName) -> Done | None:
        """End an app of the member who asks.

        Raises:
            StoreError, SlackError: nothing was changed.
        """
        return self._change(request, alias, audit.STOP, partial(self.changes.stop, name=name))

    def keep(
        self, request: LinkRequest, alias: str, name: AppName, work: Callable[[Running], Reason | None]
    ) -> Done | None:
        """Do something else about an app of the member who asks; errors as for `stop`."""
        return self._change(request, alias, audit.KEEP, partial(self.changes.keep, name=name, work=work))

    def start(self, request: LinkRequest, alias: str, space: str) -> Done | None:
        """Start the app of a space that the member owns, if they may open it; errors as for `stop`."""
        return self._change(request, alias, audit.START, partial(self.changes.start, space=space))

    def _change(
        self, request: LinkRequest, alias: str, action: str, change: Callable[[Action, Member, Mapping], Done | None]
    ) -> Done | None:
        """Change the member's own app or space; to start one, they must be allowed to open it."""
        access, decision = self._known(request.member)
        mapping, act, starts = named(access, alias), action_of(request), action == audit.START
        if isinstance(decision, Denied) and (starts or _hides(decision)):
            done = self.changes.refuse(act, request.member, action, decision)
        elif mapping is None:
            missing = Reason.SPACE_NOT_YOURS if starts else Reason.APP_NOT_YOURS
            done = self.changes.refuse(act, request.member, action, Denied(missing))
        else:
            done = change(act, request.member, mapping)
        return done and replace(done, locale=decision.locale)

    def stop_for(self, request: LinkRequest, member: Member, alias: str, name: AppName) -> Done | None:
        """End an app of a member for an administrator, who has been admitted; errors as for `stop`."""
        mapping, act = named(self.facts.access.read(member), alias), action_of(request, own=False)
        if mapping is None:
            return self.changes.refuse(act, member, audit.STOP, Denied(Reason.APP_NOT_YOURS))
        return self.changes.stop(act, member, mapping, name)

    def state(self, mapping: Mapping, name: AppName, member: Member) -> App | None:
        """Return an app of the member's own as it is now; StudioError as for `ports.Apps`."""
        app = self.changes.apps.app(mapping, name, member)
        return app if app is not None and app.belongs_to(mapping) else None

    def _known(self, member: Member) -> tuple[Access, Allowed | Denied]:
        """Read the member's records, and decide as for a link."""
        now, until = self.changes.now(), self.facts.within(GATHER_TIMEOUT)
        facts = self.facts.begin(member).end(until, lambda known: groups_for_link(member, known, self.rules, now))
        return facts.access, preview(member, facts, self.rules, now)

    def _seen(self, access: Access, decision: Allowed | Denied, member: Member) -> Overview:
        found = self.of_mappings(access.mappings, member)
        return replace(found, may_start=isinstance(decision, Allowed), locale=decision.locale)


def _hides(decision: Allowed | Denied) -> TypeGuard[Denied]:
    """Return whether a decision hides even what is the member's own."""
    return isinstance(decision, Denied) and decision.reason not in HARMLESS


def _idle(mapping: Mapping, spaces: Iterable[Space], own: Iterable[App]) -> list[Space]:
    """Return the spaces of the profile in which nothing runs, and something could."""
    busy = {app.name.space for app in own if app.status is not AppStatus.FAILED}
    mine = (space for space in spaces if space.belongs_to(mapping))
    return [space for space in mine if space.app_type in STARTABLE and space.name not in busy]


def named(access: Access, alias: str) -> Mapping | None:
    """Return the mapping of that alias."""
    return next((mapping for mapping in access.mappings if mapping.alias == alias), None)


def alive(found: Sequence[Running]) -> list[Running]:
    """Return those that cost money, the dearest first."""
    return sorted((each for each in found if each.app.status in ALIVE), key=lambda each: -(each.hourly or 0))
