// Whose account a person of a provider may open: linking by rule, never by luck.
//
// An identity is (issuer, subject). A verified address of the provider links to the account that has proven the same
// one, and takes over one that nobody has proven; an unverified address links to nothing.
import { randomUUID } from 'node:crypto'
import { hashSecret } from '../crypto/secrets.ts'
import type { Repositories, Store } from '../repositories/store.ts'
import type { UserRow } from '../repositories/users.ts'
import type { Profile, Provider, SingleUse } from '../social/profile.ts'
import { revokeApiKeys } from './api-keys.ts'
import { record } from './audit.ts'
import type { Caller } from './principal.ts'
import type { Project } from './projects.ts'
import { labelOf } from './providers.ts'
import type { Verification } from './verification.ts'

/** A person at the door, with what their provider proved. */
export interface Arrival {
  readonly provider: Provider
  readonly profile: Profile
  readonly caller: Caller
  /** The language of the mail that a new account gets; null for English. */
  readonly locale: string | null
}

export type Admission =
  | { readonly kind: 'admitted'; readonly user: UserRow; readonly isNew: boolean }
  | { readonly kind: 'disabled' | 'email_missing' }
  /** `user` is null where the account is not known to be the person's. */
  | { readonly kind: 'unverified'; readonly user: UserRow | null }

/** What was read is no longer so: another transaction was faster, and this one begins again. */
class Overtaken extends Error {}

const attempts = 3

/** Runs `work` in a transaction, and again where another one took the same address or identity in the same moment. */
export async function settling<T>(
  store: Store,
  project: Project,
  work: (tx: Repositories) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store.transaction(project.id, work)
    } catch (error) {
      if (attempt === attempts || !(error instanceof Overtaken || store.isConflict(error))) throw error
    }
  }
}

/** Spends what must not be accepted twice; false where any of it was. To be rolled back with the rest. */
export async function spend(tx: Repositories, project: Project, proof: SingleUse | null): Promise<boolean> {
  for (const mark of proof?.marks ?? [])
    if (!(await tx.identities.spend(project.id, hashSecret(mark), proof?.until ?? new Date()))) return false
  return true
}

/** Tells the owner of an account, by mail where we send any, that a provider can open it from now on. */
export async function tellLinked(tx: Repositories, project: Project, user: UserRow, provider: Provider) {
  if (project.policy.verification.delivery !== 'email') return
  const details = { provider: labelOf(provider.name) }
  await tx.outbox.owe({
    id: randomUUID(),
    projectId: project.id,
    userId: user.id,
    kind: 'identity_linked',
    details,
  })
}

/** Takes every identity away from an account that somebody else may have linked them to. */
export async function voidIdentities(tx: Repositories, project: Project, user: UserRow): Promise<void> {
  if ((await tx.identities.removeAll(project.id, user.id)) === 0) return
  await tx.users.setProvider(project.id, user.id, null)
  await record(tx, project, { userId: user.id, event: 'identity_unlinked' })
}

/** The row that makes a profile an identity of the account. */
export const identityOf = (
  project: Project,
  userId: number,
  { provider, profile }: Pick<Arrival, 'provider' | 'profile'>,
) => ({
  id: randomUUID(),
  projectId: project.id,
  userId,
  provider: provider.name,
  issuer: profile.issuer,
  subject: profile.subject,
  email: profile.email,
})

export function createAdmission({ verification }: { verification: Verification }) {
  const judged = (project: Project, user: UserRow, isNew: boolean): Admission =>
    verification.isDemanded(project, user) ? { kind: 'unverified', user } : { kind: 'admitted', user, isNew }

  /** Somebody who was here before. */
  async function recognise(
    tx: Repositories,
    project: Project,
    identityId: string,
    user: UserRow,
    { profile, caller }: Arrival,
  ): Promise<Admission> {
    if (user.disabledAt) return { kind: 'disabled' }
    await tx.identities.touch(project.id, identityId, profile.email)
    const proves = !user.emailVerifiedAt && profile.emailVerified && profile.email === user.email
    const verified = proves && (await tx.users.markEmailVerified(project.id, user.id, user.email))
    if (verified) await record(tx, project, { userId: user.id, event: 'email_verified', caller })
    return judged(project, verified || user, false)
  }

  /** Somebody whose address has no account. */
  async function welcome(
    tx: Repositories,
    project: Project,
    email: string,
    arrival: Arrival,
  ): Promise<Admission> {
    const { provider, profile, locale } = arrival
    const { displayName, firstName, lastName, emailVerified } = profile
    const user = await tx.users.addFromProvider({
      uuid: randomUUID(),
      projectId: project.id,
      email,
      emailVerified,
      provider: provider.name,
      displayName,
      firstName,
      lastName,
      metadata: {},
      locale,
    })
    if (!user) throw new Overtaken()
    await tx.identities.add(identityOf(project, user.id, arrival))
    if (!emailVerified && project.policy.verification.mode !== 'off')
      await verification.owe(tx, project, user)
    return judged(project, user, true)
  }

  /** Somebody whose account was begun by whoever typed their address: what was theirs is void. */
  async function takeOver(
    tx: Repositories,
    project: Project,
    squatted: UserRow,
    arrival: Arrival,
  ): Promise<Admission> {
    const { provider, profile, caller } = arrival
    const { displayName, firstName, lastName } = profile
    const userId = squatted.id
    await tx.identities.removeAll(project.id, userId)
    await revokeApiKeys(tx, project, userId, caller)
    await tx.verificationTokens.voidAll(project.id, userId, null)
    const named = displayName === null ? {} : { displayName, firstName, lastName }
    const user = await tx.users.takeOver(project.id, userId, { ...named, provider: provider.name })
    await tx.identities.add(identityOf(project, userId, arrival))
    await record(tx, project, { userId, event: 'account_taken_over', caller })
    await tellLinked(tx, project, user, provider)
    return { kind: 'admitted', user, isNew: false }
  }

  /** Somebody whose account has proven the same address. */
  async function link(
    tx: Repositories,
    project: Project,
    user: UserRow,
    arrival: Arrival,
  ): Promise<Admission> {
    await tx.identities.add(identityOf(project, user.id, arrival))
    await record(tx, project, { userId: user.id, event: 'identity_linked', caller: arrival.caller })
    await tellLinked(tx, project, user, arrival.provider)
    return { kind: 'admitted', user, isNew: false }
  }

  return {
    /** Finds, links, takes over or makes the account in `tx`, which `settling` began and which must be committed. */
    async admit(tx: Repositories, project: Project, arrival: Arrival): Promise<Admission> {
      const { issuer, subject, email, emailVerified } = arrival.profile
      const known = await tx.identities.look(project.id, issuer, subject)
      if (known) return recognise(tx, project, known.identity.id, known.user, arrival)
      if (email === null) return { kind: 'email_missing' }
      await tx.identities.releaseDue(project.id, issuer, subject)
      await tx.leavers.releaseDue(project.id, email)
      const found = await tx.users.findByEmail(project.id, email)
      if (!found) return welcome(tx, project, email, arrival)
      // Held, so that it is still unproven, or proven, when it is linked.
      const owner = await tx.users.lock(project.id, found.id)
      if (owner?.email !== email) throw new Overtaken()
      if (!emailVerified) return { kind: 'unverified', user: null }
      if (owner.disabledAt) return { kind: 'disabled' }
      return owner.emailVerifiedAt ? link(tx, project, owner, arrival) : takeOver(tx, project, owner, arrival)
    },
  }
}

export type AdmissionRules = ReturnType<typeof createAdmission>
