// Every sentence of every mail, in German.
import type { Language } from '../language.ts'

export const de: Language = {
  tag: 'de',
  direction: 'ltr',
  formats: 'de',

  hello: (name) => `Guten Tag ${name},`,
  helloStranger: 'Guten Tag,',
  copyLink: 'Wenn die Schaltfläche nicht funktioniert, kopieren Sie diesen Link in Ihren Browser:',
  orTypeCode: 'Oder geben Sie diesen Code ein, wo danach gefragt wird:',
  linkAndCodeOnce: (lifetime) => `Link und Code funktionieren nur einmal. Sie gelten ${lifetime}.`,
  linkOnce: (lifetime) => `Der Link funktioniert nur einmal. Er gilt ${lifetime}.`,
  device: 'Gerät:',
  network: 'Netzwerk:',
  time: 'Zeitpunkt:',

  verifyEmail: {
    subject: (brand) => `Bestätigen Sie Ihre E-Mail-Adresse für ${brand}`,
    ask: (brand) =>
      `Bitte bestätigen Sie, dass dies Ihre E-Mail-Adresse für ${brand} ist. Öffnen Sie diesen Link und stimmen Sie zu:`,
    button: 'E-Mail-Adresse bestätigen',
    notYou:
      'Wenn Sie das nicht angefordert haben, ignorieren Sie diese Nachricht. Die Adresse bleibt dann unbestätigt.',
  },
  addressTaken: {
    subject: (brand) => `Sie haben bereits ein Konto bei ${brand}`,
    what: (brand) =>
      `Jemand, vielleicht Sie selbst, wollte sich mit dieser E-Mail-Adresse bei ${brand} registrieren. Sie haben dort bereits ein Konto, daher wurde nichts geändert.`,
    ifYou:
      'Wenn Sie es waren, melden Sie sich wie gewohnt an. Wenn Sie Ihr Passwort nicht mehr wissen, setzen Sie es auf der Anmeldeseite zurück.',
    notYou: 'Wenn Sie es nicht waren, ignorieren Sie diese Nachricht. Ihr Konto ist unverändert.',
  },
  resetPassword: {
    subject: (brand) => `Wählen Sie ein neues Passwort für ${brand}`,
    ask: (brand) =>
      `Jemand, vielleicht Sie selbst, hat ein neues Passwort für Ihr Konto bei ${brand} angefordert. Öffnen Sie diesen Link und wählen Sie eines:`,
    button: 'Neues Passwort wählen',
    notYou:
      'Wenn Sie das nicht angefordert haben, ignorieren Sie diese Nachricht. Ihr Passwort bleibt, wie es ist.',
  },
  passwordChanged: {
    subject: (brand) => `Ihr Passwort für ${brand} wurde geändert`,
    what: (brand) => `Das Passwort Ihres Kontos bei ${brand} wurde gerade geändert.`,
    ifYou: 'Wenn Sie es waren, ist nichts zu tun. Andere Geräte müssen sich neu anmelden.',
    notYou:
      'Wenn Sie es nicht waren, fordern Sie auf der Anmeldeseite sofort ein neues Passwort an: Das meldet alle Geräte ab. Prüfen Sie danach, ob jemand anderes Ihre E-Mails liest.',
  },
  changeEmail: {
    subject: (brand) => `Bestätigen Sie Ihre neue E-Mail-Adresse für ${brand}`,
    ask: (brand) =>
      `Ihr Konto bei ${brand} soll ab jetzt diese E-Mail-Adresse verwenden. Öffnen Sie diesen Link und stimmen Sie zu:`,
    button: 'Diese Adresse verwenden',
    notYou:
      'Wenn Sie das nicht angefordert haben, ignorieren Sie diese Nachricht. Dann bleibt alles, wie es ist.',
  },
  emailChanged: {
    subject: (brand) => `Ihre E-Mail-Adresse für ${brand} wurde geändert`,
    what: (brand, newEmail) =>
      `Ihr Konto bei ${brand} verwendet jetzt die Adresse ${newEmail} statt dieser hier.`,
    undo: 'Wenn Sie es nicht waren, öffnen Sie diesen Link und holen Sie Ihre Adresse zurück:',
    button: 'Meine Adresse zurückholen',
    afterUndo: 'Wählen Sie danach ein neues Passwort, denn jemand anderes war in Ihrem Konto.',
    ifYou: 'Wenn Sie es waren, ist nichts zu tun.',
  },
  teamInvitation: {
    subject: (brand) => `Einladung in ein Team bei ${brand}`,
    ask: (brand) =>
      `Sie sind eingeladen, einem Team bei ${brand} beizutreten. Öffnen Sie diesen Link, um anzunehmen:`,
    askNamed: (brand, team) =>
      `Sie sind eingeladen, dem Team „${team}“ bei ${brand} beizutreten. Öffnen Sie diesen Link, um anzunehmen:`,
    button: 'Einladung ansehen',
    condition:
      'Sie treten mit dem Konto bei, das diese E-Mail-Adresse verwendet. Wenn Sie noch keines haben, registrieren Sie sich zuerst damit und öffnen Sie den Link dann noch einmal.',
    notYou:
      'Wenn Sie das nicht erwartet haben, ignorieren Sie diese Nachricht. Dann treten Sie keinem Team bei.',
  },
  register: {
    subject: (brand) => `Bestätigen Sie Ihre E-Mail-Adresse für die Registrierung bei ${brand}`,
    ask: (brand) =>
      `Jemand, vielleicht Sie selbst, möchte mit dieser E-Mail-Adresse ein Konto bei ${brand} eröffnen. Wenn Sie es waren, öffnen Sie diesen Link und stimmen Sie zu:`,
    notYou:
      'Wenn Sie es nicht waren, ignorieren Sie diese Nachricht und stimmen Sie nicht zu: Sonst könnte in Ihrem Namen ein Konto eröffnet werden.',
  },
  identityLinked: {
    subject: (brand) => `Neue Anmeldemöglichkeit für Ihr Konto bei ${brand}`,
    what: (brand, provider) =>
      `Ihr Konto bei ${brand} lässt sich ab jetzt auch durch eine Anmeldung mit ${provider} öffnen.`,
    ifYou: 'Wenn Sie es waren, ist nichts zu tun.',
    notYou:
      'Wenn Sie es nicht waren, melden Sie sich an, entfernen Sie diese Anmeldemöglichkeit und ändern Sie Ihr Passwort. Wenn Sie sich nicht mehr anmelden können, fordern Sie auf der Anmeldeseite ein neues Passwort an.',
  },
  apiKeyCreated: {
    subject: (brand) => `Neuer API-Schlüssel für Ihr Konto bei ${brand}`,
    what: (brand) =>
      `Für Ihr Konto bei ${brand} wurde gerade ein API-Schlüssel erstellt. Ein Programm, das ihn hat, kann ohne Anmeldung für Sie handeln.`,
    ifYou: 'Wenn Sie es waren, ist nichts zu tun.',
    notYou:
      'Wenn Sie es nicht waren, fordern Sie auf der Anmeldeseite sofort ein neues Passwort an: Das widerruft alle API-Schlüssel und meldet alle Geräte ab.',
  },
  newDevice: {
    subject: (brand) => `Neue Anmeldung in Ihrem Konto bei ${brand}`,
    what: (brand) =>
      `Jemand hat sich gerade in Ihrem Konto bei ${brand} angemeldet, von einem Gerät, das dort bisher nicht verwendet wurde.`,
    ifYou: 'Wenn Sie es waren, ist nichts zu tun.',
    notYou:
      'Wenn Sie es nicht waren, ändern Sie jetzt Ihr Passwort: Das meldet alle anderen Geräte ab. Wenn Sie sich nicht mehr anmelden können, fordern Sie auf der Anmeldeseite ein neues Passwort an.',
  },
}
