"""English."""

from bot.core.link import Reason
from bot.slack.words.admin_en import ENGLISH as FOR_ADMINS
from bot.slack.words.catalogue import Words

ENGLISH = Words(
    language="en",
    open_studio="Open Studio",
    open_named="Open {alias}",
    new_link="New link",
    try_again="Try again",
    choose="Choose…",
    ready_text="Your SageMaker Studio link is ready. It works for {lifetime}.",
    ready="*Your SageMaker Studio link is ready*\nProfile `{profile}` in domain `{domain}`{space}",
    space=", space `{space}`",
    ready_note="Works until {until} · your Studio session then lasts {session} · "
    "the link signs in as you: keep it to yourself",
    opened="Opened at {at} · profile `{profile}` in domain `{domain}`",
    opened_only="Opened at {at}",
    opened_text="You opened SageMaker Studio.",
    stale="This link stopped working at {until}. Press *New link* for a fresh one.",
    stale_text="This link has stopped working.",
    waiting="Making your link …",
    one_moment="One moment …",
    choose_text="What do you want to open?",
    choose_note="Next time you can name it: `{command} {target}`",
    option="{alias} ({profile})",
    option_space="{alias} · space {space}",
    option_only_space="Space {space}",
    help_open="`{command}` gives you a private link to SageMaker Studio. It works for {lifetime}.",
    help_alias="`{command} ALIAS` opens one of your profiles: {aliases}.",
    help_app="`{command} {apps}` opens an app, `{command} space NAME` a space.",
    help_whoami="`{command} whoami` shows what you may open and your last links.",
    help_request="`{command} request` asks your administrators for access.",
    help_help="`{command} help` shows this.",
    not_understood="`{command}` does not understand “{text}”.",
    no_such_alias="You have no profile called “{text}”.",
    nearest="Did you mean {aliases}?",
    who="You are <@{user}>.",
    who_unfit="Slack's record of your account rules out Studio links. Ask your Slack administrator to check it.",
    who_guest="You are a guest here, and guests cannot open Studio. "
    "Ask the member who invited you to have your account changed.",
    who_nothing="You have no SageMaker Studio profile here yet. Ask your Studio administrator to set one up for you.",
    who_mapping="`{alias}`: profile `{profile}` in domain `{domain}`",
    who_allowed="You are allowed to open Studio.",
    who_allowed_until="You are allowed to open Studio until {until}.",
    who_not_allowed="You are not on the allow-list yet. Ask your Studio administrator to allow you.",
    who_denied="Your access to Studio is blocked. Talk to your Studio administrator.",
    who_ended="Your access to Studio ended at {until}. Ask your Studio administrator to extend it.",
    who_because="The rule says: “{reason}”.",
    who_group="That is through the group {group}.",
    who_own="That is through a rule of your own.",
    link_asked="{at} · you were asked which",
    who_links="*Your last links*",
    who_no_links="You have asked for no links yet.",
    who_links_unknown="Your last links cannot be read just now. Try again in a minute.",
    link_issued="{at} · {alias} · not opened",
    link_opened="{at} · {alias} · opened at {opened}",
    link_undelivered="{at} · {alias} · did not reach you",
    link_refused="{at} · refused",
    link_requested="{at} · not finished",
    ask="Request access",
    ask_longer="Request extension",
    ends_soon="Your access ends {until}.",
    ask_wish="Which profile or domain do you need?",
    ask_reason="Why do you need it?",
    ask_reason_missing="Say in a few words why you need it.",
    ask_days="For how long?",
    for_good="For good",
    send="Send",
    ask_sent="Your request has gone to your Studio administrators. You will hear from me when "
    "one of them has decided.",
    ask_joined="You have asked already, {at}. You will hear from me when an administrator has decided.",
    ask_was_approved="That request was approved, {at}. To ask for something else, send a new one.",
    ask_was_denied="That request was denied, {at}. Talk to your Studio administrator, or send a new one.",
    ask_was_withdrawn="That request reached nobody and was closed. Send a new one, or ask your Studio administrator.",
    ask_ran_out="That request has run out. Send a new one.",
    ask_nobody="Nobody could be reached here to decide on requests. Ask your Studio administrator.",
    ask_failed="Your request could not be kept. Wait a minute, then try again.",
    asked="<@{user}> asks for access to SageMaker Studio",
    asked_wish="*What:* {wish}",
    asked_reason="*Why:* {reason}",
    asked_days="*How long:* {days}",
    asked_until="Can be decided until {until}",
    approve="Approve",
    deny="Deny",
    deny_sure="Deny this request?",
    cancel="Cancel",
    approve_title="Approve access",
    approve_domain="SageMaker domain id",
    approve_profile="SageMaker user profile",
    of_no_use="Slack says this account is a guest, or not active, so access would not help. Deny the request.",
    locked_down="Studio links are switched off for everybody just now, so access would not help. "
    "Approve once they are on again, or deny the request.",
    approve_alias="What the member calls it",
    approve_note="Leave all three empty to give no new profile. Without a name it is called “default”.",
    alias_taken="This member has another profile of that name. "
    "Press *Approve* again, and give this one another name.",
    unreadable="A stored record of this member cannot be read, so access would not help. "
    "Remove it with `studio-links forget`, then approve.",
    approve_needs="This member has no profile yet. Press *Approve* again, and name the domain and the profile.",
    form_failed="Slack did not open the form in time. Try again.",
    approved="Approved by <@{by}>, {at}",
    denied="Denied by <@{by}>, {at}",
    undecided="Ran out without a decision, {at}",
    only_admins="Only Studio administrators can decide on requests, so nothing was changed. Ask one of them.",
    not_your_own="Somebody else has to decide on your own request, so nothing was changed. "
    "Ask another administrator.",
    request_gone="This request cannot be decided any more: it has run out, or there is a newer one. "
    "Look for the newer one, or ask the member to send one.",
    deny_stands="A deny rule stands for this member and would win. "
    "Remove it with `studio-links forget`, then approve.",
    bad_domain="That is no SageMaker domain's id. It begins with d-, as d-abc123 does: copy it from the SageMaker "
    "console.",
    bad_profile="That is no SageMaker user profile's name: it has 1 to 63 letters, digits and inner hyphens. "
    "Copy it from the SageMaker console.",
    bad_alias="Choose another name, of 1 to 32 letters, digits and hyphens, that is none of the command's own words.",
    decision_failed="This could not be carried out.",
    failures={
        Reason.DOMAIN_MISSING: "SageMaker knows no such domain here. Press *Approve* again, and correct its id.",
        Reason.DOMAIN_NOT_READY: "That domain is being changed. Try again in a few minutes.",
        Reason.DOMAIN_SSO: "That domain signs people in through IAM Identity Center, where links do not work. "
        "Press *Approve* again and name another, or deny the request.",
        Reason.PROFILE_MISSING: "SageMaker knows no such user profile in that domain. "
        "Press *Approve* again, and correct its name.",
        Reason.PROFILE_NOT_READY: "That user profile is not ready yet. Try again in a few minutes.",
        Reason.AWS_REFUSED: "AWS does not let this bot look at that domain or user profile. "
        "Check its id and name, and then the bot's role.",
        Reason.AWS_THROTTLED: "AWS is limiting requests just now. Wait a minute, then try again.",
        Reason.AWS_UNREACHABLE: "AWS cannot be reached just now. Wait a minute, then try again.",
        Reason.AWS_UNEXPECTED: "AWS gave an answer this bot does not understand. "
        "Try again; if it stays, look into the bot's log.",
        Reason.STORE_UNREACHABLE: "The tables cannot be reached just now. Wait a minute, then try again.",
        Reason.STORE_THROTTLED: "The tables are under too much load just now. Wait a minute, then try again.",
        Reason.STORE_REFUSED: "The bot is not allowed to write to its tables. "
        "Have its role checked: README says what it needs to decide on requests.",
        Reason.STORE_UNREADABLE: "A stored record cannot be read. Look into the bot's log: it says which.",
        Reason.SLACK_UNREACHABLE: "Slack could not say who the member is just now. Wait a minute, then try again.",
        Reason.SLACK_REFUSED: "Slack does not let this bot ask who the member is. Have the app's scopes checked.",
    },
    profile_taken="Another member has that user profile. "
    "Press *Approve* again and name another, or have it unmapped there first.",
    changed_meanwhile="Somebody changed the same records at the same time. Look again, then try again.",
    failed_otherwise="Try again; if it stays, look into the bot's log.",
    granted="You can open SageMaker Studio now.",
    turned_down="Your request for access to SageMaker Studio was denied. Talk to your Studio administrator.",
    sso_address="Sign in at {address} instead.",
    sso_no_address="Ask your Studio administrator for its address.",
    admin=FOR_ADMINS,
    refusals={
        Reason.NOT_A_MEMBER: "Studio links are only for full members of this workspace. "
        "If you are one, ask your Slack administrator to check your account.",
        Reason.GUEST: "Guests cannot open SageMaker Studio from Slack. "
        "Ask the member who invited you to have your account changed.",
        Reason.LOCKDOWN: "Studio links are switched off for everybody here just now: “{notice}”. "
        "Wait for news from your Studio administrator.",
        Reason.DENIED: "Your access to SageMaker Studio is blocked. Talk to your Studio administrator.",
        Reason.NOT_MAPPED: "You have no SageMaker Studio profile here yet. "
        "Ask your Studio administrator to set one up for you.",
        Reason.NOT_ALLOWED: "You have a Studio profile, but you are not on the allow-list yet. "
        "Ask your Studio administrator to allow you.",
        Reason.GRANT_EXPIRED: "Your access to SageMaker Studio has ended. Ask your Studio administrator to "
        "extend it.",
        Reason.GROUP_UNCONFIRMED: "Slack could not confirm just now which groups you are in, so no link was made. "
        "Wait a minute, then try again.",
        Reason.CHOOSE: "You have several Studio profiles. Name the one to open.",
        Reason.TOO_MANY: "That was too many requests in one minute. Wait a minute, then try again.",
        Reason.DOMAIN_MISSING: "The Studio domain you are mapped to does not exist any more. "
        "Ask your Studio administrator to correct your mapping.",
        Reason.DOMAIN_NOT_READY: "Your Studio domain is being changed and is not ready. Try again in a few minutes.",
        Reason.DOMAIN_SSO: "Your Studio domain signs people in through IAM Identity Center, not through "
        "links. {address}",
        Reason.PROFILE_MISSING: "Your Studio profile does not exist any more. "
        "Ask your Studio administrator to correct your mapping.",
        Reason.PROFILE_NOT_READY: "Your Studio profile is not ready yet. Try again in a few minutes.",
        # The same words for both: a member learns nothing about the spaces of others.
        Reason.SPACE_MISSING: "There is no such Studio space for you: it has to be shared, or your own. "
        "Name another, or ask your Studio administrator to correct your mapping.",
        Reason.SPACE_NOT_YOURS: "There is no such Studio space for you: it has to be shared, or your own. "
        "Name another, or ask your Studio administrator to correct your mapping.",
        Reason.AWS_REFUSED: "AWS does not let this bot make your link. "
        "Tell your Studio administrator; trying again will not help.",
        Reason.AWS_THROTTLED: "AWS is limiting requests just now. Wait a minute, then try again.",
        Reason.AWS_UNREACHABLE: "AWS cannot be reached just now. Wait a minute, then try again.",
        Reason.AWS_UNEXPECTED: "AWS gave an answer this bot does not understand. "
        "Try again; if it stays, tell your Studio administrator.",
        Reason.STORE_UNREACHABLE: "The access list cannot be reached just now, so no link was made. "
        "Wait a minute, then try again.",
        Reason.STORE_THROTTLED: "The access list is under too much load just now. Wait a minute, then try again.",
        Reason.STORE_REFUSED: "The bot is not allowed to read its access list. "
        "Tell your Studio administrator; trying again will not help.",
        Reason.STORE_UNREADABLE: "Your access record cannot be read, so no link was made. "
        "Ask your Studio administrator to set it again.",
        Reason.NOT_RECORDED: "Your request could not be recorded, so no link was made. Wait a minute, then "
        "try again.",
        Reason.SLACK_UNREACHABLE: "Slack could not confirm who you are just now. Wait a minute, then try again.",
        Reason.SLACK_REFUSED: "Slack does not let this bot confirm who you are. "
        "Tell your Studio administrator; trying again will not help.",
        Reason.BUSY: "Many people are asking at once. Wait a few seconds, then try again.",
        Reason.TOO_LATE: "This took too long, so no link was made. Try again.",
        Reason.NOT_READY: "The bot is still starting. Wait a minute, then try again.",
        Reason.FOREIGN: "Studio links are not set up for this workspace. Use them in the workspace they belong to.",
        Reason.STALE_BUTTON: "This button is not valid any more. Type `{command}` for a fresh link.",
        Reason.NOT_AN_ADMIN: "Only your Studio administrators can do that, and nothing was changed. "
        "Ask one of them, or type `{command} help` to see what you can do yourself.",
        Reason.INTERNAL: "Something went wrong on our side, and no link was made. "
        "Try again; if it stays, tell your Studio administrator.",
    },
    day=("day", "days"),
    hour=("hour", "hours"),
    minute=("minute", "minutes"),
    second=("second", "seconds"),
)
