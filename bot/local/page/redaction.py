"""Take secrets out of what is shown: links, `response_url`s, tokens and triggers."""

import re
from collections.abc import Mapping
from typing import Any

SECRET, LINK = "(secret)", "(link, redacted)"
_KEYS = {"response_url": SECRET, "token": SECRET, "trigger_id": SECRET, "url": LINK, "AuthorizedUrl": LINK}
_RESPONSE_URL = re.compile(r"https?://[^\s\"'<>|]+/(?:commands|actions)/[^\s\"'<>|]+")
_BEARER = re.compile(r"https?://[^\s\"'<>|]*[?&]token=[^\s\"'<>|]*")


def redacted(value: Any) -> Any:
    """Return the same JSON without secrets, found by their name and by their shape in any text."""
    if isinstance(value, Mapping):
        return {name: _KEYS[name] if name in _KEYS and part else redacted(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(part) for part in value]
    if isinstance(value, str):
        return _BEARER.sub(LINK, _RESPONSE_URL.sub(SECRET, value))
    return value
