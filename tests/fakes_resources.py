"""A fake of what AWS has of workspaces, with AWS's states and order, in the style of `tests.fakes`."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot.core.access import Mapping
from bot.core.apps import App, AppName, AppStatus, Profile, Space
from bot.core.errors import StudioError
from bot.core.link import Reason
from bot.core.templates import Template
from tests.fakes import FakeStudio

ROLE = "arn:aws:iam::123456789012:role/studio"
TEMPLATE = Template("d-research", ROLE, instances=("ml.t3.medium", "ml.m5.large"))
FULL = StudioError("in use: try again", reason=Reason.AWS_REFUSED, code="ResourceInUse")


R = TypeVar("R", Profile, Space, App)


@dataclass
class FakeResources:
    """Profiles and spaces by domain and lower-case name, apps beside them; see `resources.Resources`.

    What is made or deleted settles when it has been looked at `slow` times. `calls` has each change.
    """

    studio: FakeStudio
    slow: int = 1
    error: StudioError | None = None
    failing: str = ""
    profiles: dict[tuple[str, str], Profile] = field(default_factory=dict)
    all_spaces: dict[tuple[str, str], Space] = field(default_factory=dict)
    running: dict[tuple[str, str], list[App]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def profile(self, mapping: Mapping) -> Profile | None:
        self._fail("profile")
        found = self._settle(self.profiles, (mapping.domain_id, mapping.profile_name.lower()))
        domain = self.studio.domains.get(mapping.domain_id) or self.studio.add(mapping.domain_id)
        if found is None:
            domain.profiles.pop(mapping.profile_name.lower(), None)
        else:
            domain.profiles[found.name.lower()] = found.status
        return found

    def create_profile(self, mapping: Mapping, template: Template, tags: Dictionary[str, str]) -> None:
        self._fail("create_profile")
        assert template.domain_id == mapping.domain_id
        key = mapping.domain_id, mapping.profile_name.lower()
        if key in self.profiles:
            raise FULL
        self.calls.append(("create profile", mapping.profile_name))
        self.profiles[key] = Profile(mapping.profile_name, f"Pending{self.slow}", tags=dict(tags))

    def space(self, mapping: Mapping, name: str) -> Space | None:
        self._fail("space")
        return self._settle(self.all_spaces, (mapping.domain_id, name))

    def create_space(
        self, mapping: Mapping, name: str, instance: str, template: Template, tags: Dictionary[str, str]
    ) -> None:
        self._fail("create_space")
        assert instance in template.instances
        if (mapping.domain_id, name) in self.all_spaces:
            raise FULL
        self.calls.append(("create space", name))
        self.add_space(mapping, name, status=f"Pending{self.slow}", tags=dict(tags))

    def spaces(self, mapping: Mapping) -> Sequence[Space]:
        self._fail("spaces")
        keys = [key for key, found in self.all_spaces.items() if found.owner.lower() == mapping.profile_name.lower()]
        settled = [self._settle(self.all_spaces, key) for key in keys if key[0] == mapping.domain_id]
        return [replace(found, tags={}) for found in settled if found is not None]

    def apps(self, mapping: Mapping, space: str | None = None) -> Sequence[App]:
        self._fail("apps")
        key = mapping.domain_id, space or f"profile {mapping.profile_name.lower()}"
        settled = [_next(app) for app in self.running.get(key, ())]
        self.running[key] = [app for app in settled if app is not None]
        return [_shown(app) for app in self.running[key]]

    def delete_app(self, mapping: Mapping, app: AppName) -> None:
        self._fail("delete_app")
        key = mapping.domain_id, app.space or f"profile {mapping.profile_name.lower()}"
        for number, each in enumerate(self.running[key]):
            if each.name == app and not each.status.startswith("Deleting"):
                self.calls.append(("delete app", app.name))
                self.running[key][number] = _in(each, f"Deleting{self.slow}")

    def delete_space(self, mapping: Mapping, name: str) -> None:
        self._fail("delete_space")
        if self.running.get((mapping.domain_id, name)):
            raise FULL
        self.calls.append(("delete space", name))
        key = mapping.domain_id, name
        self.all_spaces[key] = replace(self.all_spaces[key], status=f"Deleting{self.slow}")

    def delete_profile(self, mapping: Mapping) -> None:
        self._fail("delete_profile")
        name = mapping.profile_name.lower()
        owned = [each for (domain, _), each in self.all_spaces.items() if domain == mapping.domain_id]
        if self.running.get((mapping.domain_id, f"profile {name}")) or name in {each.owner.lower() for each in owned}:
            raise FULL
        self.calls.append(("delete profile", mapping.profile_name))
        key = mapping.domain_id, name
        self.profiles[key] = replace(self.profiles[key], status=f"Deleting{self.slow}")

    def add_profile(self, mapping: Mapping, **more: object) -> None:
        """Put a profile there that is in service."""
        found = replace(Profile(mapping.profile_name, "InService"), **more)  # type: ignore[arg-type]
        self.profiles[mapping.domain_id, mapping.profile_name.lower()] = found

    def add_space(self, mapping: Mapping, name: str, **more: object) -> None:
        """Put a space there that the mapping's profile owns."""
        found = replace(Space(name, mapping.profile_name, shared=False), **more)  # type: ignore[arg-type]
        self.all_spaces[mapping.domain_id, name] = found

    def add_app(self, mapping: Mapping, space: str | None = None, name: str = "default") -> None:
        """Put an app there that runs."""
        key = mapping.domain_id, space or f"profile {mapping.profile_name.lower()}"
        self.running.setdefault(key, []).append(
            App(AppName("JupyterLab", name, space), mapping.profile_name, AppStatus.IN_SERVICE)
        )

    def _settle(self, kept: dict[tuple[str, str], R], key: tuple[str, str]) -> R | None:
        found = _next(kept[key]) if key in kept else None
        if found is None:
            kept.pop(key, None)
            return None
        kept[key] = found
        return _shown(found)

    def _fail(self, call: str) -> None:
        if self.error is not None and self.failing in ("", call):
            raise self.error


def _next(found: R) -> R | None:
    """Return a resource after one more look at it: `Pending2` is in service after two."""
    state, left = found.status.rstrip("0123456789"), found.status.lstrip("PendigDlt")
    if not left.isdigit():
        return found
    if int(left) > 0:
        return _in(found, f"{state}{int(left) - 1}")
    return _in(found, "InService") if state == "Pending" else None


def _shown(found: R) -> R:
    return _in(found, found.status.rstrip("0123456789"))


def _in(found: R, status: str) -> R:
    return replace(found, status=status)  # type: ignore[arg-type] # an app's states here are more than AWS's
