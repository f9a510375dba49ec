"""Deutsch, about what runs in Studio."""

from bot.core.apps import AppStatus
from bot.slack.words.running_en import RunningWords


class GermanRunningWords(RunningWords):
    """Deutsch: »du«, kurz und ohne Fachsprache."""

    title = "*Was bei dir in Studio läuft*"
    title_of = "*Was bei {user} in Studio läuft*"
    title_of_all = "*Was in Studio läuft*, das am längsten Laufende zuerst"
    nobody = "gehört niemandem"
    off = "`STUDIO_RUNNING` ist nicht an, deshalb sieht dieser Bot nicht, was läuft. Schalte es ein."
    nothing = "In Studio läuft gerade nichts."
    app = "*{app}*"
    in_space = "im Space `{space}`"
    in_shared_space = "im gemeinsamen Space `{space}`"
    in_profile = "des Profils `{profile}`"
    statuses = {
        AppStatus.PENDING: "startet",
        AppStatus.IN_SERVICE: "läuft",
        AppStatus.DELETING: "wird beendet",
        AppStatus.FAILED: "konnte nicht starten",
    }
    since = "seit {since}"
    no_instance = "unbekannter Instanztyp"
    price = "{hourly} $ pro Stunde"
    so_far = "bisher etwa {cost} $"
    no_price = "Preis unbekannt"
    total = "Zusammen etwa {hourly} $ pro Stunde. Geschätzt mit der Preisliste vom {day}, ohne Speicher."
    undated = "Eine App ohne Preis steht nicht in der Preisliste vom {day}."
    stopped_space = "Der Space `{space}` ist beendet."
    more = "und {number} weitere"
    unread = "Ich kann gerade nicht lesen, was in der Domain `{domain}` läuft. Versuch es in einer Minute erneut."
    stop = "Beenden"
    stop_sure = "Nicht gespeicherte Arbeit geht verloren. Der Space und seine Dateien bleiben."
    start = "Starten"
    stopping = "{app} wird beendet. Der Space und seine Dateien bleiben."
    starting = "{app} startet im Space `{space}`. Ich schicke dir eine Nachricht, sobald alles bereit ist."
    ready = "{app} im Space `{space}` ist bereit."
    not_started = "{app} im Space `{space}` ist nicht gestartet. Versuch es erneut, oder sag es deinen Studio-Admins."
    not_started_why = (
        "{app} im Space `{space}` ist nicht gestartet: {why}. Versuch es erneut, oder sag es deinen Studio-Admins."
    )
    failed = (
        "Es wurde nichts geändert. Versuch es in einer Minute erneut; wenn das nicht hilft, sag es deinen "
        "Studio-Admins."
    )
    refused = (
        "Dieser Bot ist dafür nicht richtig eingerichtet. Sag es deinen Studio-Admins; ein neuer Versuch hilft nicht."
    )
    word_title = "*Läuft noch in Studio*"
    word_note = (
        "Das kostet, bis es beendet wird, ob du es benutzt oder nicht. Ich melde mich höchstens einmal am Tag."
    )
    word_stops = "Wird am {at} beendet, wenn du es nicht behältst: Das haben deine Admins so eingestellt."
    keep_tonight = "Bis heute Abend behalten"
    keep_week = "Eine Woche behalten"
    kept = "Du behältst {app} bis {until}. Bis dahin melde ich mich dazu nicht mehr, und es wird nicht beendet."
    summary_title = "*Was seit {since} in Studio lief*"
    summary_line = "`{domain}`: {hours} Stunden, etwa {cost} $"
    summary_unpriced = "davon {hours} Stunden ohne bekannten Preis"
    listed = "Geschätzt mit der Preisliste vom {day}, ohne Speicher."
    help = "`{command} running` zeigt, was bei dir läuft und was es kostet, und beendet es."
