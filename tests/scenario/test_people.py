"""Members whom Slack need not be asked about, and what Slack's events change, against a bot with its defaults."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from bot.local.faults import Fault
from tests.scenario.conftest import TEAM, Product, bot_process
from tests.scenario.crowd import Crowd, Someone
from tests.waiting import wait_until

RUSH = 20
updates = iter(range(2_000_000_000, 2_100_000_000))


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "KNOWN")


@pytest.fixture(autouse=True)
def fresh_bot(product: Product) -> Iterator[None]:
    """Replace the bot by one that has nothing in memory and gets an event."""
    environment = {**product.environment, "STUDIO_PERSON_SECONDS": "1", "STUDIO_LINKS_PER_MINUTE": "100"}
    address = product.slack.request_url
    with bot_process(environment, product.bot.log) as bot:
        bot.wait_until_ready()
        product.slack.request_url = f"{bot.address}/slack/events"
        product.slack.add_member("U0STATUS01", "status")
        product.slack.account_changed("U0STATUS01")
        wait_until(lambda: stored(f"people#{TEAM}").get("as_of") is not None)
        yield
    product.slack.request_url = address
    product.slack.clear_faults()


def stored(key: str) -> dict[str, Any]:
    """Return an item of the runtime table."""
    dynamodb: Any = boto3.client("dynamodb")
    table = f"{os.environ.get('STUDIO_TABLE_PREFIX', 'studio-links-')}runtime"
    item: dict[str, Any] = dynamodb.get_item(TableName=table, Key={"id": {"S": key}}).get("Item", {})
    return item


def record(someone: Someone) -> str:
    return str(stored(f"person#{TEAM}#{someone.user_id}").get("person", {}).get("S", ""))


def known(crowd: Crowd) -> Someone:
    """Return a member who has got a link, so that there is a record."""
    someone = crowd.member()
    assert "Studio" in someone.reads(someone.types()).text
    wait_until(lambda: record(someone) != "")
    return someone


def silence(product: Product) -> None:
    """Have Slack answer nothing about accounts any more, once the bot has forgotten what it was told."""
    time.sleep(1.1)  # STUDIO_PERSON_SECONDS, of the bot's own clock
    product.slack.inject("users.info", *[Fault(status=500)] * 1000)


def changes(someone: Someone, **traits: Any) -> None:
    """Change Slack's record, and have Slack tell the bot."""
    someone.becomes(**traits, updated=next(updates))
    assert someone.product.slack.account_changed(someone.user_id) is not None


def test_links_of_known_members_wait_for_no_account(crowd: Crowd, product: Product) -> None:
    members = [known(crowd) for _ in range(3)]
    members += [crowd.member() for _ in range(RUSH - len(members))]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda someone: someone.reads(someone.types()), members))
    wait_until(lambda: all(map(record, members)))
    silence(product)
    with ThreadPoolExecutor(RUSH) as pool:
        asked = list(pool.map(lambda someone: someone.types(), members))
    for someone, exchange in zip(members, asked, strict=True):
        answer = someone.reads(exchange)
        assert any(button.url for button in answer.buttons()), answer.text


@pytest.mark.parametrize(
    ("traits", "words"), [({"guest": True}, "Guests cannot"), ({"deleted": True}, "full members")], ids=str
)
def test_restriction_is_obeyed_with_slacks_event(
    crowd: Crowd, product: Product, traits: dict[str, Any], words: str
) -> None:
    someone = known(crowd)
    silence(product)
    before = record(someone)
    changes(someone, **traits)
    wait_until(lambda: record(someone) != before)
    answer = someone.reads(someone.types())
    assert not any(button.url for button in answer.buttons())
    assert words in answer.text


def test_end_of_a_restriction_has_slack_asked(crowd: Crowd, product: Product) -> None:
    someone = known(crowd)
    changes(someone, guest=True)
    wait_until(lambda: '"guest": true' in record(someone))
    changes(someone)
    wait_until(lambda: record(someone) == "")
    silence(product)
    assert "could not confirm" in someone.reads(someone.types()).text
    product.slack.clear_faults()
    assert any(button.url for button in someone.reads(someone.types()).buttons())
