"""Which changes administrators and former owners hear of."""

from datetime import timedelta

import pytest

from bot.admin.notices import News, notices
from bot.core.access import Effect, Lockdown
from bot.core.link import Source
from bot.core.records import Actor, Record
from tests.fakes import ANA, BEN, NOON, TEAM, a_grant, a_mapping

ACTOR = Actor("U0ADA00001", Source.COMMAND)
OTHER = a_mapping(profile="other")
ADMIN = a_grant(effect=Effect.ADMIN)
ENDED = a_grant(effect=Effect.ADMIN, until=NOON - timedelta(days=1))
LOCKDOWN = Lockdown("incident 42")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (a_mapping(), None, [News.UNMAPPED]),
        (a_mapping(), OTHER, [News.UNMAPPED]),
        (a_mapping(), a_mapping(space_name="lab"), []),
        (None, a_mapping(), []),
        (LOCKDOWN, None, [News.UNLOCKED]),
        (LOCKDOWN, Lockdown("incident 43"), []),
        (None, LOCKDOWN, []),
        (None, ADMIN, [News.NEW_ADMIN]),
        (None, ENDED, []),
        (None, a_grant(), []),
        (None, None, []),
    ],
)
def test_changes_that_are_told(before: Record | None, after: Record | None, expected: list[News]) -> None:
    assert [n.news for n in notices(TEAM, ANA.user_id, ACTOR, before, after, now=NOON)] == expected


def test_move_is_told_to_who_had_the_profile() -> None:
    told = list(notices(TEAM, BEN.user_id, ACTOR, OTHER, a_mapping(), now=NOON, former=ANA))
    assert [(n.news, n.user, n.former) for n in told] == [
        (News.MOVED, BEN.user_id, ANA),
        (News.UNMAPPED, BEN.user_id, BEN),
    ]
