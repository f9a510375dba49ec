"""Show the menu and the forms of administration, with their field errors. Pure.

https://docs.slack.dev/reference/views/modal-views
"""

import re
from collections.abc import Mapping as Dictionary
from typing import Any

from bot.admin.commands import YES, ParseError, Problem
from bot.admin.specs import COMMAND_SPECS, FIELD_SPECS, Kind, Name, Verb
from bot.slack import blocks as kit
from bot.slack.admin.parsing import GROUP
from bot.slack.blocks import (
    Block,
    Message,
    RenderContext,
    actions,
    button,
    option,
    picker,
    section,
    text_input,
    text_message,
)

PICK, MENU = "admin_pick", "menu"
FORM = "admin_form"
# Verbs whose form is optional, and verbs that need no form for a chosen member. SEARCH opens the form of `list`.
AT_ONCE, READS, SEARCH = (Verb.REQUESTS, Verb.LIST), (Verb.EXPLAIN, Verb.HISTORY), "search"
# A day that a button proposes.
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# Picks the member to show.
FIND = "admin_find"
# Fields whose options depend on another field's value.
DEPENDENT = {Name.DOMAIN: Name.PROFILE, Name.PROFILE: Name.SPACE}
ROWS = (
    (Verb.REQUESTS, Verb.APPROVE, Verb.DECLINE),
    (Verb.MAP, Verb.ALLOW),
    (Verb.UNMAP, Verb.DENY, Verb.FORGET, Verb.LOCKDOWN, Verb.OFFBOARD),
    (Verb.SHOW, Verb.LIST, Verb.HISTORY, Verb.EXPLAIN, Verb.RUNNING),
)


def menu(render: RenderContext) -> Message:
    words = render.words.admin
    rows = [actions(*(button(words.verbs[verb], f"{PICK}_{verb}", verb) for verb in row)) for row in ROWS]
    return Message(words.choose, [section(words.choose), *rows])


def form(verb: Verb, render: RenderContext, user: str = "", until: str = "") -> dict[str, Any]:
    """Return the form of a command.

    Args:
        user: the member whom it is about, if somebody has chosen one.
        until: the day to propose, for longer access.
    """
    words, spec = render.words.admin, COMMAND_SPECS[verb]
    blocks: list[Block] = []
    for name in spec.fields:
        optional = name not in spec.required or (spec.groups and name is Name.USER)
        tells = render.picks and DEPENDENT.get(name) in spec.fields
        blocks.append(
            kit.field(name, words.labels[name], _element(name, render, user, until), optional=optional, tells=tells)
        )
        if spec.groups and name is Name.USER:  # Slack has no element of its own that picks a user group
            blocks.append(kit.field(GROUP, words.or_group, picker(GROUP, 31, render), optional=True))
    metadata, title = f"{verb} {render.words.language}", words.extend if until else words.verbs[verb]
    return kit.form(FORM, title, words.send, blocks, words=render.words, metadata=metadata)


def _element(name: Name, render: RenderContext, user: str, until: str) -> Block:
    match FIELD_SPECS[name].kind:
        case Kind.STATE:
            states = [option(text, value) for value, text in render.words.admin.states.items()]
            return {"type": "static_select", "action_id": name, "options": states}
        case Kind.PERSON:
            chosen = {"initial_user": user} if user and name is Name.USER else {}
            return {"type": "users_select", "action_id": name, **chosen}
        case Kind.DAY:
            proposed = {"initial_date": until} if until and name is Name.UNTIL else {}
            return {"type": "datepicker", "action_id": name, **proposed}
        case Kind.FLAG:
            given = option(render.words.admin.labels[name], YES)
            return {"type": "static_select", "action_id": name, "options": [given]}
        case Kind.PICK:
            return picker(name, FIELD_SPECS[name].max_length, render)
        case Kind.TEXT:
            return text_input(name, FIELD_SPECS[name].max_length)


def working(name: str, render: RenderContext) -> dict[str, Any]:
    """Replace a submitted form until the answer arrives.

    Args:
        name: the name by which the answer finds it; Slack knows it once this is on the screen.
    """
    return {**text_message(render.words.admin.working).modal(), "external_id": name}


def field_errors(problem: ParseError, values: Dictionary[str, str], render: RenderContext) -> dict[str, str]:
    """Return the errors of a submitted form, by field."""
    words, name = render.words.admin, Name(problem.field)
    by_group = name is Name.USER and bool(values.get(GROUP))
    text = words.must_be.format(must=words.must_group if by_group else words.must[name])
    if name is Name.USER and problem.problem is Problem.MISSING:
        text = words.one_of_both
    elif problem.problem is Problem.EXCLUSIVE:
        text = words.problems[problem.problem]
    return {GROUP if by_group else name: text}
