"""Jobs on workspaces, in the runtime table: one item per member, and one per workspace that lists the open ones."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from bot.core.access import Mapping, Member
from bot.core.audit import record_fields
from bot.core.errors import Changed
from bot.core.jobs import Item, ItemKind, ItemState, Job, JobKind, JobState, Workspace
from bot.core.link import Source
from bot.core.records import Actor
from bot.store.dynamodb import TimeAttribute, all_or_nothing, get_or_none, store_errors, write_if
from bot.store.models import RuntimeItem, Tables

# How long a job can still be looked up after its last change.
KEPT = timedelta(days=14)


class JobTable:
    """The jobs; see `jobs.JobStore`. `attempt` is the lease, and `open_until` its end."""

    def __init__(self, tables: Tables) -> None:
        self._items, self._connection = tables.runtime, tables.connection

    def start(self, job: Job, lease: str, until: datetime) -> bool:
        """Put the job and list it, in one transaction."""
        items, key = self._items, _key(job.member)
        seen = get_or_none(items, key)
        unchanged: Condition = items.id.does_not_exist()
        if seen is not None:
            there = _job(seen, job.member)
            replaces = job.kind is JobKind.OFFBOARD and there.kind is JobKind.PROVISION
            if there.is_open and not replaces and there.id != job.id:
                return False
            busy_until = seen.open_until if there.is_open and there.id != job.id else None
            if busy_until is not None and busy_until > job.at:
                until, lease = busy_until, uuid4().hex  # somebody may work on the other one: nobody has the lease yet
            unchanged = items.attempt == seen.attempt
        item = items(
            key, attempt=lease, state=job.state.value, request=_stored(job), open_until=until, expires=job.at + KEPT
        )
        listed = items(_list(job.member.tenant))
        actions: list[Action] = [items.members.add({job.member.user_id}), items.expires.set(job.at + KEPT)]
        try:
            with all_or_nothing(self._connection()) as transaction:
                transaction.save(item, condition=unchanged)
                transaction.update(listed, actions=actions)
        except Changed:
            return False
        return True

    def open(self, tenant: str) -> Sequence[Member]:
        """Eventually consistent: a job that has just begun may be missed once."""
        item = get_or_none(self._items, _list(tenant), consistent=False)
        return [Member(tenant, user) for user in sorted(item.members or ())] if item is not None else []

    def find(self, member: Member) -> Job | None:
        """Strongly consistent."""
        item = get_or_none(self._items, _key(member))
        return None if item is None else _job(item, member)

    def claim(self, member: Member, lease: str, at: datetime, until: datetime) -> Job | None:
        """Take the lease if it has ended; of simultaneous callers one gets it. Forget a job that is not open."""
        items, item = self._items, self._items(_key(member))
        free = (items.state == JobState.OPEN.value) & (items.open_until <= at)
        actions = [items.attempt.set(lease), items.open_until.set(until), items.expires.set(at + KEPT)]
        if write_if(free | (items.attempt == lease), item, actions):
            return _job(item, member)
        found = self.find(member)
        if found is None:
            write_if(None, items(_list(member.tenant)), [items.members.delete({member.user_id})])
        elif not found.is_open:
            self._unlist(member)
        return None

    def save(self, job: Job, lease: str, next_at: datetime) -> bool:
        """Write the whole job, if the lease is still the caller's."""
        items, item = self._items, self._items(_key(job.member))
        actions = [
            items.request.set(_stored(job)),
            items.state.set(job.state.value),
            items.open_until.set(next_at),
        ]
        if not write_if(items.attempt == lease, item, actions):
            return False
        if not job.is_open:
            self._unlist(job.member)
        return True

    def _unlist(self, member: Member) -> None:
        """Take a member off the list, unless a new job of theirs has begun; that one lists them again."""
        items = self._items
        with suppress(Changed), all_or_nothing(self._connection()) as transaction:
            # An update that changes nothing: checking alone would take another permission.
            over: Condition = items.state != JobState.OPEN.value
            nothing: list[Action] = [items.members.remove()]
            transaction.update(items(_key(member)), actions=nothing, condition=items.id.exists() & over)
            delisted: list[Action] = [items.members.delete({member.user_id})]
            transaction.update(items(_list(member.tenant)), actions=delisted)


def _key(member: Member) -> str:
    return f"job#{member.tenant}#{member.user_id}"


def _list(tenant: str) -> str:
    return f"jobs#{tenant}"


def _stored(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "actor": [job.actor.name, job.actor.source, job.actor.approved_by],
        "at": TimeAttribute().serialize(job.at),
        "workspaces": [
            {"mapping": record_fields(each.mapping), "space": each.space, "instance": each.instance}
            for each in job.workspaces
        ],
        "request_id": job.request_id,
        "until": job.until and TimeAttribute().serialize(job.until),
        "keep_files": job.keep_files,
        "items": [[getattr(each, field.name) for field in fields(each)] for each in job.items],
        "why": job.why,
        "posting": job.posting,
    }


@store_errors()
def _job(item: RuntimeItem, member: Member) -> Job:
    stored: Any = item.request
    name, source, second = stored["actor"]
    return Job(
        id=stored["id"],
        kind=JobKind(stored["kind"]),
        member=member,
        actor=Actor(name, Source(source), second),
        at=datetime.fromisoformat(stored["at"]),
        workspaces=tuple(
            Workspace(_mapping(each["mapping"]), each["space"], each["instance"]) for each in stored["workspaces"]
        ),
        state=JobState(item.state),
        request_id=stored["request_id"],
        until=datetime.fromisoformat(stored["until"]) if stored["until"] else None,
        keep_files=stored["keep_files"],
        items=tuple(
            Item(ItemKind(kind), name, domain, profile, ItemState(state), why)
            for kind, name, domain, profile, state, why in stored["items"]
        ),
        why=stored["why"],
        posting=stored["posting"],
    )


def _mapping(stored: dict[str, Any]) -> Mapping:
    set_at = stored.get("set_at")
    return Mapping(**stored | {"set_at": datetime.fromisoformat(set_at) if set_at else None})
