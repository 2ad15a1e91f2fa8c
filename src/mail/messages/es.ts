// Every sentence of every mail, in Spanish.
import type { Language } from '../language.ts'

export const es: Language = {
  tag: 'es',
  direction: 'ltr',
  formats: 'es',

  hello: (name) => `Hola, ${name}:`,
  helloStranger: 'Hola:',
  copyLink: 'Si el botón no funciona, copia este enlace en tu navegador:',
  orTypeCode: 'O escribe este código donde se te pida:',
  linkAndCodeOnce: (lifetime) =>
    `El enlace y el código funcionan una sola vez. Tiempo de validez: ${lifetime}.`,
  linkOnce: (lifetime) => `El enlace funciona una sola vez. Tiempo de validez: ${lifetime}.`,
  device: 'Dispositivo:',
  network: 'Red:',
  time: 'Fecha:',

  verifyEmail: {
    subject: (brand) => `Confirma tu correo electrónico para ${brand}`,
    ask: (brand) =>
      `Por favor, confirma que esta es tu dirección de correo electrónico para ${brand}. Abre este enlace y acepta:`,
    button: 'Confirmar el correo',
    notYou: 'Si no lo has pedido, ignora este mensaje. La dirección quedará sin confirmar.',
  },
  addressTaken: {
    subject: (brand) => `Ya tienes una cuenta en ${brand}`,
    what: (brand) =>
      `Alguien, quizá tú, ha intentado registrarse en ${brand} con esta dirección de correo. Ya tienes una cuenta allí, así que no se ha cambiado nada.`,
    ifYou:
      'Si has sido tú, inicia sesión como siempre. Si ya no sabes tu contraseña, restablécela desde la página de inicio de sesión.',
    notYou: 'Si no has sido tú, ignora este mensaje. Tu cuenta sigue como estaba.',
  },
  resetPassword: {
    subject: (brand) => `Elige una contraseña nueva para ${brand}`,
    ask: (brand) =>
      `Alguien, quizá tú, ha pedido una contraseña nueva para tu cuenta en ${brand}. Abre este enlace y elige una:`,
    button: 'Elegir una contraseña nueva',
    notYou: 'Si no lo has pedido, ignora este mensaje. Tu contraseña sigue siendo la misma.',
  },
  passwordChanged: {
    subject: (brand) => `Se ha cambiado tu contraseña de ${brand}`,
    what: (brand) => `La contraseña de tu cuenta en ${brand} se acaba de cambiar.`,
    ifYou:
      'Si has sido tú, no tienes que hacer nada. En los demás dispositivos habrá que iniciar sesión de nuevo.',
    notYou:
      'Si no has sido tú, pide ahora mismo una contraseña nueva en la página de inicio de sesión: así se cierra la sesión en todos los dispositivos. Después comprueba que nadie más lee tu correo.',
  },
  changeEmail: {
    subject: (brand) => `Confirma tu nuevo correo electrónico para ${brand}`,
    ask: (brand) =>
      `Tu cuenta en ${brand} va a usar esta dirección de correo a partir de ahora. Abre este enlace y acepta:`,
    button: 'Usar esta dirección',
    notYou: 'Si no lo has pedido, ignora este mensaje. No cambiará nada.',
  },
  emailChanged: {
    subject: (brand) => `Se ha cambiado tu correo electrónico de ${brand}`,
    what: (brand, newEmail) => `Tu cuenta en ${brand} usa ahora la dirección ${newEmail} en lugar de esta.`,
    undo: 'Si no has sido tú, abre este enlace y recupera tu dirección:',
    button: 'Recuperar mi dirección',
    afterUndo: 'Después elige una contraseña nueva, porque otra persona ha entrado en tu cuenta.',
    ifYou: 'Si has sido tú, no tienes que hacer nada.',
  },
  teamInvitation: {
    subject: (brand) => `Invitación a un equipo en ${brand}`,
    ask: (brand) =>
      `Has recibido una invitación para unirte a un equipo en ${brand}. Abre este enlace para aceptarla:`,
    askNamed: (brand, team) =>
      `Has recibido una invitación para unirte al equipo «${team}» en ${brand}. Abre este enlace para aceptarla:`,
    button: 'Ver la invitación',
    condition:
      'Te unes con la cuenta que usa esta dirección de correo. Si todavía no tienes ninguna, regístrate primero con ella y vuelve a abrir el enlace.',
    notYou: 'Si no esperabas este mensaje, ignóralo. Así no te unirás a ningún equipo.',
  },
  register: {
    subject: (brand) => `Confirma tu correo electrónico para registrarte en ${brand}`,
    ask: (brand) =>
      `Alguien, quizá tú, quiere abrir una cuenta en ${brand} con esta dirección de correo. Si has sido tú, abre este enlace y acepta:`,
    notYou:
      'Si no has sido tú, ignora este mensaje y no aceptes: de lo contrario, se podría abrir una cuenta a tu nombre.',
  },
  identityLinked: {
    subject: (brand) => `Nueva forma de entrar en tu cuenta de ${brand}`,
    what: (brand, provider) =>
      `A partir de ahora, también se puede entrar en tu cuenta de ${brand} iniciando sesión con ${provider}.`,
    ifYou: 'Si has sido tú, no tienes que hacer nada.',
    notYou:
      'Si no has sido tú, inicia sesión, quita esta forma de entrar y cambia tu contraseña. Si ya no puedes entrar, pide una contraseña nueva en la página de inicio de sesión.',
  },
  apiKeyCreated: {
    subject: (brand) => `Nueva clave de API para tu cuenta de ${brand}`,
    what: (brand) =>
      `Se acaba de crear una clave de API para tu cuenta en ${brand}. Un programa que la tenga puede actuar en tu nombre sin iniciar sesión.`,
    ifYou: 'Si has sido tú, no tienes que hacer nada.',
    notYou:
      'Si no has sido tú, pide ahora mismo una contraseña nueva en la página de inicio de sesión: así se revocan todas las claves de API y se cierra la sesión en todos los dispositivos.',
  },
  newDevice: {
    subject: (brand) => `Nuevo inicio de sesión en tu cuenta de ${brand}`,
    what: (brand) =>
      `Alguien acaba de iniciar sesión en tu cuenta de ${brand} desde un dispositivo que no se había usado antes.`,
    ifYou: 'Si has sido tú, no tienes que hacer nada.',
    notYou:
      'Si no has sido tú, cambia tu contraseña ahora: así se cierra la sesión en los demás dispositivos. Si ya no puedes entrar, pide una contraseña nueva en la página de inicio de sesión.',
  },
}
