"""The access table: mappings, grants, and the lock that keeps a SageMaker profile to one member."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from bot.errors import Changed, ProfileTaken
from bot.model import Access, Effect, Entry, Grant, Mapping, Member
from bot.store.audit import to_item
from bot.store.models import AccessItem, Tables, from_iso, iso, store_errors

MAPPING, GRANT, LOCK = "mapping#", "grant#", "lock"


class AccessTable:
    """Reads and writes who may open what; see `ports.AccessAdmin`. Serving needs only `read`."""

    def __init__(self, tables: Tables, *, audit_days: int) -> None:
        self._items = tables.access
        self._connection = tables.connection()
        self._audit = tables.audit
        self._audit_days = audit_days

    def read(self, member: Member) -> Access:
        """One strongly consistent query of the member's whole partition."""
        with store_errors():
            owner = _owner(member.tenant, member.user_id)
            return _access(self._items.query(owner, consistent_read=True))

    def members(self, tenant: str) -> Iterator[tuple[str, Access]]:
        """Page by page over the table; a member's records lie side by side in it."""
        with store_errors():
            found = self._items.scan(self._items.owner.startswith(f"{tenant}#"), consistent_read=True)
            for owner, items in groupby(found, key=lambda item: item.owner):
                yield owner.removeprefix(f"{tenant}#"), _access(items)

    def put_mapping(self, member: Member, mapping: Mapping, *, replaces: Mapping | None, entry: Entry) -> None:
        """Write the mapping, take its profile's lock, let go of the one it replaces: all or nothing."""
        item = self._items(
            _owner(member.tenant, member.user_id),
            MAPPING + mapping.alias,
            set_by=mapping.set_by,
            set_at=iso(mapping.set_at),
            domain_id=mapping.domain_id,
            profile_name=mapping.profile_name,
            profile_arn=mapping.profile_arn,
            region=mapping.region,
            role_arn=mapping.role_arn,
            space_name=mapping.space_name,
            landing_uri=mapping.landing_uri,
            session_seconds=mapping.session_seconds,
        )
        try:
            with self._change(entry) as transaction:
                transaction.save(item, condition=self._unchanged(replaces))
                transaction.update(
                    self._lock(mapping),
                    actions=[self._items.holder.set(item.owner), self._items.aliases.add({mapping.alias})],
                    condition=self._items.aliases.does_not_exist() | (self._items.holder == item.owner),
                )
                if replaces is not None and not replaces.same_profile(mapping):
                    self._release(transaction, item.owner, replaces)
        except Changed as error:
            holder = self._holder(mapping)
            if holder is None or holder == item.owner:
                raise
            raise ProfileTaken(
                f"profile {mapping.profile_name} in {mapping.domain_id} is already mapped to "
                f"{holder.removeprefix(f'{member.tenant}#')}: "
                "unmap it there first, or choose another profile"
            ) from error

    def delete_mapping(self, member: Member, mapping: Mapping, *, entry: Entry) -> None:
        """Remove the mapping and let go of its profile's lock."""
        owner = _owner(member.tenant, member.user_id)
        with self._change(entry) as transaction:
            transaction.delete(self._items(owner, MAPPING + mapping.alias), condition=self._unchanged(mapping))
            self._release(transaction, owner, mapping)

    def put_grant(self, tenant: str, grant: Grant, *, replaces: Grant | None, entry: Entry) -> None:
        """Write the rule."""
        item = self._items(
            _owner(tenant, grant.principal),
            GRANT + grant.effect,
            set_by=grant.set_by,
            set_at=iso(grant.set_at),
            until=iso(grant.until),
            reason=grant.reason or None,
        )
        with self._change(entry) as transaction:
            transaction.save(item, condition=self._unchanged(replaces))

    def delete_grants(self, tenant: str, principal: str, access: Access, *, entry: Entry) -> None:
        """Remove the rules together, and with them the records that cannot be read."""
        owner = _owner(tenant, principal)
        with self._change(entry) as transaction:
            for grant in access.grants:
                transaction.delete(self._items(owner, GRANT + grant.effect), condition=self._unchanged(grant))
            for name in access.unreadable:
                transaction.delete(self._items(owner, name))

    def _lock(self, mapping: Mapping) -> AccessItem:
        return self._items(f"profile#{mapping.domain_id}#{mapping.profile_name.lower()}", LOCK)

    def _release(self, transaction: TransactWrite, owner: str, mapping: Mapping) -> None:
        """Take the alias off the lock. The lock item stays: a free lock is one without aliases."""
        transaction.update(
            self._lock(mapping),
            actions=[self._items.aliases.delete({mapping.alias})],
            condition=self._items.holder == owner,
        )

    def _unchanged(self, expected: Mapping | Grant | None) -> Condition:
        """That the stored record is still the one that was read; the time of setting serves as its version."""
        if expected is None:
            return self._items.owner.does_not_exist()
        return self._items.set_at == iso(expected.set_at)

    @contextmanager
    def _change(self, entry: Entry) -> Iterator[TransactWrite]:
        """One all-or-nothing change together with its audit entry."""
        with store_errors():
            try:
                with TransactWrite(connection=self._connection) as transaction:
                    transaction.save(to_item(self._audit, entry, self._audit_days))
                    yield transaction
            except TransactWriteError as error:
                codes = {reason.code for reason in error.cancellation_reasons if reason}
                if codes & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise Changed(
                        "somebody changed the same records meanwhile; nothing was written: look again, then retry"
                    ) from error
                raise

    def _holder(self, mapping: Mapping) -> str | None:
        """The owner of the profile's lock; None if the lock is free."""
        lock = self._lock(mapping)
        with store_errors():
            try:
                lock.refresh(consistent_read=True)
            except self._items.DoesNotExist:
                return None
        return lock.holder if lock.aliases else None


def _owner(tenant: str, principal: str) -> str:
    return f"{tenant}#{principal}"


def _access(items: Iterable[AccessItem]) -> Access:
    """A partition's items as values; those that make no sense are named."""
    mappings: list[Mapping] = []
    grants: list[Grant] = []
    unreadable: list[str] = []
    for item in items:
        kind, _, name = item.item.partition("#")
        try:
            if kind == "mapping":
                mappings.append(_mapping(item, name))
            elif kind == "grant":
                grants.append(_grant(item, name))
            else:
                unreadable.append(item.item)
        except ValueError:
            unreadable.append(item.item)
    return Access(tuple(mappings), tuple(grants), tuple(unreadable))


def _mapping(item: AccessItem, alias: str) -> Mapping:
    return Mapping(
        alias=alias,
        domain_id=item.domain_id or "",
        profile_name=item.profile_name or "",
        region=item.region,
        role_arn=item.role_arn,
        space_name=item.space_name,
        landing_uri=item.landing_uri,
        session_seconds=_whole(item.session_seconds),
        profile_arn=item.profile_arn,
        set_by=item.set_by or "",
        set_at=from_iso(item.set_at),
    )


def _grant(item: AccessItem, effect: str) -> Grant:
    return Grant(
        principal=item.owner.partition("#")[2],
        effect=Effect(effect),
        until=from_iso(item.until),
        reason=item.reason or "",
        set_by=item.set_by or "",
        set_at=from_iso(item.set_at),
    )


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
