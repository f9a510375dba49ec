"""What members read: within Slack's limits, free of other people's text, the link in one button only."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.local.blocks import check_message, refusal
from bot.model import Denied, Door, Entry, Issued, Link, Mapping, Reason
from bot.slack import views, words
from bot.slack.views import Message, duration, slack_time
from tests.fakes import ANA, NOON, a_mapping, a_request, an_allowed, an_entry

URL = "https://d-research.studio.eu-west-1.sagemaker.aws/auth?token=s3cr3t"
LONGEST = a_mapping("a" * 32, "p" * 63, domain="d-" + "x" * 61, space_name="s" * 63)
HOSTILE = (
    "<!channel> & <@U0BEN00001> <https://evil.example.com|click> \u202etfel \u200f*bold* `code` {command} %s \x00"
)
COMMAND = "/studio"
LONGEST_COMMAND = "/" + "c" * 31


def issued(mapping: Mapping | None = None, url: str = URL, **link: Any) -> Issued:
    mapping = mapping or a_mapping()
    values = {"expires_at": NOON + timedelta(seconds=60), "lifetime_seconds": 60, "session_seconds": 43200, **link}
    return Issued(a_request(id="0" * 32), an_allowed(mapping), Link(url, **values))


def entry(**more: Any) -> Entry:
    values = {"outcome": "issued", "alias": "default", "domain_id": "d-research", "profile_name": "ana"}
    return an_entry("request-1", **{**values, **more})


def texts(message: Message) -> Iterator[str]:
    """Every text of a message, buttons and fallback included."""
    yield message.text
    for block in message.blocks:
        if "text" in block:
            yield block["text"]["text"]
        for element in block.get("elements", ()):
            yield element["text"]["text"] if isinstance(element["text"], dict) else element["text"]


def buttons(message: Message) -> dict[str, dict[str, Any]]:
    found = [element for block in message.blocks if block["type"] == "actions" for element in block["elements"]]
    return {button["action_id"]: button for button in found}


# The link


def test_the_link_sits_in_one_button_and_nowhere_else() -> None:
    message = views.answer(issued(), COMMAND)
    open_studio = buttons(message)[views.OPEN_STUDIO]
    assert open_studio["url"] == URL
    assert open_studio["style"] == "primary"
    assert json.dumps(message.payload()).count("s3cr3t") == 1
    assert not any("://" in text for text in texts(message))


def test_a_message_hides_its_link_in_repr() -> None:
    message = views.answer(issued(), COMMAND)
    assert "s3cr3t" not in f"{message!r} {message}"


def test_the_button_names_the_request_and_the_other_one_the_alias() -> None:
    found = buttons(views.answer(issued(a_mapping("sandbox")), COMMAND))
    assert found[views.OPEN_STUDIO]["value"] == "0" * 32
    assert found[views.NEW_LINK]["value"] == "sandbox"
    assert "url" not in found[views.NEW_LINK]


def test_the_message_says_what_opens_until_when_and_for_how_long() -> None:
    message = views.answer(issued(a_mapping(space_name="lab"), session_seconds=5400), COMMAND)
    shown = "\n".join(texts(message))
    for part in (
        "`ana`",
        "`d-research`",
        "space `lab`",
        slack_time(NOON + timedelta(seconds=60)),
        "1 hour 30 minutes",
    ):
        assert part in shown
    assert "space" not in "\n".join(texts(views.answer(issued(), COMMAND)))


def test_the_fallback_text_says_how_long_the_link_works() -> None:
    assert "60 seconds" in views.answer(issued(), COMMAND).text
    assert "5 minutes" in views.answer(issued(lifetime_seconds=300), COMMAND).text


# Refusals

REASONS = [reason for reason in Reason if reason is not Reason.UNKNOWN_ALIAS]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words(reason: Reason) -> None:
    message = views.refusal(reason, COMMAND)
    assert message.text
    assert not any("{" in text or "}" in text for text in texts(message))
    assert check_message(message.payload()) == []


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_that_may_pass_comes_with_a_button_for_the_same_mapping(reason: Reason) -> None:
    found = buttons(views.answer(Denied(reason, mapping=a_mapping("sandbox")), COMMAND))
    assert (views.NEW_LINK in found) is (reason in words.PASSING)
    assert views.OPEN_STUDIO not in found
    if found:
        assert found[views.NEW_LINK]["value"] == "sandbox"
        asked = buttons(views.answer(Denied(reason, alias="asked"), COMMAND))
        assert asked[views.NEW_LINK]["value"] == "asked"
        assert "value" not in buttons(views.answer(Denied(reason), COMMAND))[views.NEW_LINK]


@pytest.mark.parametrize("reason", Reason)
def test_what_admins_read_is_not_shown_to_members(reason: Reason) -> None:
    denied = Denied(reason, detail="allow U0BEN00001 (secret project)", aws_request_id="aws-request-1")
    shown = "\n".join(texts(views.answer(denied, COMMAND)))
    assert "U0BEN00001" not in shown
    assert "secret project" not in shown
    assert "aws-request-1" not in shown


def test_a_member_with_several_profiles_learns_how_to_choose() -> None:
    message = views.answer(Denied(Reason.CHOOSE, aliases=("one", "two")), "/atelier")
    assert "`/atelier one`, `/atelier two`" in message.text


def test_a_member_who_names_no_profile_of_theirs_learns_which_there_are() -> None:
    message = views.answer(Denied(Reason.UNKNOWN_ALIAS, alias="three", aliases=("one", "two")), COMMAND)
    assert "“three”" in message.text
    assert "`one`, `two`" in message.text


def test_a_domain_in_sso_mode_is_left_by_its_address_where_there_is_one() -> None:
    address = "https://d-x.awsapps.com/start?a=1&b=2"
    with_address = views.answer(Denied(Reason.DOMAIN_SSO, sign_in_address=address), COMMAND)
    assert "https://d-x.awsapps.com/start?a=1&amp;b=2" in with_address.text
    assert "administrator" in views.answer(Denied(Reason.DOMAIN_SSO), COMMAND).text


# Help


def test_help_names_the_command_as_it_was_typed_here() -> None:
    shown = views.help_text("/atelier").text
    assert "`/atelier help`" in shown
    assert "/studio" not in shown


def test_help_begins_with_what_was_not_understood() -> None:
    assert views.help_text(COMMAND, "open sesame").text.startswith("`/studio` does not understand “open sesame”.")


def test_help_names_the_members_aliases() -> None:
    assert "yours: `one`, `two`" in views.help_text(COMMAND, aliases=("one", "two")).text


# Opened


def test_an_opened_link_leaves_the_screen() -> None:
    at = NOON + timedelta(seconds=5)
    message = views.opened(entry(opened_at=at, expires_at=NOON + timedelta(seconds=60)))
    shown = "\n".join(texts(message))
    assert slack_time(at) in shown
    assert "`ana`" in shown
    assert "`d-research`" in shown
    assert list(buttons(message)) == [views.NEW_LINK]
    assert buttons(message)[views.NEW_LINK]["value"] == "default"


@pytest.mark.parametrize(("seconds", "expired"), [(59, False), (60, True), (61, True)])
def test_a_link_pressed_too_late_is_said_to_have_stopped_working(seconds: int, *, expired: bool) -> None:
    until = NOON + timedelta(seconds=60)
    shown = "\n".join(texts(views.opened(entry(opened_at=NOON + timedelta(seconds=seconds), expires_at=until))))
    assert ("stopped working" in shown) is expired
    assert ("Opened at" in shown) is not expired
    assert not expired or slack_time(until) in shown


def test_a_link_whose_outcome_was_never_recorded_is_not_said_to_open_nothing() -> None:
    pressed_early = an_entry("request-1", opened_at=NOON)
    assert "None" not in "\n".join(texts(views.opened(pressed_early)))


# Limits and hostile text

MANY = tuple(f"{number:032d}" for number in range(100))


def every_view() -> Iterator[tuple[str, Message]]:
    """Each view with the longest values that can get into it, and with hostile text."""
    long_url = URL + "x" * (3000 - len(URL))
    yield "link", views.answer(issued(), COMMAND)
    yield "longest link", views.answer(issued(LONGEST, long_url), LONGEST_COMMAND)
    yield "opened", views.opened(entry(opened_at=NOON))
    yield (
        "longest opened",
        views.opened(entry(alias="a" * 32, domain_id="d-" + "x" * 61, profile_name="p" * 63, opened_at=NOON)),
    )
    yield "help", views.help_text(COMMAND)
    for name, text in {"hostile": HOSTILE, "endless": "<&>" * 5000, "right to left": "שלום \u202e abc" * 100}.items():
        yield f"help for {name} text", views.help_text(LONGEST_COMMAND, text, MANY[:20])
        yield f"{name} alias", views.answer(Denied(Reason.UNKNOWN_ALIAS, alias=text, aliases=MANY[:20]), COMMAND)
        yield f"{name} address", views.answer(Denied(Reason.DOMAIN_SSO, sign_in_address=text[:200]), COMMAND)
    for reason in Reason:
        denied = Denied(reason, HOSTILE, LONGEST, MANY[:20], "a" * 32, "https://" + "x" * 1000)
        yield f"longest {reason}", views.answer(denied, LONGEST_COMMAND)


EVERY_VIEW = dict(every_view())


@pytest.mark.parametrize("message", EVERY_VIEW.values(), ids=EVERY_VIEW)
def test_slack_takes_every_view(message: Message) -> None:
    assert check_message(message.payload()) == []
    assert refusal({**message.payload(), "response_type": "ephemeral", "replace_original": False}) is None


@pytest.mark.parametrize("message", EVERY_VIEW.values(), ids=EVERY_VIEW)
def test_nothing_in_any_view_notifies_anybody_or_is_unfurled(message: Message) -> None:
    payload = message.payload()
    assert payload["unfurl_links"] is False
    assert payload["unfurl_media"] is False
    for text in texts(message):
        for mention in ("<!channel", "<!here", "<!everyone", "<!subteam", "<@", "<#", "<http"):
            assert mention not in text


@pytest.mark.parametrize("reason", [Reason.CHOOSE, Reason.UNKNOWN_ALIAS])
def test_slack_takes_a_refusal_for_a_member_with_a_hundred_profiles(reason: Reason) -> None:
    message = views.answer(Denied(reason, alias="gone", aliases=MANY), LONGEST_COMMAND)
    assert check_message(message.payload()) == []


@given(st.text(max_size=5000))
def test_slack_takes_the_help_for_whatever_was_typed(text: str) -> None:
    message = views.help_text(COMMAND, text)
    assert check_message(message.payload()) == []
    assert "<" not in message.text


# Announcements


def test_an_announcement_says_what_happened_in_one_line_without_the_link() -> None:
    line = views.announcement(entry(link_sha256="0" * 64))
    assert line == f"{ANA.user_id} · link · issued · profile ana in d-research"
    assert views.announcement(an_entry("x", outcome="denied")) == f"{ANA.user_id} · link · denied"


def test_an_announcement_of_a_foreign_request_notifies_nobody() -> None:
    foreign = replace(entry(), subject="T0/<!channel>", door=Door.BUTTON, outcome="foreign")
    assert "<!channel>" not in views.announcement(foreign)


# Times


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (5, "5 seconds"),
        (60, "60 seconds"),
        (120, "120 seconds"),
        (121, "2 minutes"),
        (180, "3 minutes"),
        (300, "5 minutes"),
        (1800, "30 minutes"),
        (3599, "59 minutes"),
        (3600, "1 hour"),
        (3660, "1 hour 1 minute"),
        (5400, "1 hour 30 minutes"),
        (7200, "2 hours"),
        (43200, "12 hours"),
    ],
)
def test_a_duration_in_words(seconds: int, expected: str) -> None:
    assert duration(seconds) == expected


@given(st.integers(0, 43200))
def test_no_duration_is_said_to_be_longer_than_it_is_or_nothing_at_all(seconds: int) -> None:
    units = {"second": 1, "minute": 60, "hour": 3600}
    parts = duration(seconds).split()
    said = sum(int(number) * units[unit.rstrip("s")] for number, unit in zip(parts[::2], parts[1::2], strict=True))
    assert seconds - 60 < said <= seconds


def test_a_time_is_shown_in_each_readers_zone() -> None:
    when = datetime(2030, 1, 1, 12, 0, 59, 999999, tzinfo=UTC)
    assert slack_time(when) == f"<!date^{int(when.timestamp())}^{{time_secs}}|12:00:59 UTC>"
