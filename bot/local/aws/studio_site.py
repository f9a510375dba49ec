"""The pages that the AWS stand-in's presigned URLs open: one for Studio, and one for AWS's sign-in.

A link can be opened repeatedly until it expires, since AWS does not say that it is valid for one use only. Links and
sessions are kept as SHA-256 alone, so that nothing here can leak one.
"""

import base64
import hashlib
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Literal

from cachetools import TLRUCache
from werkzeug.wrappers import Request, Response

from bot.local.aws.sagemaker_context import Studio
from bot.local.aws.sagemaker_state import SignIn

TEMPLATE = (Path(__file__).parent / "static" / "studio.html").read_text(encoding="utf-8")
STYLE = TEMPLATE.partition("<style>")[2].partition("</style>")[0]
# Takes the link out of the address bar and the history. From then on, a reload needs the session.
SCRIPT = 'history.replaceState(null, "", "./")'


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; script-src 'sha256-{_hash(SCRIPT)}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

COOKIE = "studio_session"
MAX_PASSES = 100_000
STUDIO_PATH = re.compile(r"/studio/(?P<domain>d-[a-z0-9-]{1,61})(?P<rest>/|/auth|)")
SSO_PATH = re.compile(r"/sso/(?P<domain>d-[a-z0-9-]{1,61})/")
WHY = {
    "link": "This link has expired, or it was never valid. Ask for a new one: type /studio in Slack.",
    "session": "No Studio session is open in this browser. Ask for a link: type /studio in Slack.",
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

LinkEvent = Literal["issued", "opened", "refused"]


@dataclass(frozen=True)
class Pass:
    """A link or a session: what it signs in to, and its end in seconds since the epoch."""

    sign_in: SignIn
    expires: float


class StudioSite(Studio):
    """Issues the URLs and answers them. Thread-safe."""

    def __init__(self, clock: Callable[[], float], on_link: Callable[[LinkEvent], None]) -> None:
        super().__init__(clock)
        self._on_link = on_link
        self.origin = ""  # where the site is served, like `http://127.0.0.1:4566`; set once that is known
        self._links, self._sessions = self._passes(), self._passes()
        self._lock = threading.Lock()

    def _passes(self) -> TLRUCache[str, Pass]:
        return TLRUCache(MAX_PASSES, lambda _digest, each, _now: each.expires, timer=self.clock)

    def home(self, domain_id: str, region: str, auth_mode: str) -> str:  # noqa: ARG002 - Studio's protocol
        """Return the domain's plain address; for a domain in SSO mode, a page standing for IAM Identity Center."""
        return f"{self.origin}/{'studio' if auth_mode == 'IAM' else 'sso'}/{domain_id}/"

    def presign(self, sign_in: SignIn) -> str:
        token = self._issue(self._links, sign_in, sign_in.link_seconds)
        self._on_link("issued")
        return f"{self.origin}/studio/{sign_in.domain_id}/auth?token={token}"

    def forget(self) -> None:
        """Drop all links and sessions."""
        with self._lock:
            self._links.clear()
            self._sessions.clear()

    def respond(self, request: Request) -> Response:
        """Answer a browser's GET or HEAD, with headers that keep the secret in the address from leaving it."""
        response = self._respond(request)
        response.headers.update(HEADERS)
        return response

    def _respond(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return _page("Not allowed", "This address can only be opened.", status=405)
        if request.path == "/signin":
            return _page("Sign in to the AWS console", WHY.get(request.args.get("why", ""), WHY["session"]))
        if sso := SSO_PATH.fullmatch(request.path):
            text = "This domain is opened through your organisation's own sign-in page, not with a link."
            return _page("Sign in through IAM Identity Center", text, {"Domain": sso["domain"]})
        if studio := STUDIO_PATH.fullmatch(request.path):
            return self._enter(studio["domain"], studio["rest"], request)
        return _page("Nothing here", "This address leads nowhere. Open the link that the bot gave.", status=404)

    def _enter(self, domain_id: str, rest: str, request: Request) -> Response:
        if rest == "/auth":
            return self._open(domain_id, request.args.get("token", ""))
        if rest != "/":
            return _redirect(f"/studio/{domain_id}/")  # the session's cookie is for what is below
        session = self._find(self._sessions, request.cookies.get(COOKIE, ""), domain_id)
        return _studio(session) if session else _redirect("/signin?why=session")

    def _open(self, domain_id: str, token: str) -> Response:
        """Start a session and show Studio for a link that works; go to the console's sign-in page otherwise."""
        link = self._find(self._links, token, domain_id)
        self._on_link("opened" if link else "refused")
        if not link:
            return _redirect("/signin?why=link")
        seconds = link.sign_in.session_seconds
        response = _studio(Pass(link.sign_in, self.clock() + seconds), opened_by_link=True)
        session, path = self._issue(self._sessions, link.sign_in, seconds), f"/studio/{domain_id}/"
        response.set_cookie(COOKIE, session, max_age=seconds, path=path, httponly=True, samesite="Lax")
        return response

    def _issue(self, passes: TLRUCache[str, Pass], sign_in: SignIn, seconds: int) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            passes[_digest(token)] = Pass(sign_in, self.clock() + seconds)
        return token

    def _find(self, passes: TLRUCache[str, Pass], token: str, domain_id: str) -> Pass | None:
        with self._lock:
            found = passes.get(_digest(token))
        return found if found and found.sign_in.domain_id == domain_id else None


def _studio(session: Pass, *, opened_by_link: bool = False) -> Response:
    sign_in = session.sign_in
    facts = {
        "User profile": sign_in.profile,
        "Domain": sign_in.domain_id,
        "Space": sign_in.space or "none chosen",
        "Landing page": sign_in.landing or "the domain's default",
        "Region": sign_in.region,
        "Account": sign_in.account,
        "Signed in until": datetime.fromtimestamp(session.expires, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }
    text = "Here Studio would open, as:"
    return _page("Signed in to SageMaker Studio", text, facts, opened_by_link=opened_by_link)


def _page(
    title: str, text: str, facts: dict[str, str] | None = None, *, status: int = 200, opened_by_link: bool = False
) -> Response:
    """Return a page of text, never markup. `opened_by_link` hides its address, which nobody else may see."""
    pairs = (facts or {}).items()
    page = Template(TEMPLATE).substitute(
        title=escape(title),
        text=escape(text),
        facts="\n".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in pairs),
        script=f"<script>{SCRIPT}</script>" if opened_by_link else "",
    )
    headers = {"Allow": "GET, HEAD"} if status == 405 else None  # noqa: PLR2004
    return Response(page, status, headers, content_type="text/html; charset=utf-8")


def _redirect(to: str) -> Response:
    """Return a 302 without the HTML body (and its inline link) that werkzeug would add."""
    return Response(escape(to), 302, {"Location": to}, content_type="text/plain; charset=utf-8")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
