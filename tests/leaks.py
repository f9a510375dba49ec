"""Finding secrets in logs: by shape, and by the values that tests put on a list beside the logs."""

import re
from pathlib import Path

# The list of secrets in use, kept by the tests that make them; it is no log.
SECRETS = "secrets.txt"

SHAPES = {
    "a presigned link": re.compile(r"/auth\?token=[\w-]{8}"),
    "a Slack token": re.compile(r"\bxox[a-z]-[\w-]{8}|\bxapp-[\w-]{8}"),
    "a response_url": re.compile(r"https?://[^\s\"']+/(commands|actions)/[\w/-]{8}"),
}


def remember(folder: Path, *secrets: str) -> None:
    """Put secrets on the list of what must not be in any log of the folder."""
    with (folder / SECRETS).open("a") as known:
        known.writelines(f"{secret}\n" for secret in secrets)


def find_leaks(folder: Path) -> list[str]:
    """One line for each kind of secret found in each log; the secret itself is not in it."""
    known = folder / SECRETS
    values = set(known.read_text().split()) if known.exists() else set()
    leaks = []
    for log in sorted(folder.glob("*.log")):
        text = log.read_text(errors="replace")
        leaks += [f"{log.name} holds {what}" for what, shape in SHAPES.items() if shape.search(text)]
        leaks += [f"{log.name} holds a secret of the tests" for value in values if value in text]
    return leaks
