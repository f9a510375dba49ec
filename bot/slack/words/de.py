"""German."""

from bot.core.link import Reason
from bot.slack.words.admin_de import GERMAN as FOR_ADMINS
from bot.slack.words.catalogue import Words

GERMAN = Words(
    language="de",
    open_studio="Studio öffnen",
    open_named="{alias} öffnen",
    new_link="Neuer Link",
    try_again="Noch einmal",
    choose="Auswählen …",
    ready_text="Dein Link zu SageMaker Studio ist da. Er gilt {lifetime}.",
    ready="*Dein Link zu SageMaker Studio ist da*\nProfil `{profile}` in der Domain `{domain}`{space}",
    space=", Space `{space}`",
    ready_note="Gilt bis {until} · deine Studio-Sitzung dauert dann {session} · "
    "der Link meldet dich an: behalte ihn für dich",
    opened="Geöffnet um {at} · Profil `{profile}` in der Domain `{domain}`",
    opened_only="Geöffnet um {at}",
    opened_text="Du hast SageMaker Studio geöffnet.",
    stale="Dieser Link galt bis {until}. Mit *Neuer Link* bekommst du einen frischen.",
    stale_text="Dieser Link gilt nicht mehr.",
    waiting="Dein Link wird ausgestellt …",
    one_moment="Einen Moment …",
    choose_text="Was möchtest du öffnen?",
    choose_note="Beim nächsten Mal kannst du es gleich nennen: `{command} {target}`",
    option="{alias} ({profile})",
    option_space="{alias} · Space {space}",
    option_only_space="Space {space}",
    help_open="`{command}` gibt dir einen privaten Link zu SageMaker Studio. Er gilt {lifetime}.",
    help_alias="`{command} ALIAS` öffnet eines deiner Profile: {aliases}.",
    help_app="`{command} {apps}` öffnet eine App, `{command} space NAME` einen Space.",
    help_whoami="`{command} whoami` zeigt, was du öffnen darfst, und deine letzten Links.",
    help_request="`{command} request` bittet deine Verwaltung um Zugang.",
    help_help="`{command} help` zeigt diese Hilfe.",
    not_understood="`{command}` versteht „{text}“ nicht.",
    no_such_alias="Du hast kein Profil namens „{text}“.",
    nearest="Meintest du {aliases}?",
    who="Du bist <@{user}>.",
    who_unfit="Nach Slacks Angaben zu deinem Konto bekommst du keine Studio-Links. "
    "Bitte deine Slack-Verwaltung, es zu prüfen.",
    who_guest="Du bist hier Gast, und Gäste können Studio nicht öffnen. "
    "Bitte das Mitglied, das dich eingeladen hat, dein Konto ändern zu lassen.",
    who_nothing="Du hast hier noch kein Profil für SageMaker Studio. "
    "Bitte deine Studio-Verwaltung, dir eines einzurichten.",
    who_mapping="`{alias}`: Profil `{profile}` in der Domain `{domain}`",
    who_allowed="Du darfst Studio öffnen.",
    who_allowed_until="Du darfst Studio öffnen bis {until}.",
    who_not_allowed="Du stehst noch nicht auf der Liste der Berechtigten. "
    "Bitte deine Studio-Verwaltung, dich einzutragen.",
    who_denied="Dein Zugang zu Studio ist gesperrt. Sprich mit deiner Studio-Verwaltung.",
    who_ended="Dein Zugang zu Studio endete {until}. Bitte deine Studio-Verwaltung, ihn zu verlängern.",
    who_because="Begründung: „{reason}“.",
    who_group="Das gilt durch die Gruppe {group}.",
    who_own="Das gilt durch eine eigene Regel für dich.",
    link_asked="{at} · du wurdest gefragt, welches",
    who_links="*Deine letzten Links*",
    who_no_links="Du hast noch keine Links angefordert.",
    who_links_unknown="Deine letzten Links sind gerade nicht lesbar. Versuch es in einer Minute erneut.",
    link_issued="{at} · {alias} · nicht geöffnet",
    link_opened="{at} · {alias} · geöffnet um {opened}",
    link_undelivered="{at} · {alias} · kam nicht bei dir an",
    link_refused="{at} · abgelehnt",
    link_requested="{at} · nicht beendet",
    ask="Zugang anfragen",
    ask_longer="Verlängerung anfragen",
    ends_soon="Dein Zugang endet {until}.",
    ask_wish="Welches Profil oder welche Domain brauchst du?",
    ask_reason="Wofür brauchst du es?",
    ask_reason_missing="Schreib in wenigen Worten, wofür du es brauchst.",
    ask_days="Für wie lange?",
    for_good="Auf Dauer",
    send="Senden",
    ask_sent="Deine Anfrage ist bei deiner Studio-Verwaltung. Du hörst von mir, sobald sie entschieden ist.",
    ask_joined="Du hast schon gefragt, {at}. Du hörst von mir, sobald deine Anfrage entschieden ist.",
    ask_was_approved="Dieser Anfrage wurde zugestimmt, {at}. Für etwas anderes sende eine neue.",
    ask_was_denied="Diese Anfrage wurde abgelehnt, {at}. Sprich mit deiner Studio-Verwaltung, oder sende eine neue.",
    ask_was_withdrawn="Diese Anfrage hat niemanden erreicht und wurde geschlossen. "
    "Sende eine neue, oder frag deine Studio-Verwaltung.",
    ask_ran_out="Diese Anfrage ist abgelaufen. Sende eine neue.",
    ask_nobody="Anfragen aus Slack bearbeitet hier gerade niemand. Frag deine Studio-Verwaltung.",
    ask_failed="Deine Anfrage konnte nicht festgehalten werden. Warte eine Minute und versuch es dann erneut.",
    asked="<@{user}> bittet um Zugang zu SageMaker Studio",
    asked_wish="*Was:* {wish}",
    asked_reason="*Wofür:* {reason}",
    asked_days="*Wie lange:* {days}",
    asked_until="Kann entschieden werden bis {until}",
    approve="Zustimmen",
    deny="Ablehnen",
    deny_sure="Diese Anfrage ablehnen?",
    cancel="Abbrechen",
    approve_title="Zugang geben",
    approve_domain="Id der SageMaker-Domain",
    approve_profile="SageMaker-Profil",
    of_no_use="Nach Slacks Angaben ist dieses Konto ein Gast oder nicht aktiv; Zugang hülfe nicht. "
    "Lehne die Anfrage ab.",
    locked_down="Studio-Links sind gerade für alle abgeschaltet; Zugang hülfe nicht. "
    "Stimm zu, sobald sie wieder an sind, oder lehne die Anfrage ab.",
    approve_alias="Wie das Mitglied es nennt",
    approve_note="Lass alle drei leer, um kein neues Profil zu geben. Ohne Namen heißt es „default“.",
    alias_taken="Dieses Mitglied hat schon ein anderes Profil dieses Namens. "
    "Stimm noch einmal zu und gib diesem einen anderen Namen.",
    unreadable="Ein Eintrag dieses Mitglieds ist nicht lesbar; Zugang hülfe nicht. "
    "Entferne ihn mit `studio-links forget`, dann stimm zu.",
    approve_needs="Dieses Mitglied hat noch kein Profil. Stimm noch einmal zu und nenne Domain und Profil.",
    form_failed="Slack hat das Formular nicht rechtzeitig geöffnet. Versuch es erneut.",
    approved="Zugestimmt von <@{by}>, {at}",
    denied="Abgelehnt von <@{by}>, {at}",
    undecided="Ohne Entscheidung abgelaufen, {at}",
    only_admins="Über Anfragen entscheidet nur die Studio-Verwaltung; es wurde nichts geändert. "
    "Frag jemanden von ihnen.",
    not_your_own="Über deine eigene Anfrage muss jemand anderes entscheiden; es wurde nichts geändert. "
    "Frag jemanden aus der Verwaltung.",
    request_gone="Über diese Anfrage kann nicht mehr entschieden werden: Sie ist abgelaufen, oder "
    "es gibt eine neuere. Such die neuere, oder bitte das Mitglied, noch einmal zu fragen.",
    deny_stands="Für dieses Mitglied gilt eine Sperre, die vorgeht. "
    "Hebe sie mit `studio-links forget` auf, dann stimm zu.",
    bad_domain="Das ist nicht die Id einer SageMaker-Domain. Sie beginnt mit d-, wie d-abc123: "
    "kopiere sie aus der SageMaker-Konsole.",
    bad_profile="So heißt kein SageMaker-Profil: Namen haben 1 bis 63 Buchstaben, Ziffern und innere Bindestriche. "
    "Kopiere ihn aus der SageMaker-Konsole.",
    bad_alias="Nimm einen anderen Namen aus 1 bis 32 Buchstaben, Ziffern und Bindestrichen, "
    "der keines der Wörter des Befehls ist.",
    decision_failed="Das ließ sich nicht ausführen.",
    failures={
        Reason.DOMAIN_MISSING: "SageMaker kennt hier keine solche Domain. "
        "Stimm noch einmal zu und berichtige ihre Id.",
        Reason.DOMAIN_NOT_READY: "Diese Domain wird gerade geändert. Versuch es in einigen Minuten erneut.",
        Reason.DOMAIN_SSO: "In diese Domain meldet man sich über IAM Identity Center an, wo Links nicht gehen. "
        "Stimm noch einmal zu und nenne eine andere, oder lehne die Anfrage ab.",
        Reason.PROFILE_MISSING: "SageMaker kennt in dieser Domain kein solches Profil. "
        "Stimm noch einmal zu und berichtige seinen Namen.",
        Reason.PROFILE_NOT_READY: "Dieses Profil ist noch nicht bereit. Versuch es in einigen Minuten erneut.",
        Reason.AWS_REFUSED: "AWS lässt diesen Bot die Domain oder das Profil nicht ansehen. "
        "Prüfe Id und Namen, dann die Rolle des Bots.",
        Reason.AWS_THROTTLED: "AWS bremst gerade die Anfragen. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNREACHABLE: "AWS ist gerade nicht erreichbar. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNEXPECTED: "AWS gab eine Antwort, die dieser Bot nicht versteht. "
        "Versuch es erneut; bleibt es so, sieh ins Log des Bots.",
        Reason.STORE_UNREACHABLE: "Die Tabellen sind gerade nicht erreichbar. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.STORE_THROTTLED: "Die Tabellen sind gerade überlastet. Warte eine Minute und versuch es dann erneut.",
        Reason.STORE_REFUSED: "Der Bot darf nicht in seine Tabellen schreiben. "
        "Lass seine Rolle prüfen: README sagt, was sie für Anfragen braucht.",
        Reason.STORE_UNREADABLE: "Ein gespeicherter Eintrag ist nicht lesbar. "
        "Sieh ins Log des Bots: es sagt, welcher.",
        Reason.SLACK_UNREACHABLE: "Slack konnte gerade nicht sagen, wer das Mitglied ist. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.SLACK_REFUSED: "Slack lässt diesen Bot nicht fragen, wer das Mitglied ist. "
        "Lass die Rechte der App prüfen.",
    },
    profile_taken="Dieses Profil hat ein anderes Mitglied. "
    "Stimm noch einmal zu und nenne ein anderes, oder lass es dort wegnehmen.",
    changed_meanwhile="Jemand hat gleichzeitig dieselben Einträge geändert. Sieh nach und versuch es dann erneut.",
    failed_otherwise="Versuch es erneut; bleibt es so, sieh ins Log des Bots.",
    granted="Du kannst SageMaker Studio jetzt öffnen.",
    turned_down="Deine Anfrage nach Zugang zu SageMaker Studio wurde abgelehnt. Sprich mit deiner Studio-Verwaltung.",
    sso_address="Melde dich stattdessen hier an: {address}",
    sso_no_address="Frag deine Studio-Verwaltung nach der Adresse.",
    admin=FOR_ADMINS,
    refusals={
        Reason.NOT_A_MEMBER: "Studio-Links gibt es nur für volle Mitglieder dieses Workspace. "
        "Bist du eines, dann bitte deine Slack-Verwaltung, dein Konto zu prüfen.",
        Reason.GUEST: "Gäste können SageMaker Studio nicht aus Slack öffnen. "
        "Bitte das Mitglied, das dich eingeladen hat, dein Konto ändern zu lassen.",
        Reason.LOCKDOWN: "Studio-Links sind hier gerade für alle abgeschaltet: „{notice}“. "
        "Warte auf Nachricht von deiner Studio-Verwaltung.",
        Reason.DENIED: "Dein Zugang zu SageMaker Studio ist gesperrt. Sprich mit deiner Studio-Verwaltung.",
        Reason.NOT_MAPPED: "Du hast hier noch kein Profil für SageMaker Studio. "
        "Bitte deine Studio-Verwaltung, dir eines einzurichten.",
        Reason.NOT_ALLOWED: "Du hast ein Studio-Profil, stehst aber noch nicht auf der Liste der Berechtigten. "
        "Bitte deine Studio-Verwaltung, dich einzutragen.",
        Reason.GRANT_EXPIRED: "Dein Zugang zu SageMaker Studio ist abgelaufen. "
        "Bitte deine Studio-Verwaltung, ihn zu verlängern.",
        Reason.GROUP_UNCONFIRMED: "Slack konnte gerade nicht sagen, in welchen Gruppen du bist; es gibt keinen Link. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.CHOOSE: "Du hast mehrere Studio-Profile. Nenne das, das du öffnen möchtest.",
        Reason.TOO_MANY: "Das waren zu viele Anfragen in einer Minute. Warte eine Minute und versuch es dann erneut.",
        Reason.DOMAIN_MISSING: "Die dir zugeordnete Studio-Domain gibt es nicht mehr. "
        "Bitte deine Studio-Verwaltung, die Zuordnung zu berichtigen.",
        Reason.DOMAIN_NOT_READY: "Deine Studio-Domain wird gerade geändert und ist nicht bereit. "
        "Versuch es in einigen Minuten erneut.",
        Reason.DOMAIN_SSO: "In deine Studio-Domain meldet man sich über IAM Identity Center an, nicht mit Links. "
        "{address}",
        Reason.PROFILE_MISSING: "Dein Studio-Profil gibt es nicht mehr. "
        "Bitte deine Studio-Verwaltung, die Zuordnung zu berichtigen.",
        Reason.PROFILE_NOT_READY: "Dein Studio-Profil ist noch nicht bereit. Versuch es in einigen Minuten erneut.",
        Reason.SPACE_MISSING: "Für dich gibt es keinen solchen Studio-Space: Er muss geteilt oder deiner sein. "
        "Nenne einen anderen, oder bitte deine Studio-Verwaltung, die Zuordnung zu berichtigen.",
        Reason.SPACE_NOT_YOURS: "Für dich gibt es keinen solchen Studio-Space: Er muss geteilt oder deiner sein. "
        "Nenne einen anderen, oder bitte deine Studio-Verwaltung, die Zuordnung zu berichtigen.",
        Reason.AWS_REFUSED: "AWS lässt diesen Bot deinen Link nicht ausstellen. "
        "Sag es deiner Studio-Verwaltung; ein neuer Versuch hilft nicht.",
        Reason.AWS_THROTTLED: "AWS bremst gerade die Anfragen. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNREACHABLE: "AWS ist gerade nicht erreichbar. Warte eine Minute und versuch es dann erneut.",
        Reason.AWS_UNEXPECTED: "AWS gab eine Antwort, die dieser Bot nicht versteht. "
        "Versuch es erneut; bleibt es so, sag es deiner Studio-Verwaltung.",
        Reason.STORE_UNREACHABLE: "Die Liste der Berechtigten ist gerade nicht erreichbar, darum gibt es keinen "
        "Link. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.STORE_THROTTLED: "Die Liste der Berechtigten ist gerade überlastet. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.STORE_REFUSED: "Der Bot darf die Liste der Berechtigten nicht lesen. "
        "Sag es deiner Studio-Verwaltung; ein neuer Versuch hilft nicht.",
        Reason.STORE_UNREADABLE: "Dein Eintrag ist nicht lesbar, darum gibt es keinen Link. "
        "Bitte deine Studio-Verwaltung, ihn neu zu setzen.",
        Reason.NOT_RECORDED: "Deine Anfrage konnte nicht festgehalten werden, darum gibt es keinen Link. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.SLACK_UNREACHABLE: "Slack konnte gerade nicht bestätigen, wer du bist. "
        "Warte eine Minute und versuch es dann erneut.",
        Reason.SLACK_REFUSED: "Slack lässt diesen Bot nicht bestätigen, wer du bist. "
        "Sag es deiner Studio-Verwaltung; ein neuer Versuch hilft nicht.",
        Reason.BUSY: "Gerade fragen viele auf einmal. Warte einige Sekunden und versuch es dann erneut.",
        Reason.TOO_LATE: "Das hat zu lange gedauert, darum gibt es keinen Link. Versuch es erneut.",
        Reason.NOT_READY: "Der Bot startet noch. Warte eine Minute und versuch es dann erneut.",
        Reason.FOREIGN: "Studio-Links sind für diesen Workspace nicht eingerichtet. "
        "Nutze sie in dem Workspace, zu dem sie gehören.",
        Reason.STALE_BUTTON: "Dieser Knopf gilt nicht mehr. Tippe `{command}` für einen frischen Link.",
        Reason.NOT_AN_ADMIN: "Das kann nur deine Studio-Verwaltung, und es wurde nichts geändert. "
        "Bitte sie darum, oder tippe `{command} help`, um zu sehen, was du selbst tun kannst.",
        Reason.INTERNAL: "Bei uns ist etwas schiefgegangen, und es gibt keinen Link. "
        "Versuch es erneut; bleibt es so, sag es deiner Studio-Verwaltung.",
    },
    day=("Tag", "Tage"),
    hour=("Stunde", "Stunden"),
    minute=("Minute", "Minuten"),
    second=("Sekunde", "Sekunden"),
)
