"""The `studio-links` command: parses, calls, prints.

Exit codes: 0 done, 1 refused or failed (one clear line on standard error), 2 wrong usage.
"""

from bot.cli.root import cli, main, run

__all__ = ["cli", "main", "run"]
