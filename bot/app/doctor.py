"""Whether an installation is as the bot needs it: every check with what was found, why it matters, how to mend it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.admin.changes import Admin
from bot.aws.account import AwsAdmin, Identity, Place, place_of
from bot.core.access import Access, Mapping
from bot.core.errors import SlackError, StoreError, StudioError
from bot.core.link import Reason
from bot.core.values import USER_ID
from bot.slack import manifest
from bot.slack.client import SlackApi
from bot.store import tables as table_admin
from bot.store.models import Tables

# So many mappings are looked at unless all are asked for, so many at once.
SAMPLE, AT_ONCE = 200, 8
# AWS and Slack refuse requests that are five minutes off; rules end by our own clock, so less is worth a word too.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
CLOCK_WARNS, CLOCK_FAILS = timedelta(seconds=5), timedelta(seconds=240)

OF_DOMAIN = {Reason.DOMAIN_MISSING, Reason.DOMAIN_NOT_READY, Reason.DOMAIN_SSO}
OF_PROFILE = {Reason.PROFILE_MISSING, Reason.PROFILE_NOT_READY, Reason.SPACE_MISSING, Reason.SPACE_NOT_YOURS}

TABLE_WHYS = {
    "table": "without it no link is issued",
    "keys": "without them records are not found",
    "billing": "a rush of members would be throttled",
    "time to live": "without it old entries are never removed",
    "deletion protection": "one wrong click would delete who may open what, or the audit",
    "point-in-time recovery": "without it nothing brings back what was deleted by mistake",
}


class Level(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check.

    Attributes:
        why: why it matters; "" if all is well.
        mend: what to do; "" if all is well.
    """

    level: Level
    check: str
    found: str
    why: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Doctor:
    """The examination of one installation. What cannot be asked is a finding too, never an error.

    Attributes:
        serving_role: the role whose permission to make links is looked at; None for our own.
        presign: make links and throw them away, instead of asking IAM.
    """

    admin: Admin
    aws: AwsAdmin
    tables: Tables
    slack: SlackApi | None
    teams: Sequence[str]
    tenant: str | None
    region: str
    serving_role: str | None = None
    presign: bool = False
    all_mappings: bool = False

    def examine(self) -> Iterator[Finding]:
        """Every check, as soon as it is made."""
        yield from self._slack()
        identity = self._identity()
        if isinstance(identity, Finding):
            yield identity
        else:
            yield Finding(Level.OK, "AWS credentials", identity.arn)
            yield clock(identity.ahead)
        yield from self._tables()
        members = self._members()
        if isinstance(members, Finding):
            yield members
            return
        yield from records(members)
        mappings = [mapping for access in members.values() for mapping in access.mappings]
        yield from self._roles(mappings)
        yield from self._profiles(mappings)
        if not isinstance(identity, Finding):
            yield from self._links(mappings, identity)

    def _slack(self) -> Iterator[Finding]:
        if self.slack is None:
            yield Finding(
                Level.WARN,
                "Slack token",
                "SLACK_BOT_TOKEN is not set",
                "neither the token nor its scopes were looked at",
                "set it as the bot has it, and run this again",
            )
            return
        try:
            home, granted = self.slack.home(), self.slack.granted()
        except SlackError as error:
            why = "without Slack nobody is told apart, and nobody gets an answer"
            yield Finding(Level.FAIL, "Slack token", str(error), why, "install the app anew and set its bot token")
            return
        yield Finding(Level.OK, "Slack token", f"accepted for app {home.app_id}")
        yield team(home.team_id, home.enterprise_id, self.teams)
        yield from scopes(granted)

    def _identity(self) -> Identity | Finding:
        try:
            return self.aws.identity()
        except StudioError as error:
            why = "without credentials that AWS accepts nothing works"
            mend = "give the process a role or a profile; a clock that is wrong by minutes has the same effect"
            return Finding(Level.FAIL, "AWS credentials", str(error), why, mend)

    def _tables(self) -> Iterator[Finding]:
        try:
            for each in table_admin.check(self.tables):
                found, _, mend = each.detail.partition(": ")
                level = Level.OK if each.ok else Level.WARN if each.name == "billing" else Level.FAIL
                why = "" if each.ok else TABLE_WHYS[each.name]
                yield Finding(level, f"{each.table}: {each.name}", found, why, "" if each.ok else mend or "wait")
        except StoreError as error:
            yield Finding(Level.FAIL, "tables", str(error), TABLE_WHYS["table"], "see that DynamoDB may be described")

    def _members(self) -> dict[str, Access] | Finding:
        """What is stored of each member, and under the workspace's own id what of it cannot be read."""
        if self.tenant is None:
            why = "without a workspace it is not known which mappings to look at"
            return Finding(Level.WARN, "mappings", "not looked at", why, "name the workspace with --team")
        try:
            workspace = self.admin.workspace(self.tenant)
            return {self.tenant: Access(unreadable=workspace.unreadable), **dict(self.admin.members(self.tenant))}
        except StoreError as error:
            return Finding(Level.FAIL, "mappings", str(error), TABLE_WHYS["table"], "see the tables above")

    def _roles(self, mappings: Iterable[Mapping]) -> Iterator[Finding]:
        for role in sorted({mapping.role_arn for mapping in mappings if mapping.role_arn}):
            try:
                self.aws.assume(role)
            except StudioError as error:
                yield Finding(
                    Level.FAIL,
                    f"role {role}",
                    f"it cannot be assumed ({error.code or error})",
                    "members whose mappings name it get no link",
                    "allow sts:AssumeRole and sts:SetSourceIdentity on it, have its trust policy allow both to us, "
                    "and set STUDIO_EXTERNAL_ID if it asks for one",
                )
            else:
                yield Finding(Level.OK, f"role {role}", "it can be assumed")

    def _profiles(self, mappings: list[Mapping]) -> Iterator[Finding]:
        """Domains and profiles, by looking at a sample of the mappings."""
        looked_at = mappings if self.all_mappings else sample(mappings)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
            errors = list(pool.map(self._problem, looked_at))
        by_place: dict[Place, list[StudioError | None]] = defaultdict(list)
        for mapping, error in zip(looked_at, errors, strict=True):
            by_place[place_of(mapping, self.region)].append(error)
        for place, found in sorted(by_place.items(), key=lambda item: str(item[0])):
            yield domain(place, [error for error in found if error is not None])
        broken = [
            Finding(
                Level.FAIL,
                f"profile {mapping.profile_name} in {mapping.domain_id}",
                str(error).partition(": ")[0],
                "its member gets no link",
                str(error).partition(": ")[2],
            )
            for mapping, error in zip(looked_at, errors, strict=True)
            if error is not None and error.reason in OF_PROFILE
        ]
        yield from broken
        if looked_at and not broken:
            yield Finding(Level.OK, "profiles", f"{len(looked_at)} looked at, all of them in service where seen")
        if len(looked_at) < len(mappings):
            found_words = f"{len(looked_at)} of {len(mappings)} mappings were looked at"
            yield Finding(Level.WARN, "profiles", found_words, "others may lead nowhere", "use --all to look at each")

    def _problem(self, mapping: Mapping) -> StudioError | None:
        try:
            self.admin.studio.examine(mapping)
        except StudioError as error:
            return error
        return None

    def _links(self, mappings: Iterable[Mapping], identity: Identity) -> Iterator[Finding]:
        """Whether links may be made, for one mapping of each domain."""
        for place, mapping in {place_of(mapping, self.region): mapping for mapping in mappings}.items():
            if self.presign:
                yield self._tried(place, mapping)
            elif place.role_arn is None:
                yield self._simulated(place, mapping, identity)
            else:
                yield Finding(
                    Level.WARN,
                    f"links into {place.domain_id}",
                    f"those through {place.role_arn} were not looked at",
                    "whether that role may make them is not known",
                    "use --presign where the bot runs",
                )

    def _tried(self, place: Place, mapping: Mapping) -> Finding:
        check = f"links into {place.domain_id}"
        try:
            self.aws.presign(mapping)
        except StudioError as error:
            why, mend = "its members get no link", "`studio-links iam-policy` prints what to allow"
            return Finding(Level.FAIL, check, f"AWS made none ({error.code or error})", why, mend)
        return Finding(Level.OK, check, "one was made and thrown away")

    def _simulated(self, place: Place, mapping: Mapping, identity: Identity) -> Finding:
        check, role = f"links into {place.domain_id}", self.serving_role or identity.role_arn
        arn = mapping.profile_arn or (
            f"arn:{role.split(':')[1]}:sagemaker:{place.region}:{role.split(':')[4]}:"
            f"user-profile/{mapping.domain_id}/{mapping.profile_name}"
        )
        try:
            decision, conditions = self.aws.may_presign(role, arn)
        except StudioError as error:
            return Finding(
                Level.WARN,
                check,
                f"IAM was not asked ({error.code or error})",
                "whether links may be made is not known",
                "allow iam:SimulatePrincipalPolicy, name the bot's role with --serving-role, or use --presign",
            )
        if decision == "allowed":
            return Finding(Level.OK, check, f"{role} may make them")
        if decision == "implicitDeny" and conditions:
            return Finding(
                Level.WARN,
                check,
                f"{role} may make them on conditions at most ({', '.join(conditions)})",
                "whether the bot and its members meet them is not known here",
                "use --presign where the bot runs",
            )
        return Finding(
            Level.FAIL,
            check,
            f"{role} may not make them ({decision})",
            "its members get no link",
            "give it what `studio-links iam-policy` prints; if the bot's role is another, name it by --serving-role",
        )


def records(members: dict[str, Access]) -> Iterator[Finding]:
    """Stored records that cannot be read: where there is any doubt, there is no link."""
    for owner, access in members.items():
        for record in access.unreadable:
            of_member = bool(USER_ID.fullmatch(owner))
            yield Finding(
                Level.FAIL,
                f"records of {owner}",
                f"{record.replace('#', ' ')} cannot be read",
                "the member gets no link" if of_member else "nobody of the workspace gets a link",
                f"`studio-links forget {owner}` removes it and all rules of the member: set those again"
                if of_member
                else "`studio-links forget` the user group it names; without one, begin and end a lockdown",
            )


def team(team_id: str, enterprise_id: str | None, teams: Sequence[str]) -> Finding:
    """Whether the token's workspace is among those admitted."""
    if not teams or {team_id, enterprise_id} & set(teams):
        return Finding(Level.OK, "Slack team", f"{team_id}" + (f" of {enterprise_id}" if enterprise_id else ""))
    return Finding(
        Level.FAIL,
        "Slack team",
        f"the token is of {team_id}, and STUDIO_TEAMS admits {', '.join(teams)} only",
        "everybody of the token's workspace is turned away",
        "set STUDIO_TEAMS to the token's team, or the token to that of the team",
    )


def scopes(granted: frozenset[str]) -> Iterator[Finding]:
    """The token's scopes beside those of the manifest."""
    if not granted:
        why, mend = (
            "whether the bot may do all that it does is not known",
            "compare OAuth & Permissions with manifest.yml",
        )
        yield Finding(Level.WARN, "Slack scopes", "Slack does not tell them", why, mend)
        return
    missing, extra = set(manifest.SCOPES) - granted, granted - set(manifest.SCOPES)
    if not missing:
        yield Finding(Level.OK, "Slack scopes", ", ".join(sorted(manifest.SCOPES)))
    for scope in sorted(missing):
        mend = "add it under OAuth & Permissions, as in manifest.yml, and reinstall the app"
        yield Finding(Level.FAIL, f"Slack scope {scope}", "not granted", f"it is for {manifest.SCOPES[scope]}", mend)
    if extra:
        why = "whoever gets hold of the token can do more than the bot does"
        yield Finding(Level.WARN, "Slack scopes", f"more than needed: {', '.join(sorted(extra))}", why, "remove them")


def clock(ahead: timedelta) -> Finding:
    """How far our clock is from AWS's."""
    off = abs(ahead)
    if off <= CLOCK_WARNS:
        return Finding(Level.OK, "clock", "agrees with AWS's")
    which = "ahead of" if ahead > timedelta() else "behind"
    found = f"{off.total_seconds():.0f} s {which} AWS's"
    level = Level.FAIL if off >= CLOCK_FAILS else Level.WARN
    why = "rules and links end at the wrong time, and AWS and Slack refuse requests that are minutes off"
    return Finding(level, "clock", found, why, "set this machine's clock by NTP")


def domain(place: Place, errors: Sequence[StudioError]) -> Finding:
    """What looking at a domain's mappings tells of the domain itself."""
    check = f"domain {place.domain_id} ({place.region})"
    for error in errors:
        what, _, mend = str(error).partition(": ")
        if error.reason in OF_DOMAIN:
            return Finding(Level.FAIL, check, what, "no link can be made into it", mend)
        if error.reason not in OF_PROFILE:
            found = f"could not be looked at ({error.code or what})"
            return Finding(
                Level.FAIL, check, found, "whether its members get links is not known", mend or "try again"
            )
    return Finding(Level.OK, check, "in service, and signs in with IAM")


def sample(mappings: list[Mapping]) -> list[Mapping]:
    """At most so many, spread evenly over all; one of each domain at least is among the first."""
    if len(mappings) <= SAMPLE:
        return mappings
    first = {mapping.domain_id: number for number, mapping in reversed(list(enumerate(mappings)))}
    spread = [number * len(mappings) // SAMPLE for number in range(SAMPLE)]
    return [mappings[number] for number in sorted({*first.values(), *spread})]
