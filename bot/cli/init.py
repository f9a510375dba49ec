"""Set up the bot in the terminal: from nothing to `/studio` in Slack.

Nothing remembers how far a run came: `.env`, the tables and the mappings show it to the next one.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from bot import console
from bot.core.errors import BadInput

if TYPE_CHECKING:
    from bot.aws.domains import Domain
    from bot.cli.answers import Answers
    from bot.config import Settings

commands = typer.Typer()


@commands.command()
def init(
    *,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", exists=True, dir_okay=False, help="Variables and answers, like .env."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; fail where an answer is missing.")] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Don't start the bot at the end.")] = False,
) -> None:
    """Set up the bot step by step: `.env`, the Slack app, the tables, you as administrator, and the first members.

    You need AWS credentials and a SageMaker domain that signs in through IAM. Run it again after an interruption: it
    goes on where it was. It changes no value that `.env` has.

    FILE sets variables of the bot, such as SLACK_BOT_TOKEN, SLACK_APP_TOKEN and AWS_REGION, and answers: INIT_DOMAIN
    (a domain's id), INIT_ADMIN (your address or id in Slack), INIT_PROFILE (yours, if its name differs from your
    address) and INIT_MEMBERS (all, none, or addresses).

    Example: studio-links init --yes --from studio.env --no-serve
    """
    if not yes and not console.is_terminal():
        raise BadInput(
            "there is no terminal to ask on: run `studio-links init --yes --from FILE` (--help shows FILE)"
        )
    try:
        start = _set_up(from_, yes=yes, no_serve=no_serve)
    except (click.Abort, EOFError, KeyboardInterrupt):
        console.fail("stopped: `studio-links init` goes on from here")
        raise typer.Exit(130) from None
    if start:
        from bot.cli.serving import serve

        serve(socket=True)


def _set_up(source: Path | None, *, yes: bool, no_serve: bool) -> bool:
    """Go through all steps; return whether to start the bot."""
    from bot.cli import first_members
    from bot.cli.answers import Answers, show_command
    from bot.cli.context import CommandContext, read_settings

    answers = Answers(source, yes=yes)
    arn, domain = _find_domain(answers)
    settings = read_settings()
    _agree(answers, settings)
    _tokens(answers, settings)
    _create_tables(settings)
    first_members.let_in(answers, CommandContext(), arn, domain)
    _examine()
    console.print_line("To start it in another shell:")
    show_command("set -a; . ./.env; set +a; studio-links serve --socket")
    return not no_serve and answers.agreed("Start the bot now? Then type /studio in Slack.")


def _find_domain(answers: "Answers") -> "tuple[str, Domain]":
    """Return our ARN and the chosen domain. This fails before anybody has typed anything."""
    import boto3

    from bot.app import setup
    from bot.aws.account import AwsAdmin

    settled = answers.given.get("AWS_REGION")
    region = settled or os.environ.get("AWS_REGION") or boto3.Session().region_name or "us-east-1"
    arn = AwsAdmin(region=region).identity().arn
    console.print_wrapped(f"AWS: {arn}", indent=2)
    found, unseen = setup.find_domains(region, only_there=settled is not None)
    if settled and all(each.obstacle for each in found):
        found, unseen = setup.find_domains(region, only_there=False)
    for each in found:
        if each.obstacle:
            console.print_wrapped(f"  - {_named(each)} {each.obstacle}", indent=4)
    for name, error in unseen.items():
        console.warn(f"{name} was not searched: {error}")
    usable = [each for each in found if each.obstacle is None]
    if not usable:
        raise BadInput(setup.NO_DOMAIN)
    domain = _choose(answers, usable)
    os.environ["AWS_REGION"] = settled or domain.region
    return arn, domain


def _choose(answers: "Answers", usable: "list[Domain]") -> "Domain":
    from bot.cli.answers import DOMAIN

    by_name = {each.domain_id: each for each in usable}
    by_name |= {str(number): each for number, each in enumerate(usable, start=1)}

    def check(text: str) -> "Domain":
        if text not in by_name:
            raise BadInput(f"{text!r} is none of {', '.join(by_name)}: choose one of them")
        return by_name[text]

    if len(usable) == 1 and DOMAIN not in answers.given:
        console.print_wrapped(f"Domain: {_named(usable[0])}", indent=2)
        return usable[0]
    for number, each in enumerate(usable, start=1):
        console.print_wrapped(f"  {number}  {_named(each)}", indent=5)
    return answers.get(DOMAIN, "Domain", check, default="1")


def _agree(answers: "Answers", settings: "Settings") -> None:
    """Show what will be created, and ask once. Nothing is written before.

    Raises:
        BadInput: the answer is no, or a table is somebody else's.
    """
    from bot.app import clients, setup
    from bot.cli.answers import CHECKED, ENV
    from bot.store import tables as table_admin

    tables, new = clients.table_administration(settings), answers.settings(settings.aws_region)
    missing, incomplete = setup.missing_tables(tables), not {*new, *CHECKED} <= answers.in_env.keys()
    for prefix in table_admin.other_prefixes(tables):
        console.warn(f"{settings.aws_region} has tables with the prefix {prefix!r}: this is a second installation")
    if not missing and "AWS_REGION" not in answers.in_env:
        prefix = settings.studio_table_prefix
        console.warn(f"tables {prefix}… exist already, and are used: another STUDIO_TABLE_PREFIX makes new ones")
    if not missing and not incomplete:
        return
    console.print_line("To create:")
    if incomplete:
        console.print_line("  lines in .env, which keeps its own" if ENV.exists() else "  .env, for your eyes only")
    if missing:
        console.print_wrapped(f"  DynamoDB in {settings.aws_region}, on demand: {', '.join(missing)}", indent=4)
    if not answers.agreed("Go on?"):
        raise BadInput("cancelled; nothing was changed")
    answers.keep(new)


def _tokens(answers: "Answers", settings: "Settings") -> None:
    """Have the app created, and keep each token once Slack accepts it."""
    from bot.aws import secret_refs
    from bot.cli.answers import APP, BOT, show_command
    from bot.observability.logs import redactor
    from bot.slack import tokens
    from bot.slack.manifest import creation_link

    def resolved(text: str) -> str:
        token = secret_refs.read(text, settings.aws_region) if secret_refs.is_reference(text) else text
        redactor.register(token)
        return token

    def check_bot(text: str) -> str:
        console.print_wrapped(f"Slack: {tokens.check_bot_token(resolved(text), settings.slack_api_url)}", indent=2)
        return text

    def check_app(text: str) -> str:
        tokens.check_app_token(resolved(text), settings.slack_api_url, resolved(bot))
        return text

    if BOT not in answers.given:
        show_command("studio-links manifest --socket")
        console.print_line(f"Open this link, create the app, and install it:\n\n{creation_link()}\n")
    bot = answers.get(BOT, "Bot token (OAuth & Permissions; typed unseen)", check_bot, hidden=True)
    answers.keep({BOT: bot})
    question = "App-level token with connections:write (Basic Information)"
    answers.keep({APP: answers.get(APP, question, check_app, hidden=True)})


def _create_tables(settings: "Settings") -> None:
    from bot.app import clients
    from bot.cli.answers import show_command
    from bot.store import tables as table_admin

    show_command("studio-links tables create")
    wrong = False
    for finding in table_admin.create(clients.table_administration(settings)):
        wrong |= not finding.ok
        if finding.name == "table" or not finding.ok:
            console.print_wrapped(f"  {finding.table}: {finding.detail}", indent=4)
    if wrong:
        raise BadInput("some tables are not set up correctly: fix what the lines above name, then run this again")


def _examine() -> None:
    """Run the doctor, and print what is wrong."""
    from bot.app.findings import Level
    from bot.cli.answers import show_command
    from bot.cli.doctor import print_finding
    from bot.cli.doctor_findings import findings

    show_command("studio-links doctor")
    found = list(findings(None, None, None, presign=False, all_mappings=False))
    for finding in found:
        if finding.level is not Level.OK:
            print_finding(finding)
    fails = sum(finding.level is Level.FAIL for finding in found)
    console.print_line(f"  {len(found)} checks, {fails} failed")
    if fails:
        raise BadInput("the doctor found problems: fix them as it says, then run this again")


def _named(domain: "Domain") -> str:
    return f"{domain.domain_id} ({domain.name}) in {domain.region}"
