"""English, about what runs in Studio."""

from bot.core.apps import AppStatus


class RunningWords:
    """The texts about apps and their cost. Another language is a subclass that overrides every one."""

    title = "*What you have running in Studio*"
    title_of = "*What {user} has running in Studio*"
    title_of_all = "*What runs in Studio*, the longest running first"
    nobody = "held by nobody"
    off = "`STUDIO_RUNNING` is not on, so this bot does not see what runs. Switch it on."
    nothing = "Nothing is running in Studio right now."
    app = "*{app}*"
    in_space = "in space `{space}`"
    in_shared_space = "in the shared space `{space}`"
    in_profile = "of profile `{profile}`"
    statuses = {
        AppStatus.PENDING: "starting",
        AppStatus.IN_SERVICE: "running",
        AppStatus.DELETING: "stopping",
        AppStatus.FAILED: "failed to start",
    }
    since = "since {since}"
    no_instance = "unknown instance type"
    price = "${hourly} an hour"
    so_far = "about ${cost} so far"
    no_price = "price unknown"
    total = "Together about ${hourly} an hour. Estimated with the price list of {day}, without storage."
    undated = "An app without a price is not in the price list of {day}."
    stopped_space = "Space `{space}` is stopped."
    more = "and {number} more"
    unread = "I can't read right now what runs in domain `{domain}`. Try again in a minute."
    stop = "Stop"
    stop_sure = "Unsaved work in it is lost. The space and its files stay."
    start = "Start"
    stopping = "{app} is stopping. The space and its files stay."
    starting = "{app} is starting in space `{space}`. I will send you a message when it is ready."
    ready = "{app} in space `{space}` is ready."
    not_started = "{app} in space `{space}` did not start. Try again, or tell your Studio administrator."
    not_started_why = "{app} in space `{space}` did not start: {why}. Try again, or tell your Studio administrator."
    failed = "Nothing was changed. Try again in a minute; if that does not help, tell your Studio administrator."
    refused = (
        "This bot is not set up correctly to do that. Tell your Studio administrator; trying again will not help."
    )
    word_title = "*Still running in Studio*"
    word_note = "It costs money until it stops, whether or not you use it. I tell you once a day at most."
    word_stops = "It will be stopped at {at}, unless you keep it: your administrators have set this."
    keep_tonight = "Keep until tonight"
    keep_week = "Keep for a week"
    kept = "You keep {app} until {until}. Until then, I say nothing more of it, and it is not stopped for you."
    summary_title = "*What ran in Studio since {since}*"
    summary_line = "`{domain}`: {hours} hours, about ${cost}"
    summary_unpriced = "{hours} hours of it without a known price"
    listed = "Estimated with the price list of {day}, without storage."
    help = "`{command} running` shows what you have running and what it costs, and stops it."
