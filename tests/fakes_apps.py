"""A fake of the Apps port, held to the same contract tests as the adapter (tests/contract/test_apps_port.py)."""

from dataclasses import replace

from bot.core.access import Mapping, Member
from bot.core.apps import App, AppName, AppStatus, Inventory, Space
from bot.core.errors import StudioError
from bot.core.link import Reason


class FakeApps:
    """Apps and spaces by domain; see `ports.Apps`. The next calls raise `error` if it is set."""

    def __init__(self) -> None:
        self.apps: dict[str, list[App]] = {}
        self.spaces: dict[str, list[Space]] = {}
        self.error: StudioError | None = None
        self.on_behalf_of: list[Member | None] = []

    def add(self, domain_id: str, *things: App | Space) -> None:
        for each in things:
            if isinstance(each, App):
                self.apps.setdefault(domain_id, []).append(each)
            else:
                self.spaces.setdefault(domain_id, []).append(each)

    def inventory(self, mapping: Mapping, member: Member | None = None) -> Inventory:
        self._called(member)
        domain = mapping.domain_id
        apps = tuple(self._owned(domain, app) for app in self.apps.get(domain, ()))
        return Inventory(apps, tuple(self.spaces.get(domain, ())))

    def forget(self, mapping: Mapping) -> None:
        """Keep nothing that could be out of date."""

    def app(self, mapping: Mapping, name: AppName, member: Member | None = None) -> App | None:
        self._called(member)
        return self._find(mapping, name)

    def stop(self, mapping: Mapping, name: AppName, member: Member | None = None) -> None:
        self._called(member)
        app = self._find(mapping, name)
        if app is None:
            raise StudioError("no such app: look again", reason=Reason.APP_GONE)
        if app.status in (AppStatus.DELETING, AppStatus.PENDING):
            raise StudioError("it is changing: try again", reason=Reason.APP_NOT_READY)
        self._put(mapping.domain_id, replace(app, status=AppStatus.DELETING))

    def start(self, mapping: Mapping, space: str, member: Member | None = None) -> AppName:
        self._called(member)
        found = next((each for each in self.spaces.get(mapping.domain_id, ()) if each.name == space), None)
        if found is None:
            raise StudioError("no such space: name another", reason=Reason.SPACE_MISSING)
        if found.owner.lower() != mapping.profile_name.lower():
            raise StudioError("not yours: name another", reason=Reason.SPACE_NOT_YOURS)
        if found.app_type not in ("JupyterLab", "CodeEditor"):
            raise StudioError("no app: open it in Studio", reason=Reason.APP_UNKNOWN)
        name = AppName(found.app_type, "default", space)
        if self._find(mapping, name) is not None:
            raise StudioError("it runs already: open it", reason=Reason.APP_RUNNING)
        self.add(mapping.domain_id, App(name, found.owner, AppStatus.PENDING, shared=found.shared))
        return name

    def settle(self, domain_id: str, failure: str = "") -> None:
        """End changes that take their time: starting apps are in service or have failed, and ending ones are gone."""
        status = AppStatus.FAILED if failure else AppStatus.IN_SERVICE
        left = [app for app in self.apps.get(domain_id, ()) if app.status is not AppStatus.DELETING]
        self.apps[domain_id] = [
            replace(app, status=status, failure=failure) if app.status is AppStatus.PENDING else app for app in left
        ]

    def _called(self, member: Member | None) -> None:
        self.on_behalf_of.append(member)
        if self.error is not None:
            raise self.error

    def _owned(self, domain_id: str, app: App) -> App:
        space = next((each for each in self.spaces.get(domain_id, ()) if each.name == app.name.space), None)
        return app if space is None else replace(app, owner=space.owner, shared=space.shared)

    def _find(self, mapping: Mapping, name: AppName) -> App | None:
        owned = (self._owned(mapping.domain_id, app) for app in self.apps.get(mapping.domain_id, ()))
        return next((app for app in owned if app.name == name and (name.space or app.belongs_to(mapping))), None)

    def _put(self, domain_id: str, new: App) -> None:
        key = _key(new)
        self.apps[domain_id] = [new if _key(app) == key else app for app in self.apps[domain_id]]


def _key(app: App) -> tuple[AppName, str]:
    return app.name, "" if app.name.space else app.owner
