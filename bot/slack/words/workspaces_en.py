"""English, about making and removing workspaces."""

from bot.core.jobs import ItemKind, ItemState


class WorkspaceWords:
    """The texts about making and removing workspaces. Another language is a subclass that overrides every one."""

    profile_kind = "User profile"
    existing = "An existing one"
    new = "A new one"
    new_with_space = "A new one, with a private space on {instance}"
    new_note = "A new profile gets the role that its domain's template names. I never take over one that exists."
    is_new = "The profile is new: I will make it."
    no_template = (
        "New profiles of that kind have no template in that domain, so nothing was approved. "
        "Press *Approve* again and choose another domain or size, or an existing profile."
    )
    profile_exists = (
        "A profile of that name exists, so I made none and approved nothing. "
        "Press *Approve* again and choose another name, or “{existing}”."
    )
    work_under_way = (
        "I am still working on this member's workspace, so nothing was approved. Try again in a few minutes."
    )
    making = "You now have access to SageMaker Studio. I am making your profile, and tell you here when it is ready."
    ready = "Your profile in SageMaker Studio is ready."
    not_ready = "Your profile could not be made yet. I told the administrator who approved your request."
    make_failed = "I could not make the profile `{profile}` in `{domain}` for {user}. {why}"
    make_cancelled = "I stopped making the profile `{profile}` in `{domain}` for {user}. {why}"
    proposed = "Block {user}, and delete their apps, private spaces and profile, with the files in them."
    offboarding = "{user} is blocked. I am removing their workspace, which takes up to 20 minutes for each app."
    offboarded = "{user} is off-boarded: blocked, and without a profile of theirs."
    not_offboarded = "{user} is blocked, but not everything could be removed. Fix what this says, then do it again."
    states = {
        ItemState.THERE: "To do",
        ItemState.GOING: "Being removed",
        ItemState.GONE: "Gone",
        ItemState.KEPT: "Stays",
        ItemState.FAILED: "Not gone",
    }
    kinds = {
        ItemKind.APP: "app {name}",
        ItemKind.SPACE: "space {name}",
        ItemKind.SHARED_SPACE: "shared space {name}, which may hold files of others",
        ItemKind.PROFILE: "profile {name} in {domain}",
    }
    remains = "Not reached: the home directory in the domain's file system, and jobs and endpoints that they started."
