"""The CSV file of `import` and `export`: round trips, and problems with their lines."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.admin.csv_cells import safe_cell
from bot.admin.csv_file import COLUMNS, MAX_MAPPINGS, MAX_PROBLEMS, ParsedFile, read, write
from bot.admin.names import NameProblem, UnclearName
from bot.cli import transfer
from bot.core.access import Access, Effect, Grant, Mapping
from bot.core.values import CONTROL
from tests.fakes import NOON

CASES = Path(__file__).parents[1] / "data" / "csv"
HEADINGS = ",".join(COLUMNS) + "\n"
SHORT = "principal,kind,alias,domain,profile,until,reason\n"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:user-profile"


def lines(text: str) -> ParsedFile:
    return read(io.StringIO(text, newline=""), find_id)


def find_id(name: str) -> str:
    if name not in ("@ana", "ana@example.com"):
        raise UnclearName(NameProblem.NOBODY, name)
    return "U0ANA"


def test_member_is_named_by_address_or_user_name() -> None:
    rows = "ana@example.com,mapping,d-a,ana\n@ana,allow\nU0BEN,allow\n@eve,allow\neve@example.com,deny\n"
    parsed = lines(f"principal,kind,domain,profile\n{rows}")

    assert {user: (len(each.mappings), len(each.grants)) for user, each in parsed.target.items()} == {
        "U0ANA": (1, 1),
        "U0BEN": (0, 1),
    }
    assert [(each.line, each.column) for each in parsed.problems] == [(5, "A"), (6, "A")]


def problems(text: str) -> list[str]:
    return [str(problem) for problem in lines(text).problems]


def written(target: dict[str, Access]) -> str:
    return "".join(write(sorted(target.items())))


# Round trips

users = st.from_regex(r"[UW][A-Z0-9]{1,10}", fullmatch=True)
names = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,20}", fullmatch=True)
domains = st.from_regex(r"d-[a-z0-9]{1,12}", fullmatch=True)
# Control characters stay in the escaped form in which the file has them.
letters = st.characters(exclude_categories=["Cs"]).filter(lambda letter: not CONTROL.match(letter))
reasons = st.text(letters, max_size=60) | st.text("=+-@'\",;|\t\r\n ab＝", max_size=12)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them so


@st.composite
def mappings(draw: st.DrawFn, alias: str) -> Mapping:
    domain, name = draw(domains), draw(names)
    return Mapping(
        alias=alias,
        domain_id=domain,
        profile_name=name,
        region=draw(st.none() | st.just("eu-central-1")),
        role_arn=draw(st.none() | st.just("arn:aws:iam::123456789012:role/studio/broker")),
        space_name=draw(st.none() | names),
        landing_uri=draw(st.none() | st.sampled_from(["app:JupyterLab:lab/tree,=1;+2", 'studio::x"y'])),
        session_seconds=draw(st.none() | st.integers(1800, 43200)),
        profile_arn=draw(st.none() | st.just(f"{ARN}/{domain}/{name}")),
    )


@st.composite
def accesses(draw: st.DrawFn, user: str) -> Access:
    aliases = draw(st.lists(st.sampled_from(["default", "sandbox", "a-1"]), unique=True))
    effects = draw(st.lists(st.sampled_from(list(Effect)), unique=True, min_size=0 if aliases else 1))
    return Access(
        tuple(draw(mappings(alias)) for alias in sorted(aliases)),
        tuple(Grant(user, effect, draw(st.none() | times), draw(reasons)) for effect in sorted(effects)),
    )


@st.composite
def files(draw: st.DrawFn) -> dict[str, Access]:
    target = {user: draw(accesses(user)) for user in draw(st.lists(users, unique=True, max_size=4))}
    holders: dict[tuple[str, str], str] = {}
    for user, access in target.items():
        kept = [
            mapping
            for mapping in access.mappings
            if holders.setdefault((mapping.domain_id, mapping.profile_name.lower()), user) == user
        ]
        target[user] = Access(tuple(kept), access.grants)
    return {user: access for user, access in target.items() if access != Access()}


@given(files())
def test_csv_file_round_trips_byte_by_byte(target: dict[str, Access]) -> None:
    text = written(target)

    parsed = lines(text)

    assert parsed.problems == []
    assert parsed.target == target
    assert written(parsed.target) == text


@given(files())
def test_read_ignores_byte_order_mark_line_ends_and_column_order(target: dict[str, Access]) -> None:
    rows = list(csv.DictReader(io.StringIO(written(target), newline="")))
    again = io.StringIO(newline="")
    again.write("\ufeff\r\n\r\n")
    writer = csv.DictWriter(again, COLUMNS[::-1], lineterminator="\r\n\r\n")
    writer.writeheader()
    writer.writerows(rows)

    assert lines(again.getvalue()).target == target


@given(reasons)
def test_written_cells_never_start_a_formula(reason: str) -> None:
    for cell in re.split(r"[,;|\t\r\n]", safe_cell(reason)):
        assert cell.lstrip(" ")[:1] not in set("=+-@＝＋－＠")


@given(st.text() | st.text('principal,kind"\n\r;U0A' + "allow", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    parsed = lines(text)
    assert parsed.problems or parsed.target or parsed.rows == 0


@given(st.text(max_size=30))
def test_any_row_is_read_or_refused(cell: str) -> None:
    row = io.StringIO(newline="")
    csv.writer(row).writerow(["U0A", cell, cell, cell, cell, cell, cell])
    parsed = lines(SHORT + row.getvalue())
    assert parsed.problems or not parsed.target


# Files written by hand


def test_read_accepts_files_without_unused_columns() -> None:
    parsed = lines("kind,principal,Until\nallow,U0ANA,2030-01-31\n,,\n\nDENY , U0BEN ,2030-01-31T18:00+01:00\n")

    assert parsed.problems == []
    assert parsed.rows == 2
    assert parsed.target["U0ANA"].grants == (Grant("U0ANA", Effect.ALLOW, datetime(2030, 2, 1, tzinfo=UTC)),)
    assert parsed.target["U0BEN"].grants == (Grant("U0BEN", Effect.DENY, datetime(2030, 1, 31, 17, tzinfo=UTC)),)


SPREADSHEETS = {
    "trailing-empty-columns": [Grant("U0123ABCD", Effect.ALLOW, datetime(2027, 1, 1, tzinfo=UTC), "x")],
    "sep-line": [Grant("U0123ABCD", Effect.ALLOW, None, "x")],
    "short-rows": [Grant("U0123ABCD", Effect.ALLOW, datetime(2027, 1, 1, tzinfo=UTC))],
    "date-cell-ends-a-day-early": [
        Grant(user, Effect.ALLOW, datetime(2027, 1, 1, tzinfo=UTC)) for user in ("U0123ABCD", "U0456EFGH")
    ],
}


@pytest.mark.public(19)
@pytest.mark.parametrize("name", SPREADSHEETS)
def test_read_takes_what_spreadsheets_write(name: str) -> None:
    parsed = lines((CASES / f"{name}.csv").read_bytes().decode())

    assert parsed.problems == []
    assert [grant for access in parsed.target.values() for grant in access.grants] == SPREADSHEETS[name]


@pytest.mark.public(19)
@pytest.mark.parametrize("separator", ",;\t")
@pytest.mark.parametrize("preamble", ["", "\ufeff", "\r\n", "sep={}\r\n", '\ufeff"SEP={}"\r\n'])
def test_read_takes_each_separator(separator: str, preamble: str) -> None:
    rows = ["principal,kind,,reason,until", 'U0A,allow,,"one, two; three\tfour",2030-01-31', "ana,allow"]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(csv.reader(rows))

    parsed = lines(preamble.format(separator) + text.getvalue())

    assert parsed.target["U0A"].grants[0].reason == "one, two; three\tfour"
    assert str(parsed.problems[0]).startswith(f"line {3 + preamble.count(chr(10))}, column A: principal 'ana'")


@pytest.mark.public(19)
def test_nul_is_refused_with_line_and_column() -> None:
    assert problems((CASES / "nul-in-reason.csv").read_bytes().decode()) == [
        "line 2, column C: reason 'no\\x00thing' is not valid: it must be text without NUL characters"
    ]


UTF_16 = {
    "without a mark": (CASES / "utf16le-without-mark.csv").read_bytes(),
    "with a mark": "principal;kind;reason\r\nU0123ABCD;allow;x\r\n".encode("utf-16"),
    "big-endian": "principal\tkind\treason\nU0123ABCD\tallow\tx\n".encode("utf-16-be"),
}


@pytest.mark.public(19)
@pytest.mark.parametrize("case", UTF_16)
def test_utf_16_is_read(tmp_path: Path, case: str) -> None:
    path = tmp_path / "members.csv"
    path.write_bytes(UTF_16[case])

    with path.open("rb") as file:
        parsed = transfer._read(file, find_id)

    assert parsed.problems == []
    assert parsed.target["U0123ABCD"].grants == (Grant("U0123ABCD", Effect.ALLOW, None, "x"),)


@pytest.mark.public(19)
def test_byte_that_is_no_text_is_refused_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("principal,kind,reason\nU0A,allow,Übergabe\n".encode("latin-1"))

    with path.open("rb") as file:
        [problem] = transfer._read(file, find_id).problems

    assert str(problem) == (
        "line 2, column C: reason '\\udcdcbergabe' is not valid: it must be in UTF-8: save the file as “CSV UTF-8”"
    )


@pytest.mark.public(19)
@pytest.mark.parametrize("text", ["31.12.2026", "12/31/2026", "soon", "46387", "30d"])
def test_date_words_offer_what_a_file_takes(text: str) -> None:
    [problem] = problems(f"{SHORT}U0A,allow,,,,{text},\n")

    offered = problem.partition("such as ")[2].split(" or ")
    assert len(offered) == 2
    assert problems(SHORT + "".join(f"U0{n},allow,,,,{when},\n" for n, when in enumerate(offered))) == []


def test_read_takes_scattered_rows_and_rows_without_an_alias() -> None:
    text = f"{SHORT}U0A,mapping,,d-x,ana,,\nU0B,allow,,,,,\nU0A,allow,,,,,why\nU0A,mapping,lab-2,d-x,ANA,,\n"

    target = lines(text).target["U0A"]

    assert [mapping.alias for mapping in target.mappings] == ["default", "lab-2"]
    assert target.grants[0].reason == "why"


BAD = {
    "no headings": ("U0A,allow\n", "line 1: unknown column 'u0a', 'allow'"),
    "an unknown column": (
        "principal,kind,colour\n",
        "line 1: unknown column 'colour': the columns are principal,",
    ),
    "a column twice": ("principal,kind,kind\n", "line 1: a column is named twice: name each one once"),
    "a column missing": ("principal,alias\n", "line 1: the column kind is missing"),
    "nothing": ("\n\n", "line 1: the file is empty"),
    "no kind": (
        f"{SHORT}U0A,,,,,,\n",
        "line 2, column B: kind '' is not valid: it must be one of mapping",
    ),
    "no principal": (f"{SHORT},allow,,,,,\n", "line 2, column A: principal '' is not valid"),
    "a name instead of an id": (f"{SHORT}ana,mapping,,d-x,ana,,\n", "line 2, column A: principal 'ana' is not valid"),
    "an invalid domain": (f"{SHORT}U0A,mapping,,x,ana,,\n", "line 2, column D: domain 'x' is not valid"),
    "no profile": (f"{SHORT}U0A,mapping,,d-x,,,\n", "line 2, column E: profile '' is not valid"),
    "a reserved alias": (f"{SHORT}U0A,mapping,help,d-x,ana,,\n", "line 2, column C: alias 'help' is not valid"),
    "a mapping with a reason": (
        f"{SHORT}U0A,mapping,,d-x,ana,,why\n",
        "line 2, column G: reason 'why' is not valid: it must be empty, because a mapping has none",
    ),
    "a rule with a profile": (
        f"{SHORT}U0A,allow,,d-x,ana,,\n",
        "line 2, column D: domain 'd-x' is not valid: it must be empty, because a rule has none",
    ),
    "an invalid time": (
        f"{SHORT}U0A,allow,,,,soon,\n",
        "line 2, column F: until 'soon' is not valid: it must be a time such as 2026-12-31",
    ),
    "a span": (
        f"{SHORT}U0A,allow,,,,30d,\n",
        "line 2, column F: until '30d' is not valid: it must be a time such as 2026-12-31 or",
    ),
    "a reason that is too long": (f"{SHORT}U0A,allow,,,,,{'x' * 501}\n", "at most 500 characters"),
    "a cell without a heading": (f"{SHORT}U0A,allow,,,,,a,b\n", "line 2: column H has no heading: name it in"),
    "a cell far to the right": (f"{SHORT}U0A,allow{20 * ','}{5 * ' ,'}b\n", "line 2: column AA has no heading"),
    "a quote that is not closed": (
        f'{SHORT}U0A,allow,,,,,"why\nU0B,allow,,,,,\n',
        "line 2: its quotation marks are unbalanced",
    ),
    "text after a quote": (f'{SHORT}U0A,allow,,,,,"why" not\n', "line 2: its quotation marks are unbalanced"),
    "a cell that is too long": (
        f"{SHORT}U0A,allow,,,,,{'x' * 140_000}\n",
        "line 2: its quotation marks are unbalanced, or",
    ),
    "invalid seconds": (
        "principal,kind,domain,profile,session_seconds\nU0A,mapping,d-x,p,1h\n",
        "line 2, column E: session seconds '1h'",
    ),
    "seconds out of range": (
        "principal,kind,domain,profile,session_seconds\nU0A,mapping,d-x,p,9\n",
        "from 1800 to 43200",
    ),
    "the ARN of another profile": (
        f"principal,kind,domain,profile,profile_arn\nU0A,mapping,d-x,ana,{ARN}/d-x/ben\n",
        "it must be the ARN of the profile of this row",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_read_reports_each_problem_with_its_line(case: str) -> None:
    text, expected = BAD[case]

    found = problems(text)

    assert len(found) == 1
    assert expected in found[0]


def test_duplicate_is_reported_with_both_lines() -> None:
    text = (
        f"{SHORT}U0A,mapping,,d-x,ana,,\nU0A,mapping,default,d-x,other,,\nU0B,mapping,,d-x,ANA,,\n"
        "U0A,allow,,,,,\nU0A,allow,,,,,because\nU0A,deny,,,,,\n"
    )

    assert problems(text) == [
        "line 3: U0A has the alias default on line 2 already: keep one of them",
        "line 4: profile ANA in d-x is mapped to U0A on line 2: map it to one member only",
        "line 6: U0A has a rule of the kind allow on line 5 already: keep one of them",
    ]


def test_problem_has_the_files_line_despite_multiline_cells() -> None:
    [problem] = problems(f'{SHORT}U0A,allow,,,,,"one\ntwo\n"\n\nnobody,allow,,,,,\n')
    assert problem.startswith("line 6, column A: principal 'nobody' is not valid: it must be the id of a user")


def test_further_problems_are_only_counted() -> None:
    parsed = lines(SHORT + "nobody,allow,,,,,\n" * (MAX_PROBLEMS + 7))
    assert (len(parsed.problems), parsed.more) == (MAX_PROBLEMS, 7)


def test_mappings_of_a_member_are_limited_to_one_change() -> None:
    rows = "".join(f"U0A,mapping,a{number},d-x,p{number},,\n" for number in range(MAX_MAPPINGS + 1))
    assert problems(SHORT + rows) == [
        f"line {MAX_MAPPINGS + 2}: U0A has more than {MAX_MAPPINGS} mappings: one file takes no more of them"
    ]


def test_write_uses_utc_and_leaves_out_actors() -> None:
    grant = Grant("U0A", Effect.ALLOW, NOON + timedelta(days=1), "=1+1", set_by="U0ADMIN", set_at=NOON)
    mapping = Mapping("default", "d-x", "ana", session_seconds=3600, set_by="U0ADMIN", set_at=NOON)

    assert written({"U0A": Access((mapping,), (grant,))}) == (
        f"{HEADINGS}U0A,mapping,default,d-x,ana,,,,,3600,,,\nU0A,allow,,,,,,,,,,2030-01-02T12:00:00+00:00,'=1+1\n"
    )
