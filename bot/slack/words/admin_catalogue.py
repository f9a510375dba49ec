"""What a catalogue of the words for administrators has to hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.admin.commands import Problem
from bot.admin.results import NotDoneReason
from bot.admin.specs import Name, Verb
from bot.core.access import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminWords:
    """One language.

    Attributes:
        verbs: what an act is called on its button and at the head of its form, at most 24 characters.
        labels: what stands above a field.
        states: of a lockdown, on and off.
        must: what a field's value has to be.
        must_with_group: the same of a member, where a user group will do as well.
        problems: why a request was not understood.
        questions: what is asked back before an act is carried out.
        done: what was carried out.
    """

    help_admin: str
    working: str
    choose: str
    another: str
    send: str
    verbs: Mapping[Verb, str]
    labels: Mapping[Name, str]
    states: Mapping[str, str]
    must: Mapping[Name, str]
    must_with_group: str
    must_group: str
    must_be: str
    or_group: str
    one_of_both: str

    problems: Mapping[Problem, str]
    example: str

    questions: Mapping[Verb, str]
    ended_question: str
    affected: str
    in_its_place: str
    members_read: str
    oneself: str
    group: str
    confirm_within: str
    confirm: str
    leave: str

    not_done: Mapping[NotDoneReason, str]
    has: str
    has_nothing: str
    changed: str
    failed: str

    done: Mapping[Verb, str]
    done_ended: str
    unlocked: str
    no_lockdown: str
    same: str
    before: str

    mapping: str
    mapping_space: str
    mapping_region: str
    mapping_landing: str
    mapping_role: str
    mapping_seconds: str
    rules: Mapping[Effect, str]
    rule_until: str
    rule_ended: str
    rule_reason: str
    rule_by: str
    unreadable: str

    about: str
    members: str
    nobody: str
    and_more: str
    entries: str
    no_entries: str
    searched_to: str
    entry_by: str
    entry_was: str
    entry_now: str
    more: str
    last_page: str
    would_get: str
    would_not_get: str
    considered: str
    decides: str
    no_rules: str
