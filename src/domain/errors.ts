// The refusals of the domain by code. Each API maps every code to its answer in a total record, so a missing one does not
// compile.

export type AuthErrorCode =
  | 'project_required'
  | 'project_unknown'
  | 'invalid_credentials'
  | 'too_many_attempts'
  | 'account_disabled'
  | 'email_taken'
  | 'email_verification_required'
  | 'second_factor_required'
  | 'second_factor_invalid'
  | 'second_factor_method_refused'
  | 'wrong_factor_code'
  | 'totp_already_enrolled'
  | 'factor_needed'
  | 'factor_unknown'
  | 'address_unproven'
  | 'account_unproven'
  | 'account_needed'
  | 'unauthenticated'
  | 'account_gone'
  | 'invalid_refresh_token'
  | 'wrong_current_password'
  | 'password_unchanged'
  | 'password_refused'
  | 'no_password'
  | 'wrong_password'
  | 'step_up_required'
  | 'step_up_method_refused'
  | 'metadata_too_large'
  | 'picture_invalid'
  | 'picture_too_large'
  | 'invalid_verification_token'
  | 'invalid_verification_code'
  | 'account_unknown'
  | 'session_unknown'
  | 'not_own_account'
  | 'api_key_unknown'
  | 'api_key_limit_reached'
  | 'expiry_not_ahead'
  | 'expiry_too_far'
  | 'redirect_not_allowed'
  | 'logo_not_allowed'
  | 'email_change_impossible'
  | 'email_unchanged'
  | 'email_sign_in_off'
  | 'provider_unknown'
  | 'provider_unavailable'
  | 'invalid_social_login'
  | 'social_email_missing'
  | 'social_flow_broken'
  | 'code_challenge_required'
  | 'cookie_flow_impossible'
  | 'identity_taken'
  | 'identity_unknown'
  | 'last_way_in'
  | 'too_many_identities'
  | 'passkey_unknown'
  | 'passkey_missing'
  | 'passkey_refused'
  | 'passkey_flow_over'
  | 'passkey_exists'
  | 'passkey_limit_reached'
  | 'password_already_set'
  | 'overloaded'
  | 'team_unknown'
  | 'team_member_unknown'
  | 'team_invitation_unknown'
  | 'team_name_invalid'
  | 'team_role_insufficient'
  | 'team_admin_needed'
  | 'team_member_already'
  | 'team_user_unknown'
  | 'team_limit_reached'
  | 'invalid_team_invitation'
  | 'sign_up_closed'
  | 'impersonation_refused'
  | 'impersonation_impossible'
  | 'project_reserved'
  | 'project_in_use'
  | 'last_owner'
  | 'role_impossible'
  | 'operator_unknown'
  | 'operator_key_unknown'
  | 'invalid_setup_link'
  | 'setup_email_required'
  | 'changed_meanwhile'
  | 'policy_key_reserved'
  | 'signing_key_unknown'
  | 'signing_key_too_young'
  | 'mail_unknown'
  | 'log_user_invalid'
  | 'event_ahead'
  | 'events_expired'
  | 'webhook_unknown'
  | 'webhook_url_refused'
  | 'webhook_limit_reached'
  | 'webhook_disabled'
  | 'delivery_unknown'

/** The rule of the project's policy that a new password breaks. */
export interface PasswordFault {
  readonly reason: 'too_short' | 'common' | 'contextual' | 'breached'
  /** The policy's minimum, in characters. */
  readonly minLength: number
}

/** Factors that are proven with a code. */
export type CodeMethod = 'totp' | 'recovery_code' | 'email_code'

/**
 * The methods that complete a sign-in after its first factor: an enrolled factor, a passkey, a recovery code, or a mailed
 * code where the policy demands a second factor of an account that has enrolled none.
 */
export type FactorMethod = CodeMethod | 'passkey'

/** `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3 §5.1.10). */
export interface PasskeyRequestOptions {
  /** Base64url. */
  readonly challenge: string
  /** Milliseconds. */
  readonly timeout: number
  readonly rpId: string
  readonly allowCredentials: {
    readonly type: 'public-key'
    readonly id: string
    readonly transports?: string[]
  }[]
  readonly userVerification: 'required'
}

/** The methods that step a session up: an enrolled factor; without one, the password; without both, a mailed code. */
export type StepUpFactor = 'password' | FactorMethod

export interface AuthErrorDetails {
  /** Whole seconds until the same request may succeed. */
  readonly retryAfterSeconds?: number
  /** Only with `password_refused`. */
  readonly password?: PasswordFault
  /** Only for callers that presented the project's secret. */
  readonly verificationToken?: string
  /** With `passkey_unknown`, if this project registered the credential: its id in base64url. */
  readonly credentialId?: string
  /** With `step_up_required` and `second_factor_required`: the methods that the account accepts. */
  readonly factors?: readonly StepUpFactor[]
  /** With `second_factor_required`: the token with which the client completes the sign-in. */
  readonly challenge?: string
  /** If `factors` has `passkey`: the options of the browser's request. */
  readonly passkeyOptions?: PasskeyRequestOptions
}

/** A refusal. Its message is its code; each API has its own text for the code. */
export class AuthError extends Error {
  override name = 'AuthError'
  readonly code: AuthErrorCode
  readonly details: AuthErrorDetails
  /** The cause for the security log and log lines, which the answer must not disclose. Default: the code. */
  readonly reason: string
  constructor(code: AuthErrorCode, details: AuthErrorDetails = {}, reason: string = code) {
    super(code)
    this.code = code
    this.details = details
    this.reason = reason
  }
}

/** Thrown for invalid input of an operator, with one sentence for each problem. */
export class ProblemsError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}
