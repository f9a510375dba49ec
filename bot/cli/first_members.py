"""The members of `init`: make its user the administrator and first member, and let in whom they choose."""

from bot import console
from bot.admin.sync import Account, Profile, Row, Status, as_profile_name, plan, usual_domains
from bot.app import clients
from bot.aws.account import AwsAdmin, Place
from bot.aws.domains import Domain
from bot.cli.answers import ADMIN, ADMINS, MEMBERS, PROFILE, Answers, show_command
from bot.cli.context import CommandContext
from bot.cli.sync import people
from bot.core.access import Access, Effect, Grant, Mapping, Member
from bot.core.errors import BadInput
from bot.core.values import DEFAULT_ALIAS, EMAIL_DOMAIN, check_pattern
from bot.variables import split

MAX_SHOWN = 3
# Of profiles that nobody is matched with.
FREE = (Status.NOBODY, Status.NOT_CLEAR, Status.SKIPPED)
SOLE_ADMIN, EMAIL_DOMAINS = "STUDIO_SOLE_ADMIN", "STUDIO_EMAIL_DOMAINS"


def let_in(answers: Answers, run: CommandContext, arn: str, domain: Domain) -> None:
    """Settle who administers, then map and allow them and all others who are chosen.

    Raises:
        StudioLinksError: a member could not be mapped or allowed; those before are.
    """
    everybody, active = people(clients.patient_slack(run.settings), run.tenant)
    accounts = [account for account in everybody if account.user_id in active]
    admins = _administrators(answers, accounts, active, arn)
    answers.keep({ADMINS: ",".join(admins)})
    me = admins[0]
    if len(admins) == 1 and ADMINS not in answers.in_env and SOLE_ADMIN not in answers.given:
        console.print_wrapped(
            f"  In Slack you cannot allow yourself; alone, you could with {SOLE_ADMIN}=true.", indent=2
        )
    stored = dict(run.admin.access.members(run.tenant))
    profiles = AwsAdmin(region=run.settings.aws_region).profiles(Place(domain.domain_id, domain.region))
    own = _email_domains(answers, accounts, run.settings.studio_email_domains)
    rows = plan(profiles, accounts, active, stored, frozenset({domain.domain_id}), domains=own)
    # Members who match a profile, and about whom no rule says anything yet.
    open_rows = [
        row
        for row in rows
        if row.status in (Status.MAP, Status.MAPPED) and not stored.get(row.members[0], Access()).grants
    ]
    mine = [row for row in open_rows if row.members[0] == me]
    if not mine and not stored.get(me, Access()).grants:
        mine = _own(answers, me, domain, rows, stored)
    chosen = [*mine, *_chosen(answers, [row for row in open_rows if row.members[0] != me], accounts, stored)]
    for number, row in enumerate(chosen):
        for line in _allow(run, row):
            if number < MAX_SHOWN:
                show_command(line)
    console.print_line(f"  {len(chosen)} allowed")


def _allow(run: CommandContext, row: Row) -> list[str]:
    """Map a member if they are not mapped yet, and allow them; return the commands that do the same."""
    user, mapping, lines = row.members[0], row.mapping, []
    if mapping is not None:
        run.admin.map(Member(run.tenant, user), mapping, run.actor, force=False)
        given = {"domain": mapping.domain_id, "profile": mapping.profile_name, "region": mapping.region}
        given["alias"] = None if mapping.alias == DEFAULT_ALIAS else mapping.alias
        lines.append(
            f"studio-links map {user}" + "".join(f" --{name} {text}" for name, text in given.items() if text)
        )
    run.admin.grant(run.tenant, Grant(user, Effect.ALLOW), run.actor)
    return [*lines, f"studio-links allow {user}"]


def _administrators(answers: Answers, accounts: list[Account], active: frozenset[str], arn: str) -> list[str]:
    """Return the Slack ids of the administrators: those in the settings, or who runs this.

    The default is the member whose address is the name that AWS has for the caller.
    """

    def find(text: str) -> list[Account]:
        name = text.lower()
        return [each for each in accounts if name in (each.email.lower(), as_profile_name(each.email))]

    def check(text: str) -> str:
        found = find(text)
        user_id = found[0].user_id if len(found) == 1 else text.upper()
        if user_id not in active:
            raise BadInput("no active full member of the workspace has it: give an e-mail address or a member id")
        return user_id

    if ADMINS in answers.given:
        return answers.get(ADMINS, "", lambda text: [check(each) for each in split(text)])
    guess = [each.email for each in find(arn.rpartition("/")[2])]
    if len(guess) == 1 and answers.yes:
        answers.given.setdefault(ADMIN, guess[0])
    question = "You in Slack (e-mail address or member id)"
    return [answers.get(ADMIN, question, check, default=guess[0] if len(guess) == 1 else None)]


def _email_domains(answers: Answers, accounts: list[Account], own: tuple[str, ...]) -> frozenset[str]:
    """Return the domains whose addresses are matched, as `sync` has them; ask if they are not clear."""

    def check(text: str) -> tuple[str, ...]:
        found = split(text.lower())
        for each in found:
            check_pattern("e-mail domain", each, EMAIL_DOMAIN, 253, "a domain such as example.com")
        return found

    domains = own or tuple(usual_domains(accounts))
    if not domains:
        domains = answers.get(EMAIL_DOMAINS, "Your company's e-mail domains", check)
        answers.keep({EMAIL_DOMAINS: ",".join(domains)})
    return frozenset(domains)


def _own(answers: Answers, me: str, domain: Domain, rows: list[Row], stored: dict[str, Access]) -> list[Row]:
    """Ask which profile is the administrator's, if neither a mapping nor their address tells."""
    mapped = [Profile(each.domain_id, each.profile_name) for each in stored.get(me, Access()).mappings]
    if mapped:
        return [Row(Status.MAPPED, mapped[0], (me,))]
    held = {mapping.profile_key for access in stored.values() for mapping in access.mappings}
    unmatched = [row.profile for row in rows if row.status in FREE]
    free = {profile.name: profile for profile in unmatched if profile.key not in held}
    if not free or (answers.yes and PROFILE not in answers.given):
        console.warn(f"no profile in {domain} is yours: create one, then `studio-links map {me}` and `allow {me}`")
        return []

    options: dict[str, list[Row]] = {"none": []}
    for name, profile in free.items():
        mapping = Mapping(DEFAULT_ALIAS, profile.domain_id, name, region=profile.region)
        options[name] = [Row(Status.MAP, profile, (me,), mapping=mapping)]
    console.print_wrapped(f"Free profiles: {', '.join(free)}", indent=2)
    return answers.pick(PROFILE, "Your profile", options, default="none")


def _chosen(answers: Answers, others: list[Row], accounts: list[Account], stored: dict[str, Access]) -> list[Row]:
    """Ask who else gets links, of those who match a profile."""
    if MEMBERS not in answers.given and (answers.yes or not others):
        return []
    emails = {each.user_id: each.email for each in accounts}
    # By each of their names; None for those who are in already.
    by_name: dict[str, Row | None] = {}
    for user in stored.keys() & emails.keys():
        by_name |= {user.lower(): None, emails[user].lower(): None}
    for number, row in enumerate(others, start=1):
        user = row.members[0]
        by_name |= dict.fromkeys((str(number), user.lower(), emails[user].lower()), row)

    def check(text: str) -> list[Row]:
        names = text.lower().replace(",", " ").split()
        if names in (["all"], ["none"]):
            return others if names == ["all"] else []
        if unknown := [name for name in names if name not in by_name]:
            raise BadInput(f"nobody in the list is {', '.join(unknown)}: give numbers, addresses, all or none")
        return list({row.members[0]: row for name in names if (row := by_name[name])}.values())

    for number, row in enumerate(others, start=1):
        console.print_wrapped(f"  {number}  {emails[row.members[0]]} → {row.profile.name}", indent=5)
    return answers.get(MEMBERS, "Who else gets links (all, none, or numbers)", check, default="none")
