'use client'
// @sallyport/react: who is signed in, and the pages of signing in and of the account, on top of @sallyport/client.
export { type Account, type Holdings, type Proof, useAccount } from './account.js'
export { AccountPage, type AccountPageProps, type AccountSection } from './account-page.js'
export { type Action, type FormError, useAction } from './action.js'
export { type Flow, type FlowOptions, type Step, useSignIn, useSignUp } from './flow.js'
export {
  type SallyportOptions,
  SallyportProvider,
  type SallyportProviderProps,
  SignedIn,
  SignedOut,
  useClient,
  useSession,
  useUser,
} from './provider.js'
export { SignIn, type SignInProps, SignUp, type SignUpProps } from './sign-in.js'
export type { AuthState } from './store.js'
export { en, type Texts } from './texts/en.js'
export { type MenuItem, UserButton, type UserButtonProps } from './user-button.js'
