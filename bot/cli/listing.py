"""List members and groups, and show one of them."""

from collections.abc import Iterator

import typer

from bot import console
from bot.admin.commands import AdminCommand
from bot.admin.listing import Listed, describe_access
from bot.admin.names import label
from bot.admin.specs import Verb
from bot.cli.context import CommandContext
from bot.cli.history import when
from bot.cli.members import mapping_line, rule_lines
from bot.cli.options import AsJson, Ids, add_verb
from bot.core.access import Access, Person, Workspace
from bot.core.values import is_group
from bot.slack.words.admin_en import AdminWords

commands = typer.Typer()


def show(run: CommandContext, command: AdminCommand, *, ids: Ids = False, as_json: AsJson = False) -> None:
    principal = command.principal
    records = run.admin.rules_of(run.tenant, principal)
    known = not ids and not is_group(principal) and run.names.of(run.tenant, [principal]).get(principal)
    if as_json:
        console.print_json(_json(principal, records, known or None))
        return
    rows = [("mapping", mapping_line(mapping)) for mapping in records.mappings]
    rows += [("rule", line) for line in rule_lines(records)]
    who = [("member", f"{principal} {label(known)}")] if known and rows else []
    console.print_table(["what", "details"], [*who, *rows], empty=f"nothing is stored about {principal}")


def list_(run: CommandContext, command: AdminCommand, *, ids: Ids = False, as_json: AsJson = False) -> None:
    counts = [0, 0]
    rows = console.reading(_rows(run, command, counts, names=not ids), "members")
    if as_json:
        console.print_json_array(
            {
                **_json(row.principal, row.records, row.person),
                "access": None
                if is_group(row.principal)
                else {
                    "allowed": row.allowed,
                    "until": row.rule.until if row.rule and row.allowed else None,
                    "rule": row.rule if row.allowed else None,
                    "reason": row.reason,
                },
            }
            for row in rows
        )
        return
    columns = ["who", *([] if ids else ["name"]), "access", "mappings", "rules"]
    empty = "this fits nobody" if command.fields else "nobody is mapped or allowed yet"
    console.print_table(columns, (_cells(row, ids=ids) for row in rows), empty=empty)
    if command.fields:
        console.warn(f"{counts[0]} of {counts[1]} members fit")


def _rows(run: CommandContext, command: AdminCommand, counts: list[int], *, names: bool) -> Iterator[Listed]:
    """Yield those whom the command lists, a chunk after the other; count them and those looked at."""
    listing, after = run.listing(names=names), ""
    while True:
        found, looked_at, after = listing.read(run.tenant, command, after)
        counts[0] += len(found)
        counts[1] += looked_at
        yield from found
        if not after:
            return


def _cells(row: Listed, *, ids: bool) -> list[object]:
    name = [] if ids else [label(row.person)]
    access = None if is_group(row.principal) else describe_access(row, AdminWords.access, when=when, who=str)
    return [
        row.principal,
        *name,
        access,
        ", ".join(mapping_line(mapping) for mapping in row.records.mappings) or None,
        ", ".join(rule_lines(row.records)) or None,
    ]


def _json(principal: str, records: Access | Workspace, person: Person | None) -> dict[str, object]:
    return {
        "principal": principal,
        "group" if is_group(principal) else "user": principal,
        "name": person.name if person else None,
        "email": person.email if person else None,
        "mappings": records.mappings,
        "grants": records.grants,
        "unreadable": records.unreadable,
    }


add_verb(commands, Verb.SHOW, show)
add_verb(commands, Verb.LIST, list_)
