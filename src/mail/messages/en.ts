// Every sentence of every mail, in English.
import type { Language } from '../language.ts'

export const en: Language = {
  tag: 'en',
  direction: 'ltr',
  formats: 'en-GB',

  hello: (name) => `Hello ${name},`,
  helloStranger: 'Hello,',
  copyLink: 'If the button does not work, copy this link into your browser:',
  orTypeCode: 'Or type this code where you are asked for it:',
  linkAndCodeOnce: (lifetime) => `The link and the code work once, for ${lifetime}.`,
  linkOnce: (lifetime) => `The link works once, for ${lifetime}.`,
  device: 'Device:',
  network: 'Network:',
  time: 'Time:',

  verifyEmail: {
    subject: (brand) => `Confirm your email address for ${brand}`,
    ask: (brand) =>
      `Please confirm that this is your email address for ${brand}. Open this link and say yes:`,
    button: 'Confirm email address',
    notYou: 'If you did not ask for this, ignore this mail. The address then stays unconfirmed.',
  },
  addressTaken: {
    subject: (brand) => `You already have an account for ${brand}`,
    what: (brand) =>
      `Someone, maybe you, tried to sign up for ${brand} with this email address. You already have an account there, so nothing was changed.`,
    ifYou:
      'If it was you, sign in as usual. If you no longer know your password, reset it from the sign-in page.',
    notYou: 'If it was not you, ignore this mail. Your account is as it was.',
  },
  resetPassword: {
    subject: (brand) => `Choose a new password for ${brand}`,
    ask: (brand) =>
      `Someone, maybe you, asked for a new password for your account at ${brand}. Open this link and choose one:`,
    button: 'Choose a new password',
    notYou: 'If you did not ask for this, ignore this mail. Your password stays as it is.',
  },
  passwordChanged: {
    subject: (brand) => `Your password for ${brand} was changed`,
    what: (brand) => `The password of your account at ${brand} has just been changed.`,
    ifYou: 'If it was you, there is nothing to do. Other devices have to sign in again.',
    notYou:
      'If it was not you, ask for a new password on the sign-in page at once: that signs out every device. Then check that nobody else reads your mail.',
  },
  changeEmail: {
    subject: (brand) => `Confirm your new email address for ${brand}`,
    ask: (brand) =>
      `Your account at ${brand} is to use this email address from now on. Open this link and say yes:`,
    button: 'Use this address',
    notYou: 'If you did not ask for this, ignore this mail. Nothing changes then.',
  },
  emailChanged: {
    subject: (brand) => `Your email address for ${brand} was changed`,
    what: (brand, newEmail) =>
      `Your account at ${brand} now uses the address ${newEmail} instead of this one.`,
    undo: 'If it was not you, open this link and bring your address back:',
    button: 'Bring my address back',
    afterUndo: 'Then choose a new password, because somebody else was in your account.',
    ifYou: 'If it was you, there is nothing to do.',
  },
  teamInvitation: {
    subject: (brand) => `You are invited to a team at ${brand}`,
    ask: (brand) => `You are invited to join a team at ${brand}. Open this link to accept:`,
    askNamed: (brand, team) =>
      `You are invited to join the team “${team}” at ${brand}. Open this link to accept:`,
    button: 'See the invitation',
    condition:
      'You join with the account that uses this email address. If you have none yet, sign up with it first, then open the link again.',
    notYou: 'If you did not expect this, ignore this mail. Then you join no team.',
  },
  register: {
    subject: (brand) => `Confirm your email address to sign up for ${brand}`,
    ask: (brand) =>
      `Someone, maybe you, wants to open an account at ${brand} with this email address. If it was you, open this link and say yes:`,
    notYou:
      'If it was not you, ignore this mail and do not say yes: an account could then be opened in your name.',
  },
  identityLinked: {
    subject: (brand) => `New way to sign in to your account at ${brand}`,
    what: (brand, provider) =>
      `From now on your account at ${brand} can also be opened by signing in with ${provider}.`,
    ifYou: 'If it was you, there is nothing to do.',
    notYou:
      'If it was not you, sign in, remove this way of signing in, and change your password. If you can no longer sign in, ask for a new password on the sign-in page.',
  },
  apiKeyCreated: {
    subject: (brand) => `New API key for your account at ${brand}`,
    what: (brand) =>
      `An API key has just been made for your account at ${brand}. A program that has it can act for you without signing in.`,
    ifYou: 'If it was you, there is nothing to do.',
    notYou:
      'If it was not you, ask for a new password on the sign-in page at once: that revokes every API key and signs out every device.',
  },
  newDevice: {
    subject: (brand) => `New sign-in to your account at ${brand}`,
    what: (brand) =>
      `Someone has just signed in to your account at ${brand} from a device that was not used there before.`,
    ifYou: 'If it was you, there is nothing to do.',
    notYou:
      'If it was not you, change your password now: that signs out every other device. If you can no longer sign in, ask for a new password on the sign-in page.',
  },
}
