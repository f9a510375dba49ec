// The page's own words, in the language of the member's Slack. The English is where it is used, and the key here.

const GERMAN = {
  // The frame
  "Skip to the message box": "Zum Nachrichtenfeld springen",
  "Demo on this machine.": "Demo auf diesem Rechner.",
  "Not Slack and not AWS: stand-ins for both, and the real bot between them.":
    "Nicht Slack und nicht AWS, sondern Nachbauten von beiden; dazwischen der echte Bot.",
  "The demo has stopped. Start it again, and this page comes back.":
    "Die Demo wurde beendet. Starte sie neu, dann lebt diese Seite wieder.",
  "Workspace": "Workspace",
  "You are": "Du bist",
  "Apps": "Apps",
  "Channels": "Kanäle",
  "Direct messages": "Direktnachrichten",
  "Members and channels": "Mitglieder und Kanäle",
  "Under the hood": "Unter der Haube",
  "App": "App",
  "Home": "Startseite",
  "Messages": "Nachrichten",
  "As in Slack, messages that are only visible to you are gone once you reload.":
    "Wie in Slack sind Nachrichten, die nur du siehst, nach dem Neuladen weg.",
  "Suggestions": "Vorschläge",
  "Commands and shortcuts": "Befehle und Shortcuts",
  "Send": "Senden",
  "{name} as {member}, a demo": "{name} als {member}, eine Demo",
  "{number} members": "{number} Mitglieder",
  "unread": "ungelesen",
  "guest": "Gast",
  "admin": "Admin",
  "Message {name}": "Nachricht an {name}",
  "This app takes no messages here": "Diese App nimmt hier keine Nachrichten an",
  "shortcut": "Shortcut",
  "group": "Gruppe",
  "Only visible to you": "Nur für dich sichtbar",
  "About the demo: Slack lets no app change the answer to a typed command, so this message stays as it is when its link expires. Press New link: that answer can change, and says so once its link has expired.":
    "Zur Demo: In Slack kann keine App die Antwort auf einen getippten Befehl ändern, darum bleibt diese Nachricht, wie sie ist, wenn ihr Link abläuft. Drücke „Neuer Link“: Diese Antwort kann sich ändern, und sagt es, sobald ihr Link abgelaufen ist.",
  "The app has not published a home for this member yet.": "Die App hat für dieses Mitglied noch keine Startseite.",
  "Choose an option": "Wähle eine Option",
  "Choose a date": "Wähle ein Datum",
  "No results": "Keine Treffer",
  "Results could not be loaded": "Die Treffer konnten nicht geladen werden",
  " (optional)": " (optional)",
  "Close": "Schließen",
  "Close all": "Alle schließen",
  "Close dialog": "Dialog schließen",

  // The tour
  "Tour": "Tour",
  "Close the tour": "Tour schließen",
  "done": "erledigt",
  "Step {number} of 5: {task}": "Schritt {number} von 5: {task}",
  "Get a link": "Link holen",
  "Type /studio in the message box, and press Enter.": "Tippe /studio in das Nachrichtenfeld und drücke Enter.",
  "Open it": "Öffnen",
  "Press Open Studio: it signs you in, and the used link leaves the screen.":
    "Drücke „Studio öffnen“: Du bist angemeldet, und der benutzte Link verschwindet.",
  "Watch it expire": "Ablaufen sehen",
  "Press New link, and wait until the message says that the link has expired.":
    "Drücke „Neuer Link“ und warte, bis die Nachricht sagt, dass der Link abgelaufen ist.",
  "Be refused and ask": "Abgelehnt werden und fragen",
  "Become ben, type /studio, and send a request for access.": "Werde ben, tippe /studio und beantrage Zugriff.",
  "Approve as ada": "Als ada genehmigen",
  "Become ada, open studio-links, and press Approve under Messages.":
    "Werde ada, öffne studio-links und drücke „Genehmigen“ unter „Nachrichten“.",
  "That was the tour. Type /studio help for the rest, or become another member.":
    "Das war die Tour. Tippe /studio help für alles Weitere, oder werde ein anderes Mitglied.",

  // Under the hood
  "What each request did: recorded by the stand-ins, and read from the audit. Links are left out.":
    "Was jede Anfrage bewirkt hat: von den Nachbauten aufgezeichnet und aus dem Audit gelesen. Links fehlen.",
  "Close Under the hood": "„Unter der Haube“ schließen",
  "Nothing yet. Type /studio, and see what happens here.": "Noch nichts. Tippe /studio und sieh, was hier passiert.",
  "pressed “{name}”": "hat „{name}“ gedrückt",
  "chose in “{name}”": "hat in „{name}“ gewählt",
  "searched in “{name}”": "hat in „{name}“ gesucht",
  "submitted “{name}”": "hat „{name}“ abgeschickt",
  "closed “{name}”": "hat „{name}“ geschlossen",
  "used the shortcut “{name}”": "hat den Shortcut „{name}“ benutzt",
  "wrote “{name}”": "hat „{name}“ geschrieben",
  "opened the app's home tab": "hat die Startseite der App geöffnet",
  "opened the app's messages tab": "hat die Nachrichten der App geöffnet",
  "through the WebSocket connection that the bot opened": "über die WebSocket-Verbindung, die der Bot geöffnet hat",
  "a signed POST to /slack/events": "ein signierter POST an /slack/events",
  "Slack sent a request": "Slack hat eine Anfrage gesendet",
  "Acknowledged": "Bestätigt",
  "Decided": "Entschieden",
  "nothing to decide": "nichts zu entscheiden",
  "AWS was called": "AWS wurde aufgerufen",
  "Slack was called": "Slack wurde aufgerufen",
  "never": "nie",
  "Recorded": "Aufgezeichnet",
  "nothing: no link was requested, and nothing changed": "nichts: Kein Link wurde verlangt, und nichts geändert",
  "audit entry": "Audit-Eintrag",
  "in {number} ms": "in {number} ms",
  "with an answer": "mit einer Antwort",
  "with an empty body": "mit leerem Inhalt",
  "about": "über",
  "rule": "Regel",
  "detail": "Detail",
  "profile": "Profil",
  "link works until": "Link gilt bis",
  "opened at": "geöffnet um",
  "{profile} in {domain}": "{profile} in {domain}",
  "as it was sent": "wie gesendet",
};

let isGerman = false;
const fixed = [...fixedWords()];

/** These words in the member's language, with values for the names in braces. */
export function say(english, values = {}) {
  const words = isGerman ? GERMAN[english] ?? english : english;
  return words.replace(/{(\w+)}/g, (_, name) => values[name]);
}

/** Write in this language from now on, and the words of index.html at once. */
export function speak(locale) {
  isGerman = locale.startsWith("de");
  document.documentElement.lang = isGerman ? "de" : "en";
  for (const { english, write } of fixed) write(say(english));
}

function* fixedWords() {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const english = node.data.trim().replace(/\s+/g, " ");
    if (english) yield { english, write: (words) => { node.data = words; } };
  }
  for (const element of document.querySelectorAll("[aria-label]")) {
    const write = (words) => element.setAttribute("aria-label", words);
    yield { english: element.getAttribute("aria-label"), write };
  }
}
