"""What sees, stops and starts apps in Studio, and reminds members of them."""

from functools import partial

from bot.app import clients
from bot.aws.apps import StudioApps
from bot.aws.sagemaker import SageMakerStudio
from bot.config import ServeSettings
from bot.core.errors import ConfigError
from bot.links.facts import Gatherer
from bot.slack.app_context import AppContext
from bot.slack.client import SlackApi
from bot.slack.workspaces import handlers
from bot.store.access import AccessTable
from bot.store.audit import AuditTable
from bot.store.models import Tables
from bot.store.people import PeopleTable
from bot.store.reminders import ReminderTable
from bot.workspaces import limits
from bot.workspaces.app_changes import AppChanges
from bot.workspaces.reminders import Reminders
from bot.workspaces.running import RunningApps
from bot.workspaces.usage import WeeklySummary


def running(settings: ServeSettings, facts: Gatherer, audit: AuditTable, studio: SageMakerStudio) -> RunningApps:
    """Return what members see, stop and start."""
    changes = AppChanges(StudioApps(studio), audit, clients.prices(settings), settings.aws_region)
    return RunningApps(changes, facts, clients.rules(settings))


def reminders(
    settings: ServeSettings, app: AppContext, access: AccessTable, tables: Tables, slack: SlackApi
) -> Reminders | None:
    """Return what tells members what has run for long, and the audit channel what ran; None without a rule.

    Raises:
        ConfigError: there are rules, and the bot may not see what runs.
    """
    after, stop_after = limits.parse(settings.studio_running_hours), limits.parse(settings.studio_stop_hours)
    if not after.hours and not stop_after.hours and not settings.studio_running_summary:
        return None
    if app.running is None:
        raise ConfigError(
            "STUDIO_RUNNING_HOURS, STUDIO_STOP_HOURS and STUDIO_RUNNING_SUMMARY need STUDIO_RUNNING: set it to true"
        )
    if settings.studio_running_summary and settings.studio_audit_channel is None:
        raise ConfigError("STUDIO_RUNNING_SUMMARY needs STUDIO_AUDIT_CHANNEL: set it to a channel's id")
    store, tell = ReminderTable(tables), partial(handlers.remind, app)
    summary = WeeklySummary(store, partial(handlers.summarise, app))
    return Reminders(
        app.running,
        access,
        store,
        after,
        stop_after,
        slack.person,
        tell,
        summary if settings.studio_running_summary else None,
        PeopleTable(tables).known,
    )
