"""The look of the AWS stand-in's pages: one template, light and dark, with nothing fetched from elsewhere."""

import base64
import hashlib
from pathlib import Path

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
