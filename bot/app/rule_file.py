"""The file of approval rules, read again while the bot runs."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from bot.app import clients
from bot.core.errors import ConfigError
from bot.core.policy import Rules

log = structlog.get_logger()

# Seconds after which a changed file counts as complete: while it is written in place, its first rules alone may be
# a valid file.
WHOLE_AFTER = 5.0


class RuleFile:
    """Keep `rules.approval_rules` in step with the file. After an error, the last good rules stay in force.

    Args:
        name: of the file. Each look follows symbolic links: Kubernetes updates a ConfigMap by replacing one.
        stale: called at each look, with whether the rules in force differ from the file.
        clock: returns seconds since 1970.
    """

    def __init__(
        self, name: str, rules: Rules, stale: Callable[[bool], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._name, self._rules, self._stale, self._clock = name, rules, stale, clock
        self._error: str | None = None

    def look(self) -> None:
        """Read the file; log a change, and an error once."""
        error, found = None, self._rules.approval_rules
        try:
            found = clients.approval_rules(self._name)
        except ConfigError as wrong:
            error = str(wrong)
        if self._just_changed():
            return
        self._stale(error is not None)
        if error is not None and error != self._error:
            log.error("approval_rules_not_read", why=error)
        self._error = error
        if found != self._rules.approval_rules:
            self._rules.approval_rules = found
            log.info("approval_rules_changed", rules=[rule.name for rule in found])

    def _just_changed(self) -> bool:
        """Return whether the file changed so recently that only the next look can trust it."""
        try:
            return 0 <= self._clock() - Path(self._name).stat().st_mtime < WHOLE_AFTER
        except OSError:  # an error of its own
            return False
