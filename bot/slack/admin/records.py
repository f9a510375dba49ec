"""Show mappings, rules and lockdowns to administrators. Pure."""

from datetime import datetime

from bot.admin.results import Record
from bot.core.access import Grant, Lockdown, Mapping
from bot.core.values import USER_ID, is_group
from bot.slack.blocks import Block, RenderContext, duration, escape, parts, slack_date, verbatim
from bot.slack.members.views import MAX_ECHO_LENGTH

# How much of each is shown, so that the longest still fit into a message.
MAX_BY_LENGTH, MAX_NAME_LENGTH, MAX_DETAIL_LENGTH = 60, 100, 200


def mention(principal: str, longest: int = MAX_NAME_LENGTH) -> str:
    """Mention a user or user group, or show the name of another caller."""
    if is_group(principal):
        return f"<!subteam^{principal}>"
    return f"<@{principal}>" if USER_ID.fullmatch(principal) else f"`{code(principal, longest)}`"


def describe(record: Record, render: RenderContext, now: datetime) -> str:
    match record:
        case Mapping():
            return mapping(record, render)
        case Grant():
            return rule(record, render, now)
        case Lockdown():
            return _lockdown(record, render)
        case _:
            return render.words.admin.unreadable.format(record=code(record, MAX_NAME_LENGTH))


def mapping(mapping: Mapping, render: RenderContext) -> str:
    """Describe a mapping in full."""
    words = render.words.admin
    phrases = [short(mapping, render)]
    phrases += [words.mapping_space.format(space=mapping.space_name)] if mapping.space_name else []
    phrases += [words.mapping_region.format(region=mapping.region)] if mapping.region else []
    phrases += [words.mapping_landing.format(landing=code(mapping.landing_uri))] if mapping.landing_uri else []
    phrases += [words.mapping_role.format(role=mapping.role_arn)] if mapping.role_arn else []
    seconds = mapping.session_seconds
    phrases += [words.mapping_seconds.format(time=duration(seconds, render.words))] if seconds else []
    return ", ".join(phrases)


def short(mapping: Mapping, render: RenderContext) -> str:
    return render.words.admin.mapping.format(
        alias=mapping.alias, profile=mapping.profile_name, domain=mapping.domain_id
    )


def rule(grant: Grant, render: RenderContext, now: datetime) -> str:
    """Describe a rule in full."""
    words = render.words.admin
    phrases = [words.rules[grant.effect]]
    if grant.until is not None:
        until = words.rule_until if grant.holds_at(now) else words.rule_ended
        phrases.append(until.format(until=slack_date(grant.until)))
    phrases += [words.rule_reason.format(reason=escape(grant.reason))] if grant.reason else []
    phrases += [words.rule_by.format(by=mention(grant.set_by, MAX_BY_LENGTH))] if grant.set_by else []
    return ", ".join(phrases)


def _lockdown(lockdown: Lockdown, render: RenderContext) -> str:
    words = render.words.admin
    phrases = [words.rule_reason.format(reason=escape(lockdown.reason))]
    phrases += [words.rule_by.format(by=mention(lockdown.set_by, MAX_BY_LENGTH))] if lockdown.set_by else []
    return ", ".join(phrases)


def sections(lines: list[str]) -> list[Block]:
    """Show lines, with text from members in them, in as few sections as hold them."""
    return [verbatim("\n".join(part)) for part in parts(lines) if part]


def code(text: str, longest: int = MAX_ECHO_LENGTH) -> str:
    """Escape text from outside for a code span, which it cannot end."""
    return escape(text.replace("`", "'"), longest)
