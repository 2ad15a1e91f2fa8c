// The provider of the components, and the hooks that say who is signed in.
import type { SallyportClient, Session, User } from '@sallyport/client'
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react'
import { type AuthState, type AuthStore, createAuthStore } from './store.js'
import { en, type Texts } from './texts/en.js'

/** What the policy of the project offers, and how the components look and speak. */
export interface SallyportOptions {
  /** The names of the policy's `providers` that sign in by redirect, such as `['google', 'github']`. Default: none. */
  providers?: readonly string[]
  /** Where a provider sends the browser back to; listed in `redirect_urls`. Default: the page itself, without its query. */
  redirectTo?: string
  /** Whether a mailed code signs in (policy `email_sign_in`). Default: false. */
  emailSignIn?: boolean
  /** Whether passkeys are offered where the browser has them. Default: true. */
  passkeys?: boolean
  /** Texts in place of the English ones, all or some. Keep the object between renderings. */
  texts?: Partial<Texts>
  /** Default: as the system has it. */
  theme?: 'light' | 'dark'
}

export interface SallyportProviderProps extends SallyportOptions {
  /** A client of `@sallyport/client`, which lives as long as the page. On a server it is not called. */
  client: SallyportClient
  /** The session as the server that renders knows it, or `{ user }`; null: signed out. Absent: unknown until the browser asks. */
  initialSession?: Session | null
  children?: ReactNode
}

interface Context {
  readonly client: SallyportClient
  readonly store: AuthStore
  readonly texts: Texts
  readonly options: SallyportOptions
}

const SallyportContext = createContext<Context | null>(null)

/** Gives the components below it a client. */
export function SallyportProvider({ client, initialSession, children, ...options }: SallyportProviderProps) {
  const [store] = useState(() => createAuthStore(client, initialSession))
  const texts = useMemo(() => ({ ...en, ...options.texts }), [options.texts])
  useEffect(() => store.start(), [store])
  return (
    <SallyportContext.Provider value={{ client, store, texts, options }}>
      {children}
    </SallyportContext.Provider>
  )
}

/** @throws Error outside of a SallyportProvider */
export function useSallyport(): Context {
  const context = useContext(SallyportContext)
  if (!context) throw new Error('There is no SallyportProvider above this component.')
  return context
}

/** The client of the provider, for calls of your own. */
export const useClient = (): SallyportClient => useSallyport().client

/** Whether someone is signed in, and their session. */
export function useSession(): AuthState {
  const { store } = useSallyport()
  return useSyncExternalStore(store.subscribe, store.get, store.getInitial)
}

/** The signed-in user; null while that is unknown, and where there is none. */
export const useUser = (): User | null => useSession().user

/** Renders its children for a signed-in user. */
export function SignedIn({ children }: { children?: ReactNode }) {
  return useSession().status === 'signed_in' ? children : null
}

/** Renders its children where nobody is signed in; nothing while that is unknown. */
export function SignedOut({ children }: { children?: ReactNode }) {
  return useSession().status === 'signed_out' ? children : null
}
