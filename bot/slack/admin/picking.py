"""Suggest values for the fields of administrators' forms while they type; see `bot.slack.suggestions`.

The typed text is always among the options, so no form depends on a list.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum

import structlog

from bot.admin.names import NOT_IN_NAMES
from bot.admin.picks import MAX_CHOICES, Choice, Choices, Picks
from bot.admin.specs import Name
from bot.core.errors import UpstreamError
from bot.core.link import LANDING_URIS, Reason, Source
from bot.core.values import CONTROL, DOMAIN_ID
from bot.slack.accounts import UserGroup
from bot.slack.admin.admission import ADMIN
from bot.slack.admin.parsing import GROUP
from bot.slack.app_context import Admitted, AppContext, refuse
from bot.slack.blocks import MAX_LABEL_LENGTH, Block, duration, escape, option
from bot.slack.gateway import Body, Route
from bot.slack.members.views import APP_NAMES
from bot.slack.payloads import NOTHING, Texts, action_value, field_value, private_metadata, request_id
from bot.slack.request_limit import sender_of
from bot.slack.requests import views as request_views
from bot.slack.suggestions import Options, Suggestion
from bot.slack.words import Words

log = structlog.get_logger()

FIELDS = (Name.DOMAIN, Name.PROFILE, Name.SPACE, Name.LANDING, Name.SESSION_SECONDS, GROUP)
# The fields that others depend on.
TELLING = (Name.DOMAIN, Name.PROFILE)
# Stands for a holder without a name.
ANYBODY = "…"
# https://docs.slack.dev/reference/block-kit/composition-objects/option-object
MAX_VALUE = 150
# Session lengths that are offered, in hours; with half an hour as the first.
HOURS = range(1, 13)


def _suggest(app: AppContext, admitted: Admitted, body: Body) -> Options:
    name, typed, words = str(body["action_id"]), _typed(body), _words(app, body)
    picks = app.picks
    try:
        viewer = Viewer.NOBODY if picks is None else _viewer(app, admitted, body, name)
        if picks is None or viewer is Viewer.NOBODY:
            return ()
        found = _found(app, picks, admitted, body, name)
        if viewer is Viewer.APPROVER and isinstance(found, Choices):
            found = replace(found, found=tuple(map(_anonymous, found.found)))
    except UpstreamError as error:
        log.warning("suggestions_unknown", request=admitted.id, why=str(error))
        return _late(app, body)
    app.metrics.outcome("suggested")
    return [*_options(found, name, typed, words)]


def _found(app: AppContext, picks: Picks, admitted: Admitted, body: Body, name: str) -> Choices | str:
    """Return the choices for a field, or words that name the field to fill in first."""
    by, typed, words = admitted.member, _typed(body), _words(app, body)
    if name in (GROUP, Name.LANDING, Name.SESSION_SECONDS):
        return _matching(_groups(app, by.tenant, words) if name == GROUP else _fixed(name, words), typed)
    if name == Name.DOMAIN:
        return picks.domains(by, typed)
    domain = _domain(picks, admitted, body)
    if domain is None:
        return words.admin.pick_domain_first
    if name == Name.PROFILE:
        return picks.profiles(by, domain, typed)
    profile = _chosen(picks, admitted, body, Name.PROFILE)
    return picks.spaces(by, domain, profile, typed) if profile else words.admin.pick_profile_first


def _anonymous(choice: Choice) -> Choice:
    """Return a profile without the name of its holder."""
    return replace(choice, note=ANYBODY if choice.note else "")


def _fixed(name: str, words: Words) -> list[Choice]:
    """Return the apps, or lengths of a session."""
    if name == Name.LANDING:
        return [Choice(each.value, APP_NAMES.get(each, words.studio_home)) for each in LANDING_URIS]
    spans = [("30m", 1800), *((f"{each}h", each * 3600) for each in HOURS)]
    return [Choice(value, duration(seconds, words)) for value, seconds in spans]


def _groups(app: AppContext, tenant: str, words: Words) -> list[Choice]:
    """Return the user groups, disabled ones last. SlackError if Slack does not list them."""
    listed = app.groups.all_groups(tenant) if app.groups is not None else {}
    found = sorted(listed.items(), key=lambda item: (item[1].disabled, item[1].handle))
    return [Choice(group_id, _called(each, words)) for group_id, each in found]


def _called(group: UserGroup, words: Words) -> str:
    name = " ".join(f"{group.handle} {group.name}".translate(NOT_IN_NAMES).split())
    return f"@{name} ({words.admin.pick_disabled})" if group.disabled else f"@{name}"


def _matching(choices: Iterable[Choice], typed: str) -> Choices:
    found = [each for each in choices if typed.lower() in f"{each.value} {each.note}".lower()]
    return Choices(tuple(found[:MAX_CHOICES]), goes_on=len(found) > MAX_CHOICES)


def _options(found: Choices | str, name: str, typed: str, words: Words) -> Iterable[Block]:
    """Yield the choices, the typed text unless it is one of them, and a note if one is needed."""
    if isinstance(found, str):
        yield from _as_typed(typed, words.admin.pick_typed)
        yield option(found, NOTHING)
        return
    for each in found.found:
        yield option(_label(each, name, words), each.value)
    new = found.all_there and not found.goes_on
    if typed.lower() not in (each.value.lower() for each in found.found):
        yield from _as_typed(typed, words.admin.pick_new if new else words.admin.pick_typed)
    if found.failed or found.goes_on:
        yield option(words.admin.pick_late if found.failed else words.admin.pick_more, NOTHING)


def _label(choice: Choice, name: str, words: Words) -> str:
    """Return a choice's label. The value comes whole: where both are too long, it is only said to be taken."""
    (free, taken), note = words.admin.pick_states, escape(choice.note)
    if name == Name.PROFILE:
        label = f"{choice.value} — {taken if note == ANYBODY else note or free}"
        return label if len(label) <= MAX_LABEL_LENGTH else f"{choice.value} — {taken if note else free}"
    if name in (GROUP, Name.SESSION_SECONDS):
        return note
    return f"{choice.value} — {note}" if note else choice.value


def _as_typed(typed: str, form: str) -> Iterable[Block]:
    """Yield the typed text as an option, unless it is too long for one in Slack."""
    if typed and typed != NOTHING and len(typed) <= MAX_VALUE:
        shown = typed if len(typed) <= MAX_LABEL_LENGTH // 2 else f"{typed[: MAX_LABEL_LENGTH // 2]}…"
        yield option(escape(form.format(name=shown)), typed)


def _late(app: AppContext, body: Body) -> Options:
    words = _words(app, body)
    return [*_as_typed(_typed(body), words.admin.pick_typed), option(words.admin.pick_late, NOTHING)]


class Viewer(Enum):
    """The sender of a request for suggestions. Approvers named by a rule need not be administrators."""

    NOBODY = "nobody"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


def _viewer(app: AppContext, admitted: Admitted, body: Body, name: str) -> Viewer:
    """Return the sender's role, which decides what they may see; refuse and record anybody else, without an answer.

    Ask Slack and DynamoDB only about members for whom we opened the form. Slack's record of them may be as old as
    `STUDIO_PERSON_SECONDS`; a submitted form is checked against a new one.

    Raises:
        UpstreamError: it is unknown.
    """
    viewer, facts = Viewer.NOBODY, replace(app.signin.facts, kept=None)
    if app.slack.opened_for(admitted.origin):
        try:
            approves = Texts(body.get("view")).get("callback_id") == request_views.APPROVE
            if replace(app.command_runner, facts=facts).admit(admitted.member)[0]:
                viewer = Viewer.ADMINISTRATOR
            elif approves and name in TELLING:
                basis = replace(app.access_requests, facts=facts).basis
                domain = _domain(app.picks, admitted, body) if app.picks and name == Name.PROFILE else None
                viewer = Viewer.APPROVER if basis.may_look(admitted.member, domain) else viewer
        except UpstreamError as error:
            refuse(app, admitted, error.reason, action=ADMIN)
            raise
    if viewer is Viewer.ADMINISTRATOR:
        app.limit.note_administrator(sender_of(admitted.member))
    if viewer is Viewer.NOBODY:
        refuse(app, admitted, Reason.NOT_AN_ADMIN, action=ADMIN)
    return viewer


def _note(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Store the value of a field that others depend on: Slack's requests for suggestions lack it.

    https://github.com/slackapi/bolt-js/issues/1146
    """
    picks, actions = app.picks, body.get("actions")
    name = Texts(actions[0]).get("action_id", "") if isinstance(actions, list) and actions else ""
    try:
        if picks is not None and _viewer(app, admitted, body, name) is not Viewer.NOBODY:
            chosen = action_value(body)[:MAX_VALUE]
            picks.notes.note(_place(admitted, name), "" if chosen == NOTHING else chosen, app.now())
    except UpstreamError as error:  # the other field then asks to choose this one first
        log.warning("choice_not_kept", request=admitted.id, why=str(error))


def _chosen(picks: Picks, admitted: Admitted, body: Body, name: Name) -> str:
    """Return another field's value: the last choice, else the value with which the form was opened."""
    noted = picks.notes.shown(_place(admitted, name))
    return field_value(body, name) if noted is None else noted


def _domain(picks: Picks, admitted: Admitted, body: Body) -> str | None:
    """Return the domain whose profiles or spaces to list; None without one."""
    domain = _chosen(picks, admitted, body, Name.DOMAIN) or picks.only_domain(admitted.member)
    return domain if DOMAIN_ID.fullmatch(domain[:64]) else None


def _place(admitted: Admitted, name: str) -> str:
    member = admitted.member
    return request_id(f"pick {member.tenant} {member.user_id} {admitted.origin.view_id} {name}")


def _typed(body: Body) -> str:
    return " ".join(CONTROL.sub("", Texts(body).get("value", "")).split())


def _words(app: AppContext, body: Body) -> Words:
    return app.render(locale=private_metadata(body).rpartition(" ")[2]).words


SUGGESTION = Suggestion(re.compile(f"^({'|'.join(FIELDS)})$"), _suggest, _late)
ROUTES = (Route(Source.BUTTON, re.compile(f"^({'|'.join(TELLING)})$"), _note),)
