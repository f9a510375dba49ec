"""Erase what the access table and the runtime table hold about one person. Each step can be repeated."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from bot.core.access import Member
from bot.observability.aws_failures import error_code
from bot.store.access_reads import LOCK, MEMBER, owner_of
from bot.store.audit import AuditTable
from bot.store.digests import text
from bot.store.dynamodb import Raw, get_or_none, scan, store_errors, write_if
from bot.store.models import Tables, client_of

# How long an interrupted erasure can be continued under the same pseudonym.
KEPT = timedelta(days=30)


class ErasureTable:
    """Erase one member.

    Args:
        tenants: the ids under which the member may be stored: of a shared set all, else only theirs.
    """

    def __init__(self, tables: Tables, audit: AuditTable, member: Member, tenants: Sequence[str]) -> None:
        self.erase_entries = audit.erase
        self._access, self._runtime = tables.access.Meta.table_name, tables.runtime.Meta.table_name
        self._client, self._items = client_of(tables.access), tables.runtime
        self._member, self._owners = member, tuple(owner_of(each, member.user_id) for each in tenants)
        self._key = f"erasure#{member.tenant}#{member.user_id}"

    def pseudonym(self, at: datetime) -> str:
        """Return a random name of the form of a user id; an interrupted erasure finds it again."""
        item = self._items(self._key, alias=f"UERASED{secrets.token_hex(8).upper()}", expires=at + KEPT)
        if write_if(self._items.id.does_not_exist(), item):
            return str(item.alias)
        found = get_or_none(self._items, self._key)
        return str((found or item).alias)

    def finish(self) -> None:
        """Forget whose pseudonym it was."""
        self._delete(self._runtime, {"id": {"S": self._key}})

    def erase_access(self, pseudonym: str) -> Iterator[bool]:
        """Remove the member's emptied items and, elsewhere, their name; yield whether each was written."""
        for raw in scan(self._client, self._access):
            key, holder = {"owner": raw["owner"], "item": raw["item"]}, raw.get("holder", {}).get("S")
            if raw["item"]["S"] == MEMBER and raw["owner"]["S"] in self._owners:
                names, values = {"#m": "mappings", "#r": "rules"}, {":zero": {"N": "0"}}
                yield self._delete(self._access, key, "size(#m) = :zero AND size(#r) = :zero", names, values)
            elif raw["item"]["S"] == LOCK and holder in self._owners:
                yield self._rename(self._access, key, ("holder",), holder, owner_of(self._member.tenant, pseudonym))
            else:
                user = self._member.user_id
                found = [
                    self._rename(self._access, key, (*path, "set_by"), user, pseudonym) for path in self._set(raw)
                ]
                yield any(found)

    def erase_runtime(self, pseudonym: str) -> Iterator[bool]:
        """Remove what the member counted, chose, requested and began; yield for each item whether it named them."""
        named = re.compile(rf"(?<![A-Z0-9]){self._member.user_id}(?![A-Z0-9])")
        for raw in scan(self._client, self._runtime):
            item, key = raw["id"]["S"], {"id": raw["id"]}
            theirs = any(f"#{owner}#" in f"{item}#" for owner in self._owners) and item != self._key
            about = item.startswith(("pending#", "second#")) and named.search(text(raw, "request"))
            if theirs or about:
                yield self._delete(self._runtime, key)
            elif self._member.user_id in raw.get("members", {}).get("SS", ()):
                yield self._delist(key)
            else:
                of_jobs = ("request",) if item.startswith("job#") else ()
                texts = {name: text(raw, name) for name in ("decided_by", "approvals", *of_jobs)}
                found = {name: named.sub(pseudonym, was) for name, was in texts.items() if named.search(was)}
                renamed = [self._rename(self._runtime, key, (name,), texts[name], found[name]) for name in found]
                yield any(renamed)

    def _delist(self, key: Raw) -> bool:
        """Take the member off a list of members; return whether that is done."""
        return self._write(
            self._client.update_item,
            TableName=self._runtime,
            Key=key,
            UpdateExpression="DELETE members :them",
            ExpressionAttributeValues={":them": {"SS": [self._member.user_id]}},
        )

    def _set(self, raw: Raw) -> Iterator[tuple[str, ...]]:
        """Yield the paths of the records that the member has set as an administrator."""
        records: dict[tuple[str, ...], Raw | None] = {("lockdown",): raw.get("lockdown")}
        for name in ("mappings", "rules"):
            records |= {(name, key): record for key, record in _map(raw.get(name)).items()}
        for path, record in records.items():
            if _map(record).get("set_by", {}).get("S") == self._member.user_id:
                yield path

    def _rename(self, table: str, key: Raw, path: Sequence[str], before: str, after: str) -> bool:
        names = {f"#p{number}": name for number, name in enumerate(path)}
        place, values = ".".join(names), {":now": {"S": after}, ":was": {"S": before}}
        return self._write(
            self._client.update_item,
            TableName=table,
            Key=key,
            UpdateExpression=f"SET {place} = :now",
            ConditionExpression=f"{place} = :was",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def _delete(
        self, table: str, key: Raw, condition: str = "", names: Raw | None = None, values: Raw | None = None
    ) -> bool:
        given = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        conditions = {"ConditionExpression": condition, **given} if condition else {}
        return self._write(self._client.delete_item, TableName=table, Key=key, **conditions)

    @staticmethod
    def _write(operation: Callable[..., Any], **arguments: object) -> bool:
        """Write an item unless it has changed since it was read; return whether it was written."""
        with store_errors():
            try:
                operation(**arguments)
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True


def _map(value: Raw | None) -> Raw:
    """Return the fields of a map in DynamoDB's notation; none of anything else."""
    found = (value or {}).get("M")
    return found if isinstance(found, dict) else {}
