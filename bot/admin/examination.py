"""Examine mappings in SageMaker, for explanations and before a mapping is written."""

from dataclasses import replace

from bot.core.access import Mapping
from bot.core.errors import StudioError
from bot.core.link import Allowed, Check, Denied, Reason
from bot.core.ports import StudioExaminer

# The reasons that an examination proves. Other failures say nothing of the mapping.
OF_DOMAIN = frozenset({Reason.DOMAIN_MISSING, Reason.DOMAIN_NOT_READY, Reason.DOMAIN_SSO})
OF_PROFILE = frozenset(
    {Reason.PROFILE_MISSING, Reason.PROFILE_NOT_READY, Reason.SPACE_MISSING, Reason.SPACE_NOT_YOURS}
)
UNUSABLE = OF_DOMAIN | OF_PROFILE
# States of domains and profiles that end by themselves.
SETTLING = frozenset({"Pending", "Updating"})
UNKNOWN_REGION = "UnknownRegion"


def cannot_work(error: StudioError) -> bool:
    """Return whether a mapping with this error cannot work before somebody changes something."""
    return (error.reason in UNUSABLE and error.code not in SETTLING) or error.code == UNKNOWN_REGION


def is_gone(studio: StudioExaminer, mapping: Mapping) -> bool:
    """Return whether SageMaker says that a mapping's domain or profile does not exist; False if it says nothing."""
    try:
        studio.examine(mapping)
    except StudioError as error:
        return error.reason in (Reason.DOMAIN_MISSING, Reason.PROFILE_MISSING)
    return False


def examined(decision: Allowed | Denied, studio: StudioExaminer) -> tuple[Allowed | Denied, str | None]:
    """Return the decision that the member would get, after checking each profile that they may open.

    The second value is the reason why SageMaker could not check a profile; None if it could, or did not have to.
    """
    mappings: tuple[Mapping, ...] = ()
    if isinstance(decision, Allowed):
        mappings = (decision.mapping,)
    elif decision.reason is Reason.CHOOSE:
        mappings = decision.mappings
    checks, unusable, unknown = list(decision.checks), None, None
    for mapping in mappings:
        what = f"{mapping.alias}: {mapping.profile_name} in {mapping.domain_id}"
        try:
            studio.examine(mapping)
        except StudioError as error:
            if error.reason in UNUSABLE:
                unusable = error
                checks.append(Check("SageMaker", passed=False, detail=str(error)))
            else:
                unknown = f"{what}: {error}"
        else:
            checks.append(Check("SageMaker", passed=True, detail=f"{what} is in service"))
    if isinstance(decision, Allowed) and unusable is not None:
        decision = Denied(
            unusable.reason,
            str(unusable),
            mapping=decision.mapping,
            sign_in_address=unusable.sign_in_address,
            locale=decision.locale,
        )
    return replace(decision, checks=tuple(checks)), unknown
