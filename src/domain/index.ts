// The domain put together: each part built once, in the order in which they need each other.
import type { HashScheduler } from '../crypto/hash-scheduler.ts'
import type { Argon2, Argon2Parameters } from '../crypto/passwords.ts'
import type { Store } from '../repositories/store.ts'
import type { Providers } from '../social/providers.ts'
import { createAccount } from './account.ts'
import { createAdmission } from './admission.ts'
import { createApiKeys } from './api-keys.ts'
import { createAvatars } from './avatars.ts'
import { createEmailChange } from './email-change.ts'
import { createFirstPassword } from './first-password.ts'
import { createIdempotencyKeys } from './idempotency-keys.ts'
import { createIdentities } from './identities.ts'
import { createLockout } from './lockout.ts'
import { createMailTokens } from './mail-tokens.ts'
import { createPasswordChange } from './password-change.ts'
import { createPasswords } from './passwords.ts'
import { createPeople } from './people.ts'
import { createProfile } from './profile.ts'
import { createProjects } from './projects.ts'
import { createReauthentication } from './reauthentication.ts'
import { type Notices, noNotices } from './recall.ts'
import { createRecovery } from './recovery.ts'
import type { Refreshed } from './refresh.ts'
import { createRegistration } from './registration.ts'
import { createSessionEnds } from './session-ends.ts'
import { createSessions } from './sessions.ts'
import { createSignIn } from './sign-in.ts'
import { createProofs, createSocial } from './social.ts'
import { createSocialFlow } from './social-flow.ts'
import { createTeamInvitations } from './team-invitations.ts'
import { createTeamMembers } from './team-members.ts'
import { createTeams } from './teams.ts'
import { createUsers } from './users.ts'
import { createVerification } from './verification.ts'

export interface DomainMeans {
  readonly store: Store
  readonly argon2: Argon2
  readonly parameters: Argon2Parameters
  readonly scheduler: HashScheduler
  /** 32 bytes; hashes what strangers ask about (addresses, short codes). */
  readonly lookupKey: Buffer
  /** 32 bytes; derives what mails carry. */
  readonly mailKey: Buffer
  /** 32 bytes each, newest first; seal what a browser carries while it is at a provider. */
  readonly flowKeys: readonly [Buffer, ...Buffer[]]
  /** 32 bytes each, newest first; hide what an Idempotency-Key stands for. */
  readonly fingerprintKeys: readonly [Buffer, ...Buffer[]]
  /** 32 bytes each, newest first; seal the answers that are given again. */
  readonly answerKeys: readonly [Buffer, ...Buffer[]]
  readonly providers: Providers
  /** Told what came of each refresh token that was presented. */
  readonly refreshed?: (outcome: Refreshed) => void
  /** Who tells what changed in the database; default nobody, and nothing read is used twice. */
  readonly notices?: Notices
}

/** Builds every verb. Computes one password hash (the decoy) and touches no database. */
export async function createDomain({
  store,
  lookupKey,
  mailKey,
  flowKeys,
  fingerprintKeys,
  answerKeys,
  providers,
  refreshed,
  notices = noNotices,
  ...hashing
}: DomainMeans) {
  const passwords = await createPasswords(hashing)
  const projects = createProjects(store, notices)
  const lockout = createLockout({ store, lookupKey })
  const sessions = createSessions({ store, lockout, notices, refreshed })
  const reauthentication = createReauthentication({ store, passwords, lockout })
  const mailTokens = createMailTokens({ store, lockout, lookupKey, mailKey })
  const verification = createVerification({ store, mailTokens, lookupKey })
  const admission = createAdmission({ verification })
  const social = createSocial({ store, providers, admission, sessions, verification })
  return {
    projects,
    sessions,
    sessionEnds: createSessionEnds(store),
    mailTokens,
    verification,
    users: createUsers({ store, passwords, sessions, verification, lookupKey }),
    signIn: createSignIn({ store, passwords, lockout, sessions, verification }),
    apiKeys: createApiKeys({ store, notices }),
    social,
    socialFlow: createSocialFlow({ store, providers, sessions, social, flowKeys }),
    idempotencyKeys: createIdempotencyKeys({ store, fingerprintKeys, answerKeys }),
    identities: createIdentities({ store, reauthentication, prove: createProofs(providers) }),
    firstPassword: createFirstPassword({ store, passwords, reauthentication }),
    people: createPeople({
      store,
      hash: (project, password) => passwords.hash(project, { address: 'operator' }, password),
    }),
    profile: createProfile(store),
    avatars: createAvatars(store),
    recovery: createRecovery({ store, passwords, lockout, mailTokens, lookupKey }),
    registration: createRegistration({ store, passwords, lockout, lookupKey, mailKey }),
    emailChanges: createEmailChange({ store, mailTokens, reauthentication }),
    teams: createTeams(store),
    teamMembers: createTeamMembers(store),
    teamInvitations: createTeamInvitations({ store, passwords, lockout, mailKey }),
    account: createAccount({ store, reauthentication }),
    passwordChange: createPasswordChange({ store, passwords, lockout, reauthentication, verification }),
  }
}

export type Domain = Awaited<ReturnType<typeof createDomain>>
