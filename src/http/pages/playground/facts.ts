// What the page is told of the project and the service, in an attribute of its root.

export interface Facts {
  /** UUID of the project, and whether requests without the header `project-id` mean it. */
  readonly project: string
  readonly isDefault: boolean
  readonly name: string
  /** The URL of the service, without a slash at its end. */
  readonly base: string
  readonly hasInbox: boolean
  readonly signUp: 'open' | 'closed'
  readonly verification: 'off' | 'lenient' | 'strict'
  readonly emailSignIn: boolean
  /** The domain that passkeys belong to. */
  readonly passkeyDomain: string
}

export const root = document.getElementById('playground') as HTMLElement
export const facts: Facts = {
  ...JSON.parse(root.dataset.facts ?? '{}'),
  // The address in the bar, because the page may be open at localhost and at 127.0.0.1.
  base: location.origin + (root.dataset.base ?? ''),
}
