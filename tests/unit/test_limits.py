"""The numbers behind limits that other tests import: here a changed number fails a test."""

from datetime import timedelta

import pytest

from bot.admin import access_requests, bulk_import, changes, csv_file, pages
from bot.core import approval_rules, values
from bot.links import sign_in, status
from bot.serving import health, server, wsgi
from bot.slack import client, gateway, response_url, socket_connection
from bot.store import access_requests as request_store
from bot.store import audit, confirmations, runtime

LIMITS: dict[str, tuple[object, object]] = {
    "seconds to gather facts for a link": (sign_in.GATHER_TIMEOUT, 3.5),
    "seconds until a link is requested from AWS": (sign_in.ACT_TIMEOUT, 5.5),
    "seconds until the last check ends": (sign_in.RECHECK_TIMEOUT, 6.3),
    "seconds for which facts are current": (sign_in.FRESH_FOR, 0.5),
    "seconds to gather facts for a status": (status.GATHER_TIMEOUT, 3.5),
    "links in a status": (status.LAST_LINKS, 5),
    "days that a status looks back": (status.LOOK_BACK, timedelta(days=30)),
    "entries that a status reads": (status.MAX_READ, 100),
    "seconds that a request waits for a worker": (gateway.MAX_WAIT, 3.0),
    "seconds for a reply to Slack": (response_url.TIMEOUT, 1.5),
    "seconds for a call of Slack": (client.API_TIMEOUT, 2),
    "bytes of a request": (wsgi.MAX_BODY_BYTES, 65_536),
    "bytes buffered for Socket Mode": (socket_connection.MAX_BUFFERED_BYTES, 1_048_576),
    "seconds between SIGTERM and the end": (server.GRACE, 12.0),
    "seconds for which a health check is current": (health.FRESH, 2.0),
    "seconds for which metrics reuse a health check": (health.RECENT, 15.0),
    "time in which an access request is open": (access_requests.OPEN_FOR, timedelta(days=7)),
    "days of access to choose from": (approval_rules.DAYS, (1, 7, 30, 90, None)),
    "time for which a closed request is kept": (request_store.KEPT_AFTER, timedelta(days=30)),
    "time for which a confirmation is kept": (confirmations.KEPT_AFTER, timedelta(hours=1)),
    "time for which a member's choice is kept": (runtime.CHOICE_KEPT, timedelta(days=180)),
    "time for which a message is updated": (runtime.MESSAGE_KEPT, timedelta(minutes=30)),
    "tries to record a request": (audit.TRIES, 11),
    "entries in a page of the audit": (audit.PAGE, 200),
    "group rules in a workspace": (changes.MAX_GROUP_RULES, 100),
    "mappings of a member": (csv_file.MAX_MAPPINGS, 40),
    "problems printed for a file": (csv_file.MAX_PROBLEMS, 100),
    "principals compared at once in an import": (bulk_import.AT_ONCE, 100),
    "members, entries and records in a listing": (
        (pages.MEMBERS_A_PAGE, pages.ENTRIES_A_PAGE, pages.RECORDS_A_PAGE),
        (10, 15, 15),
    ),
    "letters of a reason": (values.MAX_REASON, 500),
    "letters of a profile's name": (values.MAX_NAME, 63),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limit_has_its_documented_value(limit: str) -> None:
    actual, documented = LIMITS[limit]
    assert actual == documented
