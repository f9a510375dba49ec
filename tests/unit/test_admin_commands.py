"""Parsing of administrators' commands: complete or refused; members only as Slack names them."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.commands import OUTCOMES, AdminCommand, ParseError, Problem, build
from bot.admin.names import NameProblem, UnclearName
from bot.admin.specs import COMMAND_SPECS, Name, Verb
from bot.core.access import Effect
from bot.core.values import RESERVED_WORDS, USER_ID
from bot.slack.admin.parsing import GROUP, form_problems, parse_admin, parse_form
from tests.fakes import NOON

IN_SLACK = [verb for verb in Verb if COMMAND_SPECS[verb].in_slack]
ROLE = "arn:aws:iam::123456789012:role/r"
WEEK = (NOON + timedelta(days=7)).isoformat()
UNDERSTOOD: list[tuple[str, Verb, dict[str, str]]] = [
    ("list", Verb.LIST, {}),
    ("  LIST  ", Verb.LIST, {}),
    ("list <@U0ANA|ana>", Verb.LIST, {"search": "U0ANA"}),
    ("list “ana lima” --broken —no-rule", Verb.LIST, {"search": "ana lima", "broken": "yes", "no-rule": "yes"}),
    ("list --group <!subteam^S0TEAM|@team> --denied", Verb.LIST, {"group": "S0TEAM", "denied": "yes"}),
    ("list --expiring 7d", Verb.LIST, {"expiring": WEEK}),
    ("history", Verb.HISTORY, {}),
    ("show <@U0ANA>", Verb.SHOW, {"user": "U0ANA"}),
    ("show <@U0ANA|ana>", Verb.SHOW, {"user": "U0ANA"}),
    ("show <@W0ANA|ana maria>", Verb.SHOW, {"user": "W0ANA"}),
    ("show U0ANA", Verb.SHOW, {"user": "U0ANA"}),
    ("show \u00a0U0ANA\u2003", Verb.SHOW, {"user": "U0ANA"}),
    ("deny <!subteam^S0TEAM|@team>", Verb.DENY, {"user": "S0TEAM"}),
    ("deny <!subteam^S0TEAM>", Verb.DENY, {"user": "S0TEAM"}),
    ("show <!subteam^S0TEAM>", Verb.SHOW, {"user": "S0TEAM"}),
    ("forget S0TEAM", Verb.FORGET, {"user": "S0TEAM"}),
    ("unmap --alias sandbox <@U0ANA>", Verb.UNMAP, {"user": "U0ANA", "alias": "sandbox"}),
    ("allow U0ANA --until 7d", Verb.ALLOW, {"user": "U0ANA", "until": WEEK}),
    ("allow U0ANA --UNTIL=7d", Verb.ALLOW, {"user": "U0ANA", "until": WEEK}),
    *((f"allow U0ANA {dash}until 7d", Verb.ALLOW, {"user": "U0ANA", "until": WEEK}) for dash in "—–‒―−"),
    ("allow U0ANA ——until 7d", Verb.ALLOW, {"user": "U0ANA", "until": WEEK}),
    *(
        (
            f"deny U0ANA --reason {one}laptop — stolen --until now{two}",
            Verb.DENY,
            {"reason": "laptop — stolen --until now"},
        )
        for one, two in ('""', "''", "“”", "„“", "«»", "»«", "‘’", "‚‘", '“"')
    ),
    ("deny U0ANA --reason “Ana’s laptop”", Verb.DENY, {"reason": "Ana’s laptop"}),
    ("deny U0ANA --reason 'Ana's laptop'", Verb.DENY, {"reason": "Ana's laptop"}),
    ('deny U0ANA --reason="two words" --until=7d', Verb.DENY, {"reason": "two words", "until": WEEK}),
    ('deny U0ANA --reason "&lt;b&gt; &amp;amp; c"', Verb.DENY, {"reason": "<b> &amp; c"}),
    ('deny U0ANA --reason "two\n  lines"', Verb.DENY, {"reason": "two lines"}),
    ("deny U0ANA --reason it's", Verb.DENY, {"reason": "it's"}),
    (
        f"map U0ANA --domain d-a --profile ana --role-arn {ROLE} --landing app:Canvas:x --session-seconds 1800",
        Verb.MAP,
        {"domain": "d-a", "role-arn": ROLE, "session-seconds": "1800"},
    ),
    (
        "history <@U0ANA> --by U0ADA --outcome done --day 2030-01-01",
        Verb.HISTORY,
        {"by": "U0ADA", "day": "2030-01-01"},
    ),
    ("history --by Admins/ada", Verb.HISTORY, {"by": "Admins/ada"}),
    ("show @ana", Verb.SHOW, {"user": "U0ANA"}),
    ("show ana@example.com", Verb.SHOW, {"user": "U0ANA"}),
    ("show <mailto:ana@example.com|ana@example.com>", Verb.SHOW, {"user": "U0ANA"}),
    ("history --approver @ada --domain d-a", Verb.HISTORY, {"approver": "U0ADA", "domain": "d-a"}),
    ("history --by @ada", Verb.HISTORY, {"by": "U0ADA"}),
    ("history --by ada@example.com", Verb.HISTORY, {"by": "U0ADA|ada@example.com"}),
    ("history --by cli@example.com", Verb.HISTORY, {"by": "cli@example.com"}),
    ("lockdown on --reason “incident 42”", Verb.LOCKDOWN, {"state": "on", "reason": "incident 42"}),
    ("lockdown OFF", Verb.LOCKDOWN, {"state": "off"}),
    ("history --since 7d", Verb.HISTORY, {"since": (NOON - timedelta(days=7)).isoformat()}),
]
NOT_UNDERSTOOD: list[tuple[str, Problem, str]] = [
    ("frobnicate", Problem.UNKNOWN_VERB, "frobnicate"),
    ("admin U0ANA", Problem.UNKNOWN_VERB, "admin"),
    ("&lt;b&gt;", Problem.UNKNOWN_VERB, "<b>"),
    ("—", Problem.UNKNOWN_VERB, "—"),
    ("--user U0ANA", Problem.UNKNOWN_VERB, "--user"),
    ("deny", Problem.MISSING, "user"),
    ("map U0ANA --profile ana", Problem.MISSING, "domain"),
    ("deny U0ANA --alias x", Problem.UNKNOWN_OPTION, "alias"),
    ("deny --user U0ANA", Problem.UNKNOWN_OPTION, "user"),
    ("deny U0ANA —Untill 7d", Problem.UNKNOWN_OPTION, "Untill"),
    ("deny U0ANA U0BEN", Problem.TOO_MUCH, "U0BEN"),
    ("list ana lima", Problem.TOO_MUCH, "lima"),
    ("deny U0ANA --reason laptop stolen", Problem.TOO_MUCH, "stolen"),
    ("deny U0ANA -until 7d", Problem.TOO_MUCH, "-until"),
    ("deny U0ANA --reason", Problem.NO_VALUE, "reason"),
    ("deny U0ANA --reason --until 7d", Problem.NO_VALUE, "reason"),
    ("deny U0ANA --reason —until 7d", Problem.NO_VALUE, "reason"),
    ('deny U0ANA --reason ""', Problem.NO_VALUE, "reason"),
    ("deny U0ANA --reason a —reason b", Problem.TWICE, "reason"),
    ("deny U0ANA --reason “laptop", Problem.OPEN_QUOTE, "“laptop"),
    ('deny U0ANA --reason "a"b', Problem.OPEN_QUOTE, '"a"b'),
    ("lockdown", Problem.MISSING, "state"),
    ("lockdown on", Problem.MISSING, "reason"),
    ("lockdown maybe --reason x", Problem.BAD_VALUE, "maybe"),
    ("lockdown on off --reason x", Problem.TOO_MUCH, "off"),
    ("lockdown <@U0ANA> --reason x", Problem.BAD_VALUE, "<@U0ANA>"),
    ("deny ana", Problem.BAD_VALUE, "ana"),
    ("deny u0ana", Problem.BAD_VALUE, "u0ana"),
    ("deny WALTER", Problem.BAD_VALUE, "WALTER"),
    ("deny SALLY", Problem.BAD_VALUE, "SALLY"),
    ("deny C0GENERAL01", Problem.BAD_VALUE, "C0GENERAL01"),
    ("deny <#C0GENERAL01|general>", Problem.BAD_VALUE, "<#C0GENERAL01|general>"),
    ("deny <!channel>", Problem.BAD_VALUE, "<!channel>"),
    ("deny <@U0ANA>x", Problem.BAD_VALUE, "<@U0ANA>x"),
    ('deny "<@U0ANA>"', Problem.BAD_VALUE, "<@U0ANA>"),
    ("deny &lt;@U0ANA&gt;", Problem.BAD_VALUE, "<@U0ANA>"),
    ("explain <!subteam^S0TEAM>", Problem.BAD_VALUE, "S0TEAM"),
    ("map S0TEAM --domain d-a --profile ana", Problem.BAD_VALUE, "S0TEAM"),
    ("deny U0ANA --until tomorrow", Problem.BAD_VALUE, "tomorrow"),
    ("deny U0ANA --reason " + "x" * 501, Problem.BAD_VALUE, "x" * 501),
    ("history --day 2030-13-01", Problem.BAD_VALUE, "2030-13-01"),
    ("history --outcome Done!", Problem.BAD_VALUE, "Done!"),
    ("history --outcome allright", Problem.BAD_VALUE, "allright"),
    ("history --by ada!", Problem.BAD_VALUE, "ada!"),
    ("history --since 7d --day 2030-01-01", Problem.EXCLUSIVE, "day"),
    ("history --since soon", Problem.BAD_VALUE, "soon"),
    ("map U0ANA --domain D --profile ana", Problem.BAD_VALUE, "D"),
    ("map U0ANA --domain d-a --profile -ana", Problem.BAD_VALUE, "-ana"),
    ("map U0ANA --domain d-a --profile ana --alias admin", Problem.BAD_VALUE, "admin"),
    ("map U0ANA --domain d-a --profile ana --role-arn arn:x", Problem.BAD_VALUE, "arn:x"),
    ("map U0ANA --domain d-a --profile ana --session-seconds 13h", Problem.BAD_VALUE, "13h"),
    ("map U0ANA --domain d-a --profile ana --landing laboratory", Problem.BAD_VALUE, "laboratory"),
    ("map U0ANA --domain d-a --profile ana --session-seconds 99", Problem.BAD_VALUE, "99"),
    ("map U0ANA --domain d-a --profile ana --session-seconds ２000", Problem.BAD_VALUE, "２000"),
    ("map U0ANA --domain d-a --profile ana --landing http://x", Problem.BAD_VALUE, "http://x"),
]


def find_id(name: str) -> str:
    """Find those who are named after themselves: `@ana` and `ana@…` are U0ANA."""
    if not (known := re.fullmatch(r"@?(ana|ada)(@example\.com)?", name)):
        raise UnclearName(NameProblem.NOBODY, name)
    return f"U0{known[1].upper()}"


def parse(text: str) -> AdminCommand:
    return parse_admin(text, NOON, find_id)


@pytest.mark.parametrize(("text", "verb", "fields"), UNDERSTOOD, ids=[text for text, _, _ in UNDERSTOOD])
def test_parse_admin_understands(text: str, verb: Verb, fields: dict[str, str]) -> None:
    command = parse(text)
    assert command.verb is verb
    assert {name: value for name, value in command.fields.items() if name in fields} == fields
    if not fields:
        assert command.fields == {}


@pytest.mark.parametrize(("text", "problem", "what"), NOT_UNDERSTOOD, ids=[text for text, _, _ in NOT_UNDERSTOOD])
def test_parse_admin_refuses(text: str, problem: Problem, what: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert caught.value.problem is problem
    assert what in (caught.value.value, caught.value.field)


@pytest.mark.parametrize("verb", IN_SLACK)
def test_parse_admin_understands_the_examples(verb: Verb) -> None:
    typed = re.sub(r"@\w+", "<@U0ANA|ana>", COMMAND_SPECS[verb].example)
    assert parse(typed).verb is verb
    assert verb in RESERVED_WORDS or verb.value


@pytest.mark.parametrize(
    "outcome",
    [
        *("issued", "undelivered", "requested", "done", "not_allowed", "approved", "denied", "withdrawn", "ran_out"),
        *("joined", "taken_back", "own_request", "not_an_admin", "needs_mapping", "invalid_form"),
    ],
)
def test_history_takes_every_outcome_that_the_audit_writes(outcome: str) -> None:
    assert outcome in OUTCOMES
    assert parse(f"history --outcome {outcome}").fields == {"outcome": outcome}
    assert parse_form(Verb.HISTORY, {"outcome": outcome}, NOON).fields == {"outcome": outcome}


def test_command_builds_its_mapping_and_grant() -> None:
    command = parse("map U0ANA --domain d-a --profile ana")
    assert (command.mapping().alias, command.mapping().domain_id, command.alias) == ("default", "d-a", None)
    grant = parse("allow U0ANA --until 7d --reason x").grant()
    assert (grant.effect, grant.until, grant.reason) == (Effect.ALLOW, NOON + timedelta(days=7), "x")
    assert parse("deny U0ANA").grant().until is None


pieces = st.sampled_from(
    [
        *Verb, *(f"--{name}" for name in Name), "—reason", "–until=", "--reason=", "--",
        "<@U0ANA|ana>", "<!subteam^S0TEAM>", "U0BEN", "@ana", "30d", "d-a", "ana",
        '"', "“", "”", "'", "’", "„", " ", "\n", "<", ">", "&lt;", "=", "x",
    ]
)  # fmt: skip


@given(
    st.text(max_size=60) | st.lists(pieces, max_size=12).map(" ".join) | st.lists(pieces, max_size=12).map("".join)
)
def test_parse_admin_understands_all_of_a_text_or_nothing(text: str) -> None:
    try:
        command = parse(text)
    except (ParseError, UnclearName):
        return
    spec = COMMAND_SPECS[command.verb]
    assert spec.required <= set(command.fields) <= set(spec.fields)
    assert (
        build(command.verb, {Name(name): text for name, text in command.fields.items()}, NOON) == command
    )  # the stored text has the same meaning
    for name in (Name.USER, Name.BY):
        if "@a" not in text and USER_ID.fullmatch(command.fields.get(name, "")):  # only members that the text names
            assert re.search(rf"(?<![A-Z0-9]){command.fields[name]}(?![A-Z0-9])", text)
    if not spec.reads and command.verb is not Verb.LOCKDOWN:
        assert command.principal


@given(st.text(max_size=40))
def test_quoted_text_is_never_an_option(text: str) -> None:
    kept = " ".join(text.split())
    if not kept or re.search(r"[\"“”„‟«»]", text):
        return
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert parse(f'deny U0ANA --reason "{escaped}"').reason == kept


# Forms


def test_parse_form_takes_a_member_or_a_group() -> None:
    user, group = {"user": "U0ANA"}, {GROUP: " S0TEAM "}
    assert parse_form(Verb.DENY, user, NOON).principal == "U0ANA"
    assert parse_form(Verb.DENY, group, NOON).principal == "S0TEAM"
    for values, problem in (
        ({**user, **group}, Problem.MISSING),
        ({}, Problem.MISSING),
        ({GROUP: "x"}, Problem.BAD_VALUE),
    ):
        with pytest.raises(ParseError) as caught:
            parse_form(Verb.DENY, values, NOON)
        assert (caught.value.problem, caught.value.field) == (problem, Name.USER)


def test_parse_form_reads_a_day_until_its_end() -> None:
    command = parse_form(Verb.ALLOW, {"user": "U0ANA", "until": "2030-01-02", "reason": ""}, NOON)
    assert command.until == NOON.replace(day=3, hour=0)
    assert Name.REASON not in command.fields


@given(st.sampled_from(list(Verb)), st.dictionaries(st.sampled_from([*Name, GROUP]), st.text(max_size=20)))
def test_parse_form_understands_all_of_a_form_or_nothing(verb: Verb, values: dict[str, str]) -> None:
    try:
        command = parse_form(verb, values, NOON)
    except ParseError:
        return
    assert COMMAND_SPECS[verb].required <= set(command.fields)


def test_landing_page_is_an_app_and_a_session_takes_hours() -> None:
    mapping = parse("map U0ANA --domain d-a --profile ana --landing Lab --session-seconds 8h").mapping()
    assert (mapping.landing_uri, mapping.session_seconds) == ("app:JupyterLab:", 8 * 3600)


@pytest.mark.parametrize(
    ("verb", "values", "fields"),
    [
        (Verb.MAP, {"domain": "D", "profile": "-", "alias": "admin", "session-seconds": "1"}, 5),
        (Verb.MAP, {"user": "U0ANA", "domain": "d-a", "profile": "ana"}, 0),
        (Verb.ALLOW, {"user": "U0ANA", "group": "S0TEAM", "until": "soon"}, 2),
        (Verb.ALLOW, {"group": "TEAM", "until": "soon", "reason": "x" * 501}, 3),
        (Verb.LOCKDOWN, {"state": "on"}, 1),
        (Verb.LOCKDOWN, {}, 1),
        (Verb.HISTORY, {"since": "7d", "day": "2030-01-01", "outcome": "?"}, 2),
    ],
)
def test_form_shows_all_its_errors_at_once(verb: Verb, values: dict[str, str], fields: int) -> None:
    found = form_problems(verb, values, NOON)
    assert len({problem.field for problem in found}) == len(found) == fields
