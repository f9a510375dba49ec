"""The demo's workspace as a prompt in the terminal: type as a member, press buttons, read the audit."""

import signal
import webbrowser
from datetime import timedelta
from typing import TextIO

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from bot import app, console
from bot.local.screens import Message
from bot.local.seed import RESIDENTS, Resident
from bot.local.stage import Stage
from bot.model import utc_now
from bot.slack.views import NEW_LINK, OPEN_STUDIO

HELP = """\
/studio [TEXT]   type the slash command (try /studio help)
open             press “Open Studio” on the last message, which opens your browser
new              press “New link” or “Try again” on it
as NAME          be another member: {names}
audit            what has been recorded
quit             stop everything"""


def converse(stage: Stage, lines: TextIO) -> None:
    """Act on lines until `quit`; without a terminal behind them, stay until interrupted."""
    _introduce(stage)
    if not lines.isatty():
        signal.pause()
        return
    shell = Shell(stage)
    while shell.do(console.out().input(f"{shell.member.name}> ", markup=False)):
        pass


def _introduce(stage: Stage) -> None:
    console.say(f"The bot listens on {stage.bot_address}, the stand-in AWS on {stage.aws.endpoint}.")
    console.say("Members of the workspace:")
    for resident in RESIDENTS:
        console.say(f"  {resident.name:<5} {resident.user_id:<7} {resident.story}")
    console.say("")
    console.say(HELP.format(names=", ".join(resident.name for resident in RESIDENTS)))
    console.say("")


class Shell:
    """One conversation: which member types, and what is on their screen."""

    def __init__(self, stage: Stage) -> None:
        self.member: Resident = RESIDENTS[0]
        self._stage = stage
        self._workspace = stage.workspace
        self._show = Console(highlight=False)

    def do(self, line: str) -> bool:
        """Act on one line; False if it was the last."""
        word, _, rest = line.strip().partition(" ")
        match word.lower():
            case "":
                pass
            case "quit" | "exit":
                return False
            case "/studio":
                self._answer(self._workspace.answer_to(self._workspace.command(self.member.user_id, rest)))
            case "open":
                self._open()
            case "new":
                self._press(NEW_LINK)
            case "as":
                self._become(rest.strip().lower())
            case "audit":
                self._audit()
            case _:
                console.say(HELP.format(names=", ".join(resident.name for resident in RESIDENTS)))
        return True

    def _last(self, action_id: str) -> Message | None:
        """The newest message on the member's screen that has this button."""
        screen = reversed(self._workspace.view(self.member.user_id))
        found = next((m for m in screen if any(b.action_id == action_id for b in m.buttons())), None)
        if found is None:
            console.say("There is no such button on the screen: type /studio first.")
        return found

    def _open(self) -> None:
        message = self._last(OPEN_STUDIO)
        if message is not None:
            webbrowser.open(message.button(OPEN_STUDIO).url or "")
            self._press(OPEN_STUDIO)

    def _press(self, action_id: str) -> None:
        message = self._last(action_id)
        if message is not None:
            self._answer(self._workspace.answer_to(self._workspace.press(self.member.user_id, message, action_id)))

    def _answer(self, message: Message) -> None:
        panel = Panel(Text(self._workspace.render(message)), subtitle="Only visible to you", width=90)
        self._show.print(panel)

    def _become(self, name: str) -> None:
        self.member = next((r for r in RESIDENTS if r.name == name), self.member)
        console.say(f"You are {self.member.name}, who {self.member.story}.")

    def _audit(self) -> None:
        admin, team = app.administration(self._stage.settings), self._workspace.installation.team_id
        entries = admin.history(team, None, utc_now() - timedelta(days=1), limit=50)
        rows = ((e.at, e.subject, e.action, e.outcome, e.profile_name, e.opened_at, e.detail) for e in entries)
        columns = ["at (UTC)", "member", "action", "outcome", "profile", "opened", "detail"]
        console.print_table(columns, rows, empty="nothing yet")
