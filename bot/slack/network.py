"""The way to Slack: one proxy and one set of certificates for the Web API, response_urls and Socket Mode."""

import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener, proxy_bypass

from slack_sdk import WebClient
from slack_sdk.http_retry import RetryHandler

from bot.core.errors import ConfigError


def _from_environment() -> str | None:
    """Return the proxy that slack_sdk finds in HTTPS_PROXY or HTTP_PROXY, in the form that all libraries read alike.

    As slack_sdk does, talk plain HTTP to the proxy even if its address begins with https://.
    """
    given = (WebClient().proxy or "").strip()
    if not given:
        return None
    scheme, _, rest = given.rpartition("://")
    try:
        address = urlsplit(f"http://{rest}")
        usable = scheme.lower() in ("", "http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            "HTTPS_PROXY or HTTP_PROXY: the given value is not valid; it must be the address of an HTTP proxy, like "
            "http://user:password@proxy.example.com:3128, with %40 for an @ in the password"
        )
    login, at, place = address.netloc.rpartition("@")
    name, _, password = login.partition(":")
    return f"http://{quote(unquote(name), '')}:{quote(unquote(password), '')}{at}{place}" if at else f"http://{place}"


@dataclass(frozen=True, slots=True)
class Network:
    """How calls of Slack leave this machine.

    Attributes:
        proxy: its address with its password, a secret; None without a proxy.
        certificates: the authorities that vouch for Slack: the system's, or those in SSL_CERT_FILE.
    """

    proxy: str | None = field(default_factory=_from_environment, repr=False)
    certificates: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for a URL; None if there is none or NO_PROXY names the URL's host."""
        if self.proxy is None:
            return None  # looking for NO_PROXY reads the whole environment
        return None if proxy_bypass(urlsplit(url).netloc) else self.proxy

    @property
    def proxy_headers(self) -> dict[str, str]:
        """Return the headers with which the proxy lets us through."""
        address = urlsplit(self.proxy or "")
        if address.username is None:
            return {}
        login = f"{unquote(address.username)}:{unquote(address.password or '')}"
        return {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}

    def web_client(
        self,
        api_url: str,
        *,
        timeout: int,
        token: str | None = None,
        retry_handlers: Sequence[RetryHandler] = (),
    ) -> WebClient:
        """Return a client of the Web API, which applies NO_PROXY itself."""
        return _WebClient(
            token,
            base_url=api_url,
            timeout=timeout,
            ssl=self.certificates,
            proxy=self.proxy,
            retry_handlers=list(retry_handlers),
        )


class _NoRedirects(HTTPRedirectHandler):
    """Leave a redirect as the error that it is here: following it would take the token to another server."""

    def redirect_request(self, *_: object) -> None:
        return None


class _WebClient(WebClient):
    """slack_sdk's client, which follows no redirects."""

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:  # noqa: ARG002 - theirs
        proxies = ProxyHandler({"http": self.proxy, "https": self.proxy} if self.proxy else {})
        opener = build_opener(proxies, HTTPSHandler(context=self.ssl), _NoRedirects())
        with opener.open(req, timeout=self.timeout) as answer:
            charset = answer.headers.get_content_charset() or "utf-8"
            return {"status": answer.status, "headers": answer.headers, "body": answer.read().decode(charset)}
