"""Fakes of every port, held to the same contract tests as the adapters (tests/contract).

Each keeps its state in plain attributes, which tests may set and read. The next calls raise `error`
if it is set.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from bot.core.access import Access, Effect, Grant, Lockdown, Mapping, Member, Person, Workspace
from bot.core.audit import LINK, REQUESTED
from bot.core.consent import Ownership
from bot.core.errors import AlreadyRecorded, Changed, ProfileConflict, SlackError, StoreError, StudioError
from bot.core.link import Allowed, Link, LinkRequest, Reason, Source
from bot.core.records import Entry, Handover
from bot.core.values import is_group
from bot.links.facts import Gatherer
from bot.links.people import People
from bot.slack.accounts import UserGroup

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)

P = ParamSpec("P")
T = TypeVar("T")


class Clock:
    """A clock that tests advance: `now` for the wall clock, `monotonic` for intervals."""

    def __init__(self, at: datetime = NOON) -> None:
        self._at = at
        self._seconds = 1000.0

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._seconds += seconds


class AtOnce(Executor):
    """Runs each job in `submit`. Calls `before` with each job's name first, which may move a clock."""

    def __init__(self, before: Callable[[str], None] = lambda _job: None) -> None:
        self._before = before

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self._before(getattr(fn, "__name__", ""))
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - `result` raises it
            future.set_exception(error)
        return future


class HangingFuture(Future[Any]):
    """The future of a job that never ends: `result` gives up at once and appends its timeout to `waits`."""

    def __init__(self, waits: list[float | None]) -> None:
        super().__init__()
        self._waits = waits

    def result(self, timeout: float | None = None) -> Any:
        self._waits.append(timeout)
        raise TimeoutError


class NeverReady(Executor):
    """Runs jobs at once, except the named ones, which never end."""

    def __init__(self, *hanging: str) -> None:
        self._hanging = hanging
        self._side = AtOnce()
        self.waits: list[float | None] = []
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if getattr(fn, "__name__", "") in self._hanging:
            hanging = HangingFuture(self.waits)
            self.futures.append(hanging)
            return hanging
        return self._side.submit(fn, *args, **kwargs)


class FakeAudit:
    """Audit entries in a dictionary; see `ports.AuditLog`."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.open_error: Exception | None = None
        self.close_error: Exception | None = None
        self._lock = threading.Lock()

    def open(self, entry: Entry) -> None:
        if self.open_error is not None:
            raise self.open_error
        with self._lock:
            there = self.entries.get(entry.id)
            if there is not None and (there.attempt, there.outcome) != (entry.attempt, REQUESTED):
                raise AlreadyRecorded(f"request {entry.id} is in the audit already")
            self.entries[entry.id] = entry

    def close(self, entry: Entry) -> None:
        if self.close_error is not None:
            raise self.close_error
        with self._lock:
            there = self.entries.get(entry.id)
            mine = there is None or (there.attempt == entry.attempt and there.outcome in (REQUESTED, entry.outcome))
            if not mine:
                raise AlreadyRecorded(f"request {entry.id} belongs to another attempt, or is complete already")
            self.entries[entry.id] = replace(entry, opened_at=there.opened_at if there else None)

    def opened(self, member: Member, request_id: str, at: datetime) -> Entry | None:
        with self._lock:
            entry = self.entries.get(request_id)
            if entry is None or (entry.tenant, entry.subject, entry.action) != (member.tenant, member.user_id, LINK):
                return None
            if entry.outcome not in (REQUESTED, "issued", "undelivered"):
                return None
            self.entries[request_id] = replace(entry, opened_at=entry.opened_at or at)
            return self.entries[request_id]

    def of_member(
        self, member: Member, since: datetime, before: datetime | None = None, *, most: int | None = None
    ) -> Iterator[Entry]:
        whose = (member.tenant, member.user_id)
        found = self._newest(
            lambda entry: (
                (entry.tenant, entry.subject) == whose and since <= entry.at and (before is None or entry.at < before)
            )
        )
        yield from found[:most]

    def of_day(self, tenant: str, day: date) -> Iterator[Entry]:
        yield from self._newest(lambda entry: entry.tenant == tenant and entry.at.astimezone(UTC).date() == day)

    def _newest(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        return sorted(filter(wanted, self.entries.values()), key=lambda entry: entry.at, reverse=True)


class FakePeople:
    """Slack's records of members in a dictionary, None where Slack has to be asked; see `ports.PeopleStore`."""

    def __init__(self) -> None:
        self.heard_at: datetime | None = None
        self._due: dict[str, datetime] = {}
        self._records: dict[tuple[str, str], tuple[int, Person | None]] = {}

    def read(self, member: Member) -> Person | None:
        known = self._records.get((member.tenant, member.user_id)) if self.heard_at is not None else None
        return known[1] if known else None

    def hear(self, tenant: str, at: datetime) -> None:  # noqa: ARG002 - one team
        self.heard_at = at

    def claim(self, tenant: str, at: datetime, until: datetime) -> bool:
        if tenant in self._due and at < self._due[tenant] <= until + (until - at):
            return False
        self._due[tenant] = until
        return True

    def learn(self, tenant: str, person: Person, at: datetime) -> None:  # noqa: ARG002 - nothing expires here
        self._put(tenant, person, person)

    def renew(self, tenant: str, people: Iterable[Person]) -> int:
        return sum(self._put(tenant, each, each) for each in people if (tenant, each.user_id) in self._records)

    def changed(self, tenant: str, person: Person, at: datetime, *, restricted: bool) -> None:  # noqa: ARG002 - as above
        _, known = self._records.get((tenant, person.user_id), (0, None))
        if restricted:
            self._put(tenant, person, person)
        elif known and replace(known, locale=person.locale) != person:
            self._put(tenant, person, None)

    def _put(self, tenant: str, person: Person, record: Person | None) -> bool:
        newest, _ = self._records.get((tenant, person.user_id), (0, None))
        if person.updated < newest:
            return False
        self._records[tenant, person.user_id] = person.updated, record
        return True


class FakeAccess:
    """Mappings, rules and workspaces in dictionaries; see `ports.AccessAdmin`."""

    def __init__(self, audit: FakeAudit | None = None, people: FakePeople | None = None) -> None:
        self.audit, self.people = audit or FakeAudit(), people or FakePeople()
        self.error: StoreError | None = None
        self.unreadable: dict[Member, tuple[str, ...]] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.released: dict[tuple[str, str], tuple[Member, str]] = {}
        self._members: dict[Member, Access] = {}
        self._lock = threading.Lock()

    def read(self, member: Member) -> Access:
        if self.error is not None:
            raise self.error
        with self._lock:
            own, workspace = self._own(member), self.workspaces.get(member.tenant, Workspace())
            return replace(
                own,
                unreadable=own.unreadable + workspace.unreadable,
                lockdown=workspace.lockdown,
                group_grants=workspace.grants,
                person=self.people.read(member),
            )

    def members(self, tenant: str, *, after: str | None = None) -> Iterator[tuple[str, Access]]:
        with self._lock:
            known = {member: self._own(member) for member in self._members if member.tenant == tenant}
        known = {member: own for member, own in known.items() if after is None or member.user_id > after}
        yield from ((member.user_id, own) for member, own in sorted(known.items()) if own != Access())

    def workspace(self, tenant: str) -> Workspace:
        if self.error is not None:
            raise self.error
        return self.workspaces.get(tenant, Workspace())

    def read_each(self, members: Sequence[Member]) -> Iterator[tuple[Member, Access]]:
        if self.error is not None:
            raise self.error
        yield from ((member, self._own(member)) for member in members)

    def administrators(self, tenant: str) -> frozenset[str]:
        if self.error is not None:
            raise self.error
        members = (member for member in self._members if member.tenant == tenant)
        return frozenset(
            m.user_id for m in members if any(grant.effect is Effect.ADMIN for grant in self._own(m).grants)
        )

    def ending(self, tenant: str, since: datetime, until: datetime) -> frozenset[str]:
        if self.error is not None:
            raise self.error
        return frozenset(
            user
            for user, own in self.members(tenant)
            for grant in own.grants
            if grant.effect is Effect.ALLOW and grant.until is not None and since <= grant.until <= until
        )

    def holders(self, mappings: Sequence[Mapping]) -> Iterator[tuple[Mapping, Member]]:
        for mapping in mappings:
            for owner, access in self._members.items():
                if any(other.same_profile(mapping) for other in access.mappings):
                    yield mapping, owner

    def ownership(self, mapping: Mapping) -> Ownership:
        if self.error is not None:
            raise self.error
        holder = next((holder for _, holder in self.holders([mapping])), None)
        key = mapping.domain_id, mapping.profile_name.lower()
        if holder is not None:
            return Ownership(holder=holder, mark=f"held by {holder}")
        former, entry = self.released.get(key, (None, ""))
        return Ownership(former=former, mark=entry)

    def put_records(
        self,
        member: Member,
        records: Sequence[Mapping | Grant],
        *,
        seen: Access,
        entry: Entry,
        profile: Ownership | None = None,
        handover: Handover | None = None,
    ) -> None:
        with self._change(member.tenant, member.user_id, seen, entry), self._released(member, entry):
            mappings = [record for record in records if isinstance(record, Mapping)]
            for mapping, holder in self.holders(mappings):
                if holder != member and handover is None:
                    raise ProfileConflict(
                        f"profile {mapping.profile_name} in {mapping.domain_id} is already mapped to "
                        f"{holder.user_id}: unmap it there first, or choose another profile"
                    )
            if profile is not None and any(self.ownership(mapping).mark != profile.mark for mapping in mappings):
                raise Changed
            if handover is not None:
                if self._own(handover.member).version != handover.seen.version:
                    raise Changed
                self.audit.open(handover.entry)
                left = tuple(m for m in handover.seen.mappings if not any(m.same_profile(new) for new in mappings))
                changed = replace(handover.seen, mappings=left, version=handover.seen.version + 1)
                self._members[handover.member] = replace(changed, lockdown=None, group_grants=(), unreadable=())
            self.give(member, *records)

    def delete_mapping(self, member: Member, mapping: Mapping, *, seen: Access, entry: Entry) -> None:
        with self._change(member.tenant, member.user_id, seen, entry), self._released(member, entry):
            own = self._own(member)
            left = tuple(other for other in own.mappings if other.alias != mapping.alias)
            self._members[member] = replace(own, mappings=left, version=own.version + 1)

    def put_grant(self, tenant: str, grant: Grant, *, seen: Access | Workspace, entry: Entry) -> None:
        with self._change(tenant, grant.principal, seen, entry):
            if is_group(grant.principal):
                self.give_group(tenant, grant)
            else:
                self.give(Member(tenant, grant.principal), grant)

    def delete_grants(self, tenant: str, principal: str, *, seen: Access | Workspace, entry: Entry) -> None:
        with self._change(tenant, principal, seen, entry):
            stored = self._stored(tenant, principal)
            left = tuple(grant for grant in stored.grants if grant not in seen.grants)
            readable = tuple(name for name in stored.unreadable if name not in seen.unreadable)
            changed = replace(stored, grants=left, unreadable=readable, version=stored.version + 1)
            if isinstance(changed, Workspace):
                self.workspaces[tenant] = changed
            else:
                self.unreadable.pop(Member(tenant, principal), None)
                self._members[Member(tenant, principal)] = changed

    def put_lockdown(self, tenant: str, lockdown: Lockdown | None, *, seen: Workspace, entry: Entry) -> None:
        with self._change(tenant, "S0", seen, entry):
            stored = self.workspaces.get(tenant, Workspace())
            kept = stored if "workspace" not in stored.unreadable else Workspace()
            readable = tuple(name for name in kept.unreadable if name != "workspace#lockdown")
            self.workspaces[tenant] = Workspace(lockdown, kept.grants, readable, stored.version + 1)

    def give(self, member: Member, *records: Mapping | Grant) -> None:
        """Store records without an audit entry."""
        for record in records:
            own = self._own(member)
            mappings = {mapping.alias: mapping for mapping in own.mappings}
            grants = {grant.effect: grant for grant in own.grants}
            if isinstance(record, Mapping):
                mappings[record.alias] = record
            else:
                grants[record.effect] = record
            self._members[member] = Access(
                tuple(mapping for _, mapping in sorted(mappings.items())),
                tuple(grant for _, grant in sorted(grants.items())),
                version=own.version + 1,
            )

    def give_group(self, tenant: str, *rules: Grant) -> None:
        """Store rules of user groups without an audit entry."""
        workspace = self.workspaces.get(tenant, Workspace())
        grants = {(grant.principal, grant.effect): grant for grant in (*workspace.grants, *rules)}
        kept = tuple(grant for _, grant in sorted(grants.items()))
        self.workspaces[tenant] = replace(workspace, grants=kept, version=workspace.version + 1)

    @contextmanager
    def _released(self, member: Member, entry: Entry) -> Iterator[None]:
        """Keep who had a profile that a change frees."""
        before = self._own(member).mappings
        yield
        left = self._own(member).mappings
        for mapping in before:
            if not any(other.same_profile(mapping) for other in left):
                self.released[mapping.domain_id, mapping.profile_name.lower()] = member, entry.id

    def _own(self, member: Member) -> Access:
        own = self._members.get(member, Access())
        return replace(own, unreadable=self.unreadable.get(member, ()))

    def _stored(self, tenant: str, principal: str) -> Access | Workspace:
        """Return the records that hold the rules of a principal."""
        if is_group(principal):
            return self.workspaces.get(tenant, Workspace())
        return self._own(Member(tenant, principal))

    @contextmanager
    def _change(self, tenant: str, principal: str, seen: Access | Workspace, entry: Entry) -> Iterator[None]:
        """Make one change at a time; refuse it if something changed since it was `seen`."""
        with self._lock:
            if self._stored(tenant, principal).version != seen.version:
                raise Changed
            if self.audit.open_error is not None:
                raise self.audit.open_error
            yield
            self.audit.open(entry)


class FakeIntake:
    """Recorded link requests, counted by member and minute; see `ports.Intake`."""

    def __init__(self, audit: FakeAudit) -> None:
        self.audit = audit
        self.counts: dict[tuple[str, str, str], int] = {}
        self.error: Exception | None = None
        self.release_error: Exception | None = None
        self._lock = threading.Lock()

    def take(self, entry: Entry, at_most: int) -> bool:
        if self.error is not None:
            raise self.error
        minute = _minute(entry.tenant, entry.subject, entry.at)
        with self._lock:
            self.audit.open(entry)
            if self.counts.get(minute, 0) >= at_most:
                return False
            self.counts[minute] = self.counts.get(minute, 0) + 1
            return True

    def release(self, entry: Entry) -> None:
        if self.release_error is not None:
            raise self.release_error
        minute = _minute(entry.tenant, entry.subject, entry.at)
        with self._lock:
            if self.counts.get(minute, 0):
                self.counts[minute] -= 1

    def fill(self, member: Member, at: datetime, requests: int) -> None:
        """Set how many links the member requested in that minute."""
        self.counts[_minute(member.tenant, member.user_id, at)] = requests


def _minute(tenant: str, subject: str, at: datetime) -> tuple[str, str, str]:
    return tenant, subject, f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"


class FakeChoices:
    """The alias that each member opened last; see `ports.Choices`."""

    def __init__(self) -> None:
        self.last: dict[Member, str] = {}
        self.error: Exception | None = None

    def remember(self, member: Member, alias: str, at: datetime) -> None:  # noqa: ARG002 - nothing expires here
        if self.error is not None:
            raise self.error
        self.last[member] = alias

    def recall(self, member: Member) -> str | None:
        if self.error is not None:
            raise self.error
        return self.last.get(member)


class FakeDirectory:
    """Accounts and members of groups; see `ports.Directory`.

    Only group look-ups raise `group_error`.
    """

    def __init__(self, *people: Person) -> None:
        self.people = {person.user_id: person for person in people}
        self.groups: dict[str, frozenset[str]] = {}
        self.disabled: set[str] = set()
        self.error: SlackError | None = None
        self.group_error: SlackError | None = None
        self.list_error: SlackError | None = None
        self.groups_asked: list[str] = []
        self.people_asked: list[str] = []

    def person(self, member: Member) -> Person:
        self.people_asked.append(member.user_id)
        if self.error is not None:
            raise self.error
        unknown = Person(member.user_id, member.tenant, ineligible_reason="Slack does not know this account")
        return self.people.get(member.user_id, unknown)

    def group_members(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str]:  # noqa: ARG002 - one team
        self.groups_asked.append(group)
        error = self.error or self.group_error
        if error is not None:
            raise error
        if group not in self.groups or (group in self.disabled and not even_disabled):
            raise SlackError(f"Slack knows no group {group}", reason=Reason.SLACK_REFUSED, code="no_such_subteam")
        return self.groups[group]

    def all_groups(self, tenant: str) -> dict[str, UserGroup]:  # noqa: ARG002 - one team
        self.groups_asked.append("all")
        error = self.error or self.list_error or self.group_error
        if error is not None:
            raise error
        return {name: UserGroup(users, name in self.disabled) for name, users in self.groups.items()}


@dataclass
class FakeDomain:
    """A SageMaker domain with its profiles (lower-case name to status) and spaces (name to owner; None: shared)."""

    auth_mode: str = "IAM"
    status: str = "InService"
    url: str | None = None
    profiles: dict[str, str] = field(default_factory=dict)
    spaces: dict[str, str | None] = field(default_factory=dict)


class FakeStudio:
    """Makes links with an invalid host; see `ports.Studio` and `ports.StudioExaminer`.

    Only `spaces` raises `listing_error`, as AWS may allow everything except listing.
    """

    def __init__(
        self, now: Callable[[], datetime] = lambda: NOON, *, link_seconds: int = 60, session_seconds: int = 43200
    ) -> None:
        self.domains: dict[str, FakeDomain] = {}
        self.links: dict[str, Allowed] = {}
        self.error: Exception | None = None
        self.listing_error: Exception | None = None
        self.connected = 0
        self._now = now
        self._link_seconds = link_seconds
        self._session_seconds = session_seconds

    def connect(self, beside: Executor) -> None:  # noqa: ARG002 - the port's signature
        self.connected += 1

    def sign_in(self, allowed: Allowed) -> Link:
        self._examine(allowed.mapping)
        url = f"https://{allowed.mapping.domain_id}.studio.example.com/auth?token=fake-{len(self.links) + 1}"
        self.links[url] = allowed
        return Link(
            url,
            expires_at=self._now() + timedelta(seconds=self._link_seconds),
            lifetime_seconds=self._link_seconds,
            session_seconds=allowed.mapping.session_seconds or self._session_seconds,
            aws_request_id=f"aws-{len(self.links)}",
        )

    def examine(self, mapping: Mapping) -> Mapping:
        self._examine(mapping)
        base = "arn:aws:sagemaker:eu-west-1:123456789012:user-profile"
        return replace(mapping, profile_arn=f"{base}/{mapping.domain_id}/{mapping.profile_name}")

    def spaces(self, member: Member, mapping: Mapping) -> tuple[str, ...]:  # noqa: ARG002 - only AWS needs the member
        if self.listing_error is not None:
            raise self.listing_error
        domain = self.domains.get(mapping.domain_id, FakeDomain())
        may_open = (None, mapping.profile_name.lower())
        return tuple(name for name, owner in domain.spaces.items() if (owner and owner.lower()) in may_open)

    def add(self, domain_id: str, *profiles: str, **traits: Any) -> FakeDomain:
        """Create a domain with these profiles."""
        domain = FakeDomain(profiles={name.lower(): "InService" for name in profiles}, **traits)
        self.domains[domain_id] = domain
        return domain

    def _examine(self, mapping: Mapping) -> None:
        if self.error is not None:
            raise self.error
        domain = self.domains.get(mapping.domain_id)
        if domain is None:
            raise _no(Reason.DOMAIN_MISSING, f"there is no domain {mapping.domain_id}")
        if domain.auth_mode == "SSO":
            raise _no(Reason.DOMAIN_SSO, "the domain signs members in by SSO", sign_in_address=domain.url)
        if domain.status != "InService":
            raise _no(Reason.DOMAIN_NOT_READY, f"domain {mapping.domain_id} is {domain.status}")
        status = domain.profiles.get(mapping.profile_name.lower())
        if status is None:
            raise _no(Reason.PROFILE_MISSING, f"there is no profile {mapping.profile_name}")
        if status != "InService":
            raise _no(Reason.PROFILE_NOT_READY, f"profile {mapping.profile_name} is {status}")
        if mapping.space_name is not None:
            if mapping.space_name not in domain.spaces:
                raise _no(Reason.SPACE_MISSING, f"there is no space {mapping.space_name}")
            owner = domain.spaces[mapping.space_name]
            if owner is not None and owner.lower() != mapping.profile_name.lower():
                raise _no(Reason.SPACE_NOT_YOURS, f"space {mapping.space_name} is {owner}'s")


def _no(reason: Reason, what: str, *, sign_in_address: str | None = None) -> StudioError:
    return StudioError(f"{what}: correct the mapping", reason=reason, sign_in_address=sign_in_address)


def a_gatherer(
    access: FakeAccess,
    directory: FakeDirectory,
    side: Executor | None = None,
    monotonic: Callable[[], float] = lambda: 1000.0,
    kept: People | None = None,
) -> Gatherer:
    return Gatherer(access, directory, directory, side or AtOnce(), monotonic, kept)


# Default values; a test names only the fields that it is about.

TEAM = "T0STUDIO01"
ANA = Member(TEAM, "U0ANA00001")
BEN = Member(TEAM, "U0BEN00001")


def a_mapping(alias: str = "default", profile: str = "ana", *, domain: str = "d-research", **more: Any) -> Mapping:
    return Mapping(alias, domain, profile, **{"set_by": "cli:test", "set_at": NOON, **more})


def a_grant(member: Member = ANA, effect: Effect = Effect.ALLOW, **more: Any) -> Grant:
    return Grant(member.user_id, effect, **{"set_by": "cli:test", "set_at": NOON, **more})


def an_entry(entry_id: str, member: Member = ANA, **more: Any) -> Entry:
    """Return the entry of a link request that has just arrived."""
    values: dict[str, Any] = {
        "attempt": f"attempt-of-{entry_id}",
        "at": NOON,
        "actor": member.user_id,
        "source": Source.COMMAND,
        "action": LINK,
        "outcome": REQUESTED,
    }
    return Entry(id=entry_id, tenant=member.tenant, subject=member.user_id, **{**values, **more})


def a_request(member: Member = ANA, **more: Any) -> LinkRequest:
    values: dict[str, Any] = {
        "id": "request-1",
        "attempt": "attempt-1",
        "source": Source.COMMAND,
        "at": NOON,
        "started": 1000.0,
    }
    return LinkRequest(member=member, **{**values, **more})


def an_allowed(mapping: Mapping | None = None, member: Member = ANA) -> Allowed:
    return Allowed(member, mapping or a_mapping(), a_grant(member))


def race(*jobs: Callable[[], T]) -> list[T | Exception]:
    """Run the jobs at the same moment, each on its own thread. Return what each returned or raised."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T | Exception:
        gate.wait(timeout=10)
        try:
            return job()
        except Exception as error:  # noqa: BLE001 - it is the result
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))
