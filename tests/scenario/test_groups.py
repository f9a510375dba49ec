"""Rules of user groups, over signed HTTP: unconfirmed membership gives no link."""

import itertools
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.access import Effect, Grant
from bot.core.values import utc_now
from bot.local.faults import Fault
from tests.scenario.conftest import TEAM, Product
from tests.scenario.crowd import MINT, TESTER, Crowd, links_in
from tests.scenario.test_identity import wait_for_calls

# One group, or all of them where rules name several.
METHOD, LIST = "usergroups.users.list", "usergroups.list"
UNCONFIRMED = "could not confirm which groups you are in"
numbers = itertools.count(1)
# How many calls of Slack there were before each group's test.
began: dict[str, int] = {}


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "GROUP")


@pytest.fixture
def group(crowd: Crowd) -> Iterator[str]:
    """Create an empty group that the bot has not cached yet. Delete its rules afterwards."""
    name = f"S0GROUP{next(numbers)}"
    crowd.product.slack.add_group(name, name.lower())
    began[name] = len(crowd.product.slack.api_calls)
    yield name
    crowd.product.aws.clear_faults()
    for principal, _ in list(crowd.admin.groups(TEAM)):
        crowd.admin.forget(TEAM, principal, TESTER)


def rule(crowd: Crowd, group: str, effect: Effect) -> None:
    crowd.admin.grant(TEAM, Grant(group, effect), TESTER)


def asked(product: Product, group: str) -> int:
    """Return how often the bot looked up a group since its test began, alone or with all others."""
    calls = product.slack.api_calls[began[group] :]
    return sum(call.method == LIST or call.arguments.get("usergroup") == group for call in calls)


def test_allowed_group_gives_its_members_links(crowd: Crowd, product: Product, group: str) -> None:
    inside, outside = crowd.member(allowed=False), crowd.member(allowed=False)
    product.slack.add_group(group, "science", inside.user_id)
    product.cli("allow", group, "--reason", "all of science")

    exchange = inside.types()

    assert links_in([inside.reads(exchange)])
    entry = inside.ended(exchange, "issued")
    assert entry.rule is not None
    assert f"allow {group} (all of science)" in entry.rule
    refused = outside.types()
    assert "not on the allow-list" in outside.reads(refused).text
    outside.ended(refused, "not_allowed")
    assert f"<!subteam^{group}>" in inside.reads(inside.types("whoami")).text
    assert asked(product, group) == 1


def test_denied_group_beats_every_allow_rule(crowd: Crowd, product: Product, group: str) -> None:
    inside, outside = crowd.member(), crowd.member()
    product.slack.add_group(group, "leavers", inside.user_id)
    rule(crowd, group, Effect.DENY)

    exchange = inside.types()

    assert "blocked" in inside.reads(exchange).text
    assert f"deny {group}" in (inside.ended(exchange, "denied").detail or "")
    assert links_in([outside.reads(outside.types())])


FAULTS = {
    "down": Fault(drop=True, served=True),
    "answers 500": Fault(status=500),
    "rate-limited": Fault(status=429, retry_after=300),
    "slow": Fault(delay=8.0),
}


@pytest.mark.parametrize("effect", [Effect.ALLOW, Effect.DENY])
@pytest.mark.parametrize("case", FAULTS)
def test_unconfirmed_group_gives_no_link(
    crowd: Crowd, product: Product, group: str, case: str, effect: Effect
) -> None:
    ana = crowd.member(allowed=effect is Effect.DENY)
    product.slack.add_group(group, "some", *([ana.user_id] if effect is Effect.ALLOW else []))
    rule(crowd, group, effect)
    made = crowd.links()
    for method in (METHOD, LIST):
        product.slack.inject(method, FAULTS[case])

    exchange = ana.types()

    message = ana.reads(exchange)
    assert UNCONFIRMED in message.text
    assert [button.action_id for button in message.buttons()] == ["new_link"]
    assert group in (ana.ended(exchange, "group_unconfirmed").detail or "")
    assert crowd.links() == made
    time.sleep(2)  # requests share Slack's failure until then
    assert links_in([ana.reads(ana.presses(message, "new_link"))])


def test_unknown_allowed_group_allows_nobody(crowd: Crowd, group: str) -> None:
    ana = crowd.member(allowed=False)
    rule(crowd, "S0NOSUCH01", Effect.ALLOW)
    assert "not on the allow-list" in ana.reads(ana.types()).text
    crowd.product.slack.add_group(group, "closed", ana.user_id, disabled=True)
    rule(crowd, group, Effect.ALLOW)
    assert "not on the allow-list" in ana.reads(ana.types()).text


def test_disabled_denied_group_still_denies(crowd: Crowd, group: str) -> None:
    inside, outside = crowd.member(), crowd.member()
    crowd.product.slack.add_group(group, "leavers", inside.user_id, disabled=True)
    rule(crowd, group, Effect.DENY)
    assert "blocked" in inside.reads(inside.types()).text
    assert links_in([outside.reads(outside.types())])


def test_unknown_denied_group_refuses_everyone_and_is_explained(crowd: Crowd, product: Product) -> None:
    ana = crowd.member()
    rule(crowd, "S0NOSUCH02", Effect.DENY)
    assert UNCONFIRMED in ana.reads(ana.types()).text
    explained = product.cli("explain", ana.user_id).stdout
    assert "S0NOSUCH02" in explained
    assert "could not be confirmed" in explained
    crowd.admin.forget(TEAM, "S0NOSUCH02", TESTER)
    assert links_in([ana.reads(ana.types())])


def lookups(product: Product) -> int:
    return sum(call.method in (METHOD, LIST) for call in product.slack.api_calls)


def test_no_group_lookup_without_group_rules(crowd: Crowd, product: Product) -> None:
    before = lookups(product)
    ana = crowd.member()
    assert links_in([ana.reads(ana.types())])
    assert lookups(product) == before


def test_own_allow_rule_needs_no_group_lookup(crowd: Crowd, product: Product, group: str) -> None:
    ana = crowd.member()
    rule(crowd, group, Effect.ALLOW)
    assert links_in([ana.reads(ana.types())])
    assert asked(product, group) == 0


def test_group_rule_removed_while_minting_gives_no_link(crowd: Crowd, product: Product, group: str) -> None:
    ana = crowd.member(allowed=False)
    product.slack.add_group(group, "science", ana.user_id)
    rule(crowd, group, Effect.ALLOW)
    made = crowd.links()
    for take_away in (False, True):
        product.aws.inject(MINT, Fault(delay=1.5))
        exchange = ana.types()
        wait_for_calls(product, MINT, made + 1 + take_away)
        if take_away:
            crowd.admin.forget(TEAM, group, TESTER)
        assert bool(links_in([ana.reads(exchange)])) is not take_away


def test_explain_shows_every_rule_and_the_deciding_one(crowd: Crowd, product: Product, group: str) -> None:
    ana = crowd.member(allowed=False)
    product.slack.add_group(group, "science", ana.user_id)
    product.cli("allow", group, "--until", "30d", "--reason", "science")
    product.cli("deny", "S0OTHERS99", "--until", "2020-01-01")

    explained = product.cli("explain", ana.user_id).stdout

    assert "would get a link" in explained
    decides = next(line for line in explained.splitlines() if "DECIDES" in line)
    assert f"allow {group} until" in decides
    assert "the member is in it" in decides
    assert "ended" in next(line for line in explained.splitlines() if "deny S0OTHERS99" in line)
    assert "science" in product.cli("show", group).stdout
    assert f'"group": "{group}"' in product.cli("list", "--json").stdout
    assert group in product.cli("list").stdout
    assert f"removed: allow {group}" in product.cli("forget", group).stdout
    assert product.cli("forget", group, check=False).returncode == 1
    assert product.cli("show", group).stdout == ""
    since = utc_now() - timedelta(hours=1)
    changes = [entry for entry in crowd.admin.history(TEAM, None, since, limit=200) if entry.subject == group]
    assert [entry.action for entry in changes] == ["forget", "allow"]
    assert product.cli("admin", group, check=False).returncode == 2


def test_burst_makes_one_group_lookup(crowd: Crowd, product: Product, group: str) -> None:
    people = [crowd.member(allowed=False) for _ in range(6)]
    product.slack.add_group(group, "science", *(one.user_id for one in people))
    rule(crowd, group, Effect.ALLOW)
    exchanges = [one.types() for one in people]
    replies = [one.reads(exchange) for one, exchange in zip(people, exchanges, strict=True)]
    assert len(links_in(replies)) == 6
    assert asked(product, group) == 1
