"""Read the forms of access requests, and find what is wrong with their fields."""

import re
from collections.abc import Mapping
from datetime import date

from bot.core.access import Mapping as StudioMapping
from bot.core.errors import BadInput
from bot.core.values import DEFAULT_ALIAS
from bot.core.waiting import MAX_DAYS_AHEAD, may_start
from bot.slack.app_context import AppContext
from bot.slack.gateway import Body
from bot.slack.payloads import field_value, private_metadata
from bot.slack.requests import outcomes
from bot.slack.requests import views as request_views

# The seconds by which the member's clock is ahead of UTC, which the form brings back.
OFFSET = re.compile("-?[0-7]?[0-9]{1,4}")


def check_request(app: AppContext, body: Body) -> Mapping[str, str]:
    """Return the errors of a member's form, by field."""
    language, *rest = private_metadata(body).split(" ")  # which `ask` does not rely on
    words, reason = app.render(locale=language).words, field_value(body, request_views.REASON)
    lacking = [r for r in app.access_requests.rules.approval_rules if r.name in rest and r.lacks_ticket(reason)]
    errors = {}
    if not reason.strip():
        errors[request_views.REASON] = words.ask_reason_missing
    elif lacking:
        errors[request_views.REASON] = words.ask_ticket_missing.format(example=lacking[0].ticket_example)
    try:
        day, offset = start_day(body), int(rest[0]) if rest and OFFSET.fullmatch(rest[0]) else 0
        is_valid = day is None or may_start(day, app.now(), offset)
    except BadInput:
        is_valid = False
    if not is_valid:
        errors[request_views.START] = words.ask_start_bad.format(days=MAX_DAYS_AHEAD)
    return errors


def start_day(body: Body) -> date | None:
    """Return the day from which a member wants access; None for at once.

    Raises:
        BadInput: it is no date.
    """
    day = field_value(body, request_views.START)
    try:
        return date.fromisoformat(day) if day else None
    except ValueError:
        raise BadInput("the start is no date: ask again with one") from None


def check_mapping(app: AppContext, body: Body) -> Mapping[str, str]:
    """Return the errors of an administrator's form, by field."""
    words = app.render(locale=private_metadata(body).rpartition(" ")[2]).words
    return outcomes.invalid_fields(*_given(body), words)


def mapping(body: Body) -> StudioMapping | None:
    """Return the mapping that the administrator filled in; None if nothing. InvalidValue if it makes no sense."""
    domain, profile, alias = _given(body)
    return StudioMapping(alias or DEFAULT_ALIAS, domain, profile) if domain or profile or alias else None


def _given(body: Body) -> tuple[str, str, str]:
    """Return domain, profile and alias as they were filled in."""
    names = (request_views.DOMAIN, request_views.PROFILE, request_views.ALIAS_FIELD)
    domain, profile, alias = (field_value(body, name).strip() for name in names)
    return domain, profile, alias.lower()
