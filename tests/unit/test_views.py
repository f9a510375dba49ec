"""Views for members: within Slack's limits, without other people's text, the link in one button only."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import audit
from bot.core.access import Access, Effect, Grant, Mapping, Member, Person
from bot.core.link import LANDING_URIS, Choice, Denied, Issued, Link, Option, Reason, Source, StudioApp, Target
from bot.core.policy import Facts
from bot.core.records import Entry
from bot.core.values import MAX_REASON
from bot.links.status import LAST_LINKS, MemberStatus
from bot.local.slack.blocks import check_message, check_view, refusal
from bot.slack.app_context import announcement
from bot.slack.blocks import Message, RenderContext, duration, escape, slack_date, slack_time, text_message
from bot.slack.members import status_views, views
from bot.slack.payloads import parse_target
from bot.slack.words import CATALOGUES
from tests.fakes import ANA, NOON, TEAM, a_grant, a_mapping, a_request, an_allowed, an_entry

URL = "https://d-research.studio.eu-west-1.sagemaker.aws/auth?token=s3cr3t"
MAX_LENGTH = a_mapping("a" * 32, "p" * 63, domain="d-" + "x" * 61, space_name="s" * 63)
MAX_LENGTH_TARGET = Target("a" * 32, StudioApp.RSTUDIO, "s" * 63)
HOSTILE = (
    "<!channel> & <@U0BEN00001> <https://evil.example.com|click> \u202etfel \u200f*bold* `code` {command} %s \x00"
)
RIGHT_TO_LEFT = "שלום \u202e עולם مرحبا بالعالم abc \u2067 " * 30
TEXTS = {"hostile": HOSTILE, "endless": "<&>" * 5000, "right to left": RIGHT_TO_LEFT}
ENGLISH = CATALOGUES["en"]
RENDER = RenderContext(ENGLISH)
MAX_LENGTH_COMMAND = "/" + "c" * 31
RENDERS = {language: RenderContext(words, MAX_LENGTH_COMMAND, may_ask=True) for language, words in CATALOGUES.items()}

in_each_language = pytest.mark.parametrize("render", RENDERS.values(), ids=RENDERS)


def issued(mapping: Mapping | None = None, url: str = URL, *, target: Target | None = None, **link: Any) -> Issued:
    mapping = mapping or a_mapping()
    values = {"expires_at": NOON + timedelta(seconds=60), "lifetime_seconds": 60, "session_seconds": 43200, **link}
    return Issued(a_request(id="0" * 32, target=target or Target()), an_allowed(mapping), Link(url, **values))


def entry(**more: Any) -> Entry:
    values = {"outcome": "issued", "alias": "default", "domain_id": "d-research", "profile_name": "ana"}
    return an_entry("request-1", **{**values, **more})


def options(*targets: str) -> tuple[Option, ...]:
    found = [parse_target(target.split()) for target in targets]
    return tuple(Option(target, "ana", "d-research") for target in found if target is not None)


def choice(*targets: str, remembered: bool = False) -> Choice:
    return Choice(a_request(), options(*targets), remembered=remembered)


def mappings(*aliases: str) -> tuple[Mapping, ...]:
    return tuple(a_mapping(alias) for alias in aliases)


def a_status(*mapped: Mapping, links: tuple[Entry, ...] = (), denied: Reason | None = None) -> MemberStatus:
    allowed = an_allowed(mapped[0] if mapped else None)
    access = Access(mapped, (a_grant(),))
    decision = allowed if denied is None else Denied(denied, mappings=mapped)
    facts = Facts(Person(ANA.user_id, TEAM), access)
    return MemberStatus(ANA, facts, decision, a_grant(), allowed_now=True, links=links)


def locked_down(reason: str) -> MemberStatus:
    return replace(a_status(a_mapping()), decision=Denied(Reason.LOCKDOWN, notice=reason))


def texts(message: Message) -> Iterator[str]:
    """Return every text of a message, including fallback, buttons and options."""
    yield message.text
    for block in message.blocks:
        yield from texts_in(block)


def texts_in(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from texts_in(each)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts_in(value)


def elements(message: Message) -> list[dict[str, Any]]:
    return [element for block in message.blocks if block["type"] == "actions" for element in block["elements"]]


def buttons(message: Message) -> dict[str, dict[str, Any]]:
    return {element["action_id"]: element for element in elements(message)}


# What tells entries apart

ALIKE = (
    a_mapping("falcon", space_name="falcon"),
    a_mapping("notes", landing_uri="app:JupyterLab:lab/tree/notes"),
    a_mapping("prod"),
    a_mapping("sandbox", region="eu-west-1"),
)


def differences(shown: str) -> dict[str, bool]:
    return {each: each in shown for each in ("falcon", "JupyterLab", "eu-west-1")}


@pytest.mark.public(25)
@in_each_language
def test_whoami_and_home_tell_entries_apart(render: RenderContext) -> None:
    for message in (
        status_views.who_am_i(a_status(*ALIKE), render),
        status_views.home_tab(a_status(*ALIKE), render),
    ):
        lines = [line for text in texts(message) for line in text.splitlines()]
        shown = {line for line in lines if "`ana`" in line and "`d-research`" in line}
        assert len(shown) == len(ALIKE)
        assert len({re.sub(r"^`\w+`", "", line) for line in shown}) == len(ALIKE)
        assert all(differences("\n".join(shown)).values())


@pytest.mark.public(25)
@pytest.mark.parametrize("count", [4, 8])
@in_each_language
def test_chooser_tells_options_apart(render: RenderContext, count: int) -> None:
    mapped = [replace(mapping, alias=f"{mapping.alias}{n}") for n in range(count // 4) for mapping in ALIKE]
    offered = tuple(
        Option(Target(each.alias), "ana", "d-research", each.space_name, each.landing_uri, each.region)
        for each in mapped
    )
    message = views.answer(Choice(a_request(), offered), render)
    assert all(differences("\n".join(texts(message))).values())
    assert check_message(message.payload()) == []


@pytest.mark.public(25)
@in_each_language
def test_option_of_a_space_has_no_repeated_list(render: RenderContext) -> None:
    spaces = tuple(Option(Target("prod", None, name), "ana", "d-research") for name in ("one", "two"))
    shown = "\n".join(texts(views.answer(Choice(a_request(), spaces), render)))
    assert "`d-research`" not in shown


@pytest.mark.public(25)
@in_each_language
def test_link_and_receipt_say_what_is_opened(render: RenderContext) -> None:
    target = Target("prod", StudioApp.LAB)
    mapping = a_mapping("prod", landing_uri=LANDING_URIS[StudioApp.LAB], space_name="falcon", region="eu-west-1")
    assert all(differences("\n".join(texts(views.answer(issued(mapping, target=target), render)))).values())
    pressed = replace(audit.ended(a_request(), issued(mapping, target=target), delivered=True), opened_at=NOON)
    receipt = "\n".join(texts(views.opened(pressed, render)))
    assert all(differences(receipt).values())
    assert "`prod`" in receipt


@pytest.mark.public(25)
@pytest.mark.parametrize("app", StudioApp)
def test_every_app_has_a_name(app: StudioApp) -> None:
    shown = {
        "\n".join(texts(views.answer(issued(a_mapping(landing_uri=uri)), RENDER))) for uri in LANDING_URIS.values()
    }
    assert len(shown) == len(StudioApp)
    message = views.answer(issued(a_mapping(landing_uri=LANDING_URIS[app])), RENDER)
    names = {"lab": "JupyterLab", "code": "Code Editor", "canvas": "Canvas", "rstudio": "RStudio"}
    names |= {"classic": "Studio Classic", "home": "Studio home"}
    assert names[app] in "\n".join(texts(message))


# The link


def test_link_is_in_one_button_only() -> None:
    message = views.answer(issued(), RENDER)
    open_studio = buttons(message)[views.OPEN_STUDIO]
    assert open_studio["url"] == URL
    assert open_studio["style"] == "primary"
    assert json.dumps(message.payload()).count("s3cr3t") == 1
    assert not any("://" in text for text in texts(message))


def test_link_is_hidden_in_the_repr_of_a_message() -> None:
    message = views.answer(issued(), RENDER)
    assert "s3cr3t" not in f"{message!r} {message}"


def test_buttons_have_request_id_and_alias() -> None:
    found = buttons(views.answer(issued(a_mapping("sandbox")), RENDER))
    assert found[views.OPEN_STUDIO]["value"] == "0" * 32
    assert found[views.NEW_LINK]["value"] == "sandbox"
    assert "url" not in found[views.NEW_LINK]


@pytest.mark.parametrize(
    ("target", "again"),
    [
        (Target(), "sandbox"),
        (Target("sandbox"), "sandbox"),
        (Target(app=StudioApp.LAB), "sandbox lab"),
        (Target("sandbox", StudioApp.CODE, "Team"), "sandbox code space Team"),
        (Target(space="Team"), "sandbox space Team"),
    ],
    ids=str,
)
def test_new_link_button_has_the_same_target(target: Target, again: str) -> None:
    mapping = a_mapping("sandbox", space_name=target.space)
    found = buttons(views.answer(issued(mapping, target=target), RENDER))
    assert found[views.NEW_LINK]["value"] == again


def test_link_message_shows_target_expiry_and_session_length() -> None:
    message = views.answer(issued(a_mapping(space_name="lab"), session_seconds=5400), RENDER)
    shown = "\n".join(texts(message))
    for part in (
        "`ana`",
        "`d-research`",
        "space `lab`",
        slack_time(NOON + timedelta(seconds=60)),
        "1 hour 30 minutes",
    ):
        assert part in shown
    assert "space" not in "\n".join(texts(views.answer(issued(), RENDER)))


def test_fallback_text_shows_how_long_the_link_works() -> None:
    assert "60 seconds" in views.answer(issued(), RENDER).text
    assert "5 minutes" in views.answer(issued(lifetime_seconds=300), RENDER).text


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("until", "mentioned"),
    [(None, False), (DAY, False), (DAY - timedelta(seconds=1), True), (timedelta(seconds=1), True)],
    ids=str,
)
@pytest.mark.parametrize("may_ask", [True, False])
def test_link_message_mentions_the_end_of_access(until: timedelta | None, *, mentioned: bool, may_ask: bool) -> None:
    end = None if until is None else NOON + until
    given = issued(a_mapping("sandbox"))
    given = replace(given, allowed=replace(given.allowed, grant=a_grant(until=end)))
    message = views.answer(given, RenderContext(ENGLISH, may_ask=may_ask))
    assert (end is not None and slack_date(end) in "\n".join(texts(message))) is mentioned
    assert (views.ASK in buttons(message)) is (mentioned and may_ask)


# Choices


@pytest.mark.parametrize("count", range(1, 6))
def test_up_to_five_choices_are_buttons(count: int) -> None:
    targets = [f"alias-{number}" for number in range(count)]
    found = elements(views.answer(choice(*targets), RENDER))
    assert [element["type"] for element in found] == ["button"] * count
    assert [element["value"] for element in found] == targets
    assert len({element["action_id"] for element in found}) == count
    assert all(re.fullmatch(rf"{views.CHOOSE}_\d", element["action_id"]) for element in found)
    assert not any("url" in element for element in found)


@pytest.mark.parametrize("count", [6, 25, 100, 101, 130])
def test_more_than_five_choices_are_a_select(count: int) -> None:
    targets = [f"alias-{number}" for number in range(count)]
    [select] = elements(views.answer(choice(*targets), RENDER))
    assert (select["type"], select["action_id"]) == ("static_select", views.CHOOSE)
    assert [option["value"] for option in select["options"]] == targets[:100]


@pytest.mark.parametrize("count", [2, 5, 6, 130])
@pytest.mark.parametrize("remembered", [True, False])
def test_only_the_last_opened_choice_is_primary(count: int, *, remembered: bool) -> None:
    targets = [f"alias-{number}" for number in range(count)]
    found = elements(views.answer(choice(*targets, remembered=remembered), RENDER))
    if count <= views.MAX_BUTTONS:
        assert [element.get("style") for element in found] == ["primary" if remembered else None] + [None] * (
            count - 1
        )
    else:
        assert found[0].get("initial_option") == (found[0]["options"][0] if remembered else None)


@in_each_language
@pytest.mark.parametrize("count", [4, 8])
def test_choices_are_distinguishable(render: RenderContext, count: int) -> None:
    targets = ["one", "two", "one space lab", "two space Team", "three", "four", "five", "six"][:count]
    message = views.answer(choice(*targets), render)
    shown = "\n".join(texts(message))
    assert all(word in shown for target in targets for word in target.split() if word != "space")
    labels = [each["text"]["text"] for element in elements(message) for each in element.get("options", [element])]
    assert len(set(labels)) == len(targets) == len(labels)


NAMES = st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,31}", fullmatch=True).map(lambda name: name[:63])
LONG_NAMES = st.builds(
    lambda start, fill, end: f"{start}{fill * 63}"[: 63 - len(end)] + end, NAMES, st.sampled_from("ax0"), NAMES
)
ALIASES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)


def labels(offered: list[Option], render: RenderContext) -> list[str]:
    message = views.answer(Choice(a_request(), tuple(offered)), render)
    return [each["text"]["text"] for element in elements(message) for each in element.get("options", [element])]


@given(st.lists(LONG_NAMES | NAMES, min_size=1, max_size=8, unique=True), ALIASES, st.sampled_from([*RENDERS]))
def test_spaces_with_long_names_are_distinguishable(names: list[str], alias: str, language: str) -> None:
    offered = [Option(Target(alias, None, name), "p" * 63, "d-research") for name in names]
    shown = labels([Option(Target(alias), "p" * 63, "d-research"), *offered], RENDERS[language])
    assert len(set(shown)) == len(shown)
    assert all(name in label for name, label in zip(names, shown[1:], strict=True))
    assert max(map(len, shown)) <= 75


@given(
    st.lists(ALIASES, min_size=2, max_size=8, unique=True),
    LONG_NAMES | NAMES | st.none(),
    LONG_NAMES | NAMES,
    st.sampled_from([*RENDERS]),
)
def test_profiles_with_long_names_are_distinguishable(
    aliases: list[str], space: str | None, profile: str, language: str
) -> None:
    shown = labels(
        [Option(Target(alias, None, space), profile, "d-research") for alias in aliases], RENDERS[language]
    )
    assert len(set(shown)) == len(shown)
    assert all(alias in label for alias, label in zip(aliases, shown, strict=True))
    assert max(map(len, shown)) <= 75


@in_each_language
@pytest.mark.parametrize("target", ["one", "one lab", "one code space Team"])
def test_choice_shows_how_to_name_a_target(render: RenderContext, target: str) -> None:
    message = views.answer(choice(target, "two"), replace(render, command="/atelier"))
    assert f"`/atelier {target}`" in "\n".join(texts(message))
    assert "/studio" not in "\n".join(texts(message))


@pytest.mark.parametrize("count", [2, 8])
def test_chosen_value_is_the_requested_target(count: int) -> None:
    offered = [
        Target("a-1"),
        MAX_LENGTH_TARGET,
        *(Target(f"b-{number}", StudioApp.LAB) for number in range(count - 2)),
    ]
    given = Choice(a_request(), tuple(Option(target, "ana", "d-research") for target in offered))
    found = elements(views.answer(given, RENDER))
    values = [each["value"] for element in found for each in element.get("options", [element])]
    assert [parse_target(value.split()) for value in values] == offered


# Refusals


@in_each_language
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_message(reason: Reason, render: RenderContext) -> None:
    message = views.refusal(reason, render)
    assert message.text
    assert not any("{" in text or "}" in text for text in texts(message))
    assert check_message(message.payload()) == []


@pytest.mark.parametrize("reason", Reason)
def test_temporary_refusal_has_a_button_for_the_same_mapping(reason: Reason) -> None:
    found = buttons(views.answer(Denied(reason, mapping=a_mapping("sandbox")), RENDER))
    assert (views.NEW_LINK in found) is (reason in views.PASSING)
    assert views.OPEN_STUDIO not in found
    if found:
        assert found[views.NEW_LINK]["value"] == "sandbox"
        asked = buttons(views.answer(Denied(reason, target=Target("asked")), RENDER))
        assert asked[views.NEW_LINK]["value"] == "asked"
        everything = Denied(reason, mapping=a_mapping("sandbox"), target=Target(None, StudioApp.LAB, "Team"))
        assert buttons(views.answer(everything, RENDER))[views.NEW_LINK]["value"] == "sandbox lab space Team"
        assert "value" not in buttons(views.answer(Denied(reason), RENDER))[views.NEW_LINK]


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("may_ask", [True, False])
def test_refusal_that_approval_fixes_has_a_request_button(reason: Reason, *, may_ask: bool) -> None:
    found = buttons(views.answer(Denied(reason), RenderContext(ENGLISH, may_ask=may_ask)))
    assert (views.ASK in found) is (may_ask and reason in views.ASKABLE)
    assert not views.ASKABLE & views.PASSING


@in_each_language
@pytest.mark.parametrize("reason", Reason)
def test_administrators_details_are_hidden_from_members(reason: Reason, render: RenderContext) -> None:
    denied = Denied(reason, detail="allow U0BEN00001 (secret project)", aws_request_id="aws-request-1")
    shown = "\n".join(texts(views.answer(denied, render)))
    assert "U0BEN00001" not in shown
    assert "secret project" not in shown
    assert "aws-request-1" not in shown


NEAREST: list[tuple[str, list[str], list[str]]] = [
    ("sandbx", ["sandbox", "production"], ["sandbox"]),
    ("production", ["product", "sandbox", "productions"], ["productions", "product"]),
    ("prod-eu", ["prod-us", "prod-eu-1", "sandbox"], ["prod-eu-1", "prod-us"]),
    ("alias", ["alias-1", "alias-12", "alias-123", "alias-1234"], ["alias-1", "alias-12", "alias-123"]),
    ("prod", ["research-platform-production", "prod-research-platform-eu", "sandbox"], ["prod-research-platform-eu"]),
    ("zzz", ["sandbox", "production"], []),
    ("sandbox", [], []),
]


@in_each_language
@pytest.mark.parametrize(("asked", "own", "near"), NEAREST, ids=[case[0] for case in NEAREST])
def test_unknown_alias_lists_the_nearest_and_all_aliases(
    asked: str, own: list[str], near: list[str], render: RenderContext
) -> None:
    message = views.answer(Denied(Reason.UNKNOWN_ALIAS, target=Target(asked), mappings=mappings(*own)), render)
    first = message.blocks[0]["text"]["text"]
    assert asked in first
    assert set(re.findall(r"`([^`]+)`", first)) == set(near)
    assert (render.words.nearest.partition("{")[0] in first) is bool(near)
    shown = "\n".join(texts(message))
    assert not own or ", ".join(f"`{alias}`" for alias in sorted(own)) in shown


def test_suggestions_are_ordered_by_similarity() -> None:
    denied = Denied(
        Reason.UNKNOWN_ALIAS, target=Target("production"), mappings=mappings("product", "productions", "sandbox")
    )
    assert "Did you mean `productions`, `product`?" in views.answer(denied, RENDER).text
    assert "“production”" in views.answer(denied, RENDER).text


@given(
    st.lists(st.sampled_from(["sandbox", "sandbox-2", "production", "lab-1"]), unique=True),
    st.sampled_from(["sandbox-3", "prod", "lab-2", "x"]),
)
def test_suggestions_are_the_members_own_aliases(own: list[str], asked: str) -> None:
    denied = Denied(Reason.UNKNOWN_ALIAS, target=Target(asked), mappings=mappings(*own))
    shown = " ".join(re.findall(r"`([^`]*)`", "\n".join(texts(views.answer(denied, RENDER)))))
    named = {
        alias
        for alias in ("sandbox", "sandbox-2", "production", "lab-1")
        if re.search(rf"(?<!\S){alias}\b(?!-)", shown)
    }
    assert named == set(own)


def test_sso_domain_message_has_its_url_if_known() -> None:
    address = "https://d-x.awsapps.com/start?a=1&b=2"
    with_address = views.answer(Denied(Reason.DOMAIN_SSO, sign_in_address=address), RENDER)
    assert "https://d-x.awsapps.com/start?a=1&amp;b=2" in with_address.text
    assert "administrator" in views.answer(Denied(Reason.DOMAIN_SSO), RENDER).text


# Help


@in_each_language
def test_help_uses_the_typed_command_name(render: RenderContext) -> None:
    shown = views.help_text(replace(render, command="/atelier"), aliases=("one",), not_understood="x").text
    assert "`/atelier help`" in shown
    assert "`/atelier whoami`" in shown
    assert "/studio" not in shown


def test_help_starts_with_the_unparsed_text() -> None:
    shown = views.help_text(RENDER, not_understood="open sesame").text
    assert shown.startswith("`/studio` does not understand “open sesame”.")
    assert "understand" not in views.help_text(RENDER).text


@in_each_language
def test_help_lists_the_members_aliases_and_their_options(render: RenderContext) -> None:
    shown = views.help_text(render, aliases=("one", "two")).text
    assert "`one`, `two`" in shown
    assert f"`{MAX_LENGTH_COMMAND} lab|code|canvas|rstudio|classic|home`" in shown
    assert f"`{MAX_LENGTH_COMMAND} space NAME`" in shown


@in_each_language
def test_help_without_a_profile_omits_commands_that_need_one(render: RenderContext) -> None:
    shown = "\n".join(texts(views.help_text(render)))
    for word in ("ALIAS", "space", "rstudio"):
        assert word not in shown
    assert "whoami" in shown


@in_each_language
def test_help_lists_the_members_aliases_in_order(render: RenderContext) -> None:
    message = status_views.help_for(a_status(*mappings("two", "one")), render, not_understood="eh")
    assert message == views.help_text(render, not_understood="eh", aliases=("one", "two"))
    nothing = status_views.help_for(a_status(), render, not_understood=None)
    assert nothing == views.help_text(render)


# Whether the member can open something, and whether an approval would help.
PLACES: dict[Reason | None, tuple[bool, bool]] = {
    None: (True, False),
    Reason.NOT_MAPPED: (False, True),
    Reason.NOT_ALLOWED: (False, True),
    Reason.GRANT_EXPIRED: (False, True),
    Reason.GUEST: (False, False),
    Reason.NOT_A_MEMBER: (False, False),
    Reason.DENIED: (False, False),
    Reason.STORE_UNREADABLE: (False, False),
}
in_every_place = pytest.mark.parametrize(("reason", "place"), PLACES.items(), ids=[str(reason) for reason in PLACES])


@in_each_language
@in_every_place
@pytest.mark.parametrize("may_ask", [True, False])
def test_help_lists_exactly_what_the_member_can_use(
    render: RenderContext, reason: Reason | None, place: tuple[bool, bool], *, may_ask: bool
) -> None:
    render, (opens, helped) = replace(render, command="/studio", may_ask=may_ask), place
    mapped = () if reason is Reason.NOT_MAPPED else mappings("one", "two")
    lines = status_views.help_for(a_status(*mapped, denied=reason), render, not_understood=None).text.splitlines()
    links, request = "`/studio` ", "`/studio request` "
    assert any(line.startswith(links) for line in lines) is opens
    assert any("`one`" in line for line in lines) is opens
    assert any(line.startswith(request) for line in lines) is (may_ask and (opens or helped))
    assert [line for line in lines if "`/studio whoami`" in line or "`/studio help`" in line] == lines[-2:]
    if reason is not None:
        assert lines[0] == views.refusal(reason, render).text


@in_each_language
@in_every_place
@pytest.mark.parametrize("may_ask", [True, False])
def test_home_tab_and_whoami_offer_what_the_member_can_use(
    render: RenderContext, reason: Reason | None, place: tuple[bool, bool], *, may_ask: bool
) -> None:
    render, (opens, helped) = replace(render, may_ask=may_ask), place
    mapped = () if reason is Reason.NOT_MAPPED else mappings("one", "two")
    home = status_views.home_tab(a_status(*mapped, denied=reason), render)
    whoami = status_views.who_am_i(a_status(*mapped, denied=reason), render)
    assert [block["accessory"]["value"] for block in home.blocks if "accessory" in block] == (
        ["one", "two"] if opens else []
    )
    assert (views.ASK in buttons(home)) is (views.ASK in buttons(whoami)) is (may_ask and helped)
    assert all(f"`{mapping.alias}`" in "\n".join(texts(home)) for mapping in mapped)


def test_help_shows_how_long_a_link_works() -> None:
    assert "60 seconds" in views.help_text(RENDER).text
    assert "5 minutes" in views.help_text(replace(RENDER, link_seconds=300)).text


# Opened links


def test_opened_link_is_removed_from_the_message() -> None:
    at = NOON + timedelta(seconds=5)
    message = views.opened(entry(opened_at=at, expires_at=NOON + timedelta(seconds=60)), RENDER)
    shown = "\n".join(texts(message))
    assert slack_time(at) in shown
    assert "`ana`" in shown
    assert "`d-research`" in shown
    assert list(buttons(message)) == [views.NEW_LINK]
    assert buttons(message)[views.NEW_LINK]["value"] == "default"


@pytest.mark.parametrize(("seconds", "expired"), [(59, False), (60, True), (61, True)])
def test_link_pressed_too_late_is_shown_as_expired(seconds: int, *, expired: bool) -> None:
    until = NOON + timedelta(seconds=60)
    pressed = entry(opened_at=NOON + timedelta(seconds=seconds), expires_at=until)
    shown = "\n".join(texts(views.opened(pressed, RENDER)))
    assert ("expired" in shown) is expired
    assert ("Opened at" in shown) is not expired
    assert not expired or slack_time(until) in shown


def test_expired_link_offers_a_new_one() -> None:
    until = NOON + timedelta(seconds=60)
    message = views.stale(entry(alias="sandbox", expires_at=until), RENDER)
    assert slack_time(until) in "\n".join(texts(message))
    assert buttons(message)[views.NEW_LINK]["value"] == "sandbox"


@in_each_language
def test_link_with_an_unrecorded_outcome_has_no_empty_values(render: RenderContext) -> None:
    pressed_early = an_entry("request-1", opened_at=NOON)
    assert "None" not in "\n".join(texts(views.opened(pressed_early, render)))


@pytest.mark.parametrize(
    ("more", "again"),
    [
        ({}, "default"),
        ({"space_name": "Team"}, "default space Team"),
        ({"landing_uri": LANDING_URIS[StudioApp.LAB]}, "default lab"),
        ({"landing_uri": LANDING_URIS[StudioApp.CODE], "space_name": "Team"}, "default code space Team"),
        ({"landing_uri": "app:JupyterLab:lab/tree/of-the-mapping"}, "default"),
    ],
    ids=str,
)
@pytest.mark.parametrize("view", [views.opened, views.stale])
def test_new_link_after_a_used_one_has_the_same_target(view: Any, more: dict[str, Any], again: str) -> None:
    message = view(entry(opened_at=NOON, expires_at=NOON + timedelta(seconds=60), **more), RENDER)
    assert buttons(message)[views.NEW_LINK]["value"] == again


# Status

MANY = tuple(f"{number:032d}" for number in range(100))


def longest_mappings(count: int) -> tuple[Mapping, ...]:
    return tuple(replace(MAX_LENGTH, alias=f"{number:02d}" + "a" * 30) for number in range(count))


def longest_links() -> tuple[Entry, ...]:
    return tuple(entry(alias="a" * 32, opened_at=NOON, outcome="issued") for _ in range(LAST_LINKS))


@in_each_language
def test_whoami_shows_name_mappings_and_links(render: RenderContext) -> None:
    mapped = (a_mapping("two", "ana-2", domain="d-second"), a_mapping("one", "ana-1"))
    message = status_views.who_am_i(a_status(*mapped, links=(entry(alias="one"),)), render)
    shown = "\n".join(texts(message))
    assert f"<@{ANA.user_id}>" in shown
    assert shown.index("`one`") < shown.index("`two`")
    for part in ("`ana-1`", "`ana-2`", "`d-research`", "`d-second`", slack_date(NOON), render.words.who_links):
        assert part in shown
    assert list(buttons(message)) == [status_views.RETURN]


@in_each_language
def test_whoami_of_an_unmapped_member_says_so(render: RenderContext) -> None:
    shown = "\n".join(texts(status_views.who_am_i(a_status(denied=Reason.NOT_MAPPED), render)))
    assert render.words.who_nothing in shown
    assert render.words.who_no_links in shown
    assert render.words.who_links not in shown


@in_each_language
@pytest.mark.parametrize("count", [1, 25, 100])
def test_whoami_with_many_long_profiles_is_valid(render: RenderContext, count: int) -> None:
    mapped = longest_mappings(count)
    message = status_views.who_am_i(a_status(*mapped, links=longest_links()), render)
    shown = "\n".join(texts(message))
    assert all(f"`{mapping.alias}`" in shown for mapping in mapped)
    assert check_message(message.payload()) == []


@in_each_language
@pytest.mark.parametrize("count", [0, 1, 25, 100])
def test_home_tab_with_many_long_profiles_is_valid(render: RenderContext, count: int) -> None:
    mapped = longest_mappings(count)
    view = status_views.home_tab(a_status(*mapped, links=longest_links()), render).home_tab()
    assert check_view(view) == []
    found = [block["accessory"]["value"] for block in view["blocks"] if "accessory" in block]
    assert found == [mapping.alias for mapping in mapped[: status_views.MAX_HOME_BLOCKS]]
    denied = status_views.home_tab(
        a_status(*mapped, links=longest_links(), denied=Reason.NOT_ALLOWED), render
    ).home_tab()
    assert check_view(denied) == []


MAX_LENGTH_REASONS = {"ampersands": "&" * MAX_REASON, "right to left": RIGHT_TO_LEFT[:MAX_REASON], "short": "Falcon"}


@in_each_language
@pytest.mark.parametrize("reason", MAX_LENGTH_REASONS.values(), ids=MAX_LENGTH_REASONS)
@pytest.mark.parametrize("until", [None, NOON])
def test_whoami_and_home_tab_with_the_longest_reason_are_valid(
    render: RenderContext, reason: str, until: datetime | None
) -> None:
    grant = replace(a_grant(until=until), reason=reason)
    longest = replace(a_status(*longest_mappings(25), links=longest_links()), allow=grant, allowed_now=until is None)
    longest = replace(longest, member=Member(TEAM, "U" + "X" * 30))
    message = status_views.who_am_i(longest, render)
    assert check_message(message.payload()) == []
    assert escape(reason) in message.blocks[0]["text"]["text"]
    assert check_view(status_views.home_tab(longest, render).home_tab()) == []


# Limits and hostile text


def every_view(render: RenderContext) -> Iterator[tuple[str, Message]]:
    """Return each view with the longest possible values, and with hostile text."""
    long_url = URL + "x" * (3000 - len(URL))
    yield "link", views.answer(issued(), render)
    yield "longest link", views.answer(issued(MAX_LENGTH, long_url, target=MAX_LENGTH_TARGET), render)
    ends = replace(
        issued(MAX_LENGTH, long_url, target=MAX_LENGTH_TARGET),
        allowed=replace(an_allowed(MAX_LENGTH), grant=a_grant(until=NOON)),
    )
    yield "longest link that ends soon", views.answer(ends, render)
    yield "opened", views.opened(entry(opened_at=NOON), render)
    longest_entry = entry(
        alias="a" * 32,
        domain_id="d-" + "x" * 61,
        profile_name="p" * 63,
        region="eu-west-1",
        space_name="s" * 63,
        opened_at=NOON,
    )
    yield "longest opened", views.opened(longest_entry, render)
    yield "longest stale", views.stale(longest_entry, render)
    yield "help", views.help_text(render)
    yield "waiting", text_message(render.words.waiting)
    yield "one moment", text_message(render.words.one_moment)
    for count in (1, 5, 6, 100, 130):
        each = [Target(f"{number:03d}" + "a" * 29, StudioApp.RSTUDIO, "s" * 63) for number in range(count)]
        for remembered in (True, False):
            offered = tuple(Option(target, "p" * 63, "d-" + "x" * 61) for target in each)
            longest = Choice(a_request(), offered, remembered=remembered)
            yield f"choice of {count}, remembered {remembered}", views.answer(longest, render)
            plain = replace(longest, options=tuple(replace(o, target=replace(o.target, space=None)) for o in offered))
            yield f"choice of {count} profiles, remembered {remembered}", views.answer(plain, render)
    for name, text in TEXTS.items():
        yield f"help for {name} text", views.help_text(render, not_understood=text, aliases=MANY)
        yield f"{name} address", views.answer(Denied(Reason.DOMAIN_SSO, sign_in_address=text[:200]), render)
    for reason in Reason:
        denied = Denied(
            reason, HOSTILE, MAX_LENGTH, mappings(*MANY), MAX_LENGTH_TARGET, sign_in_address="https://" + "x" * 1000
        )
        yield f"longest {reason}", views.answer(denied, render)
        yield f"longest {reason} without a mapping", views.answer(replace(denied, mapping=None), render)
        yield f"whoami after {reason}", status_views.who_am_i(a_status(a_mapping(), denied=reason), render)
    for outcome in ("issued", "undelivered", "requested", "choose", *Reason):
        yield f"whoami with {outcome}", status_views.who_am_i(a_status(links=(entry(outcome=outcome),)), render)
    yield "whoami", status_views.who_am_i(a_status(a_mapping()), render)


EVERY_VIEW = {
    f"{name} ({language})": message for language, render in RENDERS.items() for name, message in every_view(render)
}


@pytest.mark.parametrize("message", EVERY_VIEW.values(), ids=EVERY_VIEW)
def test_every_view_is_valid(message: Message) -> None:
    assert check_message(message.payload()) == []
    assert refusal({**message.payload(), "response_type": "ephemeral", "replace_original": False}) is None
    assert check_view(message.modal()) == []


@pytest.mark.parametrize("message", EVERY_VIEW.values(), ids=EVERY_VIEW)
def test_values_and_labels_fit(message: Message) -> None:
    for element in elements(message):
        for each in element.get("options", [element]):
            assert len(each.get("value", "")) <= 150
            assert 0 < len(each["text"]["text"]) <= 75


@pytest.mark.parametrize("message", EVERY_VIEW.values(), ids=EVERY_VIEW)
def test_views_notify_nobody_and_are_not_unfurled(message: Message) -> None:
    payload = message.payload()
    assert payload["unfurl_links"] is False
    assert payload["unfurl_media"] is False
    for text in texts(message):
        others = text.replace(f"<@{ANA.user_id}>", "")  # whoami mentions only its reader
        for mention in ("<!channel", "<!here", "<!everyone", "<!subteam", "<@", "<#", "<http"):
            assert mention not in others


@pytest.mark.parametrize("message", EVERY_VIEW.values(), ids=EVERY_VIEW)
def test_views_have_no_unfilled_placeholder(message: Message) -> None:
    for text in texts(message):
        filled = re.sub(r"<!date\^[^>]*>", "", text).replace("{command}", "")  # the hostile text contains the latter
        assert not set("{}") & set(filled)
        assert "None" not in text


@in_each_language
@pytest.mark.parametrize("reason", [Reason.CHOOSE, Reason.UNKNOWN_ALIAS])
def test_refusal_with_a_hundred_profiles_is_valid(reason: Reason, render: RenderContext) -> None:
    message = views.answer(Denied(reason, target=Target("gone"), mappings=mappings(*MANY)), render)
    assert check_message(message.payload()) == []


@given(st.text(max_size=5000), st.sampled_from(list(RENDERS.values())))
def test_help_for_any_text_is_valid(text: str, render: RenderContext) -> None:
    message = views.help_text(render, not_understood=text)
    assert check_message(message.payload()) == []
    assert "<" not in message.text


# Announcements


def test_announcement_is_one_line_without_the_link() -> None:
    line = announcement(entry(link_sha256="0" * 64))
    assert line == f"{ANA.user_id} · link · issued · profile ana in d-research"
    assert announcement(an_entry("x", outcome="denied")) == f"{ANA.user_id} · link · denied"


def test_announcement_of_a_foreign_request_notifies_nobody() -> None:
    foreign = replace(entry(), subject="T0/<!channel>", source=Source.BUTTON, outcome="foreign")
    assert "<!channel>" not in announcement(foreign)


# Times


@pytest.mark.parametrize(
    ("seconds", "expected", "german"),
    [
        (0, "0 seconds", "0 Sekunden"),
        (1, "1 second", "1 Sekunde"),
        (5, "5 seconds", "5 Sekunden"),
        (60, "60 seconds", "60 Sekunden"),
        (120, "120 seconds", "120 Sekunden"),
        (121, "2 minutes", "2 Minuten"),
        (180, "3 minutes", "3 Minuten"),
        (300, "5 minutes", "5 Minuten"),
        (1800, "30 minutes", "30 Minuten"),
        (3599, "59 minutes", "59 Minuten"),
        (3600, "1 hour", "1 Stunde"),
        (3660, "1 hour 1 minute", "1 Stunde 1 Minute"),
        (5400, "1 hour 30 minutes", "1 Stunde 30 Minuten"),
        (7200, "2 hours", "2 Stunden"),
        (43200, "12 hours", "12 Stunden"),
    ],
)
def test_duration_description(seconds: int, expected: str, german: str) -> None:
    assert duration(seconds, ENGLISH) == expected
    assert duration(seconds, CATALOGUES["de"]) == german


@given(st.integers(0, 43200))
def test_described_duration_is_never_longer_and_never_empty(seconds: int) -> None:
    units = {"second": 1, "minute": 60, "hour": 3600}
    parts = duration(seconds, ENGLISH).split()
    said = sum(int(number) * units[unit.rstrip("s")] for number, unit in zip(parts[::2], parts[1::2], strict=True))
    assert seconds - 60 < said <= seconds


def test_time_is_shown_in_the_readers_zone() -> None:
    when = datetime(2030, 1, 1, 12, 0, 59, 999999, tzinfo=UTC)
    assert slack_time(when) == f"<!date^{int(when.timestamp())}^{{time_secs}}|12:00:59 UTC>"
    assert slack_date(when) == f"<!date^{int(when.timestamp())}^{{date_short_pretty}} {{time}}|2030-01-01 12:00 UTC>"


@in_each_language
@pytest.mark.parametrize("why", ["a leak & <!channel>", "x" * 500, "&" * 500, "one\ntwo", "{command} {0}"])
def test_lockdown_shows_its_reason_and_no_buttons(why: str, render: RenderContext) -> None:
    shown = escape(" ".join(why.split()))
    for message in (
        views.answer(Denied(Reason.LOCKDOWN, notice=why), render),
        status_views.who_am_i(locked_down(why), render),
        status_views.home_tab(locked_down(why), render),
        status_views.help_for(locked_down(why), render, not_understood=None),
    ):
        assert any(shown in text for text in texts(message))
        assert buttons(message) == {}
        assert "accessory" not in str(message.blocks)
        assert check_message(message.payload()) == []


@in_each_language
@pytest.mark.parametrize("reason", ["", "all of <science>"])
def test_access_through_a_group_names_the_group(reason: str, render: RenderContext) -> None:
    through = replace(a_status(a_mapping()), allow=Grant("S0SCIENCE1", Effect.ALLOW, reason=reason))
    for message in (status_views.who_am_i(through, render), status_views.home_tab(through, render)):
        assert "<!subteam^S0SCIENCE1>" in message.text
        assert escape(reason) in message.text
        assert check_message(message.payload()) == []


@in_each_language
def test_unconfirmed_groups_offer_a_retry(render: RenderContext) -> None:
    denied = Denied(Reason.GROUP_UNCONFIRMED, detail="cannot be confirmed: deny S0LEAVERS1")
    message = views.answer(denied, render)
    assert list(buttons(message)) == [views.NEW_LINK]
    assert "S0LEAVERS1" not in str(message.blocks)
    shown = status_views.who_am_i(replace(a_status(a_mapping()), decision=denied), render)
    assert render.words.refusals[Reason.GROUP_UNCONFIRMED] in shown.text
