"""List access requests, and decide on them from the shell."""

from typing import Any

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.names import label
from bot.admin.specs import Name, Verb
from bot.cli.context import CommandContext
from bot.cli.options import AsJson, Ids, add_verb
from bot.core.access import Member
from bot.core.errors import BadInput
from bot.core.link import Source
from bot.core.records import AccessRequest, DecisionResult, RequestState
from bot.core.values import utc_now

commands = typer.Typer()

WHY = {
    DecisionResult.NEEDS_MAPPING: "name the profile with --domain and --profile",
    DecisionResult.NEEDS_TICKET: "a rule requires a ticket in the reason: `decline` it, so that they ask again",
    DecisionResult.PROFILE_GONE: "their profile is gone: name another with --alias, --domain and --profile",
    DecisionResult.ALIAS_IN_USE: "the alias is in use: give another --alias",
    DecisionResult.HAD_OWNER: "the profile was somebody else's: use `map`, then approve without --profile",
    DecisionResult.DENY_RULE_REMAINS: "a deny rule blocks the member: `forget` it first",
    DecisionResult.UNREADABLE: "a stored record cannot be read: `forget` removes it",
    DecisionResult.INELIGIBLE: "the account is no full, active member's",
    DecisionResult.LOCKED_DOWN: "the lockdown is on: end it first",
}


def requests(run: CommandContext, command: AdminCommand, *, ids: Ids = False, as_json: AsJson = False) -> None:
    found = run.access_requests.asked(run.tenant, only_open=Name.OPEN in command.fields)
    users = sorted({each.member.user_id for each in found})
    people = {} if ids else run.names.of(run.tenant, users)
    if as_json:
        console.print_json_array(_json(each, people.get(each.member.user_id)) for each in found)
        return
    columns = ["asked at", "member", *([] if ids else ["name"]), "state", "wants", "for", "reason"]
    rows = [
        [
            each.at,
            each.member.user_id,
            *([] if ids else [label(people.get(each.member.user_id))]),
            _state(each),
            each.wish or None,
            f"{each.days} day{'s' * (each.days > 1)}" if each.days else "no end date",
            each.reason,
        ]
        for each in found
    ]
    console.print_table(columns, rows, empty="no access request")


def decide(run: CommandContext, command: AdminCommand, *, as_json: AsJson = False) -> None:
    who = Member(run.tenant, command.principal)
    request = run.access_requests.open_request(who)
    if request is None:
        raise BadInput(f"{who.user_id} has no open access request: `studio-links requests --open` lists them")
    given: dict[str, Any] = {"who": who, "request_id": request.id, "source": Source.CLI}
    if command.verb is Verb.DECLINE:
        decision = run.access_requests.deny(run.actor.name, reason=command.reason, **given)
    else:
        mapping = command.mapping() if command.names_profile else None
        given |= {"mapping": mapping, "asked_for": mapping is not None}
        decision = run.access_requests.approve(run.actor.name, **given)
    if decision.result is not DecisionResult.DONE or decision.request is None:
        why = WHY.get(decision.result, f"the result is {decision.result}")
        raise BadInput(f"nothing was decided about {who.user_id}: {why}")
    if as_json:
        console.print_json({"principal": who.user_id, "decided": True, "state": decision.request.state.value})
    else:
        console.print_line(f"{who.user_id}: {decision.request.state.value}")
    run.tell(decision)


def _state(request: AccessRequest) -> str:
    if request.state is RequestState.OPEN:
        return "open" if utc_now() < request.expires_at else "ran out"
    begins = f", begins {request.start:%Y-%m-%d %H:%M} UTC" if request.start and request.is_upcoming else ""
    return f"{request.state.value} by {request.decided_by}{begins}"


def _json(request: AccessRequest, person: object) -> dict[str, object]:
    return {
        "principal": request.member.user_id,
        "user": request.member.user_id,
        "name": getattr(person, "name", None),
        "email": getattr(person, "email", None),
        **{name: getattr(request, name) for name in ("wish", "reason", "days", "at", "expires_at", "decided_at")},
        **{name: getattr(request, name) for name in ("start", "until")},
        **{name: getattr(request, name) for name in ("state", "decided_by", "approvers", "needed")},
    }


add_verb(commands, Verb.REQUESTS, requests)
add_verb(commands, Verb.APPROVE, decide)
add_verb(commands, Verb.DECLINE, decide)
