"""The look of the AWS stand-in's pages: one template, light and dark, with nothing fetched from elsewhere."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

TEMPLATE = (Path(__file__).parent / "static" / "studio.html").read_text()
STYLE = TEMPLATE.partition("<style>")[2].partition("</style>")[0]
# Takes the link out of the address bar and the history. From then on, a reload needs the session.
SCRIPT = 'history.replaceState(null, "", "./")'


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; script-src 'sha256-{_hash(SCRIPT)}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def render(title: str, text: str, facts: Mapping[str, str] | None = None, *, opened_by_link: bool = False) -> str:
    """Return a page with a heading, a line of text, and facts by name: all of it text, never markup.

    `opened_by_link` hides the page's address, which nobody else may see.
    """
    pairs = (facts or {}).items()
    return Template(TEMPLATE).substitute(
        title=escape(title),
        text=escape(text),
        facts="\n".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in pairs),
        script=f"<script>{SCRIPT}</script>" if opened_by_link else "",
    )
