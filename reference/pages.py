"""Commands, variables, metrics, audit outcomes and alarms as Markdown, each from the code that defines them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from inspect import cleandoc
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import typer
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.admin.access_requests import JOINED, REVERTED
from bot.admin.commands import OUTCOMES
from bot.admin.specs import COMMAND_SPECS
from bot.cli import cli
from bot.config import HttpSettings, ServeSettings, Settings, SocketSettings
from bot.core import audit
from bot.core.jobs import JobState
from bot.core.link import Reason
from bot.core.ports import WorkPool
from bot.core.records import DecisionResult, RequestState
from bot.observability.metrics import CODES, POOLS, Metrics
from bot.slack.words import CATALOGUES
from tests.templates import template

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"

SOURCES = {
    "commands.md": "`bot/cli/` and `bot/admin/specs.py`",
    "variables.md": "`bot/config.py` and `.env.example`",
    "metrics.md": "`bot/observability/metrics.py`",
    "outcomes.md": "`bot/admin/commands.py` and `bot/slack/words/en.py`",
    "alarms.md": "`deploy/alerts.yml` and `deploy/cloudformation.yaml`",
    "stack.md": "`deploy/cloudformation.yaml` and `deploy/broker-role.yaml`",
}

# The outcomes that no member reads as a refusal.
MEANINGS: dict[str, str] = {
    audit.REQUESTED: "the request was recorded, and its end was not: the process crashed, or the audit could not be "
    "written then. Of `revoke`: it began, and did not end",
    audit.ISSUED: "the member got a link; `opened_at` says when they pressed it",
    audit.UNDELIVERED: "a link was made, and Slack did not accept the message; the bot discarded it",
    audit.INVALID_FORM: "a form with fields that are not valid, which Slack showed to its sender",
    audit.CHOOSE: "the member has several profiles or spaces, and was asked which to open",
    Reason.UNKNOWN_ALIAS: "the member has no profile of that name; the answer shows their own",
    audit.DONE: "the change was made",
    audit.INCOMPLETE: "`revoke` or `offboard` could not end everything; `after` has what failed",
    audit.OWN_ACCESS: "an administrator's command that would have given them something themselves; refused",
    audit.WAITING: "a command that needs a second administrator, who was asked",
    audit.NO_SECOND: "a command that needs a second administrator, and there is none; refused",
    audit.DECIDED: "a second administrator's press on something that was decided already, or had expired",
    RequestState.APPROVED: "an administrator approved an access request, or another administrator's command",
    RequestState.DENIED: "of an access request or another administrator's command: an administrator denied it",
    RequestState.WITHDRAWN: "the member withdrew their access request, or no administrator could be reached",
    JOINED: "the member asked again while their access request was waiting",
    audit.RAN_OUT: "an access request on which nobody decided in time",
    audit.NOT_BEGUN: "access that was approved for a later day and could not begin",
    REVERTED: "a decision that could not be carried out; the access request is open again",
    DecisionResult.NOT_AN_APPROVER: "a rule on access requests names others to decide; refused",
    DecisionResult.NEEDS_TICKET: "a rule on access requests requires a ticket number that the reason lacks; refused",
    DecisionResult.OWN_REQUEST: "somebody tried to decide on their own request; refused",
    DecisionResult.ALREADY_DECIDED: "a press on an access request that was decided already",
    DecisionResult.CLOSED: "a press on an access request that had expired, or that a newer one replaced",
    DecisionResult.NEEDS_MAPPING: "an approval without the profile that the member lacks; nothing changed",
    DecisionResult.NEEDS_REASON: "a press on *Deny*, which opened the form for a reason; nothing changed",
    DecisionResult.PROFILE_GONE: "an approval for a member whose every profile is gone; nothing changed",
    DecisionResult.ALIAS_IN_USE: "an approval with an alias that the member has for another profile; nothing changed",
    DecisionResult.HAD_OWNER: "an approval with a profile that had another owner, which takes two; nothing changed",
    DecisionResult.ENDORSED: "an approval that counts, while another administrator's is needed as well",
    DecisionResult.DENY_RULE_REMAINS: "an approval for a member whom a deny rule blocks; nothing changed",
    DecisionResult.UNREADABLE: "an approval for a member with a stored record that cannot be read; nothing changed",
    DecisionResult.INELIGIBLE: "an approval for a guest or an inactive account; nothing changed",
    DecisionResult.LOCKED_DOWN: "an approval during a lockdown; nothing changed",
    DecisionResult.NO_TEMPLATE: "an approval with a new profile, for which the domain has no template; nothing "
    "changed",
    DecisionResult.PROFILE_EXISTS: "an approval with a new profile whose name is taken; nothing changed",
    DecisionResult.WORK_UNDER_WAY: "an approval with a new profile, while the bot still works on the member's "
    "workspace; nothing changed",
    JobState.FAILED: "a profile could not be made; `detail` says why",
    JobState.CANCELLED: "a profile was not made any more, because the member lost access",
    audit.STARTED: "an off-boarding began",
    audit.ADMINISTRATOR: "the off-boarding of an administrator in `STUDIO_ADMINS`, or of the last one; refused",
}


@cache
def pages() -> dict[str, str]:
    """Return each page of the folder by its name."""
    made = {
        "commands.md": commands(),
        "variables.md": variables(),
        "metrics.md": metrics(),
        "outcomes.md": outcomes(),
        "alarms.md": alarms(),
        "stack.md": stack(),
    }
    return {
        name: f"<!-- Made by `make docs` from {SOURCES[name]}. Change those. -->\n\n"
        + "\n".join(lines).rstrip()
        + "\n"
        for name, lines in made.items()
    }


def commands() -> Iterator[str]:
    """Yield the page of commands, in the order of their names."""
    yield from ("# Commands", "")
    yield cleandoc("""
        `studio-links COMMAND`, or `python -m bot COMMAND` without the console script. Exit codes: 0 done, 1 refused
        or failed with one line on standard error, 2 usage error, 130 interrupted. In Slack, `/studio admin` takes the
        verbs that say so, with the same options: see [For administrators](../administrators.md#in-slack).
    """)
    for name, command in sorted(_leaves("", typer.main.get_command(cli))):
        summary, _, example = cleandoc(command.help).partition("\n\nExample: ")
        spec = COMMAND_SPECS.get(cast("Any", name))
        if spec and spec.in_slack:
            summary += f"\n\nIn Slack: `/studio admin {spec.example}`."
        options = [each for each in command.params if "--help" not in each.opts]
        yield from ("", f"## {name}", "", _prose(summary), "", "```sh", " ".join(example.split()), "```", "")
        if options:
            yield from _table(("argument or option", "meaning"), [(_option(each), _help(each)) for each in options])


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    nested = getattr(command, "commands", {})
    if not nested or (name and command.invoke_without_command):
        yield name, command
    for word, each in nested.items():
        yield from _leaves(f"{name} {word}".strip(), each)


def _option(parameter: Any) -> str:
    value = parameter.metavar or parameter.name.upper().replace("_", "-")
    if parameter.param_type_name == "argument":
        return f"`{value}`"
    flag = "" if parameter.is_flag else f" {value}"
    return ", ".join(f"`{each}{flag}`" for each in (*parameter.opts, *parameter.secondary_opts))


def _help(parameter: Any) -> str:
    """Return a parameter's help, and its default as far as it has a plain one."""
    text = (parameter.help or "").rstrip(".")
    default = parameter.default
    if parameter.required:
        return f"{text}. Required."
    if getattr(parameter, "is_flag", False) or not parameter.show_default or default in (None, ""):
        return f"{text}."
    return f"{text}. Default: `{default}`."


def variables() -> Iterator[str]:
    """Yield the page of environment variables: forms and defaults from the settings, meanings from the example."""
    meanings = _meanings()
    yield from ("# Variables", "")
    yield cleandoc("""
        Every environment variable that the bot reads. `.env.example` has them as a file to fill in. A missing or
        wrong value stops the start, with a line for each. Secrets can be references, which the bot resolves at the
        start: `aws-secretsmanager://NAME_OR_ARN`, `aws-secretsmanager://NAME_OR_ARN#KEY_IN_ITS_JSON` or
        `ssm://NAME`. AWS's credentials and profiles follow boto3's rules.
    """)
    seen: set[str] = set()
    for heading, kind in (
        ("Every command", Settings),
        ("`serve`", ServeSettings),
        ("`serve` over HTTP", HttpSettings),
        ("`serve --socket`", SocketSettings),
    ):
        new = {name.upper(): field for name, field in kind.model_fields.items() if name.upper() not in seen}
        seen |= set(new)
        rows = [
            (f"`{name}`", meanings[name], f"{field.description}", _default(name, field))
            for name, field in new.items()
        ]
        yield from ("", f"## {heading}", "", *_table(("variable", "meaning", "may be", "default"), rows))
    rest = [(f"`{name}`", text) for name, text in meanings.items() if name not in seen]
    yield from ("", "## Read by boto3", "", *_table(("variable", "meaning"), rest))


def _default(name: str, field: Any) -> str:
    if field.is_required() or name == "AWS_REGION":  # which boto3's own settings may have
        return "required"
    if name == "LOG_FORMAT":
        return "`console` on a terminal, else `json`"
    value = field.default
    return "" if value in (None, ()) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meanings() -> dict[str, str]:
    """Return the comment above each variable of .env.example, or above several."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    blocks = re.findall(r"((?:^# (?!---).*\n)+)((?:^#?[A-Z][A-Z0-9_]+=.*\n)+)", text, re.MULTILINE)
    return {
        name: " ".join(comment.replace("\n# ", " ").removeprefix("# ").split())
        for comment, named in blocks
        for name in re.findall(r"^#?([A-Z0-9_]+)=", named, re.MULTILINE)
    }


def metrics() -> Iterator[str]:
    """Yield the page of metrics, with every value that a label can have."""
    yield from ("# Metrics", "")
    yield cleandoc("""
        `GET /metrics` has these in Prometheus' format, beside the process's own (`process_…`). Every label has a
        fixed set of values, which all exist from the start; any other value counts as `other`. The
        [alarms](alarms.md) and the dashboard `deploy/grafana-dashboard.json` use them.
    """)
    every = Metrics("socket")
    for pool in POOLS:
        every.watch_pool(cast("WorkPool", SimpleNamespace(name=pool, in_flight=0, capacity=0)))
    every.watch_socket(connected=bool, last_activity=float, connections=int, surplus=int)
    families = [each for each in text_string_to_metric_families(every.page().decode()) if "studio_links" in each.name]
    rows: list[Sequence[str]] = []
    labels: dict[tuple[str, str], Iterable[str]] = {}
    for family in sorted(families, key=lambda each: each.name):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        values = _label_values(family.samples)
        labels |= {(name, label): found for label, found in values.items()}
        kind = "gauge" if family.name.endswith("_info") else family.type
        rows.append((f"`{name}`", kind, ", ".join(f"`{label}`" for label in values), family.documentation))
    yield from ("", *_table(("metric", "type", "labels", "meaning"), rows), "", "## Label values", "")
    yield from ("The meanings of most outcomes are under [Audit outcomes](outcomes.md).", "")
    del labels["studio_links_upstream_errors_total", "code"]
    for upstream, codes in CODES.items():
        labels["studio_links_upstream_errors_total", f'code` of `{{upstream="{upstream}"}}'] = codes
    del labels["studio_links_build_info", "python"], labels["studio_links_build_info", "version"]
    labels["studio_links_build_info", "transport"] = {"http", "socket"}
    listed = [(f"`{name}`, `{label}`", _codes(sorted(found))) for (name, label), found in sorted(labels.items())]
    yield from _table(("metric and label", "values"), listed)


def _label_values(samples: Iterable[Any]) -> dict[str, Iterable[str]]:
    """Return the values of each label, without the bounds of a histogram."""
    found: dict[str, set[str]] = {}
    for sample in samples:
        for label, value in sample.labels.items():
            if label != "le":
                found.setdefault(label, set()).add(value)
    return {label: sorted(values) for label, values in sorted(found.items())}


def outcomes() -> Iterator[str]:
    """Yield the page of audit outcomes.

    Raises:
        ValueError: an outcome has no meaning here.
    """
    words = CATALOGUES["en"]
    yield from ("# Audit outcomes", "")
    yield cleandoc("""
        Every request and every change ends in an audit entry with one of these outcomes. `studio-links history` shows
        them, `--outcome` finds one, and `studio_links_requests_total` counts those of requests. For failures,
        [Members get no links](../OPERATIONS.md#members-get-no-links) has the next step.
    """)
    unspoken = {*MEANINGS} - {*words.refusals}
    refusals = [(f"`{name}`", _spoken(words.refusals[Reason(name)])) for name in OUTCOMES if name not in unspoken]
    others = [(f"`{name}`", MEANINGS[name]) for name in OUTCOMES if name in MEANINGS]
    yield from ("", "## No link", "", "The member reads the message; the entry's `detail` has more.", "")
    yield from _table(("outcome", "message"), refusals)
    yield from ("", "## Everything else", "")
    yield from _table(("outcome", "meaning"), others)


def _spoken(message: str) -> str:
    """Return a message to members with an example where it has a place for something."""
    return message.format(
        command="/studio", when="in a minute", notice="the administrator's reason", address="Sign in at … instead."
    )


def alarms() -> Iterator[str]:
    """Yield the page of alarms: Prometheus' rules and the stack's."""
    rules = [
        rule
        for group in yaml.safe_load((ROOT / "deploy/alerts.yml").read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    yield from ("# Alarms", "", "Each links to the section that says what to do.", "", "## Prometheus", "")
    yield from ("The rules are in `deploy/alerts.yml`.", "")
    yield from _table(
        ("alert", "severity", "meaning", "after"),
        [
            (
                _runbook(rule["alert"], rule["annotations"]["runbook_url"]),
                rule["labels"]["severity"],
                re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"\1", rule["annotations"]["summary"]),
                rule.get("for", ""),
            )
            for rule in rules
        ],
    )
    yield from ("", "## CloudWatch", "", "The stack of `deploy/cloudformation.yaml` has these.", "")
    found = [
        resource["Properties"]
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    yield from _table(
        ("alarm", "meaning"),
        [
            (
                _runbook(each["AlarmName"]["Fn::Sub"].rpartition(": ")[2], each["AlarmDescription"]),
                each["AlarmDescription"].rpartition(" docs/")[0],
            )
            for each in found
        ],
    )


def stack() -> Iterator[str]:
    """Yield the page of the CloudFormation stacks' parameters and outputs."""
    yield from ("# Stack parameters", "")
    yield cleandoc("""
        Parameters of the CloudFormation stacks, and what the stacks return. A parameter named after a
        [variable](variables.md) sets it. See [Install](../INSTALL.md#aws-with-cloudformation), and for the second
        stack [Domains in other accounts](../ACCOUNTS.md).
    """)
    for name, title in (
        ("cloudformation.yaml", "The bot's stack"),
        ("broker-role.yaml", "A role in another account"),
    ):
        parameters = [
            (f"`{name}`", each["Description"], _stack_default(each))
            for name, each in template(name)["Parameters"].items()
        ]
        outputs = [(f"`{name}`", each["Description"]) for name, each in template(name)["Outputs"].items()]
        yield from ("", f"## {title}", "", f"`deploy/{name}`", "")
        yield from _table(("parameter", "meaning", "default"), parameters)
        yield from ("", *_table(("output", "meaning"), outputs))


def _stack_default(parameter: dict[str, Any]) -> str:
    default = parameter.get("Default")
    return "required" if default is None else f"`{default}`" if default != "" else ""


def _runbook(name: str, address: str) -> str:
    return f"[{name}](../OPERATIONS.md#{address.rpartition('#')[2]})"


def _codes(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _prose(text: str) -> str:
    """Return paragraphs with each on one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (heads, ["---"] * len(heads), *rows):
        cells = [" ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;") for cell in row]
        yield f"| {' | '.join(cells)} |".replace("|  |", "| |")
