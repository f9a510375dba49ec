"""The look of the AWS stand-in's pages: one layout, light and dark, with nothing fetched from elsewhere."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

STYLE = """
:root { color-scheme: light dark; --ground: #f3f5f9; --card: #fff; --text: #16191f; --quiet: #545b64;
  --line: #dfe3ea; --mark: #0972d3; --badge: #fff3d6; --badge-text: #6b4700; }
@media (prefers-color-scheme: dark) { :root { --ground: #0f141c; --card: #192231; --text: #e9ebed;
  --quiet: #a9b4c2; --line: #2f3b4d; --mark: #539fe5; --badge: #3d2f0c; --badge-text: #ffd98a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(36rem, 100%); padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--mark); border-radius: 12px; }
h1 { margin: .75rem 0 .5rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance; }
p { margin: 0 0 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; margin: 0 0 1.5rem; }
dt, dd { margin: 0; padding: .5rem 0; border-top: 1px solid var(--line); }
dt { padding-right: 1.5rem; color: var(--quiet); }
dd { overflow-wrap: anywhere; font-weight: 600; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; background: var(--badge);
  color: var(--badge-text); font-size: .8rem; font-weight: 600; }
.note { margin: 0; color: var(--quiet); font-size: .875rem; }
"""
# Takes the link out of the address bar and the history. What is loaded again from then on needs the session.
SCRIPT = 'history.replaceState(null, "", "./")'


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; script-src 'sha256-{_hash(SCRIPT)}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Page:
    """A heading, a line of text, and facts by name. All of it is text, never markup.

    Attributes:
        opened_by_link: the address is one that nobody else shall see.
    """

    title: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)
    opened_by_link: bool = False

    def render(self) -> str:
        facts = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in self.facts.items())
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(self.title)} (stand-in)</title>
<style>{STYLE}</style>
{f"<script>{SCRIPT}</script>" if self.opened_by_link else ""}
</head>
<body>
<main>
<span class="badge">Stand-in for AWS</span>
<h1>{escape(self.title)}</h1>
<p>{escape(self.text)}</p>
{f"<dl>{facts}</dl>" if facts else ""}
<p class="note">This page is a stand-in that runs on this machine. Nothing here is AWS.</p>
</main>
</body>
</html>
"""
