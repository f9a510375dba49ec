"""Build every audit entry: link requests, refusals, changes, access requests. Nothing is written here."""

from collections.abc import Mapping as Dictionary
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from bot.core.access import Mapping
from bot.core.link import Answer, Choice, Denied, Issued, LinkRequest, Reason, Source
from bot.core.records import AccessRequest, Actor, Entry, Record
from bot.core.values import MAX_SESSION_NAME_LENGTH

LINK = "link"
# Begins the detail of a change that a second administrator has approved.
APPROVED_BY = "approved by "
REQUESTED = "requested"
ISSUED = "issued"
UNDELIVERED = "undelivered"
# The outcomes that may leave a link in a member's hands: the outcome is written after the reply.
MAY_BE_OPENED = (REQUESTED, ISSUED, UNDELIVERED)
CHOOSE = Reason.CHOOSE.value
DONE = "done"
# What is done to apps in Studio, which changes nobody's access.
STOP, START, KEEP = "stop", "start", "keep"
# The action of members who give their access back.
RETURN = "return"
LOCKDOWN, LOCKDOWN_LIFTED = "lockdown", "lockdown_lifted"
# The beginning of an off-boarding, whose end is an entry of its own.
STARTED = "started"
# A revocation or off-boarding that could not end everything.
INCOMPLETE = "incomplete"
# An administrator's command from Slack that would have given them something themselves.
OWN_ACCESS = "own_access"
# The off-boarding of an administrator in the settings, or of the last one.
ADMINISTRATOR = "administrator"
# One that needs a second administrator: it waits, or there is none.
WAITING, NO_SECOND = "waiting", "no_second"
# A second administrator's press on what is decided already, or has expired.
DECIDED = "decided"
# The end of an access request on which nobody decided in time.
RAN_OUT = "ran_out"
# The end of one that was approved for later, once its access could not begin.
NOT_BEGUN = "not_begun"
# A form with bad fields, which Slack has shown to its sender.
INVALID_FORM = "invalid_form"
# Begins the ids of entries that a shell writes.
FROM_SHELL = "cli-"
NOT_DELIVERED = "(the answer did not reach the member)"


def requested(request: LinkRequest) -> Entry:
    """Open a link request's entry, before anything is issued: no record, no link."""
    return Entry(
        id=request.id,
        attempt=request.attempt,
        at=request.at,
        tenant=request.member.tenant,
        subject=request.member.user_id,
        actor=request.member.user_id,
        source=request.source,
        action=LINK,
        outcome=REQUESTED,
        alias=request.target.alias,
    )


def ended(request: LinkRequest, answer: Answer, *, delivered: bool) -> Entry:
    """Complete the same entry with the answer and whether it reached the member."""
    entry = replace(requested(request), locale=answer.locale)
    match answer:
        case Denied():
            mapping = answer.mapping
            entry = replace(
                entry,
                outcome=answer.reason.value,
                detail=answer.detail if delivered else f"{answer.detail} {NOT_DELIVERED}",
                aws_request_id=answer.aws_request_id,
            )
        case Choice():
            detail = f"{len(answer.options)} to choose from"
            return replace(entry, outcome=CHOOSE, detail=detail if delivered else f"{detail} {NOT_DELIVERED}")
        case Issued():
            mapping = answer.allowed.mapping
            entry = replace(
                entry,
                outcome=ISSUED if delivered else UNDELIVERED,
                rule=answer.allowed.grant.describe(request.at),
                link_sha256=answer.link.sha256,
                expires_at=answer.link.expires_at,
                aws_request_id=answer.link.aws_request_id,
            )
    if mapping is None:
        return entry
    in_role = mapping.role_arn is not None and entry.aws_request_id is not None
    return replace(
        entry,
        alias=mapping.alias,
        domain_id=mapping.domain_id,
        profile_name=mapping.profile_name,
        space_name=mapping.space_name,
        landing_uri=mapping.landing_uri,
        region=mapping.region,
        aws_session=request.member.session_name[:MAX_SESSION_NAME_LENGTH] if in_role else None,
    )


def refused(
    action: str, actor: Actor, tenant: str, at: datetime, *, request_id: str, attempt: str, outcome: str, detail: str
) -> Entry:
    """Record a request that was rejected before it could become a link request, as one whole entry."""
    entry = changed(action, actor, tenant, actor.name, at, outcome=outcome, detail=detail)
    return replace(entry, id=request_id, attempt=attempt)


def changed(
    action: str,
    actor: Actor,
    tenant: str,
    subject: str,
    at: datetime,
    *,
    before: Record | Dictionary[str, object] | None = None,
    after: Record | Dictionary[str, object] | None = None,
    outcome: str = DONE,
    detail: str | None = None,
) -> Entry:
    """Record an administrative act and the records that it replaced and wrote, as one whole entry."""
    mapping = next((value for value in (after, before) if isinstance(value, Mapping)), None)
    if actor.approved_by is not None:
        detail = f"{APPROVED_BY}{actor.approved_by}"
    # IAM tells shells from bots by the keys that they may write; see `aws.iam_policy`.
    entry_id = f"{FROM_SHELL if actor.source is Source.CLI else ''}{uuid4().hex}"
    return Entry(
        id=entry_id,
        attempt=entry_id,
        at=at,
        tenant=tenant,
        subject=subject,
        actor=actor.name,
        source=actor.source,
        action=action,
        outcome=outcome,
        alias=mapping.alias if mapping else None,
        domain_id=mapping.domain_id if mapping else None,
        profile_name=mapping.profile_name if mapping else None,
        detail=detail,
        before=_json(before),
        after=_json(after),
    )


def change_of(action: str, outcome: str, after: object) -> str | None:
    """Return what an administrator changed with an entry, as metrics and alarms name it; None for other entries."""
    if outcome != DONE or action in (STOP, START, KEEP):
        return None
    return LOCKDOWN_LIFTED if action == LOCKDOWN and not after else action


def asked(action: str, actor: Actor, request: AccessRequest, at: datetime, outcome: str) -> Entry:
    """Record an access request, or a decision on one. The member's words stay with the request, which goes sooner."""
    start = {} if request.start is None else {"start": request.start.isoformat()}
    return changed(
        action,
        actor,
        request.member.tenant,
        request.member.user_id,
        at,
        after={"request": request.id, "days": request.days, **start},
        outcome=outcome,
    )


def record_fields(record: Record) -> dict[str, Any]:
    """Return a record's fields as JSON can hold them, without the empty ones."""
    found = {field.name: getattr(record, field.name) for field in fields(record)}  # `asdict` copies each of them
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in found.items()
        if value not in (None, "")
    }


def _json(value: Record | Dictionary[str, object] | None) -> dict[str, object] | None:
    if not value:
        return None
    if isinstance(value, Record):
        return record_fields(value)
    return {name: record_fields(item) if isinstance(item, Record) else item for name, item in value.items()}
