"""Render answers to link requests as Block Kit. Pure.

The link sits in one button's `url` and nowhere else: Slack's servers fetch addresses they find in text.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches

from bot.core.access import Mapping
from bot.core.link import APPS_BY_LANDING_URI, Answer, Choice, Denied, Option, Reason, StudioApp, Target
from bot.core.records import Entry
from bot.slack.blocks import (
    Block,
    Message,
    RenderContext,
    actions,
    button,
    context,
    duration,
    escape,
    plain,
    section,
    slack_date,
    slack_time,
)
from bot.slack.words import Words

OPEN_STUDIO = "open_studio"
NEW_LINK = "new_link"
# Action ids must differ within a message: the chooser's buttons are numbered, its select is not.
CHOOSE = "choose"
HOME_OPEN = "home_open"
SHORTCUT = "open_studio"
ASK = "ask_access"
WITHDRAW = "withdraw_access"

MAX_BUTTONS = 5
# https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
MAX_OPTIONS = 100
# The most that is repeated of a member's text.
MAX_ECHO_LENGTH = 200
# How many of a member's aliases are listed, so that the longest still fit into one section.
MAX_ALIASES = 40

# As AWS calls them. The home page of Studio has no name of its own.
APP_NAMES = {
    StudioApp.LAB: "JupyterLab",
    StudioApp.CODE: "Code Editor",
    StudioApp.CANVAS: "Canvas",
    StudioApp.RSTUDIO: "RStudio",
    StudioApp.CLASSIC: "Studio Classic",
}

# The records that describe what a link opens.
Opens = Mapping | Option | Entry

# A grant that ends within this time is mentioned with the link.
ENDS_SOON = timedelta(days=1)

# Refusals that an administrator can do something about.
ASKABLE = frozenset({Reason.NOT_MAPPED, Reason.NOT_ALLOWED, Reason.GRANT_EXPIRED})

# Refusals that may well pass when tried again, and so come with a button to do it.
PASSING = frozenset(
    {
        Reason.TOO_MANY,
        Reason.TOO_MANY_REQUESTS,
        Reason.DOMAIN_NOT_READY,
        Reason.PROFILE_NOT_READY,
        Reason.AWS_THROTTLED,
        Reason.AWS_UNREACHABLE,
        Reason.AWS_UNEXPECTED,
        Reason.STORE_UNREACHABLE,
        Reason.STORE_THROTTLED,
        Reason.NOT_RECORDED,
        Reason.SLACK_UNREACHABLE,
        Reason.GROUP_UNCONFIRMED,
        Reason.BUSY,
        Reason.TOO_LATE,
        Reason.NOT_READY,
        Reason.INTERNAL,
    }
)


def answer(given: Answer, render: RenderContext) -> Message:
    """Render the answer to a link request: the link, a question, or why there is no link."""
    if isinstance(given, Choice):
        return _choice(given, render)
    if isinstance(given, Denied):
        return _refusal(given, render)
    words, request, mapping, link = render.words, given.request, given.allowed.mapping, given.link
    details = _details(mapping, words)
    ready = words.ready.format(profile=mapping.profile_name, domain=mapping.domain_id, details=details)
    note = words.ready_note.format(until=slack_time(link.expires_at), session=duration(link.session_seconds, words))
    again = Target(mapping.alias, request.target.app, request.target.space)
    buttons = [
        button(words.open_studio, OPEN_STUDIO, request.id, url=link.url, style="primary"),
        button(words.new_link, NEW_LINK, str(again)),
    ]
    notes = [context(note)]
    until = given.allowed.grant.until
    if until is not None and leads_to_request(given):
        notes.append(context(words.ends_soon.format(until=slack_date(until))))
        if render.requested is not None:
            notes.append(context(render.request_status))
        elif render.may_ask:
            buttons.append(button(words.extend, ASK, ""))
    text = words.ready_text.format(lifetime=duration(link.lifetime_seconds, words))
    return Message(text, [section(ready), *notes, actions(*buttons)])


def leads_to_request(given: Answer) -> bool:
    """Return whether the answer offers to request access, which an open request replaces."""
    if isinstance(given, Denied):
        return given.reason in ASKABLE
    until = None if isinstance(given, Choice) else given.allowed.grant.until
    return until is not None and until - given.request.at < ENDS_SOON


def way_to_ask(render: RenderContext) -> list[Block]:
    """Return a button to request access, or the open request and a button to withdraw it."""
    words, request = render.words, render.requested
    if request is not None:
        return [{**section(render.request_status), "accessory": button(words.withdraw, WITHDRAW, request.id)}]
    return [actions(button(words.ask, ASK, "", style="primary"))] if render.may_ask else []


def _choice(choice: Choice, render: RenderContext) -> Message:
    """Render buttons for up to five options, a select for more. The last choice comes first, and stands out."""
    words, options = render.words, choice.options[:MAX_OPTIONS]
    text = words.choose_text
    alone = len({option.target.alias for option in options}) == 1
    note = words.choose_note.format(command=escape(render.command), target=options[0].target)
    if len(options) <= MAX_BUTTONS:
        elements = [
            button(
                _option_label(option, words, words.open_named, alone=alone),
                f"{CHOOSE}_{number}",
                str(option.target),
            )
            for number, option in enumerate(options)
        ]
        if choice.remembered:
            elements[0]["style"] = "primary"
        if not alone:
            text = "\n".join([text, *(what_opens(option.target.alias, option, words) for option in options)])
    else:
        entries = [
            {
                "text": plain(_option_label(option, words, words.option, alone=alone)),
                "description": plain(f"{option.domain_id}{_details(option, words)}".replace("`", "")),
                "value": str(option.target),
            }
            for option in options
        ]
        select: Block = {
            "type": "static_select",
            "action_id": CHOOSE,
            "placeholder": plain(words.choose),
            "options": entries,
        }
        elements = [{**select, "initial_option": entries[0]} if choice.remembered else select]
    return Message(words.choose_text, [section(text), actions(*elements), context(note)])


def what_opens(alias: str | None, opens: Opens, words: Words) -> str:
    """Return one line on what an alias opens, with what tells it from others of the same profile."""
    details = _details(opens, words)
    return words.who_mapping.format(alias=alias, profile=opens.profile_name, domain=opens.domain_id, details=details)


def _details(opens: Opens, words: Words) -> str:
    """Return the app, space and region, as far as they are set."""
    uri = opens.landing_uri or ""
    app = next((app for known, app in APPS_BY_LANDING_URI.items() if uri.startswith(known)), None)
    name = "" if app is None else f", {APP_NAMES.get(app, words.studio_home)}"
    space = words.space.format(space=opens.space_name) if opens.space_name else ""
    return name + space + (words.region.format(region=opens.region) if opens.region else "")


def _option_label(option: Option, words: Words, without_space: str, *, alone: bool) -> str:
    """Return an option's distinguishing label: where all are of one profile (`alone`), the space has all the room."""
    target = option.target
    if target.space:
        form = words.option_only_space if alone else words.option_space
        return form.format(alias=target.alias, space=target.space)
    return without_space.format(alias=target.alias, profile=option.profile_name)


def opened(entry: Entry, render: RenderContext) -> Message:
    """Render the replacement of a link message whose button was pressed: the used link leaves the screen."""
    words, at = render.words, entry.opened_at or entry.at
    if entry.expires_at is not None and at >= entry.expires_at:
        return stale(entry, render)
    # The outcome is recorded after the message went out, so a quick press may find no profile there yet.
    form = words.opened if entry.profile_name else words.opened_only
    line = form.format(at=slack_time(at), what=what_opens(entry.alias, entry, words))
    return Message(words.opened_text, [section(line), _again(entry, words)])


def stale(entry: Entry, render: RenderContext) -> Message:
    """Render the replacement of a link message that has expired."""
    words, until = render.words, slack_time(entry.expires_at or entry.at)
    return Message(words.stale_text, [section(words.stale.format(until=until)), _again(entry, words)])


def _again(entry: Entry, words: Words) -> Block:
    """Return a button for the same target again, which is in the entry."""
    target = Target(entry.alias, APPS_BY_LANDING_URI.get(entry.landing_uri or ""), entry.space_name)
    return actions(button(words.new_link, NEW_LINK, str(target)))


def refusal(reason: Reason, render: RenderContext, retry_at: datetime | None = None) -> Message:
    """Render a refusal from its reason alone."""
    return _refusal(Denied(reason, retry_at=retry_at), render)


def _refusal(denied: Denied, render: RenderContext) -> Message:
    words = render.words
    if denied.reason is Reason.UNKNOWN_ALIAS:
        return _unknown_alias(denied, render)
    text = why_refused(denied, render)
    blocks = [section(text)]
    if denied.reason in PASSING:
        alias = denied.mapping.alias if denied.mapping else denied.target.alias
        again = Target(alias, denied.target.app, denied.target.space)
        blocks.append(actions(button(words.try_again, NEW_LINK, str(again))))
    if denied.reason in ASKABLE:
        blocks += way_to_ask(render)
    return Message(text, blocks)


def why_refused(denied: Denied, render: RenderContext) -> str:
    words, address = render.words, denied.sign_in_address
    return words.refusals[denied.reason].format(
        command=escape(render.command),
        address=words.sso_address.format(address=escape(address)) if address else words.sso_no_address,
        notice=escape(" ".join((denied.notice or "").split())),
        when=words.at_time.format(at=slack_time(denied.retry_at)) if denied.retry_at else words.in_a_minute,
    )


def _unknown_alias(denied: Denied, render: RenderContext) -> Message:
    """Offer the nearest of the member's own aliases, and nobody else's."""
    words, asked = render.words, denied.target.alias or ""
    lines = [words.no_such_alias.format(text=escape(asked, MAX_ECHO_LENGTH))]
    near = _nearest(asked, denied.aliases)
    if near:
        lines.append(words.nearest.format(aliases=_code(near)))
    shown = help_text(render, aliases=denied.aliases)
    return Message("\n".join([*lines, shown.text]), [section(" ".join(lines)), *shown.blocks])


def _nearest(asked: str, aliases: Sequence[str]) -> list[str]:
    """Return up to three aliases: those that begin so, and those with a similar spelling."""
    begin = sorted((alias for alias in aliases if asked and alias.startswith(asked)), key=len)
    return list(dict.fromkeys([*begin, *get_close_matches(asked, aliases, cutoff=0.5)]))[:3]


def help_text(
    render: RenderContext,
    *,
    not_understood: str | None = None,
    aliases: Sequence[str] = (),
    rejection: Denied | None = None,
    administers: bool = False,
) -> Message:
    """Render the commands that the member can use, after the text that was not understood.

    Args:
        rejection: why the member can open nothing; None if they can.
    """
    words, command = render.words, escape(render.command)
    if rejection is not None:
        lines = [why_refused(rejection, render)]
    else:
        lines = [words.help_open.format(command=command, lifetime=duration(render.link_seconds, words))]
        if aliases:
            lines.append(words.help_alias.format(command=command, aliases=_code(aliases)))
            lines.append(words.help_app.format(command=command, apps="|".join(StudioApp)))
    if render.requested is not None:
        lines.append(render.request_status)
    elif render.may_ask and (rejection is None or rejection.reason in ASKABLE):
        lines.append(words.help_request.format(command=command))
    more = {words.help_return: render.may_ask and rejection is None, words.running.help: render.running}
    lines += [line.format(command=command) for line, applies in more.items() if applies]
    lines += [words.help_whoami.format(command=command), words.help_help.format(command=command)]
    lines += [words.admin.help_admin.format(command=command)] if administers else []
    blocks = [section("\n".join(lines))]
    if not_understood is not None:
        lines.insert(0, words.not_understood.format(command=command, text=escape(not_understood, MAX_ECHO_LENGTH)))
        blocks.insert(0, section(lines[0]))
    return Message("\n".join(lines), blocks)


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{escape(name)}`" for name in names[:MAX_ALIASES])
