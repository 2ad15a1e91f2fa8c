// The observer: what the domain reports of sign-ins, refreshes and events becomes the outcome that is counted.
import t from 'tap'
import { createMetrics } from '../src/observability/metrics.ts'
import { readExposition, total } from './support/exposition.ts'

t.test('each report is counted once, under the outcome of its error code', async (t) => {
  const metrics = createMetrics('0')
  const { observer } = metrics
  const outcomes = {
    ok: ['ok'],
    wrong: [
      'invalid_credentials',
      'invalid_social_login',
      'social_email_missing',
      'provider_unknown',
      'passkey_unknown',
    ],
    locked: ['too_many_attempts'],
    overloaded: ['overloaded'],
    kept_out: ['email_verification_required', 'account_disabled'],
    failed: ['failed', 'provider_unavailable'],
  } as const
  for (const reported of Object.values(outcomes))
    for (const code of reported) observer.signedIn('social', code)
  observer.refreshed('reused')
  observer.recorded('signed_up')
  const families = readExposition(await metrics.registry.metrics())
  const signIns = (outcome: string, method: string) =>
    total(families, 'sallyport_sign_ins_total', { method, outcome })
  for (const [outcome, reported] of Object.entries(outcomes)) {
    t.equal(signIns(outcome, 'social'), reported.length, outcome)
    t.equal(signIns(outcome, 'password'), 0, outcome)
  }
  t.equal(total(families, 'sallyport_refreshes_total', { outcome: 'reused' }), 1)
  t.equal(total(families, 'sallyport_account_events_total', { event: 'signed_up' }), 1)
})
