"""The objects that commands of administration use."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.admin.access_requests import AccessRequests
from bot.admin.agreement import administrators
from bot.admin.changes import Admin
from bot.admin.decisions import Decision
from bot.admin.leaving import Leaving
from bot.admin.notices import Notice
from bot.admin.verification import Verification, Witness
from bot.app import clients
from bot.aws.account import AwsAdmin, access_key_id, caller_arn
from bot.aws.apps import StudioApps
from bot.config import Settings
from bot.core.access import Member
from bot.core.audit import FROM_SHELL
from bot.core.errors import ConfigError, SlackError, StoreError
from bot.core.ports import AccessReader
from bot.core.values import shared_tenants
from bot.links.facts import Gatherer
from bot.serving.executors import CallExecutor
from bot.store.access import AccessTable
from bot.store.access_requests import AccessRequestTable
from bot.store.audit import AuditTable
from bot.store.erasure import ErasureTable
from bot.store.jobs import JobTable
from bot.store.models import Tables
from bot.store.people import PeopleTable
from bot.store.seals import SealTable
from bot.workspaces.app_changes import AppChanges
from bot.workspaces.runner import LEASE, JobRunner

if TYPE_CHECKING:
    from bot.app.doctor import Doctor
    from bot.slack.names import Names

# Begins the name of the person who runs a command, if AWS does not say who that is.
UNKNOWN_CALLER = "cli:key/"
# Calls side by side for one member, and those that may wait.
CALLS, QUEUED_CALLS = 3, 64
# The most notices that one command sends: each goes to every administrator.
MAX_NOTICES = 50


def admin(settings: Settings, workers: int = 1, bound: Tables | None = None) -> Admin:
    """Return the use cases of administration.

    Args:
        workers: changes made at once; with several, DynamoDB's throttling is waited out.
        bound: connected models, if there are any.
    """
    bound, tenants = bound or clients.tables(settings, workers), shared_tenants(settings.studio_teams)
    return Admin(
        access=AccessTable(bound, audit_days=settings.studio_audit_days, tenants=tenants),
        audit=AuditTable(bound, days=settings.studio_audit_days, tenants=tenants),
        studio=clients.studio(settings, connections=workers),
        rules=clients.rules(settings),
        audit_days=settings.studio_audit_days,
    )


def jobs(settings: Settings, admin: Admin) -> JobRunner:
    """Return what a shell works on workspaces with. Nobody else continues a job while the shell does."""
    bound = clients.tables(settings)
    requests = AccessRequestTable(bound)
    return clients.jobs(settings, JobTable(bound), admin, requests, entry_prefix=FROM_SHELL, pause=LEASE)


def leaving(settings: Settings, admin: Admin) -> Leaving:
    """Return what off-boards members."""
    return clients.leaving(settings, JobTable(clients.tables(settings)), admin)


def erasure(settings: Settings, member: Member) -> ErasureTable:
    """Return what erases a member from the tables."""
    bound, tenants = clients.tables(settings), shared_tenants(settings.studio_teams)
    log = AuditTable(bound, days=settings.studio_audit_days, tenants=tenants)
    return ErasureTable(bound, log, member, tenants if member.tenant in tenants else (member.tenant,))


def verification(settings: Settings, tenant: str, now: datetime, witness: Witness | None) -> Verification:
    """Return the verification of a workspace's audit."""
    days = settings.studio_audit_days
    seals = SealTable(clients.tables(settings), days=days)
    return Verification(seals, tenant, now, witness=witness or Witness(), days=days)


def gatherer(settings: Settings, access: AccessReader) -> Gatherer | None:
    """Return the gatherer of facts about members; None without a bot token."""
    slack = clients.slack(settings)
    if slack is None:
        return None
    return Gatherer(access, people=slack, groups=slack, side=CallExecutor(CALLS, queue=QUEUED_CALLS))


def names(settings: Settings) -> "Names":
    """Return what is known of accounts, to show their names."""
    from bot.slack.names import Names

    return Names(clients.slack(settings, patient=True), PeopleTable(clients.tables(settings)).known)


def app_changes(settings: Settings, admin: Admin) -> AppChanges:
    """Return what stops apps, with the prices to show."""
    apps = StudioApps(clients.studio(settings, connections=1))
    return AppChanges(apps, admin.audit, clients.prices(settings), settings.aws_region)


def access_requests(settings: Settings, admin: Admin) -> AccessRequests:
    """Return the access requests, to decide on them from the shell.

    Raises:
        ConfigError: SLACK_BOT_TOKEN is not set.
    """
    found = gatherer(settings, admin.access)
    if found is None:
        raise ConfigError("SLACK_BOT_TOKEN is missing: a decision rests on what Slack says of the member")
    store, admins = AccessRequestTable(clients.tables(settings)), frozenset(settings.studio_admins)
    return AccessRequests(store, admin, admin.audit, found, admin.rules, admins)


def tell(settings: Settings, decision: Decision) -> str | None:
    """Send a decision from the shell to the member, and show it to those who were asked; return what failed."""
    slack, request = clients.slack(settings), decision.request
    if slack is None or request is None:
        return "SLACK_BOT_TOKEN is not set"
    from bot.slack.admin.notices import render_for
    from bot.slack.blocks import RenderContext
    from bot.slack.requests import views
    from bot.slack.words import words_for

    failed = []
    try:
        slack.post(request.member.user_id, views.to_member(request, render_for(slack, request.member)))
    except SlackError as error:
        failed.append(str(error))
    failed += [
        f"Slack did not update the message in {each.message.partition('/')[0]}"
        for each in request.postings
        if not slack.update(each.message, views.settled(request, RenderContext(words_for(each.language))))
    ]
    return "; ".join(failed) or None


def notify(settings: Settings, admin: Admin, tenant: str, notices: Sequence[Notice]) -> str | None:
    """Send notices from the shell; return why somebody may not have got theirs.

    A failure here undoes nothing: the change is made.
    """
    if not notices:
        return None
    slack = clients.slack(settings)
    if slack is None:
        return "SLACK_BOT_TOKEN is not set"
    if len(notices) > MAX_NOTICES:
        return f"{len(notices)} members are concerned, more than {MAX_NOTICES}"
    from bot.slack.admin.notices import render_for, send

    try:
        readers = administrators(admin, tenant, settings.studio_admins)
    except StoreError as error:
        return str(error)
    missed = send(slack, notices, readers, tenant, render_for=partial(render_for, slack), now=admin.now())
    return f"Slack took no message for {', '.join(sorted({*missed}))}" if missed else None


def doctor(
    settings: Settings, team: str | None, *, serving_role: str | None, presign: bool, all_mappings: bool, live: bool
) -> "Doctor":
    """Return the examination of the installation."""
    from bot.app.doctor import AT_ONCE, Doctor

    try:
        examined = tenant(settings, team)
    except (ConfigError, SlackError):  # the examination reports this itself
        examined = None
    bound = clients.table_administration(settings)
    return Doctor(
        admin=admin(settings, AT_ONCE, bound),
        aws=AwsAdmin(region=settings.aws_region, external_id=settings.studio_external_id),
        tables=bound,
        slack=clients.slack(settings),
        settings=settings,
        tenant=examined,
        serving_role=serving_role,
        presign=presign,
        all_mappings=all_mappings,
        live=live,
    )


def tenant(settings: Settings, given: str | None) -> str:
    """Return the team of a command: the given one, or the only one that the settings allow.

    An organisation stands for its workspaces, with which it shares one set of rules.

    Raises:
        ConfigError: it could be several.
        SlackError: Slack, which knows the team, did not respond.
    """
    shared = shared_tenants(settings.studio_teams)
    if given is not None:
        tenant_id = Member(given, "U0").tenant  # checks the form
        return shared[0] if tenant_id in shared else tenant_id
    if shared or len(settings.studio_teams) == 1:
        return (*shared, *settings.studio_teams)[0]
    slack = clients.slack(settings)
    if slack is None or settings.studio_teams:
        raise ConfigError("it is not clear which workspace this is about: name it with --team T0123ABCD")
    return slack.home().team_id


def caller(settings: Settings) -> str:
    """Return the caller of this command, for the audit: the AWS caller's ARN, or their key if STS does not respond.

    An emergency must not wait for STS, and nobody becomes anonymous by blocking it.
    """
    arn = caller_arn(settings.aws_region)
    return f"{UNKNOWN_CALLER}{access_key_id() or 'unknown'}" if arn is None else f"cli:{arn}"
