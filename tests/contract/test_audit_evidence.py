"""The audit's evidence beside the table: a log line for each outcome, and digests that survive an erasure."""

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.audit import changed
from bot.core.errors import AlreadyRecorded, Changed
from bot.core.link import Source
from bot.core.records import Actor, Entry
from bot.store.access import AccessTable
from bot.store.audit import AuditTable, from_item
from bot.store.digests import commitment
from bot.store.digests import digest as digest_of
from bot.store.models import Tables, client_of
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping, an_entry

DAYS = 400
ISSUED = an_entry("request-1", outcome="issued", profile_name="ana", detail="by ana", link_sha256="0" * 64)
PSEUDONYM = "U0ERASED01"


@pytest.fixture
def access(tables: Tables) -> AccessTable:
    return AccessTable(tables, audit_days=DAYS)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "audit_entry"]


def raw(tables: Tables, entry_id: str) -> Any:
    """The item as DynamoDB has it."""
    name = tables.audit.Meta.table_name
    return client_of(tables.audit).get_item(TableName=name, Key={"id": {"S": entry_id}})["Item"]


def digest(tables: Tables, entry_id: str) -> str:
    return digest_of(raw(tables, entry_id))


def test_each_outcome_is_one_log_line(audit: AuditTable, tables: Tables, log: io.StringIO) -> None:
    assert audit.take(replace(ISSUED, outcome="requested"), at_most=5)
    assert lines(log) == []
    audit.close(ISSUED)
    audit.open(an_entry("refusal", BEN, outcome="not_a_member"))
    found = lines(log)
    assert [(line["id"], line["outcome"], line["subject"]) for line in found] == [
        ("request-1", "issued", ANA.user_id),
        ("refusal", "not_a_member", BEN.user_id),
    ]
    assert [line["digest"] for line in found] == [digest(tables, line["id"]) for line in found]
    whole = {"id", "tenant", "action", "outcome", "subject", "actor", "source", "at", "digest"}
    assert all(whole <= set(line) and line["at"] == NOON.isoformat() for line in found)


def test_only_the_first_press_is_a_log_line(audit: AuditTable, tables: Tables, log: io.StringIO) -> None:
    audit.close(ISSUED)
    for seconds in (5, 9):
        audit.opened(ANA, "request-1", NOON + timedelta(seconds=seconds))
    outcome, press = lines(log)
    assert "opened_at" not in outcome
    assert press["opened_at"] == (NOON + timedelta(seconds=5)).isoformat()
    assert press["digest"] == outcome["digest"] == digest(tables, "request-1")


def test_each_change_is_one_log_line(access: AccessTable, tables: Tables, log: io.StringIO) -> None:
    entry = changed("allow", Actor("cli:ada", Source.CLI), TEAM, ANA.user_id, NOON, after=a_grant())
    access.put_grant(TEAM, a_grant(), seen=access.read(ANA), entry=entry)
    [line] = lines(log)
    assert (line["action"], line["outcome"], line["actor"], line["source"]) == ("allow", "done", "cli:ada", "cli")
    assert line["digest"] == digest(tables, entry.id)


def test_change_that_was_not_made_is_no_log_line(access: AccessTable, log: io.StringIO) -> None:
    seen, entry = access.read(ANA), an_entry("change", action="allow", outcome="done")
    access.put_grant(TEAM, a_grant(), seen=seen, entry=entry)
    with pytest.raises(Changed):
        access.put_grant(TEAM, a_grant(), seen=seen, entry=replace(entry, id="another"))
    assert [line["id"] for line in lines(log)] == ["change"]


def test_log_line_has_no_free_text(audit: AuditTable, log: io.StringIO) -> None:
    audit.close(replace(ISSUED, detail="project Falcon", rule="allow ana"))
    assert "Falcon" not in log.getvalue()
    assert "link_sha256" not in log.getvalue()


def test_change_over_an_existing_entry_is_refused(access: AccessTable, audit: AuditTable) -> None:
    audit.close(ISSUED)
    entry = replace(ISSUED, action="map", outcome="done")
    with pytest.raises(Changed):
        access.put_records(ANA, [a_mapping()], seen=access.read(ANA), entry=entry)
    assert list(audit.of_day(TEAM, NOON.date())) == [ISSUED]


def test_refusal_over_a_complete_entry_is_refused(audit: AuditTable) -> None:
    audit.close(ISSUED)
    with pytest.raises(AlreadyRecorded):
        audit.open(replace(ISSUED, outcome="denied"))
    assert list(audit.of_day(TEAM, NOON.date())) == [ISSUED]


# Digests


def test_digest_is_that_of_the_stored_entry_however_it_is_read(audit: AuditTable, tables: Tables) -> None:
    entry = replace(ISSUED, before={"days": 7}, after={"until": NOON.isoformat(), "wish": "“Ärger”"})
    audit.close(entry)
    by_index = next(tables.audit.by_day.query(f"{TEAM}#{NOON:%Y-%m-%d}"))
    assert digest_of(by_index.to_dynamodb_dict()) == digest(tables, "request-1")


def test_entry_without_a_salt_has_a_digest(audit: AuditTable, tables: Tables) -> None:
    audit.close(ISSUED)
    item = tables.audit.get("request-1")
    item.update(actions=[tables.audit.salt.remove()])
    assert "salt" not in raw(tables, "request-1")
    assert digest(tables, "request-1")


def erasure() -> Entry:
    return changed("erase", Actor("cli:ada", Source.CLI), TEAM, PSEUDONYM, NOON + timedelta(days=1))


def pseudonymous(entry: Entry) -> Entry:
    return replace(entry, subject=PSEUDONYM, actor=PSEUDONYM, profile_name=None, detail=None)


def test_erasure_replaces_names_and_keeps_the_digest(audit: AuditTable, tables: Tables) -> None:
    audit.close(ISSUED)
    before = raw(tables, "request-1")
    audit.erase(erasure(), [pseudonymous(ISSUED)])
    after = raw(tables, "request-1")
    assert from_item(tables.audit.get("request-1")) == pseudonymous(ISSUED)
    assert digest_of(after) == digest_of(before)
    assert after["expires"] == before["expires"]
    assert before["salt"]["S"] not in str(after)  # without it nobody can try names
    record = tables.audit.get(after["erased_by"]["S"])
    assert record.after == {"entries": {"request-1": commitment(after)}}


def test_second_erasure_of_an_entry_keeps_the_digest(audit: AuditTable, tables: Tables) -> None:
    audit.close(ISSUED)
    before = digest(tables, "request-1")
    once = replace(ISSUED, subject=PSEUDONYM)
    audit.erase(erasure(), [once])
    audit.erase(erasure(), [replace(once, actor="U0ERASED02")])
    assert digest(tables, "request-1") == before


def test_erasure_of_many_entries_lists_each_once(
    audit: AuditTable, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.audit.ERASED_AT_ONCE", 10)
    entries = [an_entry(f"request-{number}", outcome="issued") for number in range(11)]
    for entry in entries:
        audit.open(entry)
    gone = an_entry("expired", outcome="issued")
    audit.erase(erasure(), [pseudonymous(entry) for entry in (*entries, gone)])
    records = [item for item in tables.audit.scan() if item.action == "erase"]
    assert [len(item.after["entries"]) for item in records] in ([10, 1], [1, 10])
    listed = [entry_id for item in records for entry_id in item.after["entries"]]
    assert sorted(listed) == sorted(entry.id for entry in entries)
    assert ANA.user_id not in {item.member for item in tables.audit.scan()}
