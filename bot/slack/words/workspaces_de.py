"""German, about making and removing workspaces."""

from bot.core.jobs import ItemKind, ItemState
from bot.slack.words.workspaces_en import WorkspaceWords


class GermanWorkspaceWords(WorkspaceWords):
    profile_kind = "SageMaker-Profil"
    existing = "Ein vorhandenes"
    new = "Ein neues"
    new_with_space = "Ein neues mit privatem Space auf {instance}"
    new_note = "Ein neues Profil erhält die Rolle aus der Vorlage seiner Domain. Vorhandene übernehme ich nie."
    is_new = "Das Profil ist neu: Ich lege es an."
    no_template = (
        "Für solche neuen Profile gibt es in dieser Domain keine Vorlage, deshalb wurde nichts genehmigt. "
        "Klick erneut auf *Genehmigen* und wähle eine andere Domain oder Größe oder ein vorhandenes Profil."
    )
    profile_exists = (
        "Ein Profil mit diesem Namen gibt es schon, deshalb habe ich keines angelegt und nichts genehmigt. "
        "Klick erneut auf *Genehmigen* und wähle einen anderen Namen oder „{existing}“."
    )
    work_under_way = (
        "Ich arbeite noch am Workspace dieses Mitglieds, deshalb wurde nichts genehmigt. "
        "Versuch es in ein paar Minuten erneut."
    )
    making = (
        "Du hast jetzt Zugriff auf SageMaker Studio. "
        "Ich lege gerade dein Profil an und melde mich hier, sobald es fertig ist."
    )
    ready = "Dein Profil in SageMaker Studio ist fertig."
    not_ready = "Dein Profil konnte noch nicht angelegt werden. Wer deinen Antrag genehmigt hat, weiß Bescheid."
    make_failed = "Ich konnte das Profil `{profile}` in `{domain}` für {user} nicht anlegen. {why}"
    make_cancelled = "Ich habe das Anlegen des Profils `{profile}` in `{domain}` für {user} abgebrochen. {why}"
    proposed = "{user} sperren und Apps, private Spaces und Profil löschen, samt den Dateien darin."
    offboarding = "{user} ist gesperrt. Ich entferne den Workspace; das dauert bis zu 20 Minuten je App."
    offboarded = "{user} ist ausgetragen: gesperrt und ohne eigenes Profil."
    not_offboarded = (
        "{user} ist gesperrt, aber nicht alles ließ sich entfernen. Behebe, was hier steht, und mach es dann erneut."
    )
    states = {
        ItemState.THERE: "Noch zu tun",
        ItemState.GOING: "Wird entfernt",
        ItemState.GONE: "Entfernt",
        ItemState.KEPT: "Bleibt",
        ItemState.FAILED: "Nicht entfernt",
    }
    kinds = {
        ItemKind.APP: "App {name}",
        ItemKind.SPACE: "Space {name}",
        ItemKind.SHARED_SPACE: "gemeinsamer Space {name}, in dem Dateien anderer liegen können",
        ItemKind.PROFILE: "Profil {name} in {domain}",
    }
    remains = (
        "Nicht erfasst: das Home-Verzeichnis im Dateisystem der Domain sowie Jobs und Endpoints, "
        "die das Mitglied gestartet hat."
    )
