"""Check stored records before they change. Pure."""

from dataclasses import replace
from typing import TypeVar

from bot.core.access import Access, Lockdown, Workspace
from bot.core.errors import BadInput, Changed
from bot.core.records import Record

R = TypeVar("R", bound=Access | Workspace)


def require_readable(access: Access | Workspace, principal: str, *records: str) -> None:
    """Raise BadInput if a record cannot be read: the audit could not say what a new one replaced."""
    broken = [record for record in ("member", *records) if record in access.unreadable]
    if broken:
        raise BadInput(
            f"the stored {broken[0].replace('#', ' ')} of {principal} cannot be read: remove it and all rules with "
            f"`studio-links forget {principal}`, then try again"
        )


def require_workspace(workspace: Workspace) -> None:
    if "workspace" in workspace.unreadable:
        raise BadInput(
            "the workspace's record cannot be read: replace it with `studio-links lockdown on`, set the rules of "
            "user groups again, then run `studio-links lockdown off`"
        )


def lockdown_of(stored: Access | Workspace) -> Lockdown | None:
    """Return the lockdown, or one of nobody's if it cannot be read."""
    unreadable = {"workspace", "workspace#lockdown"} & set(stored.unreadable)
    return Lockdown("it cannot be read") if unreadable else stored.lockdown


def rules_of_group(workspace: Workspace, group: str) -> Workspace:
    """Return the rules of one group, and the names of its unreadable ones."""
    require_workspace(workspace)
    return replace(
        workspace,
        grants=tuple(grant for grant in workspace.grants if grant.principal == group),
        unreadable=tuple(name for name in workspace.unreadable if name.split("#")[1] == group),
    )


def require_version(seen: R, version: int | None) -> R:
    """Return the records if they are of the version that the administrator saw; None is any. Else raise Changed."""
    if version not in (None, seen.version):
        raise Changed
    return seen


def same(one: Record, other: Record) -> bool:
    """Return whether two records are equal, apart from who set them and when."""
    return replace(one, set_by="", set_at=None) == replace(other, set_by="", set_at=None)
