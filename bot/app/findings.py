"""The meaning of the doctor's checks: a level, the finding, its importance and its fix. Pure.

The names of `Finding`'s fields are the keys of the JSON output, which has `fix` as `mend` too.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from bot.admin.examination import OF_DOMAIN, OF_PROFILE
from bot.aws.account import Place
from bot.aws.iam_scope import TAG, TAG_VALUE
from bot.core.access import Access, Mapping, Member, Person
from bot.core.approval_rules import ADMINS, ApprovalRule
from bot.core.causes import Cause
from bot.core.errors import SlackError, StudioError, UpstreamError
from bot.core.link import Reason
from bot.core.policy import ineligible_reason
from bot.core.records import Entry
from bot.core.values import LOOPBACK, USER_ID, is_group
from bot.observability.aws_errors import CAUSES, CODES
from bot.slack import manifest
from bot.slack.tenants import admits_anybody, foreign_token

# How many mappings are checked by default.
SAMPLE = 200
# AWS and Slack refuse requests that are five minutes off; rules end by our own clock, so less deserves a warning.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
CLOCK_WARNS, CLOCK_FAILS = timedelta(seconds=5), timedelta(seconds=240)

# How long ago the link of a live run may have been made.
JUST_NOW = timedelta(hours=1)
NO_PROOF = "a run against stand-ins proves nothing about a release"
ONLY_A_LINK = "only this shows that Slack, the bot, AWS and a browser work together"

# AWS's answers to calls that it did not allow, or about a role that it does not know.
DENIED = CODES[Cause.NOT_ALLOWED] | {"NoSuchEntity"}
# Slack's answers where the bot is not in a channel, or the channel is private.
OUTSIDE = {"not_in_channel", "user_not_in_channel", "channel_not_found"}


class Level(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check.

    Attributes:
        why: why it matters; "" if all is well.
        fix: how to fix it; "" if all is well.
    """

    level: Level
    check: str
    found: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping, and the id of the member it belongs to."""

    owner: str
    mapping: Mapping


def ok(check: str, found: str) -> Finding:
    """Return a check that passed."""
    return Finding(Level.OK, check, found)


def failed(
    check: str,
    error: UpstreamError,
    why: str,
    *,
    what: str = "",
    if_denied: str = "",
    level: Level = Level.FAIL,
) -> Finding:
    """Report a call that failed, with the error's own next step.

    Args:
        what: what could not be done.
        if_denied: the next step if AWS did not allow the call, or knows no role of that name.
    """
    found, fix = _parts(error)
    if if_denied and error.code in DENIED:
        found, fix = str(error.code), if_denied
    elif error.code in CAUSES:
        found = f"{found}, {error.code}"
    return Finding(level, check, f"{what} ({found})" if what else found, why, fix or "try again")


def _parts(error: UpstreamError) -> tuple[str, str]:
    """Return what happened and what to do next; AWS's own reason in between may have colons, too."""
    found, _, fix = str(error).rpartition(": ")
    return (found, fix) if found else (fix, "")


def records(members: dict[str, Access]) -> Iterator[Finding]:
    """Report stored records that cannot be read: one of them is enough to refuse links."""
    for owner, access in members.items():
        for record in access.unreadable:
            why = "nobody in the workspace gets a link"
            fix = "`studio-links forget` the user group it names; without one, begin and end a lockdown"
            if USER_ID.fullmatch(owner):
                why = "the member gets no link"
                fix = f"`studio-links forget {owner}` removes it and all rules of the member: set those again"
            yield Finding(Level.FAIL, f"records of {owner}", f"{record.replace('#', ' ')} cannot be read", why, fix)


def team(team_id: str, enterprise_id: str | None, teams: Sequence[str]) -> Finding:
    """Compare the token's workspace with those admitted."""
    if not teams or {team_id, enterprise_id} & set(teams):
        return ok("Slack team", team_id + (f" of {enterprise_id}" if enterprise_id else ""))
    found, fix = foreign_token(team_id, teams)
    if admits_anybody(team_id, enterprise_id, frozenset(teams)):
        why = f"the bot admits only those of them that are workspaces of {enterprise_id}"
        return Finding(Level.WARN, "Slack team", found, why, fix)
    return Finding(Level.FAIL, "Slack team", found, "the bot rejects everybody in the token's workspace", fix)


def administrator(member: Member, person: Person) -> Finding:
    """Report whether an administrator can act in Slack."""
    reason = ineligible_reason(member, person) or ("a guest" if person.guest else None)
    check = f"administrator {member.user_id}"
    if reason is None:
        return ok(check, "an active full member")
    why = "they can neither administer in Slack nor decide on access requests"
    fix = f"remove them from STUDIO_ADMINS, and run `studio-links forget {member.user_id}` if a rule names them"
    return Finding(Level.FAIL, check, reason, why, fix)


def part_of_rule(check: str, found: str) -> Finding:
    """Report a part of an approval rule that names nobody."""
    fix = "correct STUDIO_APPROVALS_FILE; a running bot reads it within a minute or two"
    return Finding(Level.FAIL, check, found, "that part of the rule has no effect", fix)


def approvers(rule: ApprovalRule, check: str, admins: Collection[str]) -> Iterator[Finding]:
    """Report a rule under which nobody, or too few, can approve.

    Args:
        admins: who may administer.
    """
    named = {*rule.approvers, *rule.fallback}
    people = (named - {ADMINS}) | {*(admins if ADMINS in named else ())}
    if ADMINS in named and not admins:
        yield part_of_rule(check, f"{ADMINS}: nobody administers")
    if len(people) < rule.needed and not any(map(is_group, people)):
        found = f"{rule.needed} must approve, and it names {len(people)}"
        fix = "lower approvals or name more in STUDIO_APPROVALS_FILE"
        yield Finding(Level.FAIL, check, found, "no access request is ever approved by it", fix)


def channel(variable: str, channel_id: str, error: SlackError) -> Finding:
    """Report a channel to which the bot could not post."""
    check, why = f"channel {channel_id}", f"what {variable} sends there is lost"
    if error.code in OUTSIDE:
        fix = "invite it: type /invite @Studio links in the channel"
        return Finding(Level.FAIL, check, f"the bot is not in it ({variable})", why, fix)
    level = Level.FAIL if error.reason is Reason.SLACK_REFUSED else Level.WARN
    fix = f"choose another {variable}" if level is Level.FAIL else "run this again"
    return Finding(level, check, f"the bot could not post there ({error.code or error})", why, fix)


def scopes(granted: frozenset[str]) -> Iterator[Finding]:
    """Compare the token's scopes with the manifest's."""
    if not granted:
        why, fix = "the bot may lack a permission", "compare OAuth & Permissions with manifest.yml"
        yield Finding(Level.WARN, "Slack scopes", "Slack does not list them", why, fix)
        return
    needed = manifest.scopes()
    missing, extra = set(needed) - granted, granted - set(needed)
    if not missing:
        yield ok("Slack scopes", ", ".join(sorted(needed)))
    for scope in sorted(missing):
        fix = "add it under OAuth & Permissions, as in manifest.yml, and reinstall the app"
        yield Finding(Level.FAIL, f"Slack scope {scope}", "not granted", f"needed to {needed[scope]}", fix)
    if extra:
        why = "a stolen token could do more than the bot does"
        yield Finding(Level.WARN, "Slack scopes", f"more than needed: {', '.join(sorted(extra))}", why, "remove them")


def services(addresses: Sequence[str]) -> Finding:
    """Report whether a live run meets the real services."""
    check, found = "real Slack and AWS", ", ".join(addresses)
    if not any(urlsplit(address).hostname in LOOPBACK for address in addresses):
        return ok(check, found)
    return Finding(Level.FAIL, check, found, NO_PROOF, "unset SLACK_API_URL and AWS_ENDPOINT_URL")


def opened(entry: Entry | None) -> Finding:
    """Report the newest link that a member has opened."""
    check = "a member's link"
    if entry is not None:
        return ok(check, f"{entry.subject} got one at {entry.at:%H:%M:%S} UTC and opened it ({entry.source})")
    found = "in this workspace, nobody got one and opened it within the last hour"
    fix = "type /studio in Slack, press Open Studio, see Studio, and run this again, with --team if it is unknown"
    return Finding(Level.FAIL, check, found, ONLY_A_LINK, fix)


def clock(ahead: timedelta) -> Finding:
    """Report how far our clock is from AWS's."""
    off = abs(ahead)
    if off <= CLOCK_WARNS:
        return ok("clock", "agrees with AWS's")
    which = "ahead of" if ahead > timedelta() else "behind"
    level = Level.FAIL if off >= CLOCK_FAILS else Level.WARN
    why = "rules and links end at the wrong time, and AWS and Slack refuse requests that are minutes off"
    found = f"{off.total_seconds():.0f} s {which} AWS's"
    return Finding(level, "clock", found, why, "set this machine's clock by NTP")


def domain(place: Place, errors: Sequence[StudioError]) -> Finding:
    """Report the state of a domain, from the errors of its mappings."""
    check = f"domain {place.domain_id} ({place.region})"
    for error in errors:
        what, fix = _parts(error)
        if error.reason in OF_DOMAIN:
            return Finding(Level.FAIL, check, what, "no link can be made into it", fix)
        if error.reason not in OF_PROFILE:
            return failed(check, error, "its members may get no links", what="could not be checked")
    return ok(check, "in service, and signs in with IAM")


def profile(mapped: Mapped, error: StudioError) -> Finding:
    """Report a profile that cannot be signed in to, and whose it is."""
    what, fix = _parts(error)
    check = f"profile {mapped.mapping.profile_name} in {mapped.mapping.domain_id}"
    why = f"{mapped.owner}, whose mapping `{mapped.mapping.alias}` it is, gets no link"
    return Finding(Level.FAIL, check, what, why, fix)


def permission(check: str, role: str, profile_arn: str, decision: str, conditions: Sequence[str]) -> Finding:
    """Report IAM's decision on whether the role may make links."""
    if decision == "allowed":
        return ok(check, f"{role} may make them")
    if decision == "implicitDeny" and f"aws:ResourceTag/{TAG}" in conditions:
        found, why = f"{profile_arn} has no tag {TAG}", f"{role} opens only profiles that have it"
        fix = f"aws sagemaker add-tags --resource-arn {profile_arn} --tags Key={TAG},Value={TAG_VALUE}"
        return Finding(Level.FAIL, check, found, why, fix)
    if decision == "implicitDeny" and conditions:
        found, why = f"{role} may make them on conditions only ({', '.join(conditions)})", "they may not be met"
        return Finding(Level.WARN, check, found, why, "use --presign where the bot runs")
    fix = "give it what `studio-links iam-policy` prints; if the bot has another role, name it with --serving-role"
    return Finding(Level.FAIL, check, f"{role} may not make them ({decision})", "its members get no link", fix)


def sample(mappings: list[Mapped]) -> list[Mapped]:
    """Return at most SAMPLE mappings, spread evenly, and the first one of each domain."""
    if len(mappings) <= SAMPLE:
        return mappings
    first = {each.mapping.domain_id: number for number, each in reversed(list(enumerate(mappings)))}
    spread = [number * len(mappings) // SAMPLE for number in range(SAMPLE)]
    return [mappings[number] for number in sorted({*first.values(), *spread})]
