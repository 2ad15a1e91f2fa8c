// Every refusal the domain knows, by name. Each edge gives each name a face; none is missing, or it does not compile.

export type AuthErrorCode =
  | 'project_required'
  | 'project_unknown'
  | 'invalid_credentials'
  | 'too_many_attempts'
  | 'account_disabled'
  | 'email_taken'
  | 'email_verification_required'
  | 'address_unproven'
  | 'unauthenticated'
  | 'account_gone'
  | 'invalid_refresh_token'
  | 'wrong_current_password'
  | 'password_unchanged'
  | 'no_password'
  | 'current_password_required'
  | 'recent_sign_in_required'
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
  | 'redirect_not_allowed'
  | 'logo_not_allowed'
  | 'email_change_impossible'
  | 'email_unchanged'
  | 'provider_unknown'
  | 'provider_unavailable'
  | 'invalid_social_login'
  | 'social_email_missing'
  | 'social_flow_broken'
  | 'identity_taken'
  | 'identity_unknown'
  | 'last_way_in'
  | 'too_many_identities'
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

export interface AuthErrorDetails {
  /** Whole seconds after which the same request may succeed. */
  readonly retryAfterSeconds?: number
  /** For a caller that proved itself with the project's secret, and nobody else. */
  readonly verificationToken?: string
}

/** A refusal. Its message is its code: what a person reads is written at the edge. */
export class AuthError extends Error {
  readonly code: AuthErrorCode
  readonly details: AuthErrorDetails
  constructor(code: AuthErrorCode, details: AuthErrorDetails = {}) {
    super(code)
    this.name = 'AuthError'
    this.code = code
    this.details = details
  }
}
