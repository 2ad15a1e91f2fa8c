// Every sentence of every mail, in French. A no-break space stands before a colon.
import type { Language } from '../language.ts'

export const fr: Language = {
  tag: 'fr',
  direction: 'ltr',
  formats: 'fr',

  hello: (name) => `Bonjour ${name},`,
  helloStranger: 'Bonjour,',
  copyLink: 'Si le bouton ne fonctionne pas, copiez ce lien dans votre navigateur\u00a0:',
  orTypeCode: 'Ou saisissez ce code à l’endroit où il vous est demandé\u00a0:',
  linkAndCodeOnce: (lifetime) =>
    `Le lien et le code ne fonctionnent qu’une fois. Durée de validité\u00a0: ${lifetime}.`,
  linkOnce: (lifetime) => `Le lien ne fonctionne qu’une fois. Durée de validité\u00a0: ${lifetime}.`,
  device: 'Appareil\u00a0:',
  network: 'Réseau\u00a0:',
  time: 'Date\u00a0:',

  verifyEmail: {
    subject: (brand) => `Confirmez votre adresse e-mail pour ${brand}`,
    ask: (brand) =>
      `Merci de confirmer que cette adresse e-mail est bien la vôtre pour ${brand}. Ouvrez ce lien et acceptez\u00a0:`,
    button: 'Confirmer l’adresse e-mail',
    notYou: 'Si vous n’avez rien demandé, ignorez ce message. L’adresse restera non confirmée.',
  },
  addressTaken: {
    subject: (brand) => `Vous avez déjà un compte chez ${brand}`,
    what: (brand) =>
      `Quelqu’un, peut-être vous, a voulu s’inscrire chez ${brand} avec cette adresse e-mail. Vous y avez déjà un compte, rien n’a donc été modifié.`,
    ifYou:
      'Si c’était vous, connectez-vous comme d’habitude. Si vous ne connaissez plus votre mot de passe, réinitialisez-le depuis la page de connexion.',
    notYou: 'Si ce n’était pas vous, ignorez ce message. Votre compte est inchangé.',
  },
  resetPassword: {
    subject: (brand) => `Choisissez un nouveau mot de passe pour ${brand}`,
    ask: (brand) =>
      `Quelqu’un, peut-être vous, a demandé un nouveau mot de passe pour votre compte chez ${brand}. Ouvrez ce lien et choisissez-en un\u00a0:`,
    button: 'Choisir un nouveau mot de passe',
    notYou: 'Si vous n’avez rien demandé, ignorez ce message. Votre mot de passe reste le même.',
  },
  passwordChanged: {
    subject: (brand) => `Votre mot de passe pour ${brand} a été modifié`,
    what: (brand) => `Le mot de passe de votre compte chez ${brand} vient d’être modifié.`,
    ifYou: 'Si c’était vous, il n’y a rien à faire. Vos autres appareils devront se reconnecter.',
    notYou:
      'Si ce n’était pas vous, demandez tout de suite un nouveau mot de passe sur la page de connexion\u00a0: cela déconnecte tous les appareils. Vérifiez ensuite que personne d’autre ne lit vos e-mails.',
  },
  changeEmail: {
    subject: (brand) => `Confirmez votre nouvelle adresse e-mail pour ${brand}`,
    ask: (brand) =>
      `Votre compte chez ${brand} doit désormais utiliser cette adresse e-mail. Ouvrez ce lien et acceptez\u00a0:`,
    button: 'Utiliser cette adresse',
    notYou: 'Si vous n’avez rien demandé, ignorez ce message. Rien ne changera.',
  },
  emailChanged: {
    subject: (brand) => `Votre adresse e-mail pour ${brand} a été modifiée`,
    what: (brand, newEmail) =>
      `Votre compte chez ${brand} utilise maintenant l’adresse ${newEmail} à la place de celle-ci.`,
    undo: 'Si ce n’était pas vous, ouvrez ce lien et rétablissez votre adresse\u00a0:',
    button: 'Rétablir mon adresse',
    afterUndo: 'Choisissez ensuite un nouveau mot de passe, car quelqu’un d’autre a eu accès à votre compte.',
    ifYou: 'Si c’était vous, il n’y a rien à faire.',
  },
  teamInvitation: {
    subject: (brand) => `Invitation à rejoindre une équipe chez ${brand}`,
    ask: (brand) =>
      `On vous invite à rejoindre une équipe chez ${brand}. Ouvrez ce lien pour accepter\u00a0:`,
    askNamed: (brand, team) =>
      `On vous invite à rejoindre l’équipe «\u00a0${team}\u00a0» chez ${brand}. Ouvrez ce lien pour accepter\u00a0:`,
    button: 'Voir l’invitation',
    condition:
      'Vous la rejoignez avec le compte qui utilise cette adresse e-mail. Si vous n’en avez pas encore, inscrivez-vous d’abord avec elle, puis ouvrez à nouveau le lien.',
    notYou: 'Si vous n’attendiez pas ce message, ignorez-le. Vous ne rejoindrez alors aucune équipe.',
  },
  register: {
    subject: (brand) => `Confirmez votre adresse e-mail pour vous inscrire chez ${brand}`,
    ask: (brand) =>
      `Quelqu’un, peut-être vous, souhaite ouvrir un compte chez ${brand} avec cette adresse e-mail. Si c’était vous, ouvrez ce lien et acceptez\u00a0:`,
    notYou:
      'Si ce n’était pas vous, ignorez ce message et n’acceptez pas\u00a0: un compte pourrait alors être ouvert en votre nom.',
  },
  identityLinked: {
    subject: (brand) => `Nouveau moyen de connexion à votre compte chez ${brand}`,
    what: (brand, provider) =>
      `Désormais, votre compte chez ${brand} s’ouvre aussi en se connectant avec ${provider}.`,
    ifYou: 'Si c’était vous, il n’y a rien à faire.',
    notYou:
      'Si ce n’était pas vous, connectez-vous, retirez ce moyen de connexion et changez votre mot de passe. Si vous ne pouvez plus vous connecter, demandez un nouveau mot de passe sur la page de connexion.',
  },
  apiKeyCreated: {
    subject: (brand) => `Nouvelle clé d’API pour votre compte chez ${brand}`,
    what: (brand) =>
      `Une clé d’API vient d’être créée pour votre compte chez ${brand}. Un programme qui la possède peut agir en votre nom sans se connecter.`,
    ifYou: 'Si c’était vous, il n’y a rien à faire.',
    notYou:
      'Si ce n’était pas vous, demandez tout de suite un nouveau mot de passe sur la page de connexion\u00a0: cela révoque toutes les clés d’API et déconnecte tous les appareils.',
  },
  newDevice: {
    subject: (brand) => `Nouvelle connexion à votre compte chez ${brand}`,
    what: (brand) =>
      `Quelqu’un vient de se connecter à votre compte chez ${brand} depuis un appareil qui n’y avait jamais servi.`,
    ifYou: 'Si c’était vous, il n’y a rien à faire.',
    notYou:
      'Si ce n’était pas vous, changez votre mot de passe maintenant\u00a0: cela déconnecte tous les autres appareils. Si vous ne pouvez plus vous connecter, demandez un nouveau mot de passe sur la page de connexion.',
  },
}
