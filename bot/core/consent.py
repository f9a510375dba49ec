"""Decide who must agree to a change that an administrator asks for in Slack. Pure.

One administrator alone can neither give themselves anything, nor move a profile that belonged to somebody, nor lift a
lockdown that somebody else has set. The shell can: its users could change the tables anyway.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.core.access import Lockdown, Member


class Consent(StrEnum):
    """The people who must agree to a change."""

    NOBODY_ELSE = "nobody_else"
    ANOTHER = "another"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Ownership:
    """The current and the last holder of a SageMaker profile.

    Attributes:
        holder: the member who is mapped to it; None if nobody is.
        former: the member who had it last, if nobody has it; None without one, or if the audit no longer names them.
        mark: changes with each owner and release; empty if nobody ever had the profile.
    """

    holder: Member | None = None
    former: Member | None = None
    mark: str = ""

    @property
    def owner(self) -> Member | None:
        """The member who has the profile, or had it last."""
        return self.holder or self.former

    def is_foreign(self, to: Member) -> bool:
        """Return whether the profile has had an owner other than this member.

        One that another workspace holds counts as nobody's: no approval here can move it, so writing it fails.
        """
        elsewhere = self.holder is not None and self.holder.tenant != to.tenant
        return bool(self.mark) and self.owner != to and not elsewhere


def consent(
    by: Member,
    *,
    gains: bool = False,
    to: Member | None = None,
    profile: Ownership | None = None,
    lockdown: Lockdown | None = None,
    by_two: bool = False,
) -> Consent:
    """Return who must agree to a change by an administrator in Slack.

    Args:
        gains: whether it gives the administrator themselves something, and they are not the only administrator.
        to, profile: the member who would get a profile, and whose it is or was.
        lockdown: the lockdown that the change would lift or replace.
        by_two: whether the settings say that one administrator alone does not decide on it.
    """
    if gains:
        return Consent.REFUSED
    moves = to is not None and profile is not None and profile.is_foreign(to)
    others = lockdown is not None and lockdown.set_by != by.user_id
    return Consent.ANOTHER if moves or others or by_two else Consent.NOBODY_ELSE
