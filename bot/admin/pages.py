"""Read listings for administrators, page by page.

Each function returns a page, and where the next one begins: "" for nowhere.
"""

from datetime import datetime, timedelta
from itertools import dropwhile, islice

from bot.admin.changes import Admin
from bot.admin.commands import AdminCommand
from bot.admin.history import matches, same_batch
from bot.admin.listing import Listing, ordered
from bot.admin.results import Page, Record
from bot.admin.specs import Name
from bot.core.records import Entry

MEMBERS_A_PAGE, ENTRIES_A_PAGE, RECORDS_A_PAGE = 10, 15, 15
# The most entries to read for one page, so that a search for something rare ends in time.
MAX_CHECKED = 2000
# The resolution of the audit's times.
SMALLEST_STEP = timedelta(microseconds=1)


def page_of_records(admin: Admin, tenant: str, command: AdminCommand, after: str) -> tuple[Page, str]:
    access, start = admin.rules_of(tenant, command.principal), int(after or 0)
    mappings = sorted(access.mappings, key=lambda mapping: mapping.alias)
    records: list[Record] = [*access.grants, *access.unreadable, *mappings]
    end = start + RECORDS_A_PAGE
    return Page(command, tuple(records[start:end])), str(end) if len(records) > end else ""


def page_of_members(listing: Listing, tenant: str, command: AdminCommand, after: str) -> tuple[Page, str]:
    """Read a page of the members that the command lists, sorted within the page.

    The next page begins in the same chunk, behind the last one shown, or with the next chunk.
    """
    chunk, _, last = after.partition(" ")
    found, _, next_chunk = listing.read(tenant, command, chunk)
    rows = ordered(found, command)
    ids = [row.principal for row in rows]
    start = ids.index(last) + 1 if last in ids else 0
    page = rows[start : start + MEMBERS_A_PAGE]
    here = start + MEMBERS_A_PAGE < len(rows)
    goes_on = f"{chunk} {page[-1].principal}" if here else next_chunk
    return Page(command, tuple(page), counts=(start + 1, start + len(page), len(rows))), goes_on


def page_of_entries(admin: Admin, tenant: str, command: AdminCommand, after: str) -> tuple[Page, str]:
    """Read a page of the audit, on which an import counts once unless `--by` lists its entries.

    The next page begins after the last entry that was checked, shown or not.
    """
    at, _, last = after.partition(" ")
    start, end = command.span(admin.now())
    before = datetime.fromisoformat(at) + SMALLEST_STEP if at else end
    entries = admin.history(tenant, command.principal or None, start, MAX_CHECKED * 2, before=before)
    if last:  # skip the entries of the same moment that were checked before
        entries = islice(dropwhile(lambda entry: entry.id != last, entries), 1, None)
    page: list[Entry] = []
    looked_at: Entry | None = None
    lines = 0
    for number, entry in enumerate(entries):
        goes_on = bool(page) and Name.BY not in command.fields and same_batch(page[-1], entry)
        full = lines == ENTRIES_A_PAGE and not goes_on
        if looked_at is not None and (full or number == MAX_CHECKED):
            searched_to = None if full else looked_at.at
            return Page(command, tuple(page), searched_to=searched_to), f"{looked_at.at.isoformat()} {looked_at.id}"
        looked_at = entry
        if matches(entry, **command.filters):
            page.append(entry)
            lines += not goes_on
    return Page(command, tuple(page)), ""
