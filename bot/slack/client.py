"""Slack's Web API: identify the app, look up members and user groups, send messages."""

import dataclasses
import hmac
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.web import SlackResponse

from bot.core.access import Member, Person
from bot.core.errors import SlackError
from bot.core.link import Reason
from bot.core.ports import Failed
from bot.core.values import utc_now
from bot.slack.accounts import UserGroup, group_users, groups, person, team_argument, team_of, unknown_home
from bot.slack.api_errors import CALL_ERRORS, slack_error
from bot.slack.blocks import Message
from bot.slack.network import Network
from bot.slack.payloads import Home, Origin, Texts
from bot.slack.response_url import ResponseUrls

T = TypeVar("T")
log = structlog.get_logger()

# Seconds for a whole call. Together with response_url.TIMEOUT it has to fit into what SignIn leaves of its ten.
API_TIMEOUT = 2
# For long lists.
PATIENT_TIMEOUT, PATIENT_RETRIES = 30, 5
ACCOUNTS_A_PAGE = 200  # the most that Slack recommends
# Seconds between attempts to update a dialog that Slack does not know by its name yet.
NAME_PAUSES = (0.1, 0.2, 0.4, 0.8)
# Without this scope, nobody gets a link. The doctor checks the other scopes.
LOOK_UP = "users:read"


class SlackApi:
    """Call Slack, thread-safe; log nothing that is sent. Methods raise SlackError if Slack refuses or is silent.

    Args:
        failed: called for each call that Slack refused or did not answer.
        patient: wait as long as Slack's rate limits ask; for administration, where no member waits for a link.
        shared: an account of one of these counts as one of each; see `values.shared_tenants`.

    Attributes:
        network: the route of its calls out of this machine, such as a proxy.
    """

    def __init__(
        self,
        *,
        token: str,
        api_url: str,
        connections: int = 10,
        failed: Failed = lambda _upstream, _code: None,
        patient: bool = False,
        shared: Collection[str] = (),
        network: Network | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._now, self._key = now, token.encode()
        self._failed, self._shared = failed, frozenset(shared)
        self._api_timeout = None if patient else API_TIMEOUT
        self._calls = ThreadPoolExecutor(2 * connections, thread_name_prefix="slack")
        self.network = network or Network()
        self._client = self.network.web_client(
            api_url,
            token=token,
            timeout=PATIENT_TIMEOUT if patient else API_TIMEOUT,
            retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=PATIENT_RETRIES)] if patient else (),
        )
        self._response_urls = ResponseUrls(
            api_url=api_url,
            network=self.network,
            connections=connections,
            within=self._within,
            failed=failed,
        )

    def home(self) -> Home:
        """Return the app, team and organisation of our token; SlackError if Slack does not say."""
        who = self._call(self._client.auth_test)
        bot = self._call(self._client.bots_info, bot=who.get("bot_id", "")).get("bot")
        app_id = bot.get("app_id") if isinstance(bot, Mapping) else None
        if not app_id:
            raise unknown_home()
        return Home(app_id, *team_of(who))

    def team(self) -> tuple[str, str | None]:
        """Return the team and organisation of our token; SlackError if Slack does not say."""
        return team_of(self._call(self._client.auth_test))

    def granted(self) -> frozenset[str]:
        """Return our token's scopes, which Slack names in the headers of each response; empty if it does not.

        https://docs.slack.dev/authentication/installing-with-oauth
        """
        headers = self._answer(self._client.auth_test).headers
        named = next((str(value) for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
        return frozenset(scope.strip() for scope in named.split(",") if scope.strip())

    def accounts(self) -> Iterator[Person]:
        """Iterate over all accounts, including deactivated ones.

        https://docs.slack.dev/reference/methods/users.list
        """
        cursor = ""
        while True:
            page = self._call(self._client.users_list, limit=ACCOUNTS_A_PAGE, cursor=cursor, include_locale=True)
            yield from (self.account(user) for user in page.get("members") or () if Texts(user).get("id"))
            cursor = Texts(page.get("response_metadata")).get("next_cursor", "")
            if not cursor:
                return

    def ping(self) -> None:
        """Return if Slack answers, still accepts our token, and lets it look up members."""
        granted = self.granted()
        if granted and LOOK_UP not in granted:
            raise SlackError(
                f"the bot token lacks the scope {LOOK_UP}: add it under OAuth & Permissions, and reinstall the app",
                reason=Reason.SLACK_REFUSED,
            )

    def person(self, member: Member) -> Person:
        """Return Slack's record of the member; see `ports.Directory`."""
        asked_at = self._now()
        try:
            user = self._call(self._client.users_info, user=member.user_id, include_locale=True).get("user")
        except SlackError as error:
            if error.code in ("user_not_found", "user_not_visible"):
                return Person(member.user_id, member.tenant, ineligible_reason="Slack does not know this account")
            raise
        return dataclasses.replace(self.account(user), as_of=asked_at)

    def with_address(self, email: str) -> Person | None:
        """Return the account with this address; None without one that is active."""
        try:
            return self.account(self._call(self._client.users_lookupByEmail, email=email).get("user"))
        except SlackError as error:
            if error.code == "users_not_found":
                return None
            raise

    def account(self, user: object) -> Person:
        """Read an account as Slack's methods and events describe it."""
        found = person(user if isinstance(user, Mapping) else {})
        ours = {found.team_id, *found.teams} & self._shared
        return dataclasses.replace(found, teams=found.teams | self._shared) if ours else found

    def group_members(self, tenant: str, group: str, *, even_disabled: bool) -> frozenset[str]:
        """Return the users in the group; see `ports.Directory`.

        https://docs.slack.dev/reference/methods/usergroups.users.list
        """
        method, team = self._client.usergroups_users_list, team_argument(tenant)
        return group_users(self._call(method, usergroup=group, include_disabled=even_disabled, **team))

    def all_groups(self, tenant: str) -> Mapping[str, UserGroup]:
        """Return every user group by id. https://docs.slack.dev/reference/methods/usergroups.list"""
        method, team = self._client.usergroups_list, team_argument(tenant)
        return groups(self._call(method, include_users=True, include_disabled=True, **team))

    def expect_reply(self, origin: Origin) -> None:
        """Open the connection for a reply, beside the work that leads to it."""
        if origin.view_id is None and origin.view_name is None:
            self._response_urls.connect(origin, self._calls)

    def reply(self, origin: Origin, message: Message, *, replace: bool) -> bool:
        """Reply to the member only: in their dialog, through the response_url, or as an ephemeral message.

        Returns whether Slack accepted the message. It may have done so even if its response was lost.

        Args:
            replace: replace the message whose button was pressed; a dialog is always replaced.
        """
        if origin.view_id is not None or origin.view_name is not None:
            return self._update_view(origin, message)
        body = {**message.payload(), "response_type": "ephemeral", "replace_original": replace}
        return self._response_urls.post(origin, body) or self._post_ephemeral(origin, message)

    def open_view(self, origin: Origin, message: Message) -> Origin:
        """Open a dialog with the message, within three seconds; return the origin whose replies go into it."""
        mark = self._mark(origin)
        view = self._call(self._client.views_open, trigger_id=origin.trigger_id, view=message.modal(mark)).get("view")
        view_id = view.get("id") if isinstance(view, Mapping) else None
        if not view_id:
            raise SlackError("Slack does not say which dialog it opened: try again", reason=Reason.SLACK_UNREACHABLE)
        return dataclasses.replace(origin, view_id=view_id, view_mark=mark)

    def open_form(self, origin: Origin, view: Mapping[str, Any]) -> None:
        """Open a form, or put it into the open dialog; it brings back that we opened it for this member."""
        if origin.view_id is not None and not self.opened_for(origin):
            raise SlackError("the dialog is not the member's: open it again", reason=Reason.STALE_BUTTON)
        view = {**view, "private_metadata": f"{view['private_metadata']}\n{self._mark(origin)}"}
        if origin.view_id is not None:
            self._call(self._client.views_update, view_id=origin.view_id, view=view)
        else:
            self._call(self._client.views_open, trigger_id=origin.trigger_id, view=view)

    def post(self, place: str, message: Message) -> str:
        """Post a message to a channel, or to a member by id; return it as "channel/time"."""
        answer = Texts(self._call(self._client.chat_postMessage, channel=place, **message.payload()))
        return f"{answer.get('channel', '')}/{answer.get('ts', '')}"

    def update(self, posted: str, message: Message) -> bool:
        """Replace one of our public messages, named as `post` returned it; return whether Slack accepted it."""
        channel, _, ts = posted.partition("/")
        try:
            self._call(self._client.chat_update, channel=channel, ts=ts, text=message.text, blocks=message.blocks)
        except SlackError as error:
            log.warning("message_not_updated", code=error.code)
            return False
        return True

    def publish_home(self, user_id: str, message: Message) -> None:
        """Show the message as the member's home tab."""
        self._call(self._client.views_publish, user_id=user_id, view=message.home_tab())

    def announce(self, channel: str, text: str) -> None:
        self._call(self._client.chat_postMessage, channel=channel, text=text, unfurl_links=False, unfurl_media=False)

    def probe_channel(self, channel: str) -> None:
        """Return if we can post to a channel; SlackError otherwise. Only the bot itself could see the message.

        https://docs.slack.dev/reference/methods/chat.postEphemeral
        """
        who, post = self._call(self._client.auth_test), self._client.chat_postEphemeral
        self._call(post, channel=channel, user=who.get("user_id", ""), text="Studio links posts here.")

    def _mark(self, origin: Origin) -> str:
        """Return what marks a member's dialogs. Forged requests can name a dialog of anybody, but not its mark."""
        return hmac.new(self._key, origin.user_id.encode(), "sha256").hexdigest()

    def opened_for(self, origin: Origin) -> bool:
        """Return whether we opened the request's dialog for this very member."""
        same = hmac.compare_digest(origin.view_mark.encode(errors="replace"), self._mark(origin).encode())
        if not same:
            log.error("dialog_not_the_members", request=origin.request_id)
        return same

    def _update_view(self, origin: Origin, message: Message) -> bool:
        if origin.view_id and not self.opened_for(origin):
            return False
        which = {"view_id": origin.view_id} if origin.view_id else {"external_id": origin.view_name}
        for pause in (*NAME_PAUSES, None):
            try:
                self._call(self._client.views_update, **which, view=message.modal(self._mark(origin)))
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
            who = {"channel": origin.channel_id, "user": origin.user_id}
            self._call(self._client.chat_postEphemeral, **who, text=message.text, blocks=message.blocks)
        except SlackError as error:
            log.warning("fallback_failed", request=origin.request_id, code=error.code)
            return False
        return True

    def _within(self, seconds: float | None, call: Callable[[], T]) -> T:
        """Return the result of a call; TimeoutError after that many seconds, or while the process ends.

        Library timeouts apply per read, so a slow drip would never time out.
        """
        try:
            future = self._calls.submit(call)
        except RuntimeError as error:  # a check of readiness may still run
            raise TimeoutError from error
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def _call(self, method: Callable[..., SlackResponse], **arguments: object) -> dict[str, Any]:
        """Call a method of the Web API; return Slack's answer."""
        data = self._answer(method, **arguments).data
        return data if isinstance(data, dict) else {}

    def _answer(self, method: Callable[..., SlackResponse], **arguments: object) -> SlackResponse:
        """Call a method of the Web API; return the whole response."""
        try:
            return self._within(self._api_timeout, lambda: method(**arguments))
        except CALL_ERRORS as error:
            failure = slack_error(method.__name__, error, check="the token and its scopes against manifest.yml")
            self._failed("slack", (failure.code or "") if isinstance(error, SlackApiError) else "unreachable")
            raise failure from None
