"""The Slack app's manifest: `manifest.yml` as it is over HTTP, and the Socket Mode variant derived from it.

Both are derived as text: the file's comments belong to the output, and no YAML parser is needed in production.
https://docs.slack.dev/reference/app-manifest
"""

import re
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from bot.core.values import InvalidValue

# The bot's address until the real one is known.
PLACEHOLDER = "https://studio-links.example.com"
MAX_URL_LENGTH = 3000  # of a slash command
PATH = "/slack/events"

SOCKET_MODE_HEAD = """\
# The Slack app, over Socket Mode. Create it from this file: https://api.slack.com/apps?new_app=1 → From a manifest.
# Then create an app-level token with the scope connections:write under Basic Information: set SLACK_APP_TOKEN to it.
"""


def manifest(*, socket: bool = False, url: str = PLACEHOLDER) -> str:
    """Return the manifest as YAML.

    Args:
        socket: for Socket Mode, where the app has no address; ignores `url`.
        url: the bot's address, with or without the path for Slack's requests.

    Raises:
        InvalidValue: Slack would not accept the address.
    """
    if not socket:
        return _source().replace(PLACEHOLDER + PATH, _request_url(url))
    _, start, body = _source().partition("_metadata:")
    body = re.sub(rf"^ *\w*url: {PLACEHOLDER}{PATH}\n", "", body, flags=re.MULTILINE)
    return SOCKET_MODE_HEAD + start + body.replace("socket_mode_enabled: false", "socket_mode_enabled: true")


def creation_link() -> str:
    """Return the address at which Slack offers to create the app, for Socket Mode.

    https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests
    """
    text = re.sub(r"^ *#.*\n| +#.*$", "", manifest(socket=True), flags=re.MULTILINE)
    narrow = re.sub(r"^(?:  )+(?=- )", lambda indent: indent[0][2:], text, flags=re.MULTILINE)
    narrow = re.sub(r"^ +", lambda indent: indent[0][::2], narrow, flags=re.MULTILINE)
    return f"https://api.slack.com/apps?new_app=1&manifest_yaml={quote(narrow, safe='/:,@')}"


def scopes() -> dict[str, str]:
    """Return the bot token's scopes, each with what the bot needs it for."""
    listed = _source().partition("    bot:\n")[2].partition("settings:\n")[0]
    return dict(re.findall(r"^ *- (\S+) # (.+)$", listed, re.MULTILINE))


def _source() -> str:
    package = Path(str(resources.files("bot")))
    wheel, repository = package / "manifest.yml", package.parent / "manifest.yml"
    return (wheel if wheel.exists() else repository).read_text(encoding="utf-8")


def _request_url(url: str) -> str:
    address = url.rstrip("/").removesuffix(PATH) + PATH
    # Only characters that YAML reads as part of the address.
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w./~-]*)?", address, re.ASCII) or len(address) > MAX_URL_LENGTH:
        raise InvalidValue(
            "address", url, "an HTTPS address that Slack can reach, such as https://studio.example.com"
        )
    return address
