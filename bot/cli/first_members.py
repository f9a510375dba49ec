"""The members of `init`: make its user the administrator and first member, and let in whom they choose."""

from bot import console
from bot.admin.sync import Account, Profile, Status, plan
from bot.app import clients, setup
from bot.app.setup import Candidate
from bot.aws.account import AwsAdmin, Place
from bot.aws.domains import Domain
from bot.cli.answers import ADMIN, ADMINS, MEMBERS, PROFILE, Answers, show_command
from bot.cli.context import CommandContext
from bot.cli.sync import people
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.errors import BadInput
from bot.core.values import DEFAULT_ALIAS

MAX_SHOWN = 3


def let_in(answers: Answers, run: CommandContext, arn: str, domain: Domain) -> None:
    """Settle who administers, then map and allow them and whoever else is chosen.

    Raises:
        StudioLinksError: a member could not be mapped or allowed; those before are.
    """
    accounts, active = people(clients.patient_slack(run.settings), run.tenant)
    me = _administrator(answers, accounts, active, arn)
    answers.keep({ADMINS: me})
    aws, place = AwsAdmin(region=run.settings.aws_region), Place(domain.domain_id, domain.region)
    stored = dict(run.admin.access.members(run.tenant))
    rows = plan(aws.profiles(place), accounts, active, stored, frozenset({domain.domain_id}))
    matched = setup.candidates(rows, accounts, stored)
    mine = [each for each in matched if each.user_id == me]
    if not mine and me not in stored:
        mine = _own(answers, me, [row.profile for row in rows if row.status in (Status.NOBODY, Status.NOT_CLEAR)])
    chosen = [*mine, *_chosen(answers, [each for each in matched if each.user_id != me])]
    for number, each in enumerate(chosen):
        if each.mapping is not None:
            run.admin.map(Member(run.tenant, each.user_id), each.mapping, run.actor, force=False)
        run.admin.grant(run.tenant, Grant(each.user_id, Effect.ALLOW), run.actor)
        for line in each.commands(domain, run.settings.aws_region) if number < MAX_SHOWN else ():
            show_command(line)
    console.print_line(f"  {len(chosen)} mapped and allowed")


def _administrator(answers: Answers, accounts: list[Account], active: frozenset[str], arn: str) -> str:
    """Return the Slack id of who runs this; guess it from the name that AWS knows them by."""

    def check(text: str) -> str:
        account = setup.find_account(accounts, text)
        user_id = account.user_id if account else text.upper()
        if user_id not in active:
            raise BadInput(f"{text!r} is no active full member of the workspace: give an e-mail address or member id")
        return user_id

    if ADMINS in answers.given:
        return answers.get(ADMINS, "", lambda text: ",".join(map(check, text.split(","))))
    guess = setup.find_account(accounts, arn.rpartition("/")[2])
    if guess and answers.yes and ADMIN not in answers.given:
        return guess.user_id
    question = "You in Slack (e-mail address or member id)"
    return answers.get(ADMIN, question, check, default=guess.email if guess else None)


def _own(answers: Answers, me: str, free: list[Profile]) -> list[Candidate]:
    """Ask for the administrator's profile, which has another name than their address."""
    names = {profile.name: profile for profile in free}
    if not names or (answers.yes and PROFILE not in answers.given):
        console.warn(f"no profile fits you: `studio-links map {me} --domain … --profile …` once it exists")
        return []

    def check(text: str) -> list[Candidate]:
        if text == "none":
            return []
        if text not in names:
            raise BadInput(f"{text!r} is none of the free profiles: {', '.join(names)}, or none")
        profile = names[text]
        mapping = Mapping(DEFAULT_ALIAS, profile.domain_id, profile.name, region=profile.region)
        return [Candidate(me, "", profile.name, mapping)]

    console.print_wrapped(f"Free profiles: {', '.join(names)}", indent=2)
    return answers.get(PROFILE, "Your profile", check, default="none")


def _chosen(answers: Answers, others: list[Candidate]) -> list[Candidate]:
    """Ask who else gets links, of those whose address fits a profile."""
    if not others or (answers.yes and MEMBERS not in answers.given):
        return []
    by_name = {str(number): each for number, each in enumerate(others, start=1)}
    by_name |= {name: each for each in others for name in (each.email.lower(), each.user_id.lower())}

    def check(text: str) -> list[Candidate]:
        names = text.lower().replace(",", " ").split()
        if names in (["all"], ["none"]):
            return others if names == ["all"] else []
        if unknown := [name for name in names if name not in by_name]:
            raise BadInput(f"{', '.join(unknown)}: not in the list; give numbers or addresses, all or none")
        return list(dict.fromkeys(by_name[name] for name in names))

    for number, each in enumerate(others, start=1):
        console.print_wrapped(f"  {number}  {each.email} → {each.profile}", indent=5)
    return answers.get(MEMBERS, "Who else gets links (all, none, or numbers)", check, default="none")
