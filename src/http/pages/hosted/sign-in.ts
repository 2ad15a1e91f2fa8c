// The steps of /sign-in: address and password, a passkey, or continuing as the person who is signed in.
import { AssertionCredential } from '../../../../schemas/webauthn.ts'
import { continueSession } from '../../../domain/credentials/continued-session.ts'
import { signInWithPasskey } from '../../../domain/credentials/passkey-sign-in.ts'
import { signInWithPassword } from '../../../domain/credentials/sign-in.ts'
import { AuthError } from '../../../domain/errors.ts'
import type { Grant } from '../../../domain/sessions/grants.ts'
import { isMailbox, isUuid } from '../../../formats.ts'
import type { Api } from '../../typebox.ts'
import { completeSignIn } from './complete-sign-in.ts'
import type { HostedParts } from './parts.ts'
import { type SignInNote, signedInPage, signInPage } from './sign-in-page.ts'
import { addStep, showPage } from './step.ts'
import { isTriable, jsonIn } from './typed.ts'
import { destinationOf, type HostedVisit, hrefOf, type Outcome } from './visit.ts'
import { findVisitor } from './visitor.ts'

/** The note about a refusal; null: it has a page of its own. */
function noteOf(visit: HostedVisit, email: string, error: unknown): SignInNote | null {
  const { hosted, tooManyAttempts } = visit.texts
  if (!(error instanceof AuthError)) return null
  if (error.code === 'invalid_credentials') return { email, wrongPassword: hosted.wrong, status: 422 }
  if (error.code === 'account_disabled') return { email, bad: hosted.disabled, status: 403 }
  if (error.code === 'too_many_attempts') return { email, bad: tooManyAttempts, status: 429 }
  if (error.code === 'passkey_unknown') return { bad: hosted.passkeyUnknown, status: 422 }
  if (error.code === 'passkey_refused' || error.code === 'passkey_flow_over')
    return { bad: hosted.passkeyFailed, status: 422 }
  return null
}

/** The note about a sign-in through a provider that failed. */
function noteOfProvider({ request, texts }: HostedVisit): SignInNote {
  const { error } = request.query as { error?: string }
  if (error === undefined || error === 'access_denied') return {}
  const known: Readonly<Record<string, string>> = {
    social_email_missing: texts.hosted.socialNoEmail,
    account_disabled: texts.hosted.disabled,
    email_verification_required: texts.team.unverified,
  }
  return { bad: (Object.hasOwn(known, error) ? known[error] : undefined) ?? texts.hosted.socialFailed }
}

/** Completes a sign-in; a refusal is explained on the page. */
async function signInOrExplain(
  visit: HostedVisit,
  email: string,
  open: () => Promise<Grant>,
): Promise<Outcome> {
  try {
    return await completeSignIn(visit, email, open)
  } catch (error) {
    const note = noteOf(visit, email, error)
    if (!note) throw error
    if (note.status === 429) visit.parts.lockedOut()
    return signInPage(visit, note)
  }
}

/** Registers /sign-in and its steps. */
export function signInPages(api: Api, parts: HostedParts): void {
  showPage(api, parts, '/sign-in', async (visit) => {
    const { ctx, params } = visit
    const visitor = params.promptsLogin ? null : await findVisitor(visit)
    if (!visitor) return signInPage(visit, noteOfProvider(visit))
    // Without an application there is nothing to continue to, so the account's page is shown.
    if (params.redirectTo === null) return { location: destinationOf(ctx, params, parts) }
    return signedInPage(visit, visitor.user)
  })
  addStep(api, parts, {
    path: '/sign-in',
    limit: 'credential',
    read(visit, typed) {
      const { hosted } = visit.texts
      const [email, password] = [typed('email'), typed('password')]
      const wrongEmail = isMailbox(email) ? null : hosted.badEmail
      const wrongPassword = isTriable(password) ? null : hosted.noPassword
      if (wrongEmail || wrongPassword)
        return signInPage(visit, { email, wrongEmail, wrongPassword, status: 422 })
      return { email, password }
    },
    run: (visit, given) => signInOrExplain(visit, given.email, () => signInWithPassword(visit.ctx, given)),
  })
  addStep(api, parts, {
    path: '/sign-in/passkey',
    limit: 'credential',
    read(visit, typed) {
      const [flow, credential] = [typed('flow'), jsonIn(AssertionCredential, typed('credential'))]
      if (!credential || !isUuid(flow))
        return signInPage(visit, { bad: visit.texts.hosted.passkeyFailed, status: 422 })
      return { flow, credential }
    },
    run: (visit, answer) => signInOrExplain(visit, '', () => signInWithPasskey(visit.ctx, answer)),
  })
  addStep(api, parts, {
    path: '/sign-in/continue',
    limit: 'read',
    read: () => ({}),
    async run(visit) {
      const visitor = await findVisitor(visit)
      if (!visitor) return { location: hrefOf(visit, '/sign-in') }
      if (visit.params.challenge === null) return { location: destinationOf(visit.ctx, visit.params, parts) }
      const ctx = { ...visit.ctx, actor: visitor }
      return signInOrExplain(visit, visitor.user.email, () => continueSession(ctx))
    },
  })
}
