"""From what happened to the entry that the audit keeps. Pure."""

from dataclasses import replace
from datetime import datetime

from bot.core.link import Answer, Choice, Denied, Issued, LinkRequest, Reason, Source
from bot.core.records import Entry
from bot.core.values import MAX_SESSION_NAME_LENGTH

LINK = "link"
REQUESTED = "requested"
ISSUED = "issued"
UNDELIVERED = "undelivered"
# The outcomes of which a link may be in a member's hands: the outcome is written after the member was told.
MAY_BE_OPENED = (REQUESTED, ISSUED, UNDELIVERED)
CHOOSE = Reason.CHOOSE.value
NOT_TOLD = "(the member could not be told)"


def requested(request: LinkRequest) -> Entry:
    """Written before anything is issued: no record, no link."""
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
    """The same entry once the member has, or has not, been answered."""
    entry = replace(requested(request), locale=answer.locale)
    match answer:
        case Denied():
            mapping = answer.mapping
            entry = replace(
                entry,
                outcome=answer.reason.value,
                detail=answer.detail if delivered else f"{answer.detail} {NOT_TOLD}",
                aws_request_id=answer.aws_request_id,
            )
        case Choice():
            detail = f"{len(answer.options)} to choose from"
            return replace(entry, outcome=CHOOSE, detail=detail if delivered else f"{detail} {NOT_TOLD}")
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
    called_as = request.member.session_name[:MAX_SESSION_NAME_LENGTH]
    return replace(
        entry,
        alias=mapping.alias,
        domain_id=mapping.domain_id,
        profile_name=mapping.profile_name,
        space_name=mapping.space_name,
        landing_uri=mapping.landing_uri,
        aws_session=called_as if mapping.role_arn is not None and entry.aws_request_id is not None else None,
    )


def refused(
    *,
    request_id: str,
    attempt: str,
    at: datetime,
    tenant: str,
    subject: str,
    source: Source,
    reason: Reason,
    detail: str,
    action: str = LINK,
) -> Entry:
    """A request that was turned away before it could become a link request, as one whole entry."""
    return Entry(
        id=request_id,
        attempt=attempt,
        at=at,
        tenant=tenant,
        subject=subject,
        actor=subject,
        source=source,
        action=action,
        outcome=reason.value,
        detail=detail,
    )
