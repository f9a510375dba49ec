"""Options that several commands share, and the commands that are made from the verbs' specs."""

import re
from collections.abc import Callable
from functools import cache, partial
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from bot.admin.commands import YES, ParseError, Problem, build
from bot.admin.names import actor, is_name
from bot.admin.specs import ACTORS, COMMAND_SPECS, FIELD_SPECS, FLAGS, CommandSpec, Name, Verb
from bot.cli.context import CommandContext
from bot.core.values import ROLE_ARN, check_pattern, utc_now

Team = Annotated[
    str | None,
    typer.Option(help="Slack team id, if neither SLACK_BOT_TOKEN nor STUDIO_TEAMS settles it."),
]
KMS_KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}")


def _kms_key(given: str | None) -> str | None:
    if given is not None:
        check_pattern("kms key", given, KMS_KEY, 150, "the ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID")
    return given


KmsKey = Annotated[
    str | None,
    typer.Option(metavar="ARN", callback=_kms_key, help="The KMS key that encrypts the tables, if it is your own."),
]


def _role(given: str | None) -> str | None:
    if given is not None:
        check_pattern("serving role", given, ROLE_ARN, 600, "an IAM role's ARN")
    return given


ServingRole = Annotated[
    str | None,
    typer.Option(metavar="ARN", callback=_role, help="The bot's role, if you run this with other credentials."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ids = Annotated[bool, typer.Option("--ids", help="Print ids without names, for scripts.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask on a terminal.")]


def add_verb(app: typer.Typer, verb: Verb, work: Callable[..., None]) -> None:
    """Add the command of a verb: its fields as options, `--team`, and the options that `work` takes itself.

    Args:
        work: called with the context and the command; the command is None if it needs an object and has no field at
            all, which only `lockdown` allows.
    """
    spec, own = COMMAND_SPECS[verb], list(signature(work, eval_str=True).parameters.values())[2:]

    def run(**given: Any) -> None:
        fields = {name: given[_parameter_name(name)] for name in spec.fields}
        given_fields = {name: YES if text is True else text for name, text in fields.items() if text or text == ""}
        for name, text in given_fields.items():
            if not text.strip():
                raise ParseError(Problem.NO_VALUE, verb=verb, field=name, why=f"{name} is empty: give it a value")
        context = cache(partial(CommandContext, given["team"]))
        if is_name(given_fields.get(Name.USER, "")):
            given_fields[Name.USER] = context().user_id(given_fields[Name.USER])
        for name in ACTORS & given_fields.keys():
            given_fields[name] = actor(given_fields[name], lambda text: context().user_id(text))
        asks_nothing = verb is Verb.LOCKDOWN and not given_fields
        command = None if asks_nothing else build(verb, given_fields, utc_now())
        work(context(), command, **{option.name: given[option.name] for option in own})

    parameters = [
        *(_parameter(spec, name) for name in spec.fields),
        Parameter("team", Parameter.KEYWORD_ONLY, default=None, annotation=Team),
        *own,
    ]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # typer reads it
    example = spec.example.replace("@ana", "ana@example.com")
    app.command(verb.value, help=f"{spec.help}\n\nExample: studio-links {example}")(run)


def _parameter(spec: CommandSpec, name: Name) -> Parameter:
    field, help_text = FIELD_SPECS[name], spec.help_of(name)
    required = name in spec.required and name is not Name.STATE
    if name is spec.object:
        metavar = "PRINCIPAL" if spec.groups else field.metavar
        info = typer.Argument(metavar=metavar, help=help_text)
    else:
        info = typer.Option(f"--{name}", metavar=field.metavar, help=help_text)
    if name in FLAGS:
        flag = Annotated[bool, typer.Option(f"--{name}", help=help_text)]
        return Parameter(_parameter_name(name), Parameter.KEYWORD_ONLY, default=False, annotation=flag)
    return Parameter(
        _parameter_name(name),
        Parameter.KEYWORD_ONLY,
        default=Parameter.empty if required else None,
        annotation=Annotated[str if required else str | None, info],
    )


def _parameter_name(name: Name) -> str:
    return name.replace("-", "_")
