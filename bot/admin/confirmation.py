"""Run administrators' commands from Slack: ask for confirmation first where a command takes access away.

A confirmation counts once, in time, from the same administrator, and only if the records have not changed since the
question. Every change is stored under the id of its request first, so a replayed request changes nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from bot.admin.access_requests import REVERTED
from bot.admin.affected import affected, nothing_to_take, stored
from bot.admin.agreement import Agreement
from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand, ParseError, build
from bot.admin.explain import explain
from bot.admin.leaving import Leaving
from bot.admin.listing import Listing, NamesOf
from bot.admin.pages import page_of_entries, page_of_members, page_of_records
from bot.admin.results import (
    Explained,
    NotDone,
    NotDoneReason,
    Outcome,
    Question,
    Waiting,
    carry_out,
)
from bot.admin.specs import COMMAND_SPECS, Name, Verb
from bot.admin.stored import lockdown_of
from bot.core import audit
from bot.core.access import Access, Member, Workspace
from bot.core.consent import Consent, Ownership
from bot.core.errors import BadInput, Changed, StudioLinksError
from bot.core.link import Source
from bot.core.policy import Facts, may_administer
from bot.core.ports import Confirmations
from bot.core.records import Actor, PendingCommand, RequestState
from bot.core.values import utc_now
from bot.links.facts import Gatherer, GroupsThatMatter, groups_for_administration

# Seconds that finding out who administers may take.
GATHER_TIMEOUT = 3.5
CONFIRMATION_TIMEOUT = timedelta(minutes=10)
# How long a second administrator has.
SECOND_TIMEOUT = timedelta(days=1)
# The next page of a listing can be read as long as Slack takes an answer to its message.
NEXT_PAGE_TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """The use case and its dependencies.

    Attributes:
        facts: reads Slack's own records, because a cache must not decide about administrators.
        admins: the user ids that may administer, beside those with a rule for it.
        names: what is known of the accounts of users, to show their names.
        leaving: off-boards members.
    """

    admin: Admin
    pending: Confirmations
    facts: Gatherer
    admins: frozenset[str]
    now: Callable[[], datetime] = utc_now
    names: NamesOf = lambda _tenant, _users: {}
    leaving: Leaving | None = None

    def admit(self, by: Member) -> tuple[bool, str | None]:
        """Return whether the member may administer now, and their language.

        Raises:
            StoreError, SlackError: the answer is unknown, so they may not.
        """
        facts = self.facts.begin(by).end(self.facts.within(GATHER_TIMEOUT), self._matter(by))
        return may_administer(by, facts, self.admins, self.now()).passed, facts.person.locale

    def may(self, by: Member, facts: Facts) -> bool:
        """Return whether the member, about whom this is known, may administer now."""
        facts = self.facts.with_groups(by, facts, self.facts.within(GATHER_TIMEOUT), self._matter(by))
        return may_administer(by, facts, self.admins, self.now()).passed

    def _matter(self, by: Member) -> GroupsThatMatter:
        return lambda known: groups_for_administration(by, known, self.admins, self.now())

    def ask(self, by: Member, command: AdminCommand, request_id: str, source: Source) -> Outcome | None:
        """Carry a command out, or return a question first; return None for a replay, which changes nothing.

        Raises:
            StudioLinksError: nothing was changed.
        """
        if COMMAND_SPECS[command.verb].reads:
            return self._read(by, command, request_id)
        access = stored(self.admin, by.tenant, command)
        not_done = nothing_to_take(command, access)
        if not_done is not None:
            return not_done
        now = self.now()
        pending = PendingCommand(
            request_id, by, command.verb, command.fields, now + CONFIRMATION_TIMEOUT, access.version
        )
        if not self.pending.keep(pending):
            return None
        refused = NotDoneReason.OWN_ACCESS if self._agreement.refuses(by, command, access) else None
        if command.verb is Verb.OFFBOARD:
            refused = self._leaving.refusal(by.tenant, command.principal, by)
        if refused is not None:
            return self._refuse(Actor(by.user_id, source), by.tenant, command, refused)
        lost = affected(command, access, now)
        if lost is not None:
            oneself = command.principal == by.user_id and command.verb in (Verb.DENY, Verb.FORGET)
            items = self._leaving.plan(command, access) if command.verb is Verb.OFFBOARD else ()
            return Question(request_id, command, lost, oneself, items)
        self.pending.take(by, request_id, now)  # no button press can repeat it
        return self._carry_out(pending, command, source, access)

    def confirm(self, by: Member, pending_id: str, source: Source) -> Outcome:
        """Carry out a confirmed command.

        Raises:
            Changed: the records changed after the question.
            StudioLinksError: nothing was changed. In both cases the command has to be typed again.
        """
        found = self._take(by, pending_id)
        if found is None or COMMAND_SPECS[found[1].verb].reads:
            return NotDone(NotDoneReason.EXPIRED)
        pending, command = found
        return self._carry_out(pending, command, source, stored(self.admin, by.tenant, command))

    def cancel(self, by: Member, pending_id: str) -> Outcome:
        """Drop a pending command. Raises StoreError."""
        return NotDone(NotDoneReason.EXPIRED if self._take(by, pending_id) is None else NotDoneReason.CANCELLED)

    def more(self, by: Member, pending_id: str, request_id: str) -> Outcome | None:
        """Return the next page of a listing; None for a replay. Raises StoreError."""
        found = self._take(by, pending_id)
        if found is None or not COMMAND_SPECS[found[1].verb].reads:
            return NotDone(NotDoneReason.EXPIRED)
        pending, command = found
        return self._read(by, command, request_id, pending.after)

    def _take(self, by: Member, pending_id: str) -> tuple[PendingCommand, AdminCommand] | None:
        pending = self.pending.take(by, pending_id, self.now())
        command = None if pending is None else self._command(pending)
        return None if pending is None or command is None else (pending, command)

    def _command(self, pending: PendingCommand) -> AdminCommand | None:
        try:
            verb, fields = Verb(pending.verb), {Name(name): text for name, text in pending.fields.items()}
            return build(verb, fields, self.now()) if COMMAND_SPECS[verb].in_slack else None
        except (ParseError, ValueError):  # stored by a version with other commands
            return None

    @property
    def _agreement(self) -> Agreement:
        return Agreement(self.admin, self.facts, self.admins)

    @property
    def listing(self) -> Listing:
        """What lists members."""
        return Listing(self.admin, self.facts.groups, self.names)

    def _refuse(self, actor: Actor, tenant: str, command: AdminCommand, why: NotDoneReason) -> NotDone:
        """Record that a command is not carried out, and why."""
        self._record(actor, tenant, command, why.value)
        return NotDone(why, command)

    def _record(self, actor: Actor, tenant: str, command: AdminCommand, outcome: str) -> None:
        about, now = command.principal or tenant, self.now()
        entry = audit.changed(command.verb, actor, tenant, about, now, after=dict(command.fields), outcome=outcome)
        self.admin.audit.open(entry)

    def _carry_out(
        self, pending: PendingCommand, command: AdminCommand, source: Source, seen: Access | Workspace
    ) -> Outcome:
        """Carry a command out, or ask a second administrator if it needs one."""
        by, actor = pending.by, Actor(pending.by.user_id, source)
        needed, profile = self._agreement.needed(by, command, seen)
        if needed is Consent.REFUSED:
            return self._refuse(actor, by.tenant, command, NotDoneReason.OWN_ACCESS)
        if needed is Consent.ANOTHER:
            return self._ask_another(pending, command, actor, seen, profile)
        return self._do(pending, command, actor, profile)

    def _do(self, pending: PendingCommand, command: AdminCommand, actor: Actor, profile: Ownership | None) -> Outcome:
        tenant, version = pending.by.tenant, pending.version
        if command.verb is not Verb.OFFBOARD:
            return carry_out(self.admin, tenant, command, actor, at_version=version, profile=profile)
        refused = self._leaving.refusal(tenant, command.principal, Member(tenant, actor.name))
        if refused is not None:
            return self._refuse(actor, tenant, command, refused)
        return self._leaving.begin(tenant, command, actor, at_version=version)

    @property
    def _leaving(self) -> Leaving:
        if self.leaving is None:
            raise BadInput("this bot off-boards nobody: use `studio-links offboard` in the shell")
        return self.leaving

    def _ask_another(
        self,
        pending: PendingCommand,
        command: AdminCommand,
        actor: Actor,
        seen: Access | Workspace,
        profile: Ownership | None,
    ) -> Outcome:
        by, others = pending.by, self._agreement.others(pending.by, command)
        if not others:
            return self._refuse(actor, by.tenant, command, NotDoneReason.NO_SECOND)
        self._record(actor, by.tenant, command, audit.WAITING)
        until, mark = self.now() + SECOND_TIMEOUT, profile.mark if profile else ""
        # Only the question holds the new id, so forged requests cannot name it.
        waiting = replace(pending, id=uuid4().hex, expires_at=until, second=True, mark=mark)
        self.pending.keep(waiting)
        owner = profile.owner if profile else None
        lockdown = lockdown_of(seen) if command.verb is Verb.LOCKDOWN else None
        return Waiting(waiting, command, owner, lockdown, others)

    def withdraw(self, waiting: Waiting, source: Source) -> NotDone:
        """Drop a command whose question reached no other administrator. Raises StoreError."""
        by = waiting.pending.by
        self.pending.take(by, waiting.pending.id, self.now(), second=True)
        return self._refuse(Actor(by.user_id, source), by.tenant, waiting.command, NotDoneReason.NOBODY_REACHED)

    def decide(self, by: Member, asked_by: Member, pending_id: str, source: Source, *, approve: bool) -> Outcome:
        """Carry out or drop a command that waits for a second administrator, once.

        Raises:
            Changed: the records or the profile changed since the command was asked for.
            StudioLinksError: nothing was changed. In both cases the command has to be asked for again.
        """
        now, actor = self.now(), Actor(by.user_id, source)
        pending = self.pending.waiting(asked_by, pending_id, now)
        command = None if pending is None else self._command(pending)
        if command is None or not self.admit(asked_by)[0]:
            gone = AdminCommand(Verb.ADMIN, {Name.USER: asked_by.user_id})
            return self._refuse(actor, by.tenant, gone, NotDoneReason.DECIDED)
        if by.user_id in (asked_by.user_id, command.principal):
            return self._refuse(actor, by.tenant, command, NotDoneReason.OWN_REQUEST)
        pending = self.pending.take(asked_by, pending_id, now, second=True)
        if pending is None:
            return self._refuse(actor, by.tenant, command, NotDoneReason.DECIDED)
        self._record(actor, by.tenant, command, (RequestState.APPROVED if approve else RequestState.DENIED).value)
        if not approve:
            return NotDone(NotDoneReason.DECLINED, command)
        try:
            asked = replace(actor, name=asked_by.user_id, approved_by=by.user_id)
            return self._carry_out_approved(pending, command, asked)
        except Exception:
            with suppress(StudioLinksError):  # the first error says more
                self._record(actor, by.tenant, command, REVERTED)
            raise

    def _carry_out_approved(self, pending: PendingCommand, command: AdminCommand, actor: Actor) -> Outcome:
        profile = None
        if command.verb is Verb.MAP:
            profile = self.admin.access.ownership(command.mapping())
            if profile.mark != pending.mark:
                raise Changed
        return self._do(pending, command, actor, profile)

    def _read(self, by: Member, command: AdminCommand, request_id: str, after: str = "") -> Outcome | None:
        match command.verb:
            case Verb.EXPLAIN:
                who = Member(by.tenant, command.principal)
                return Explained(command, explain(self.admin, who, command.alias, self.facts))
            case Verb.SHOW:
                page, goes_on = page_of_records(self.admin, by.tenant, command, after)
            case Verb.LIST:
                page, goes_on = page_of_members(self.listing, by.tenant, command, after)
            case _:
                page, goes_on = page_of_entries(self.admin, by.tenant, command, after)
        if not goes_on:
            return page
        pending = PendingCommand(
            request_id, by, command.verb, command.fields, self.now() + NEXT_PAGE_TIMEOUT, after=goes_on
        )
        return replace(page, more=request_id) if self.pending.keep(pending) else None
