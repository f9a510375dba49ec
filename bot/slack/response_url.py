"""Replies through Slack's response_urls.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
import urllib3
from urllib3.exceptions import HTTPError

from bot.connections import open_ahead
from bot.core.ports import Failed
from bot.core.values import LOOPBACK
from bot.slack.network import Network
from bot.slack.payloads import Origin

log = structlog.get_logger()

TIMEOUT = 1.5  # seconds for a whole reply
# The first segment is for commands, for buttons, or for both in newer apps; the second is the workspace.
PATH = r"/(commands|actions|app)/(?P<tenant>[TE][A-Z0-9]+)(/[\w-]+)+"
# response_urls are at hooks.slack.com and hooks.slack-gov.com, the Web API also at www.slack.com and ACME.slack.com.
SLACK_DOMAINS = ("slack.com", "slack-gov.com")


class ResponseUrls:
    """Post to response_urls, which are secrets: neither they nor the body is ever logged.

    Args:
        within: runs a call and raises TimeoutError if it takes longer than that many seconds.
    """

    def __init__(
        self,
        *,
        api_url: str,
        network: Network,
        connections: int,
        within: Callable[[float, Callable[[], Any]], Any],
        failed: Failed,
    ) -> None:
        self._ours, self._within, self._failed = _ours(api_url), within, failed
        options: dict[str, Any] = {
            "maxsize": connections,
            "retries": False,
            "timeout": urllib3.Timeout(total=TIMEOUT),
            "ssl_context": network.certificates,
        }
        self._network, self._direct = network, urllib3.PoolManager(**options)
        self._proxied = self._direct
        if network.proxy is not None:
            self._proxied = urllib3.ProxyManager(network.proxy, proxy_headers=network.proxy_headers, **options)

    def connect(self, origin: Origin, beside: Executor) -> None:
        """Open a connection for a message to the request's response_url, unless one is open."""
        url = origin.response_url
        if url is not None and self.is_trusted(url, origin) and self._network.proxy_for(url) is None:
            open_ahead(self._direct.connection_from_url(url), beside)

    def post(self, origin: Origin, body: Mapping[str, Any]) -> bool:
        """Return whether Slack accepted the body; False if the request has no trusted response_url."""
        url = origin.response_url
        if url is None:
            return False
        if not self.is_trusted(url, origin):
            log.error("response_url_not_slacks", request=origin.request_id)
            return False
        pool = self._proxied if self._network.proxy_for(url) else self._direct
        try:
            response = self._within(TIMEOUT, partial(pool.request, "POST", url, json=body, redirect=False))
        except (HTTPError, TimeoutError) as error:
            log.warning("reply_failed", request=origin.request_id, why=type(error).__name__)
            self._failed("response_url", "unreachable")
            return False
        ok = response.status == HTTPStatus.OK
        if ok and not _says_no(response.data):
            return True
        log.warning("reply_refused", request=origin.request_id, status=response.status)
        self._failed("response_url", "not_ok" if ok else str(response.status))
        return False

    def is_trusted(self, url: str, origin: Origin) -> bool:
        """Return whether a URL belongs to our Slack and to the workspace of the request.

        A stolen signing secret allows forged requests, but must not send a link to a foreign server or workspace.
        Only letters, digits, underscores and hyphens are left, which every parser reads alike.
        """
        parsed = self._ours.fullmatch(url)
        return parsed is not None and parsed.groupdict().get("tenant") in {None, origin.team_id, origin.enterprise_id}


def _ours(api_url: str) -> re.Pattern[str]:
    """Return the pattern of the response_urls that go with a Web API: Slack's, or a stand-in's on this machine."""
    api = urlsplit(api_url)
    host = api.hostname or ""
    if host in LOOPBACK:
        return re.compile(rf"{api.scheme}://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{{1,5}})?/[\w./-]*", re.ASCII)
    domain = next((domain for domain in SLACK_DOMAINS if f".{host}".endswith(f".{domain}")), None)
    return re.compile(rf"(?i:https://hooks\.{re.escape(domain)}){PATH}" if domain else "(?!)", re.ASCII)


def _says_no(data: bytes) -> bool:
    """Return whether a 200 is JSON that says the message was not accepted."""
    try:
        answer = json.loads(data)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is False
