// Facts about the project and the service, from an attribute of the root element.

export interface Facts {
  /** UUID. */
  readonly project: string
  /** True if requests without the header `project-id` mean this project. */
  readonly isDefault: boolean
  readonly name: string
  /** URL of the service, without a slash at its end. */
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
  // Not PUBLIC_URL, because the page may be open at localhost as well as at 127.0.0.1.
  base: location.origin + (root.dataset.base ?? ''),
}
