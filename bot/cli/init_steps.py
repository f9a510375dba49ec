"""The steps of `init`, each with the command that does the same.

Nothing remembers how far a run came: `.env`, the tables and the mappings show it to the next one.
"""

import os
from pathlib import Path

import boto3

from bot import console
from bot.app import clients
from bot.app.findings import Level
from bot.aws import domains, secret_refs
from bot.aws.account import AwsAdmin
from bot.aws.client import partition_of
from bot.aws.domains import Domain
from bot.cli import first_members
from bot.cli.answers import APP, BOT, CHECKED, DOMAIN, ENV, Answers, show_command
from bot.cli.context import CommandContext, read_settings
from bot.cli.doctor import print_finding
from bot.cli.doctor_findings import findings
from bot.config import Settings
from bot.core.errors import BadInput
from bot.observability.logs import redactor
from bot.slack import tokens
from bot.slack.manifest import creation_link
from bot.store import tables as table_admin

NO_DOMAIN = (
    "there is no SageMaker domain for which the bot can make links: create one that signs in through IAM, or use "
    "credentials for the account that has one, then run this again"
)


def set_up(source: Path | None, *, yes: bool, no_serve: bool) -> bool:
    """Go through all steps; return whether to start the bot."""
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


def _find_domain(answers: Answers) -> tuple[str, Domain]:
    """Return our ARN and the chosen domain. This fails before anybody has typed anything."""
    settled = answers.given.get("AWS_REGION")
    region = settled or os.environ.get("AWS_REGION") or boto3.Session().region_name or "us-east-1"
    partition = partition_of(region)
    if partition is None:
        raise BadInput("AWS_REGION is no region of AWS: set it to one such as eu-west-1, then run this again")
    arn = AwsAdmin(region=region).identity().arn
    console.print_wrapped(f"AWS: {arn}", indent=2)
    wanted, usable = answers.given.get(DOMAIN), []
    everywhere = domains.regions_of(partition)
    for regions in [[region], everywhere] if settled else [everywhere]:
        where = "all regions" if regions is everywhere else region
        console.print_line(f"Looking for SageMaker domains in {where} …")
        found, hidden = domains.find(regions)
        usable = [each for each in found if each.obstacle is None]
        if usable and wanted in (None, *(each.domain_id for each in usable)):
            break
    for each in found:
        if each.obstacle is not None:
            console.print_wrapped(f"  - {each} {each.obstacle}", indent=4)
    for why in dict.fromkeys(map(str, hidden.values())):
        unseen = ", ".join(name for name, error in hidden.items() if str(error) == why)
        console.warn(f"{unseen}: not searched, because {why}")
    if not usable:
        raise BadInput(NO_DOMAIN)
    domain = _choose(answers, usable)
    os.environ["AWS_REGION"] = settled or domain.region
    return arn, domain


def _choose(answers: Answers, usable: list[Domain]) -> Domain:
    if len(usable) == 1 and DOMAIN not in answers.given:
        console.print_wrapped(f"Domain: {usable[0]}", indent=2)
        return usable[0]
    for number, each in enumerate(usable, start=1):
        console.print_wrapped(f"  {number}  {each}", indent=5)
    numbers = {str(number): each for number, each in enumerate(usable, start=1)}
    domain = answers.pick(DOMAIN, "Domain", numbers | {each.domain_id: each for each in usable}, default="1")
    if DOMAIN not in answers.given:
        answers.chosen[DOMAIN] = domain.domain_id
    return domain


def _agree(answers: Answers, settings: Settings) -> None:
    """Show what will be created, and ask once.

    Raises:
        BadInput: the answer is no, or a table is somebody else's.
    """
    tables, new = clients.table_administration(settings), answers.settings(settings.aws_region)
    incomplete = not {*new, *CHECKED} <= answers.in_env.keys()
    wrong = [check for check in table_admin.check(tables) if not check.ok]
    for check in wrong:
        if check.name == "keys":
            raise BadInput(f"{check.table}: {check.detail}, then run this again; nothing was changed")
    missing = [check.table for check in wrong if check.name == "table"]
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


def _tokens(answers: Answers, settings: Settings) -> None:
    """Have the app created, and keep each token once Slack accepts it."""

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
        console.print_line("Create the app with this link, and install it:")
        console.print_link(creation_link())
        console.print_wrapped("If somebody has to approve it, stop with Ctrl-C and run this again then.", indent=0)
    bot = answers.get(BOT, "Bot token (OAuth & Permissions; stays hidden)", check_bot, hidden=True)
    # Slack takes the token, so these settings work.
    answers.keep({**answers.settings(settings.aws_region), **answers.chosen, BOT: bot})
    question = "App-level token with connections:write (Basic Information)"
    answers.keep({APP: answers.get(APP, question, check_app, hidden=True)})


def _create_tables(settings: Settings) -> None:
    show_command("studio-links tables create")
    wrong = False
    for finding in table_admin.create(clients.table_administration(settings)):
        wrong |= not finding.ok
        if finding.name == "table" or not finding.ok:
            console.print_wrapped(f"  {finding.table}: {finding.detail}", indent=4)
    if wrong:
        raise BadInput("some tables are not set up correctly: fix what the lines above name, then run this again")


def _examine() -> None:
    show_command("studio-links doctor")
    found = list(findings(None, None, None, presign=False, all_mappings=False))
    for finding in found:
        if finding.level is not Level.OK:
            print_finding(finding)
    fails = sum(finding.level is Level.FAIL for finding in found)
    console.print_line(f"  {len(found)} checks, {fails} failed")
    if fails:
        raise BadInput("the doctor found problems: fix them as it says, then run this again")
