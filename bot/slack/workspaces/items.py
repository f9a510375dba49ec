"""Show what AWS has of a member's workspace, by what becomes of it. Pure."""

from bot.core.jobs import Item, ItemState
from bot.slack.blocks import escape
from bot.slack.words.workspaces_en import WorkspaceWords

# Characters of AWS's reason why something stays.
MAX_WHY_LENGTH = 300


def item_lines(items: tuple[Item, ...], words: WorkspaceWords) -> list[str]:
    """Return a heading for each state, and the resources in it."""
    lines = []
    for state in ItemState:
        found = [each for each in items if each.state is state]
        if found:
            lines.append(f"*{words.states[state]}*")
            lines += [f"• {_line(each, words)}" for each in found]
    return lines


def _line(item: Item, words: WorkspaceWords) -> str:
    line = words.kinds[item.kind].format(name=escape(item.name), domain=item.domain_id)
    return f"{line}: {escape(item.why, MAX_WHY_LENGTH)}" if item.why else line
