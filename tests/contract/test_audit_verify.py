"""Attacks on the audit table by somebody who may write it, and what `audit verify` says about them."""

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bot.admin.erasure import erased
from bot.admin.verification import Break, Verification, Witness
from bot.core.access import Member
from bot.core.audit import changed
from bot.core.errors import StoreError
from bot.core.link import Source
from bot.core.records import Actor, Entry
from bot.core.seals import GRACE, INTERVAL, Seal, parse_seal, seal_key, sha256, stamp, write_pages
from bot.local.faults import Fault
from bot.observability import logs
from bot.store.audit import AuditTable
from bot.store.models import Tables, client_of
from bot.store.seals import SealTable
from bot.store.witness import read_witness
from tests.cli import run_command
from tests.contract.stands import ListeningAws
from tests.fakes import ANA, BEN, NOON, TEAM, an_entry, race

DAYS = 400
MINUTE = timedelta(minutes=1)
# When the first interval, from noon on, is sealed.
FIRST = NOON + INTERVAL + GRACE


@pytest.fixture
def seals(tables: Tables) -> SealTable:
    return SealTable(tables, days=DAYS)


def entry(number: int, minute: float, **more: Any) -> Entry:
    return an_entry(f"request-{number}", at=NOON + minute * MINUTE, **{"outcome": "issued", **more})


@pytest.fixture
def sealed(audit: AuditTable, seals: SealTable, log: io.StringIO) -> list[Entry]:  # noqa: ARG001 - what is logged
    """Six entries under three seals, and one that is not sealed yet."""
    entries = [entry(number, minute) for number, minute in enumerate((1, 2, 16, 17, 31, 32, 50))]
    for each in entries:
        audit.close(each)
    for number in range(3):
        seals.seal(TEAM, FIRST + number * INTERVAL)
    return entries


def verification(seals: SealTable, *, now: datetime = FIRST + 3 * INTERVAL, log: str = "") -> Verification:
    witness = read_witness(log.splitlines()).get(TEAM, Witness())
    return Verification(seals, TEAM, now, witness=witness, days=DAYS)


def breaks(seals: SealTable, **more: Any) -> list[Break]:
    begin, end = stamp(NOON - timedelta(days=1)), stamp(NOON + timedelta(days=5))
    return verification(seals, **more).run(begin, end)


def found(seals: SealTable, **more: Any) -> list[tuple[str, str]]:
    return [(each.id, each.what) for each in breaks(seals, **more)]


def test_change_from_a_shell_is_logged_when_it_is_sealed(tables: Tables, audit: AuditTable) -> None:
    shell, changes = Actor("cli:ada", Source.CLI), list[str]()
    lifted = changed("lockdown", shell, TEAM, TEAM, NOON + MINUTE, before={"reason": "incident 42"})
    began = changed("revoke", shell, TEAM, ANA.user_id, NOON + MINUTE, outcome="requested")
    for each in (lifted, began, entry(1, 1)):
        audit.open(each)
    stream = io.StringIO()
    logs.configure(level="INFO", style="json", stream=stream)

    replicas = [SealTable(tables, days=DAYS, shell_changed=changes.append) for _ in range(2)]
    for replica in replicas:
        replica.seal(TEAM, FIRST)

    line, _seal = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["id"], line["change"]) == ("audit_entry", lifted.id, "lockdown_lifted")
    assert (line["actor"], line["source"], line["subject"]) == ("cli:ada", "cli", TEAM)
    assert (changes, "incident" in str(line)) == (["lockdown_lifted"], False)
    delete(tables, lifted.id)
    assert (lifted.id, "missing") in found(replicas[0], log=stream.getvalue())


# The attacker's tools


def item(tables: Tables, key: str) -> Any:
    name = tables.audit.Meta.table_name
    return client_of(tables.audit).get_item(TableName=name, Key={"id": {"S": key}})["Item"]


def put(tables: Tables, forged: Any) -> None:
    client_of(tables.audit).put_item(TableName=tables.audit.Meta.table_name, Item=forged)


def rewrite(tables: Tables, key: str, **texts: str) -> None:
    put(tables, item(tables, key) | {name: {"S": value} for name, value in texts.items()})


def delete(tables: Tables, key: str) -> None:
    client_of(tables.audit).delete_item(TableName=tables.audit.Meta.table_name, Key={"id": {"S": key}})


def reseal(tables: Tables, numbers: Iterable[int]) -> None:
    """Rewrite seals and their pages so that they fit the entries and each other."""
    seals, previous = SealTable(tables, days=DAYS), None
    for number in numbers:
        old = parse_seal(seals.seal_text(TEAM, number))
        assert old is not None
        pages = [page for page, _ in write_pages(seals.records(TEAM, old.begin, old.end))]
        for page in pages:
            put(tables, {"id": {"S": f"seal#{TEAM}#page#{sha256(page)}"}, "text": {"S": page}})
        hashes = tuple(map(sha256, pages))
        new = replace(old, pages=hashes, previous=previous.hash if previous else old.previous)
        rewrite(tables, seal_key(TEAM, number), text=new.text)
        previous = new


# What holds


def test_untouched_audit_fits(sealed: list[Entry], seals: SealTable, log: io.StringIO) -> None:
    run = verification(seals, log=log.getvalue())
    assert run.run(stamp(NOON), stamp(NOON + timedelta(hours=1))) == []
    assert (run.counts.entries, run.counts.sealed, run.counts.not_sealed_yet, run.counts.seals) == (7, 6, 1, 3)
    assert run.counts.witnessed == len(sealed)
    assert run.last is not None
    assert (run.last.number, run.last.end) == (3, stamp(NOON + 3 * INTERVAL))


def test_press_and_new_entries_after_the_seal_fit(
    sealed: list[Entry], audit: AuditTable, seals: SealTable, log: io.StringIO
) -> None:
    audit.opened(ANA, sealed[0].id, NOON + 40 * MINUTE)
    audit.close(entry(9, 51))
    assert found(seals, log=log.getvalue()) == []


def test_entries_before_the_first_seal_are_only_counted(audit: AuditTable, seals: SealTable) -> None:
    audit.close(entry(1, -60))
    seals.seal(TEAM, FIRST)
    run = verification(seals)
    assert run.run(stamp(NOON - timedelta(days=1)), stamp(FIRST)) == []
    assert (run.counts.older_than_seals, run.counts.sealed) == (1, 0)


def test_audit_without_seals_fits_and_says_so(audit: AuditTable, seals: SealTable) -> None:
    audit.close(entry(1, 1))
    run = verification(seals)
    assert run.run(stamp(NOON), stamp(FIRST)) == []
    assert (run.counts.not_sealed_yet, run.counts.seals) == (1, 0)


def test_expired_entries_are_not_missing(tables: Tables, sealed: list[Entry], seals: SealTable) -> None:
    delete(tables, sealed[0].id)
    delete(tables, sealed[1].id)
    later = NOON + timedelta(days=DAYS, minutes=1, seconds=30)
    assert found(seals, now=later) == [(sealed[1].id, "missing")]


def test_expired_seals_are_not_missing(tables: Tables, sealed: list[Entry], seals: SealTable) -> None:
    for gone in (sealed[0].id, sealed[1].id, seal_key(TEAM, 1)):
        delete(tables, gone)
    assert found(seals) == [(seal_key(TEAM, 1), "missing")]
    assert found(seals, now=NOON + timedelta(days=DAYS + 4)) == []


def test_erasure_fits_and_is_counted(
    sealed: list[Entry], audit: AuditTable, seals: SealTable, log: io.StringIO
) -> None:
    erasure = changed("erase", Actor("cli:ada", Source.CLI), TEAM, "U0ERASED01", NOON + 60 * MINUTE)
    audit.erase(erasure, [replace(each, subject="U0ERASED01", actor="U0ERASED01") for each in sealed])
    run = verification(seals, log=log.getvalue())
    assert run.run(stamp(NOON), stamp(NOON + timedelta(days=1))) == []
    assert run.counts.erased == len(sealed)


def test_erased_person_is_gone_and_the_audit_fits(
    sealed: list[Entry], audit: AuditTable, seals: SealTable, log: io.StringIO
) -> None:
    user = sealed[0].subject
    found = [erased(each, user, "UERASED0123456789") for each in audit.of_day(TEAM, NOON.date())]
    replacements = [each for each in found if each is not None]
    later = NOON + 60 * MINUTE
    audit.erase(changed("erase", Actor("cli:ada", Source.CLI), TEAM, "UERASED0123456789", later), replacements)

    assert len(replacements) == len(sealed)
    assert [each for each in audit.of_day(TEAM, NOON.date()) if user in repr(each)] == []
    assert verification(seals, log=log.getvalue()).run(stamp(NOON), stamp(NOON + timedelta(days=1))) == []


# Attacks

Attack = Callable[[Tables], None]
ATTACKS: dict[str, tuple[Attack, list[tuple[str, str]]]] = {
    "an outcome rewritten": (
        lambda tables: rewrite(tables, "request-2", outcome="denied"),
        [("request-2", "changed")],
    ),
    "another person": (
        lambda tables: rewrite(tables, "request-2", member=f"{TEAM}#{BEN.user_id}", actor=BEN.user_id),
        [("request-2", "changed")],
    ),
    "an attribute that we do not know": (
        lambda tables: rewrite(tables, "request-2", note="looks good"),
        [("request-2", "changed")],
    ),
    "an entry that cannot be read": (
        lambda tables: rewrite(tables, "request-2", door="window"),
        [("request-2", "changed")],
    ),
    "an entry deleted": (lambda tables: delete(tables, "request-3"), [("request-3", "missing")]),
    "an entry hidden from its day": (
        lambda tables: rewrite(tables, "request-3", day="T0OTHER001#2025-01-01"),
        [("request-3", "missing")],
    ),
    "an entry moved to another time": (
        lambda tables: rewrite(tables, "request-3", at=stamp(NOON + 3 * MINUTE)),
        [("request-3", "added")],
    ),
    "an entry forged": (
        lambda tables: put(tables, item(tables, "request-0") | {"id": {"S": "forged"}}),
        [("forged", "added")],
    ),
    "an entry forged in an empty time": (
        lambda tables: put(
            tables, item(tables, "request-0") | {"id": {"S": "forged"}, "at": {"S": stamp(NOON + 10 * MINUTE)}}
        ),
        [("forged", "added")],
    ),
    "two entries swapped": (
        lambda tables: swap(tables, "request-0", "request-4"),
        [("request-4", "added"), ("request-0", "missing")],
    ),
    "a seal rewritten": (
        lambda tables: reseal_one(tables, "request-2", 2),
        [("seal#T0STUDIO01#00000002", "changed")],
    ),
    "a seal that is none": (
        lambda tables: rewrite(tables, seal_key(TEAM, 2), text='{"pages": []}'),
        [("seal#T0STUDIO01#00000002", "changed")],
    ),
    "a seal deleted": (
        lambda tables: delete(tables, seal_key(TEAM, 2)),
        [("seal#T0STUDIO01#00000002", "missing")],
    ),
    "a page rewritten": (
        lambda tables: rewrite_page(tables, 2),
        [("seal#T0STUDIO01#00000002", "changed")],
    ),
    "a page deleted": (
        lambda tables: delete(tables, page_key(tables, 2)),
        [("seal#T0STUDIO01#00000002", "missing")],
    ),
    "an erasure that nobody recorded": (
        lambda tables: pretend_erasure(tables, "request-2", recorded=False),
        [("request-2", "changed")],
    ),
    "an outcome changed under an erasure": (
        lambda tables: pretend_erasure(tables, "request-2", recorded=True, outcome="denied"),
        [("request-2", "changed")],
    ),
}


@pytest.mark.parametrize("day", [None, "T0OTHER001#2030-01-01", f"{TEAM}#1999-01-01"])
def test_entry_where_verify_does_not_look_is_in_no_history(
    tables: Tables, sealed: list[Entry], audit: AuditTable, day: str | None
) -> None:
    forged = item(tables, "request-0") | {"id": {"S": "forged"}}
    put(tables, {**forged, "day": {"S": day}} if day else {key: forged[key] for key in forged if key != "day"})
    member = Member(TEAM, sealed[0].subject)

    with pytest.raises(StoreError):
        list(audit.of_member(member, NOON - timedelta(days=1)))


def swap(tables: Tables, one: str, other: str) -> None:
    first, second = item(tables, one), item(tables, other)
    put(tables, second | {"id": first["id"]})
    put(tables, first | {"id": second["id"]})


def reseal_one(tables: Tables, entry_id: str, number: int) -> None:
    rewrite(tables, entry_id, outcome="denied")
    reseal(tables, [number])


def page_key(tables: Tables, number: int) -> str:
    seal = parse_seal(SealTable(tables, days=DAYS).seal_text(TEAM, number))
    assert seal is not None
    return f"seal#{TEAM}#page#{seal.pages[0]}"


def rewrite_page(tables: Tables, number: int) -> None:
    key = page_key(tables, number)
    rewrite(tables, key, text=item(tables, key)["text"]["S"].replace("request-2", "request-x"))


def pretend_erasure(tables: Tables, entry_id: str, *, recorded: bool, **changes: str) -> None:
    """Replace an entry as an erasure would, and change more of it."""
    audit = AuditTable(tables, days=DAYS)
    erasure = changed("erase", Actor("cli:ada", Source.CLI), TEAM, "U0ERASED01", NOON + 60 * MINUTE)
    [there] = [each for each in audit.of_day(TEAM, NOON.date()) if each.id == entry_id]
    audit.erase(erasure, [replace(there, subject="U0ERASED01")])
    rewrite(tables, entry_id, **changes)
    if not recorded:
        delete(tables, item(tables, entry_id)["erased_by"]["S"])


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_on_a_sealed_audit_is_named(
    name: str,
    tables: Tables,
    sealed: list[Entry],  # noqa: ARG001 - what is attacked
    seals: SealTable,
) -> None:
    attack, expected = ATTACKS[name]
    assert found(seals) == []
    attack(tables)
    assert set(expected) <= set(found(seals))
    assert found(seals)[0] in expected


def test_consistent_rewrite_of_everything_needs_a_witness(
    tables: Tables, sealed: list[Entry], seals: SealTable, log: io.StringIO
) -> None:
    rewrite(tables, sealed[0].id, outcome="denied")
    delete(tables, sealed[2].id)
    reseal(tables, [1, 2, 3])
    assert found(seals) == []
    named = found(seals, log=log.getvalue())
    assert named[0] == (sealed[0].id, "changed")
    assert (sealed[2].id, "missing") in named
    assert {(seal_key(TEAM, number), "changed") for number in (1, 2, 3)} <= set(named)


def test_seals_alone_witness_a_consistent_rewrite(
    tables: Tables, sealed: list[Entry], seals: SealTable, log: io.StringIO
) -> None:
    kept = "\n".join(line for line in log.getvalue().splitlines() if "audit_sealed" in line)
    rewrite(tables, sealed[0].id, outcome="denied")
    reseal(tables, [1, 2, 3])
    assert found(seals, log=kept) == [(seal_key(TEAM, number), "changed") for number in (1, 2, 3)]


def test_last_seals_deleted_and_made_again_need_a_witness(
    tables: Tables, sealed: list[Entry], seals: SealTable, log: io.StringIO
) -> None:
    rewrite(tables, sealed[4].id, outcome="denied")
    delete(tables, seal_key(TEAM, 3))
    kept = log.getvalue()
    seals.seal(TEAM, FIRST + 2 * INTERVAL)
    assert found(seals) == []
    assert found(seals, log=kept) == [(sealed[4].id, "changed"), (seal_key(TEAM, 3), "changed")]


BEFORE_THE_SEAL: dict[str, tuple[Attack, list[tuple[str, str]]]] = {
    "rewritten": (lambda tables: rewrite(tables, "request-1", outcome="denied"), [("request-1", "changed")]),
    "back to requested": (
        lambda tables: rewrite(tables, "request-1", outcome="requested"),
        [("request-1", "changed")],
    ),
    "deleted": (lambda tables: delete(tables, "request-1"), [("request-1", "missing")]),
    "forged": (
        lambda tables: put(tables, item(tables, "request-1") | {"id": {"S": "forged"}}),
        [("forged", "added")],
    ),
    "press hidden": (
        lambda tables: put(tables, {k: v for k, v in item(tables, "request-1").items() if k != "opened_at"}),
        [("request-1", "changed")],
    ),
    "press forged": (
        lambda tables: rewrite(tables, "request-0", opened_at=stamp(NOON + 2 * MINUTE)),
        [("request-0", "changed")],
    ),
    "soon to expire": (
        lambda tables: let_expire(tables, "request-1"),
        [("request-1", "missing")],
    ),
}


def let_expire(tables: Tables, key: str) -> None:
    """Have DynamoDB delete an entry: first the attribute, then what follows from it."""
    put(tables, item(tables, key) | {"expires": {"N": "1"}})
    delete(tables, key)


@pytest.mark.parametrize("name", BEFORE_THE_SEAL)
def test_attack_before_the_seal_is_named_by_the_log(
    name: str, tables: Tables, audit: AuditTable, seals: SealTable, log: io.StringIO
) -> None:
    for number in range(4):
        audit.close(entry(number, number))
    audit.opened(ANA, "request-1", NOON + 1.5 * MINUTE)
    attack, expected = BEFORE_THE_SEAL[name]
    attack(tables)
    seals.seal(TEAM, FIRST)
    assert found(seals, log=log.getvalue()) == expected


def test_change_by_the_shell_needs_no_line_in_the_witness(
    audit: AuditTable, seals: SealTable, log: io.StringIO
) -> None:
    audit.close(entry(1, 1))
    logs.configure(level="ERROR", style="json")  # a shell's log stays on its terminal
    audit.open(entry(2, 2, action="map", outcome="done", source=Source.CLI))
    logs.configure(level="INFO", style="json", stream=log)
    audit.close(entry(3, 3))
    run = verification(seals, log=log.getvalue())
    assert run.run(stamp(NOON), stamp(FIRST)) == []
    assert run.counts.not_in_witness == 1


@pytest.mark.parametrize("wrap", [lambda raw: {"Item": raw}, lambda raw: {"dynamodb": {"NewImage": raw}}])
def test_exported_items_are_a_witness(
    wrap: Callable[[Any], Any], tables: Tables, sealed: list[Entry], seals: SealTable
) -> None:
    keys = [*(each.id for each in sealed), *(seal_key(TEAM, number) for number in (1, 2, 3))]
    exported = "\n".join(f"2026-11-28T00:00:00Z {json.dumps(wrap(item(tables, key)))}" for key in keys)
    assert found(seals, log=exported) == []
    rewrite(tables, sealed[6].id, outcome="denied")
    reseal(tables, [1, 2, 3])
    assert found(seals, log=exported) == [(sealed[6].id, "changed")]


def test_witness_ignores_lines_that_are_not_ours() -> None:
    lines = [
        "",
        "no JSON",
        "{",
        '{"event": "ready"}',
        '{"event": "audit_entry"}',
        '{"Item": 5}',
        "[1]",
        '{"Item": {}}',
    ]
    assert all(witness == Witness() for witness in read_witness(lines).values())


# Replicas, clocks and outages


def numbers(seals: SealTable) -> list[Seal]:
    return [seal for _, text in seals.seals(TEAM, "0") if (seal := parse_seal(text))]


def test_two_replicas_sealing_at_once_make_one_chain(audit: AuditTable, tables: Tables) -> None:
    for number in range(20):
        audit.close(entry(number, number / 2))
    replicas = [SealTable(tables, days=DAYS) for _ in range(4)]
    for number in range(3):
        race(*(partial(each.seal, TEAM, FIRST + number * INTERVAL) for each in replicas))
    assert [seal.number for seal in numbers(replicas[0])] == [1, 2, 3]
    assert found(replicas[0]) == []


def test_replica_with_an_outdated_index_overwrites_no_seal(
    audit: AuditTable, seals: SealTable, tables: Tables, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    seals.seal(TEAM, FIRST)
    before, logged = seals.seal_text(TEAM, 1), log.getvalue()
    audit.close(entry(1, 1))
    outdated = SealTable(tables, days=DAYS)
    monkeypatch.setattr(outdated, "_last", lambda _tenant: None)
    outdated.seal(TEAM, FIRST + MINUTE)
    assert seals.seal_text(TEAM, 1) == before
    assert log.getvalue().count("audit_sealed") == logged.count("audit_sealed")


def test_replica_with_a_clock_ahead_seals_no_entry_too_early(audit: AuditTable, seals: SealTable) -> None:
    """One replica is five minutes ahead, the other five behind, and a request takes ten seconds."""
    skew, now = 5 * MINUTE, FIRST
    seals.seal(TEAM, now + skew)
    slow_clock = now - skew
    audit.close(an_entry("late", at=slow_clock - timedelta(seconds=10), outcome="issued"))
    seals.seal(TEAM, now + skew + INTERVAL)
    assert found(seals, now=now + timedelta(hours=2)) == []
    assert [seal.count for seal in numbers(seals)] == [0, 1]


def test_replica_with_a_clock_behind_seals_nothing_twice(audit: AuditTable, seals: SealTable) -> None:
    audit.close(entry(1, 1))
    seals.seal(TEAM, FIRST)
    seals.seal(TEAM, FIRST - 5 * MINUTE)
    seals.seal(TEAM, FIRST + 5 * MINUTE)
    assert [seal.number for seal in numbers(seals)] == [1]


def test_two_days_without_a_bot_are_sealed_at_its_next_start(audit: AuditTable, seals: SealTable) -> None:
    seals.seal(TEAM, FIRST)
    for number, hour in enumerate((1, 20, 30, 47)):
        audit.open(entry(number, hour * 60, source=Source.CLI, action="map", outcome="done"))
    back = FIRST + timedelta(days=2)
    assert verification(seals, now=back).run(stamp(NOON), stamp(back)) == []
    seals.seal(TEAM, back)
    made = numbers(seals)
    assert [(seal.number, seal.count) for seal in made] == [(1, 0), (2, 2), (3, 2)]
    assert [seal.begin for seal in made[1:]] == [seal.end for seal in made[:-1]]
    assert found(seals, now=back) == []


def test_silent_intervals_are_sealed_empty(tables: Tables, seals: SealTable) -> None:
    for number in range(4):
        seals.seal(TEAM, FIRST + number * INTERVAL)
    assert [seal.count for seal in numbers(seals)] == [0, 0, 0, 0]
    audit = AuditTable(tables, days=DAYS)
    audit.open(entry(1, 20, outcome="denied"))
    assert found(seals) == [("request-1", "added")]


def test_seal_whose_answer_was_lost_is_logged_once(
    seals: SealTable, local_aws: ListeningAws, log: io.StringIO
) -> None:
    local_aws.inject("PutItem", Fault("InternalServerError", status=500, served=True))
    seals.seal(TEAM, FIRST)
    assert log.getvalue().count("audit_sealed") == 1
    assert [seal.number for seal in numbers(seals)] == [1]


def test_unreadable_last_seal_stops_sealing_and_says_so(
    tables: Tables,
    sealed: list[Entry],  # noqa: ARG001 - what is attacked
    seals: SealTable,
) -> None:
    rewrite(tables, seal_key(TEAM, 3), text="{}")
    with pytest.raises(StoreError, match="00000003, cannot be read: run `studio-links audit verify`"):
        seals.seal(TEAM, FIRST + 3 * INTERVAL)


def test_verify_writes_nothing(
    sealed: list[Entry], seals: SealTable, local_aws: ListeningAws, tables: Tables
) -> None:
    rewrite(tables, sealed[0].id, outcome="denied")
    before = len(local_aws.sent)
    assert found(seals)
    assert {operation for operation, _ in local_aws.sent[before:]} <= {"Query", "GetItem"}


# The command

DAY = f"{NOON:%Y-%m-%d}"


def verify(*arguments: str, code: int = 0) -> "CompletedProcess[str]":
    environment = {"STUDIO_TABLE_PREFIX": "contract-", "STUDIO_TEAMS": TEAM}
    ended = run_command("audit", "verify", *arguments, environment=environment)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended


def test_command_says_that_everything_fits(sealed: list[Entry]) -> None:  # noqa: ARG001 - what is verified
    lines = verify("--from", DAY, "--to", DAY).stdout.splitlines()
    assert lines[0] == f"{TEAM}: 7 entries, 6 of them under 3 seals"
    assert "1 are not sealed yet; a running bot seals them within 35 minutes" in lines
    assert lines[-1] == "everything fits"


def test_command_names_the_first_break_and_exits_with_1(tables: Tables, sealed: list[Entry]) -> None:
    rewrite(tables, sealed[1].id, outcome="denied")
    delete(tables, sealed[4].id)
    ended = verify("--from", DAY, "--to", DAY, code=1)
    at = stamp(sealed[1].at)
    first = f"{sealed[1].id} of {at} is changed (seal 1 has another digest of it), and 1 more do not fit"
    assert ended.stderr == (
        f"studio-links: the audit was tampered with: {first}. Keep the table as it is, and see "
        "docs/OPERATIONS.md#the-audit-was-tampered-with\n"
    )
    assert ended.stdout.splitlines()[-2].split("\t")[1:3] == [sealed[1].id, "changed"]


def test_command_prints_json(tables: Tables, sealed: list[Entry]) -> None:
    result = json.loads(verify("--from", DAY, "--to", DAY, "--json").stdout)
    [workspace] = result["workspaces"]
    assert (result["ok"], result["first"], workspace["tenant"], workspace["entries"]) == (True, None, TEAM, 7)
    assert workspace["last_seal"]["number"] == 3
    delete(tables, sealed[4].id)
    result = json.loads(verify("--from", DAY, "--to", DAY, "--json", code=1).stdout)
    assert result["workspaces"][0]["breaks"] == [result["first"]]
    assert (result["ok"], result["first"]["id"], result["first"]["what"]) == (False, sealed[4].id, "missing")


def test_command_reads_a_witness(tables: Tables, sealed: list[Entry], log: io.StringIO, tmp_path: Path) -> None:
    witness = tmp_path / "bot.log"
    witness.write_text(log.getvalue())
    assert "7 are in the witness" in verify("--from", DAY, "--to", DAY, "--witness", str(witness)).stdout
    rewrite(tables, sealed[6].id, outcome="denied")
    ended = verify("--from", DAY, "--to", DAY, "--witness", str(witness), code=1)
    assert f"{sealed[6].id} of" in ended.stderr


def test_command_refuses_a_witness_that_has_nothing(sealed: list[Entry], tmp_path: Path) -> None:  # noqa: ARG001
    witness = tmp_path / "other.log"
    witness.write_text("nothing of ours\n")
    ended = verify("--witness", str(witness), code=1)
    assert "has no line about the audit of this workspace" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2030-01-02", "--to", "2030-01-01"), "--to is before --from"),
        (("--from", "yesterday"), "does not match the format"),
        (("--witness", "/no/such/file"), "No such file"),
    ],
)
def test_command_refuses_odd_options(tables: Tables, arguments: tuple[str, ...], words: str) -> None:  # noqa: ARG001
    assert words in " ".join(verify(*arguments, code=2).stderr.replace("│", " ").split())


def test_command_without_seals_says_what_is_not_proven(audit: AuditTable) -> None:
    audit.close(entry(1, 1))
    lines = verify("--from", DAY, "--to", DAY).stdout.splitlines()
    assert lines[-1] == "nothing was sealed, so nothing could be checked: a running bot seals the audit"
