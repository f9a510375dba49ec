"""No link for foreign users, similar ids, forged buttons and members whose access has changed.

The rows of `docs/SECURITY.md` name these tests.
"""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest

from bot.core.access import Effect, Grant
from bot.local.faults import Fault
from bot.local.slack.people import Person
from bot.local.slack.workspace import Workspace
from tests.leaks import remember
from tests.scenario.conftest import TEAM, BotProcess, Product, bot_process
from tests.scenario.crowd import MINT, TESTER, Crowd, Someone, links_in
from tests.waiting import wait_until

# A changed account takes effect at once here; test_directory_cache.py tests the cache.
SETTINGS = {"STUDIO_PERSON_SECONDS": "0"}


@pytest.fixture(scope="module")
def crowd(product: Product, log_folder: Path) -> Crowd:
    return Crowd(product, log_folder, "WHO")


@pytest.fixture
def ana(crowd: Crowd) -> Someone:
    """Create a member with a profile and an allow rule, whom attackers impersonate."""
    return crowd.member()


@pytest.fixture(autouse=True)
def _calm(product: Product) -> Iterator[None]:
    yield
    product.aws.clear_faults()


@pytest.fixture(autouse=True)
def links_before(crowd: Crowd) -> int:
    return crowd.links()


# Foreign users

FOREIGN: dict[str, dict[str, Any]] = {
    "another team": {"team_id": "T0OTHER"},
    "no team": {"team_id": None},
    "another app": {"api_app_id": "A0OTHER"},
    "another organisation": {"enterprise_id": "E0OTHER"},
    "an installation for a whole organisation": {
        "team_id": None,
        "enterprise_id": "E0OTHER",
        "is_enterprise_install": "true",
    },
    "our team in lower case": {"team_id": TEAM.lower()},
    "our team and a space": {"team_id": f"{TEAM} "},
    "our team and a letter more": {"team_id": f"{TEAM}A"},
    "our team with a look-alike letter": {"team_id": TEAM.replace("T", "\u0422")},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_command_gets_no_link(ana: Someone, links_before: int, case: str) -> None:
    exchange = ana.types(overrides=FOREIGN[case])

    assert exchange.ack == "ok"
    assert "not set up for this workspace" in exchange.reply
    assert ana.crowd.links() == links_before
    assert ana.entries() == []


BUTTONS: dict[str, dict[str, Any]] = {
    "another team": {"team": {"id": "T0OTHER", "domain": "other"}},
    "no team": {"team": None},
    "another app": {"api_app_id": "A0OTHER"},
    "another organisation": {"enterprise": {"id": "E0OTHER", "name": "other"}},
    "an installation for a whole organisation": {
        "team": None,
        "enterprise": {"id": "E0OTHER", "name": "other"},
        "is_enterprise_install": True,
    },
    "an outsider in a shared channel": {"user": {"id": "U0WHO1", "team_id": "T0OTHER"}},
}


@pytest.mark.parametrize("case", BUTTONS)
def test_foreign_button_press_gives_no_link(ana: Someone, case: str) -> None:
    message = ana.reads(ana.types())
    before = ana.crowd.links()

    pressed = ana.presses(message, "new_link", BUTTONS[case])

    answer = ana.reads(pressed)
    assert "not set up for this workspace" in answer.text
    assert links_in([answer]) == []
    assert ana.crowd.links() == before


# Similar ids

LOOK_ALIKES: dict[str, Callable[[str], str]] = {
    "lower case": str.lower,
    "a space before": lambda user: f" {user}",
    "a space after": lambda user: f"{user} ",
    "a line after": lambda user: f"{user}\n",
    "a null after": lambda user: f"{user}\0",
    "a zero-width space": lambda user: f"{user}\u200b",
    "a Cyrillic letter": lambda user: user.replace("O", "\u041e"),
    "full-width letters": lambda user: user.replace("U", "\uff35"),
    "the digit O": lambda user: user.replace("0", "O", 1),
    "two ids": lambda user: f"{user},U0BEN",
    "the store's own separator": lambda user: f"{user}#mapping",
    "a tenant before it": lambda user: f"{TEAM}#{user}",
    "a mention": lambda user: f"<@{user}>",
    "a letter more": lambda user: f"{user}A",
    "only the beginning": lambda user: user[:3],
    "the other kind of user": lambda user: user.replace("U", "W", 1),
    "a user group": lambda user: user.replace("U", "S", 1),
    "far too long": lambda user: user * 200,
    "nothing": lambda _user: "",
}


@pytest.mark.parametrize("case", LOOK_ALIKES)
def test_similar_id_is_not_the_member(ana: Someone, links_before: int, case: str) -> None:
    product = ana.product
    refused = {name: product.bot.outcomes(name) for name in ("malformed", "not_a_member", "not_mapped")}

    exchange = ana.types(overrides={"user_id": LOOK_ALIKES[case](ana.user_id)})

    assert exchange.ack == "ok"
    wait_until(lambda: {name: product.bot.outcomes(name) for name in refused} != refused)
    assert links_in(ana.screen()) == []
    assert ana.entries() == []
    assert ana.crowd.links() == links_before


@pytest.mark.parametrize("user", ["not an object", None, ["U0WHO1"], {"id": ["U0WHO1"]}, {"id": 7}, {"id": None}, {}])
def test_button_press_without_a_user_gives_no_link(ana: Someone, user: object) -> None:
    message = ana.reads(ana.types())
    before, malformed = ana.crowd.links(), ana.product.bot.outcomes("malformed")

    pressed = ana.presses(message, "new_link", {"user": user})

    assert pressed.ack == "ok"
    ana.product.bot.wait_for_outcomes("malformed", malformed + 1)
    assert ana.crowd.links() == before


# Accounts

INELIGIBLE: dict[str, dict[str, Any]] = {
    "a guest": {"guest": True},
    "a guest of one channel": {"single_channel_guest": True},
    "deactivated": {"deleted": True},
    "a bot": {"bot": True},
    "a stranger to the workspace": {"stranger": True},
    "of another team": {"team_id": "T0OTHER"},
    "of another team, is_stranger is false": {"team_id": "T0OTHER", "stranger": False},
    "invited and not joined yet": {"invited": True},
    "deactivated and a bot": {"deleted": True, "bot": True},
}


@pytest.mark.parametrize("case", INELIGIBLE)
def test_ineligible_account_gets_no_link(ana: Someone, links_before: int, case: str) -> None:
    ana.becomes(**INELIGIBLE[case])

    exchange = ana.types()

    message = ana.reads(exchange)
    assert ("Guests cannot" if "guest" in case else "only for full members") in message.text
    assert links_in([message]) == []
    ana.ended(exchange, "guest" if "guest" in case else "not_a_member")
    assert ana.crowd.links() == links_before


@pytest.mark.parametrize("case", INELIGIBLE)
def test_member_who_became_ineligible_gets_no_new_link(ana: Someone, case: str) -> None:
    message = ana.reads(ana.types())
    before = ana.crowd.links()
    ana.becomes(**INELIGIBLE[case])

    answer = ana.reads(ana.presses(message, "new_link"))

    assert links_in([answer]) == []
    assert ana.crowd.links() == before


def test_slackbot_gets_no_link(product: Product, crowd: Crowd, links_before: int) -> None:
    slackbot = crowd.member(mapped=False, allowed=False)
    exchange = product.slack.command("USLACKBOT")

    assert "only for full members" in product.slack.answer_to(exchange).text
    assert slackbot.crowd.links() == links_before


REQUIRED = ("id", "team_id", "deleted", "is_bot", "is_restricted", "is_ultra_restricted")
Change = Callable[[dict[str, Any]], dict[str, Any]]


def without(name: str) -> Change:
    return lambda user: {key: value for key, value in user.items() if key != name}


def saying(name: str, value: object) -> Change:
    return lambda user: {**user, name: value}


MISSING: dict[str, Change] = {
    **{f"no {name}": without(name) for name in REQUIRED},
    **{f"{name} is null": saying(name, None) for name in REQUIRED},
    **{f'{name} is "false"': saying(name, "false") for name in REQUIRED},
    "is_stranger is null": lambda user: {**user, "is_stranger": None},
    'is_stranger is "false"': lambda user: {**user, "is_stranger": "false"},
    "is_invited_user is 1": lambda user: {**user, "is_invited_user": 1},
    "another account's id": lambda user: {**user, "id": "U0SOMEBODY"},
    "our team's id in lower case": lambda user: {**user, "team_id": TEAM.lower()},
    "another team with an organisation by our id": lambda user: {
        **user,
        "team_id": "T0OTHER",
        "enterprise_user": {"enterprise_id": "E0OTHER"},
    },
    "an empty account": lambda _user: {},
}


def described_by_slack(person: Person, change: Change) -> Person:
    """Return the account as users.info changes it."""

    class Described(Person):
        __slots__ = ()

        def user_object(self, **how: Any) -> dict[str, Any]:
            return change(Person.user_object(self, **how))

    return Described(person.id, person.name, person.team_id)


@pytest.mark.parametrize("case", MISSING)
def test_account_with_missing_fields_gets_no_link(ana: Someone, links_before: int, case: str) -> None:
    person = ana.product.slack.directory.person(ana.user_id)
    assert person is not None
    ana.product.slack.directory.put(described_by_slack(person, MISSING[case]))

    exchange = ana.types()

    message = ana.reads(exchange)
    assert links_in([message]) == []
    assert "only for full members" in message.text
    ana.ended(exchange, "not_a_member")
    assert ana.crowd.links() == links_before


@pytest.mark.parametrize("text", ["help", "whoami", ""])
def test_guest_costs_no_group_lookup(crowd: Crowd, product: Product, text: str) -> None:
    """Slack allows about twenty look-ups a minute; every member allowed by a group needs them."""
    group, guest = f"S0{crowd.prefix}GUEST", crowd.member(allowed=False)
    guest.becomes(guest=True)
    product.slack.add_group(group, "science")
    crowd.admin.grant(TEAM, Grant(group, Effect.ALLOW), TESTER)
    crowd.admin.grant(TEAM, Grant(group, Effect.DENY), TESTER)
    try:
        guest.reads(guest.types(text))
        calls = [call for call in product.slack.api_calls if call.method == "usergroups.users.list"]
        assert [call for call in calls if call.arguments["usergroup"] == group] == []
    finally:
        crowd.admin.forget(TEAM, group, TESTER)


# Access that changes


def test_moved_profile_opens_only_for_its_new_member(crowd: Crowd) -> None:
    ana, ben = crowd.member(), crowd.member(mapped=False)
    message = ana.reads(ana.types())
    ana.gives_profile_to(ben)
    before = crowd.links()

    refused = ana.reads(ana.presses(message, "new_link"))

    assert "no SageMaker Studio profile" in refused.text
    assert crowd.links() == before
    assert links_in([ben.reads(ben.types())])


def test_profile_moved_before_the_read_gives_no_link(crowd: Crowd, product: Product) -> None:
    ana, ben = crowd.member(), crowd.member(mapped=False)
    reads = product.aws.calls.count("BatchGetItem")
    links = crowd.links()
    product.aws.inject("BatchGetItem", Fault(delay=1.0))
    exchange = ana.types()
    wait_for_calls(product, "BatchGetItem", reads + 1)

    ana.gives_profile_to(ben)

    assert "no SageMaker Studio profile" in ana.reads(exchange).text
    assert crowd.links() == links


def wait_for_calls(product: Product, operation: str, number: int) -> None:
    wait_until(lambda: product.aws.calls.count(operation) >= number)


REVOKED: dict[str, Callable[[Someone, Someone], object]] = {
    "the profile was moved to another member": lambda ana, ben: ana.gives_profile_to(ben),
    "the mapping was removed": lambda ana, _ben: ana.unmap(),
    "the member was denied": lambda ana, _ben: ana.rule(Effect.DENY),
    "the alias leads elsewhere": lambda ana, ben: ana.map(ben.profile),
}


@pytest.mark.parametrize("case", REVOKED)
def test_access_revoked_during_the_aws_call_gives_no_link(crowd: Crowd, product: Product, case: str) -> None:
    ana, ben = crowd.member(), crowd.member()
    ben.unmap()
    made = crowd.links()
    product.aws.inject(MINT, Fault(delay=1.5))
    exchange = ana.types()
    wait_for_calls(product, MINT, made + 1)

    REVOKED[case](ana, ben)

    message = ana.reads(exchange)
    assert links_in([message]) == []
    wait_until(lambda: (entry := ana.entry(exchange)) is not None and entry.outcome != "requested")
    entry = ana.entry(exchange)
    assert entry is not None
    assert entry.outcome in ("not_mapped", "denied", "too_late")
    assert entry.link_sha256 is None


@pytest.mark.parametrize("case", REVOKED)
def test_access_revoked_during_the_slack_call_gives_no_link(crowd: Crowd, product: Product, case: str) -> None:
    ana, ben = crowd.member(), crowd.member()
    ben.unmap()
    reads = product.aws.calls.count("BatchGetItem")
    product.slack.inject("users.info", Fault(delay=1.5))
    exchange = ana.types()
    wait_for_calls(product, "BatchGetItem", reads + 1)

    REVOKED[case](ana, ben)

    assert links_in([ana.reads(exchange)]) == []


def test_slow_link_reaches_a_member_who_is_still_allowed(ana: Someone, product: Product) -> None:
    product.aws.inject(MINT, Fault(delay=1.5))

    assert links_in([ana.reads(ana.types())])


# Unreadable is not missing

GOOD = {"domain_id": "d-1", "profile_name": "x"}
# An invalid part of the member's own item, or of the workspace's.
UNREADABLE: dict[str, tuple[str, Any]] = {
    "a deny rule with an invalid date": ("rules.deny", {"until": "soon"}),
    "a deny rule of an unknown kind": ("rules.DENY", {}),
    "a rule that is not a map": ("rules.deny", "yes"),
    "a mapping to no domain": ("mappings.other", {**GOOD, "domain_id": "???"}),
    "a mapping with a reserved alias": ("mappings.admin", GOOD),
    "a mapping without a profile": ("mappings.other", {"domain_id": "d-1"}),
    "a profile name that is a number": ("mappings.other", {**GOOD, "profile_name": 7}),
    "rules that are a list": ("rules", []),
    "no version": ("version", None),
    "an unreadable lockdown": ("workspace.lockdown", {"why": "a leak"}),
    "an unreadable group rule": ("workspace.rules", {"S0LEAVERS#deny": {"until": "soon"}}),
}


@pytest.fixture
def access_table() -> Iterator[Any]:
    """Yield the table. Delete the workspace's item afterwards, because it affects every member."""
    table = boto3.resource("dynamodb").Table("studio-links-access")
    yield table
    table.delete_item(Key={"owner": TEAM, "item": "workspace"})


@pytest.mark.parametrize("case", UNREADABLE)
def test_one_unreadable_record_gives_no_link(ana: Someone, access_table: Any, links_before: int, case: str) -> None:
    table = access_table
    place, value = UNREADABLE[case]
    if place.startswith("workspace."):
        content = {"version": 1, "rules": {}, place.partition(".")[2]: value}
        table.put_item(Item={"owner": TEAM, "item": "workspace", **content})
    else:
        key = {"owner": f"{TEAM}#{ana.user_id}", "item": "member"}
        item = table.get_item(Key=key)["Item"]
        name, _, within = place.partition(".")
        item[name] = {**item[name], within: value} if within else value
        table.put_item(Item=item)

    exchange = ana.types()

    message = ana.reads(exchange)
    assert "cannot be read" in message.text
    assert links_in([message]) == []
    ana.ended(exchange, "store_unreadable")
    assert ana.crowd.links() == links_before


CANNOT_BE_READ = {
    "dead": ("BatchGetItem", Fault(drop=True, times=None), "access list cannot be reached"),
    "throttled": ("BatchGetItem", Fault("ProvisionedThroughputExceededException", times=None), "under too much load"),
    "refused": (
        "BatchGetItem",
        Fault("AccessDeniedException", times=None),
        "not set up correctly to read its access",
    ),
    "nothing can be written": ("TransactWriteItems", Fault(drop=True, times=None), "could not be recorded"),
}


@pytest.mark.parametrize("case", CANNOT_BE_READ)
def test_unreadable_store_is_not_treated_as_empty(
    crowd: Crowd, product: Product, links_before: int, case: str
) -> None:
    operation, fault, words = CANNOT_BE_READ[case]
    nobody = crowd.member(mapped=False, allowed=False)
    product.aws.inject(operation, fault)

    message = nobody.reads(nobody.types())

    assert words in message.text
    assert "no SageMaker Studio profile" not in message.text
    assert crowd.links() == links_before


# Forgery

FORGED: dict[str, tuple[str, object]] = {
    "an unknown button": ("give_me_admin", "1"),
    "no value": ("open_studio", None),
    "a value of another kind": ("open_studio", {"id": 1}),
    "a path": ("open_studio", "../../../etc/passwd"),
    "an unknown id": ("open_studio", "0" * 32),
    "an id of the store": ("open_studio", f"{TEAM}#U0WHO1"),
    "a very long value": ("open_studio", "a" * 2000),
    "an invalid alias": ("new_link", "no such/alias"),
    "an alias with the store's separator": ("new_link", "default#mapping"),
    "a member in the alias": ("new_link", "U0WHO1"),
    "another's profile": ("new_link", "who-1"),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_button_gives_no_link_and_marks_nothing(ana: Someone, case: str) -> None:
    action_id, value = FORGED[case]
    asked = ana.types()
    message = ana.reads(asked)
    ana.ended(asked, "issued")
    before = ana.crowd.links()
    actions = [{"type": "button", "action_id": action_id, "block_id": "x", "value": value}]

    answer = ana.reads(ana.presses(message, "open_studio", {"actions": actions}))

    assert links_in([answer]) == []
    assert ana.crowd.links() == before
    assert ana.ended(asked, "issued").opened_at is None
    if action_id == "open_studio" and case != "an unknown id":
        # Ids in another format cause no read of the store.
        updates = [str(call.arguments["Key"]) for call in ana.product.aws.recorded if call.operation == "UpdateItem"]
        assert not any(f"'{value}'" in key for key in updates)


def test_button_with_another_members_link_id_marks_nothing(crowd: Crowd) -> None:
    ana, eve = crowd.member(), crowd.member()
    asked = ana.types()
    ana.reads(asked)
    stolen = ana.ended(asked, "issued").id
    message = eve.reads(eve.types())
    actions = [{"type": "button", "action_id": "open_studio", "block_id": "x", "value": stolen}]

    answer = eve.reads(eve.presses(message, "open_studio", {"actions": actions}))

    assert links_in([answer]) == []
    assert ana.profile not in str(answer.blocks)
    assert ana.ended(asked, "issued").opened_at is None


METADATA = json.dumps({"user": "U0WHO1", "alias": "default", "admin": True})
VIEW = {"id": "V0FORGED", "type": "modal", "private_metadata": METADATA, "state": {"values": {}}, "hash": "1.x"}
NEVER_OPENED: dict[str, dict[str, Any]] = {
    "a submission": {"type": "view_submission", "view": {**VIEW, "callback_id": "request_access"}},
    "a submission of an administrator's view": {"type": "view_submission", "view": {**VIEW, "callback_id": "admin"}},
    "a submission of a view without a name": {"type": "view_submission", "view": {**VIEW, "callback_id": ""}},
    "a submission without a view": {"type": "view_submission", "view": [1]},
    "a closing": {"type": "view_closed", "view": {**VIEW, "callback_id": "request_access"}, "is_cleared": True},
    "a press in a view": {
        "type": "block_actions",
        "view": {**VIEW, "callback_id": "request_access"},
        "container": {"type": "view", "view_id": "V0FORGED"},
        "actions": [{"type": "button", "action_id": "approve", "block_id": "x", "value": "U0WHO1"}],
    },
    "a shortcut": {"type": "shortcut", "callback_id": "admin"},
    "a message action": {"type": "message_action", "callback_id": "admin", "message": {"text": METADATA}},
    "options for a select": {"type": "block_suggestion", "action_id": "x", "block_id": "x", "value": "who"},
    "a step of a workflow": {"type": "workflow_step_edit", "callback_id": "x"},
    "a kind that does not exist": {"type": "surprise"},
}


@pytest.mark.parametrize("case", NEVER_OPENED)
def test_interaction_with_an_unknown_element_changes_nothing(
    ana: Someone, product: Product, links_before: int, case: str
) -> None:
    table = boto3.resource("dynamodb").Table("studio-links-access")
    before, stale = table.scan(ConsistentRead=True)["Items"], product.bot.outcomes("stale_button")
    payload = {
        "user": {"id": ana.user_id, "team_id": TEAM},
        "team": {"id": TEAM, "domain": "x"},
        "api_app_id": product.slack.installation.app_id,
        "trigger_id": f"forged.{time.monotonic_ns()}",
        **NEVER_OPENED[case],
    }

    status, answer = post(product, {"payload": json.dumps(payload)})

    if case == "a press in a view":  # the only kind with a listener
        assert status == 200
        product.bot.wait_for_outcomes("stale_button", stale + 1)
    else:
        assert status in (400, 404)
    assert "Traceback" not in answer
    assert "http" not in answer
    assert links_in(ana.screen()) == []
    assert ana.crowd.links() == links_before
    assert table.scan(ConsistentRead=True)["Items"] == before


def post(product: Product, fields: dict[str, str]) -> tuple[int, str]:
    """Send a forged form with Slack's signature."""
    body = urlencode(fields).encode()
    connection = http.client.HTTPConnection("127.0.0.1", product.bot.port, timeout=10)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **product.slack.sign(body)}
        connection.request("POST", "/slack/events", body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


# Organisations

ORGANISATION = "E0ORG00001"


@pytest.fixture(scope="module")
def org(log_folder: Path) -> Iterator[Workspace]:
    """Return a workspace that belongs to an organisation."""
    with Workspace(enterprise_id=ORGANISATION) as workspace:
        remember(log_folder, workspace.bot_token, workspace.signing_secret)
        yield workspace


@contextmanager
def bot_of(org: Workspace, product: Product, **settings: str) -> Iterator[BotProcess]:
    environment = {
        **product.environment,
        "SLACK_BOT_TOKEN": org.bot_token,
        "SLACK_SIGNING_SECRET": org.signing_secret,
        "SLACK_API_URL": org.api_url,
        **settings,
    }
    with bot_process(environment, product.bot.log) as bot:
        bot.wait_until_ready()
        org.request_url = f"{bot.address}/slack/events"
        yield bot


IN_ORGANISATION: dict[str, tuple[dict[str, str | None], bool, bool]] = {
    # the payload; whether the workspace's bot admits it; whether the organisation's bot does
    "from our workspace": ({}, True, True),
    "from a sister workspace": ({"team_id": "T0SISTER01"}, False, True),
    "from the organisation at large": ({"team_id": None, "is_enterprise_install": "true"}, False, True),
    "from a workspace outside any organisation": ({"enterprise_id": None, "team_id": "T0OTHER"}, False, False),
    "from another organisation": ({"enterprise_id": "E0OTHER"}, False, False),
    "from another organisation at large": (
        {"enterprise_id": "E0OTHER", "team_id": None, "is_enterprise_install": "true"},
        False,
        False,
    ),
}


@pytest.mark.parametrize("whole", [False, True])
def test_organisation_is_admitted_only_if_configured(
    crowd: Crowd, product: Product, org: Workspace, *, whole: bool
) -> None:
    ana = crowd.member()
    org.add_member(ana.user_id, "ana", enterprise_user={"id": ana.user_id, "enterprise_id": ORGANISATION})
    settings = {"STUDIO_TEAMS": ORGANISATION} if whole else {}
    with bot_of(org, product, **settings):
        for case, (overrides, by_workspace, by_organisation) in IN_ORGANISATION.items():
            exchange = org.command(ana.user_id, overrides=overrides)
            let_in = "not set up for this workspace" not in exchange.reply
            assert let_in == (by_organisation if whole else by_workspace), case
            if let_in:
                # The organisation has its own rules; it has no mapping.
                message = org.answer_to(exchange)
                assert bool(links_in([message])) != whole, case
