"""Make profiles for `map --create` and for rows of an import."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from uuid import uuid4

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.csv_file import ParsedFile
from bot.admin.specs import Name
from bot.cli.context import CommandContext
from bot.cli.jobs import carry_out
from bot.core.access import Mapping, Member
from bot.core.errors import BadInput
from bot.core.jobs import Job, JobKind, JobState, Workspace
from bot.core.templates import Template, Templates, variable_of
from bot.core.values import utc_now


def prepared(run: CommandContext, command: AdminCommand) -> AdminCommand:
    """Return the command in the region of its domain's template.

    Raises:
        BadInput: the profile cannot be made, or exists and was not made for this member.
    """
    member = Member(run.tenant, command.principal)
    mapping = checked(run, member, command.mapping())
    region: dict[str, str] = {} if mapping.region is None else {Name.REGION: mapping.region}
    return replace(command, fields=MappingProxyType({**command.fields, **region}))


def checked(run: CommandContext, member: Member, mapping: Mapping) -> Mapping:
    """Return the mapping in the region of its domain; BadInput as for `prepared`."""
    from bot.aws.account import AwsAdmin
    from bot.aws.resources import StudioResources
    from bot.workspaces.provisioning import is_made_for

    template, settings = _template_for(mapping, run.settings.profile_templates), run.settings
    mapping = replace(mapping, region=template.region or mapping.region)
    found = StudioResources(AwsAdmin(region=settings.aws_region), settings.aws_region).profile(mapping)
    if found is not None and not is_made_for(member, found.tags):
        raise BadInput(
            f"nothing was made: profile {found.name} in {mapping.domain_id} exists and was not made for "
            f"{member.user_id}. Choose another name, or leave out --create to map that one"
        )
    return mapping


def _template_for(mapping: Mapping, templates: Templates) -> Template:
    """Return the template of a new profile; BadInput if it cannot be made."""
    template = templates.get(mapping.domain_id)
    if template is None:
        name = variable_of(mapping.domain_id)
        raise BadInput(f"nothing was made: {mapping.domain_id} has no template for new profiles, so set {name}")
    if mapping.role_arn is not None:
        raise BadInput("nothing was made: profiles are made with these credentials, so leave out --role-arn")
    if mapping.space_name is not None and not template.instances:
        why = f"the template in {variable_of(mapping.domain_id)} has no instances= for a space"
        raise BadInput(f"nothing was made: {why}; add them, or leave out --space")
    return template


def prepare_rows(run: CommandContext, parsed: ParsedFile) -> dict[str, list[Mapping]]:
    """Return the mappings of an import whose profiles are to be made, by member, and put them into its target.

    Raises:
        BadInput: as for `prepared`.
    """
    found: dict[str, list[Mapping]] = {}
    for user, mapping in parsed.creations:
        made, before = checked(run, Member(run.tenant, user), mapping), parsed.target[user]
        parsed.target[user] = replace(before, mappings=tuple(made if m == mapping else m for m in before.mappings))
        found.setdefault(user, []).append(made)
    return found


def make(run: CommandContext, mappings: Dictionary[str, Sequence[Mapping]]) -> None:
    """Make the profiles of mappings that are written, by member.

    Raises:
        typer.Exit: some could not be made.
    """
    jobs = []
    for user, found in mappings.items():
        workspaces = tuple(Workspace(mapping, mapping.space_name) for mapping in found)
        jobs.append(Job(uuid4().hex, JobKind.PROVISION, Member(run.tenant, user), run.actor, utc_now(), workspaces))
    if any(job.state is not JobState.DONE for job in carry_out(run, jobs, _show)):
        raise typer.Exit(1)


def _show(job: Job) -> None:
    user, names = job.member.user_id, ", ".join(map(str, job.items)) or "nothing yet"
    if job.is_open:
        console.warn(f"{user}: making {names}")
    elif job.state is JobState.DONE:
        console.warn(f"{user}: {names} is in service")
    else:
        console.fail(f"{user}: {job.why}")
