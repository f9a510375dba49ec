"""Render the result of a button press or form about an access request. Pure."""

from bot.admin.decisions import Decision
from bot.core.access import Mapping
from bot.core.errors import Changed, ProfileConflict, StudioLinksError, UpstreamError
from bot.core.link import Reason
from bot.core.records import DecisionResult
from bot.core.values import DEFAULT_ALIAS, InvalidValue
from bot.slack.blocks import Message, RenderContext, escape, literal, section, text_message
from bot.slack.requests.views import end, invalid
from bot.slack.words import Words


def outcome(decision: Decision, render: RenderContext) -> Message:
    """Render a result that no message shows: mostly the reason why a press or form decided nothing."""
    words, request = render.words, decision.request
    if decision.result in (DecisionResult.DONE, DecisionResult.ALREADY_DECIDED) and request is not None:
        return text_message(
            f"{words.asked.format(user=request.member.user_id)}\n{end(request, words, render.command)}"
        )
    line = {
        DecisionResult.NOT_AN_ADMIN: words.only_admins,
        DecisionResult.NOT_AN_APPROVER: words.only_approvers,
        DecisionResult.NEEDS_TICKET: words.approval_needs_ticket,
        DecisionResult.PROFILE_GONE: words.profile_gone,
        DecisionResult.OWN_REQUEST: words.not_your_own,
        DecisionResult.ALIAS_IN_USE: words.alias_in_use,
        DecisionResult.HAD_OWNER: words.had_owner,
        DecisionResult.ENDORSED: words.endorsed,
        DecisionResult.DENY_RULE_REMAINS: words.deny_rule_remains,
        DecisionResult.UNREADABLE: words.unreadable,
        DecisionResult.INELIGIBLE: words.ineligible,
        DecisionResult.LOCKED_DOWN: words.locked_down,
        DecisionResult.NEEDS_MAPPING: words.approve_needs,
        DecisionResult.NO_TEMPLATE: words.workspaces.no_template,
        DecisionResult.PROFILE_EXISTS: words.workspaces.profile_exists,
        DecisionResult.WORK_UNDER_WAY: words.workspaces.work_under_way,
    }.get(decision.result, words.request_closed)
    return text_message(line.format(command=escape(render.command), existing=words.workspaces.existing))


def given_back(line: str, *typed: str) -> Message:
    """Report that a form had no effect, and return its text, so that nobody has to write it again."""
    return Message(line, [section(line), *(literal(text) for text in typed if text.strip())])


# The most characters to show of AWS's reason for a state.
MAX_STATE = 400


def failed(error: StudioLinksError, render: RenderContext) -> Message:
    """Render why a decision could not be carried out. Of the error's text, show only AWS's state in Slack."""
    words = render.words
    match error:
        case UpstreamError():
            state = str(error).rpartition(": ")[0]
            why = words.failures.get(error.reason, words.failed_otherwise)
            if error.reason in (Reason.DOMAIN_NOT_READY, Reason.PROFILE_NOT_READY) and state:
                why = f"{why} (SageMaker: {escape(state, MAX_STATE)})"
        case ProfileConflict():
            why = words.profile_in_use
        case Changed():
            why = words.changed_meanwhile
        case _:
            why = words.failed_otherwise
    return text_message(f"{words.decision_failed} {why}")


def invalid_fields(domain: str, profile: str, alias: str, words: Words) -> dict[str, str]:
    """Return the errors of all fields of a form: check each one together with valid values for the others."""
    alone = ((alias or DEFAULT_ALIAS, "d-0", "x"), (DEFAULT_ALIAS, domain, "x"), (DEFAULT_ALIAS, "d-0", profile))
    errors: dict[str, str] = {}
    for fields in alone if domain or profile or alias else ():
        try:
            Mapping(*fields)
        except InvalidValue as error:
            errors |= invalid(error, words)
    return errors
