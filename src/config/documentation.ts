// The table of environment variables for the documentation and for `--help`.
import { importSecretPrefix, providerSecretPrefix, variables } from './variables.ts'

const rows = Object.entries({
  ...variables,
  [`${providerSecretPrefix}…`]: {
    shown: 'none',
    about: 'Secrets of clients at sign-in providers. The policy of a project names the variable.',
  },
  [`${importSecretPrefix}…`]: {
    shown: 'none',
    about:
      'Secrets that prove us to the old systems of lazy moves. The policy of a project names the variable.',
  },
})

/** Every variable with its default and its sentence, as a table in Markdown. */
export function variablesTable(): string {
  const lines = rows.map(([name, { shown, about }]) => `| \`${name}\` | ${shown} | ${about} |`)
  return ['| variable | default | |', '|---|---|---|', ...lines].join('\n')
}

/** Every variable with its default and its sentence, as text for a terminal, without blanks at the end of a line. */
export function variablesText(): string {
  const lines = rows.map(([name, { shown, about }]) => `    ${name} (${shown})\n        ${about}`)
  return lines.join('\n').replaceAll('`', '')
}
