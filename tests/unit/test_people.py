"""Slack's word about a member is good for a short while, and asked for once at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.core.access import Member, Person
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.slack.directory_cache import GROUP_SECONDS, People
from tests.fakes import ANA, BEN, TEAM, FakeDirectory, race

SECONDS = 60
FIT = Person(ANA.user_id, TEAM, locale="de-DE")
RULED_OUT = [
    Person(ANA.user_id, TEAM, ineligible_reason="deactivated"),
    Person(ANA.user_id, TEAM, guest=True),
    Person(ANA.user_id, "T0OTHER001"),
    Person(BEN.user_id, TEAM),
]


class Counting(FakeDirectory):
    """Counts who is asked about, and may be held up."""

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
        self.looked_at = 0

    def __call__(self) -> float:
        self.looked_at += 1
        return self.now


@pytest.fixture
def slack() -> Counting:
    return Counting(FIT, Person(BEN.user_id, TEAM))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(slack: Counting, clock: Clock) -> People:
    return People(slack, seconds=SECONDS, monotonic=clock)


def test_slack_is_asked_once_in_a_while(people: People, slack: Counting, clock: Clock) -> None:
    for after in (0, 1, SECONDS - 2):
        clock.now += after
        assert people.person(ANA) == FIT
    assert slack.asked == [ANA]

    clock.now += 1
    assert people.person(ANA) == FIT
    assert slack.asked == [ANA, ANA]


@pytest.mark.parametrize("now", RULED_OUT)
def test_a_member_who_has_become_unfit_is_refused_once_the_while_is_over(
    people: People, slack: Counting, clock: Clock, now: Person
) -> None:
    people.person(ANA)
    slack.people[ANA.user_id] = now
    clock.now += SECONDS

    assert people.person(ANA) == now


@pytest.mark.parametrize("before", RULED_OUT)
def test_an_account_that_is_ruled_out_is_asked_about_every_time(
    people: People, slack: Counting, before: Person
) -> None:
    slack.people[ANA.user_id] = before
    assert people.person(ANA) == before
    slack.people[ANA.user_id] = FIT

    assert people.person(ANA) == FIT


def test_an_error_is_not_kept(people: People, slack: Counting) -> None:
    slack.error = SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)
    with pytest.raises(SlackError):
        people.person(ANA)
    slack.error = None

    assert people.person(ANA) == FIT


def test_an_error_does_not_prolong_what_is_known(people: People, slack: Counting, clock: Clock) -> None:
    people.person(ANA)
    clock.now += SECONDS
    slack.error = SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)

    with pytest.raises(SlackError):
        people.person(ANA)


def test_one_members_record_is_not_anothers(people: People, slack: Counting) -> None:
    assert people.person(ANA).user_id == ANA.user_id
    assert people.person(BEN).user_id == BEN.user_id
    elsewhere = Member("T0OTHER001", ANA.user_id)
    assert people.person(elsewhere) == FIT
    assert slack.asked == [ANA, BEN, elsewhere]


@pytest.mark.parametrize("error", [None, SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)])
def test_ten_presses_at_once_ask_once_and_hear_the_same(
    people: People, slack: Counting, clock: Clock, error: SlackError | None
) -> None:
    slack.gate.clear()
    slack.error = error
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(race, *[lambda: people.person(ANA)] * 10)
        deadline = time.monotonic() + 10
        while clock.looked_at < 10 and time.monotonic() < deadline:  # each looks at it on coming in
            time.sleep(0.001)
        slack.gate.set()

        assert answers.result() == [error or FIT] * 10
    assert slack.asked == [ANA]


def test_no_more_are_kept_than_may_be(slack: Counting, clock: Clock) -> None:
    people = People(slack, seconds=SECONDS, monotonic=clock, most=2)
    third = Member(TEAM, "U0CEM00001")
    slack.people[third.user_id] = Person(third.user_id, TEAM)
    for member in (ANA, BEN, third, third, ANA):
        people.person(member)

    assert slack.asked == [ANA, BEN, third, ANA]


# Groups


def test_a_group_is_asked_about_once_a_minute_and_by_itself(people: People, slack: Counting, clock: Clock) -> None:
    slack.groups = {"S0ONE": frozenset({ANA.user_id}), "S0TWO": frozenset()}
    for after in (0, 1, GROUP_SECONDS - 2):
        clock.now += after
        assert people.group_members(TEAM, "S0ONE", even_disabled=False) == {ANA.user_id}
    assert people.group_members(TEAM, "S0TWO", even_disabled=False) == frozenset()
    assert people.group_members(TEAM, "S0ONE", even_disabled=True) == {ANA.user_id}
    assert slack.groups_asked == ["S0ONE", "S0TWO", "S0ONE"]

    slack.groups = {"S0ONE": frozenset()}
    clock.now += 1
    assert people.group_members(TEAM, "S0ONE", even_disabled=False) == frozenset()


def test_a_group_that_could_not_be_asked_about_is_asked_about_again(people: People, slack: Counting) -> None:
    slack.groups = {"S0ONE": frozenset({ANA.user_id})}
    slack.group_error = SlackError("it fails: try again", reason=Reason.SLACK_UNREACHABLE)
    with pytest.raises(SlackError):
        people.group_members(TEAM, "S0ONE", even_disabled=False)
    slack.group_error = None
    assert people.group_members(TEAM, "S0ONE", even_disabled=False) == {ANA.user_id}


def test_a_group_of_one_workspace_is_not_that_of_another(people: People, slack: Counting) -> None:
    slack.groups = {"S0ONE": frozenset({ANA.user_id})}
    for tenant in (TEAM, "T0OTHER001"):
        people.group_members(tenant, "S0ONE", even_disabled=False)
    assert slack.groups_asked == ["S0ONE", "S0ONE"]
