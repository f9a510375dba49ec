"""The locks in the access table: which member holds a SageMaker profile."""

from typing import Any

from bot.core.access import Mapping, Member
from bot.core.errors import StoreError
from bot.core.link import Reason
from bot.core.values import InvalidValue


def lock_of(mapping: Mapping) -> str:
    """Return the key of a profile's lock."""
    return f"profile#{mapping.domain_id}#{mapping.profile_name.lower()}"


def holder_of(raw: dict[str, Any]) -> Member:
    """Return the member who holds a lock, an item in DynamoDB's own notation.

    Raises:
        StoreError: somebody has changed the item by hand, so that it names nobody.
    """
    tenant, _, user_id = raw.get("holder", {}).get("S", "").partition("#")
    try:
        return Member(tenant, user_id)
    except InvalidValue:
        raise StoreError(
            f"the lock {raw['owner']['S']} does not say who holds the profile: find its member with `studio-links "
            "list`, and set the item's `holder` to TEAM#USER in the DynamoDB console",
            reason=Reason.STORE_UNREADABLE,
        ) from None
