"""What AWS has of a member's workspace, and the port to it."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from typing import Protocol

from bot.core.access import Mapping, Member
from bot.core.apps import App, AppName, Inventory, Profile, Space
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.templates import Template

IN_SERVICE, DELETING = "InService", "Deleting"
# States that end by themselves.
SETTLING = frozenset({"Pending", "Updating", DELETING})
# AWS's code for a resource that exists, is still used, or is being changed.
IN_USE = "ResourceInUse"


def may_pass(error: StudioError) -> bool:
    """Return whether the same call may succeed later without anybody changing something."""
    return error.reason in (Reason.AWS_THROTTLED, Reason.AWS_UNREACHABLE) or error.code == IN_USE


class Resources(Protocol):
    """Make, find and remove resources of Studio; StudioError if AWS refuses or does not answer.

    Making what exists fails with the code `IN_USE`; removing what does not exist does nothing.
    """

    def profile(self, mapping: Mapping) -> Profile | None:
        """Return the mapping's profile with its tags."""

    def create_profile(self, mapping: Mapping, template: Template, tags: Dictionary[str, str]) -> None:
        """Begin to make the mapping's profile from the template."""

    def space(self, mapping: Mapping, name: str) -> Space | None:
        """Return a space of the mapping's domain with its tags."""

    def create_space(
        self, mapping: Mapping, name: str, instance: str, template: Template, tags: Dictionary[str, str]
    ) -> None:
        """Begin to make a private JupyterLab space that the mapping's profile owns."""

    def spaces(self, mapping: Mapping) -> Sequence[Space]:
        """Return the spaces that the mapping's profile owns, without tags."""

    def apps(self, mapping: Mapping, space: str | None = None) -> Sequence[App]:
        """Return the apps of the mapping's profile, or of one of its spaces, that are not deleted."""

    def delete_app(self, mapping: Mapping, app: AppName) -> None:
        """Begin to delete an app of the mapping's profile or its space."""

    def delete_space(self, mapping: Mapping, name: str) -> None:
        """Begin to delete a space of the mapping's domain."""

    def delete_profile(self, mapping: Mapping) -> None:
        """Begin to delete the mapping's profile."""


class Apps(Protocol):
    """What runs in Studio. Each method raises StudioError if AWS refuses or does not answer.

    Args:
        member: on whose behalf a mapping's role is assumed; None for administration.
    """

    def inventory(self, mapping: Mapping, member: Member | None = None) -> Inventory:
        """Return the apps and spaces of the mapping's domain, which may be half a minute old."""

    def forget(self, mapping: Mapping) -> None:
        """List the mapping's domain again on the next look, because it has changed."""

    def app(self, mapping: Mapping, name: AppName, member: Member | None = None) -> App | None:
        """Return an app as it is now, with the owner that its space has now; None if there is none."""

    def stop(self, mapping: Mapping, name: AppName, member: Member | None = None) -> None:
        """Let an app end. Its space and files stay."""

    def start(self, mapping: Mapping, space: str, member: Member | None = None) -> AppName:
        """Let the app of a space start on what the space is set to, if the mapping's profile owns the space."""
