"""The PynamoDB models of the three tables, and how they are bound to real tables.

The models below carry no address. `bind` makes a set of them for one table prefix and region, so that several sets
can live in one process. The repositories beside this module turn items into values and back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import boto3
from botocore.config import Config
from pynamodb.attributes import JSONAttribute, NumberAttribute, TTLAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.connection import Connection
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from bot.connections import read_authorities_once
from bot.core.errors import ConfigError
from bot.core.values import USER_AGENT, may_hold_secret
from bot.observability.aws_failures import AWS_ERRORS, refuse_foreign_answers
from bot.store.dynamodb import M, PlainMapAttribute, Raw, TimeAttribute, batch_get, batches, store_errors, write_if
from bot.store.missing import explain_missing_tables


class AccessItem(Model):
    """Mappings and rules: one item per member, one per workspace, and a lock for each SageMaker profile.

    | kind      | owner                 | item        | attributes                                                 |
    |-----------|-----------------------|-------------|------------------------------------------------------------|
    | member    | `TENANT#USER`         | `member`    | `mappings` by alias, `rules` by effect, `version`          |
    | workspace | `TENANT`              | `workspace` | `lockdown`, `rules` of groups by `GROUP#EFFECT`, `version` |
    | lock      | `profile#DOMAIN#name` | `lock`      | `holder`, `aliases`, `released`                            |

    A change of the first two increments their version, and is made only if the version is the one that was read.
    A lock says which member holds a SageMaker profile, and under which aliases. Without aliases it is free, but it
    stays: a profile that had an owner moves only with a second administrator. A free lock names nobody. `released`
    leads to the audit entry of the change that freed it, which names the former owner for as long as the audit keeps
    it. Before 0.3.0 a free lock kept its `holder`.
    """

    owner = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    version = NumberAttribute(null=True)
    mappings = PlainMapAttribute(null=True)
    rules = PlainMapAttribute(null=True)
    lockdown = PlainMapAttribute(null=True)

    holder = UnicodeAttribute(null=True)
    aliases = UnicodeSetAttribute(null=True)
    released = UnicodeAttribute(null=True)


class ByMember(GlobalSecondaryIndex["AuditItem"]):  # type: ignore[no-untyped-call] # PynamoDB's own gap
    """A member's entries by time."""

    class Meta:
        index_name = "by_member"
        projection = AllProjection()

    member = UnicodeAttribute(hash_key=True)
    at = TimeAttribute(range_key=True)


class ByDay(GlobalSecondaryIndex["AuditItem"]):  # type: ignore[no-untyped-call] # PynamoDB's own gap
    """A tenant's entries of one UTC day by time."""

    class Meta:
        index_name = "by_day"
        projection = AllProjection()

    day = UnicodeAttribute(hash_key=True)
    at = TimeAttribute(range_key=True)


class AuditItem(Model):
    """One audit entry. `member` is `TENANT#USER`, `day` is `TENANT#YYYY-MM-DD`.

    `salt`, `original` and `erased_by` belong to the entry's digest; see `bot.store.digests`.
    """

    id = UnicodeAttribute(hash_key=True)
    attempt = UnicodeAttribute()
    at = TimeAttribute()
    member = UnicodeAttribute()
    day = UnicodeAttribute()
    actor = UnicodeAttribute()
    source = UnicodeAttribute(attr_name="door")
    action = UnicodeAttribute()
    outcome = UnicodeAttribute()
    alias = UnicodeAttribute(null=True)
    domain_id = UnicodeAttribute(null=True)
    profile_name = UnicodeAttribute(null=True)
    space_name = UnicodeAttribute(null=True)
    landing_uri = UnicodeAttribute(null=True)
    rule = UnicodeAttribute(null=True)
    detail = UnicodeAttribute(null=True)
    link_sha256 = UnicodeAttribute(null=True)
    expires_at = TimeAttribute(null=True, attr_name="link_expires_at")
    opened_at = TimeAttribute(null=True)
    locale = UnicodeAttribute(null=True)
    aws_request_id = UnicodeAttribute(null=True)
    aws_session = UnicodeAttribute(null=True)
    region = UnicodeAttribute(null=True)
    before = JSONAttribute(null=True)
    after = JSONAttribute(null=True)
    salt = UnicodeAttribute(null=True)
    original = UnicodeAttribute(null=True)
    erased_by = UnicodeAttribute(null=True)
    expires = TTLAttribute()

    by_member = ByMember()
    by_day = ByDay()


class RuntimeItem(Model):
    """Counters, access requests, confirmations, jobs and other state that expires."""

    id = UnicodeAttribute(hash_key=True)
    attempt = UnicodeAttribute(null=True)
    requests = NumberAttribute(null=True)
    alias = UnicodeAttribute(null=True)
    shows = UnicodeAttribute(null=True)
    request = JSONAttribute(null=True)
    request_id = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    open_until = TimeAttribute(null=True)
    decided_by = UnicodeAttribute(null=True)
    decided_at = TimeAttribute(null=True)
    answer = UnicodeAttribute(null=True)
    until = TimeAttribute(null=True)
    postings = JSONAttribute(null=True)
    approvals = JSONAttribute(null=True)
    told = JSONAttribute(null=True)
    person = JSONAttribute(null=True)
    updated = NumberAttribute(null=True)
    as_of = TimeAttribute(null=True)
    members = UnicodeSetAttribute(null=True)
    expires = TTLAttribute()


@dataclass(frozen=True, slots=True)
class Tables:
    """The models, bound to real tables."""

    access: type[AccessItem]
    audit: type[AuditItem]
    runtime: type[RuntimeItem]
    region: str
    config: Config

    def all(self) -> tuple[type[Model], ...]:
        """Return the bound models in the order in which tables are created and listed."""
        return (self.access, self.audit, self.runtime)

    def connect(self, new_session: Callable[[], boto3.Session] = boto3.Session) -> None:
        """Create the DynamoDB client now: doing so later, from several threads at once, is not safe.

        All tables share it: PynamoDB would parse DynamoDB's service model and keep a pool for each of them.

        Raises:
            ConfigError: AWS's own settings do not make sense.
        """
        try:
            client: Any = new_session().client("dynamodb", region_name=self.region, config=self.config)
            read_authorities_once(client)
            refuse_foreign_answers(client.meta.events)
            explain_missing_tables(client, self.access.Meta.table_name.removesuffix("access"))
            for model in self.all():
                _connection(model)._client = client  # noqa: SLF001 - PynamoDB offers no public way
        except (*AWS_ERRORS, ValueError) as error:
            why = "" if may_hold_secret(str(error)) else f": {error}".rstrip(".")
            raise ConfigError(
                f"AWS's settings cannot be used{why}. Correct the profile, the region or the endpoint"
            ) from None

    def connection(self) -> Connection:
        """Return the connection for calls that span tables."""
        return _connection(self.access)


def _connection(model: type[Model]) -> Connection:
    return model._get_connection().connection  # noqa: SLF001 - PynamoDB offers no public way


def client_of(model: type[Model]) -> Any:
    """Return the botocore DynamoDB client of a bound model, for calls that PynamoDB does not offer."""
    return _connection(model).client


def read_items(items: type[RuntimeItem], keys: Sequence[str]) -> dict[str, RuntimeItem]:
    """Return the items that exist of these keys, strongly consistent."""
    with store_errors():
        return {key: items.from_raw_data(raw) for key, raw in read_raw(items, keys).items()}


def read_raw(items: type[RuntimeItem], keys: Sequence[str]) -> dict[str, Raw]:
    """Return the same items in DynamoDB's own notation, so that the caller can skip an unreadable one."""
    table, found = items.Meta.table_name, dict[str, Raw]()
    for batch in batches(keys):
        asked = {table: [{"id": {"S": key}} for key in batch]}
        with store_errors():
            found |= {raw["id"]["S"]: raw for raw in batch_get(client_of(items), asked).get(table, ())}
    return found


def bind(
    *, prefix: str, region: str, connections: int = 10, read_timeout_seconds: float = 2, retries: int = 1
) -> Tables:
    """Return the models for the tables `<prefix>access`, `<prefix>audit` and `<prefix>runtime`.

    The endpoint follows boto3's own rules (`AWS_ENDPOINT_URL_DYNAMODB`).

    Args:
        connections: the size of the connection pool.
        retries: how often to repeat a throttled or failed call, with growing pauses.
    """

    config = Config(
        # The defaults of boto3 and PynamoDB, up to 60 s and ten attempts, outlast the link.
        connect_timeout=1,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 1 + retries},
        max_pool_connections=connections,
        parameter_validation=False,
        user_agent=USER_AGENT,
    )

    limits = {  # the same for the client that PynamoDB makes itself while there are no credentials
        "connect_timeout_seconds": 1,
        "read_timeout_seconds": read_timeout_seconds,
        "max_retry_attempts": retries,
        "max_pool_connections": connections,
    }

    def bound(model: type[M], name: str) -> type[M]:
        meta = type("Meta", (), {"table_name": prefix + name, "region": region, **limits})
        namespace = {"Meta": meta, "__module__": model.__module__}
        return cast(type[M], type(model)(model.__name__, (model,), namespace))  # type: ignore[misc] # their metaclass

    models = bound(AccessItem, "access"), bound(AuditItem, "audit"), bound(RuntimeItem, "runtime")
    return Tables(*models, region, config)


def claim(items: type[RuntimeItem], key: str, at: datetime, until: datetime, *, expires: datetime) -> bool:
    """Take something for the caller alone until a time; return False if somebody else has it.

    An end that is much later comes from a clock that was ahead, and keeps nobody.
    """
    ends = items.open_until
    free = ends.does_not_exist() | (ends <= at) | (ends > until + (until - at))
    return write_if(free, items(key), [ends.set(until), items.expires.set(expires)])
