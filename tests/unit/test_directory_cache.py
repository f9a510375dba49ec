"""The cache of accounts and user groups, with one call to Slack at a time for each."""

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.core.access import Member, Person
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.single_flight import SingleFlightCache
from bot.slack.directory_cache import CachedDirectory
from tests.fakes import ANA, BEN, TEAM, FakeDirectory, race
from tests.waiting import wait_until

SECONDS = 60  # for which an account is cached
GROUP_SECONDS = 60
FAILURE_SECONDS = 2
FIT = Person(ANA.user_id, TEAM, locale="de-DE")
RULED_OUT = [
    Person(ANA.user_id, TEAM, ineligible_reason="deactivated"),
    Person(ANA.user_id, TEAM, guest=True),
    Person(ANA.user_id, "T0OTHER001"),
    Person(BEN.user_id, TEAM),
]


class Counting(FakeDirectory):
    """Count look-ups, and block them on request."""

    def __init__(self, *people: Person) -> None:
        super().__init__(*people)
        self.asked: list[Member] = []
        self.gate = threading.Event()
        self.gate.set()

    def person(self, member: Member) -> Person:
        self.asked.append(member)
        assert self.gate.wait(10)
        return super().person(member)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.read_by: set[int] = set()  # threads

    def __call__(self) -> float:
        self.read_by.add(threading.get_ident())
        return self.now


@pytest.fixture
def slack() -> Counting:
    return Counting(FIT, Person(BEN.user_id, TEAM))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(slack: Counting, clock: Clock) -> CachedDirectory:
    return CachedDirectory(slack, seconds=SECONDS, monotonic=clock)


def test_account_is_cached_until_it_expires(directory: CachedDirectory, slack: Counting, clock: Clock) -> None:
    for after in (0, 1, SECONDS - 2):
        clock.now += after
        assert directory.person(ANA) == FIT
    assert slack.asked == [ANA]

    clock.now += 1
    assert directory.person(ANA) == FIT
    assert slack.asked == [ANA, ANA]


@pytest.mark.parametrize("now", RULED_OUT)
def test_ineligible_account_is_refused_once_the_cache_expires(
    directory: CachedDirectory, slack: Counting, clock: Clock, now: Person
) -> None:
    directory.person(ANA)
    slack.people[ANA.user_id] = now
    clock.now += SECONDS

    assert directory.person(ANA) == now


@pytest.mark.parametrize("before", RULED_OUT)
def test_ineligible_account_is_never_cached(directory: CachedDirectory, slack: Counting, before: Person) -> None:
    slack.people[ANA.user_id] = before
    assert directory.person(ANA) == before
    slack.people[ANA.user_id] = FIT

    assert directory.person(ANA) == FIT


def test_account_error_is_not_cached(directory: CachedDirectory, slack: Counting) -> None:
    slack.error = SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)
    with pytest.raises(SlackError):
        directory.person(ANA)
    slack.error = None

    assert directory.person(ANA) == FIT


def test_error_does_not_extend_the_cached_account(directory: CachedDirectory, slack: Counting, clock: Clock) -> None:
    directory.person(ANA)
    clock.now += SECONDS
    slack.error = SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)

    with pytest.raises(SlackError):
        directory.person(ANA)


def test_accounts_are_cached_by_member_and_team(directory: CachedDirectory, slack: Counting) -> None:
    assert directory.person(ANA).user_id == ANA.user_id
    assert directory.person(BEN).user_id == BEN.user_id
    elsewhere = Member("T0OTHER001", ANA.user_id)
    assert directory.person(elsewhere) == FIT
    assert slack.asked == [ANA, BEN, elsewhere]


@pytest.mark.parametrize("error", [None, SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)])
def test_concurrent_callers_share_one_call(
    directory: CachedDirectory, slack: Counting, clock: Clock, error: SlackError | None
) -> None:
    slack.gate.clear()
    slack.error = error
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(race, *[lambda: directory.person(ANA)] * 10)
        wait_until(lambda: len(clock.read_by) == 10)  # each caller reads it first, and then shares the call
        slack.gate.set()

        assert answers.result() == [error or FIT] * 10
    assert slack.asked == [ANA]


def test_cache_size_is_bounded(slack: Counting, clock: Clock) -> None:
    directory = CachedDirectory(slack, seconds=SECONDS, monotonic=clock, max_entries=2)
    third = Member(TEAM, "U0CEM00001")
    slack.people[third.user_id] = Person(third.user_id, TEAM)
    for member in (ANA, BEN, third, third, ANA):
        directory.person(member)

    assert slack.asked == [ANA, BEN, third, ANA]


# Groups


def test_group_is_cached_for_a_minute(directory: CachedDirectory, slack: Counting, clock: Clock) -> None:
    slack.groups = {"S0ONE": frozenset({ANA.user_id})}
    for after in (0, 1, GROUP_SECONDS - 2):
        clock.now += after
        assert directory.group_members(TEAM, "S0ONE", even_disabled=False) == {ANA.user_id}
    assert directory.group_members(TEAM, "S0ONE", even_disabled=True) == {ANA.user_id}
    assert slack.groups_asked == ["S0ONE", "S0ONE"]

    slack.groups = {"S0ONE": frozenset()}
    clock.now += 1
    assert directory.group_members(TEAM, "S0ONE", even_disabled=False) == frozenset()


def test_group_error_is_shared_for_two_seconds(directory: CachedDirectory, slack: Counting, clock: Clock) -> None:
    slack.groups = {"S0ONE": frozenset({ANA.user_id})}
    slack.group_error = SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)
    for _ in range(3):
        with pytest.raises(SlackError):
            directory.group_members(TEAM, "S0ONE", even_disabled=False)
    assert slack.groups_asked == ["S0ONE"]

    slack.group_error = None
    clock.now += FAILURE_SECONDS
    assert directory.group_members(TEAM, "S0ONE", even_disabled=False) == {ANA.user_id}


def test_group_error_does_not_extend_the_cached_group(
    directory: CachedDirectory, slack: Counting, clock: Clock
) -> None:
    slack.groups = {"S0ONE": frozenset({ANA.user_id})}
    directory.group_members(TEAM, "S0ONE", even_disabled=False)
    clock.now += GROUP_SECONDS
    slack.group_error = SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)
    for _ in range(2):
        with pytest.raises(SlackError):
            directory.group_members(TEAM, "S0ONE", even_disabled=False)


def test_groups_are_cached_by_team(directory: CachedDirectory, slack: Counting) -> None:
    slack.groups = {"S0ONE": frozenset({ANA.user_id})}
    for tenant in (TEAM, "T0OTHER001"):
        directory.group_members(tenant, "S0ONE", even_disabled=False)
    assert slack.groups_asked == ["S0ONE", "S0ONE"]


# Several groups: one list of all


@pytest.fixture
def several(slack: Counting) -> list[str]:
    names = [f"S0GROUP{number}" for number in range(30)]
    slack.groups = {name: frozenset({ANA.user_id} if number % 2 else ()) for number, name in enumerate(names)}
    slack.disabled = {names[1]}
    return names


def test_several_groups_take_one_call_a_minute(
    directory: CachedDirectory, slack: Counting, clock: Clock, several: list[str]
) -> None:
    for _ in range(3):
        for name in several * 5:
            expected = slack.groups[name]
            assert directory.group_members(TEAM, name, even_disabled=True) == expected
        clock.now += GROUP_SECONDS
    assert slack.groups_asked == [several[0], "all", "all", "all"]


def test_listed_group_is_not_older_than_a_minute(
    directory: CachedDirectory, slack: Counting, clock: Clock, several: list[str]
) -> None:
    for name in several[:2]:
        directory.group_members(TEAM, name, even_disabled=True)
    clock.now += GROUP_SECONDS - 1
    directory.group_members(TEAM, several[3], even_disabled=True)
    slack.groups[several[3]] = frozenset()
    clock.now += 1
    assert directory.group_members(TEAM, several[3], even_disabled=True) == frozenset()


def test_unknown_and_disabled_groups_cost_one_call_a_minute(
    directory: CachedDirectory, slack: Counting, several: list[str]
) -> None:
    for _ in range(10):
        assert directory.group_members(TEAM, several[1], even_disabled=True) == {ANA.user_id}
        for name, even_disabled in (("S0NOSUCH", True), ("S0NOSUCH", False), (several[1], False)):
            with pytest.raises(SlackError) as unknown:
                directory.group_members(TEAM, name, even_disabled=even_disabled)
            assert unknown.value.code == "no_such_subteam"
    assert slack.groups_asked == [several[1], "all", "S0NOSUCH", "S0NOSUCH"]


def test_group_that_is_newer_than_the_list_is_found(
    directory: CachedDirectory, slack: Counting, several: list[str]
) -> None:
    for name in several:
        directory.group_members(TEAM, name, even_disabled=True)
    slack.groups["S0NEW"] = frozenset({BEN.user_id})
    assert directory.group_members(TEAM, "S0NEW", even_disabled=False) == {BEN.user_id}


def test_groups_are_asked_for_alone_while_they_cannot_be_listed(
    directory: CachedDirectory, slack: Counting, clock: Clock, several: list[str]
) -> None:
    slack.list_error = SlackError("it takes too long: try again", reason=Reason.SLACK_UNREACHABLE)
    for _ in range(3):
        for name in several[:3]:
            assert directory.group_members(TEAM, name, even_disabled=True) == slack.groups[name]
        clock.now += GROUP_SECONDS
    assert slack.groups_asked.count("all") == 1
    slack.list_error = None
    clock.now += 600
    directory.group_members(TEAM, several[0], even_disabled=True)
    assert slack.groups_asked[-1] == "all"


def test_cached_answer_takes_little_memory() -> None:
    cache = SingleFlightCache[int, str](60, monotonic=lambda: 0.0, max_entries=1000)
    tracemalloc.start()
    try:
        for number in range(1000):
            cache.get(number, lambda: "known")
        assert tracemalloc.get_traced_memory()[0] < 600 * 1000
    finally:
        tracemalloc.stop()
