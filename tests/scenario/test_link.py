"""Link requests: what the member, AWS and the audit see, and what other members do not."""

import itertools
import json
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from bot.admin.changes import Admin
from bot.app import administration
from bot.config import Settings, load
from bot.core.access import Effect, Grant, Mapping, Member
from bot.core.link import Source
from bot.core.records import Actor, Entry
from bot.core.values import utc_now
from bot.local.faults import Fault
from bot.local.slack.blocks import check_message
from bot.local.slack.people import Channel
from bot.local.slack.screens import Message
from bot.local.slack.workspace import GENERAL
from tests.leaks import remember
from tests.scenario.conftest import TEAM, Product, create_domain, create_profile, sagemaker
from tests.waiting import wait_until

TRANSPORTS = ("http", "socket")
TESTER = Actor("cli:test", Source.CLI)
numbers = itertools.count(1)


class Somebody:
    """A member of the workspace, new for each test."""

    def __init__(self, product: Product, admin: Admin, log_folder: Path) -> None:
        self.number = next(numbers)
        self.user_id = f"U0PERSON{self.number}"
        self.profile = f"person-{self.number}"
        self.member = Member(TEAM, self.user_id)
        self.product, self.admin, self._log_folder = product, admin, log_folder
        product.slack.add_member(self.user_id, f"person{self.number}")

    def map(self, alias: str = "default", domain: str | None = None, profile: str | None = None) -> None:
        mapping = Mapping(alias, domain or self.product.domain_id, profile or self.profile)
        self.admin.map(self.member, mapping, TESTER)

    def mapped(self, alias: str = "default", profile: str | None = None) -> "Somebody":
        create_profile(self.product.domain_id, profile or self.profile)
        self.map(alias, profile=profile)
        return self

    def allowed(self, effect: Effect = Effect.ALLOW, until: timedelta | None = None) -> "Somebody":
        end = None if until is None else utc_now() + until
        self.admin.grant(TEAM, Grant(self.user_id, effect, end), TESTER)
        return self

    def types(self, text: str = "", channel: str = GENERAL) -> Message:
        exchange = self.product.slack.command(self.user_id, text, channel=channel)
        assert (exchange.ack, exchange.reply) == ("ok", "")
        return self._remembered(self.product.slack.answer_to(exchange, timeout=12))

    def presses(self, message: Message, action_id: str) -> Message:
        exchange = self.product.slack.press(self.user_id, message, action_id)
        assert (exchange.ack, exchange.reply) == ("ok", "")
        return self._remembered(self.product.slack.answer_to(exchange, timeout=12))

    def audit(self) -> list[Entry]:
        """Return the member's link requests, newest first."""
        found = self.admin.history(TEAM, self.user_id, utc_now() - timedelta(hours=1), limit=100)
        return [entry for entry in found if entry.action == "link"]

    def _remembered(self, message: Message) -> Message:
        assert check_message({"text": message.text, "blocks": list(message.blocks)}) == []
        remember(self._log_folder, *(button.url for button in message.buttons() if button.url))
        return message


@pytest.fixture(scope="module")
def admin(product: Product) -> Admin:  # noqa: ARG001 - its environment is what the settings are read from
    return administration.admin(load(Settings))


@pytest.fixture
def somebody(product: Product, admin: Admin, log_folder: Path) -> Somebody:
    return Somebody(product, admin, log_folder)


@pytest.fixture(autouse=True)
def _calm(product: Product) -> Iterator[None]:
    yield
    product.aws.clear_faults()


def link_of(message: Message) -> str:
    return message.button("open_studio").url or ""


def admitted(url: str) -> str:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with browser.open(url, timeout=5) as response:
        page: bytes = response.read()
    return page.decode()


def has_link(message: Message) -> bool:
    return any(button.url for button in message.buttons())


def wait_for_outcome(somebody: Somebody, outcome: str) -> Entry:
    """Return the newest entry once it has the outcome, which is written after the reply."""
    return wait_until(lambda: [entry for entry in somebody.audit()[:1] if entry.outcome == outcome])[0]


def test_allowed_member_gets_a_link_to_their_profile(somebody: Somebody) -> None:
    message = somebody.mapped().allowed().types()

    assert message.only_for == somebody.user_id
    assert message.button("open_studio").style == "primary"
    assert "http" not in message.text
    text = somebody.product.slack.render(message)
    assert somebody.profile in text
    assert somebody.product.domain_id in text
    assert "12 hours" in text
    assert "<!date^" in str(message.blocks)
    page = admitted(link_of(message))
    assert "Signed in to SageMaker Studio" in page
    assert somebody.profile in page


def test_message_is_posted_without_unfurling(somebody: Somebody) -> None:
    somebody.mapped().allowed().types()

    payload = somebody.product.slack.deliveries[-1].payload
    assert payload["unfurl_links"] is payload["unfurl_media"] is False
    assert payload["response_type"] == "ephemeral"


def test_audit_has_the_request_but_not_the_link(somebody: Somebody) -> None:
    message = somebody.mapped().allowed().types()

    entry = wait_for_outcome(somebody, "issued")
    assert (entry.actor, entry.profile_name, entry.domain_id) == (
        somebody.user_id,
        somebody.profile,
        somebody.product.domain_id,
    )
    assert entry.link_sha256 is not None
    assert link_of(message) not in repr(entry)
    assert "allow" in (entry.rule or "")


def test_link_to_an_unknown_host_is_kept_back(somebody: Somebody) -> None:
    somebody.mapped().allowed()
    answer = {"AuthorizedUrl": "https://d-1.studio.evil.example/auth?token=x"}
    somebody.product.aws.inject("CreatePresignedDomainUrl", Fault(body=json.dumps(answer).encode(), status=200))

    message = somebody.types()

    assert "an address that this bot does not know" in message.text
    assert not has_link(message)
    entry = wait_for_outcome(somebody, "link_host_unknown")
    assert "d-1.studio.evil.example" in str(entry.detail)
    assert "STUDIO_LINK_HOSTS" in str(entry.detail)


def test_link_expires_after_a_minute(somebody: Somebody) -> None:
    message = somebody.mapped().allowed().types()

    somebody.product.clock.seconds += 59
    assert "Signed in" in admitted(link_of(message))
    somebody.product.clock.seconds += 2
    assert "Sign in to the AWS console" in admitted(link_of(message))


def test_open_studio_removes_the_used_link(somebody: Somebody) -> None:
    message = somebody.mapped().allowed().types()

    opened = somebody.presses(message, "open_studio")

    assert "Opened at" in somebody.product.slack.render(opened)
    assert not has_link(opened)
    assert [shown.ts for shown in somebody.product.slack.view(somebody.user_id)] == [message.ts]
    assert wait_for_outcome(somebody, "issued").opened_at is not None


def test_new_link_checks_access_and_replaces_the_message(somebody: Somebody) -> None:
    message = somebody.mapped().allowed().types()

    fresh = somebody.presses(message, "new_link")

    assert link_of(fresh) != link_of(message)
    assert [shown.ts for shown in somebody.product.slack.view(somebody.user_id)] == [message.ts]
    somebody.allowed(Effect.DENY)
    refused = somebody.presses(fresh, "new_link")
    assert "blocked" in refused.text
    assert not has_link(refused)


def test_command_works_in_direct_messages_and_without_the_bot(somebody: Somebody) -> None:
    slack = somebody.product.slack
    somebody.mapped().allowed()
    elsewhere = slack.add_channel(Channel(f"C0ELSE{somebody.number}", "else", frozenset({somebody.user_id}))).id

    assert has_link(somebody.types(channel=slack.direct_message(somebody.user_id)))
    assert has_link(somebody.types(channel=elsewhere))


def test_every_parameter_of_the_mapping_reaches_studio(somebody: Somebody) -> None:
    domain, profile = somebody.product.domain_id, somebody.profile
    create_profile(domain, profile)
    sagemaker().create_space(
        DomainId=domain,
        SpaceName=f"space-{somebody.number}",
        OwnershipSettings={"OwnerUserProfileName": profile},
        SpaceSharingSettings={"SharingType": "Private"},
    )
    mapping = Mapping(
        "default",
        domain,
        profile,
        space_name=f"space-{somebody.number}",
        landing_uri="app:JupyterLab:",
        session_seconds=1800,
    )
    somebody.admin.map(somebody.member, mapping, TESTER)

    message = somebody.allowed().types()

    page = admitted(link_of(message))
    assert f"space-{somebody.number}" in page
    assert "app:JupyterLab:" in page
    assert "30 minutes" in somebody.product.slack.render(message)


def test_chosen_profile_is_remembered(somebody: Somebody) -> None:
    somebody.mapped("prod").mapped("sandbox", profile=f"{somebody.profile}-box").allowed()

    question = somebody.types()
    assert [button.text for button in question.buttons()] == ["Open prod", "Open sandbox"]
    assert not has_link(question)
    assert "/studio prod" in somebody.product.slack.render(question)

    link = somebody.presses(question, "choose_1")
    assert link.ts == question.ts
    assert f"{somebody.profile}-box" in admitted(link_of(link))
    wait_for_outcome(somebody, "issued")

    again = somebody.types()
    assert [(button.text, button.style) for button in again.buttons()] == [
        ("Open sandbox", "primary"),
        ("Open prod", None),
    ]


def test_named_profile_is_opened(somebody: Somebody) -> None:
    somebody.mapped("sandbox").mapped("prod", profile=f"{somebody.profile}-prod").allowed()

    assert f"{somebody.profile}-prod" in admitted(link_of(somebody.types("prod")))
    unknown = somebody.types("sandbax")
    assert "no profile called “sandbax”" in unknown.text
    assert "Did you mean `sandbox`" in unknown.text
    wait_for_outcome(somebody, "unknown_alias")


def test_more_than_five_profiles_are_a_select(somebody: Somebody) -> None:
    for number in range(7):
        somebody.mapped(f"domain-{number}", profile=f"{somebody.profile}-{number}")
    question = somebody.allowed().types()

    select = question.blocks[1]["elements"][0]
    assert select["type"] == "static_select"
    assert [option["value"] for option in select["options"]] == [f"domain-{number}" for number in range(7)]


@pytest.mark.parametrize(
    ("text", "landing"),
    [
        ("lab", "app:JupyterLab:"),
        ("code", "app:CodeEditor:"),
        ("canvas", "app:Canvas:"),
        ("rstudio", "app:RStudioServerPro:"),
        ("classic", "app:JupyterServer:"),
        ("home", "studio::"),
        ("default LAB", "app:JupyterLab:"),
    ],
)
def test_app_is_opened_by_its_name(somebody: Somebody, text: str, landing: str) -> None:
    link = somebody.mapped().allowed().types(text)

    assert landing in admitted(link_of(link))
    assert landing in admitted(link_of(somebody.presses(link, "new_link")))


def test_shared_or_own_space_is_opened(somebody: Somebody) -> None:
    somebody.mapped().allowed()
    other = f"{somebody.profile}-other"
    create_profile(somebody.product.domain_id, other)
    for name, owner, sharing in (
        (f"own-{somebody.number}", somebody.profile, "Private"),
        (f"team-{somebody.number}", other, "Shared"),
        (f"secret-{somebody.number}", other, "Private"),
    ):
        sagemaker().create_space(
            DomainId=somebody.product.domain_id,
            SpaceName=name,
            OwnershipSettings={"OwnerUserProfileName": owner},
            SpaceSharingSettings={"SharingType": sharing},  # type: ignore[typeddict-item] # one of the literals
        )

    page = admitted(link_of(somebody.types(f"lab space own-{somebody.number}")))
    assert f"own-{somebody.number}" in page
    assert "app:JupyterLab:" in page
    assert f"team-{somebody.number}" in admitted(link_of(somebody.types(f"default space team-{somebody.number}")))
    refused = somebody.types(f"space secret-{somebody.number}")
    assert "access to a Studio space of that name" in refused.text
    assert not has_link(refused)
    assert "access to a Studio space of that name" in somebody.types("space nowhere").text
    offered = str(somebody.types("space").blocks)
    assert f"own-{somebody.number}" in offered
    assert f"team-{somebody.number}" in offered
    assert f"secret-{somebody.number}" not in offered
    somebody.product.aws.inject("ListSpaces", Fault("AccessDeniedException"))
    assert [button.text for button in somebody.types("space").buttons()] == ["Open default"]


def test_whoami_shows_the_members_own_status(somebody: Somebody) -> None:
    render = somebody.product.slack.render
    assert "not on the allow-list" in render(somebody.types("whoami"))
    assert "no SageMaker Studio profile" in render(somebody.types("whoami"))
    somebody.mapped().allowed(until=timedelta(days=3))
    link = somebody.types()
    somebody.presses(link, "open_studio")
    wait_for_outcome(somebody, "issued")

    reply_text = render(somebody.types("whoami"))

    assert "access to Studio until" in reply_text
    assert somebody.profile in reply_text
    assert "opened at" in reply_text
    somebody.allowed(until=-timedelta(days=1))
    assert "ended at" in render(somebody.types("whoami"))
    somebody.allowed(Effect.DENY)
    assert "blocked" in render(somebody.types("whoami"))


@pytest.mark.parametrize("text", ["frobnicate the frobnicator", "payload & <!channel>", "a " * 400, "help"])
def test_unparsed_text_gets_help_that_quotes_it(somebody: Somebody, text: str) -> None:
    message = somebody.mapped().allowed().types(text)

    assert "`/studio help`" in message.text
    assert not has_link(message)
    if text != "help":
        assert text.partition(" ")[0] in message.text
        assert "<!channel>" not in message.text


def test_word_payload_is_ordinary_text(somebody: Somebody) -> None:
    message = somebody.mapped("payload").allowed().types("payload")

    assert has_link(message)


REFUSALS = {
    "unmapped": ("no SageMaker Studio profile here yet", "not_mapped"),
    "not allowed": ("not on the allow-list", "not_allowed"),
    "denied": ("blocked", "denied"),
    "lapsed": ("has ended", "grant_expired"),
    "guest": ("Guests cannot", "guest"),
    "deactivated": ("full members", "not_a_member"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_each_refusal_has_a_message_and_an_entry(somebody: Somebody, case: str) -> None:
    words, outcome = REFUSALS[case]
    if case != "unmapped":
        somebody.mapped()
    if case == "denied":
        somebody.allowed().allowed(Effect.DENY)
    elif case == "lapsed":
        somebody.allowed(until=-timedelta(seconds=1))
    elif case not in ("unmapped", "not allowed"):
        somebody.allowed()
    somebody.product.slack.add_member(
        somebody.user_id, "changed", guest=case == "guest", deleted=case == "deactivated"
    )
    calls_before = somebody.product.aws.calls.count("CreatePresignedDomainUrl")

    message = somebody.types()

    assert words in message.text
    assert not has_link(message)
    assert somebody.product.aws.calls.count("CreatePresignedDomainUrl") == calls_before
    wait_for_outcome(somebody, outcome)


AWS_FAULTS = {
    "throttled": ("CreatePresignedDomainUrl", Fault("ThrottlingException", times=2), "is limiting", "aws_throttled"),
    "refused": ("CreatePresignedDomainUrl", Fault("AccessDeniedException"), "not set up correctly", "aws_refused"),
    "failing": (
        "CreatePresignedDomainUrl",
        Fault("InternalFailure", status=500, times=2),
        "reached",
        "aws_unreachable",
    ),
    "dead": ("CreatePresignedDomainUrl", Fault(drop=True, times=2), "cannot be reached", "aws_unreachable"),
    "garbage": ("CreatePresignedDomainUrl", Fault(body=b"<>", status=200), "not understand", "aws_unexpected"),
    "table throttled": (
        "BatchGetItem",
        Fault("ProvisionedThroughputExceededException", times=2),
        "too much load",
        "store_throttled",
    ),
    "table dead": ("BatchGetItem", Fault(drop=True, times=2), "access list cannot be reached", "store_unreachable"),
    "table refused": ("BatchGetItem", Fault("AccessDeniedException"), "read its access list", "store_refused"),
}


@pytest.mark.parametrize("case", AWS_FAULTS)
def test_each_aws_fault_has_a_message_and_an_entry(somebody: Somebody, case: str) -> None:
    operation, fault, words, outcome = AWS_FAULTS[case]
    somebody.mapped().allowed()
    somebody.product.aws.inject(operation, fault)

    message = somebody.types()

    assert words in message.text
    assert not has_link(message)
    wait_for_outcome(somebody, outcome)


def test_unrecorded_request_gives_no_link(somebody: Somebody) -> None:
    somebody.mapped().allowed()
    calls_before = somebody.product.aws.calls.count("CreatePresignedDomainUrl")
    somebody.product.aws.inject("TransactWriteItems", Fault("AccessDeniedException", times=1))

    message = somebody.types()

    assert "could not be recorded" in message.text
    assert not has_link(message)
    assert somebody.product.aws.calls.count("CreatePresignedDomainUrl") == calls_before
    wait_for_outcome(somebody, "not_recorded")


def test_identity_center_domain_gets_its_own_url(somebody: Somebody) -> None:
    domain = create_domain(f"sso-{somebody.number}", "SSO")
    sagemaker().create_user_profile(
        DomainId=domain,
        UserProfileName=somebody.profile,
        SingleSignOnUserIdentifier="UserName",
        SingleSignOnUserValue=somebody.profile,
    )
    somebody.map(domain=domain)

    message = somebody.allowed().types()

    assert "IAM Identity Center" in message.text
    assert f"/sso/{domain}/" in message.text
    wait_for_outcome(somebody, "domain_sso")


def test_missing_or_unready_profile_is_reported(somebody: Somebody) -> None:
    somebody.map()
    assert "no longer exists" in somebody.allowed().types().text
    wait_for_outcome(somebody, "profile_missing")

    create_profile(somebody.product.domain_id, somebody.profile)
    somebody.product.aws.set_status(somebody.product.domain_id, somebody.profile, status="Pending")
    assert "not ready yet" in somebody.types().text
    wait_for_outcome(somebody, "profile_not_ready")


def test_refused_reply_is_sent_as_an_ephemeral_message(somebody: Somebody) -> None:
    somebody.mapped().allowed()
    somebody.product.slack.inject("response_url", Fault(status=404))

    message = somebody.types()

    assert has_link(message)
    assert message.only_for == somebody.user_id
    assert somebody.product.slack.api_calls[-1].method == "chat.postEphemeral"


def test_undelivered_link_is_recorded_as_undelivered(somebody: Somebody) -> None:
    somebody.mapped().allowed()
    somebody.product.slack.inject("response_url", Fault(status=500))
    somebody.product.slack.inject("chat.postEphemeral", Fault(status=500))

    somebody.product.slack.command(somebody.user_id)

    wait_for_outcome(somebody, "undelivered")
    assert somebody.product.slack.view(somebody.user_id) == []


def test_button_of_another_members_link_does_nothing(
    somebody: Somebody, product: Product, admin: Admin, log_folder: Path
) -> None:
    other = Somebody(product, admin, log_folder).mapped().allowed()
    other.types()
    stolen = wait_for_outcome(other, "issued").id
    message = somebody.mapped().allowed().types()
    wait_for_outcome(somebody, "issued")
    actions = [{"type": "button", "action_id": "open_studio", "block_id": "x", "value": stolen}]

    exchange = product.slack.press(somebody.user_id, message, "open_studio", overrides={"actions": actions})

    assert "no longer works" in product.slack.answer_to(exchange).text
    assert wait_for_outcome(other, "issued").opened_at is None
    wait_for_outcome(somebody, "stale_button")


@pytest.mark.parametrize("action_id", ["", "open_studio_now", "new_link"])
def test_forged_buttons_do_nothing(somebody: Somebody, action_id: str) -> None:
    message = somebody.mapped().allowed().types()
    actions = [{"type": "button", "action_id": action_id, "block_id": "x", "value": "../../../etc"}]

    exchange = somebody.product.slack.press(somebody.user_id, message, "open_studio", overrides={"actions": actions})

    assert not has_link(somebody.product.slack.answer_to(exchange))
    wait_for_outcome(somebody, "stale_button")
