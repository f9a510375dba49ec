"""The page's tour: which of its steps have happened in the stand-ins."""

from collections.abc import Mapping

from bot.local.aws.studio_site import LinkEvent
from bot.local.slack import elements
from bot.local.slack.exchanges import reply_json
from bot.local.slack.response_urls import Delivery
from bot.local.slack.workspace import Workspace
from bot.slack.members.views import ASK, HOME_OPEN

STEPS = ("link", "open", "expire", "ask", "approve")
OF_LINK: dict[LinkEvent, str] = {"issued": "link", "opened": "open", "refused": "expire"}


class Tour:
    """Five steps for any of the members; each counts once it has happened."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._done: set[str] = set()

    def note(self, event: LinkEvent) -> None:
        """Note what became of a link at AWS."""
        self._done.add(OF_LINK[event])
        self._workspace.changes.note()

    def __call__(self) -> list[str]:
        """Return the steps that are done, in the tour's order."""
        if "expire" not in self._done and self._link_expired():
            self._done.add("expire")
        if "ask" not in self._done and self._asked():
            self._done.add("ask")
        if "approve" not in self._done and self._granted():
            self._done.add("approve")
        return [step for step in STEPS if step in self._done]

    def _link_expired(self) -> bool:
        """Return whether the bot replaced a link that nobody opened: opening one has a `response_url` of its own."""
        linked: set[str] = set()
        for delivery in self._workspace.deliveries:
            if _has_link(delivery):
                linked.add(delivery.exchange)
            elif delivery.exchange in linked:
                return True
        return False

    def _asked(self) -> bool:
        """Return whether a member has sent the form for access, and the bot took it."""
        return any(
            exchange.kind == "submission"
            and exchange.fields["view"]["callback_id"] == ASK
            and (exchange.ack, reply_json(exchange)) == ("ok", {})
            for exchange in self._workspace.exchanges
        )

    def _granted(self) -> bool:
        """Return whether the bot wrote a member that they can open Studio now."""
        return any(
            call.method == "chat.postMessage" and HOME_OPEN in str(call.arguments)
            for call in self._workspace.api_calls
        )


def _has_link(delivery: Delivery) -> bool:
    payload = delivery.payload if isinstance(delivery.payload, Mapping) else {}
    return any("url" in element for _, element in elements.elements(payload.get("blocks") or ()))
