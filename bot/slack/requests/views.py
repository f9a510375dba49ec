"""Render access requests for members and administrators. Pure.

https://docs.slack.dev/reference/views/modal-views
"""

from datetime import datetime
from typing import Any

from bot.admin.history import short_name
from bot.admin.new_profiles import NewProfiles
from bot.core.approval_rules import DEFAULT, Terms
from bot.core.approval_rules import describe as describe_rule
from bot.core.records import AccessRequest, RequestState
from bot.core.values import InvalidValue
from bot.core.waiting import BY_TIME, MAX_DAYS_AHEAD
from bot.slack import blocks as kit
from bot.slack.admin.records import mention
from bot.slack.blocks import (
    Block,
    Message,
    RenderContext,
    actions,
    button,
    context,
    count,
    literal,
    option,
    picker,
    section,
    slack_date,
    text_input,
    text_message,
)
from bot.slack.members.views import ASK, HOME_OPEN
from bot.slack.words import Words

APPROVE = "approve_access"
DENY = "deny_access"

WISH, REASON, SPAN, START = "wish", "reason", "days", "start"
DOMAIN, PROFILE, ALIAS_FIELD = "domain", "profile", "alias"
# Whether to make the profile: the values beside instance types.
CREATION, NEW, EXISTING = "creation", "new", "existing"
# Slack takes a hundred options.
MAX_SIZES = 98
FOR_GOOD = "0"
MAX_WISH_LENGTH, MAX_REASON_LENGTH = 200, 500
# Where no rule says more; and the rules that a form shows, and the characters that Slack keeps with it.
NO_TERMS, MAX_RULES, MAX_METADATA = Terms((DEFAULT,)), 5, 2900


def form(
    render: RenderContext, wish: str = "", terms: Terms = NO_TERMS, reason: str = "", tz_offset: int | None = None
) -> dict[str, Any]:
    """Render the access request form, with the rules' requirements and, for an extension, the earlier reason."""
    words = render.words
    spans = [option(_span(days, words), str(days or FOR_GOOD)) for days in terms.days]
    reason_field = {**text_input(REASON, MAX_REASON_LENGTH, reason), "multiline": True}
    span_field = {"type": "static_select", "action_id": SPAN, "options": spans, "initial_option": spans[:3][-1]}
    start_field = {"type": "datepicker", "action_id": START}
    fields = [
        kit.field(WISH, words.ask_wish, text_input(WISH, MAX_WISH_LENGTH, wish), optional=True),
        kit.field(REASON, words.ask_reason, reason_field),
        kit.field(SPAN, words.ask_days, span_field),
        kit.field(START, words.ask_start.format(days=MAX_DAYS_AHEAD), start_field, optional=True),
    ]
    rules = [rule for rule in terms.rules if rule.name]
    fields += [context(describe_rule(rule, words.admin.approval_rules, mention)) for rule in rules[:MAX_RULES]]
    metadata = " ".join(
        (words.language, *([str(tz_offset)] if tz_offset else ()), *(rule.name for rule in rules if rule.ticket))
    )
    return kit.form(ASK, words.ask, words.send, fields, words=words, metadata=metadata[:MAX_METADATA])


def not_new(request: AccessRequest, now: datetime, render: RenderContext) -> Message:
    """Render the state of a member's latest request, where their form has opened no new one."""
    words = render.words
    if request.start is not None and request.is_upcoming:
        line = words.granted_later.format(start=slack_date(request.start))
    elif request.state is RequestState.OPEN:
        line = words.ask_joined if now < request.expires_at else words.ask_ran_out
    else:
        line = {
            RequestState.APPROVED: words.ask_was_approved,
            RequestState.DENIED: words.ask_was_denied,
            RequestState.WITHDRAWN: words.ask_was_withdrawn,
        }[request.state]
    return text_message(line.format(at=slack_date(request.decided_at or request.at)))


def to_admins(request: AccessRequest, render: RenderContext) -> Message:
    """Render a request with its buttons, for administrators."""
    words, value = render.words, _value(request)
    waits = [context(words.asked_since.format(at=slack_date(request.at)))] if request.reminders else []
    blocks = [
        *_asked(request, words),
        *waits,
        *_approvals(request, words),
        actions(
            button(words.approve, APPROVE, value, style="primary"), button(words.deny, DENY, value, style="danger")
        ),
        context(words.asked_until.format(until=slack_date(request.expires_at))),
    ]
    return Message((words.reminder if waits else words.asked).format(user=request.member.user_id), blocks)


def asked_again(request: AccessRequest, render: RenderContext) -> Message:
    """Render a message whose buttons have moved to a reminder."""
    return Message(
        render.words.asked.format(user=request.member.user_id),
        [*_asked(request, render.words), context(render.words.asked_below)],
    )


def _approvals(request: AccessRequest, words: Words) -> list[Block]:
    """Return who has approved so far, and what, where more are needed."""
    if not request.approvers:
        return []
    names = ", ".join(f"<@{user}>" for user in request.approvers)
    lines = [words.approved_so_far.format(number=len(request.approvers), needed=request.needed, names=names)]
    mapping = request.mapping
    if mapping is not None:
        lines.append(
            words.who_mapping.format(
                alias=mapping.alias, profile=mapping.profile_name, domain=mapping.domain_id, details=""
            )
        )
        lines += [words.workspaces.is_new] if request.creation is not None else []
    return [section("\n".join(lines))]


def settled(request: AccessRequest, render: RenderContext) -> Message:
    """Render a decided or expired request, without buttons."""
    blocks = [
        *_asked(request, render.words),
        *_answer(request, render.words),
        context(end(request, render.words, render.command)),
    ]
    return Message(render.words.asked.format(user=request.member.user_id), blocks)


def end(request: AccessRequest, words: Words, command: str) -> str:
    at, by = slack_date(request.decided_at or request.expires_at), mention(short_name(request.decided_by or ""))
    line = {
        RequestState.APPROVED: words.approved,
        RequestState.DENIED: words.denied,
        RequestState.WITHDRAWN: words.withdrawn,
    }.get(request.state, words.undecided)
    if request.decided_by == BY_TIME:
        line = words.not_begun
    text = line.format(by=by, at=at, command=command)
    if request.start is None or request.state is not RequestState.APPROVED:
        return text
    return f"{text} · {words.begins.format(start=slack_date(request.start))}"


def invalid(error: InvalidValue, words: Words) -> dict[str, str]:
    """Return the errors of an administrator's form, by field."""
    if error.field_name == "domain":
        return {DOMAIN: words.bad_domain}
    return {ALIAS_FIELD: words.bad_alias} if error.field_name == "alias" else {PROFILE: words.bad_profile}


def mapping_form(
    request: AccessRequest,
    render: RenderContext,
    offer: NewProfiles | None = None,
    name: str = "",
    *,
    exists: bool = False,
    gone: bool = False,
) -> dict[str, Any]:
    """Render the dialog that asks for an approved member's profile.

    Args:
        offer: the new profiles that can be made.
        name: a name for the profile, from the member's address.
        exists: whether there is a profile of that name to map, which is then the form's first choice.
        gone: whether the member is mapped only to profiles that no longer exist in SageMaker.
    """
    words, domain, new = render.words, "", list[Block]()
    if offer is not None and offer.templates:
        new = [_new_profile(offer, words, exists=exists), context(words.workspaces.new_note)]
        domain = next(iter(offer.templates)) if len(offer.templates) == 1 else ""
    domains, profiles = picker(DOMAIN, 63, render, domain), picker(PROFILE, 63, render, name if new else "")
    blocks = [
        *_asked(request, words),
        *([section(words.profile_gone)] if gone else []),
        *new,
        kit.field(DOMAIN, words.approve_domain, domains, optional=True, tells=render.picks),
        kit.field(PROFILE, words.approve_profile, profiles, optional=True),
        kit.field(ALIAS_FIELD, words.approve_alias, text_input(ALIAS_FIELD, 32), optional=True),
        context(words.approve_note),
    ]
    metadata = f"{_value(request)} {words.language}"
    return kit.form(APPROVE, words.approve_title, words.approve, blocks, words=words, metadata=metadata)


def denial_form(request: AccessRequest, render: RenderContext) -> dict[str, Any]:
    """Render the dialog that asks for the reason of a denial."""
    words, reason = render.words, {**text_input(REASON, MAX_REASON_LENGTH), "multiline": True}
    blocks = [*_asked(request, words), kit.field(REASON, words.deny_reason, reason, optional=True)]
    metadata = f"{_value(request)} {words.language}"
    return kit.form(DENY, words.deny_title, words.deny, blocks, words=words, metadata=metadata)


def _new_profile(offer: NewProfiles, words: Words, *, exists: bool) -> Block:
    """Return the field that asks whether to make the profile, and with which space."""
    texts = words.workspaces
    with_space = {each: texts.new_with_space.format(instance=each) for each in offer.instances}
    new, existing = {NEW: texts.new, **dict(list(with_space.items())[:MAX_SIZES])}, {EXISTING: texts.existing}
    choices = existing | new if exists else new | existing
    options = [option(text, value) for value, text in choices.items()]
    select = {"type": "static_select", "action_id": CREATION, "options": options, "initial_option": options[0]}
    return kit.field(CREATION, texts.profile_kind, select)


def creation(chosen: str) -> str | None:
    """Return what to make by the choice of that field, as in `AccessRequest`; None without the field."""
    return {EXISTING: None, NEW: "", "": None}.get(chosen, chosen)


def to_member(request: AccessRequest, render: RenderContext, *, makes: bool = False) -> Message:
    """Render the decision for the member.

    Args:
        makes: whether their profile is being made, so that there is nothing to open yet.
    """
    words = render.words
    if request.state is RequestState.DENIED and request.decided_by == BY_TIME:
        return Message(words.could_not_begin, [section(words.could_not_begin), *_ask_again(words)])
    if request.state is RequestState.DENIED:
        return Message(words.turned_down, [section(words.turned_down), *_answer(request, words)])
    until = request.until
    lasts = words.granted_open if until is None else words.granted_until.format(until=slack_date(until))
    if request.start is not None and request.is_upcoming:
        return text_message(f"{words.granted_later.format(start=slack_date(request.start))} {lasts}")
    text = f"{words.workspaces.making if makes else words.granted} {lasts}"
    ways = [] if makes else [actions(button(words.open_studio, HOME_OPEN, "", style="primary"))]
    return Message(text, [section(text), *ways])


def ran_out(request: AccessRequest, render: RenderContext) -> Message:
    """Render the message that nobody decided in time, with a button to ask again."""
    words, text = render.words, render.words.ran_out.format(at=slack_date(request.at))
    return Message(text, [section(text), *_asked(request, words)[1:], *_ask_again(words)])


def _ask_again(words: Words) -> list[Block]:
    return [actions(button(words.ask, ASK, "", style="primary"))]


def _answer(request: AccessRequest, words: Words) -> list[Block]:
    """Return why the request was denied, if an administrator said so."""
    return [literal(words.denied_because.format(reason=request.answer))] if request.answer else []


def announcement(request: AccessRequest) -> str:
    """Render a decision as one line for the audit channel."""
    return f"{request.member.user_id} · request · {request.state} · by {request.decided_by}"


def _asked(request: AccessRequest, words: Words) -> list[Block]:
    lines = [words.asked_reason.format(reason=request.reason)]
    lines += [words.asked_wish.format(wish=request.wish)] if request.wish else []
    lines.append(words.asked_days.format(days=_span(request.days, words)))
    start = [] if request.start is None else [section(words.asked_start.format(start=slack_date(request.start)))]
    return [section(f"*{words.asked.format(user=request.member.user_id)}*"), *map(literal, lines), *start]


def _span(days: int | None, words: Words) -> str:
    return words.no_end_date if days is None else count(days, words.day)


def _value(request: AccessRequest) -> str:
    """Ids only: the store has the rest."""
    return f"{request.member.user_id} {request.id}"
