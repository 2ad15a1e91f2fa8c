// npx . users …

import { readConfig } from '../config/config.ts'
import type { OperatorContext } from '../domain/context.ts'
import * as factors from '../domain/operators/factors.ts'
import * as changes from '../domain/operators/user-changes.ts'
import * as verbs from '../domain/operators/users.ts'
import { isOperatorsProject } from '../domain/projects/operators-project.ts'
import { mustOpenSigningKeys } from '../domain/signing-keys/signing-keys.ts'
import { sessionView, userView } from '../http/views.ts'
import type { UserRow } from '../repositories/accounts/users.ts'
import { CommandError } from './errors.ts'
import { exportDescription, exportOptions, prepareExport, runExport } from './export.ts'
import {
  type ImportWords,
  importDescription,
  importOptions,
  prepareImport,
  runImport,
} from './import/command.ts'
import { emailOption, group, oneOf, option, type ProjectOptions, required, wholeNumber } from './options.ts'
import { projectCommands } from './project-command.ts'

/** The options of all commands; each has those that it declares. */
interface Given extends ProjectOptions, ImportWords {
  readonly email: string
  readonly password?: string
  readonly firstName?: string
  readonly lastName?: string
  readonly displayName?: string
  readonly role: UserRow['role']
  readonly verified?: boolean
  readonly force?: boolean
  readonly cancel?: boolean
  readonly after?: number
  readonly limit: number
}

const command = projectCommands<Given>({
  account_unproven:
    'The holder of this account has not proven the address, so it may be the account of another person. To make it an admin nevertheless: --force.',
  account_unknown: 'There is no account with this address in the project.',
  factor_needed: 'This account has no second factor.',
  last_owner:
    'This is the last owner of all projects: make another operator one first, with: npx . operators set-role.',
  email_taken: 'There is an account with this address in the project already.',
  team_admin_needed:
    'A team would be left without an ADMIN: make another of its members one first, with: npx . teams set-role. An account that must be locked at once: users disable --force.',
})

/** @returns a function that shows a user as `GET /me` does */
const viewFor = () => userView(readConfig().publicUrl)

/** A command about one account, which it prints. */
const accountCommand = (
  name: string,
  description: string,
  options: Parameters<typeof command>[2],
  act: (ctx: OperatorContext, given: Given) => Promise<UserRow>,
  prepare?: Parameters<typeof command>[4],
) =>
  command(
    name,
    description,
    [emailOption, ...options],
    async (ctx, given) => {
      const user = await act(ctx, given)
      const facts = viewFor()(user)
      const lines = Object.entries({ ...facts, disabled_at: user.disabledAt?.toISOString() })
        .filter(([, value]) => value !== null && value !== undefined)
        .map(
          ([name, value]) =>
            `${name.padEnd(18)} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
        )
      return [facts, lines]
    },
    prepare,
  )

const userLine = (user: UserRow) =>
  `${String(user.id).padEnd(8)} ${user.uuid}  ${user.email}  ${user.role}${user.emailVerifiedAt ? '  verified' : ''}${user.disabledAt ? '  disabled' : ''}`

/** The first line of standard input. */
async function readLine(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text.replace(/\r?\n[\s\S]*$/, '')
}

async function create(ctx: OperatorContext, given: Given): Promise<UserRow> {
  const { email, role, password = null, firstName = null, lastName = null, displayName = null } = given
  const { verified = false } = given
  if (isOperatorsProject(ctx.project))
    throw new CommandError(
      'This is the project of the operators, and an account alone is no operator there. Make one with: npx . operators create EMAIL --role ROLE',
    )
  await mustOpenSigningKeys(ctx.services)
  const facts = { email, password, firstName, lastName, displayName, role, verified }
  const user = await verbs.createUser(ctx, facts)
  if (password === null)
    console.error('No password was given: the account has none until its owner asks for a reset mail.')
  return user
}

/** Work that seals or opens secrets of users. @throws SealedKeyError, before it, where SECRET_KEY is another installation's */
const opened =
  <Words, Result>(work: (ctx: OperatorContext, given: Words) => Promise<Result>) =>
  async (ctx: OperatorContext, given: Words): Promise<Result> => {
    await mustOpenSigningKeys(ctx.services)
    return work(ctx, given)
  }

const roles: readonly UserRow['role'][] = ['user', 'admin']
const roleWords = ['--role <ROLE>', roles.join(', '), oneOf(roles)] as const

export const users = group(
  'users',
  'Manages the accounts of a project. With --json a command prints the user as GET /me shows them, list an array of users, import a report, factors { enrolled, recovery_codes_left, trusted_devices, reset_due_at } and reset-factors { reset_due_at }.',
  [
    accountCommand(
      'create',
      'makes an account and sends no mail; without --password its owner chooses one with "forgot password"',
      [
        option('--password <PASSWORD>', 'the password; - reads one line of standard input'),
        option('--first-name <NAME>', 'first name'),
        option('--last-name <NAME>', 'last name'),
        option('--display-name <NAME>', 'display name'),
        option(...roleWords).default('user'),
        option('--verified', 'you vouch for the address'),
      ],
      create,
      async (given) => (given.password === '-' ? { ...given, password: await readLine() } : given),
    ),
    command(
      'list',
      'prints the accounts, the oldest first',
      [
        option('--after <ID>', 'go on after this id', wholeNumber(1, Number.MAX_SAFE_INTEGER)),
        option('--limit <N>', 'how many at most', wholeNumber(1, 10_000)).default(100),
      ],
      async (ctx, { after = null, limit }) => {
        const found = await verbs.listUsers(ctx, after, limit + 1)
        const page = found.slice(0, limit)
        if (found.length > limit)
          console.error(`There are more: --after ${page.at(-1)?.id} goes on, --limit N shows more at once.`)
        return [page.map(viewFor()), page.length > 0 ? page.map(userLine) : 'There is no account.']
      },
    ),
    accountCommand('show', 'prints an account', [], (ctx, { email }) => verbs.findAccount(ctx, email)),
    accountCommand(
      'set-role',
      'changes the role of an account',
      [required(...roleWords), option('--force', 'also where the holder has not proven the address')],
      (ctx, { email, role, force = false }) => verbs.setUserRole(ctx, email, role, { force }),
    ),
    accountCommand(
      'disable',
      'refuses the account everywhere and ends its sessions at once',
      [option('--force', 'also the last ADMIN of a team that has other members')],
      (ctx, { email, force = false }) => verbs.setUserDisabled(ctx, email, true, { force }),
    ),
    accountCommand('enable', 'lets the account sign in again', [], (ctx, { email }) =>
      verbs.setUserDisabled(ctx, email, false),
    ),
    accountCommand(
      'delete',
      'removes the account with everything that belongs to it at once',
      [],
      (ctx, { email }) => verbs.removeUser(ctx, email),
    ),
    command(
      'factors',
      'prints the second factors of an account, without secrets',
      [emailOption],
      async (ctx, { email }) => {
        const { enrolled, recoveryCodesLeft, trustedDevices, resetDueAt } = await factors.showFactors(
          ctx,
          email,
        )
        const facts = {
          enrolled,
          recovery_codes_left: recoveryCodesLeft,
          trusted_devices: trustedDevices.length,
          reset_due_at: resetDueAt?.toISOString() ?? null,
        }
        const lines = [
          `second factors       ${enrolled.join(', ') || 'none'}`,
          `recovery codes left  ${recoveryCodesLeft}`,
          `trusted devices      ${trustedDevices.length}`,
          ...(resetDueAt ? [`to be removed        ${resetDueAt.toISOString()}`] : []),
        ]
        return [facts, lines]
      },
    ),
    command(
      'reset-factors',
      'removes the second factors and recovery codes of an account whose owner lost them, after the waiting time of the policy (factors.reset_wait_hours): the owner is told by mail, and a sign-in with a factor before that cancels it',
      [emailOption, option('--cancel', 'takes such a request back')],
      async (ctx, { email, cancel = false }) => {
        if (cancel) {
          const isCancelled = await factors.cancelFactorsReset(ctx, email)
          const words = 'Nothing was to be removed: there is no request for this account.'
          return [{ reset_due_at: null }, isCancelled ? 'The factors stay.' : words]
        }
        const dueAt = await factors.resetFactors(ctx, email)
        const isWaiting = ctx.project.policy.factors.reset_wait_hours > 0
        const words = isWaiting
          ? `The factors are removed within minutes of ${dueAt.toISOString()}, unless the owner signs in with one before.`
          : 'The factors are removed.'
        return [{ reset_due_at: dueAt.toISOString() }, words]
      },
    ),
    command('sessions', 'prints the living sessions of an account', [emailOption], async (ctx, { email }) => {
      const { uuid } = await verbs.findAccount(ctx, email)
      const sessions = await changes.sessionsOf(ctx, uuid)
      const lines = sessions.map(
        ({ id, lastSeenAt, addressPrefix }) => `${id}  last seen ${lastSeenAt}  ${addressPrefix ?? ''}`,
      )
      return [sessions.map((session) => sessionView(session, null)), lines.length > 0 ? lines : 'No session.']
    }),
    command('end-sessions', 'signs an account out everywhere', [emailOption], async (ctx, { email }) => {
      const { uuid } = await verbs.findAccount(ctx, email)
      await changes.endSessionsOf(ctx, uuid)
      return [{ ended: true }, 'Every session has ended.']
    }),
    command(
      'reset-password',
      'sends the mail with which the owner of an account chooses a new password',
      [emailOption],
      async (ctx, { email }) => {
        const { uuid } = await verbs.findAccount(ctx, email)
        await changes.sendReset(ctx, uuid, null)
        return [{ queued: true }, 'The mail is queued, unless one was sent within the cooldown.']
      },
    ),
    accountCommand(
      'verify',
      'vouches for the address of an account, as proven by its holder',
      [],
      async (ctx, { email }) => changes.verifyUser(ctx, (await verbs.findAccount(ctx, email)).uuid),
    ),
    command('import', importDescription, importOptions, opened(runImport), prepareImport),
    command('export', exportDescription, exportOptions, opened(runExport), prepareExport),
  ],
)
