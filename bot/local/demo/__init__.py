"""The demo: both stand-ins and the bot, in one process tree."""
