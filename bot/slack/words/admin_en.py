"""English, for administrators."""

from bot.admin.commands import OFF, ON, Problem
from bot.admin.names import NameProblem
from bot.admin.notices import News
from bot.admin.results import NotDoneReason
from bot.admin.specs import Name, Verb
from bot.core.access import Effect
from bot.core.link import Reason


class AdminWords:
    """The texts that administrators read. Another language is a subclass that overrides every one."""

    help_admin = "`{command} admin` opens a form to manage access; `{command} admin help` lists the text commands."
    working = "One moment …"
    choose = "What do you want to do?"
    another = "Something else"
    send = "Continue"
    verbs = {
        Verb.MAP: "Map a profile",
        Verb.UNMAP: "Remove a mapping",
        Verb.ALLOW: "Allow",
        Verb.DENY: "Block",
        Verb.FORGET: "Remove rules",
        Verb.SHOW: "Show a member",
        Verb.LIST: "List everyone",
        Verb.HISTORY: "History",
        Verb.EXPLAIN: "Explain a decision",
        Verb.RUNNING: "What runs in Studio",
        Verb.LOCKDOWN: "Lockdown",
        Verb.OFFBOARD: "Off-board",
        Verb.REQUESTS: "Access requests",
        Verb.APPROVE: "Approve a request",
        Verb.DECLINE: "Deny a request",
    }
    labels = {
        Name.USER: "Member",
        Name.DOMAIN: "SageMaker domain",
        Name.PROFILE: "SageMaker user profile",
        Name.ALIAS: "Alias",
        Name.REGION: "Region (if different)",
        Name.ROLE_ARN: "Role to assume",
        Name.SPACE: "Space to open",
        Name.LANDING: "Landing page",
        Name.SESSION_SECONDS: "Session length (hours)",
        Name.UNTIL: "Until the end of (UTC)",
        Name.REASON: "Reason",
        Name.SINCE: "Since",
        Name.BY: "Done by",
        Name.APPROVER: "Approved by",
        Name.OUTCOME: "Outcome",
        Name.DAY: "Day (UTC)",
        Name.STATE: "Links",
        Name.SEARCH: "Name, address, id or profile",
        Name.GROUP: "In the user group",
        Name.EXPIRING: "Access ends within (such as 14d)",
        Name.UNUSED: "No link for (such as 60d)",
        Name.BROKEN: "With what cannot work",
        Name.DENIED: "Blocked",
        Name.OPEN: "Still open",
        Name.NO_RULE: "Mapped, and not allowed",
        Name.KEEP_FILES: "Leave spaces and files",
        Name.OVER: "Running for at least",
    }
    states = {ON: "Stop for everyone", OFF: "Allow again"}
    must = {
        Name.USER: "a member from Slack's list, an e-mail address, a user name, or an id that starts with U or W",
        Name.DOMAIN: "a SageMaker domain id, such as d-abc123",
        Name.PROFILE: "1 to 63 letters, digits and inner hyphens",
        Name.ALIAS: "1 to 32 lower-case letters, digits and hyphens, but not a word of the command itself",
        Name.REGION: "an AWS region, such as eu-west-1",
        Name.ROLE_ARN: "the ARN of an IAM role",
        Name.SPACE: "1 to 63 letters, digits and inner hyphens",
        Name.LANDING: "an app (lab, code, canvas, rstudio, home), or a landing page, such as app:JupyterLab:",
        Name.SESSION_SECONDS: "from 30m to 12h, or a whole number from 1800 to 43200",
        Name.UNTIL: "a time, such as 8h, 30d or 2026-12-31",
        Name.REASON: "at most 500 characters",
        Name.SINCE: "a time, such as 8h, 30d or 2026-01-31",
        Name.BY: "a member from Slack's list, an e-mail address, a user name, or an id that starts with U or W",
        Name.APPROVER: "a member from Slack's list, an e-mail address, a user name, or an id that starts with U or W",
        Name.OUTCOME: "an outcome from the audit, such as issued, done or not_allowed",
        Name.DAY: "a day, such as 2026-01-31",
        Name.STATE: "on or off",
        Name.SEARCH: "at most 80 characters",
        Name.GROUP: "a user group from Slack's list, or an id that starts with S",
        Name.EXPIRING: "a time, such as 8h or 14d",
        Name.UNUSED: "a time, such as 30d or 60d",
        Name.BROKEN: "given without a value",
        Name.DENIED: "given without a value",
        Name.OPEN: "given without a value",
        Name.NO_RULE: "given without a value",
        Name.KEEP_FILES: "given without a value",
        Name.OVER: "a span, such as 12h or 3d",
    }
    must_with_group = "a member or user group from Slack's list, an address, a user name, or an id with U, W or S"
    must_group = "a user group id, which starts with S"
    must_be = "It must be {must}."
    or_group = "Or a user group"
    pick = "Pick or type"
    pick_states = ("free", "taken")
    pick_new = "{name} — doesn't exist yet"
    pick_typed = "{name} — as typed"
    pick_disabled = "disabled"
    pick_late = "The list isn't available right now. Type the full name."
    pick_more = "There are more. Keep typing."
    pick_domain_first = "Choose the domain first, or type the full name."
    pick_profile_first = "Choose the profile first, or type the full name."
    one_of_both = "Enter a member or a user group, not both."
    problems = {
        Problem.UNKNOWN_VERB: "I don't know `{value}`. Nothing was changed.",
        Problem.UNKNOWN_OPTION: "I don't know `--{field}` here. Nothing was changed.",
        Problem.TWICE: "`{field}` appears twice. Nothing was changed.",
        Problem.NO_VALUE: "`--{field}` needs a value. Nothing was changed.",
        Problem.MISSING: "`{field}` is missing: it must be {must}. Nothing was changed.",
        Problem.TOO_MUCH: "I don't understand `{value}` here. Nothing was changed. "
        "Put values that contain spaces into quotation marks.",
        Problem.BAD_VALUE: "`{value}` isn't a valid `{field}`: it must be {must}. Nothing was changed.",
        Problem.OPEN_QUOTE: "The quotation mark at `{value}` is never closed. Nothing was changed.",
        Problem.EXCLUSIVE: "Give “Since” (`--since`) or “Day” (`--day`), not both. Nothing was changed.",
    }
    unclear_names = {
        NameProblem.NOBODY: "No active account of this workspace has `{value}`. Nothing was changed. "
        "Pick the member from the list that Slack shows while you type, or use their id.",
        NameProblem.SEVERAL: "`{value}` may mean {candidates}. Nothing was changed. "
        "Use the id or the e-mail address of the one you mean.",
        NameProblem.NO_MEMBER: "`{value}` is {candidates}, not a full member of this workspace. Nothing was changed. "
        "Use the id if you mean this account.",
    }
    example = "For example: `{command} admin {example}`"
    questions = {
        Verb.MAP: "*Replace {user}'s mapping `{alias}`?*",
        Verb.UNMAP: "*Remove this mapping from {user}?*",
        Verb.ALLOW: "*Shorten the access of {user}?*",
        Verb.DENY: "*Block {user}?* This overrides every allow rule.",
        Verb.FORGET: "*Remove every rule for {user}?* Without an allow rule, there is no access.",
        Verb.LOCKDOWN: "*Stop links for everyone in this workspace?* This includes you and other administrators.",
        Verb.OFFBOARD: "*Off-board {user}?* This blocks them and deletes what is to do here, with its files.",
    }
    ended_question = "*Set a rule for {user} that has already ended?* It will have no effect."
    affected = "Now: {what}"
    after = "After: {what}"
    members_read = "Members will see: “{reason}”"
    oneself = (
        ":warning: *This is you.* You will lose your own access, and another administrator may have to restore it."
    )
    group = "This affects everyone in the user group, including you if you are in it."
    confirm_within = (
        "Nothing has been changed yet. You can confirm for ten minutes, unless someone else changes this first."
    )
    confirm = "Confirm"
    leave = "Cancel"
    not_done = {
        NotDoneReason.EXPIRED: "This button no longer works. Nothing was changed. Enter the command again.",
        NotDoneReason.CANCELLED: "Cancelled. Nothing was changed.",
        NotDoneReason.NO_MAPPING: "Choose one of {user}'s mappings with `--alias`. Nothing was changed.",
        NotDoneReason.NO_RULE: "{user} has no rules to remove.",
        NotDoneReason.NO_SECOND: "This needs a second administrator, and there is none who could agree. Nothing was "
        "changed. Use the shell, or have another administrator named.",
        NotDoneReason.OWN_REQUEST: "Someone else has to decide on this: not the one who asked, nor the one who gets "
        "the profile. Nothing was changed. Ask another administrator, or use the shell.",
        NotDoneReason.DECLINED: "Declined. Nothing was changed.",
        NotDoneReason.DECIDED: "This has been decided already, its day is over, or the one who asked no longer "
        "administers. Nothing was changed. To change it now, enter the command again.",
        NotDoneReason.NOBODY_REACHED: "I could not reach a second administrator in Slack. Nothing was changed. Try "
        "again, or use the shell.",
        NotDoneReason.ADMINISTRATOR: "{user} is named in `STUDIO_ADMINS`, or the only administrator. Nothing was "
        "changed. Name another administrator first, and take the id out of the settings.",
        NotDoneReason.UNDER_WAY: "{user} is being off-boarded already. Nothing was changed. Wait for the report.",
        NotDoneReason.OWN_ACCESS: "You can't give yourself access, or become the only administrator. Nothing was "
        "changed. Ask another administrator, or use the shell.",
    }
    has = "{user} has: {aliases}."
    has_nothing = "{user} has no mappings."
    changed = "Someone else has changed this since. Nothing was changed. Check it, then enter the command again."
    failed = "Nothing was changed: {why}"
    done = {
        Verb.MAP: "{user} now has {what}",
        Verb.UNMAP: "{user} no longer has {what}",
        Verb.ALLOW: "{user} now has access: {what}",
        Verb.DENY: "{user} is now blocked: {what}",
        Verb.FORGET: "Removed the rules for {user}:",
        Verb.LOCKDOWN: "Links are stopped for everyone: {what}",
        Verb.OFFBOARD: "{user} is blocked, and their workspace is being removed. I report here when that has ended.",
    }
    obstacles = {
        Reason.DENIED: "{user} is still blocked: a deny rule overrides every allow rule.",
        Reason.LOCKDOWN: "{user} gets no links while the lockdown is on.",
        Reason.STORE_UNREADABLE: "{user} is still refused: a stored record can't be read.",
        Reason.GROUP_UNCONFIRMED: "{user} may still be blocked: a deny rule of a user group may apply to them.",
        Reason.NOT_MAPPED: "{user} now has access, but no profile to open yet.",
    }
    rule_set = "Rule: {what}"
    done_ended = "The rule for {user} has already ended and has no effect: {what}"
    unlocked = "Lockdown lifted (was: {what})."
    no_lockdown = "lockdown is off"
    same = "Nothing to change: {what}"
    before = "Before: {what}"
    mapping = "`{alias}`: profile `{profile}` in domain `{domain}`"
    mapping_space = "space `{space}`"
    mapping_region = "region {region}"
    mapping_landing = "at `{landing}`"
    mapping_role = "as `{role}`"
    mapping_seconds = "for {time}"
    rules = {Effect.ALLOW: "allowed", Effect.DENY: "blocked", Effect.ADMIN: "administrator"}
    rule_until = "until {until}"
    rule_ended = "ended {until}"
    rule_reason = "`{reason}`"
    rule_by = "set by {by}"
    unreadable = "`{record}` can't be read; `forget` removes it"
    about = "*Stored about {user}*"
    members = "*Everyone with a mapping or a rule*"
    found = "*Matching members*"
    ending_by = "*Access that ends by {until}*"
    no_request = "{user} has no open access request. Nothing was changed."
    no_requests = "There are no open access requests."
    open_requests = "*Open access requests: {number}*"
    home = "Administration"
    find = "Find a member"
    search = "Search"
    everything = "All commands"
    lockdown_off = "Members get links: there is no lockdown."
    switch = "Change"
    ending = "*Access that ends within two weeks: {number}*"
    none_ending = "Nobody's access ends within two weeks."
    extend = "Extend"
    home_failed = "I couldn't load your open tasks: {why}"
    looked_at = "I only checked {number} members. To see all of them: `{command} admin {text}`"
    more_in = "More: `{command} admin {text}`"
    administrators = "*Who administers:* {names}"
    counts = "{first} to {last} of {number}"
    nobody_fits = "This fits nobody."
    nobody = "Nothing is stored."
    access = {
        "until": "can open Studio until {until} {through}",
        "always": "can open Studio, with no end date {through}",
        "own": "(own rule)",
        "group": "(through {group})",
        Reason.DENIED: "is blocked",
        Reason.NOT_MAPPED: "has nothing to open",
        Reason.NOT_ALLOWED: "has no rule that allows it",
        Reason.GRANT_EXPIRED: "had access; it has ended",
        Reason.GUEST: "is a guest",
        Reason.NOT_A_MEMBER: "is no full, active member",
        Reason.STORE_UNREADABLE: "is refused: a record can't be read",
        Reason.GROUP_UNCONFIRMED: "depends on a user group that Slack didn't confirm",
    }
    and_more = "and {number} more: `{command} admin show {user}`"
    entries = "*History*, newest first"
    no_entries = "No matching entries."
    searched_to = "Searched back to {at}. There may be older entries."
    on_request = "*On an access request*"
    # One rule on access requests, in parts; see `approval_rules.describe`.
    approval_rules = {
        "rule": "Rule {name}",
        "no_rule": "No rule",
        "domain": "domain {names}",
        "profile": "profile {names}",
        "group": "members of {names}",
        "admins": "an administrator",
        "approve": "approved by {names}",
        "fallback": ", or by {names} if none of them answers",
        "needed": "It takes {number} approvals.",
        "day": "Access lasts at most one day.",
        "days": "Access lasts at most {number} days.",
        "no_limit": "The duration is not limited.",
        "ticket": "The reason must name a ticket such as {example}.",
        "automatic": "{who} who ask for {days} get up to {hours} right away, without approval.",
        "one_day": "one day",
        "several_days": "at most {number} days",
        "members_of": "Members of {names}",
        "members": "Members",
        "with_email": "{who} with a confirmed address at {names}",
        "hour": "one hour",
        "hours": "{number} hours",
        "or": "or",
    }
    sentences = {
        "issued": "{by} got a link to {profile}, and has not opened it",
        "opened": "{by} got a link to {profile}, and opened it {opened}",
        "undelivered": "{by}'s link to {profile} did not arrive",
        "requested": "{by} asked for a link; the request was not finished",
        "choose": "{by} was asked which profile to open",
        "refused": "{by} got no link: {outcome}{reason}",
        "map": "{by} mapped {user} to {profile}",
        "unmap": "{by} removed {user}'s mapping to {profile}",
        "allow": "{by} allowed {user}{until}{reason}",
        "deny": "{by} blocked {user}{until}{reason}",
        "admin": "{by} made {user} an administrator{until}{reason}",
        "forget": "{by} removed all rules of {user}: {what}",
        "lockdown": "{by} stopped links for everyone{reason}",
        "unlocked": "{by} lifted the lockdown{reason}",
        "import": "{by} imported {what} of {user}",
        "sync": "{by} synced {what} of {user}",
        "revoke": "{by} ended what {user} had running in Studio",
        "stop": "{by} stopped an app of {user}: {profile}",
        "start": "{by} started an app of {user}: {profile}",
        "offboard": "{by} off-boarded {user}",
        "provision": "{by} had a profile made for {user}",
        "keep": "{by} keeps an app of {user}: {profile}",
        "request": "{by} asked for access{days}{start}{reason}",
        "return": "{by} gave their own access back{reason}",
        "approved": "{by} approved {user}'s request{start}{reason}",
        "denied": "{by} denied {user}'s request{reason}",
        "ran_out": "Nobody decided on {user}'s request in time",
        "not_begun": "The access that {user} was approved for could not begin{reason}",
        "withdrawn": "{by}'s request was withdrawn{reason}",
        "otherwise": "{by}: {action} for {user}, {outcome}{reason}",
        "batch": "{by} changed {number} members in one {action}; "
        "`{command} history --by {actor} --day {day}` lists them",
        "day": "for one day",
        "days": "for {days} days",
        "from": "from {start}",
        "until": "until {until}",
        "reason": "({reason})",
    }
    asks_you = "{by} asks for your approval as a second administrator"
    proposed_move = "Move profile `{profile}` in domain `{domain}` from {owner} to {user}. Nothing is changed yet."
    proposed_lockdown = "Replace the lockdown ({what}). Nothing is changed yet."
    proposed_unlock = "Lift the lockdown ({what}). Nothing is changed yet."
    unknown_owner = "a former owner"
    agree = "Approve"
    disagree = "Decline"
    news = {
        News.MOVED: "Profile `{profile}` in domain `{domain}` was {owner}'s and now belongs to {user}.",
        News.UNMAPPED: "{user} no longer has profile `{profile}` in domain `{domain}`.",
        News.UNLOCKED: "The lockdown was lifted: members get links again. It was: {what}.",
        News.NEW_ADMIN: "{user} can now administer Studio links from Slack: {what}.",
    }
    news_by = "Done by {by}."
    news_by_two = "Done by {by} and approved by {second}."
    news_doubt = "If you did not expect this, ask them or your other Studio administrators now."
    declined_by = "{by} declined your `{verb}` command. Nothing was changed. Talk to them before you ask again."
    agree_until = "You can decide until {until}. If nobody does, nothing changes."
    waits = "*This needs a second administrator.* I asked the others; one of them can decide until {until}."
    entry_was = "was {what}"
    entry_now = "now {what}"
    more = "More"
    last_page = "No more entries."
    would_get = "*{user} would get a link now.*"
    would_choose = "*{user} would be asked now which profile to open:* {aliases}"
    would_not_get = "*{user} would be refused now:* {reason}"
    considered = "*All rules considered*"
    decides = "*this one decides*"
    no_rules = "No rule applies to this member or their groups."
