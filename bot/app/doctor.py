"""Check a whole installation: Slack, AWS, the tables, and everything that is mapped."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bot.admin.changes import Admin
from bot.admin.examination import OF_PROFILE
from bot.app import findings
from bot.app.findings import Finding, Level, Mapped, ok
from bot.aws.account import AwsAdmin, Identity, Place, place_of
from bot.aws.iam_scope import profile_arn
from bot.config import Settings
from bot.core.access import Access, Effect, Mapping, Member
from bot.core.approval_rules import describe as describe_rule
from bot.core.audit import ISSUED
from bot.core.errors import SlackError, StoreError, StudioError
from bot.core.policy import ineligible_reason
from bot.core.values import is_group
from bot.slack.client import SlackApi
from bot.slack.words.admin_en import AdminWords
from bot.store import tables as table_admin
from bot.store.models import Tables

# Mappings checked at once.
AT_ONCE = 8
# Links among which one that was opened is looked for.
MAX_ISSUED = 1000

TABLE_WHYS = {
    "table": "without it no link is issued",
    "keys": "without them records are not found",
    "billing": "a burst of members would be throttled",
    "time to live": "without it old entries are never removed",
    "deletion protection": "one wrong click would delete the access rules or the audit",
    "point-in-time recovery": "without it nothing brings back what was deleted by mistake",
}


@dataclass(frozen=True, slots=True)
class Doctor:
    """The checks of one installation. A check that cannot be made is a finding too, never an error.

    Attributes:
        serving_role: the role whose permission to make links is checked; None for our own.
        presign: make links and throw them away, instead of asking IAM.
        live: require the real Slack and AWS, and that a member has just opened a link.
    """

    admin: Admin
    aws: AwsAdmin
    tables: Tables
    slack: SlackApi | None
    settings: Settings
    tenant: str | None
    serving_role: str | None = None
    presign: bool = False
    all_mappings: bool = False
    live: bool = False

    def examine(self) -> Iterator[Finding]:
        """Yield every check as soon as it is made."""
        if self.live:
            yield self._services()
            yield self._opened()
        yield from self._slack()
        yield from self._channels()
        identity = self._identity()
        if isinstance(identity, Finding):
            yield identity
        else:
            yield ok("AWS credentials", identity.arn)
            yield findings.clock(identity.ahead)
        yield from self._tables()
        members = self._members()
        if isinstance(members, Finding):
            yield members
            return
        yield from findings.records(members)
        yield from self._administrators(members)
        yield from self._approval_rules(members)
        mapped = [Mapped(owner, mapping) for owner, access in members.items() for mapping in access.mappings]
        mappings = [each.mapping for each in mapped]
        yield from self._roles(mappings)
        yield from self._profiles(mapped)
        if not isinstance(identity, Finding):
            yield from self._links(mappings, identity)

    def _services(self) -> Finding:
        try:
            return findings.services([self.settings.slack_api_url, *self.aws.endpoints()])
        except StudioError as error:
            return findings.failed("real Slack and AWS", error, findings.NO_PROOF)

    def _slack(self) -> Iterator[Finding]:
        if self.slack is None:
            why, fix = "neither the token nor its scopes were checked", "set the bot's token, and run this again"
            level = Level.FAIL if self.live else Level.WARN
            yield Finding(level, "Slack token", "SLACK_BOT_TOKEN is not set", why, fix)
            return
        try:
            team, granted = self.slack.team(), self.slack.granted()
        except SlackError as error:
            why = "without Slack the bot can neither identify nor answer members"
            yield findings.failed("Slack token", error, why)
            return
        yield ok("Slack token", "accepted")
        yield findings.team(*team, self.settings.studio_teams)
        yield from findings.scopes(granted)

    def _channels(self) -> Iterator[Finding]:
        channels = {
            "STUDIO_AUDIT_CHANNEL": self.settings.studio_audit_channel,
            "STUDIO_REQUEST_CHANNEL": self.settings.studio_request_channel,
        }
        for variable, channel in channels.items():
            if channel is not None and self.slack is not None:
                try:
                    self.slack.probe_channel(channel)
                except SlackError as error:
                    yield findings.channel(variable, channel, error)
                else:
                    yield ok(f"channel {channel}", f"the bot can post there ({variable})")

    def _administrators(self, members: dict[str, Access]) -> Iterator[Finding]:
        """Check whether those who may administer in Slack still can: guests and deactivated people cannot."""
        if self.slack is None or self.tenant is None:
            return
        for user_id in sorted(self._administer(members)):
            member = Member(self.tenant, user_id)
            try:
                person = self.slack.person(member)
            except SlackError as error:
                found, why = f"could not be looked up ({error.code or error})", "they may be unable to administer"
                yield Finding(Level.WARN, f"administrator {user_id}", found, why, "run this again")
            else:
                yield findings.administrator(member, person)

    def _administer(self, members: dict[str, Access]) -> set[str]:
        """Return who may administer, by the settings or by a rule."""
        now = self.admin.now()
        grants = (grant for access in members.values() for grant in access.grants)
        by_rule = {grant.principal for grant in grants if grant.effect is Effect.ADMIN and grant.holds_at(now)}
        return {*self.settings.studio_admins, *by_rule}

    def _approval_rules(self, members: dict[str, Access]) -> Iterator[Finding]:
        """Show each rule on access requests, and whether its users and groups exist and suffice."""
        for rule in self.admin.rules.approval_rules:
            check = f"approval rule {rule.name}"
            yield ok(check, describe_rule(rule, AdminWords.approval_rules, str))
            yield from findings.approvers(rule, check, self._administer(members))
            for principal in sorted(rule.named):
                found = self._missing(principal)
                if found is not None:
                    yield findings.part_of_rule(check, f"{principal}: {found}")

    def _missing(self, principal: str) -> str | None:
        """Return why a user or a user group cannot be what a rule means."""
        slack, tenant = self.slack, self.tenant
        if slack is None or tenant is None:
            return None
        try:
            if is_group(principal):
                return None if slack.group_members(tenant, principal, even_disabled=False) else "nobody is in it"
            person = slack.person(Member(tenant, principal))
        except SlackError as error:
            return f"Slack does not confirm it ({error.code or error})"
        return ineligible_reason(Member(tenant, principal), person) or ("a guest" if person.guest else None)

    def _identity(self) -> Identity | Finding:
        try:
            return self.aws.identity()
        except StudioError as error:
            return findings.failed("AWS credentials", error, "without credentials that AWS accepts nothing works")

    def _tables(self) -> Iterator[Finding]:
        try:
            for each in table_admin.check(self.tables):
                found, _, fix = each.detail.partition(": ")
                level = Level.OK if each.ok else Level.WARN if each.name == "billing" else Level.FAIL
                why = "" if each.ok else TABLE_WHYS[each.name]
                yield Finding(level, f"{each.table}: {each.name}", found, why, "" if each.ok else fix or "wait")
        except StoreError as error:
            yield findings.failed("tables", error, TABLE_WHYS["table"], if_denied="allow dynamodb:DescribeTable")

    def _members(self) -> dict[str, Access] | Finding:
        """Return each member's records, and under the workspace's id what of its own cannot be read."""
        if self.tenant is None:
            why = "the doctor does not know which workspace's mappings to check"
            return Finding(Level.WARN, "mappings", "not checked", why, "name the workspace with --team")
        try:
            workspace = self.admin.access.workspace(self.tenant)
            return {
                self.tenant: Access(unreadable=workspace.unreadable),
                **dict(self.admin.access.members(self.tenant)),
            }
        except StoreError as error:
            return findings.failed("mappings", error, TABLE_WHYS["table"])

    def _roles(self, mappings: Iterable[Mapping]) -> Iterator[Finding]:
        for role in sorted({mapping.role_arn for mapping in mappings if mapping.role_arn}):
            try:
                self.aws.assume(role)
            except StudioError as error:
                why = "members with such mappings get no link"
                fix = (
                    "allow sts:AssumeRole and sts:SetSourceIdentity on it and in its trust policy, and set "
                    "STUDIO_EXTERNAL_ID if the trust policy requires one"
                )
                yield findings.failed(f"role {role}", error, why, what="it cannot be assumed", if_denied=fix)
            else:
                yield ok(f"role {role}", "it can be assumed")

    def _profiles(self, mapped: list[Mapped]) -> Iterator[Finding]:
        """Check domains and profiles by a sample of the mappings."""
        checked = mapped if self.all_mappings else findings.sample(mapped)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
            errors = list(pool.map(self._problem, [each.mapping for each in checked]))
        by_place: dict[Place, list[StudioError]] = defaultdict(list)
        for each, error in zip(checked, errors, strict=True):
            by_place[place_of(each.mapping, self.settings.aws_region)] += [error] if error else []
        for place, found in sorted(by_place.items(), key=lambda item: str(item[0])):
            yield findings.domain(place, found)
        broken = [
            findings.profile(each, error)
            for each, error in zip(checked, errors, strict=True)
            if error is not None and error.reason in OF_PROFILE
        ]
        yield from broken
        if (seen := errors.count(None)) and not broken:
            yield ok("profiles", f"{seen} checked, all in service")
        if len(checked) < len(mapped):
            found_words = f"{len(checked)} of {len(mapped)} mappings were checked"
            yield Finding(Level.WARN, "profiles", found_words, "the others may be broken", "use --all to check each")

    def _problem(self, mapping: Mapping) -> StudioError | None:
        try:
            self.admin.studio.examine(mapping)
        except StudioError as error:
            return error
        return None

    def _links(self, mappings: Iterable[Mapping], identity: Identity) -> Iterator[Finding]:
        for place, mapping in {place_of(mapping, self.settings.aws_region): mapping for mapping in mappings}.items():
            check = f"links into {place.domain_id}"
            if self.presign:
                yield self._tried(check, mapping)
            elif place.role_arn is None:
                yield self._simulated(check, place, mapping, identity)
            else:
                found, why = f"those through {place.role_arn} were not checked", "that role may not be allowed to"
                yield Finding(Level.WARN, check, found, why, "use --presign where the bot runs")

    def _opened(self) -> Finding:
        if self.tenant is None:
            return findings.opened(None)
        since = self.admin.now() - findings.JUST_NOW
        try:
            issued = self.admin.history(self.tenant, None, since, MAX_ISSUED, outcome=ISSUED)
            return findings.opened(next((entry for entry in issued if entry.opened_at), None))
        except StoreError as error:
            return findings.failed("a member's link", error, findings.ONLY_A_LINK)

    def _tried(self, check: str, mapping: Mapping) -> Finding:
        try:
            self.aws.presign(mapping)
        except StudioError as error:
            why, fix = "its members get no link", "`studio-links iam-policy` prints what to allow"
            return findings.failed(check, error, why, what="AWS made none", if_denied=fix)
        return ok(check, "one was made and thrown away")

    def _simulated(self, check: str, place: Place, mapping: Mapping, identity: Identity) -> Finding:
        role = self.serving_role or identity.role_arn
        _, partition, _, _, account, *_ = role.split(":")
        arn = profile_arn(mapping, partition, place.region, account)
        try:
            decision, conditions = self.aws.may_presign(role, arn, self.aws.tags(place, arn))
        except StudioError as error:
            why = "the role may not be allowed to make links"
            allow = "allow iam:SimulatePrincipalPolicy and sagemaker:ListTags"
            fix = f"{allow}, name the bot's role with --serving-role, or use --presign"
            return findings.failed(check, error, why, what="IAM did not answer", if_denied=fix, level=Level.WARN)
        return findings.permission(check, role, arn, decision, conditions)
