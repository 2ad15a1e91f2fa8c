// The kinds of mail: who causes each, and what it carries.
import type { LinkPurpose } from './links.ts'

interface MailProperties {
  /**
   * Decides which limit of the recipient counts it. `requested`: anyone can cause it. `reset`: likewise, and a part of the limit
   * is reserved for it. `notice`: tells the owner of an event; to an unproven address it counts as requested.
   */
  readonly cause: 'requested' | 'reset' | 'notice'
  /** What its link does; default: it has none. */
  readonly link?: LinkPurpose
  /** What its code does, where it has a code and no link. */
  readonly code?: 'step_up' | 'second_factor'
  /** False: it does not say from which device and when it was caused. */
  readonly circumstances?: false
}

export const mailKinds = {
  verify_email: { cause: 'requested', link: 'verify_email', circumstances: false },
  address_taken: { cause: 'requested', circumstances: false },
  reset_password: { cause: 'reset', link: 'reset_password', circumstances: false },
  password_changed: { cause: 'notice' },
  change_email: { cause: 'requested', link: 'change_email', circumstances: false },
  email_change_requested: { cause: 'notice' },
  email_changed: { cause: 'notice', link: 'undo_email_change', circumstances: false },
  new_device: { cause: 'notice', link: 'disown_sign_in' },
  team_invitation: { cause: 'requested', link: 'team_invitation', circumstances: false },
  register: { cause: 'requested', link: 'register', circumstances: false },
  identity_linked: { cause: 'notice' },
  identity_unlinked: { cause: 'notice' },
  passkey_added: { cause: 'notice' },
  passkey_removed: { cause: 'notice' },
  passkey_counter_back: { cause: 'notice' },
  // Only a session, or a right first factor, can cause the two codes, so a stranger cannot.
  step_up_code: { cause: 'notice', code: 'step_up' },
  second_factor_code: { cause: 'notice', code: 'second_factor' },
  sign_in_code: { cause: 'requested', link: 'sign_in' },
  mailbox_entered: { cause: 'notice' },
  api_key_created: { cause: 'notice' },
  account_opened: { cause: 'notice', link: 'disown_sign_in' },
  sign_in_failures: { cause: 'notice' },
  deletion_scheduled: { cause: 'notice' },
  account_deleted: { cause: 'notice', circumstances: false },
  factor_added: { cause: 'notice' },
  factor_removed: { cause: 'notice' },
  recovery_codes_low: { cause: 'notice' },
  recovery_codes_renewed: { cause: 'notice' },
  factors_reset_requested: { cause: 'notice' },
  factors_reset: { cause: 'notice' },
  impersonated: { cause: 'notice' },
} as const satisfies Record<string, MailProperties>

export type MailKind = keyof typeof mailKinds

/** The properties of a kind of mail. */
export const propertiesOf = (kind: MailKind): MailProperties => mailKinds[kind]

/** Every kind, in the order of the table. */
export const allMailKinds = Object.keys(mailKinds) as readonly MailKind[]
