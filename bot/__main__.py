"""`python -m bot` is the same as `studio-links`."""

from bot.cli import main

main()
