"""Every word that members read, in one place.

A refusal says what happened and what to do next, in one or two plain sentences, and nothing about other people.
Text in braces is filled in; everything filled in has been escaped.
"""

from bot.model import Reason

OPEN = "Open Studio"
NEW_LINK = "New link"
TRY_AGAIN = "Try again"

READY_TEXT = "Your SageMaker Studio link is ready. It works for {lifetime}."
READY = "*Your SageMaker Studio link is ready*\nProfile `{profile}` in domain `{domain}`{space}"
SPACE = ", space `{space}`"
READY_NOTE = (
    "Works until {until} · your Studio session then lasts {session} · the link signs in as you: keep it to yourself"
)
OPENED = "Opened at {at} · profile `{profile}` in domain `{domain}`"
OPENED_ONLY = "Opened at {at}"
OPENED_TEXT = "You opened SageMaker Studio."
STALE = "This link stopped working at {until}. Press *New link* for a fresh one."
STALE_TEXT = "This link has stopped working."

HELP = (
    "`{command}` gives you a private link to SageMaker Studio. It works for one minute.\n"
    "`{command} ALIAS` opens one of your profiles by its name{aliases}.\n"
    "`{command} help` shows this."
)
HELP_ALIASES = "; yours: {aliases}"
NOT_UNDERSTOOD = "`{command}` does not understand “{text}”."
NO_SUCH_ALIAS = "You have no profile called “{text}”."

REFUSALS: dict[Reason, str] = {
    Reason.NOT_A_MEMBER: "Studio links are only for full members of this workspace. "
    "If you are one, ask your Slack administrator to check your account.",
    Reason.GUEST: "Guests cannot open SageMaker Studio from Slack. "
    "Ask the member who invited you to have your account changed.",
    Reason.DENIED: "Your access to SageMaker Studio is blocked. Talk to your Studio administrator.",
    Reason.NOT_MAPPED: "You have no SageMaker Studio profile here yet. "
    "Ask your Studio administrator to set one up for you.",
    Reason.NOT_ALLOWED: "You have a Studio profile, but you are not on the allow-list yet. "
    "Ask your Studio administrator to allow you.",
    Reason.GRANT_EXPIRED: "Your access to SageMaker Studio has ended. Ask your Studio administrator to extend it.",
    Reason.CHOOSE: "You have several Studio profiles. Name the one to open: {choices}.",
    Reason.TOO_MANY: "That was too many requests in one minute. Wait a minute, then try again.",
    Reason.DOMAIN_MISSING: "The Studio domain you are mapped to does not exist any more. "
    "Ask your Studio administrator to correct your mapping.",
    Reason.DOMAIN_NOT_READY: "Your Studio domain is being changed and is not ready. Try again in a few minutes.",
    Reason.DOMAIN_SSO: "Your Studio domain signs people in through IAM Identity Center, not through links. {address}",
    Reason.PROFILE_MISSING: "Your Studio profile does not exist any more. "
    "Ask your Studio administrator to correct your mapping.",
    Reason.PROFILE_NOT_READY: "Your Studio profile is not ready yet. Try again in a few minutes.",
    Reason.SPACE_MISSING: "The Studio space you are mapped to does not exist any more. "
    "Ask your Studio administrator to correct your mapping.",
    Reason.SPACE_NOT_YOURS: "The Studio space you are mapped to is neither shared nor yours. "
    "Ask your Studio administrator to correct your mapping.",
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
    Reason.NOT_RECORDED: "Your request could not be recorded, so no link was made. Wait a minute, then try again.",
    Reason.SLACK_UNREACHABLE: "Slack could not confirm who you are just now. Wait a minute, then try again.",
    Reason.SLACK_REFUSED: "Slack does not let this bot confirm who you are. "
    "Tell your Studio administrator; trying again will not help.",
    Reason.BUSY: "Many people are asking at once. Wait a few seconds, then try again.",
    Reason.TOO_LATE: "This took too long, so no link was made. Try again.",
    Reason.NOT_READY: "The bot is still starting. Wait a minute, then try again.",
    Reason.FOREIGN: "Studio links are not set up for this workspace. Use them in the workspace they belong to.",
    Reason.STALE_BUTTON: "This button is not valid any more. Type `{command}` for a fresh link.",
    Reason.INTERNAL: "Something went wrong on our side, and no link was made. "
    "Try again; if it stays, tell your Studio administrator.",
}
SSO_ADDRESS = "Sign in at {address} instead."
SSO_NO_ADDRESS = "Ask your Studio administrator for its address."

# Refusals that may well pass when tried again, and so come with a button to do it.
PASSING = frozenset(
    {
        Reason.TOO_MANY,
        Reason.DOMAIN_NOT_READY,
        Reason.PROFILE_NOT_READY,
        Reason.AWS_THROTTLED,
        Reason.AWS_UNREACHABLE,
        Reason.AWS_UNEXPECTED,
        Reason.STORE_UNREACHABLE,
        Reason.STORE_THROTTLED,
        Reason.NOT_RECORDED,
        Reason.SLACK_UNREACHABLE,
        Reason.BUSY,
        Reason.TOO_LATE,
        Reason.NOT_READY,
        Reason.INTERNAL,
    }
)
