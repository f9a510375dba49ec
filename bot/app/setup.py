"""What a new installation needs, as far as AWS, the tables and the mappings tell."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.admin.sync import Account, Row, Status, as_profile_name
from bot.aws import domains
from bot.aws.client import partition_of
from bot.aws.domains import Domain
from bot.core.access import Access, Mapping
from bot.core.causes import Cause
from bot.core.errors import BadInput, StudioError
from bot.observability.aws_errors import CODES
from bot.store import tables as table_admin
from bot.store.models import Tables

NO_DOMAIN = (
    "there is no SageMaker domain here whose links the bot can make: create one that signs in through IAM, or use "
    "credentials for the account that has one"
)


def find_domains(region: str, *, only_there: bool) -> tuple[list[Domain], dict[str, StudioError]]:
    """Return the domains of a region, or of all regions in its partition, and the regions that hide theirs.

    Regions that the account has not enabled count as empty.

    Raises:
        StudioError: no region could be looked into.
    """
    regions = [region] if only_there else domains.regions_of(partition_of(region) or "aws")
    found, unseen = domains.find(regions)
    if len(unseen) == len(regions):
        raise unseen.get(region) or next(iter(unseen.values()))
    return found, {name: error for name, error in unseen.items() if error.code not in CODES[Cause.UNKNOWN_KEY]}


def missing_tables(tables: Tables) -> list[str]:
    """Return the names of the tables to create.

    Raises:
        BadInput: a table of this name is not ours.
        StoreError: DynamoDB refused or could not be reached.
    """
    checks = [check for check in table_admin.check(tables) if not check.ok]
    for check in checks:
        if check.name == "keys":
            raise BadInput(f"{check.table}: {check.detail}")
    return [check.table for check in checks if check.name == "table"]


def find_account(accounts: Iterable[Account], text: str) -> Account | None:
    """Return the account of an e-mail address, or of the part before its @, if only one has it."""
    name = text.strip().lower()
    found = [each for each in accounts if name in (each.email.lower(), as_profile_name(each.email))]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member to allow. `mapping` is to be made first; None if they are mapped already."""

    user_id: str
    email: str
    profile: str
    mapping: Mapping | None

    def commands(self, domain: Domain, region: str) -> list[str]:
        """Return what to type instead of letting them in here."""
        lines = [f"studio-links allow {self.user_id}"]
        if self.mapping is not None:
            elsewhere = f" --region {domain.region}" if domain.region != region else ""
            alias = f" --alias {self.mapping.alias}" if self.mapping.alias != "default" else ""
            where = f"--domain {domain.domain_id} --profile {self.profile}{alias}{elsewhere}"
            lines.insert(0, f"studio-links map {self.user_id} {where}")
        return lines


def candidates(rows: Iterable[Row], accounts: Iterable[Account], stored: dict[str, Access]) -> list[Candidate]:
    """Return the members who match a profile, and about whom no rule says anything yet."""
    emails = {each.user_id: each.email for each in accounts}
    return [
        Candidate(user, emails[user], row.profile.name, row.mapping)
        for row in rows
        if row.status in (Status.MAP, Status.MAPPED)
        and (user := row.members[0]) in emails
        and not stored.get(user, Access()).grants
    ]
