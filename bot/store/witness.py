"""Read what another system kept of the audit: the bot's log lines, or items of the table."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.admin.verification import Witness
from bot.core.audit import REQUESTED
from bot.core.seals import AuditRecord, parse_seal, stamp
from bot.store.digests import record_of, text


def read_witness(lines: Iterable[str]) -> Mapping[str, Witness]:
    """Return the witness of each workspace. Of several lines about one entry, the first counts.

    A line may have something before its JSON, as in CloudWatch's exports. It is one of:

    - a log line of the bot, `audit_entry` or `audit_sealed`;
    - a line of DynamoDB's export to S3: `{"Item": …}`;
    - a record of the table's stream: `{"dynamodb": {"NewImage": …}}`.

    Other lines are ignored.
    """
    found: defaultdict[str, Witness] = defaultdict(Witness)
    for value in _objects(lines):
        try:
            _take(found, value)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # a line that is none of ours
    return found


def _objects(lines: Iterable[str]) -> Iterator[Any]:
    for line in lines:
        try:
            yield json.loads(line[line.index("{") :])
        except ValueError:
            continue


def _take(found: defaultdict[str, Witness], value: Any) -> None:
    if value.get("event") == "audit_entry":
        pressed = value.get("opened_at")
        _keep(found[value["tenant"]], value["id"], _time(value["at"]), value["digest"], pressed and _time(pressed))
    elif value.get("event") == "audit_sealed":
        found[value["tenant"]].seals.setdefault(value["number"], (value["end"], value["hash"]))
    elif raw := value.get("Item") or value.get("dynamodb", {}).get("NewImage"):
        _take_item(found, raw)


def _take_item(found: defaultdict[str, Witness], raw: Any) -> None:
    tenant = text(raw, "day").partition("#")[0]
    if seal := parse_seal(text(raw, "text")):
        found[tenant].seals.setdefault(seal.number, (seal.end, seal.hash))
    elif text(raw, "outcome") not in ("", REQUESTED):
        record: AuditRecord = record_of(raw)
        _keep(found[tenant], record.id, record.at, record.digest, record.opened_at)


def _keep(witness: Witness, entry_id: str, at: str, digest: str, pressed: str | None) -> None:
    witness.outcomes.setdefault(entry_id, (at, digest))
    if pressed:
        witness.presses.setdefault(entry_id, pressed)


def _time(written: str) -> str:
    return stamp(datetime.fromisoformat(written))
