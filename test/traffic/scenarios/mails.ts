// What a mail confirms: addresses, changes of them, sign-ins and second factors.
import { api, mail, password, type Scenario, signUp, verified } from '../steps.ts'

const quiet = {
  verification: { resend_cooldown_seconds: 0 },
  sessions: { notify_new_device: false },
}

const verification: Scenario = {
  name: 'verification',
  policy: quiet,
  steps: [
    signUp('ada', 'ada.verification@example.com'),
    mail('ada.verification@example.com', 'verify_email', { token: 'token' }),
    api('POST /verify-email/confirm 422', { body: { token: 'none' } }),
    api('POST /verify-email/confirm 200', { as: 'ada', body: { token: '{{token}}' } }),
    api('POST /verify-email/resend 200', { body: { email: 'ada.verification@example.com' } }),
    api('POST /verify-email/resend 200', { body: { email: 'unknown.verification@example.com' } }),
    api('POST /verify-email/resend 422', { body: { email: 'no address' } }),
    ...verified('ben', 'ben.verification@example.com'),
    api('POST /verify-email/confirm 422', {
      as: 'ben',
      body: { email: 'ben.verification@example.com', code: '{{ben-code}}' },
    }),
  ],
}

const strict: Scenario = {
  name: 'strict-verification',
  policy: { verification: { mode: 'strict', resend_cooldown_seconds: 0 } },
  steps: [
    api('POST /signup 202', { body: { email: 'ada.strict@example.com', password } }),
    api('POST /login 403', { body: { email: 'ada.strict@example.com', password } }),
    mail('ada.strict@example.com', 'verify_email', { token: 'token' }),
    api('POST /verify-email/confirm 200', { body: { token: '{{token}}' } }),
    api('POST /login 200', { body: { email: 'ada.strict@example.com', password } }),
  ],
}

const emailChange: Scenario = {
  name: 'email-change',
  policy: quiet,
  steps: [
    ...verified('ada', 'ada.change@example.com'),
    api('POST /change-email 422', {
      as: 'ada',
      body: { new_email: 'ada.changed@example.com', current_password: 'a wrong long password' },
    }),
    api('POST /change-email 202', {
      as: 'ada',
      body: { new_email: 'ada.changed@example.com', current_password: password },
    }),
    mail('ada.changed@example.com', 'change_email', { token: 'token' }),
    api('POST /change-email/confirm 422', { as: 'ada', body: { token: 'none' } }),
    api('POST /change-email/confirm 200', { as: 'ada', body: { token: '{{token}}' } }),
    mail('ada.change@example.com', 'email_changed', { undo: 'token' }),
    api('POST /change-email/undo 422', { body: { token: 'none' } }),
    api('POST /change-email/undo 200', { body: { token: '{{undo}}' } }),
  ],
}

const emailSignIn: Scenario = {
  name: 'email-sign-in',
  policy: { ...quiet, email_sign_in: 'existing' },
  steps: [
    ...verified('ada', 'ada.code@example.com'),
    api('POST /login/email 202', { body: { email: 'ada.code@example.com' }, keep: { flow: 'body.flow' } }),
    api('POST /login/email 202', { body: { email: 'unknown.code@example.com' } }),
    api('POST /login/email 422', { body: { email: 'no address' } }),
    mail('ada.code@example.com', 'sign_in_code', { code: 'code', token: 'token' }),
    api('POST /login/email/confirm 422', { body: { flow: '{{unknown}}', code: '{{code}}' } }),
    api('POST /login/email/confirm 200', { body: { flow: '{{flow}}', code: '{{code}}' } }),
    api('POST /login/email/confirm 422', { body: { token: '{{token}}' } }),
  ],
}

/** An account that a mail alone made has no password. */
const withoutPassword: Scenario = {
  name: 'without-password',
  policy: { ...quiet, email_sign_in: 'sign_up' },
  steps: [
    api('POST /login/email 202', { body: { email: 'ada.bare@example.com' }, keep: { flow: 'body.flow' } }),
    mail('ada.bare@example.com', 'sign_in_code', { code: 'code' }),
    api('POST /login/email/confirm 200', {
      body: { flow: '{{flow}}', code: '{{code}}' },
      keep: { ada: 'body.access_token' },
    }),
    api('POST /step-up/email-code 202', { as: 'ada' }),
    mail('ada.bare@example.com', 'step_up_code', { 'step-up': 'code' }),
    api('POST /step-up 200', {
      as: 'ada',
      body: { method: 'email_code', code: '{{step-up}}' },
      keep: { ada: 'body.access_token' },
    }),
    api('POST /set-password 422', { as: 'ada', body: { new_password: 'short' } }),
    api('POST /set-password 200', { as: 'ada', body: { new_password: password } }),
    api('POST /login 200', { body: { email: 'ada.bare@example.com', password } }),
  ],
}

const secondFactor: Scenario = {
  name: 'second-factor',
  policy: { ...quiet, factors: { required: 'always', email_code: true } },
  steps: [
    ...verified('ada', 'ada.factor@example.com'),
    api('POST /login 403', {
      body: { email: 'ada.factor@example.com', password },
      keep: { challenge: 'body.challenge' },
    }),
    api('POST /login/second-factor/email-code 202', { body: { challenge: '{{challenge}}' } }),
    api('POST /login/second-factor/email-code 401', { body: { challenge: 'none' } }),
    mail('ada.factor@example.com', 'second_factor_code', { code: 'code' }),
    api('POST /login/second-factor 401', {
      body: { challenge: 'none', method: 'email_code', code: '{{code}}' },
    }),
    api('POST /login/second-factor 200', {
      body: { challenge: '{{challenge}}', method: 'email_code', code: '{{code}}', trust_device: true },
      keep: { ada2: 'body.access_token', device: 'body.device_token' },
    }),
    api('POST /login 200', {
      body: { email: 'ada.factor@example.com', password, device_token: '{{device}}' },
    }),
    api('GET /factors 200', { as: 'ada2' }),
    api('DELETE /factors/trusted-devices 204', { as: 'ada2' }),
  ],
}

const factors: Scenario = {
  name: 'factors',
  policy: quiet,
  steps: [
    ...verified('ada', 'ada.factors@example.com'),
    api('GET /factors 200', { as: 'ada' }),
    api('POST /factors/totp/confirm 422', { as: 'ada', body: { code: '000000' } }),
    api('POST /factors/totp 201', { as: 'ada' }),
    api('POST /factors/totp/confirm 422', { as: 'ada', body: { code: 'abc' } }),
    api('POST /factors/recovery-codes 422', { as: 'ada' }),
    api('DELETE /factors/totp 404', { as: 'ada' }),
    api('DELETE /factors/trusted-devices 204', { as: 'ada' }),
    api('POST /step-up 200', {
      as: 'ada',
      body: { method: 'password', password },
      keep: { ada: 'body.access_token' },
    }),
    api('POST /step-up 422', { as: 'ada', body: { method: 'password', password: 'a wrong long password' } }),
    api('POST /step-up/email-code 422', { as: 'ada' }),
    api('GET /passkeys 200', { as: 'ada' }),
    api('POST /passkeys/registration-options 200', { as: 'ada', body: {} }),
    api('POST /passkeys/sign-in-options 200', { body: {} }),
    api('PATCH /passkeys/{{unknown}} 404', { as: 'ada', body: { name: 'Phone' } }),
    api('DELETE /passkeys/{{unknown}} 404', { as: 'ada' }),
    api('POST /passkeys 422', { as: 'ada', body: { flow: '{{unknown}}', credential: {} } }),
    api('POST /login/passkey 422', { body: { flow: '{{unknown}}', credential: {} } }),
    api('GET /identities 200', { as: 'ada' }),
    api('DELETE /identities/{{unknown}} 404', { as: 'ada' }),
    api('POST /identities/none 422', { as: 'ada', body: { id_token: 'none' } }),
    api('POST /login/social 422', { body: { provider: 'none', id_token: 'none' } }),
    api('POST /login/social/exchange 401', {
      body: { code: 'none', code_verifier: 'a-verifier-of-at-least-forty-three-characters' },
    }),
    api('GET /login/social/none?redirect_to=https://app.example.com&project_id={{project}} 422'),
    api('GET /login/social/none/callback?state=none&code=none 422'),
  ],
}

export const mails = [verification, strict, emailChange, emailSignIn, withoutPassword, secondFactor, factors]
