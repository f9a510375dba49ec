"""German."""

from bot.core.link import Reason
from bot.slack.words.admin_de import GermanAdminWords
from bot.slack.words.en import Words
from bot.slack.words.running_de import GermanRunningWords
from bot.slack.words.workspaces_de import GermanWorkspaceWords


class GermanWords(Words):
    """The same in German."""

    language = "de"
    open_studio = "Studio öffnen"
    open_named = "{alias} öffnen"
    new_link = "Neuer Link"
    try_again = "Erneut versuchen"
    choose = "Auswählen …"
    ready_text = "Dein Link zu SageMaker Studio ist da. Er gilt {lifetime}."
    ready = "*Dein Link zu SageMaker Studio ist da*\nProfil `{profile}` in der Domain `{domain}`{details}"
    space = ", Space `{space}`"
    region = ", Region `{region}`"
    studio_home = "Startseite von Studio"
    ready_note = (
        "Gültig bis {until} · deine Studio-Sitzung dauert {session} · der Link meldet dich an: gib ihn nicht weiter"
    )
    opened = "Geöffnet um {at} · {what}"
    opened_only = "Geöffnet um {at}"
    opened_text = "Du hast SageMaker Studio geöffnet."
    stale = "Dieser Link ist um {until} abgelaufen. Klick auf *Neuer Link* für einen neuen."
    stale_text = "Dieser Link ist abgelaufen."
    waiting = "Dein Link wird erstellt …"
    one_moment = "Einen Moment …"
    choose_text = "Was möchtest du öffnen?"
    choose_note = "Beim nächsten Mal geht es direkt mit `{command} {target}`"
    option = "{alias} ({profile})"
    option_space = "{alias} · Space {space}"
    option_only_space = "Space {space}"
    help_open = "`{command}` gibt dir einen persönlichen Link zu SageMaker Studio. Er gilt {lifetime}."
    help_alias = "`{command} ALIAS` öffnet eines deiner Profile: {aliases}."
    help_app = "`{command} {apps}` öffnet eine App, `{command} space NAME` einen Space."
    help_whoami = "`{command} whoami` zeigt deinen Zugriff und deine letzten Links."
    help_request = "`{command} request` beantragt Zugriff bei deinen Admins."
    running = GermanRunningWords()
    workspaces = GermanWorkspaceWords()
    help_help = "`{command} help` zeigt diese Hilfe."
    written = "Ich antworte nur auf Befehle. Tippe einen davon, hier oder in jeder anderen Unterhaltung."
    not_understood = "`{command}` versteht „{text}“ nicht."
    no_such_alias = "Du hast kein Profil namens „{text}“."
    nearest = "Meintest du {aliases}?"
    who = "Du bist <@{user}>."
    who_ineligible = (
        "Laut Slack bist du hier kein vollwertiges Mitglied und bekommst deshalb keine Studio-Links. "
        "Bitte deine Slack-Admins, dein Konto zu prüfen."
    )
    who_guest = (
        "Du bist hier Gast, und Gäste können Studio nicht öffnen. "
        "Bitte das Mitglied, das dich eingeladen hat, dein Konto ändern zu lassen."
    )
    who_nothing = (
        "Du hast hier noch kein Profil für SageMaker Studio. Bitte deine Studio-Admins, dir eines einzurichten."
    )
    who_mapping = "`{alias}`: Profil `{profile}` in der Domain `{domain}`{details}"
    who_allowed = "Du hast Zugriff auf Studio."
    who_allowed_until = "Du hast Zugriff auf Studio bis {until}."
    who_not_allowed = "Du bist für Studio noch nicht freigeschaltet. Bitte deine Studio-Admins, dich freizuschalten."
    who_denied = "Dein Zugriff auf Studio ist gesperrt. Sprich mit deinen Studio-Admins."
    who_ended = "Dein Zugriff auf Studio ist {until} abgelaufen. Bitte deine Studio-Admins, ihn zu verlängern."
    who_because = "Begründung: „{reason}“."
    who_group = "Freigeschaltet über die Gruppe {group}."
    who_own = "Persönlich freigeschaltet."
    link_asked = "{at} · Auswahl zwischen mehreren Profilen oder Spaces"
    home_open = "Was du öffnen kannst"
    home_request = "Dein Antrag"
    who_links = "*Deine letzten Links*"
    who_no_links = "Du hast noch keine Links angefordert."
    who_links_unknown = "Deine letzten Links lassen sich gerade nicht laden. Versuch es in einer Minute erneut."
    link_issued = "{at} · {alias} · nicht geöffnet"
    link_opened = "{at} · {alias} · geöffnet um {opened}"
    link_undelivered = "{at} · {alias} · kam nicht bei dir an"
    link_refused = "{at} · abgelehnt: {why}"
    link_refused_only = "{at} · abgelehnt"
    link_requested = "{at} · nicht abgeschlossen"
    ask = "Zugriff beantragen"
    extend = "Verlängern"
    begins_later = "Genehmigt · dein Zugriff beginnt {start}"
    requested = "Beantragt · wartet auf deine Studio-Admins"
    withdraw = "Zurückziehen"
    ask_withdrawn = "Du hast deinen Antrag zurückgezogen. Mit `{command} request` stellst du einen neuen."
    ends_soon = "Dein Zugriff endet {until}."
    end_soon = "Dein Zugriff auf SageMaker Studio endet {until}. Brauchst du mehr Zeit, bitte deine Admins darum."
    end_over = (
        "Dein Zugriff auf SageMaker Studio ist {until} abgelaufen. Brauchst du ihn noch, bitte deine Admins darum."
    )
    return_access = "Zugriff zurückgeben"
    return_submit = "Zurückgeben"
    return_sure = "Dein eigener Zugriff auf SageMaker Studio bis {until} endet jetzt."
    return_sure_open = "Dein eigener, unbefristeter Zugriff auf SageMaker Studio endet jetzt."
    return_group = "Den Zugriff über die Gruppe {group} behältst du."
    return_unsure = "Vielleicht hast du auch über eine Gruppe Zugriff; Slack kann das gerade nicht bestätigen."
    return_note = (
        "Dein Profil und deine Dateien bleiben erhalten. Mit `{command} request` beantragst du wieder Zugriff."
    )
    return_running = "Das läuft weiter und kostet Geld, bis du es mit `{command} running` beendest: {apps}"
    return_nothing = "Du hast keinen eigenen Zugriff, den du zurückgeben kannst."
    return_failed = (
        "Es wurde nichts geändert. Versuch es in einer Minute erneut; wenn das nicht hilft, sag es deinen "
        "Studio-Admins."
    )
    returned = (
        "Du hast deinen eigenen Zugriff auf SageMaker Studio zurückgegeben. Mit `{command} request` beantragst du "
        "ihn wieder."
    )
    help_return = "`{command} return` gibt deinen eigenen Zugriff zurück, bevor er endet."
    ask_wish = "Welches Profil oder welche Domain brauchst du?"
    ask_reason = "Wofür brauchst du es?"
    ask_reason_missing = "Schreib kurz, wofür du es brauchst."
    ask_ticket_missing = "Nenne ein Ticket, zum Beispiel {example}."
    ask_days = "Für wie lange?"
    ask_start = "Ab wann? Leer heißt sofort; höchstens {days} Tage im Voraus"
    ask_start_bad = "Wähle heute oder einen der nächsten {days} Tage, oder lass das Datum leer."
    no_end_date = "Unbefristet"
    send = "Senden"
    ask_sent = "Dein Antrag ist bei deinen Studio-Admins. Ich melde mich, sobald darüber entschieden ist."
    ask_joined = "Du hast schon einen Antrag gestellt, {at}. Ich melde mich, sobald darüber entschieden ist."
    ask_was_approved = "Dieser Antrag wurde genehmigt, {at}. Für etwas anderes stell einen neuen."
    ask_was_denied = "Dieser Antrag wurde abgelehnt, {at}. Sprich mit deinen Studio-Admins oder stell einen neuen."
    ask_was_withdrawn = "Dieser Antrag wurde zurückgezogen. Stell einen neuen oder frag deine Studio-Admins."
    ask_ran_out = "Dieser Antrag ist abgelaufen. Stell einen neuen."
    ask_nobody = "Ich konnte hier niemanden erreichen, der über deinen Antrag entscheidet. Frag deine Studio-Admins."
    ask_failed = (
        "Dein Antrag konnte nicht gespeichert werden. "
        "Versuch es in einer Minute erneut; wenn das nicht hilft, sag es deinen Studio-Admins."
    )
    asked = "<@{user}> beantragt Zugriff auf SageMaker Studio"
    asked_wish = "Was: {wish}"
    asked_reason = "Wofür: {reason}"
    asked_days = "Wie lange: {days}"
    asked_start = "Ab: {start}"
    asked_until = "Entscheidung möglich bis {until}"
    asked_since = "Seit {at} hat niemand entschieden."
    asked_below = "Ich habe weiter unten noch einmal gefragt."
    reminder = "Erinnerung: <@{user}> beantragt Zugriff auf SageMaker Studio"
    ran_out = (
        "Über deinen Antrag vom {at} hat niemand rechtzeitig entschieden, deshalb ist er abgelaufen. "
        "Stell ihn noch einmal oder sprich mit deinen Studio-Admins."
    )
    approve = "Genehmigen"
    deny = "Ablehnen"
    deny_title = "Zugriff ablehnen"
    deny_reason = "Warum? Das Mitglied sieht deine Begründung."
    reason_not_sent = "Deine Begründung wurde nicht gesendet:"
    cancel = "Abbrechen"
    approve_title = "Zugriff genehmigen"
    approve_domain = "SageMaker-Domain"
    approve_profile = "SageMaker-Profil"
    ineligible = (
        "Laut Slack ist dieses Konto ein Gast oder inaktiv und könnte den Zugriff nicht nutzen. Lehn den Antrag ab."
    )
    locked_down = (
        "Studio-Links sind gerade für alle abgeschaltet. "
        "Genehmige, sobald sie wieder an sind, oder lehn den Antrag ab."
    )
    approve_alias = "Alias"
    approve_note = (
        "Lass alle drei leer, wenn das Mitglied kein neues Profil braucht. Ohne Angabe ist der Alias „default“."
    )
    approved_so_far = "*{number} von {needed}* Genehmigungen: {names}"
    endorsed = "Deine Genehmigung zählt. Für den Zugriff müssen noch andere Admins genehmigen."
    had_owner = (
        "Dieses Profil hat schon jemand anderem gehört. Um es weiterzugeben, müssen zwei Admins zustimmen: Ordne es "
        "mit `{command} admin map` zu und genehmige den Antrag danach."
    )
    alias_in_use = (
        "Dieses Mitglied verwendet diesen Alias schon für ein anderes Profil. "
        "Klick erneut auf *Genehmigen* und wähle einen anderen Alias."
    )
    unreadable = (
        "Ein Eintrag dieses Mitglieds ist nicht lesbar, deshalb könnte es den Zugriff nicht nutzen. "
        "Entferne ihn mit `{command} admin forget` und genehmige dann."
    )
    approve_needs = (
        "Dieses Mitglied hat noch kein Profil. Klick erneut auf *Genehmigen* und gib Domain und Profil an."
    )
    form_failed = "Slack hat das Formular nicht rechtzeitig geöffnet. Versuch es erneut."
    approved = "Genehmigt von {by}, {at}"
    begins = "Zugriff beginnt {start}"
    not_begun = "Genehmigt, aber der Zugriff konnte nicht beginnen, {at}. `{command} admin history` nennt den Grund."
    denied = "Abgelehnt von {by}, {at}"
    withdrawn = "Zurückgezogen von {by}, {at}"
    undecided = "Ohne Entscheidung abgelaufen, {at}"
    only_admins = (
        "Nur Studio-Admins können über Anträge entscheiden. Es wurde nichts geändert; frag jemanden von ihnen."
    )
    only_approvers = (
        "Über diesen Antrag entscheiden nach einer Regel andere. "
        "Es wurde nichts geändert; `{command} admin explain` zeigt, wer."
    )
    approval_needs_ticket = (
        "Eine Regel verlangt eine Ticketnummer in der Begründung, und diese hat keine. "
        "Lehne den Antrag ab und lass ihn neu stellen."
    )
    profile_gone = (
        "Das Profil, das diesem Mitglied zugeordnet ist, gibt es in SageMaker nicht mehr. "
        "Genehmige mit einem anderen Profil und einem anderen Alias, oder lehn den Antrag mit einer Begründung ab."
    )
    not_your_own = (
        "Über deinen eigenen Antrag kannst du nicht entscheiden. "
        "Es wurde nichts geändert; frag jemand anderen aus dem Admin-Team."
    )
    request_closed = (
        "Dieser Antrag ist abgelaufen oder wurde durch einen neueren ersetzt. "
        "Such den neueren oder bitte das Mitglied um einen neuen."
    )
    deny_rule_remains = (
        "Dieses Mitglied ist durch eine Regel gesperrt, die Vorrang vor der Genehmigung hat. "
        "Entferne sie mit `{command} admin forget` und genehmige dann."
    )
    bad_domain = (
        "Das ist keine ID einer SageMaker-Domain. IDs sehen aus wie d-abc123: kopier sie aus der SageMaker-Konsole."
    )
    bad_profile = (
        "Das ist kein Name eines SageMaker-Profils: Namen haben 1 bis 63 Buchstaben, Ziffern und "
        "Bindestriche (nicht am Rand). Kopier ihn aus der SageMaker-Konsole."
    )
    bad_alias = (
        "Wähle einen anderen Alias: 1 bis 32 Kleinbuchstaben, Ziffern und Bindestriche, "
        "aber kein Wort des Befehls selbst."
    )
    decision_failed = "Das hat nicht geklappt."
    failures = {
        Reason.DOMAIN_MISSING: "In SageMaker gibt es hier keine solche Domain. "
        "Klick erneut auf *Genehmigen* und korrigiere die ID.",
        Reason.DOMAIN_NOT_READY: "Diese Domain ist nicht in Betrieb. "
        "Bleibt das ein paar Minuten so, reparier sie in der SageMaker-Konsole.",
        Reason.DOMAIN_SSO: "In dieser Domain läuft die Anmeldung über IAM Identity Center, dort funktionieren keine "
        "Links. Klick erneut auf *Genehmigen* und gib eine andere Domain an oder lehn den Antrag ab.",
        Reason.PROFILE_MISSING: "In dieser Domain gibt es kein solches SageMaker-Profil. "
        "Klick erneut auf *Genehmigen* und korrigiere den Namen.",
        Reason.PROFILE_NOT_READY: "Dieses Profil ist nicht in Betrieb. "
        "Bleibt das ein paar Minuten so, reparier es in der SageMaker-Konsole.",
        Reason.AWS_REFUSED: "Der Bot darf diese Domain oder dieses Profil in AWS nicht lesen. "
        "Prüf ID und Name, dann die Rolle des Bots.",
        Reason.AWS_THROTTLED: "AWS drosselt gerade die Anfragen. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNREACHABLE: "AWS ist gerade nicht erreichbar. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNEXPECTED: "AWS hat etwas geantwortet, das dieser Bot nicht versteht. "
        "Versuch es erneut; wenn das nicht hilft, schau ins Log des Bots.",
        Reason.STORE_UNREACHABLE: "Die Tabellen sind gerade nicht erreichbar. "
        "Versuch es in einer Minute erneut; wenn das nicht hilft, sieh im Log des Bots nach.",
        Reason.STORE_THROTTLED: "Die Tabellen sind gerade überlastet. Warte eine Minute und versuch es dann erneut.",
        Reason.STORE_REFUSED: "Der Bot darf nicht in seine Tabellen schreiben. "
        "Lass seine Rolle prüfen: Welche Rechte sie für Anträge braucht, steht in docs/INSTALL.md.",
        Reason.STORE_UNREADABLE: "Ein gespeicherter Eintrag ist nicht lesbar. Welcher, steht im Log des Bots.",
        Reason.SLACK_UNREACHABLE: "Slack konnte nicht sagen, wer das Mitglied ist. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.SLACK_REFUSED: "Der Bot darf das Mitglied in Slack nicht abfragen. "
        "Lass die Berechtigungen (Scopes) der App prüfen.",
    }
    profile_in_use = (
        "Dieses Profil gehört schon einem anderen Mitglied. "
        "Klick erneut auf *Genehmigen* und gib ein anderes an oder verschiebe es mit `map`; dem müssen zwei Admins "
        "zustimmen."
    )
    changed_meanwhile = "Jemand hat gleichzeitig dieselben Einträge geändert. Prüf sie und versuch es dann erneut."
    failed_otherwise = "Versuch es erneut; wenn das nicht hilft, schau ins Log des Bots."
    granted = "Du kannst SageMaker Studio jetzt öffnen."
    granted_later = "Dein Antrag wurde genehmigt. Dein Zugriff auf SageMaker Studio beginnt {start}."
    granted_until = "Diese Genehmigung gilt bis {until}."
    granted_open = "Diese Genehmigung ist unbefristet."
    could_not_begin = (
        "Dein Zugriff auf SageMaker Studio wurde genehmigt, konnte aber nicht beginnen. "
        "Frag deine Studio-Admins oder stell einen neuen Antrag."
    )
    denied_because = "Begründung: {reason}"
    turned_down = "Dein Antrag auf Zugriff auf SageMaker Studio wurde abgelehnt. Sprich mit deinen Studio-Admins."
    sso_address = "Melde dich stattdessen hier an: {address}"
    sso_no_address = "Frag deine Studio-Admins nach der Adresse."
    admin = GermanAdminWords()
    refusals = {
        Reason.NOT_A_MEMBER: "Studio-Links gibt es nur für vollwertige Mitglieder dieses Workspace. "
        "Wenn du eines bist, bitte deine Slack-Admins, dein Konto zu prüfen.",
        Reason.GUEST: "Gäste können SageMaker Studio nicht aus Slack öffnen. "
        "Bitte das Mitglied, das dich eingeladen hat, dein Konto ändern zu lassen.",
        Reason.LOCKDOWN: "Studio-Links sind hier gerade für alle abgeschaltet: „{notice}“. "
        "Warte auf Neuigkeiten von deinen Studio-Admins.",
        Reason.DENIED: "Dein Zugriff auf SageMaker Studio ist gesperrt. Sprich mit deinen Studio-Admins.",
        Reason.NOT_MAPPED: "Du hast hier noch kein Profil für SageMaker Studio. "
        "Bitte deine Studio-Admins, dir eines einzurichten.",
        Reason.NOT_ALLOWED: "Du hast ein Studio-Profil, bist aber noch nicht freigeschaltet. "
        "Bitte deine Studio-Admins, dich freizuschalten.",
        Reason.GRANT_EXPIRED: "Dein Zugriff auf SageMaker Studio ist abgelaufen. "
        "Bitte deine Studio-Admins, ihn zu verlängern.",
        Reason.GROUP_UNCONFIRMED: "Slack konnte nicht bestätigen, in welchen Gruppen du bist, deshalb habe ich "
        "keinen Link erstellt. Versuch es in einer Minute erneut; wenn das nicht hilft, sag es deinen Studio-Admins.",
        Reason.CHOOSE: "Du hast mehrere Studio-Profile. Nenne das, das du öffnen möchtest.",
        Reason.TOO_MANY_REQUESTS: "Das waren zu viele Anfragen in einer Minute. Versuch es {when} erneut.",
        Reason.TOO_MANY: "Das waren zu viele Links in einer Minute. Versuch es {when} erneut.",
        Reason.DOMAIN_MISSING: "Die Studio-Domain, die dir zugeordnet ist, gibt es nicht mehr. "
        "Bitte deine Studio-Admins, die Zuordnung zu korrigieren.",
        Reason.DOMAIN_NOT_READY: "Deine Studio-Domain ist nicht bereit. "
        "Versuch es in ein paar Minuten erneut; wenn das nicht hilft, sag es deinen Studio-Admins.",
        Reason.DOMAIN_SSO: "In deiner Studio-Domain läuft die Anmeldung über IAM Identity Center, nicht über Links. "
        "{address}",
        Reason.PROFILE_MISSING: "Dein Studio-Profil gibt es nicht mehr. "
        "Bitte deine Studio-Admins, die Zuordnung zu korrigieren.",
        Reason.PROFILE_NOT_READY: "Dein Studio-Profil ist noch nicht bereit. "
        "Versuch es in ein paar Minuten erneut; wenn das nicht hilft, sag es deinen Studio-Admins.",
        Reason.SPACE_MISSING: "Du hast keinen Zugriff auf einen Studio-Space dieses Namens: "
        "Er muss geteilt sein oder dir gehören. "
        "Nenne einen anderen oder bitte deine Studio-Admins, die Zuordnung zu korrigieren.",
        Reason.SPACE_NOT_YOURS: "Du hast keinen Zugriff auf einen Studio-Space dieses Namens: "
        "Er muss geteilt sein oder dir gehören. "
        "Nenne einen anderen oder bitte deine Studio-Admins, die Zuordnung zu korrigieren.",
        Reason.AWS_REFUSED: "Der Bot ist für AWS nicht richtig eingerichtet, deshalb habe ich keinen Link erstellt. "
        "Sag es deinen Studio-Admins; ein neuer Versuch hilft nicht.",
        Reason.AWS_THROTTLED: "AWS drosselt gerade die Anfragen. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNREACHABLE: "AWS ist gerade nicht erreichbar. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNEXPECTED: "AWS hat etwas geantwortet, das dieser Bot nicht versteht. "
        "Versuch es erneut; wenn das nicht hilft, sag es deinen Studio-Admins.",
        Reason.LINK_HOST_UNKNOWN: "AWS hat einen Link zu einer Adresse geschickt, die dieser Bot nicht kennt, "
        "deshalb bekommst du ihn nicht. Sag es deinen Studio-Admins; ein neuer Versuch hilft nicht.",
        Reason.APP_GONE: "Diese App ist schon beendet. Tippe `{command} running`, um zu sehen, was noch läuft.",
        Reason.APP_NOT_YOURS: "Diese App gehört dir nicht, deshalb wurde nichts beendet. Frag die Person, der sie "
        "gehört, oder deine Studio-Admins.",
        Reason.APP_NOT_READY: "Diese App startet gerade oder wird beendet. Warte eine Minute und versuch es dann "
        "erneut.",
        Reason.APP_RUNNING: "In diesem Space läuft schon etwas. Tippe `{command} running`, um es zu sehen.",
        Reason.APP_UNKNOWN: "In diesem Space kann ich keine App starten. Tippe `{command}`, um Studio zu öffnen, und "
        "starte sie dort.",
        Reason.APP_QUOTA: "Euer AWS-Konto hat die Grenze für solche Instanzen erreicht. "
        "Beende eine andere App oder bitte deine Studio-Admins um eine höhere Grenze.",
        Reason.STORE_UNREACHABLE: "Die Zugriffsliste ist gerade nicht erreichbar, deshalb habe ich keinen "
        "Link erstellt. Versuch es in einer Minute erneut; wenn das nicht hilft, sag es deinen Studio-Admins.",
        Reason.STORE_THROTTLED: "Die Zugriffsliste ist gerade überlastet. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.STORE_REFUSED: "Der Bot kann seine Zugriffsliste nicht lesen, weil er nicht richtig eingerichtet ist. "
        "Sag es deinen Studio-Admins; ein neuer Versuch hilft nicht.",
        Reason.STORE_UNREADABLE: "Dein Eintrag ist nicht lesbar, deshalb habe ich keinen Link erstellt. "
        "Bitte deine Studio-Admins, ihn neu anzulegen.",
        Reason.NOT_RECORDED: "Deine Anfrage konnte nicht protokolliert werden, deshalb habe ich keinen "
        "Link erstellt. Versuch es in einer Minute erneut; wenn das nicht hilft, sag es deinen Studio-Admins.",
        Reason.SLACK_UNREACHABLE: "Slack konnte nicht bestätigen, wer du bist. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.SLACK_REFUSED: "Der Bot kann Slack nicht nach dir fragen, weil er nicht richtig eingerichtet ist. "
        "Sag es deinen Studio-Admins; ein neuer Versuch hilft nicht.",
        Reason.BUSY: "Gerade fordern viele gleichzeitig Links an. "
        "Warte ein paar Sekunden und versuch es dann erneut.",
        Reason.TOO_LATE: "Das hat zu lange gedauert, deshalb habe ich keinen Link erstellt. Versuch es erneut.",
        Reason.NOT_READY: "Der Bot startet noch. Warte eine Minute und versuch es dann erneut.",
        Reason.FOREIGN: "Studio-Links sind für diesen Workspace nicht eingerichtet. "
        "Nutze sie in dem Workspace, zu dem sie gehören.",
        Reason.TRIGGER_EXPIRED: "Slack öffnet Dialoge nur innerhalb von drei Sekunden, und es hat länger gedauert. "
        "Versuch es noch einmal oder tippe `{command}`.",
        Reason.STALE_BUTTON: "Dieser Button funktioniert nicht mehr. Tippe `{command}` für einen neuen Link.",
        Reason.NOT_AN_ADMIN: "Das können nur deine Studio-Admins; es wurde nichts geändert. "
        "Frag sie oder tippe `{command} help`, um zu sehen, was du selbst tun kannst.",
        Reason.INTERNAL: "Bei uns ist etwas schiefgegangen, deshalb habe ich keinen Link erstellt. "
        "Versuch es erneut; wenn das nicht hilft, sag es deinen Studio-Admins.",
    }
    at_time = "um {at}"
    in_a_minute = "in einer Minute"
    day = ("Tag", "Tage")
    hour = ("Stunde", "Stunden")
    minute = ("Minute", "Minuten")
    second = ("Sekunde", "Sekunden")
