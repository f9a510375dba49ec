"""What a catalogue of words has to hold. Adding a language means filling this in; the types find what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.link import Reason
from bot.slack.words.admin_catalogue import AdminWords

Plural = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language.

    Attributes:
        language: the catalogue's own name, such as "de".
        refusals: for each reason, the sentences a member reads.
        failures: for each reason why a decision cannot be carried out, the sentences an administrator reads.
        day, hour, minute, second: for one, and for any other number.
    """

    language: str

    open_studio: str
    open_named: str
    new_link: str
    try_again: str
    choose: str

    ready_text: str
    ready: str
    space: str
    ready_note: str
    opened: str
    opened_only: str
    opened_text: str
    stale: str
    stale_text: str

    waiting: str
    one_moment: str
    choose_text: str
    choose_note: str
    option: str
    option_space: str
    option_only_space: str

    help_open: str
    help_alias: str
    help_app: str
    help_whoami: str
    help_request: str
    help_help: str
    not_understood: str
    no_such_alias: str
    nearest: str

    who: str
    who_unfit: str
    who_guest: str
    who_nothing: str
    who_mapping: str
    who_allowed: str
    who_allowed_until: str
    who_not_allowed: str
    who_denied: str
    who_ended: str
    who_because: str
    who_group: str
    who_own: str
    link_asked: str
    who_links: str
    who_no_links: str
    who_links_unknown: str
    link_issued: str
    link_opened: str
    link_undelivered: str
    link_refused: str
    link_requested: str

    ask: str
    ask_longer: str
    ends_soon: str
    ask_wish: str
    ask_reason: str
    ask_reason_missing: str
    ask_days: str
    for_good: str
    send: str
    ask_sent: str
    ask_joined: str
    ask_was_approved: str
    ask_was_denied: str
    ask_was_withdrawn: str
    ask_ran_out: str
    ask_nobody: str
    ask_failed: str
    asked: str
    asked_wish: str
    asked_reason: str
    asked_days: str
    asked_until: str
    approve: str
    deny: str
    deny_sure: str
    cancel: str
    approve_title: str
    approve_domain: str
    approve_profile: str
    of_no_use: str
    locked_down: str
    approve_alias: str
    approve_note: str
    alias_taken: str
    unreadable: str
    approve_needs: str
    form_failed: str
    approved: str
    denied: str
    undecided: str
    only_admins: str
    not_your_own: str
    request_gone: str
    deny_stands: str
    bad_domain: str
    bad_profile: str
    bad_alias: str
    decision_failed: str
    failures: Mapping[Reason, str]
    profile_taken: str
    changed_meanwhile: str
    failed_otherwise: str
    granted: str
    turned_down: str

    sso_address: str
    sso_no_address: str
    admin: AdminWords
    refusals: Mapping[Reason, str]

    day: Plural
    hour: Plural
    minute: Plural
    second: Plural
