"""Slack's Web API and response_urls: who we are, who a member is, and telling the member the answer.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import dataclasses
import ipaddress
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog
import urllib3
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.web import SlackResponse
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from bot.core.access import Member, Person
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.observability.metrics import Failed
from bot.slack.api_errors import CALL_ERRORS, slack_error
from bot.slack.blocks import Message
from bot.slack.payloads import Home, Origin

T = TypeVar("T")
log = structlog.get_logger()

# Seconds for a whole call. Both ways of replying together must fit into what SignIn leaves of its ten.
REPLY_TIMEOUT = 1.5
API_TIMEOUT = 2
# For lists: each may take long, and be put off by Slack a few times.
PATIENT_TIMEOUT, PATIENT_RETRIES = 30, 5
# As many as Slack recommends.
ACCOUNTS_A_PAGE = 200

# Seconds to wait before asking again for a dialog whose name Slack does not know yet.
NAME_PAUSES = (0.1, 0.2, 0.4, 0.8)

# How the paths of response_urls begin: for commands, for buttons, and for both in newer apps.
REPLY_PATHS = {"commands", "actions", "app"}

# Slack's own helper account, which users.info does not mark as a bot.
SLACKBOT = "USLACKBOT"


class SlackApi:
    """The adapter, for all threads together. It never logs what it sends.

    Args:
        failed: is told of each call that Slack refused or did not answer.
        patient: wait as long as Slack asks for when it limits us; for administration, where nobody waits for a link.
    """

    def __init__(
        self,
        *,
        token: str,
        api_url: str,
        connections: int = 10,
        failed: Failed = lambda _upstream, _code: None,
        patient: bool = False,
    ) -> None:
        self._failed = failed
        self._api_timeout = None if patient else API_TIMEOUT
        self._calls = ThreadPoolExecutor(2 * connections, thread_name_prefix="slack")
        self._client = WebClient(
            token=token,
            base_url=api_url,
            timeout=PATIENT_TIMEOUT if patient else API_TIMEOUT,
            retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=PATIENT_RETRIES)] if patient else [],
        )
        self._api = parse_url(api_url)
        options: dict[str, Any] = {
            "maxsize": connections,
            "retries": False,
            "timeout": urllib3.Timeout(total=REPLY_TIMEOUT),
        }
        proxy = self._client.proxy  # slack_sdk has found it in the environment, if there is one
        self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def home(self) -> Home:
        """The app, team and organisation of our token.

        Raises:
            SlackError: Slack could not be asked, or its answer does not tell.
        """
        who = self._call(self._client.auth_test)
        bot = self._call(self._client.bots_info, bot=who.get("bot_id", "")).get("bot")
        app_id = bot.get("app_id") if isinstance(bot, Mapping) else None
        if not app_id or not who.get("team_id"):
            raise SlackError(
                "Slack does not say which app and team the token belongs to: use the app's bot token",
                reason=Reason.SLACK_REFUSED,
            )
        return Home(app_id, who["team_id"], who.get("enterprise_id") or None)

    def granted(self) -> frozenset[str]:
        """The scopes of our token, which Slack names in the headers of each answer.

        https://docs.slack.dev/authentication/installing-with-oauth
        """
        headers = self._answer(self._client.auth_test).headers
        named = next((str(value) for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
        return frozenset(scope.strip() for scope in named.split(",") if scope.strip())

    def accounts(self) -> Iterator[tuple[Person, str]]:
        """Every account that Slack lists, deactivated ones too, with its address; "" if Slack tells none.

        https://docs.slack.dev/reference/methods/users.list
        """
        cursor = ""
        while True:
            page = self._call(self._client.users_list, limit=ACCOUNTS_A_PAGE, cursor=cursor)
            for user in page.get("members", ()):
                yield person(user), str(user.get("profile", {}).get("email", ""))
            cursor = page.get("response_metadata", {}).get("next_cursor", "")
            if not cursor:
                return

    def ping(self) -> None:
        """Return if Slack answers and still accepts our token; SlackError otherwise."""
        self._call(self._client.auth_test)

    def person(self, member: Member) -> Person:
        """Slack's record of the member; see `ports.Directory`."""
        try:
            user = self._call(self._client.users_info, user=member.user_id, include_locale=True).get("user")
        except SlackError as error:
            if error.code in ("user_not_found", "user_not_visible"):
                return Person(member.user_id, member.tenant, ineligible_reason="Slack does not know this account")
            raise
        return person(user if isinstance(user, Mapping) else {})

    def group_members(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str]:
        """The users that usergroups.users.list names; see `ports.Directory`.

        https://docs.slack.dev/reference/methods/usergroups.users.list
        """
        team = {"team_id": tenant} if tenant.startswith("T") else {}  # needed for a token of an organisation
        answer = self._call(
            self._client.usergroups_users_list, usergroup=group, include_disabled=even_disabled, **team
        )
        users = answer.get("users")
        if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
            raise SlackError(
                "Slack does not say who is in the user group: try again in a minute", reason=Reason.SLACK_UNREACHABLE
            )
        return frozenset(users)

    def reply(self, origin: Origin, message: Message, *, replace: bool) -> bool:
        """Tell the member, and them alone: in the dialog they are in, through the response_url, or ephemerally.

        Args:
            replace: put the message in the place of the one whose button was pressed; a dialog always is.

        Returns:
            Whether Slack took the message. It may have reached Slack all the same if the answer was lost.
        """
        if origin.view_id is not None or origin.view_name is not None:
            return self._update_view(origin, message)
        body = {**message.payload(), "response_type": "ephemeral", "replace_original": replace}
        return self._respond(origin, body) or self._post_ephemeral(origin, message)

    def open_view(self, origin: Origin, message: Message) -> Origin:
        """Open a dialog with the message in it; the origin that answers into it from then on.

        Raises:
            SlackError: Slack did not open it: three seconds may have passed.
        """
        view = self._call(self._client.views_open, trigger_id=origin.trigger_id, view=message.modal()).get("view")
        view_id = view.get("id") if isinstance(view, Mapping) else None
        if not view_id:
            raise SlackError("Slack does not say which dialog it opened: try again", reason=Reason.SLACK_UNREACHABLE)
        return dataclasses.replace(origin, view_id=view_id)

    def open_form(self, origin: Origin, view: Mapping[str, Any]) -> None:
        """Open a dialog with fields in it, or put them into the one that is open; SlackError as for `open_view`."""
        if origin.view_id is not None:
            self._call(self._client.views_update, view_id=origin.view_id, view=view)
        else:
            self._call(self._client.views_open, trigger_id=origin.trigger_id, view=view)

    def post(self, place: str, message: Message) -> str:
        """Post a message for all in a channel, or to one member by their id; SlackError if Slack did not take it.

        Returns:
            The message by channel and time, as `Origin.message` has it.
        """
        answer = self._call(self._client.chat_postMessage, channel=place, **message.payload())
        return f"{answer.get('channel')}/{answer.get('ts')}"

    def update(self, channel: str, ts: str, message: Message) -> bool:
        """Put a message in the place of one of ours that all can see; whether Slack took it."""
        try:
            self._call(self._client.chat_update, channel=channel, ts=ts, text=message.text, blocks=message.blocks)
        except SlackError as error:
            log.warning("message_not_updated", code=error.code)
            return False
        return True

    def publish_home(self, user_id: str, message: Message) -> None:
        """Show the message as the member's home tab; SlackError if Slack did not take it."""
        self._call(self._client.views_publish, user_id=user_id, view=message.home_tab())

    def announce(self, channel: str, text: str) -> None:
        """Post a line to a channel; SlackError if Slack did not take it."""
        post = self._client.chat_postMessage
        self._call(post, channel=channel, text=text, unfurl_links=False, unfurl_media=False)

    def _respond(self, origin: Origin, body: Mapping[str, Any]) -> bool:
        url = origin.response_url
        if url is None:
            return False
        if not self._is_slacks(url, origin):
            log.error("response_url_not_slacks", request=origin.request_id)
            return False
        try:
            response = self._in_time(
                REPLY_TIMEOUT, lambda: self._pool.request("POST", url, json=body, redirect=False)
            )
        except (urllib3.exceptions.HTTPError, TimeoutError) as error:
            log.warning("reply_failed", request=origin.request_id, why=type(error).__name__)
            self._failed("response_url", "unreachable")
            return False
        if response.status == 200 and not _says_no(response.data):  # noqa: PLR2004 - HTTP's own number
            return True
        log.warning("reply_refused", request=origin.request_id, status=response.status)
        self._failed("response_url", "not_ok" if response.status == 200 else str(response.status))  # noqa: PLR2004 - as above
        return False

    def _update_view(self, origin: Origin, message: Message) -> bool:
        which = {"view_id": origin.view_id} if origin.view_id else {"external_id": origin.view_name}
        for pause in (*NAME_PAUSES, None):
            try:
                self._call(self._client.views_update, **which, view=message.modal())
            except SlackError as error:
                if origin.view_id or error.code != "not_found" or pause is None:
                    log.warning("dialog_not_updated", request=origin.request_id, code=error.code)
                    return False
                time.sleep(pause)  # Slack has yet to learn the name
            else:
                return True
        return False

    def _post_ephemeral(self, origin: Origin, message: Message) -> bool:
        if origin.channel_id is None:
            return False
        try:
            self._call(
                self._client.chat_postEphemeral,
                channel=origin.channel_id,
                user=origin.user_id,
                text=message.text,
                blocks=message.blocks,
            )
        except SlackError as error:
            log.warning("fallback_failed", request=origin.request_id, code=error.code)
            return False
        return True

    def _is_slacks(self, url: str, origin: Origin) -> bool:
        """Whether a response_url leads to the Slack we talk to, and there to the workspace of the request.

        Whoever steals the signing secret can forge a request, but cannot have the link sent to a server of theirs,
        nor to a workspace of theirs. The URL is read by the library that will call it: two readers would differ.
        """
        try:
            parsed = parse_url(url)
        except LocationParseError:
            return False
        host, home = parsed.host or "", self._api.host or ""
        if parsed.scheme != self._api.scheme or parsed.auth is not None or "\\" in url:
            return False
        if _is_loopback(home):  # a stand-in for Slack on this machine, whose addresses are its own affair
            return _is_loopback(host)
        kind, _, rest = (parsed.path or "").removeprefix("/").partition("/")
        ours = kind in REPLY_PATHS and rest.partition("/")[0] in {origin.team_id, origin.enterprise_id}
        return ours and parsed.port in (None, 443) and (host == home or host.endswith(f".{home}"))

    def _in_time(self, seconds: float | None, call: Callable[[], T]) -> T:
        """What a call gives; TimeoutError if it takes longer than it may.

        The libraries' own timeouts are bounds on silence: whoever sends a byte now and then is waited for for ever.
        """
        future = self._calls.submit(call)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def _call(self, method: Callable[..., SlackResponse], **arguments: object) -> dict[str, Any]:
        """What Slack answers to one call of the Web API."""
        data = self._answer(method, **arguments).data
        return data if isinstance(data, dict) else {}

    def _answer(self, method: Callable[..., SlackResponse], **arguments: object) -> SlackResponse:
        """Return Slack's answer with its headers; SlackError if there is none."""
        try:
            return self._in_time(self._api_timeout, lambda: method(**arguments))
        except CALL_ERRORS as error:
            failure = slack_error(method.__name__, error, check="the token and its scopes against manifest.yml")
            self._failed("slack", (failure.code or "") if isinstance(error, SlackApiError) else "unreachable")
            raise failure from None


def person(user: Mapping[str, Any]) -> Person:
    """What users.info says of an account. A field that is missing counts against it.

    https://docs.slack.dev/reference/objects/user-object
    """
    ineligible_reason = None
    if user.get("id") == SLACKBOT:
        ineligible_reason = "Slackbot"
    for flag in ("deleted", "is_bot", "is_restricted", "is_ultra_restricted"):
        if not isinstance(user.get(flag), bool):
            ineligible_reason = f"Slack does not say whether {flag}"
    for flag, words in {"is_bot": "a bot", "deleted": "deactivated"}.items():
        if user.get(flag) is True:
            ineligible_reason = words
    # These two appear only on accounts that they are true of.
    for flag, words in {"is_stranger": "of another organisation", "is_invited_user": "not joined yet"}.items():
        if user.get(flag, False) is not False:
            ineligible_reason = words
    enterprise = user.get("enterprise_user")
    return Person(
        user_id=str(user.get("id", "")),
        team_id=str(user.get("team_id", "")),
        enterprise_id=enterprise.get("enterprise_id") if isinstance(enterprise, Mapping) else None,
        ineligible_reason=ineligible_reason,
        guest=user.get("is_restricted") is True or user.get("is_ultra_restricted") is True,
        locale=user.get("locale") if isinstance(user.get("locale"), str) else None,
    )


def _says_no(data: bytes) -> bool:
    """Whether a 200 from a response_url is JSON that says the message was not taken."""
    try:
        answer = json.loads(data)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
