// Whose account is it? Random walks of an owner, who reads the mail of an address, and a thief, who does not, through
// every verb and contract. Once the owner has entered by the mailbox, nothing that the thief had opens, reads or changes the
// account, and nothing is lost that the table of the account's life says stays. Once the owner has enrolled a second factor, nothing
// that the thief learns later opens a session either, short of a session that is stolen whole.
//
// WALKS (default 500) and WALK_SEED choose how many and which; a walk that fails is shrunk to the shortest one.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import {
  confirmEmailChange,
  requestEmailChange,
  undoEmailChange,
} from '../../src/domain/accounts/email-change.ts'
import { requestEmailSignIn, signInByEmail } from '../../src/domain/accounts/email-sign-in.ts'
import { confirmTotp, proposeTotp } from '../../src/domain/accounts/factors.ts'
import { changePassword } from '../../src/domain/accounts/password-change.ts'
import { updateProfile } from '../../src/domain/accounts/profile.ts'
import { disownSignIn, requestReset, resetPassword } from '../../src/domain/accounts/recovery.ts'
import {
  completeRegistration,
  proveRegistration,
  requestRegistration,
} from '../../src/domain/accounts/registration.ts'
import { signOutEverywhere } from '../../src/domain/accounts/sign-out-everywhere.ts'
import { register, signUp } from '../../src/domain/accounts/sign-up.ts'
import {
  confirmEmail,
  disownSignUp,
  findOpenVerification,
  resendVerification,
} from '../../src/domain/accounts/verification.ts'
import type { Caller } from '../../src/domain/actor.ts'
import { authenticateApiKey, createApiKey } from '../../src/domain/api-keys/api-keys.ts'
import { inTransaction, operatorContext, type SignedInContext } from '../../src/domain/context.ts'
import { completeSecondFactor } from '../../src/domain/credentials/second-factor.ts'
import { signInWithPassword } from '../../src/domain/credentials/sign-in.ts'
import { AuthError } from '../../src/domain/errors.ts'
import { setUserDisabled } from '../../src/domain/operators/users.ts'
import { createProject, type Project } from '../../src/domain/projects/projects.ts'
import { providerOf } from '../../src/domain/projects/providers.ts'
import type { Grant } from '../../src/domain/sessions/grants.ts'
import { refreshSession } from '../../src/domain/sessions/refresh.ts'
import { authenticateSession } from '../../src/domain/sessions/sessions.ts'
import { linkProfile } from '../../src/domain/social/admission.ts'
import { enterByProvider, openByProvider } from '../../src/domain/social/sign-in.ts'
import { acceptInvitation, invite } from '../../src/domain/teams/invitations.ts'
import { addMember } from '../../src/domain/teams/members.ts'
import { createEmptyTeam, createTeam, listMemberships } from '../../src/domain/teams/teams.ts'
import { isObsolete, recipientOf } from '../../src/jobs/compose-mail.ts'
import { mintSecrets, type Outgoing } from '../../src/jobs/mail.ts'
import { propertiesOf } from '../../src/mail/kinds.ts'
import { findUser } from '../../src/repositories/accounts/users.ts'
import { markMailsSent, takeMails } from '../../src/repositories/mail/mail-queue.ts'
import { createTestDomain, stranger } from '../support/domain.ts'
import { type Authenticator, authenticatorOf } from '../support/factors.ts'
import { writeProof } from '../support/proof.ts'

const policy = (mode: string) => ({
  verification: { mode, resend_cooldown_seconds: 0 },
  lockout: { failures: 1000 },
  email_sign_in: 'sign_up',
  providers: { corp: { issuer: 'https://id.example.com', client_ids: ['us'] } },
})
const domain = await createTestDomain(t, { policy: policy('lenient') })
const { services, sql } = domain
const projects: Record<'lenient' | 'strict', Project> = {
  lenient: domain.project,
  strict: (await createProject(services, 'Strict', policy('strict'))).project,
}
type Mode = keyof typeof projects
const projectOf = (id: string) => (id === projects.strict.id ? projects.strict : projects.lenient)

interface Mail {
  readonly kind: string
  readonly token: string
  readonly code: string
  readonly claimId: string | undefined
}

type Name = 'owner' | 'thief'

/** A person with everything that they know or hold. */
class Person {
  readonly mails: Mail[] = []
  readonly passwords: string[] = []
  readonly sessions: Grant[] = []
  readonly keys: string[] = []
  /** Subjects at the provider. */
  readonly linked: string[] = []
  /** The UUIDs of the accounts that they typed at sign-ups. */
  readonly typed: string[] = []
  readonly caller: Caller
  readonly name: Name
  readonly address: string
  constructor(name: Name, address: string, network: string) {
    this.name = name
    this.address = address
    const prefix = `${network}.0/24`
    this.caller = {
      ...stranger,
      address: `${network}.7`,
      addressPrefix: prefix,
      userAgent: name,
      device: name,
    }
  }
  newPassword(): string {
    const password = `password of the ${this.name} ${this.passwords.length}`
    this.passwords.push(password)
    return password
  }
  mail(...kinds: string[]): Mail | undefined {
    return this.mails.findLast(({ kind }) => kinds.includes(kind))
  }
}

/** What breaks the promise. */
class Violation extends Error {}

class Walk {
  readonly project: Project
  readonly address: string
  readonly owner: Person
  readonly thief: Person
  /** Set once the owner has entered: the account that is theirs. A theft takes it back. */
  account: number | null = null
  constructor(mode: Mode) {
    const id = randomUUID()
    this.project = projects[mode]
    this.address = `v-${id}@example.com`
    this.owner = new Person('owner', this.address, '192.0.2')
    this.thief = new Person('thief', `t-${id}@example.com`, '203.0.113')
  }

  ctx(person: Person) {
    return domain.context(person.caller, null, this.project)
  }

  /** In the newest session of a person that lives; null: they have none. */
  async session(person: Person): Promise<SignedInContext | null> {
    for (const grant of person.sessions.toReversed()) {
      const ctx = this.ctx(person)
      const found = await authenticateSession(ctx, grant).catch(() => null)
      if (found) return domain.signedIn(found, person.caller, this.project)
    }
    return null
  }

  /** Notes that somebody is in an account. */
  opened(person: Person, userId: number, by: string): void {
    if (person.name === 'thief' && this.account === userId)
      throw new Violation(`the thief is in the owner's account by ${by}`)
  }

  /** The authenticator of an account, and who has it. */
  factor: { readonly userId: number; readonly by: Name; readonly authenticator: Authenticator } | null = null
  isSessionStolen = false

  /** Notes that somebody is in a session. */
  inSession(person: Person, userId: number, by: string): void {
    const isOwners = this.factor?.by === 'owner' && this.factor.userId === userId
    if (person.name === 'thief' && isOwners && !this.isSessionStolen)
      throw new Violation(`the thief has a session without the second factor by ${by}`)
  }

  took(person: Person, grant: Grant, by: string): void {
    person.sessions.push(grant)
    this.inSession(person, grant.user.id, by)
    this.opened(person, grant.user.id, by)
  }

  /** Whether the thief has a credential of the owner: only a recovery takes it away. */
  isStolen = false

  /** The owner entered by the mailbox. */
  entered(userId: number, recovers = false): void {
    if (this.isStolen && !recovers) return
    this.isStolen = false
    this.account = userId
  }

  steal(): void {
    this.isStolen = true
    this.account = null
  }

  /** Sends the mail of both people. */
  async deliver(): Promise<void> {
    const rows = await takeMails(services.stores.unscoped, 1000, 120)
    // What the end of another walk left is not read.
    const mine = rows.filter((row) => row.projectId === this.project.id && !isObsolete(row))
    const mails = mine.map(
      // Mail of an earlier walk's last look may be among them.
      (row): Outgoing => ({
        row,
        project: projectOf(row.projectId),
        purpose: propertiesOf(row.kind).link ?? null,
      }),
    )
    const secrets = await mintSecrets(services, mails)
    for (const row of mine) {
      const { token = '', code = '' } = secrets.get(row.id) ?? {}
      const to = recipientOf(row)
      const reader = [this.owner, this.thief].find(({ address }) => address === to)
      reader?.mails.push({ kind: row.kind, token, code, claimId: row.details.claimId })
    }
    if (rows.length > 0)
      await markMailsSent(
        services.stores.unscoped,
        rows.map(({ id }) => id),
      )
  }
}

type Act = (walk: Walk) => Promise<void>

const profile = (subject: string, email: string, emailVerified: boolean) => ({
  issuer: 'https://id.example.com',
  subject,
  email,
  emailVerified,
  displayName: 'From a provider',
  firstName: null,
  lastName: null,
})

function corp(walk: Walk) {
  const provider = providerOf(walk.project.policy.providers, 'corp')
  if (!provider) throw new Error('no provider')
  return provider
}

async function enterWith(walk: Walk, person: Person, subject: string, email: string, verified: boolean) {
  const proof = { provider: corp(walk), profile: profile(subject, email, verified), singleUse: null }
  const grant = await enterByProvider(walk.ctx(person), proof, null, openByProvider)
  walk.took(person, grant, 'a provider')
  return grant
}

async function signsUp(walk: Walk, person: Person) {
  const password = person.newPassword()
  const facts = { email: walk.address, password, displayName: person.name }
  const result = await signUp(walk.ctx(person), facts)
  if (result.kind === 'signed_in') walk.took(person, result.grant, 'a sign-up')
  else person.typed.push(result.user.uuid)
}

async function signsIn(walk: Walk, person: Person) {
  for (const password of new Set(person.passwords)) {
    const ctx = walk.ctx(person)
    const grant = await signInWithPassword(ctx, { email: walk.address, password }).catch((error: unknown) =>
      bySecondFactor(walk, person, error),
    )
    if (grant) walk.took(person, grant, 'a password')
    if (person.name === 'owner') continue
    const nora = domain.context({ ...person.caller, client: 'nora' }, null, walk.project)
    const other = await signInWithPassword(nora, { email: walk.address, password }).catch(refused)
    if (other) walk.took(person, other, 'a password at Nora')
  }
}

/** Completes a sign-in whose second factor is due, if this person has it. */
async function bySecondFactor(walk: Walk, person: Person, error: unknown): Promise<Grant | null> {
  const challenge = error instanceof AuthError ? error.details.challenge : undefined
  const { factor } = walk
  if (challenge === undefined || factor?.by !== person.name) return refused(error)
  await sql`update totp_factors set last_step = 0 where user_id = ${factor.userId}`
  const proof = { method: 'totp', code: factor.authenticator.code() } as const
  const given = { challenge, proof, trustDevice: false }
  return (await completeSecondFactor(walk.ctx(person), given).catch(refused))?.grant ?? null
}

async function asksForSignInMail(walk: Walk, person: Person, email: string) {
  await requestEmailSignIn(walk.ctx(person), { email, redirectTo: null })
}

async function signsInByMail(walk: Walk, person: Person): Promise<Grant> {
  const { token } = demandMail(person, 'sign_in_code')
  const grant = await signInByEmail(walk.ctx(person), { token }).catch((error: unknown) =>
    bySecondFactor(walk, person, error),
  )
  if (!grant) throw new AuthError('invalid_verification_token')
  walk.took(person, grant, 'a sign-in by mail')
  return grant
}

async function enrols(walk: Walk, person: Person) {
  const ctx = await demandSession(walk, person)
  const { secret } = await proposeTotp(ctx)
  const authenticator = authenticatorOf(secret)
  await confirmTotp(ctx, authenticator.code())
  walk.factor = { userId: ctx.actor.user.id, by: person.name, authenticator }
}

function refused(error: unknown): null {
  if (error instanceof AuthError) return null
  throw error
}

const demandSession = async (walk: Walk, person: Person) => {
  const ctx = await walk.session(person)
  if (!ctx) throw new AuthError('unauthenticated')
  walk.opened(person, ctx.actor.user.id, 'a session')
  return ctx
}

const demandMail = (person: Person, ...kinds: string[]) => {
  const mail = person.mail(...kinds)
  if (!mail) throw new AuthError('invalid_verification_token')
  return mail
}

/** What stays when the owner recovers an account: names, memberships. */
async function belongings(walk: Walk): Promise<string> {
  const [row] = await sql`select id, display_name from users
    where project_id = ${walk.project.id} and email = ${walk.address}`
  if (!row) return ''
  const teams = await listMemberships(walk.ctx(walk.owner), Number(row.id))
  return JSON.stringify([row.id, row.display_name, teams.map(({ teamId }) => teamId).sort()])
}

/** Runs an entry of the owner into an account that is there, which must leave what the table says stays. */
async function entering(
  walk: Walk,
  act: () => Promise<number>,
  { keepsNames = true, recovers = true } = {},
): Promise<void> {
  const before = await belongings(walk)
  const userId = await act()
  walk.entered(userId, recovers)
  const after = await belongings(walk)
  if (keepsNames && before !== '' && before !== after) throw new Violation(`${before} became ${after}`)
}

const acts: Readonly<Record<string, Act>> = {
  'thief signs up': (walk) => signsUp(walk, walk.thief),
  'owner signs up': (walk) => signsUp(walk, walk.owner),
  'thief registers by Nora': async (walk) => {
    const user = await register(walk.ctx(walk.thief), {
      email: walk.address,
      password: walk.thief.newPassword(),
    })
    walk.thief.typed.push(user.uuid)
  },
  'thief signs in': (walk) => signsIn(walk, walk.thief),
  'owner signs in': (walk) => signsIn(walk, walk.owner),
  'owner clicks the newest mail': async (walk) => {
    await confirmEmail(walk.ctx(walk.owner), { token: demandMail(walk.owner, 'verify_email').token })
  },
  'owner proves what she typed': async (walk) => {
    const own = await sql`select id from claims where user_uuid::text in ${sql(['', ...walk.owner.typed])}`
    const mail = walk.owner.mails.findLast(({ claimId }) => own.some(({ id }) => id === claimId))
    if (!mail) throw new AuthError('invalid_verification_token')
    walk.entered((await confirmEmail(walk.ctx(walk.owner), { token: mail.token })).id)
  },
  'owner types the code in her session': async (walk) => {
    const ctx = await demandSession(walk, walk.owner)
    const { code } = demandMail(walk.owner, 'verify_email')
    const user = await confirmEmail(ctx, { email: walk.address, code })
    if (user.id === ctx.actor.user.id) walk.entered(user.id)
  },
  'owner clicks and types her password': async (walk) => {
    const { token } = demandMail(walk.owner, 'verify_email')
    for (const password of walk.owner.passwords) {
      const user = await confirmEmail(walk.ctx(walk.owner), { token }, password).catch(refused)
      if (user) return walk.entered(user.id)
    }
  },
  'owner says that she did not sign up': async (walk) => {
    const ctx = walk.ctx(walk.owner)
    const { token } = demandMail(walk.owner, 'verify_email')
    // Dropping a claim does nothing to an account.
    if ((await findOpenVerification(ctx, token))?.kind !== 'account') return disownSignUp(ctx, token)
    await entering(walk, async () => {
      await disownSignUp(ctx, token)
      const [row] =
        await sql`select id from users where project_id = ${walk.project.id} and email = ${walk.address}`
      return Number(row?.id)
    })
  },
  'owner says that a sign-in was not hers': (walk) =>
    entering(walk, async () => {
      await disownSignIn(walk.ctx(walk.owner), demandMail(walk.owner, 'new_device', 'account_opened').token)
      const [row] =
        await sql`select id from users where project_id = ${walk.project.id} and email = ${walk.address}`
      return Number(row?.id)
    }),
  'thief asks for the mail again': async (walk) => {
    await resendVerification(walk.ctx(walk.thief), walk.address)
  },
  'somebody asks for a reset': async (walk) => {
    await requestReset(walk.ctx(walk.thief), { email: walk.address, redirectTo: null })
  },
  'owner resets': (walk) =>
    entering(walk, async () => {
      const { token } = demandMail(walk.owner, 'reset_password')
      return (await resetPassword(walk.ctx(walk.owner), { token }, walk.owner.newPassword())).id
    }),
  'thief resets with a mail of his': async (walk) => {
    const { token } = demandMail(walk.thief, 'reset_password')
    const user = await resetPassword(walk.ctx(walk.thief), { token }, walk.thief.newPassword())
    walk.opened(walk.thief, user.id, 'a reset')
  },
  'owner enters by a provider that vouches': (walk) =>
    entering(
      walk,
      async () => {
        const subject = `owner ${walk.address}`
        return (await enterWith(walk, walk.owner, subject, walk.address, true)).user.id
      },
      { keepsNames: false, recovers: false },
    ),
  'owner asks for a sign-in mail': (walk) => asksForSignInMail(walk, walk.owner, walk.address),
  'thief asks for a sign-in mail of hers': (walk) => asksForSignInMail(walk, walk.thief, walk.address),
  'thief asks for a sign-in mail of his': (walk) => asksForSignInMail(walk, walk.thief, walk.thief.address),
  'owner signs in by mail': (walk) =>
    entering(walk, async () => (await signsInByMail(walk, walk.owner)).user.id, { recovers: false }),
  'thief signs in by mail': async (walk) => {
    await signsInByMail(walk, walk.thief)
  },
  'thief enters by a provider that does not vouch': async (walk) => {
    await enterWith(walk, walk.thief, `thief ${walk.address}`, walk.address, false)
  },
  'thief enters by a provider with his own address': async (walk) => {
    await enterWith(walk, walk.thief, `thief ${walk.thief.address}`, walk.thief.address, true)
  },
  'thief makes an API key': async (walk) => {
    const ctx = await demandSession(walk, walk.thief)
    walk.thief.keys.push(
      (await createApiKey(ctx, { name: 'thief', scopes: ['me:read'], expiresAt: null })).plain,
    )
  },
  'thief links a provider': async (walk) => {
    const ctx = await demandSession(walk, walk.thief)
    const provider = corp(walk)
    const subject = `linked ${walk.thief.linked.length} ${walk.thief.address}`
    const linked = profile(subject, walk.thief.address, true)
    await inTransaction(ctx, (tx) => linkProfile(tx, ctx.actor.user, { provider, profile: linked }))
    walk.thief.linked.push(linked.subject)
  },
  'thief changes the password': async (walk) => {
    const ctx = await demandSession(walk, walk.thief)
    const [currentPassword = ''] = walk.thief.passwords
    await changePassword(ctx, { currentPassword, newPassword: walk.thief.newPassword() })
  },
  'thief asks to move the account to himself': async (walk) => {
    const ctx = await demandSession(walk, walk.thief)
    const currentPassword = walk.thief.passwords.at(-1)
    await requestEmailChange(ctx, { newEmail: walk.thief.address, currentPassword, redirectTo: null })
  },
  'thief moves the account': async (walk) => {
    const ctx = (await walk.session(walk.thief)) ?? walk.ctx(walk.thief)
    const { token } = demandMail(walk.thief, 'change_email')
    const user = await confirmEmailChange(ctx, { token }, walk.thief.passwords.at(-1) ?? null)
    walk.opened(walk.thief, user.id, 'a change of address')
  },
  'thief asks to move his own account to the owner': async (walk) => {
    const facts = { email: walk.thief.address, password: walk.thief.newPassword() }
    const own = await signUp(walk.ctx(walk.thief), facts)
    if (own.kind !== 'signed_in') return
    walk.thief.sessions.push(own.grant)
    const ctx = domain.signedIn(own.grant, walk.thief.caller, walk.project)
    const change = { newEmail: walk.address, currentPassword: facts.password, redirectTo: null }
    await requestEmailChange(ctx, change)
  },
  'owner clicks the mail about a change': async (walk) => {
    await confirmEmailChange(walk.ctx(walk.owner), { token: demandMail(walk.owner, 'change_email').token })
  },
  'owner types the code of the change': async (walk) => {
    const ctx = await demandSession(walk, walk.owner)
    await confirmEmailChange(ctx, { email: walk.address, code: demandMail(walk.owner, 'change_email').code })
  },
  'owner undoes a change': (walk) =>
    entering(
      walk,
      async () =>
        (await undoEmailChange(walk.ctx(walk.owner), demandMail(walk.owner, 'email_changed').token)).id,
      { keepsNames: false },
    ),
  'thief undoes a change': async (walk) => {
    const user = await undoEmailChange(walk.ctx(walk.thief), demandMail(walk.thief, 'email_changed').token)
    walk.opened(walk.thief, user.id, 'an undone change')
  },
  'thief writes a name': async (walk) => {
    await updateProfile(await demandSession(walk, walk.thief), { displayName: 'Thief' })
  },
  'thief invites himself': async (walk) => {
    const ctx = await demandSession(walk, walk.thief)
    const team = await createTeam(ctx, 'Team of the thief')
    await invite(ctx, team.id, { email: walk.thief.address, role: 'ADMIN', redirectTo: null })
  },
  'operator adds the owner to a team': async (walk) => {
    const ctx = operatorContext(services, walk.project)
    const team = await createEmptyTeam(ctx, 'Team of the operator')
    await addMember(ctx, team.id, { email: walk.address, role: 'VIEWER' })
    const ofThief = await walk.session(walk.thief)
    // Only where the owner and the account's holder are known to be one person, or the thief is in by a theft.
    const [row] =
      await sql`select email_proof from users where project_id = ${walk.project.id} and email = ${walk.address}`
    if (ofThief && row?.email_proof === 'mailbox')
      throw new Violation('a membership was given to an unproven holder')
  },
  'owner accepts an invitation': async (walk) => {
    await acceptInvitation(
      await demandSession(walk, walk.owner),
      demandMail(walk.owner, 'team_invitation').token,
    )
  },
  'thief steals the password': async (walk) => {
    const stolen = walk.owner.passwords.at(-1)
    if (stolen) walk.thief.passwords.push(stolen)
    walk.steal()
  },
  'thief steals the session': async (walk) => {
    const stolen = walk.owner.sessions.at(-1)
    if (stolen) walk.thief.sessions.push(stolen)
    walk.isSessionStolen = true
    walk.steal()
  },
  'owner changes the password': async (walk) => {
    const ctx = await demandSession(walk, walk.owner)
    const currentPassword = walk.owner.passwords.at(-1) ?? ''
    await changePassword(ctx, { currentPassword, newPassword: walk.owner.newPassword() })
  },
  'owner enrols a second factor': (walk) => enrols(walk, walk.owner),
  'thief enrols a second factor': (walk) => enrols(walk, walk.thief),
  'owner signs out everywhere': async (walk) => {
    await signOutEverywhere(await demandSession(walk, walk.owner))
  },
  'thief asks for a registration by CREDEBL': async (walk) => {
    await requestRegistration(walk.ctx(walk.thief), { email: walk.address, client: {}, locale: null })
  },
  'owner clicks the registration': async (walk) => {
    await proveRegistration(walk.ctx(walk.owner), { token: demandMail(walk.owner, 'register').token })
  },
  'thief completes the registration': async (walk) => {
    const facts = { email: walk.address, password: walk.thief.newPassword() }
    const user = await completeRegistration(walk.ctx(walk.thief), facts)
    throw new Violation(`the thief made the account ${user.id}`)
  },
  'owner completes the registration': async (walk) => {
    const facts = { email: walk.address, password: walk.owner.newPassword() }
    walk.entered((await completeRegistration(walk.ctx(walk.owner), facts)).id)
  },
  'operator disables and enables': async (walk) => {
    const ctx = operatorContext(services, walk.project)
    await setUserDisabled(ctx, walk.address, true, { force: true })
    await setUserDisabled(ctx, walk.address, false)
  },
}

const names = Object.keys(acts)

/** Tries everything that the thief ever had. */
async function sweep(walk: Walk): Promise<void> {
  const { thief, account } = walk
  if (account === null && walk.factor === null) return
  const ctx = walk.ctx(thief)
  await signsIn(walk, thief)
  for (const grant of thief.sessions) {
    const found = await authenticateSession(ctx, grant).catch(refused)
    if (found) walk.opened(thief, found.user.id, 'a session')
    if (found) walk.inSession(thief, found.user.id, 'a session')
    const refreshed = await refreshSession(ctx, grant).catch(refused)
    if (refreshed) walk.opened(thief, refreshed.user.id, 'a refresh token')
    if (refreshed) walk.inSession(thief, refreshed.user.id, 'a refresh token')
  }
  for (const key of thief.keys) {
    const holder = await authenticateApiKey(ctx, key)
    if (holder) walk.opened(thief, holder.user.id, 'an API key')
  }
  for (const subject of thief.linked)
    await enterWith(walk, thief, subject, thief.address, true).catch(refused)
  for (const name of [
    'thief enters by a provider that does not vouch',
    'thief enters by a provider with his own address',
    'thief moves the account',
    'thief undoes a change',
    'thief resets with a mail of his',
    'thief completes the registration',
    'thief signs in by mail',
  ])
    await acts[name]?.(walk).catch(refused)
  if (
    account !== null &&
    account > 0 &&
    !(await findUser(services.stores.forProject(walk.project.id), account))
  )
    throw new Violation('the account is gone')
}

/** Walks the steps. @returns what broke the promise; null: nothing */
async function run(
  mode: Mode,
  steps: readonly string[],
  walk: Walk = new Walk(mode),
): Promise<string | null> {
  try {
    for (const step of steps) {
      await acts[step]?.(walk).catch(refused)
      await walk.deliver()
    }
    await sweep(walk)
    return null
  } catch (error) {
    if (error instanceof Violation) return error.message
    throw new Error(`${mode}: ${steps.join(' · ')}`, { cause: error })
  }
}

/** Leaves out steps as long as the walk still fails. */
async function shrink(mode: Mode, steps: readonly string[]): Promise<readonly string[]> {
  for (let at = 0; at < steps.length; at++) {
    const fewer = steps.filter((_, index) => index !== at)
    if ((await run(mode, fewer)) !== null) return shrink(mode, fewer)
  }
  return steps
}

/** mulberry32: numbers from 0 to 1 that follow from a seed. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What a thief may have before the owner enters, and how it comes to be. */
const squatted = ['thief signs up']
const robbed = [
  'owner signs up',
  'owner types the code in her session',
  'thief steals the password',
  'thief signs in',
]
const planted: Readonly<Record<string, readonly string[]>> = {
  'a password and a session': squatted,
  'an account by Nora': ['thief registers by Nora', 'thief signs in'],
  'an API key': [...squatted, 'thief makes an API key'],
  'the identity of an account': ['thief enters by a provider that does not vouch'],
  'a linked identity': [...squatted, 'thief links a provider'],
  'a pending change of address': [...squatted, 'thief asks to move the account to himself'],
  // Only a proven address invites.
  'an invitation': [...squatted, 'owner clicks the newest mail', 'thief invites himself'],
  'a mailbox that clicked': [...squatted, 'owner clicks the newest mail', 'thief makes an API key'],
  'an account of his own that is to move': ['thief asks to move his own account to the owner', ...squatted],
  'a stolen password': robbed,
  'a stolen session': [...robbed.slice(0, 2), 'thief steals the session', 'thief makes an API key'],
  'a stolen password and an API key': [...robbed, 'thief makes an API key'],
  'a stolen password and an identity': [...robbed, 'thief links a provider'],
  'a stolen password and a pending change': [...robbed, 'thief asks to move the account to himself'],
}
const reset = ['somebody asks for a reset', 'owner resets']

/** How the owner enters, by what was planted: a provider that vouches ends nothing of an account that its holder has proven. */
function waysIn(plant: string): Readonly<Record<string, readonly string[]>> {
  const byNotice = { 'a notice': ['owner says that a sign-in was not hers'] }
  if (plant.startsWith('a stolen password')) return { 'a reset': reset, ...byNotice }
  if (plant.startsWith('a stolen')) return { 'a reset': reset }
  const byMail = ['owner asks for a sign-in mail', 'owner signs in by mail']
  const byProvider = ['owner enters by a provider that vouches']
  if (plant === 'a mailbox that clicked' || plant === 'an invitation')
    return { 'a reset': reset, 'a provider': byProvider, 'a mail': byMail }
  return {
    'a reset': reset,
    'a provider': byProvider,
    'a mail': byMail,
    'a denial': ['owner says that she did not sign up'],
  }
}

for (const [plant, before] of Object.entries(planted))
  for (const [way, steps] of Object.entries(waysIn(plant)))
    t.test(`lenient: ${plant} opens nothing after ${way}`, async (t) => {
      const walk = new Walk('lenient')
      t.equal(await run('lenient', [...before, ...steps], walk), null)
      t.ok(walk.account, 'the owner has entered')
      t.ok(walk.thief.sessions.length + walk.thief.keys.length > 0, 'the thief had something')
    })

for (const [plant, before] of Object.entries({
  'a claim': ['thief signs up'],
  // As many as leave the owner a mail of her own: beyond that the cap of her mailbox counts.
  'six claims': Array.from({ length: 6 }, () => 'thief signs up'),
  'a claim by a provider': ['thief enters by a provider that does not vouch'],
  'a claim by Nora': ['thief registers by Nora'],
  'a registration by CREDEBL': ['thief asks for a registration by CREDEBL', 'owner clicks the registration'],
}))
  for (const [way, steps] of Object.entries({
    'her own claim before his': ['owner signs up', ...before, 'owner proves what she typed'],
    'her own claim after his': [...before, 'owner signs up', 'owner proves what she typed'],
    'a provider that vouches': [...before, 'owner enters by a provider that vouches'],
    'a mail': [...before, 'owner asks for a sign-in mail', 'owner signs in by mail'],
  }))
    t.test(`strict: ${plant} opens nothing after ${way}`, async (t) => {
      const walk = new Walk('strict')
      t.equal(await run('strict', steps, walk), null)
      t.ok(walk.account, 'the owner has entered')
    })

for (const [what, steps] of Object.entries({
  'a stolen password': ['thief steals the password'],
  'a stolen password that is used before': ['thief steals the password', 'thief signs in'],
  'a mailbox that he reads': ['somebody asks for a reset', 'owner resets', 'thief steals the password'],
})) {
  const proven = ['owner signs up', 'owner types the code in her session']
  t.test(`lenient: ${what} opens no session of an account with a second factor`, async (t) => {
    const walk = new Walk('lenient')
    const walked = [...proven, ...steps, 'owner signs in', 'owner enrols a second factor']
    t.equal(await run('lenient', [...walked, 'thief steals the password', 'thief signs in'], walk), null)
    t.equal(walk.factor?.by, 'owner')
    await acts['owner signs in']?.(walk)
    t.ok((await walk.session(walk.owner)) !== null, 'its owner enters')
  })
}

const walks = Number(process.env.WALKS ?? 500)
const seed = Number(process.env.WALK_SEED ?? Date.now() % 1_000_000)

t.test(
  `nothing of a thief opens the account once its owner has entered: ${walks} walks from seed ${seed}`,
  async (t) => {
    const next = random(seed)
    const failures: string[] = []
    for (let walk = 0; walk < walks && failures.length === 0; walk++) {
      const mode: Mode = next() < 0.5 ? 'lenient' : 'strict'
      const length = 3 + Math.floor(next() * 9)
      const steps = Array.from({ length }, () => names[Math.floor(next() * names.length)] ?? '')
      const broken = await run(mode, steps)
      if (broken === null) continue
      const shortest = await shrink(mode, steps)
      failures.push(`${mode}: ${shortest.join(' · ')} → ${await run(mode, shortest)}`)
    }
    t.same(failures, [])
    writeProof('walks', 'test/domain/account-walks.test.ts', { walks, seed, broken: failures.length })
  },
)
