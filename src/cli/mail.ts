// npx . mail …
import { writeFile } from 'node:fs/promises'
import { defaultPolicy } from '../domain/policy.ts'
import { createProjects } from '../domain/projects.ts'
import { isUuid } from '../domain/uuid.ts'
import { languageNames } from '../mail/language.ts'
import { type Composed, composeMessage, type MailKind, mailKinds } from '../mail/messages.ts'
import { OperatorError } from '../operator.ts'
import type { ListedMail } from '../repositories/outbox.ts'
import { type Command, readOptions, UsageError } from './command.ts'
import { withStore } from './database.ts'

const usage = `Usage:
  npx . mail list [--dead] [--limit N] [--json]
  npx . mail retry ID | --all-dead [--json]
  npx . mail preview KIND [--lang LANGUAGE] [--project ID] [--out FILE]

list     mail that is owed, or with --dead mail that was given up, and why; the oldest first, 100 at most.
retry    makes a mail that waits or was given up due now, with all its attempts; --all-dead every one given up.
preview  prints a mail with a sample link; --out writes its HTML (its text, if FILE ends in .txt).
         With --project its name, logo and colour.

  KIND      ${mailKinds.join(', ')}
  LANGUAGE  ${languageNames.join(', ')}

Mail is written down without links and codes; they are made when it is sent. No command shows one.`

const options = {
  dead: { type: 'boolean' },
  limit: { type: 'string' },
  'all-dead': { type: 'boolean' },
  lang: { type: 'string' },
  project: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** Which options each verb takes; another one would be ignored in silence. */
const taken: Record<string, readonly (keyof typeof options)[]> = {
  list: ['dead', 'limit', 'json'],
  retry: ['all-dead', 'json'],
  preview: ['lang', 'project', 'out'],
}

function asJson({ id, projectId, kind, to, attempts, ...at }: ListedMail) {
  return {
    id,
    project_id: projectId,
    kind,
    to,
    attempts,
    created_at: at.createdAt,
    next_attempt_at: at.deadAt ? null : at.nextAttemptAt,
    dead_at: at.deadAt,
    last_error: at.lastError,
  }
}

async function list(dead: boolean, limit: number, json: boolean): Promise<void> {
  const { mails, total } = await withStore((store) =>
    store.everywhere.mailroom.list(dead ? 'dead' : 'owed', limit),
  )
  if (json) return console.log(JSON.stringify(mails.map(asJson)))
  for (const mail of mails) {
    const when = mail.deadAt ?? mail.nextAttemptAt
    const state = mail.deadAt
      ? 'given up'
      : mail.attempts > 0 && !mail.lastError
        ? 'being sent, until'
        : 'due'
    console.log(`${mail.id}  ${mail.kind}  ${mail.to}`)
    console.log(`  ${state} ${when.toISOString()}, attempts ${mail.attempts}`)
    if (mail.lastError) console.log(`  ${mail.lastError}`)
  }
  if (total > mails.length) console.log(`… and ${total - mails.length} more: --limit N shows them.`)
  if (total === 0) console.log(dead ? 'No mail was given up.' : 'No mail is owed.')
}

async function retry(id: string | undefined, json: boolean): Promise<void> {
  const count = await withStore(async ({ everywhere: { mailroom } }) => {
    if (id === undefined) return mailroom.retryAllDead()
    const found = await mailroom.retry(id)
    if (found === 'unknown') throw new OperatorError(`There is no mail ${id}; see: npx . mail list --dead.`)
    if (found === 'sent') throw new OperatorError(`The mail ${id} was sent.`)
    if (found === 'under_way') throw new OperatorError(`The mail ${id} is being sent at this moment.`)
    return 1
  })
  console.log(json ? JSON.stringify({ retried: count }) : `Due now: ${count}.`)
}

/** A mail as somebody could get it, with nothing in it that is true. */
function sample(
  kind: MailKind,
  locale: string,
  project = { name: 'Example', policy: defaultPolicy },
): Composed {
  const { name, logo_url, color } = project.policy.branding
  return composeMessage(kind, {
    locale,
    brand: { name: name ?? project.name, logoUrl: logo_url, color },
    displayName: 'Ada',
    link: 'https://example.com/account?token=SAMPLE',
    ...(kind !== 'email_changed' && kind !== 'team_invitation' && { code: '012345' }),
    teamName: 'Rockets',
    expiresInSeconds: kind === 'email_changed' ? 7 * 86_400 : 3600,
    device: 'Firefox on Linux',
    provider: 'Google',
    addressPrefix: '203.0.113.0/24',
    newEmail: 'someone@example.org',
    at: new Date(Date.UTC(2026, 0, 31, 12, 30)),
  })
}

async function preview(kind: MailKind, lang: string, id: string | undefined, out: string | undefined) {
  const project =
    id === undefined ? undefined : await withStore((store) => createProjects(store).get(id.toLowerCase()))
  const { subject, text, html } = sample(kind, lang, project)
  if (out === undefined) return console.log(`Subject: ${subject}\n\n${text.trimEnd()}`)
  const content = out.endsWith('.txt') ? `Subject: ${subject}\n\n${text}` : html
  await writeFile(out, content).catch((error: Error) => {
    throw new OperatorError(`${out} cannot be written: ${error.message}`)
  })
  console.log(`Wrote ${out}`)
}

const isKind = (text: string | undefined): text is MailKind => mailKinds.some((kind) => kind === text)

export const command: Command = {
  usage,
  async run(words) {
    const { values, positionals } = readOptions(words, options, usage)
    const [verb = '', argument, ...rest] = positionals
    const known = Object.hasOwn(taken, verb) ? taken[verb] : undefined
    if (!known || rest.length > 0) throw new UsageError('That is not a mail command.', usage)
    const foreign = Object.keys(values).find((name) => !known.some((option) => option === name))
    if (foreign) throw new UsageError(`mail ${verb} takes no --${foreign}.`, usage)
    const json = values.json ?? false

    if (verb === 'list') {
      const limit = Number(values.limit ?? 100)
      if (argument !== undefined) throw new UsageError('mail list takes no ID.', usage)
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000_000)
        throw new UsageError('--limit must be a whole number from 1 to 1000000.', usage)
      return list(values.dead ?? false, limit, json)
    }
    if (verb === 'retry') {
      if ((argument === undefined) !== (values['all-dead'] ?? false))
        throw new UsageError('mail retry needs the ID of a mail, or --all-dead.', usage)
      if (argument !== undefined && !isUuid(argument))
        throw new OperatorError(`"${argument}" is no mail's id; see the list with: npx . mail list --dead.`)
      return retry(argument, json)
    }
    if (!isKind(argument)) throw new UsageError(`mail preview needs a KIND: ${mailKinds.join(', ')}.`, usage)
    const lang = values.lang ?? 'en'
    if (!languageNames.includes(lang))
      throw new UsageError(`--lang must be one of ${languageNames.join(', ')}.`, usage)
    if (values.project !== undefined && !isUuid(values.project))
      throw new OperatorError(`"${values.project}" is no project id; see the list with: npx . projects list.`)
    return preview(argument, lang, values.project, values.out)
  },
}
