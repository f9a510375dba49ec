"""Remove each guard from a copy of the tree, one at a time, and run the test that must fail: `make guards`.

    python -m fuzz.break_guards [NAME ...]

A test that passes without its guard proves nothing, nor does one that always fails: each test first runs on the
unchanged tree. Several run at once. Prints one line per guard. Exits with 1 if a test passes without its guard, fails
with it or takes too long, or if a guard is not in the file that the table names.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
COPIED = ("bot", "deploy", "tests", ".github", "Dockerfile", "pyproject.toml", "manifest.yml")
SCENARIO, UNIT, CONTRACT = "tests/scenario", "tests/unit", "tests/contract"
PASSED, NO_TESTS = 0, 5
# Seconds per test, and tests at once: many of them wait more than they compute.
TIMEOUT, JOBS = 180, 3


@dataclass(frozen=True)
class Guard:
    """A guard, its removal, and the test that must fail without it.

    Attributes:
        file: path below `bot/`.
        there: source text of the guard, found exactly once.
        instead: source text that replaces it.
        test: test file, and the beginning of the test's name.
    """

    file: str
    there: str
    instead: str
    test: tuple[str, str]


IDENTITY, ABUSE, FAULTS = (f"{SCENARIO}/test_{name}.py" for name in ("identity", "abuse", "faults"))
ENTRANCE, REQUESTS, ADMIN = (f"{SCENARIO}/test_{name}.py" for name in ("entrance", "access_requests", "slack_admin"))
FOUR_EYES = f"{SCENARIO}/test_four_eyes.py"

GUARDS = {
    # Messages to the bot
    "messages of apps": Guard(
        "slack/written.py",
        "or any(event.get(mark) for mark in NOT_A_PERSONS)",
        "",
        (f"{UNIT}/test_member_handlers.py", "test_message_that_no_person_wrote_is_not_answered"),
    ),
    "pace of answers": Guard(
        "slack/written.py",
        "PAUSE = 10.0",
        "PAUSE = 0.0",
        (f"{UNIT}/test_member_handlers.py", "test_messages_in_quick_succession_get_one_answer"),
    ),
    # The HTTP endpoint and Socket Mode
    "signature": Guard(
        "serving/wsgi.py",
        "if not any(fits):",
        "if False:",
        (ABUSE, "test_recorded_request_with_a_changed_byte_is_refused"),
    ),
    "signature age": Guard(
        "serving/wsgi.py",
        "if abs(self.clock.now() - int(timestamp)) > MAX_AGE:",
        "if False:",
        (f"{UNIT}/test_web.py", "test_wrong_time_and_wrong_secret_are_distinguished"),
    ),
    "body size": Guard(
        "serving/wsgi.py",
        "MAX_BODY_BYTES = 64 * 1024",
        "MAX_BODY_BYTES = 64 * 1024 * 1024",
        (ENTRANCE, "test_five_megabytes"),
    ),
    "envelope size": Guard(
        "slack/socket_connection.py",
        "json.loads(content) if len(content) <= self.max_bytes else None",
        "json.loads(content)",
        (f"{CONTRACT}/test_socket_connection.py", "test_malformed_message_is_refused"),
    ),
    "connection limit": Guard(
        "serving/server.py",
        "            is_full = len(self._watched) >= MAX_CONNECTIONS",
        "            is_full = False",
        (ABUSE, "test_silent_connections_beyond_the_limit_do_not_stop_the_bot"),
    ),
    "time for a request": Guard(
        "serving/server.py",
        " or now - since > REQUEST_TIMEOUT",
        "",
        (f"{SCENARIO}/test_half_sent.py", "test_request_that_drips_is_cut_off"),
    ),
    "metrics off the public port": Guard(
        "app/serving.py",
        "        entrance = replace(entrance, pages=(ALIVE,))\n",
        "",
        (f"{SCENARIO}/test_server.py", "test_metrics_port_takes_health_and_metrics_off_the_public_port"),
    ),
    "end of a connection after 413": Guard(
        "serving/server.py",
        'closing = closing or status.startswith("413")',
        "pass",
        (ENTRANCE, "test_oversized_body_ends_the_connection"),
    ),
    "answers on open connections after SIGTERM": Guard(
        "serving/server.py",
        "        while len(self._watched) > 1 and time.monotonic() < deadline:",
        "        while False:",
        (f"{SCENARIO}/test_server.py", "test_requests_on_open_connections_are_answered_after_sigterm"),
    ),
    "payload shape": Guard(
        "slack/bolt.py",
        "return None if response.status == HTTPStatus.INTERNAL_SERVER_ERROR else response",
        "return response",
        (f"{UNIT}/test_fuzz_dispatch.py", "test_body_that_bolt_cannot_handle_is_refused"),
    ),
    # Tenant
    "our app": Guard(
        "slack/tenants.py",
        "    if origin.app_id != home.app_id:\n        return None\n",
        "",
        (IDENTITY, "test_foreign_command_gets_no_link"),
    ),
    "our organisation": Guard(
        "slack/tenants.py",
        "    if origin.enterprise_id is not None and origin.enterprise_id not in {home.enterprise_id, *teams}:",
        "    if False:",
        (IDENTITY, "test_foreign_command_gets_no_link"),
    ),
    "our team": Guard(
        "slack/tenants.py",
        "tenant = next((place for place in places if place is not None and place in teams), None)",
        "tenant = home.team_id",
        (IDENTITY, "test_foreign_command_gets_no_link"),
    ),
    "team of the user who presses": Guard(
        "slack/tenants.py",
        "    if presser is not None and presser not in {*places, *teams}:",
        "    if False:",
        (IDENTITY, "test_foreign_button_press_gives_no_link"),
    ),
    "workspace that only Slack's record places": Guard(
        "slack/gateway.py",
        "    return _foreign(app, admitted.origin, admitted.source, home, admitted.attempt) if problem else None",
        "    return None",
        (f"{UNIT}/test_gateway.py", "test_presser_whom_slack_places_elsewhere_is_foreign"),
    ),
    "rules of an organisation's workspaces": Guard(
        "store/access_reads.py",
        "return [other + separator + user_id for other in self._tenants[1:] if tenant == self._tenants[0]]",
        "return []",
        ("tests/contract/test_shared_rules.py", "test_deny_under_one_counts_under_the_other"),
    ),
    "rules that move while they are read": Guard(
        "store/access_reads.py",
        "        found |= self._fetch(*behind)\n",
        "",
        ("tests/contract/test_shared_rules.py", "test_deny_counts_while_it_moves"),
    ),
    "user id format": Guard(
        "core/access.py",
        '        check_pattern("Slack user", self.user_id, USER_ID, 31, "a Slack user id such as U0123ABCD")\n',
        "",
        (f"{UNIT}/test_core.py", "test_member_refuses_invalid_ids"),
    ),
    # Slack membership
    "full members only": Guard(
        "core/policy.py",
        'Check("full member", problem is None,',
        'Check("full member", True,',
        (IDENTITY, "test_ineligible_account_gets_no_link"),
    ),
    "membership cache expiry": Guard(
        "single_flight.py",
        "self._answers: TTLCache[K, Answer[V]] = TTLCache(max_entries, seconds, monotonic)",
        "self._answers: TTLCache[K, Answer[V]] = TTLCache(max_entries, 10**9, monotonic)",
        (f"{UNIT}/test_directory_cache.py", "test_ineligible_account_is_refused_once_the_cache_expires"),
    ),
    "age of kept accounts": Guard(
        "links/people.py",
        "self.now() - person.as_of < MAX_AGE",
        "self.now() >= person.as_of",
        (f"{UNIT}/test_people.py", "test_slack_is_asked_once_a_record_is_old"),
    ),
    "events that arrive": Guard(
        "links/people.py",
        "self.now() - heard_at < DEAF_AFTER",
        "self.now() >= heard_at",
        (f"{UNIT}/test_people.py", "test_records_count_for_nothing_once_events_stop"),
    ),
    "newer account kept": Guard(
        "store/people.py",
        "items.updated.does_not_exist() | (items.updated <= person.updated)",
        "None",
        (f"{CONTRACT}/test_people_port.py", "test_older_answer_replaces_nothing"),
    ),
    "events give no rights": Guard(
        "store/people.py",
        "self._put(tenant, person, item.expires, ask=True)",
        "self._put(tenant, person, item.expires)",
        (f"{CONTRACT}/test_people_port.py", "test_event_that_gives_rights_has_slack_asked"),
    ),
    "refusals are not cached": Guard(
        "slack/directory_cache.py",
        "    return ineligible_reason(member, person) is None and not person.guest",
        "    return True",
        (f"{UNIT}/test_directory_cache.py", "test_ineligible_account_is_never_cached"),
    ),
    "guests": Guard(
        "core/policy.py",
        "    admitted = not person.guest or rules.allow_guests\n",
        "    admitted = True\n",
        (IDENTITY, "test_ineligible_account_gets_no_link"),
    ),
    "missing fields": Guard(
        "slack/accounts.py",
        "        if not isinstance(user.get(flag), bool):",
        "        if False:",
        (IDENTITY, "test_account_with_missing_fields_gets_no_link"),
    ),
    "foreign accounts": Guard(
        "slack/accounts.py",
        "        if user.get(flag, False) is not False:",
        "        if False:",
        (IDENTITY, "test_ineligible_account_gets_no_link"),
    ),
    "account team": Guard(
        "core/policy.py",
        "    if member.tenant not in (person.team_id, person.enterprise_id, *person.teams):",
        "    if False:",
        (IDENTITY, "test_ineligible_account_gets_no_link"),
    ),
    "Slackbot": Guard(
        "slack/accounts.py",
        '    if user.get("id") == SLACKBOT:',
        "    if False:",
        (f"{CONTRACT}/test_directory_port.py", "test_"),
    ),
    # Access rules
    "deny wins": Guard(
        "core/policy.py",
        'Check("no deny rule", deny is None,',
        'Check("no deny rule", True,',
        (f"{UNIT}/test_policy.py", "test_deny_rule_beats_allow_rule"),
    ),
    "unknown denied group": Guard(
        "core/policy.py",
        'Check("in no denied group", not unsure,',
        'Check("in no denied group", True,',
        ("tests/scenario/test_groups.py", "test_unconfirmed_group_gives_no_link"),
    ),
    "group membership": Guard(
        "core/policy.py",
        "        applies, why = facts.memberships.get(grant),",
        "        applies, why = True,",
        ("tests/scenario/test_groups.py", "test_allowed_group_gives_its_members_links"),
    ),
    "disabled group": Guard(
        "links/facts.py",
        "even_disabled=denies",
        "even_disabled=True",
        (f"{UNIT}/test_sign_in.py", "test_disabled_group_allows_nobody_and_still_denies"),
    ),
    "allow rule": Guard(
        "core/policy.py",
        'Check("allow rule", allow is not None,',
        'Check("allow rule", True,',
        (f"{UNIT}/test_policy.py", "test_"),
    ),
    "rule expiry": Guard(
        "core/access.py",
        "        return self.until is None or now < self.until",
        "        return True",
        (f"{UNIT}/test_policy.py", "test_expired_rules_never_allow"),
    ),
    "lockdown": Guard(
        "core/policy.py",
        'Check("no lockdown", lockdown is None,',
        'Check("no lockdown", True,',
        ("tests/scenario/test_lockdown.py", "test_lockdown_begins_and_ends_with_the_next_request"),
    ),
    "unreadable records": Guard(
        "core/policy.py",
        'Check("records readable", not broken,',
        'Check("records readable", True,',
        (IDENTITY, "test_one_unreadable_record_gives_no_link"),
    ),
    "final check": Guard(
        "links/sign_in.py",
        "self.facts.monotonic() - read > FRESH_FOR else None",
        "False else None",
        (IDENTITY, "test_access_revoked_during_the_slack_call_gives_no_link"),
    ),
    "profile lock": Guard(
        "store/locks.py",
        "condition=free_or_own if seen is None else _unchanged(items, seen))",
        "condition=None if seen is None else _unchanged(items, seen))",
        (f"{CONTRACT}/test_access_port.py", "test_profile_cannot_be_mapped_to_a_second_member"),
    ),
    "member version": Guard(
        "store/access.py",
        "            transaction.update(self._items(owner, kind), actions=actions, condition=unchanged)",
        "            transaction.update(self._items(owner, kind), actions=actions)",
        (f"{CONTRACT}/test_access_port.py", "test_outdated_member_change_fails"),
    ),
    "unprocessed keys": Guard(
        "store/dynamodb.py",
        "            if not pending:",
        "            if True:",
        (f"{CONTRACT}/test_access_port.py", "test_unprocessed_keys"),
    ),
    # Limits and replays
    "one list of groups": Guard(
        "slack/directory_cache.py",
        "listed = self._list(tenant) if len(asked) > 1 else None",
        "listed = None",
        (f"{UNIT}/test_directory_cache.py", "test_several_groups_take_one_call_a_minute"),
    ),
    "request limit": Guard(
        "slack/gateway.py",
        "    if excess:",
        "    if False:",
        (f"{UNIT}/test_request_limit.py", "test_command_over_the_limit_is_answered_without_a_call"),
    ),
    "one entry for a flood": Guard(
        "slack/gateway.py",
        "is_first=excess == 1)",
        "is_first=True)",
        (f"{UNIT}/test_request_limit.py", "test_flood_leaves_one_audit_entry_a_minute"),
    ),
    "room for administrators": Guard(
        "slack/gateway.py",
        "pool = app.admin_workers if app.limit.is_administrator(sender) else app.workers",
        "pool = app.workers",
        (f"{UNIT}/test_request_limit.py", "test_administrator_is_answered_while_the_queue_is_full"),
    ),
    "rate limit": Guard(
        "core/policy.py",
        "            facts.within_rate,",
        "            True,",
        (ABUSE, "test_replicas_share_the_limit_of_links_per_minute"),
    ),
    "shared rate counter": Guard(
        "store/audit.py",
        "                        condition=requests.does_not_exist() | (requests < at_most),",
        "                        condition=None,",
        (ABUSE, "test_replicas_share_the_limit_of_links_per_minute"),
    ),
    "replay guard": Guard(
        "store/audit.py",
        "                    transaction.save(item, condition=is_new(self._items, entry))",
        "                    transaction.save(item)",
        (ABUSE, "test_request_replayed_to_all_replicas_is_served_once"),
    ),
    "complete entries stay": Guard(
        "store/audit.py",
        " AND #outcome IN (:requested, :outcome)",
        "",
        (f"{CONTRACT}/test_audit_port.py", "test_complete_entry_gets_no_other_outcome"),
    ),
    "changes overwrite no entry": Guard(
        "store/access.py",
        "transaction.save(item, condition=self._audit.id.does_not_exist())",
        "transaction.save(item)",
        (f"{CONTRACT}/test_audit_evidence.py", "test_change_over_an_existing_entry_is_refused"),
    ),
    "log line of each outcome": Guard(
        "store/audit.py",
        '    log.info("audit_entry", ',
        '    log.debug("audit_entry", ',
        (f"{CONTRACT}/test_audit_evidence.py", "test_each_outcome_is_one_log_line"),
    ),
    "sealed digest": Guard(
        "admin/verification.py",
        "elif listed.digest != record.digest:",
        "elif not listed.digest:",
        (f"{UNIT}/test_verification.py", "test_any_change_of_any_sealed_entry_is_named"),
    ),
    "sealed entries only": Guard(
        "admin/verification.py",
        'self._note(record.id, record.at, What.ADDED, f"seal {seal.number} does not list it")',
        "return",
        (f"{UNIT}/test_verification.py", "test_any_entry_added_to_a_sealed_time_is_named"),
    ),
    "missing entries": Guard(
        "admin/verification.py",
        "if each.expires is not None and each.expires <= self._now:",
        "if True:",
        (f"{UNIT}/test_verification.py", "test_all_removed_entries_are_named_in_their_order"),
    ),
    "chain of seals": Guard(
        "admin/verification.py",
        "            self._check_link(previous, seal)\n",
        "",
        (f"{CONTRACT}/test_audit_verify.py", "test_attack_on_a_sealed_audit_is_named"),
    ),
    "witness": Guard(
        "admin/verification.py",
        "            self._check_witnessed(record)\n",
        "",
        (f"{CONTRACT}/test_audit_verify.py", "test_attack_before_the_seal_is_named_by_the_log"),
    ),
    "day of an entry": Guard(
        "store/audit.py",
        '    if item.day != _day(tenant, values["at"]):',
        "    if False:",
        (f"{CONTRACT}/test_audit_verify.py", "test_entry_where_verify_does_not_look_is_in_no_history"),
    ),
    "recorded erasures": Guard(
        "admin/verification.py",
        "if self._erased(record.erased_by).get(record.id) != record.commitment:",
        "if not record.erased_by:",
        (f"{CONTRACT}/test_audit_verify.py", "test_attack_on_a_sealed_audit_is_named"),
    ),
    "one seal of a number": Guard(
        "store/seals.py",
        '"ConditionExpression": "attribute_not_exists(id)",',
        "",
        (f"{CONTRACT}/test_audit_verify.py", "test_replica_with_an_outdated_index_overwrites_no_seal"),
    ),
    "keys of shells": Guard(
        "aws/iam_policy.py",
        '("PutItem",), ["audit"]) | {"Condition": {"ForAllValues:StringLike": SHELL_KEYS}},',
        '("PutItem",), ["audit"]),',
        (f"{CONTRACT}/test_audit_roles.py", "test_write_over_an_entry_is_refused_or_comes_to_light"),
    ),
    "keys of bots": Guard(
        "aws/iam_policy.py",
        '\n        | {"Condition": {"ForAllValues:StringNotLike": SHELL_KEYS}},',
        ",",
        (f"{CONTRACT}/test_audit_roles.py", "test_write_over_an_entry_is_refused_or_comes_to_light"),
    ),
    "names only": Guard(
        "aws/iam_policy.py",
        '\n        | {"Condition": {"ForAllValues:StringEquals": {"dynamodb:Attributes": list(ERASABLE)}}},',
        ",",
        (f"{CONTRACT}/test_audit_roles.py", "test_write_over_an_entry_is_refused_or_comes_to_light"),
    ),
    "members alone": Guard(
        "aws/iam_policy.py",
        """
        | {"Condition": {"ForAllValues:StringLike": MEMBER_KEYS}},""",
        ",",
        (f"{UNIT}/test_iam.py", "test_erasure_deletes_members_alone"),
    ),
    "queue limit": Guard(
        "serving/executors.py",
        "            if len(self._in_flight) >= self.capacity:\n                raise QueueFull\n",
        "",
        (ABUSE, "test_requests_beyond_capacity_get_the_busy_answer"),
    ),
    "queue timeout": Guard(
        "slack/gateway.py",
        "    if waited <= MAX_WAIT:",
        "    if True:",
        (FAULTS, "test_burst_is_answered_in_ten_seconds_if_dynamodb_hangs"),
    ),
    "refusals recorded in the background": Guard(
        "slack/gateway.py",
        "    aside(app, entry, lambda: record_refusal(app, entry))",
        "    record_refusal(app, entry)",
        (FAULTS, "test_burst_is_answered_in_ten_seconds_if_dynamodb_hangs"),
    ),
    "call limit": Guard(
        "serving/executors.py",
        "            if len(self._in_flight) < self._capacity:",
        "            if True:",
        (f"{UNIT}/test_executor.py", "test_call_beyond_the_limit_fails_at_once"),
    ),
    "burst gate": Guard(
        "serving/executors.py",
        "            self._burst_gate.wait()\n",
        "",
        (f"{UNIT}/test_burst_gate.py", "test_jobs_wait_during_a_burst"),
    ),
    # Buttons
    "button id format": Guard(
        "slack/members/handlers.py",
        "    if not REQUEST_ID.fullmatch(request_id):",
        "    if False:",
        (IDENTITY, "test_forged_button_gives_no_link_and_marks_nothing"),
    ),
    "dialog of the member": Guard(
        "slack/client.py",
        "        if origin.view_id and not self",
        "        if False and not self",
        (f"{CONTRACT}/test_slack_dialogs.py", "test_forged_reply_goes_into_no_dialog_of_another"),
    ),
    "form of the member": Guard(
        "slack/client.py",
        "if origin.view_id is not None and not self",
        "if False and not self",
        (f"{CONTRACT}/test_slack_dialogs.py", "test_form_is_not_put_into_a_dialog_of_another_member"),
    ),
    "lists in a form of ours": Guard(
        "slack/admin/picking.py",
        "if app.slack.opened_for(admitted.origin):",
        "if True:",
        (f"{UNIT}/test_picking.py", "test_form_that_we_did_not_open_gets_nothing_and_asks_nobody"),
    ),
    "lists for administrators": Guard(
        "slack/admin/picking.py",
        "if replace(app.command_runner, facts=facts).admit(admitted.member)[0]:",
        "if True:",
        (f"{UNIT}/test_picking.py", "test_member_who_does_not_administer_sees_nothing_and_is_recorded_once"),
    ),
    "lists for approvers": Guard(
        "slack/admin/picking.py",
        "elif approves and name in TELLING:",
        "else:",
        (f"{UNIT}/test_picking.py", "test_approver_who_does_not_administer_picks_profiles_only"),
    ),
    "lists of an approver's domain": Guard(
        "admin/approvers.py",
        "domain is None or not rule.domains or domain in rule.domains",
        "rule",
        (f"{UNIT}/test_picking.py", "test_approver_of_one_domain_sees_no_profiles_of_another"),
    ),
    "holders for administrators": Guard(
        "slack/admin/picking.py",
        "if viewer is Viewer.APPROVER and isinstance(found, Choices):",
        "if False:",
        (f"{UNIT}/test_picking.py", "test_approver_who_does_not_administer_picks_profiles_only"),
    ),
    "few wait for lists": Guard(
        "slack/suggestions.py",
        "if pool.in_flight < MAX_WAITING:",
        "if True:",
        (f"{UNIT}/test_picking.py", "test_nobody_waits_behind_many"),
    ),
    "link ownership": Guard(
        "store/audit.py",
        '            (self._items.member == f"{member.tenant}#{member.user_id}")\n            & ',
        "            ",
        (IDENTITY, "test_button_with_another_members_link_id_marks_nothing"),
    ),
    "only administrators decide": Guard(
        "admin/access_requests.py",
        "        if not may and not looks:",
        "        if False:",
        (REQUESTS, "test_non_administrator_decides_nothing_and_is_recorded"),
    ),
    "one reminder of a request": Guard(
        "admin/waiting.py",
        "reminded(request, now)\n        if not self.use_case.requests.note(request, told):",
        "reminded(request, now)\n        if not self.use_case.requests.note(request, told) and not told:",
        (f"{UNIT}/test_waiting.py", "test_two_replicas_send_one_message"),
    ),
    "no access before its start": Guard(
        "admin/approvals.py",
        "    if request.start is not None and now < request.start:\n",
        "    if False:\n",
        (f"{UNIT}/test_later_start.py", "test_approved_access_begins_at_its_start_and_not_before"),
    ),
    "withdrawn access does not begin": Guard(
        "admin/waiting.py",
        "if not requests.note(request, claimed):",
        "if not requests.note(request, claimed) and not claimed:",
        (f"{UNIT}/test_later_start.py", "test_of_beginning_and_taking_back_one_fails"),
    ),
    "access that still helps": Guard(
        "admin/waiting.py",
        "        if denied is not None:\n            return BEYOND_APPROVAL",
        "        if False:\n            return BEYOND_APPROVAL",
        (f"{UNIT}/test_later_start.py", "test_access_that_would_not_help_does_not_begin"),
    ),
    "approvers by rule": Guard(
        "admin/approvers.py",
        "return any(each.allow(by.user_id, groups, is_admin=is_admin) for each in terms)",
        "return True",
        (f"{UNIT}/test_approvals.py", "test_press_of_one_who_left_the_group_decides_nothing"),
    ),
    "every rule counts": Guard(
        "core/approval_rules.py",
        "return all(who & {*rule.approvers, *rule.fallback} for rule in self.rules)",
        "return any(who & {*rule.approvers, *rule.fallback} for rule in self.rules)",
        (f"{UNIT}/test_approvals.py", "test_approver_of_one_domain_adds_no_profile_in_another"),
    ),
    "approvers in good standing": Guard(
        "admin/approvers.py",
        "        if not policy.may_administer(by, facts, standing, self.now()).passed:",
        "        if False:",
        (f"{UNIT}/test_approvals.py", "test_blocked_approver_decides_nothing"),
    ),
    "approval rule file": Guard(
        "app/clients.py",
        "mode & stat.S_IWOTH",
        "False",
        (f"{UNIT}/test_approval_rules.py", "test_rule_file_that_everybody_can_change_stops_the_start"),
    ),
    "last good approval rules": Guard(
        "app/rule_file.py",
        "            error = str(wrong)",
        "            error, found = str(wrong), ()",
        (f"{UNIT}/test_rule_file.py", "test_error_keeps_the_last_good_rules_and_is_logged_once"),
    ),
    "whole approval rules": Guard(
        "app/rule_file.py",
        "        if self._just_changed():",
        "        if False:",
        (f"{UNIT}/test_rule_file.py", "test_file_that_is_being_written_is_left_for_the_next_look"),
    ),
    "confirmed address": Guard(
        "core/approval_rules.py",
        "(person.email_confirmed and domain in self.email_domains)",
        "domain in self.email_domains",
        (f"{UNIT}/test_approvals.py", "test_unconfirmed_address_needs_an_approver"),
    ),
    "guests and rules": Guard(
        "core/approval_rules.py",
        "person.guest or person",
        "person",
        (f"{UNIT}/test_approvals.py", "test_guest_needs_an_approver_even_where_guests_are_admitted"),
    ),
    "no self-approval": Guard(
        "admin/access_requests.py",
        "DecisionResult.OWN_REQUEST if press.by == press.who else settled(press.request, self.now())",
        "settled(press.request, self.now())",
        (REQUESTS, "test_administrator_cannot_approve_their_own_request"),
    ),
    "second approval": Guard(
        "admin/access_requests.py",
        "        if len(approvers) < needed:",
        "        if False:",
        (f"{UNIT}/test_access_requests.py", "test_two_administrators_approve_where_two_are_needed"),
    ),
    "approvals that still stand": Guard(
        "admin/approvers.py",
        "for user in request.approvers if self.may_decide(Member(tenant, user), [terms])",
        "for user in request.approvers",
        (f"{UNIT}/test_access_requests.py", "test_approval_of_a_removed_administrator_does_not_count"),
    ),
    "access request ownership": Guard(
        "store/access_requests.py",
        "            (self._items.request_id == request_id)\n            & ",
        "            ",
        (f"{CONTRACT}/test_access_requests_port.py", "test_decision_on_a_replaced_request_fails"),
    ),
    "ineligible requesters": Guard(
        "admin/access_requests.py",
        "        if denied is not None:\n            self._record",
        "        if False:\n            self._record",
        (REQUESTS, "test_ineligible_requester_posts_nothing"),
    ),
    # Administration in Slack
    "administrator check": Guard(
        "slack/admin/admission.py",
        "    if is_admin:\n",
        "    if True:\n",
        (ADMIN, "test_non_administrator_is_refused_and_recorded"),
    ),
    "confirmation required": Guard(
        "admin/confirmation.py",
        "        if lost is not None:",
        "        if False:",
        (f"{UNIT}/test_confirmation.py", "test_removing_access_needs_confirmation"),
    ),
    "confirmed once": Guard(
        "store/confirmations.py",
        "(self._items.state == OPEN) & ",
        "",
        (f"{CONTRACT}/test_confirmations_port.py", "test_confirmation_can_be_used_once"),
    ),
    "origin of the stand-ins": Guard(
        "cli/local.py",
        "    if not source:\n        return\n",
        "",
        (f"{UNIT}/test_stand_ins.py", "test_missing_stand_ins_are_named_with_their_extra"),
    ),
    "confirmation expiry": Guard(
        "store/confirmations.py",
        " & (self._items.open_until > at)",
        "",
        (f"{CONTRACT}/test_confirmations_port.py", "test_expired_confirmation_is_refused"),
    ),
    "unchanged since shown": Guard(
        "admin/stored.py",
        "    if version not in (None, seen.version):",
        "    if False:",
        (f"{UNIT}/test_confirmation.py", "test_confirmation_after_a_change_is_refused"),
    ),
    "one change per request": Guard(
        "admin/confirmation.py",
        "        if not self.pending.keep(pending):\n            return None\n",
        "        self.pending.keep(pending)\n",
        (f"{UNIT}/test_confirmation.py", "test_replay_of_a_command_does_nothing"),
    ),
    "nothing for oneself": Guard(
        "admin/agreement.py",
        "                return command.principal == by.user_id",
        "                return False",
        (FOUR_EYES, "test_command_gives_its_administrator_nothing"),
    ),
    "no group of oneself": Guard(
        "admin/agreement.py",
        "                return is_in(self.facts.groups, by, Grant(command.principal, Effect.ALLOW))",
        "                return False",
        (FOUR_EYES, "test_group_of_its_administrator_is_not_allowed"),
    ),
    "owner of a profile": Guard(
        "core/consent.py",
        "Consent.ANOTHER if moves or others",
        "Consent.ANOTHER if others",
        (FOUR_EYES, "test_two_second_theft_of_a_profile_fails"),
    ),
    "lockdown of somebody else": Guard(
        "core/consent.py",
        "    others = lockdown is not None and lockdown.set_by != by.user_id",
        "    others = False",
        (FOUR_EYES, "test_lockdown_of_the_shell_is_lifted_by_two"),
    ),
    "second administrator is another": Guard(
        "admin/confirmation.py",
        "        if by.user_id in (asked_by.user_id, command.principal):",
        "        if False:",
        (FOUR_EYES, "test_move_is_not_approved_by"),
    ),
    "profile as proposed": Guard(
        "admin/confirmation.py",
        "            if profile.mark != pending.mark:",
        "            if False:",
        (FOUR_EYES, "test_move_is_refused_after_the_profile_changed_owners"),
    ),
    "profile as read": Guard(
        "store/locks.py",
        "    return as_read if seen.mark else never",
        "    return items.owner.exists() | never",
        (f"{CONTRACT}/test_access_port.py", "test_mapping_of_a_profile_that_changed_owners_fails"),
    ),
    "profile of an approved request": Guard(
        "admin/approvers.py",
        "and profile.holder is None and profile.is_foreign(request.member)",
        "and False",
        (FOUR_EYES, "test_approved_request_does_not_take_a_former_owners_profile"),
    ),
    "profile of an approval meanwhile": Guard(
        "admin/access_requests.py",
        "            profile = Ownership()",
        "            profile = None",
        (f"{UNIT}/test_access_requests.py", "test_profile_unmapped_during_an_approval_is_not_taken"),
    ),
    "profile of another workspace meanwhile": Guard(
        "admin/changes.py",
        "            profile = Ownership()",
        "            profile = None",
        (f"{UNIT}/test_agreement.py", "test_profile_unmapped_elsewhere_meanwhile_is_not_taken"),
    ),
    "id of what waits": Guard(
        "admin/confirmation.py",
        "id=uuid4().hex, ",
        "",
        (f"{UNIT}/test_agreement.py", "test_forged_press_cannot_name_what_waits"),
    ),
    "stored commands of the shell": Guard(
        "admin/confirmation.py",
        " if COMMAND_SPECS[verb].in_slack else None",
        "",
        (f"{UNIT}/test_confirmation.py", "test_stored_command_of_the_shell_is_not_carried_out"),
    ),
    "free lock without a name": Guard(
        "store/locks.py",
        "items.holder.remove(), ",
        "",
        (f"{CONTRACT}/test_access_port.py", "test_free_lock_names_nobody"),
    ),
    "news from Slack": Guard(
        "slack/admin/handlers.py",
        "    notices.send_aside(app, admitted, result)\n",
        "",
        (FOUR_EYES, "test_unmapping_and_lifting_a_lockdown_are_told"),
    ),
    "news from the shell": Guard(
        "cli/members.py",
        "    run.notify(result.notices if isinstance(result, Done) else ())\n",
        "",
        (FOUR_EYES, "test_changes_from_the_shell_are_told"),
    ),
    "only administrator": Guard(
        "admin/agreement.py",
        "return sole and administrators(self.admin, by.tenant, self.configured) <= {by.user_id}",
        "return sole",
        (f"{UNIT}/test_agreement.py", "test_sole_admin_needs_both_the_setting_and_the_fact"),
    ),
    "the other administrators": Guard(
        "admin/agreement.py",
        "return self.admin.rules.sole_admin and _may_have_admin_rule(stored, self.admin.now())",
        "return False",
        (f"{UNIT}/test_agreement.py", "test_sole_admin_does_not_remove_the_others"),
    ),
    "resolved users only": Guard(
        "slack/admin/parsing.py",
        "    if name is Name.USER and not BARE_ID.fullmatch(text):",
        "    if False:",
        (f"{UNIT}/test_admin_commands.py", "test_parse_admin_refuses"),
    ),
    # Recording
    "no link without a record": Guard(
        "links/sign_in.py",
        "            return Denied(Reason.NOT_RECORDED, str(error))\n",
        "            within_rate = True\n",
        (FAULTS, "test_fault_is_answered_in_time_and_recorded"),
    ),
    "gather deadline": Guard(
        "links/sign_in.py", "GATHER_TIMEOUT = 3.5", "GATHER_TIMEOUT = 60", (FAULTS, "test_fault_is_answered_in_time")
    ),
    "undelivered": Guard(
        "core/audit.py",
        "outcome=ISSUED if delivered else UNDELIVERED,",
        "outcome=ISSUED,",
        (FAULTS, "test_fault_is_answered_in_time"),
    ),
    # Leaks
    "secret patterns": Guard(
        "observability/logs.py",
        "        return SHAPES.sub(REDACTED, text)",
        "        return text",
        (f"{UNIT}/test_logs.py", "test_"),
    ),
    "registered secrets": Guard(
        "observability/logs.py",
        "            text = text.replace(value, REDACTED)",
        "            pass",
        (f"{UNIT}/test_logs.py", "test_"),
    ),
    "secret references": Guard(
        "aws/secret_refs.py",
        "    redactor.register(value)\n",
        "",
        (f"{CONTRACT}/test_references.py", "test_resolved_secret_is_redacted_from_logs"),
    ),
    "library log levels": Guard(
        "observability/logs.py",
        "    return record.levelno >= FLOORS.get(part, FLOORS.get(library, logging.NOTSET))",
        "    return True",
        (f"{UNIT}/test_logs.py", "test_"),
    ),
    "hidden tokens": Guard(
        "cli/answers.py",
        'getpass(f"{question}: ") if hidden else ',
        "",
        (f"{SCENARIO}/test_init.py", "test_init_leads_from_nothing_to_a_link"),
    ),
    "owner of .env": Guard(
        "app/env_file.py",
        'tempfile.mkstemp(dir=path.parent, prefix=".env-")',
        'os.open(path.parent / ".env-", os.O_CREAT | os.O_WRONLY, 0o644), path.parent / ".env-"',
        (f"{UNIT}/test_env_file.py", "test_new_file_is_for_its_owner_only"),
    ),
    "secret in a wrong variable": Guard(
        "config.py",
        "name in SECRET or may_hold_secret(text)",
        "name in SECRET",
        (f"{UNIT}/test_config.py", "test_misplaced_secret_is_never_quoted"),
    ),
    "time for the caller": Guard(
        "aws/account.py",
        "return answer.result(CALLER_TIMEOUT)",
        "return answer.result(9)",
        (f"{CONTRACT}/test_studio_port.py", "test_dripping_sts_holds_no_change_up"),
    ),
    "form of the caller": Guard(
        "aws/account.py",
        'if not CALLER_ARN.fullmatch(answer["Arn"]):',
        "if False:",
        (f"{SCENARIO}/test_cli.py", "test_garbage_from_sts_does_not_end_an_emergency"),
    ),
    "control characters": Guard(
        "core/values.py",
        "return CONTROL.sub(lambda found:",
        "return text or CONTROL.sub(lambda found:",
        (f"{SCENARIO}/test_cli.py", "test_no_reader_prints_control_characters"),
    ),
    "members' words as plain text": Guard(
        "slack/requests/views.py",
        "*map(literal, lines), *start]",
        "*map(section, lines), *start]",
        (f"{UNIT}/test_access_request_views.py", "test_members_text_is_never_formatted"),
    ),
    "alarm for a change": Guard(
        "slack/admin/handlers.py",
        'app.metrics.access_changed("lockdown_lifted" if lifted else result.command.verb)',
        "pass",
        (f"{SCENARIO}/test_admin_alarms.py", "test_each_change_and_lifted_lockdown_is_counted"),
    ),
    "alarm for a shell": Guard(
        "store/seals.py",
        "            self._log_shells(seal)\n",
        "",
        (f"{CONTRACT}/test_audit_verify.py", "test_change_from_a_shell_is_logged_when_it_is_sealed"),
    ),
    "namesakes": Guard(
        "admin/names.py",
        "if others or (by_handle and folded(found.handle) != wanted):",
        "if False:",
        (f"{UNIT}/test_names.py", "test_display_name_of_another_makes_a_handle_unclear"),
    ),
    "full members by name": Guard(
        "admin/names.py",
        "if found.guest or ineligible_reason(Member(tenant, found.user_id), found) is not None:",
        "if False:",
        (f"{UNIT}/test_names.py", "test_guest_bot_or_stranger_is_refused_by_name"),
    ),
    "shown names": Guard(
        "admin/names.py",
        ".translate(NOT_IN_NAMES)",
        "",
        (f"{UNIT}/test_names.py", "test_name_looks_like_no_address_of_another"),
    ),
    "shell as an approver": Guard(
        "admin/access_requests.py",
        "if len(approvers) < needed and isinstance(by, str):",
        "if False:",
        (f"{UNIT}/test_access_requests.py", "test_shell_is_not_one_of_several_approvers"),
    ),
    "administration on the home tab": Guard(
        "slack/members/home.py",
        "if app.command_runner.may(member, status.facts):",
        "if True:",
        (f"{UNIT}/test_admin_home.py", "test_members_see_nothing_of_administration"),
    ),
    "own e-mail domains": Guard(
        "admin/sync.py",
        "if full[0].email_domain not in domains:",
        "if False:",
        (f"{UNIT}/test_sync_matching.py", "test_foreign_address_is_skipped_and_shown"),
    ),
    "address that resembles a name": Guard(
        "admin/sync.py",
        'if profile.email is None and not PLAIN_LOCAL_PART.fullmatch(_address(full[0].email).partition("@")[0]):',
        "if False:",
        (f"{UNIT}/test_sync_matching.py", "test_address_that_resembles_a_name_is_not_proposed"),
    ),
    "erased from the audit": Guard(
        "admin/erasure.py",
        "named.sub(pseudonym, value)",
        "value",
        (f"{SCENARIO}/test_erase.py", "test_erased_member_is_in_no_table"),
    ),
    "members' words out of the audit": Guard(
        "admin/changes.py",
        'recorded = replace(after, reason="") if private else after',
        "recorded = after",
        (f"{UNIT}/test_access_requests.py", "test_audit_has_no_words_of_a_request"),
    ),
    "erasure keeps a block": Guard(
        "cli/erase.py",
        "if blocks(access, now) and not force:",
        "if False:",
        (f"{SCENARIO}/test_erase.py", "test_erase_keeps_a_block_unless_forced"),
    ),
    "lock without a holder": Guard(
        "store/locks.py",
        "except InvalidValue:",
        "except KeyError:",
        (f"{CONTRACT}/test_access_port.py", "test_lock_without_a_holder_is_named"),
    ),
    "link hidden in repr": Guard(
        "core/link.py",
        "    url: str = field(repr=False)\n",
        "    url: str\n",
        (f"{UNIT}/test_core.py", "test_link_is_hidden_in_every_representation"),
    ),
    "Slack call timeout": Guard(
        "slack/client.py",
        "            return future.result(seconds)",
        "            return future.result(20)",
        (f"{CONTRACT}/test_slack_api.py", "test_dripping_response_url_times_out"),
    ),
    "no redirects": Guard(
        "slack/network.py",
        ", _NoRedirects())",
        ")",
        (f"{CONTRACT}/test_redirects.py", "test_redirected_call_of_slack_is_an_error"),
    ),
    "no redirects of Socket Mode": Guard(
        "slack/socket_connection.py",
        "        return exc\n",
        "        return super().process_redirect(exc)\n",
        (f"{CONTRACT}/test_redirects.py", "test_redirected_call_of_slack_is_an_error"),
    ),
    "replies only to Slack": Guard(
        "slack/response_url.py",
        "        if not self.is_trusted(url, origin):",
        "        if False:",
        (f"{CONTRACT}/test_slack_api.py", "test_foreign_response_url_gets_nothing"),
    ),
    "valid link URL": Guard(
        "aws/link_hosts.py",
        '        raise StudioError("AWS answered without a usable link: try again", reason=Reason.AWS_UNEXPECTED)',
        "        return str(url)",
        (f"{CONTRACT}/test_studio_port.py", "test_unusable_link_is_an_error_that_does_not_quote_it"),
    ),
    "host of a link": Guard(
        "aws/link_hosts.py",
        "    if known:",
        "    if True:",
        (f"{UNIT}/test_link_hosts.py", "test_link_to_an_unknown_host_is_refused"),
    ),
    "AWS over TLS": Guard(
        "aws/client.py",
        '    session.events.register("before-send", _refuse_plain_http)\n',
        "",
        (f"{CONTRACT}/test_redirects.py", "test_aws_is_not_called_over_plain_http"),
    ),
    "Socket Mode over TLS": Guard(
        "slack/socket_mode.py",
        'if url.scheme != "wss" and (url.scheme, url.hostname in LOOPBACK) != ("ws", True):',
        'if url.scheme not in ("ws", "wss"):',
        (f"{CONTRACT}/test_redirects.py", "test_socket_mode_without_tls_is_refused"),
    ),
    "path of a response_url": Guard(
        "slack/response_url.py",
        r"(/[\w-]+)+",
        r"/.*",
        (f"{CONTRACT}/test_slack_api.py", "test_response_urls_of_slack_are_recognized"),
    ),
    "session policy": Guard(
        "aws/role_sessions.py",
        '        "Policy": key.policy,\n',
        "",
        (f"{CONTRACT}/test_studio_port.py", "test_session_policy_allows_one_profile_and_its_domain"),
    ),
    "session per member": Guard(
        "aws/sagemaker.py",
        "key = SessionKey(mapping.role_arn, name, ",
        'key = SessionKey(mapping.role_arn, "studio-links", ',
        (f"{CONTRACT}/test_studio_port.py", "test_each_member_has_their_own_session"),
    ),
    "session expiry": Guard(
        "aws/role_sessions.py",
        "SESSION_SECONDS - SPARE.total_seconds()",
        "float(SESSION_SECONDS)",
        (f"{UNIT}/test_roles.py", "test_session_is_not_used_within_two_minutes_of_its_end"),
    ),
    "role credentials only": Guard(
        "aws/role_sessions.py",
        '    session.get_component("credential_provider").insert_before("env", _Provider())\n',
        "",
        (f"{UNIT}/test_roles.py", "test_call_without_a_session_ignores_process_credentials"),
    ),
    "space ownership": Guard(
        "aws/examination.py",
        "    if not shared and owner.lower() != mapping.profile_name.lower():",
        "    if False:",
        (f"{CONTRACT}/test_studio_port.py", "test_space_of_another_profile_is_refused"),
    ),
    "real services of a live run": Guard(
        "app/findings.py",
        "    if not any(urlsplit(address).hostname in LOOPBACK for address in addresses):\n",
        "    if True:\n",
        (f"{UNIT}/test_doctor.py", "test_live_run_needs_the_real_services"),
    ),
    "base image by digest": Guard(
        "../Dockerfile",
        "ARG PYTHON=3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8",
        "ARG PYTHON=3.13-slim-bookworm",
        (f"{UNIT}/test_supply_chain.py", "test_base_image_is_named_by_digest"),
    ),
    "actions by commit": Guard(
        "../.github/workflows/release.yml",
        "actions/setup-python@a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0",
        "actions/setup-python@v6",
        (f"{UNIT}/test_supply_chain.py", "test_actions_are_named_by_commit"),
    ),
    "secrets as parameters": Guard(
        "../deploy/cloudformation.yaml",
        "  SlackBotToken:\n    Type: String\n    NoEcho: true\n",
        "  SlackBotToken:\n    Type: String\n",
        (f"{UNIT}/test_deploy.py", "test_entered_secrets_are_only_in_their_secrets"),
    ),
    "made secrets apart": Guard(
        "../deploy/cloudformation.yaml",
        "              # Not what only the bot reads.\n"
        "              - Effect: Allow\n"
        "                Action: secretsmanager:GetSecretValue\n"
        "                Resource: ",
        "              - Effect: Allow\n"
        "                Action: secretsmanager:GetSecretValue\n"
        '                Resource: "*"  #',
        (f"{UNIT}/test_template_roles.py", "test_role_does_not_read_the_secret_that_the_stack_makes"),
    ),
    "image by digest": Guard(
        "../deploy/terraform/variables.tf",
        "@sha256:[0-9a-f]{64}$",
        "",
        (f"{UNIT}/test_terraform.py", "test_image_without_a_digest_is_refused"),
    ),
    "references in values": Guard(
        "../deploy/helm/studio-links/templates/_helpers.tpl",
        '(regexMatch "^((aws-secretsmanager|ssm)://\\\\S+)?$" $value)',
        "true",
        (f"{UNIT}/test_chart.py", "test_wrong_values_are_refused"),
    ),
    "network of pods": Guard(
        "../deploy/helm/studio-links/templates/networkpolicy.yaml",
        "policyTypes: [Ingress, Egress]",
        "policyTypes: [Ingress]",
        (f"{UNIT}/test_chart.py", "test_network_policy_opens_only_what_the_bot_needs"),
    ),
    "pods without privileges": Guard(
        "../deploy/helm/studio-links/templates/deployment.yaml",
        "capabilities: {drop: [ALL]}",
        "capabilities: {drop: []}",
        (f"{UNIT}/test_chart.py", "test_pod_meets_the_restricted_standard"),
    ),
    "image of the signed wheel": Guard(
        "../.github/workflows/release.yml",
        " --build-context wheel=dist/packages",
        "",
        (f"{UNIT}/test_supply_chain.py", "test_image_has_the_wheel_that_is_signed"),
    ),
    "MFA of people": Guard(
        "../deploy/cloudformation.yaml",
        'NeedsMfa: !Equals [!Ref RequireMfa, "true"]',
        'NeedsMfa: !Equals [!Ref RequireMfa, "never"]',
        (f"{UNIT}/test_template_roles.py", "test_role_for_people_needs_mfa_unless_switched_off"),
    ),
    "networks of links": Guard(
        "../deploy/cloudformation.yaml",
        "IpAddress: !If [HasIps, {aws:SourceIp: !Ref SourceIps}, !Ref AWS::NoValue]",
        "IpAddress: !Ref AWS::NoValue",
        (f"{UNIT}/test_template_roles.py", "test_links_are_as_narrow_as_the_parameters"),
    ),
    "setup role apart": Guard(
        "../deploy/cloudformation.yaml",
        "AWS: !Ref SetupArn",
        "AWS: !Ref AdministratorArn",
        (f"{UNIT}/test_template_roles.py", "test_setup_role_is_not_the_administrators"),
    ),
    "revocation role apart": Guard(
        "../deploy/cloudformation.yaml",
        "AWS: !Ref RevocationArn",
        "AWS: !Ref AdministratorArn",
        (f"{UNIT}/test_template_roles.py", "test_revocation_role_is_not_the_administrators"),
    ),
    "one path only": Guard(
        "../deploy/cloudformation.yaml",
        "PathPatternConfig: {Values: [/slack/events]}",
        'PathPatternConfig: {Values: ["*"]}',
        (f"{UNIT}/test_deploy.py", "test_load_balancer_forwards_only_posted_events"),
    ),
    "requests of an address": Guard(
        "../deploy/cloudformation.yaml",
        "Limit: !Ref RequestsPerFiveMinutes",
        "Limit: 2000000000",
        (f"{UNIT}/test_deploy.py", "test_requests_of_one_address_are_limited"),
    ),
    "locked copies": Guard(
        "../deploy/cloudformation.yaml",
        "Mode: COMPLIANCE",
        "Mode: GOVERNANCE",
        (f"{UNIT}/test_deploy.py", "test_exported_audit_is_locked_for_the_given_days"),
    ),
    "permissions of a job": Guard(
        "../.github/workflows/release.yml",
        "\npermissions: {}\n",
        "\npermissions: write-all\n",
        (f"{UNIT}/test_supply_chain.py", "test_jobs_have_only_the_permissions_they_need"),
    ),
    "log write errors": Guard(
        "observability/logs.py",
        "    logging.raiseExceptions = False",
        "    logging.raiseExceptions = True",
        (f"{UNIT}/test_logs.py", "test_unwritable_log_prints_nothing_unredacted"),
    ),
    # AWS roles and secrets
    "profiles in the policy": Guard(
        "aws/iam_scope.py",
        'return sorted(self.profiles) + self.studio("user-profile", "/*", self.open_domains)',
        'return self.studio("user-profile", "/*")',
        (f"{UNIT}/test_iam.py", "test_policy_does_not_allow"),
    ),
    "bot token apart": Guard(
        "cli/iam.py",
        "return arns({BOT_TOKEN}) - shared",
        "return arns(SECRET)",
        (f"{SCENARIO}/test_cli.py", "test_administration_policy_covers_the_bot_token_alone"),
    ),
    "sessions before now": Guard(
        "aws/revocation.py",
        '{"DateLessThan": {"aws:TokenIssueTime": self._before}}',
        "{}",
        (f"{SCENARIO}/test_revoke.py", "test_revoke_ends_earlier_sessions_of_the_profile_only"),
    ),
    "sessions of one member": Guard(
        "aws/revocation.py",
        'condition["StringLike"] = {"aws:userid": f"*:{name}"}',
        "del name",
        (f"{SCENARIO}/test_revoke.py", "test_revoke_ends_earlier_sessions_of_the_member_in_a_role"),
    ),
    "shared spaces": Guard(
        "aws/revocation.py",
        "if not each.shared",
        "if each",
        (f"{SCENARIO}/test_revoke.py", "test_revoke_ends_only_what_is_the_members_own"),
    ),
    "own spaces": Guard(
        "aws/revocation.py",
        "if each.belongs_to(mapping)",
        "if each.owner",
        (f"{SCENARIO}/test_revoke.py", "test_revoke_ends_only_what_is_the_members_own"),
    ),
    # What runs in Studio
    "own apps alone": Guard(
        "workspaces/app_changes.py",
        "return app if app.belongs_to(mapping) else Reason.APP_NOT_YOURS",
        "return app",
        (f"{UNIT}/test_running.py", "test_app_in_a_space_of_somebody_else_is_not_stopped"),
    ),
    "own spaces to start": Guard(
        "aws/apps.py",
        "    if not space.belongs_to(mapping):\n",
        "    if False:\n",
        (f"{CONTRACT}/test_apps_port.py", "test_space_of_others_or_without_app_starts_nothing"),
    ),
    "blocked from apps": Guard(
        "workspaces/running.py",
        "HARMLESS = frozenset({",
        "HARMLESS = frozenset(Reason) | frozenset({",
        (f"{UNIT}/test_running.py", "test_member_who_was_denied_stops_nothing"),
    ),
    "no stop without a record": Guard(
        "workspaces/app_changes.py",
        "            self.audit.open(entry)\n",
        "            pass\n",
        (f"{UNIT}/test_running.py", "test_nothing_is_stopped_without_a_record"),
    ),
    "lists in the policy": Guard(
        "aws/iam_policy.py",
        '["*"] if scope.picks else []',
        '["*"]',
        (f"{UNIT}/test_iam.py", "test_lists_to_pick_from_are_in_the_policy_only_if_wanted"),
    ),
    "apps in the policy": Guard(
        "aws/iam_workspaces.py",
        'scope.studio("app", "/*") if scope.runs else []',
        'scope.studio("app", "/*")',
        (f"{UNIT}/test_iam.py", "test_apps_are_in_the_policy_only_if_wanted"),
    ),
    "role for one space": Guard(
        "aws/iam_workspaces.py",
        'scope.studio("app", f"/{owner}/*")',
        'scope.studio("app", "/*")',
        (f"{CONTRACT}/test_apps_port.py", "test_role_of_a_mapping_acts_on_one_space"),
    ),
    "warned before a stop": Guard(
        "workspaces/reminders.py",
        "        if stop_at is not None and told.warned_at is not None:\n"
        "            if now >= max(stop_at, told.warned_at + HOUR):\n",
        "        if stop_at is not None:\n            if now >= stop_at:\n",
        (f"{UNIT}/test_reminders.py", "test_nothing_stops_unwarned"),
    ),
    "warnings that arrived": Guard(
        "workspaces/reminders.py",
        "Told(times + 1, now + distance)",
        "Told(times + 1, now + distance, now)",
        (f"{UNIT}/test_reminders.py", "test_warning_that_did_not_arrive_stops_nothing"),
    ),
    "run that was seen": Guard(
        "workspaces/app_changes.py",
        "if seen is not None and _began(app) != _began(seen):",
        "if seen is not None and app.name != seen.name:",
        (f"{UNIT}/test_reminders.py", "test_rule_does_not_stop_what_was_started_again"),
    ),
    "one message a day": Guard(
        "workspaces/reminders.py",
        "        if not self.store.write(member, told, now):",
        "        if not self.store.write(member, told, now) and False:",
        (f"{UNIT}/test_reminders.py", "test_two_that_look_at_once_send_one_message"),
    ),
    "one message an end": Guard(
        "admin/ending.py",
        "first = self.store.write_end_notice(member, replace(notice, version=seen.version), now)",
        "first = self.store.write_end_notice(member, replace(notice, version=seen.version), now) or True",
        (f"{UNIT}/test_ending.py", "test_two_that_look_at_once_send_one_message"),
    ),
    "own allow rule alone": Guard(
        "admin/giving_back.py",
        "grants=(own,), ",
        "",
        (f"{UNIT}/test_giving_back.py", "test_only_the_own_allow_rule_goes"),
    ),
    "seen before it goes": Guard(
        "admin/giving_back.py",
        "replace(require_version(access, version), ",
        "replace(access, ",
        (f"{UNIT}/test_giving_back.py", "test_rule_that_changed_since_the_question_stays"),
    ),
    "approval that shortens nothing": Guard(
        "admin/approvals.py",
        "at_version=access.version, ",
        "",
        (f"{UNIT}/test_access_requests.py", "test_approval_shortens_nothing_that_was_given_meanwhile"),
    ),
    "quiet at night": Guard(
        "workspaces/reminders.py",
        "if not is_waking(now, person.tz_offset):",
        "if False:",
        (f"{UNIT}/test_reminders.py", "test_no_message_at_night_in_the_members_zone"),
    ),
    "no revocation without a record": Guard(
        "cli/revoke.py",
        "    run.admin.audit.open(entry)\n",
        "",
        (f"{SCENARIO}/test_revoke.py", "test_revoke_without_a_record_ends_nothing"),
    ),
    "table settings apart": Guard(
        "aws/iam_policy.py",
        '[f"Describe{name}" for name in SETTINGS]',
        '[f"{verb}{name}" for verb in ("Update", "Describe") for name in SETTINGS]',
        (f"{UNIT}/test_iam.py", "test_policy_does_not_allow"),
    ),
    # Workspaces
    "tags of what is made": Guard(
        "workspaces/provisioning.py",
        "return (tags.get(TEAM), tags.get(MEMBER)) == (member.tenant, member.user_id)",
        "return bool(member)",
        (f"{UNIT}/test_provisioning.py", "test_existing_profile_with_other_tags_is_never_taken_over"),
    ),
    "owner of a made space": Guard(
        "workspaces/provisioning.py",
        "if made is not None and not made.belongs_to(mapping):",
        "if made is not None and not made.owner:",
        (f"{UNIT}/test_provisioning.py", "test_space_of_another_is_never_taken_over"),
    ),
    "approval before making": Guard(
        "workspaces/provisioning.py",
        "if request.state is not RequestState.APPROVED or request.decided_by != job.actor.name:",
        "if request.member != job.member:",
        (f"{UNIT}/test_provisioning.py", "test_nothing_is_made_without_the_approval"),
    ),
    "member still wanted": Guard(
        "workspaces/provisioning.py",
        "return mapped and not blocked and not access.unreadable",
        "return not access.unreadable",
        (f"{UNIT}/test_provisioning.py", "test_nothing_more_is_made_for_a_member_who_lost_access"),
    ),
    "shared spaces stay": Guard(
        "workspaces/offboarding.py",
        "return Item(ItemKind.SHARED_SPACE, found.name, domain, profile, ItemState.KEPT)",
        "return Item(ItemKind.SHARED_SPACE, found.name, domain, profile, stays)",
        (f"{UNIT}/test_offboarding.py", "test_shared_space_stays_with_the_profile_that_owns_it"),
    ),
    "spaces of one owner": Guard(
        "aws/resources.py",
        "if each.belongs_to(mapping)",
        "if each.owner",
        (f"{CONTRACT}/test_resources_port.py", "test_spaces_of_other_profiles_are_not_listed"),
    ),
    "off-boarding of oneself": Guard(
        "admin/leaving.py",
        "if by is not None and by.user_id == user:",
        "if by is not None and not by.user_id:",
        (f"{UNIT}/test_leaving.py", "test_nobody_offboards_themselves"),
    ),
    "off-boarding of administrators": Guard(
        "admin/leaving.py",
        "return frozenset({min(ruled)} if ruled and ruled <= {*users} else ())",
        "return frozenset()",
        (f"{CONTRACT}/test_cli_offboard.py", "test_last_administrator_is_not_offboarded"),
    ),
    "off-boarding by two": Guard(
        "core/consent.py",
        "if moves or others or by_two else",
        "if moves or others else",
        (f"{UNIT}/test_leaving.py", "test_offboard_takes_two_where_approvals_do"),
    ),
    "file without members": Guard(
        "cli/offboard.py",
        "if not any(access.mappings for access in target.values()):",
        "if any(access is None for access in target.values()):",
        (f"{CONTRACT}/test_cli_offboard.py", "test_prune_refuses_a_file_without_members"),
    ),
    "approval on record": Guard(
        "workspaces/provisioning.py",
        'if not is_recorded(self.admin.audit, job, "decide", request.state.value, {"request": request.id}):',
        "if request.id != job.request_id:",
        (f"{UNIT}/test_provisioning.py", "test_approval_that_is_not_recorded_is_taken_back"),
    ),
    "off-boarding on record": Guard(
        "workspaces/offboarding.py",
        'if not is_recorded(self.admin.audit, job, job.kind, audit.STARTED, {"job": job.id}):',
        "if job.kind == audit.STARTED:",
        (f"{UNIT}/test_offboarding.py", "test_job_that_nobody_asked_for_removes_nothing"),
    ),
    "profiles of the member": Guard(
        "workspaces/offboarding.py",
        "waits |= mine is not None and self._remove(there, items, late=late)",
        "waits |= self._remove(there, items, late=late)",
        (f"{UNIT}/test_offboarding.py", "test_profile_that_is_not_the_members_is_left_alone"),
    ),
    "lease of a job": Guard(
        "store/jobs.py",
        "free = (items.state == JobState.OPEN.value) & (items.open_until <= at)",
        "free = items.state == JobState.OPEN.value",
        (f"{CONTRACT}/test_jobs_port.py", "test_job_is_claimed_once_until_its_lease_ends"),
    ),
    "tags on creation": Guard(
        "aws/iam_workspaces.py",
        'statement("TagMade", ["sagemaker:AddTags"], made) | {"Condition": tagging},',
        'statement("TagMade", ["sagemaker:AddTags"], made),',
        (f"{UNIT}/test_iam.py", "test_provisioning_role_makes_only_what_templates_say"),
    ),
    "roles for SageMaker alone": Guard(
        "aws/iam_workspaces.py",
        'statement("PassRole", ["iam:PassRole"], sorted(scope.template_roles)) | {"Condition": to_sagemaker},',
        'statement("PassRole", ["iam:PassRole"], sorted(scope.template_roles)),',
        (f"{UNIT}/test_iam.py", "test_provisioning_role_makes_only_what_templates_say"),
    ),
}


class NotTriedError(Exception):
    """A guard or its test could not be tried."""


@contextmanager
def copied_tree() -> Iterator[Path]:
    """Yield a copy of what the tests need."""
    with TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        yield tree


def passes(tree: Path, test: tuple[str, str]) -> bool:
    """Run a test in a tree and return whether it passes.

    Raises:
        NotTriedError: no test ran, or it took longer than `TIMEOUT`.
    """
    path, name = test
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", path, "-k", name]
    with (tree / "output").open("w+") as output:
        process = subprocess.Popen(command, cwd=tree, stdout=output, stderr=output, start_new_session=True)  # noqa: S603
        try:
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and the bots that the test started
            process.wait()
            raise NotTriedError(f"{name} took longer than {TIMEOUT} s") from None
        output.seek(0)
        text = output.read()
    if code == NO_TESTS or not re.search(r"\d+ (passed|failed)", text):
        raise NotTriedError(f"{name} did not run: {text[-300:]}")
    return code == PASSED


def try_test(test: tuple[str, str]) -> str | None:
    """Run a test on the unchanged tree. Return what is wrong, or None if it passes."""
    with copied_tree() as tree:
        try:
            return None if passes(tree, test) else "fails with every guard in place"
        except NotTriedError as error:
            return str(error)


def try_guard(guard: Guard) -> str | None:
    """Remove a guard and run its test. Return what is wrong, or None if the test fails."""
    with copied_tree() as tree:
        file = tree / "bot" / guard.file
        text = file.read_text()
        if text.count(guard.there) != 1:
            return f"NOT TRIED: found {text.count(guard.there)} times in {guard.file}"
        file.write_text(text.replace(guard.there, guard.instead))
        try:
            return "NOT NOTICED" if passes(tree, guard.test) else None
        except NotTriedError as error:
            return f"NOT TRIED: {error}"


def main() -> None:
    """Check every guard, or only those named on the command line."""
    guards = {name: GUARDS[name] for name in sys.argv[1:] or GUARDS}
    tests = list(dict.fromkeys(guard.test for guard in guards.values()))
    with ThreadPoolExecutor(JOBS) as pool:
        problems = {" ".join(test): problem for test, problem in zip(tests, pool.map(try_test, tests), strict=True)}
        wrong = [f"{test}: {problem}" for test, problem in problems.items() if problem]
        print(f"{len(tests) - len(wrong)} of {len(tests)} tests pass on the unchanged tree", *wrong, sep="\n")  # noqa: T201
        for name, problem in zip(guards, pool.map(try_guard, guards.values()), strict=True):
            print(f"{name}: {problem or 'its test fails'}", flush=True)  # noqa: T201
            wrong += [name] if problem else []
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
