"""German, for administrators."""

from bot.admin.commands import OFF, ON, Problem
from bot.admin.names import NameProblem
from bot.admin.notices import News
from bot.admin.results import NotDoneReason
from bot.admin.specs import Name, Verb
from bot.core.access import Effect
from bot.core.link import Reason
from bot.slack.words.admin_en import AdminWords


class GermanAdminWords(AdminWords):
    """The same in German."""

    help_admin = (
        "`{command} admin` öffnet ein Formular für die Zugriffsverwaltung; `{command} admin help` zeigt die "
        "Textbefehle."
    )
    working = "Einen Moment …"
    choose = "Was möchtest du tun?"
    another = "Etwas anderes"
    send = "Weiter"
    verbs = {
        Verb.MAP: "Profil zuordnen",
        Verb.UNMAP: "Zuordnung entfernen",
        Verb.ALLOW: "Freischalten",
        Verb.DENY: "Sperren",
        Verb.FORGET: "Regeln entfernen",
        Verb.SHOW: "Mitglied anzeigen",
        Verb.LIST: "Alle auflisten",
        Verb.HISTORY: "Verlauf",
        Verb.EXPLAIN: "Entscheidung erklären",
        Verb.RUNNING: "Was in Studio läuft",
        Verb.LOCKDOWN: "Notabschaltung",
        Verb.OFFBOARD: "Austragen",
        Verb.REQUESTS: "Anträge",
        Verb.APPROVE: "Antrag genehmigen",
        Verb.DECLINE: "Antrag ablehnen",
    }
    labels = {
        Name.USER: "Mitglied",
        Name.DOMAIN: "SageMaker-Domain",
        Name.PROFILE: "SageMaker-Profil",
        Name.ALIAS: "Alias",
        Name.REGION: "Region (falls abweichend)",
        Name.ROLE_ARN: "Zu übernehmende Rolle",
        Name.SPACE: "Space",
        Name.LANDING: "Startseite",
        Name.SESSION_SECONDS: "Sitzungsdauer (Stunden)",
        Name.UNTIL: "Bis einschließlich (UTC)",
        Name.REASON: "Begründung",
        Name.SINCE: "Seit",
        Name.BY: "Durchgeführt von",
        Name.APPROVER: "Genehmigt von",
        Name.OUTCOME: "Ergebnis",
        Name.DAY: "Tag (UTC)",
        Name.OVER: "Läuft seit mindestens",
        Name.STATE: "Links",
        Name.SEARCH: "Name, Adresse, ID oder Profil",
        Name.GROUP: "In der Nutzergruppe",
        Name.EXPIRING: "Zugriff endet in (z. B. 14d)",
        Name.UNUSED: "Kein Link seit (z. B. 60d)",
        Name.BROKEN: "Was nicht funktionieren kann",
        Name.DENIED: "Gesperrt",
        Name.KEEP_FILES: "Spaces und Dateien behalten",
        Name.OPEN: "Noch offen",
        Name.NO_RULE: "Zugeordnet, aber nicht freigeschaltet",
    }
    states = {ON: "Für alle abschalten", OFF: "Wieder einschalten"}
    must = {
        Name.USER: "ein Mitglied aus Slacks Liste, eine E-Mail-Adresse, ein Nutzername oder eine ID mit U oder W",
        Name.DOMAIN: "die ID einer SageMaker-Domain, z. B. d-abc123",
        Name.PROFILE: "1 bis 63 Buchstaben, Ziffern und Bindestriche (nicht am Rand)",
        Name.ALIAS: "1 bis 32 Kleinbuchstaben, Ziffern und Bindestriche, aber kein Wort des Befehls selbst",
        Name.REGION: "eine AWS-Region, z. B. eu-west-1",
        Name.ROLE_ARN: "die ARN einer IAM-Rolle",
        Name.SPACE: "1 bis 63 Buchstaben, Ziffern und Bindestriche (nicht am Rand)",
        Name.LANDING: "eine App (lab, code, canvas, rstudio, home) oder eine Startseite, z. B. app:JupyterLab:",
        Name.SESSION_SECONDS: "30m bis 12h oder eine ganze Zahl von 1800 bis 43200",
        Name.UNTIL: "ein Zeitpunkt, z. B. 8h, 30d oder 2026-12-31",
        Name.REASON: "höchstens 500 Zeichen",
        Name.SINCE: "ein Zeitpunkt, z. B. 8h, 30d oder 2026-01-31",
        Name.BY: "ein Mitglied aus Slacks Liste, eine E-Mail-Adresse, ein Nutzername oder eine ID mit U oder W",
        Name.APPROVER: "ein Mitglied aus Slacks Liste, eine E-Mail-Adresse, ein Nutzername oder eine ID mit U oder W",
        Name.OUTCOME: "ein Ergebnis aus dem Audit, z. B. issued, done oder not_allowed",
        Name.DAY: "ein Tag, z. B. 2026-01-31",
        Name.OVER: "eine Zeitspanne wie 12h oder 3d",
        Name.STATE: "on oder off",
        Name.SEARCH: "höchstens 80 Zeichen",
        Name.GROUP: "eine Nutzergruppe aus Slacks Liste oder eine ID, die mit S beginnt",
        Name.EXPIRING: "eine Zeitspanne, z. B. 8h oder 14d",
        Name.UNUSED: "eine Zeitspanne, z. B. 30d oder 60d",
        Name.BROKEN: "ohne Wert angegeben",
        Name.DENIED: "ohne Wert angegeben",
        Name.OPEN: "ohne Wert angegeben",
        Name.NO_RULE: "ohne Wert angegeben",
        Name.KEEP_FILES: "ohne Wert angegeben",
    }
    must_with_group = (
        "ein Mitglied oder eine Nutzergruppe aus Slacks Liste, eine E-Mail-Adresse, ein Nutzername oder eine ID "
        "mit U, W oder S"
    )
    must_group = "die ID einer Nutzergruppe, die mit S beginnt"
    must_be = "Erwartet wird: {must}."
    or_group = "Oder eine Nutzergruppe"
    pick = "Wählen oder tippen"
    pick_states = ("frei", "vergeben")
    pick_new = "{name} — gibt es noch nicht"
    pick_typed = "{name} — wie eingegeben"
    pick_disabled = "deaktiviert"
    pick_late = "Die Liste ist gerade nicht verfügbar. Gib den ganzen Namen ein."
    pick_more = "Es gibt noch mehr. Tippe weiter."
    pick_domain_first = "Wähle zuerst die Domain, oder gib den ganzen Namen ein."
    pick_profile_first = "Wähle zuerst das Profil, oder gib den ganzen Namen ein."
    one_of_both = "Gib ein Mitglied oder eine Nutzergruppe an, nicht beides."
    problems = {
        Problem.UNKNOWN_VERB: "`{value}` kenne ich nicht. Es wurde nichts geändert.",
        Problem.UNKNOWN_OPTION: "`--{field}` kenne ich hier nicht. Es wurde nichts geändert.",
        Problem.TWICE: "`{field}` kommt doppelt vor. Es wurde nichts geändert.",
        Problem.NO_VALUE: "`--{field}` braucht einen Wert. Es wurde nichts geändert.",
        Problem.MISSING: "`{field}` fehlt. Erwartet wird: {must}. Es wurde nichts geändert.",
        Problem.TOO_MUCH: "`{value}` verstehe ich hier nicht. Es wurde nichts geändert. "
        "Setz Werte mit Leerzeichen in Anführungszeichen.",
        Problem.BAD_VALUE: "`{value}` ist kein gültiger Wert für `{field}`. Erwartet wird: {must}. "
        "Es wurde nichts geändert.",
        Problem.OPEN_QUOTE: "Das Anführungszeichen bei `{value}` wird nicht geschlossen. Es wurde nichts geändert.",
        Problem.EXCLUSIVE: "Gib „Seit“ (`--since`) oder „Tag“ (`--day`) an, nicht beides. Es wurde nichts geändert.",
    }
    unclear_names = {
        NameProblem.NOBODY: "Kein aktives Konto dieses Workspaces hat `{value}`. Es wurde nichts geändert. "
        "Wähle das Mitglied aus der Liste, die Slack beim Tippen zeigt, oder gib die ID an.",
        NameProblem.SEVERAL: "`{value}` kann {candidates} sein. Es wurde nichts geändert. "
        "Gib die ID oder die E-Mail-Adresse der richtigen Person an.",
        NameProblem.NO_MEMBER: "`{value}` ist {candidates}, kein volles Mitglied dieses Workspaces. "
        "Es wurde nichts geändert. Gib die ID an, wenn du dieses Konto meinst.",
    }
    example = "Zum Beispiel: `{command} admin {example}`"
    questions = {
        Verb.MAP: "*Zuordnung `{alias}` von {user} ersetzen?*",
        Verb.UNMAP: "*Diese Zuordnung von {user} entfernen?*",
        Verb.ALLOW: "*Zugriff von {user} verkürzen?*",
        Verb.DENY: "*{user} sperren?* Das hat Vorrang vor jeder Freischaltung.",
        Verb.FORGET: "*Alle Regeln für {user} entfernen?* Ohne Freischaltung gibt es keinen Zugriff.",
        Verb.OFFBOARD: "*{user} austragen?* Das sperrt das Mitglied und löscht, was hier noch zu tun ist, samt "
        "Dateien.",
        Verb.LOCKDOWN: "*Links für alle in diesem Workspace abschalten?* Das gilt auch für dich und die anderen "
        "Admins.",
    }
    ended_question = "*Für {user} eine Regel setzen, die schon abgelaufen ist?* Sie hat keine Wirkung."
    affected = "Jetzt: {what}"
    after = "Danach: {what}"
    members_read = "Die Mitglieder sehen: „{reason}“"
    oneself = (
        ":warning: *Das bist du selbst.* Du verlierst deinen eigenen Zugriff, und vielleicht kann ihn nur ein "
        "anderer Admin wiederherstellen."
    )
    group = "Das betrifft alle in der Nutzergruppe, auch dich, wenn du dazugehörst."
    confirm_within = (
        "Noch ist nichts geändert. Du kannst zehn Minuten lang bestätigen, solange niemand anderes hier etwas ändert."
    )
    confirm = "Bestätigen"
    leave = "Abbrechen"
    not_done = {
        NotDoneReason.EXPIRED: "Dieser Button funktioniert nicht mehr. Es wurde nichts geändert. "
        "Gib den Befehl erneut ein.",
        NotDoneReason.CANCELLED: "Abgebrochen. Es wurde nichts geändert.",
        NotDoneReason.NO_MAPPING: "Wähle mit `--alias` eine Zuordnung von {user} aus. Es wurde nichts geändert.",
        NotDoneReason.NO_RULE: "Für {user} gibt es keine Regeln.",
        NotDoneReason.NO_SECOND: "Dem müsste noch jemand von den Admins zustimmen, aber dafür gibt es niemanden. "
        "Es wurde nichts geändert. Nutze die Shell oder lass weitere Admins benennen.",
        NotDoneReason.OWN_REQUEST: "Darüber müssen andere Admins entscheiden: nicht, wer gefragt hat, und nicht, wer "
        "das Profil bekommt. Es wurde nichts geändert. Frag andere Admins oder nutze die Shell.",
        NotDoneReason.DECLINED: "Abgelehnt. Es wurde nichts geändert.",
        NotDoneReason.DECIDED: "Darüber ist schon entschieden, der Tag dafür ist vorbei, oder wer gefragt hat, ist "
        "nicht mehr Admin. Es wurde nichts geändert. Gib den Befehl erneut ein, wenn du es jetzt ändern willst.",
        NotDoneReason.NOBODY_REACHED: "Ich konnte in Slack keine anderen Admins erreichen. Es wurde nichts geändert. "
        "Versuch es erneut oder nutze die Shell.",
        NotDoneReason.ADMINISTRATOR: "{user} steht in `STUDIO_ADMINS` oder ist als einzige Person Admin. Es wurde "
        "nichts geändert. Ernenne zuerst jemand anderen, und nimm die ID aus den Einstellungen.",
        NotDoneReason.UNDER_WAY: "{user} wird schon ausgetragen. Es wurde nichts geändert. Warte auf den Bericht.",
        NotDoneReason.OWN_ACCESS: "Du kannst dir nicht selbst Zugriff geben oder dich zum einzigen Admin machen. "
        "Es wurde nichts geändert. Bitte andere Admins darum oder nutze die Shell.",
    }
    has = "{user} hat: {aliases}."
    has_nothing = "{user} hat keine Zuordnungen."
    changed = (
        "Das hat inzwischen jemand anderes geändert. Es wurde nichts geändert. Sieh es dir an und gib den Befehl "
        "dann erneut ein."
    )
    failed = "Es wurde nichts geändert: {why}"
    done = {
        Verb.MAP: "{user} hat jetzt {what}",
        Verb.UNMAP: "{user} hat nicht mehr {what}",
        Verb.ALLOW: "{user} hat jetzt Zugriff: {what}",
        Verb.DENY: "{user} ist jetzt gesperrt: {what}",
        Verb.FORGET: "Regeln für {user} entfernt:",
        Verb.LOCKDOWN: "Links sind für alle abgeschaltet: {what}",
        Verb.OFFBOARD: "{user} ist gesperrt, der Workspace wird entfernt. Ich berichte hier, wenn das fertig ist.",
    }
    obstacles = {
        Reason.DENIED: "{user} bleibt gesperrt: Eine Sperre hat Vorrang vor jeder Freischaltung.",
        Reason.LOCKDOWN: "{user} bekommt keine Links, solange die Links für alle gestoppt sind.",
        Reason.STORE_UNREADABLE: "{user} wird weiterhin abgewiesen: Ein Eintrag ist nicht lesbar.",
        Reason.GROUP_UNCONFIRMED: "{user} ist möglicherweise weiterhin gesperrt: durch die Sperre einer Gruppe.",
        Reason.NOT_MAPPED: "{user} hat jetzt Zugriff, aber noch kein Profil zum Öffnen.",
    }
    rule_set = "Regel: {what}"
    done_ended = "Die Regel für {user} ist schon abgelaufen und hat keine Wirkung: {what}"
    unlocked = "Notabschaltung aufgehoben (vorher: {what})."
    no_lockdown = "Notabschaltung ist nicht aktiv"
    same = "Nichts zu ändern: {what}"
    before = "Vorher: {what}"
    mapping = "`{alias}`: Profil `{profile}` in der Domain `{domain}`"
    mapping_space = "Space `{space}`"
    mapping_region = "Region {region}"
    mapping_landing = "öffnet `{landing}`"
    mapping_role = "als `{role}`"
    mapping_seconds = "für {time}"
    rules = {Effect.ALLOW: "freigeschaltet", Effect.DENY: "gesperrt", Effect.ADMIN: "Admin"}
    rule_until = "bis {until}"
    rule_ended = "abgelaufen {until}"
    rule_reason = "`{reason}`"
    rule_by = "gesetzt von {by}"
    unreadable = "`{record}` ist nicht lesbar; `forget` entfernt es"
    about = "*Gespeichert über {user}*"
    members = "*Alle mit einer Zuordnung oder einer Regel*"
    found = "*Passende Mitglieder*"
    ending_by = "*Zugriffe, die bis {until} enden*"
    no_request = "{user} hat keinen offenen Antrag. Es wurde nichts geändert."
    no_requests = "Es gibt keine offenen Anträge."
    open_requests = "*Offene Anträge: {number}*"
    home = "Administration"
    find = "Mitglied suchen"
    search = "Suchen"
    everything = "Alle Befehle"
    lockdown_off = "Mitglieder bekommen Links: Die Notabschaltung ist aus."
    switch = "Ändern"
    ending = "*Zugriffe, die in zwei Wochen enden: {number}*"
    none_ending = "In den nächsten zwei Wochen endet kein Zugriff."
    extend = "Verlängern"
    home_failed = "Ich konnte deine offenen Aufgaben nicht laden: {why}"
    looked_at = "Ich habe nur {number} Mitglieder geprüft. Alle zeigt: `{command} admin {text}`"
    more_in = "Mehr: `{command} admin {text}`"
    administrators = "*Wer administriert:* {names}"
    counts = "{first} bis {last} von {number}"
    nobody_fits = "Das trifft auf niemanden zu."
    access = {
        "until": "kann Studio bis {until} öffnen {through}",
        "always": "kann Studio unbefristet öffnen {through}",
        "own": "(eigene Regel)",
        "group": "(über {group})",
        Reason.DENIED: "ist gesperrt",
        Reason.NOT_MAPPED: "hat nichts zu öffnen",
        Reason.NOT_ALLOWED: "ist durch keine Regel freigeschaltet",
        Reason.GRANT_EXPIRED: "hatte Zugriff; er ist abgelaufen",
        Reason.GUEST: "ist Gast",
        Reason.NOT_A_MEMBER: "ist kein volles, aktives Mitglied",
        Reason.STORE_UNREADABLE: "wird abgelehnt: Ein Eintrag ist nicht lesbar",
        Reason.GROUP_UNCONFIRMED: "hängt von einer Nutzergruppe ab, die Slack nicht bestätigt hat",
    }
    nobody = "Es ist nichts gespeichert."
    and_more = "und {number} weitere: `{command} admin show {user}`"
    entries = "*Verlauf*, neueste zuerst"
    no_entries = "Keine passenden Einträge."
    searched_to = "Durchsucht bis {at}. Davor kann es weitere Einträge geben."
    on_request = "*Bei einem Antrag*"
    approval_rules = {
        "rule": "Regel {name}",
        "no_rule": "Keine Regel",
        "domain": "Domain {names}",
        "profile": "Profil {names}",
        "group": "Mitglieder von {names}",
        "admins": "der Administration",
        "approve": "genehmigt von {names}",
        "fallback": ", oder von {names}, wenn sonst niemand antwortet",
        "needed": "Es sind {number} Genehmigungen nötig.",
        "day": "Der Zugriff gilt höchstens einen Tag.",
        "days": "Der Zugriff gilt höchstens {number} Tage.",
        "no_limit": "Die Dauer ist nicht begrenzt.",
        "ticket": "Die Begründung muss ein Ticket wie {example} nennen.",
        "automatic": "{who}, die {days} beantragen, bekommen sofort bis zu {hours}, ohne Genehmigung.",
        "one_day": "einen Tag",
        "several_days": "höchstens {number} Tage",
        "members_of": "Mitglieder von {names}",
        "members": "Mitglieder",
        "with_email": "{who} mit bestätigter Adresse bei {names}",
        "hour": "eine Stunde",
        "hours": "{number} Stunden",
        "or": "oder",
    }
    sentences = {
        "issued": "{by} bekam einen Link zu {profile} und hat ihn nicht geöffnet",
        "opened": "{by} bekam einen Link zu {profile}, geöffnet {opened}",
        "undelivered": "Der Link von {by} zu {profile} kam nicht an",
        "requested": "{by} hat einen Link angefragt; die Anfrage wurde nicht fertig",
        "choose": "{by} wurde gefragt, welches Profil geöffnet werden soll",
        "refused": "{by} bekam keinen Link: {outcome}{reason}",
        "map": "{by} hat {user} {profile} zugeordnet",
        "unmap": "{by} hat die Zuordnung von {user} zu {profile} entfernt",
        "allow": "{by} hat {user} freigeschaltet{until}{reason}",
        "deny": "{by} hat {user} gesperrt{until}{reason}",
        "admin": "{by} hat {user} zum Admin gemacht{until}{reason}",
        "forget": "{by} hat alle Regeln von {user} entfernt: {what}",
        "lockdown": "{by} hat die Links für alle gestoppt{reason}",
        "unlocked": "{by} hat die Links wieder freigegeben{reason}",
        "import": "{by} hat importiert: {what} von {user}",
        "sync": "{by} hat abgeglichen: {what} von {user}",
        "revoke": "{by} hat beendet, was bei {user} in Studio lief",
        "stop": "{by} hat eine App von {user} beendet: {profile}",
        "start": "{by} hat eine App von {user} gestartet: {profile}",
        "offboard": "{by} hat {user} ausgetragen",
        "provision": "{by} hat für {user} ein Profil anlegen lassen",
        "keep": "{by} behält eine App von {user}: {profile}",
        "request": "{by} hat Zugriff{days}{start} beantragt{reason}",
        "return": "{by} hat den eigenen Zugriff zurückgegeben{reason}",
        "approved": "{by} hat den Antrag von {user}{start} genehmigt{reason}",
        "denied": "{by} hat den Antrag von {user} abgelehnt{reason}",
        "ran_out": "Über den Antrag von {user} hat niemand rechtzeitig entschieden",
        "not_begun": "Der genehmigte Zugriff von {user} konnte nicht beginnen{reason}",
        "withdrawn": "Der Antrag von {by} wurde zurückgezogen{reason}",
        "otherwise": "{by}: {action} für {user}, {outcome}{reason}",
        "batch": "{by} hat {number} Mitglieder auf einmal geändert ({action}); "
        "`{command} history --by {actor} --day {day}` listet sie auf",
        "day": "für einen Tag",
        "days": "für {days} Tage",
        "from": "ab {start}",
        "until": "bis {until}",
        "reason": "({reason})",
    }
    asks_you = "{by} bittet dich um Zustimmung als zweite Person"
    proposed_move = (
        "Profil `{profile}` in Domain `{domain}` von {owner} an {user} übertragen. Es wurde noch nichts geändert."
    )
    proposed_lockdown = "Die Notabschaltung ({what}) ersetzen. Es wurde noch nichts geändert."
    proposed_unlock = "Die Notabschaltung ({what}) aufheben. Es wurde noch nichts geändert."
    unknown_owner = "jemandem, dem es früher gehörte,"
    agree = "Zustimmen"
    disagree = "Ablehnen"
    news = {
        News.MOVED: "Profil `{profile}` in Domain `{domain}` gehörte {owner} und gehört jetzt {user}.",
        News.UNMAPPED: "{user} hat Profil `{profile}` in Domain `{domain}` nicht mehr.",
        News.UNLOCKED: "Die Notabschaltung wurde aufgehoben: Mitglieder bekommen wieder Links. Sie war: {what}.",
        News.NEW_ADMIN: "{user} kann Studio-Links jetzt aus Slack verwalten: {what}.",
    }
    news_by = "Durchgeführt von {by}."
    news_by_two = "Durchgeführt von {by} mit Zustimmung von {second}."
    news_doubt = "Wenn du das nicht erwartet hast, frag jetzt dort oder bei deinen anderen Studio-Admins nach."
    declined_by = "{by} hat deinen Befehl `{verb}` abgelehnt. Es wurde nichts geändert. Sprecht miteinander darüber."
    agree_until = "Du kannst bis {until} entscheiden. Wenn es niemand tut, ändert sich nichts."
    waits = "*Dem müssen zwei Admins zustimmen.* Ich habe die anderen gefragt; sie haben Zeit bis {until}."
    entry_was = "vorher {what}"
    entry_now = "jetzt {what}"
    more = "Mehr"
    last_page = "Keine weiteren Einträge."
    would_get = "*{user} bekäme jetzt einen Link.*"
    would_choose = "*{user} würde jetzt gefragt, welches Profil geöffnet werden soll:* {aliases}"
    would_not_get = "*{user} würde jetzt abgelehnt:* {reason}"
    considered = "*Alle geprüften Regeln*"
    decides = "*diese entscheidet*"
    no_rules = "Für dieses Mitglied oder seine Gruppen gilt keine Regel."
