"""Which tenants the bot's token and STUDIO_TEAMS admit. Pure."""

from collections.abc import Iterable

from bot.core.values import shared_tenants
from bot.slack.payloads import Home, Origin


def admit(origin: Origin, home: Home, teams: frozenset[str]) -> str | None:
    """Return the tenant that the request belongs to; None if it is for another app, workspace or organisation.

    Args:
        teams: the team and enterprise ids that may use this bot.

    Bolt checks the signature but not whom the request is about, and in Slack Connect channels people of other
    workspaces can press our buttons.
    """
    if origin.app_id != home.app_id:
        return None
    if origin.enterprise_id is not None and origin.enterprise_id not in {home.enterprise_id, *teams}:
        return None
    presser = origin.user_team_id
    # Installed in the whole organisation, Slack names no team but the presser's; see `is_unproven`.
    org_wide = origin.team_id is None and origin.enterprise_id is not None
    places = (origin.enterprise_id, presser if org_wide else origin.team_id)
    if presser is not None and presser not in {*places, *teams}:
        return None
    # The organisation first: a member is then the same, with the same rules, in each of its workspaces.
    tenant = next((place for place in places if place is not None and place in teams), None)
    shared = shared_tenants(teams)
    return shared[0] if tenant in shared else tenant


def home_tenant(home: Home, teams: frozenset[str]) -> str:
    """Return the tenant of the members of our token's own workspace, as `admit` finds it."""
    shared = shared_tenants(teams)
    return shared[0] if {home.team_id, home.enterprise_id} & set(shared) else home.team_id


def is_unproven(origin: Origin, teams: frozenset[str]) -> bool:
    """Return whether an admitted request may be a Slack Connect outsider's: only Slack's record of them can tell.

    An app that is installed in a whole organisation does not know all of its workspaces.
    """
    return origin.team_id is None and origin.user_team_id not in {None, origin.enterprise_id, *teams}


def admits_anybody(team_id: str, enterprise_id: str | None, teams: frozenset[str]) -> bool:
    """Return whether `admit` can admit anybody with a token of the team.

    Only Slack knows which other workspaces an organisation has.
    """
    of_organisation = enterprise_id is not None and any(team.startswith("T") for team in teams)
    return not teams or bool(teams & {team_id, enterprise_id}) or of_organisation


def foreign_token(team_id: str, teams: Iterable[str]) -> tuple[str, str]:
    """Return that STUDIO_TEAMS does not name the team of the bot token, and what to do."""
    found = f"STUDIO_TEAMS admits {', '.join(sorted(teams))} only, and the bot token is of {team_id}"
    return found, "set STUDIO_TEAMS to the token's team, or remove it"
