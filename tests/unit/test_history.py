"""The audit in sentences, for the shell and for Slack."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.admin.commands import OUTCOMES, AdminCommand
from bot.admin.history import batches, short_name
from bot.admin.results import Page
from bot.admin.specs import Name, Verb
from bot.cli import history
from bot.core import audit
from bot.core.access import Effect, Grant, Lockdown, Mapping
from bot.core.link import Source
from bot.core.records import Actor, Entry
from bot.slack.admin.records import page
from bot.slack.blocks import RenderContext
from bot.slack.words import CATALOGUES
from tests.fakes import NOON, TEAM, an_entry

pytestmark = pytest.mark.public(30)

ADA = Actor("cli:arn:aws:sts::123456789012:assumed-role/Admins/ada", Source.CLI)
END_OF_DAY = datetime(2030, 12, 28, tzinfo=UTC)
MAPPING = Mapping("default", "d-research", "ben")
RULE = Grant("U0BEN", Effect.ALLOW, END_OF_DAY, "Q3 forecast")


def changed(action: str, outcome: str = audit.DONE, **records: Any) -> Entry:
    return audit.changed(action, ADA, TEAM, "U0BEN", NOON, outcome=outcome, **records)


def shell(*entries: Entry) -> list[str]:
    return [history._sentence(batch) for batch in batches(entries)]


def slack(*entries: Entry, language: str = "en", **fields: str) -> str:
    command = AdminCommand(Verb.HISTORY, {Name(name): text for name, text in fields.items()})
    message = page(Page(command, entries), RenderContext(CATALOGUES[language]), NOON)
    return "\n".join(block["text"]["text"] for block in message.blocks if block["type"] == "section")


ASKED = {"request": "a" * 32, "days": 30}
SENTENCES = {
    "request": (changed("request", after=ASKED), "cli:ada asked for access for 30 days"),
    "request for a day": (changed("request", after={**ASKED, "days": 1}), "cli:ada asked for access for one day"),
    "withdrawn": (changed("request", "withdrawn", after=ASKED), "cli:ada's request was withdrawn"),
    "allow": (changed("allow", after=RULE), "cli:ada allowed U0BEN until Dec 27, 2030 (Q3 forecast)"),
    "allow until a time": (
        changed("allow", after=replace(RULE, until=END_OF_DAY + timedelta(hours=18), reason="")),
        "cli:ada allowed U0BEN until Dec 28, 2030, 18:00 UTC",
    ),
    "deny": (changed("deny", after=Grant("U0BEN", Effect.DENY)), "cli:ada blocked U0BEN"),
    "admin": (changed("admin", after=Grant("U0BEN", Effect.ADMIN)), "cli:ada made U0BEN an administrator"),
    "map": (changed("map", after=MAPPING), "cli:ada mapped U0BEN to ben in d-research"),
    "unmap": (changed("unmap", before=MAPPING), "cli:ada removed U0BEN's mapping to ben in d-research"),
    "forget": (changed("forget", before={"allow": RULE}), "cli:ada removed all rules of U0BEN: allow"),
    "lockdown on": (
        changed("lockdown", after=Lockdown("incident 42")),
        "cli:ada stopped links for everyone (incident 42)",
    ),
    "lockdown off": (
        changed("lockdown", before=Lockdown("incident 42")),
        "cli:ada lifted the lockdown (incident 42)",
    ),
    "import": (
        changed("import", after={"mapping#default": MAPPING, "grant#allow": RULE}),
        "cli:ada imported mapping default, grant allow of U0BEN",
    ),
    "approved": (changed("decide", "approved", detail="Q3"), "cli:ada approved U0BEN's request (Q3)"),
    "not approved": (changed("decide", "deny_stands"), "cli:ada: decide for U0BEN, deny_stands"),
    "issued": (
        replace(an_entry("x"), actor="U0BEN", outcome="issued", profile_name="ben", domain_id="d-x"),
        "U0BEN got a link to ben in d-x, and has not opened it",
    ),
    "refused": (
        replace(an_entry("x"), actor="U0BEN", outcome="denied", detail="deny U0BEN"),
        "U0BEN got no link: denied (deny U0BEN)",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_entry_is_shown_as_a_sentence(case: str) -> None:
    entry, expected = SENTENCES[case]

    assert shell(entry) == [expected]


def test_end_in_the_same_year_has_no_year() -> None:
    this_year = datetime.now(UTC).year
    assert history.when(datetime(this_year, 12, 28, tzinfo=UTC)) == "Dec 27"


def test_request_and_decision_are_one_line_each() -> None:
    for action, outcome in (("request", audit.DONE), ("decide", "approved"), ("decide", "denied")):
        assert "a" * 32 not in slack(changed(action, outcome, after=ASKED))
    assert "a" * 32 in slack(changed("decide", "gone", after=ASKED))


@pytest.mark.parametrize("action", [audit.LINK, "request", "decide", "admin", "form", *Verb, "import", "sync"])
def test_every_entry_has_a_sentence_in_each_language(action: str) -> None:
    for outcome in OUTCOMES:
        entry = replace(an_entry("x"), action=action, outcome=outcome)
        assert entry.actor in shell(entry)[0]
        for language in CATALOGUES:
            assert f"<@{entry.actor}>" in slack(entry, language=language)


@pytest.mark.parametrize("language", CATALOGUES)
def test_slack_tells_who_until_when_and_why(language: str) -> None:
    entry = replace(changed("allow", after=RULE), actor="U0ADA")
    said = slack(entry, language=language)

    assert "<@U0ADA>" in said
    assert "<@U0BEN>" in said
    assert f"<!date^{int(END_OF_DAY.timestamp())}^" in said
    assert "(`Q3 forecast`)" in said
    assert len(said.splitlines()) == 2  # the heading and one line


def imported(number: int) -> list[Entry]:
    return [
        replace(changed("import", after={"grant#allow": RULE}), subject=f"U0{n}", attempt="one")
        for n in range(number)
    ]


def test_import_is_one_line_that_opens() -> None:
    other = replace(changed("import", after={"grant#allow": RULE}), attempt="two")
    entries = [other, *imported(40), changed("deny", after=Grant("U0BEN", Effect.DENY))]

    told = shell(*entries)

    assert len(told) == 3
    opens = f"history --by {ADA.name} --day {NOON:%Y-%m-%d}"
    assert told[1] == f"cli:ada changed 40 members in one import; `studio-links {opens}` lists them"
    assert f"`/studio admin {opens}` lists them" in slack(*entries)
    assert "lists them" not in slack(*entries, by=ADA.name)
    assert len(list(batches(entries, apart=True))) == 42


def test_actor_is_short() -> None:
    assert short_name("cli:arn:aws:iam::123456789012:root") == "cli:root"
    assert short_name("cli:key/AKIA") == "cli:key/AKIA"
    assert short_name("U0ADA") == "U0ADA"
