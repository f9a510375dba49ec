"""The clients of AWS and Slack that serving and administration share."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.admin.changes import Admin
from bot.admin.leaving import Leaving
from bot.aws.account import AwsAdmin
from bot.aws.client import new_session
from bot.aws.resources import StudioResources
from bot.aws.sagemaker import SageMakerStudio
from bot.config import Settings
from bot.core import approval_file
from bot.core.approval_rules import ApprovalRule
from bot.core.errors import ConfigError
from bot.core.jobs import JobKind, JobStore
from bot.core.policy import Rules
from bot.core.ports import AccessRequestStore, Failed
from bot.core.values import shared_tenants
from bot.store.models import Tables, bind
from bot.workspaces.offboarding import Offboarding
from bot.workspaces.prices import PriceList, parse, shipped
from bot.workspaces.provisioning import Provisioning
from bot.workspaces.runner import JobRunner

if TYPE_CHECKING:
    from bot.slack.client import SlackApi
    from bot.slack.network import Network


def rules(settings: Settings) -> Rules:
    """Return the rules for everybody; ConfigError if those on approvals cannot be read."""
    approvals, *by_domain = settings.studio_approvals.replace(" ", "").split(",")
    return Rules(
        settings.studio_allow_guests,
        settings.studio_links_per_minute,
        settings.studio_sole_admin,
        int(approvals),
        {domain: int(number) for domain, number in (each.split("=") for each in by_domain)},
        approval_rules(settings.studio_approvals_file),
    )


def approval_rules(name: str | None) -> tuple[ApprovalRule, ...]:
    """Read the file of rules; ConfigError if it holds anything else, or if everybody could change it."""
    if name is None:
        return ()
    text, mode = _read("STUDIO_APPROVALS_FILE", name)
    if os.name == "posix" and mode & stat.S_IWOTH:
        raise ConfigError(f"STUDIO_APPROVALS_FILE: everybody on this machine can change {name}: `chmod o-w` it")
    try:
        found = approval_file.parse(text, name)
    except ConfigError as error:
        raise ConfigError(f"STUDIO_APPROVALS_FILE: {error}") from None
    if not found:  # an emptied file would let administrators approve everything alone
        raise ConfigError(f"STUDIO_APPROVALS_FILE: {name} has no rule: add one, or leave the variable empty")
    return found


def studio(settings: Settings, connections: int, failed: Failed | None = None) -> SageMakerStudio:
    """Return SageMaker, with as many connections at once."""
    return SageMakerStudio(
        region=settings.aws_region,
        link_seconds=settings.studio_link_seconds,
        session_seconds=settings.studio_session_seconds,
        connections=connections,
        external_id=settings.studio_external_id,
        link_hosts=settings.studio_link_hosts,
        failed=failed,
    )


def prices(settings: Settings) -> PriceList:
    """Return the price list that the settings name, or the one that comes with this version.

    Raises:
        ConfigError: it cannot be read.
    """
    path = settings.studio_price_file
    if path is None:
        return shipped()
    return parse(_read("STUDIO_PRICE_FILE", path)[0], path)


def _read(variable: str, name: str) -> tuple[str, int]:
    """Return the text and mode of the file that a variable names; ConfigError if it cannot be read."""
    try:
        with Path(name).open(encoding="utf-8") as file:
            return file.read(), os.fstat(file.fileno()).st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{variable}: {name} cannot be read ({type(error).__name__}): correct it") from None


def resources(settings: Settings) -> StudioResources:
    """Return what AWS has of workspaces."""
    aws = AwsAdmin(region=settings.aws_region, external_id=settings.studio_external_id)
    return StudioResources(aws, settings.aws_region)


def leaving(settings: Settings, store: JobStore, admin: Admin) -> Leaving:
    """Return what off-boards members."""
    plan = Offboarding(admin, resources(settings)).plan
    return Leaving(admin, store, plan, frozenset(settings.studio_admins))


def jobs(
    settings: Settings,
    store: JobStore,
    admin: Admin,
    requests: AccessRequestStore,
    **more: Any,
) -> JobRunner:
    """Return what visits jobs on workspaces.

    Args:
        more: what else `JobRunner` takes.
    """
    found = resources(settings)
    making = Provisioning(admin, requests, found, settings.profile_templates)
    work = {JobKind.PROVISION: making.visit, JobKind.OFFBOARD: Offboarding(admin, found).visit}
    return JobRunner(store, work, admin.audit, **more)


def slack(settings: Settings, *, patient: bool = False, network: "Network | None" = None) -> "SlackApi | None":
    """Return Slack for administration; None without a bot token."""
    if settings.slack_bot_token is None:
        return None
    # Most commands do not need Slack's SDK, which takes a while to load.
    from bot.slack.client import SlackApi

    token, shared = settings.slack_bot_token.get_secret_value(), shared_tenants(settings.studio_teams)
    api_url = settings.slack_api_url
    return SlackApi(token=token, api_url=api_url, patient=patient, shared=shared, network=network)


def patient_slack(settings: Settings, network: "Network | None" = None) -> "SlackApi":
    """Return Slack for long lists.

    Args:
        network: another client's, whose certificates need not be read again.

    Raises:
        ConfigError: SLACK_BOT_TOKEN is not set.
    """
    found = slack(settings, patient=True, network=network)
    if found is None:
        raise ConfigError("SLACK_BOT_TOKEN is missing: set it to the app's bot token, which starts with xoxb-")
    return found


def tables(settings: Settings, workers: int = 1) -> Tables:
    """Return connected models for administration, which can wait longer than serving."""
    return _connected(
        bind(
            prefix=settings.studio_table_prefix,
            region=settings.aws_region,
            connections=max(10, workers),
            read_timeout_seconds=10,
            retries=1 if workers == 1 else 8,
        )
    )


def table_administration(settings: Settings) -> Tables:
    """Return connected models for creating and checking tables, to which AWS responds more slowly."""
    return _connected(bind(prefix=settings.studio_table_prefix, region=settings.aws_region, read_timeout_seconds=30))


def _connected(models: Tables) -> Tables:
    models.connect(new_session)
    return models
