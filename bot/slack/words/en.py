"""English."""

from bot.core.link import Reason
from bot.slack.words.admin_en import AdminWords
from bot.slack.words.running_en import RunningWords
from bot.slack.words.workspaces_en import WorkspaceWords


class Words:
    """The texts that members read. Another language is a subclass that overrides every one."""

    language = "en"
    open_studio = "Open Studio"
    open_named = "Open {alias}"
    new_link = "New link"
    try_again = "Try again"
    choose = "Choose…"
    ready_text = "Your SageMaker Studio link is ready. It works for {lifetime}."
    ready = "*Your SageMaker Studio link is ready*\nProfile `{profile}` in domain `{domain}`{details}"
    space = ", space `{space}`"
    region = ", region `{region}`"
    studio_home = "Studio home"
    ready_note = (
        "Works until {until} · your Studio session lasts {session} · the link signs in as you: do not share it"
    )
    opened = "Opened at {at} · {what}"
    opened_only = "Opened at {at}"
    opened_text = "You opened SageMaker Studio."
    stale = "This link expired at {until}. Press *New link* to get another one."
    stale_text = "This link has expired."
    waiting = "Creating your link …"
    one_moment = "One moment …"
    choose_text = "What do you want to open?"
    choose_note = "Next time, type `{command} {target}`"
    option = "{alias} ({profile})"
    option_space = "{alias} · space {space}"
    option_only_space = "Space {space}"
    help_open = "`{command}` gives you a private link to SageMaker Studio. It works for {lifetime}."
    help_alias = "`{command} ALIAS` opens one of your profiles: {aliases}."
    help_app = "`{command} {apps}` opens an app, `{command} space NAME` a space."
    help_whoami = "`{command} whoami` shows your access and your recent links."
    help_request = "`{command} request` asks your administrators for access."
    running = RunningWords()
    workspaces = WorkspaceWords()
    help_help = "`{command} help` shows this help."
    written = "I only answer commands. Type one of these, here or in any other conversation."
    not_understood = "`{command}` does not understand “{text}”."
    no_such_alias = "You have no profile called “{text}”."
    nearest = "Did you mean {aliases}?"
    who = "You are <@{user}>."
    who_ineligible = (
        "According to Slack, you are not a full member here, so you cannot get Studio links. "
        "Ask your Slack administrator to check your account."
    )
    who_guest = (
        "You are a guest here, and guests cannot open Studio. "
        "Ask the member who invited you to have your account changed."
    )
    who_nothing = (
        "You have no SageMaker Studio profile here yet. Ask your Studio administrator to set one up for you."
    )
    who_mapping = "`{alias}`: profile `{profile}` in domain `{domain}`{details}"
    who_allowed = "You have access to Studio."
    who_allowed_until = "You have access to Studio until {until}."
    who_not_allowed = "You are not on the allow-list yet. Ask your Studio administrator to allow you."
    who_denied = "Your access to Studio is blocked. Talk to your Studio administrator."
    who_ended = "Your access to Studio ended at {until}. Ask your Studio administrator to extend it."
    who_because = "Reason: “{reason}”."
    who_group = "Granted through the group {group}."
    who_own = "Granted to you."
    link_asked = "{at} · asked you which to open: you have several profiles or spaces"
    home_open = "What you can open"
    home_request = "Your access request"
    who_links = "*Your recent links*"
    who_no_links = "You have not asked for any links yet."
    who_links_unknown = "Your recent links cannot be loaded right now. Try again in a minute."
    link_issued = "{at} · {alias} · not opened"
    link_opened = "{at} · {alias} · opened at {opened}"
    link_undelivered = "{at} · {alias} · did not reach you"
    link_refused = "{at} · refused: {why}"
    link_refused_only = "{at} · refused"
    link_requested = "{at} · not finished"
    ask = "Request access"
    extend = "Extend"
    begins_later = "Approved · your access begins {start}"
    requested = "Requested · waiting for your administrators"
    withdraw = "Withdraw"
    ask_withdrawn = "You withdrew your request. Type `{command} request` to send a new one."
    ends_soon = "Your access ends {until}."
    end_soon = "Your access to SageMaker Studio ends {until}. If you need more time, ask your administrators for it."
    end_over = "Your access to SageMaker Studio ended {until}. If you still need it, ask your administrators for it."
    return_access = "Give back access"
    return_submit = "Give back"
    return_sure = "Your own access to SageMaker Studio until {until} ends now."
    return_sure_open = "Your own access to SageMaker Studio, which has no end date, ends now."
    return_group = "You keep the access that the group {group} gives you."
    return_unsure = "You may also have access through a group, but Slack can't confirm it right now."
    return_note = "You keep your profile and your files. Use `{command} request` to ask for access again."
    return_running = "This keeps running and costs money until you stop it with `{command} running`: {apps}"
    return_nothing = "You have no access of your own to give back."
    return_failed = (
        "Nothing was changed. Try again in a minute; if that does not help, tell your Studio administrator."
    )
    returned = "You gave back your own access to SageMaker Studio. Use `{command} request` to ask for it again."
    help_return = "`{command} return` gives your own access back before it ends."
    ask_wish = "Which profile or domain do you need?"
    ask_reason = "Why do you need it?"
    ask_reason_missing = "Say briefly why you need it."
    ask_ticket_missing = "Name a ticket, such as {example}."
    ask_days = "For how long?"
    ask_start = "From when? Empty means at once; at most {days} days ahead"
    ask_start_bad = "Choose today or one of the next {days} days, or leave the date empty."
    no_end_date = "No end date"
    send = "Send"
    ask_sent = "I sent your request to your Studio administrators. I will tell you once one of them has decided."
    ask_joined = "You already asked, {at}. I will tell you once an administrator has decided."
    ask_was_approved = "That request was approved, {at}. To ask for something else, send a new one."
    ask_was_denied = "That request was denied, {at}. Talk to your Studio administrator, or send a new one."
    ask_was_withdrawn = "That request was withdrawn. Send a new one, or ask your Studio administrator."
    ask_ran_out = "That request has expired. Send a new one."
    ask_nobody = "I could not reach anyone here to decide on your request. Ask your Studio administrator."
    ask_failed = (
        "Your request could not be saved. "
        "Try again in a minute; if that does not help, tell your Studio administrator."
    )
    asked = "<@{user}> asks for access to SageMaker Studio"
    asked_wish = "What: {wish}"
    asked_reason = "Why: {reason}"
    asked_days = "How long: {days}"
    asked_start = "From: {start}"
    asked_until = "Open for a decision until {until}"
    asked_since = "Nobody has decided since {at}."
    asked_below = "I asked again below."
    reminder = "Reminder: <@{user}> asks for access to SageMaker Studio"
    ran_out = (
        "Nobody decided on your request from {at} in time, so it has expired. "
        "Send it again, or talk to your Studio administrators."
    )
    approve = "Approve"
    deny = "Deny"
    deny_title = "Deny access"
    deny_reason = "Why? The member will see this."
    reason_not_sent = "Your reason was not sent:"
    cancel = "Cancel"
    approve_title = "Approve access"
    approve_domain = "SageMaker domain"
    approve_profile = "SageMaker user profile"
    ineligible = "Slack lists this account as a guest or inactive, so it could not use the access. Deny the request."
    locked_down = (
        "Studio links are switched off for everyone right now. Approve once they are back on, or deny the request."
    )
    approve_alias = "Alias"
    approve_note = "Leave all three empty if the member needs no new profile. The default alias is “default”."
    approved_so_far = "*{number} of {needed}* approvals: {names}"
    endorsed = "Your approval counts. Access needs another administrator's as well."
    had_owner = (
        "That user profile had another owner, so giving it to somebody else needs a second administrator. Map it "
        "with `{command} admin map`, then approve the request."
    )
    alias_in_use = (
        "This member already uses that alias for another profile. Press *Approve* again and choose another alias."
    )
    unreadable = (
        "A stored record of this member cannot be read, so they could not use the access. "
        "Remove it with `{command} admin forget`, then approve."
    )
    approve_needs = "This member has no profile yet. Press *Approve* again and enter the domain and the profile."
    form_failed = "Slack did not open the form in time. Try again."
    approved = "Approved by {by}, {at}"
    begins = "access begins {start}"
    not_begun = "Approved, but access could not begin, {at}. `{command} admin history` says why."
    denied = "Denied by {by}, {at}"
    withdrawn = "Withdrawn by {by}, {at}"
    undecided = "Expired without a decision, {at}"
    only_admins = "Only Studio administrators can decide on requests. Nothing was changed; ask one of them."
    only_approvers = (
        "A rule names others to decide on this request. Nothing was changed; `{command} admin explain` shows whom."
    )
    approval_needs_ticket = (
        "A rule requires a ticket number in the reason, and this one has none. "
        "Deny the request, and have the member ask again."
    )
    profile_gone = (
        "SageMaker no longer has the profile that this member is mapped to. "
        "Approve with another profile and another alias, or deny the request and say why."
    )
    not_your_own = "You cannot decide on your own request. Nothing was changed; ask another administrator."
    request_closed = (
        "This request has expired or was replaced by a newer one. "
        "Look for the newer one, or ask the member to send one."
    )
    deny_rule_remains = (
        "This member is blocked by a deny rule, which overrides approval. "
        "Remove it with `{command} admin forget`, then approve."
    )
    bad_domain = "That is not a SageMaker domain id. Ids look like d-abc123: copy yours from the SageMaker console."
    bad_profile = (
        "That is not a SageMaker user profile name: names have 1 to 63 letters, digits and inner hyphens. "
        "Copy it from the SageMaker console."
    )
    bad_alias = (
        "Choose another alias: 1 to 32 lower-case letters, digits and hyphens, but not a word of the command itself."
    )
    decision_failed = "This did not work."
    failures = {
        Reason.DOMAIN_MISSING: "SageMaker has no such domain here. Press *Approve* again and correct its id.",
        Reason.DOMAIN_NOT_READY: "That domain is not in service. "
        "If it is not back in a few minutes, repair it in the SageMaker console.",
        Reason.DOMAIN_SSO: "That domain uses IAM Identity Center for sign-in, where links do not work. "
        "Press *Approve* again and enter another domain, or deny the request.",
        Reason.PROFILE_MISSING: "SageMaker has no such user profile in that domain. "
        "Press *Approve* again and correct its name.",
        Reason.PROFILE_NOT_READY: "That user profile is not in service. "
        "If it is not back in a few minutes, repair it in the SageMaker console.",
        Reason.AWS_REFUSED: "AWS does not let this bot read that domain or user profile. "
        "Check the id and the name, then the bot's role.",
        Reason.AWS_THROTTLED: "AWS is limiting requests right now. Wait a minute, then try again.",
        Reason.AWS_UNREACHABLE: "AWS cannot be reached right now. Wait a minute, then try again.",
        Reason.AWS_UNEXPECTED: "AWS returned something this bot does not understand. "
        "Try again; if that does not help, check the bot's log.",
        Reason.STORE_UNREACHABLE: "The tables cannot be reached right now. "
        "Try again in a minute; if that does not help, check the bot's log.",
        Reason.STORE_THROTTLED: "The tables are under too much load right now. Wait a minute, then try again.",
        Reason.STORE_REFUSED: "The bot is not allowed to write to its tables. "
        "Have its role checked: docs/INSTALL.md lists the permissions for deciding on requests.",
        Reason.STORE_UNREADABLE: "A stored record cannot be read. The bot's log says which one.",
        Reason.SLACK_UNREACHABLE: "Slack could not say who the member is. Wait a minute, then try again.",
        Reason.SLACK_REFUSED: "Slack does not let this bot look up the member. Have the app's scopes checked.",
    }
    profile_in_use = (
        "Another member has that user profile. "
        "Press *Approve* again and enter another one, or move it with `map`, which needs a second administrator."
    )
    changed_meanwhile = "Someone changed the same records at the same time. Check them, then try again."
    failed_otherwise = "Try again; if that does not help, check the bot's log."
    granted = "You can open SageMaker Studio now."
    granted_later = "Your request was approved. Your access to SageMaker Studio begins {start}."
    granted_until = "This approval lasts until {until}."
    granted_open = "This approval has no end date."
    could_not_begin = (
        "Your access to SageMaker Studio was approved but could not begin. "
        "Ask your Studio administrator, or send a new request."
    )
    denied_because = "Reason: {reason}"
    turned_down = "Your request for access to SageMaker Studio was denied. Talk to your Studio administrator."
    sso_address = "Sign in at {address} instead."
    sso_no_address = "Ask your Studio administrator for its address."
    admin = AdminWords()
    refusals = {
        Reason.NOT_A_MEMBER: "Studio links are only for full members of this workspace. "
        "If you are one, ask your Slack administrator to check your account.",
        Reason.GUEST: "Guests cannot open SageMaker Studio from Slack. "
        "Ask the member who invited you to have your account changed.",
        Reason.LOCKDOWN: "Studio links are switched off for everyone here right now: “{notice}”. "
        "Wait for news from your Studio administrator.",
        Reason.DENIED: "Your access to SageMaker Studio is blocked. Talk to your Studio administrator.",
        Reason.NOT_MAPPED: "You have no SageMaker Studio profile here yet. "
        "Ask your Studio administrator to set one up for you.",
        Reason.NOT_ALLOWED: "You have a Studio profile, but you are not on the allow-list yet. "
        "Ask your Studio administrator to allow you.",
        Reason.GRANT_EXPIRED: "Your access to SageMaker Studio has ended. "
        "Ask your Studio administrator to extend it.",
        Reason.GROUP_UNCONFIRMED: "Slack could not confirm which groups you are in, so no link was made. "
        "Try again in a minute; if that does not help, tell your Studio administrator.",
        Reason.CHOOSE: "You have several Studio profiles. Name the one to open.",
        Reason.TOO_MANY_REQUESTS: "You sent too many requests within a minute. Try again {when}.",
        Reason.TOO_MANY: "You got too many links within a minute. Try again {when}.",
        Reason.DOMAIN_MISSING: "The Studio domain you are mapped to no longer exists. "
        "Ask your Studio administrator to correct your mapping.",
        Reason.DOMAIN_NOT_READY: "Your Studio domain is not ready. "
        "Try again in a few minutes; if that does not help, tell your Studio administrator.",
        Reason.DOMAIN_SSO: "Your Studio domain uses IAM Identity Center for sign-in, so links do not work there. "
        "{address}",
        Reason.PROFILE_MISSING: "Your Studio profile no longer exists. "
        "Ask your Studio administrator to correct your mapping.",
        Reason.PROFILE_NOT_READY: "Your Studio profile is not ready yet. "
        "Try again in a few minutes; if that does not help, tell your Studio administrator.",
        # The same words for both: a member learns nothing about the spaces of others.
        Reason.SPACE_MISSING: "You have no access to a Studio space of that name: it must be shared or your own. "
        "Name another one, or ask your Studio administrator to correct your mapping.",
        Reason.SPACE_NOT_YOURS: "You have no access to a Studio space of that name: it must be shared or your own. "
        "Name another one, or ask your Studio administrator to correct your mapping.",
        Reason.AWS_REFUSED: "This bot is not set up correctly for AWS, so no link was made. "
        "Tell your Studio administrator; trying again will not help.",
        Reason.AWS_THROTTLED: "AWS is limiting requests right now. Wait a minute, then try again.",
        Reason.AWS_UNREACHABLE: "AWS cannot be reached right now. Wait a minute, then try again.",
        Reason.AWS_UNEXPECTED: "AWS returned something this bot does not understand. "
        "Try again; if that does not help, tell your Studio administrator.",
        Reason.LINK_HOST_UNKNOWN: "AWS returned a link to an address that this bot does not know, so I kept it back. "
        "Tell your Studio administrator; trying again will not help.",
        Reason.APP_GONE: "That app has stopped already. Type `{command} running` to see what is left.",
        Reason.APP_NOT_YOURS: "That app isn't yours, so nothing was stopped. Ask its owner or your Studio "
        "administrator.",
        Reason.APP_NOT_READY: "That app is starting or stopping right now. Wait a minute, then try again.",
        Reason.APP_RUNNING: "Something runs in that space already. Type `{command} running` to see it.",
        Reason.APP_UNKNOWN: "That space has no app that I can start. "
        "Type `{command}` to open Studio, and start it there.",
        Reason.APP_QUOTA: "Your AWS account has reached its limit of such instances. "
        "Stop another app, or ask your Studio administrator for a higher limit.",
        Reason.STORE_UNREACHABLE: "The access list cannot be reached right now, so no link was made. "
        "Try again in a minute; if that does not help, tell your Studio administrator.",
        Reason.STORE_THROTTLED: "The access list is under too much load right now. Wait a minute, then try again.",
        Reason.STORE_REFUSED: "This bot is not set up correctly to read its access list, so no link was made. "
        "Tell your Studio administrator; trying again will not help.",
        Reason.STORE_UNREADABLE: "Your access record cannot be read, so no link was made. "
        "Ask your Studio administrator to set it again.",
        Reason.NOT_RECORDED: "Your request could not be recorded, so no link was made. "
        "Try again in a minute; if that does not help, tell your Studio administrator.",
        Reason.SLACK_UNREACHABLE: "Slack could not confirm who you are right now. Wait a minute, then try again.",
        Reason.SLACK_REFUSED: "This bot is not set up correctly to ask Slack who you are, so no link was made. "
        "Tell your Studio administrator; trying again will not help.",
        Reason.BUSY: "Many people are asking at once. Wait a few seconds, then try again.",
        Reason.TOO_LATE: "This took too long, so no link was made. Try again.",
        Reason.NOT_READY: "The bot is still starting. Wait a minute, then try again.",
        Reason.FOREIGN: "Studio links are not set up for this workspace. Use them in the workspace they belong to.",
        Reason.TRIGGER_EXPIRED: "Slack opens dialogs only within three seconds, and this took longer. Try again, or "
        "type `{command}`.",
        Reason.STALE_BUTTON: "This button no longer works. Type `{command}` to get a new link.",
        Reason.NOT_AN_ADMIN: "Only your Studio administrators can do that, and nothing was changed. "
        "Ask one of them, or type `{command} help` to see what you can do yourself.",
        Reason.INTERNAL: "Something went wrong on our side, so no link was made. "
        "Try again; if that does not help, tell your Studio administrator.",
    }
    at_time = "at {at}"
    in_a_minute = "in a minute"
    day = ("day", "days")
    hour = ("hour", "hours")
    minute = ("minute", "minutes")
    second = ("second", "seconds")
