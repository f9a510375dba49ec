"""Show open tasks below an administrator's own home tab, and one member with the available actions."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.admin.agreement import administrators
from bot.admin.commands import AdminCommand
from bot.admin.listing import Listed, ordered
from bot.admin.specs import Name, Verb
from bot.core.access import Lockdown, Member
from bot.core.errors import StudioLinksError, UpstreamError
from bot.core.records import AccessRequest, Entry
from bot.core.values import InvalidValue
from bot.slack.admin.admission import admit_in_dialog, failed
from bot.slack.admin.forms import FIND, MENU, PICK, menu
from bot.slack.admin.records import describe, entry_lines, extendable, member_lines, mention, sections
from bot.slack.admin.views import for_slack
from bot.slack.app_context import Admitted, AppContext, reply
from bot.slack.blocks import Block, Message, RenderContext, actions, button, context, header, plain, section
from bot.slack.gateway import Body
from bot.slack.payloads import action_value
from bot.slack.requests.views import settled, to_admins

log = structlog.get_logger()

# How many of each the tab shows; the lists of `/studio admin` have the rest.
MAX_REQUESTS, MAX_ENDING, MAX_ADMINS = 4, 8, 20
SOON = timedelta(days=14)
# How long to look through the members. Reading 10,000 takes about half of it.
LOOK_FOR = timedelta(seconds=4)
# Slack's limit; the most audit entries to show about a member, and their greatest age.
MAX_BLOCKS = 100
MAX_ENTRIES, LOOK_BACK = 5, timedelta(days=30)
# The actions on a member, in two rows.
OFFERS = ((Verb.ALLOW, Verb.MAP, Verb.EXPLAIN, Verb.HISTORY), (Verb.DENY, Verb.UNMAP, Verb.FORGET))


@dataclass(frozen=True, slots=True)
class Overview:
    """An administrator's open tasks.

    Attributes:
        ending: the members whose access ends soon, sorted by end.
        looked_at: the number of members checked; None if all were.
    """

    requests: list[AccessRequest]
    administrators: list[str]
    lockdown: Lockdown | None
    ending: list[Listed]
    looked_at: int | None


def overview(app: AppContext, tenant: str) -> Overview:
    """Gather the open tasks of administrators. UpstreamError if that fails."""
    runner, until = app.command_runner, app.now() + SOON
    command = AdminCommand(Verb.LIST, {Name.EXPIRING: until.isoformat()})
    ending, looked_at, after, give_up = list[Listed](), 0, None, app.now() + LOOK_FOR
    while after is None or (after and app.now() < give_up):
        found, number, after = runner.listing.read(tenant, command, after or "")
        ending, looked_at = [*ending, *found], looked_at + number
    return Overview(
        app.access_requests.asked(tenant),
        sorted(administrators(runner.admin, tenant, runner.admins)),
        runner.admin.access.workspace(tenant).lockdown,
        ordered(ending, command),
        looked_at=looked_at if after else None,
    )


def with_administration(app: AppContext, member: Member, home: Message, render: RenderContext) -> Message:
    """Add an administrator's open tasks, or the reason why they could not be read, below their own home tab."""
    try:
        added = blocks(overview(app, member.tenant), app, render)
    except UpstreamError as error:
        log.warning("home_incomplete", user=member.user_id, why=str(error))
        added = [*_top(render), section(render.words.admin.home_failed.format(why=for_slack(str(error), render)))]
    return Message(home.text, [*home.blocks[: MAX_BLOCKS - len(added)], *added])


def blocks(found: Overview, app: AppContext, render: RenderContext) -> list[Block]:
    words = render.words.admin
    shown: list[Block] = [
        *_top(render),
        _lockdown(found.lockdown, app, render),
        section((words.open_requests if found.requests else words.no_requests).format(number=len(found.requests))),
    ]
    for request in found.requests[:MAX_REQUESTS]:
        shown += to_admins(request, render).blocks
    shown.append(section(words.ending.format(number=len(found.ending)) if found.ending else words.none_ending))
    shown += [extendable(row, render, app.now()) for row in found.ending[:MAX_ENDING]]
    rest = words.looked_at if found.looked_at else words.more_in
    rest = rest.format(number=found.looked_at, command=render.command, text="list --expiring 14d")
    shown += [context(rest)] if len(found.ending) > MAX_ENDING or found.looked_at else []
    names = [mention(user) for user in found.administrators[:MAX_ADMINS]]
    names += ["…"] * (len(found.administrators) > MAX_ADMINS)
    return [*shown, section(words.administrators.format(names=", ".join(names)))]


def _top(render: RenderContext) -> list[Block]:
    """Return the heading, the search for a member and the way to every command."""
    words = render.words.admin
    finder = {"type": "users_select", "action_id": FIND, "placeholder": plain(words.find)}
    all_commands = button(words.everything, f"{PICK}_{MENU}", MENU)
    return [header(words.home), {**actions(finder, all_commands), "block_id": FIND}]


def _lockdown(lockdown: Lockdown | None, app: AppContext, render: RenderContext) -> Block:
    """Return the state of the lockdown, with the button that leads to its form."""
    words = render.words.admin
    text = words.lockdown_off
    if lockdown is not None:
        text = words.done[Verb.LOCKDOWN].format(what=describe(lockdown, render, app.now()))
    return {**sections([text])[0], "accessory": button(words.switch, f"{PICK}_{Verb.LOCKDOWN}", Verb.LOCKDOWN)}


def card(
    row: Listed, request: AccessRequest | None, entries: list[Entry], app: AppContext, render: RenderContext
) -> Message:
    """Show a member's status, mappings, rules, access request, latest audit entries and the available actions."""
    words, user = render.words.admin, row.principal
    shown: list[Block] = sections(member_lines(row, render, app.now()))
    if request is not None:
        shown += (settled if request.is_upcoming else to_admins)(request, render).blocks
    lines = [line for entry in entries for line in entry_lines((entry,), render)]
    shown += sections([words.entries, *(lines or [words.no_entries])])
    for offered in OFFERS:
        shown.append(actions(*(button(words.verbs[each], f"{PICK}_{each}", f"{each} {user}") for each in offered)))
    return Message(mention(user), shown)


def show_member(app: AppContext, admitted: Admitted, body: Body) -> None:
    """Show the member that an administrator picked on the home tab, in a dialog."""
    if (opened := admit_in_dialog(app, admitted)) is None:
        return
    (admitted, render), runner, now = opened, app.command_runner, app.now()
    try:
        who = Member(admitted.member.tenant, action_value(body))
        entries = list(runner.admin.history(who.tenant, who.user_id, now - LOOK_BACK, MAX_ENTRIES))
        message = card(runner.listing.one(who), app.access_requests.open_request(who), entries, app, render)
    except InvalidValue:  # forged: Slack names a user
        message = menu(render)
    except StudioLinksError as error:
        log.warning("administration_failed", request=admitted.id, why=str(error))
        message = failed(error, render)
    app.metrics.outcome("admin_answered")
    reply(app, admitted.origin, message, replace=True)
