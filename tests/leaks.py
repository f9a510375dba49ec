"""Find secrets in logs, by pattern and by the values in a list next to the logs."""

import re
from pathlib import Path

# List of the secrets in use. Tests that create secrets append to it; it is not searched.
SECRETS = "secrets.txt"

SHAPES = {
    "a presigned link": re.compile(r"/auth\?token=[\w-]{8}"),
    "a Slack token": re.compile(r"\bxox[a-z]-[\w-]{8}|\bxapp-[\w-]{8}"),
    "a response_url": re.compile(r"https?://[^\s\"']+/(commands|actions)/[\w/-]{8}"),
}


def remember(folder: Path, *secrets: str) -> None:
    """Add secrets that must not appear in any log of the folder."""
    with (folder / SECRETS).open("a") as known:
        known.writelines(f"{secret}\n" for secret in secrets)


def find_leaks(folder: Path) -> list[str]:
    """Return one line per kind of secret and log, without the secret itself."""
    known = folder / SECRETS
    values = set(known.read_text().split()) if known.exists() else set()
    leaks = []
    for log in sorted(folder.glob("*.log")):
        text = log.read_text(errors="replace")
        leaks += [f"{log.name} holds {what}" for what, shape in SHAPES.items() if shape.search(text)]
        leaks += [f"{log.name} holds a secret of the tests" for value in values if value in text]
    return leaks
