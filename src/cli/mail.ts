// npx . mail …
import { byCommandLine, installationId, recordAct } from '../domain/audit/operator-acts.ts'
import { languages } from '../formats.ts'
import { allMailKinds, type MailKind } from '../mail/kinds.ts'
import type { Composed } from '../mail/messages.ts'
import { previewMessage } from '../mail/preview.ts'
import { requireOutputFile, writeOutputFile } from '../output-file.ts'
import type { UnscopedDatabase } from '../repositories/database.ts'
import * as rows from '../repositories/mail/listed-mails.ts'
import { withProject, withServices } from './database.ts'
import { CommandError, UsageError } from './errors.ts'
import {
  argument,
  command,
  group,
  idOf,
  jsonOption,
  oneOf,
  option,
  path,
  print,
  projectId,
  wholeNumber,
} from './options.ts'
import { printLine } from './standard-output.ts'

function mailFacts({ id, projectId, kind, to, attempts, ...at }: rows.ListedMail) {
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

function mailLines(mail: rows.ListedMail): string[] {
  const isBeingSent = mail.attempts > 0 && !mail.lastError
  const state = mail.deadAt ? 'given up' : isBeingSent ? 'being sent, until' : 'due'
  return [
    `${mail.id}  ${mail.kind}  ${mail.to}`,
    `  ${state} ${(mail.deadAt ?? mail.nextAttemptAt).toISOString()}, attempts ${mail.attempts}`,
    ...(mail.lastError ? [`  ${mail.lastError}`] : []),
  ]
}

interface Given {
  readonly json?: boolean
  readonly dead?: boolean
  readonly allDead?: boolean
  readonly limit: number
  readonly kind?: MailKind
  readonly language: string
  readonly project?: string
  readonly to?: string
}

async function list({ dead = false, limit, json }: Given): Promise<void> {
  const { mails, total } = await withServices(({ stores }) =>
    rows.listMails(stores.unscoped, dead ? 'dead' : 'owed', limit),
  )
  const lines = mails.flatMap(mailLines)
  if (total > mails.length) lines.push(`… and ${total - mails.length} more: --limit N shows them.`)
  if (total === 0) lines.push(dead ? 'No mail was given up.' : 'No mail is owed.')
  print(json, mails.map(mailFacts), lines)
}

/** @returns 1 @throws CommandError for a mail that cannot be sent again */
async function retryOne(tx: UnscopedDatabase, id: string): Promise<number> {
  const found = await rows.retryMail(tx, id)
  if (found === 'unknown')
    throw new CommandError(`There is no mail ${id}; see the list with: npx . mail list --dead.`)
  if (found === 'sent') throw new CommandError(`The mail ${id} was sent.`)
  if (found === 'under_way') throw new CommandError(`The mail ${id} is being sent at this moment.`)
  return 1
}

async function retry(id: string | undefined, { allDead = false, json }: Given): Promise<void> {
  if ((id === undefined) !== allDead)
    throw new UsageError('mail retry needs the ID of a mail, or --all-dead.')
  const retried = await withServices(({ stores }) =>
    stores.unscoped.transaction(async (tx) => {
      const count = id === undefined ? await rows.retryDeadMails(tx) : await retryOne(tx, id)
      await recordAct(tx, byCommandLine, installationId, 'mail_retried')
      return count
    }),
  )
  print(json, { retried }, `Due now: ${retried}.`)
}

/** A mail with sample values, in the look of a project. */
async function sample(kind: MailKind, locale: string, id: string | undefined): Promise<Composed> {
  if (id === undefined) return previewMessage(kind, locale)
  const { name: projectName, policy } = await withProject(id, async (ctx) => ctx.project)
  const { name, logo_url: logoUrl, color } = policy.branding
  return previewMessage(kind, locale, { name: name ?? projectName, logoUrl, color })
}

async function preview(
  named: MailKind | undefined,
  { kind = named, language, project, to }: Given,
): Promise<void> {
  if (kind === undefined || (named !== undefined && named !== kind))
    throw new UsageError('mail preview needs one kind of mail.')
  if (to !== undefined) await requireOutputFile(to)
  const { subject, text, html } = await sample(kind, language, project)
  if (to === undefined) return print(false, null, [`Subject: ${subject}`, '', ...text.trimEnd().split('\n')])
  const content = to.endsWith('.txt') ? `Subject: ${subject}\n\n${text}` : html
  await writeOutputFile(to, (write) => write(content))
  printLine(`Wrote ${to}`)
}

export const mail = group(
  'mail',
  'Shows the mail queue. It holds no links and codes: they are made when a mail is sent, and no command shows one.',
  [
    command(
      'list',
      'prints the mails that wait, or those that were given up, and why; the oldest first',
      [
        option('--dead', 'the mails that were given up'),
        option('--limit <N>', 'how many at most', wholeNumber(1, 1_000_000)).default(100),
        jsonOption,
      ],
      list,
    ),
    command(
      'retry',
      'makes a mail that waits or was given up due now, with all its attempts',
      [
        argument('[ID]', 'the mail', idOf('mail', 'mail list --dead')),
        option('--all-dead', 'every mail that was given up'),
        jsonOption,
      ],
      retry,
    ).usage('ID | --all-dead [--json]'),
    command(
      'preview',
      'prints a mail with a sample link',
      [
        argument('[KIND]', allMailKinds.join(', '), oneOf(allMailKinds)),
        option('--kind <KIND>', 'the same by name', oneOf(allMailKinds)),
        option('--lang, --language <LANGUAGE>', languages.join(', '), oneOf(languages)).default('en'),
        option('--project <ID>', 'take name, logo and colour of this project', projectId),
        option(
          '--out, --to <FILE>',
          'write the HTML to this file, or the text if its name ends in .txt',
          path,
        ),
      ],
      preview,
    ).usage('KIND [--language LANGUAGE] [--project ID] [--to FILE]'),
  ],
)
