// The parts of the server that the hosted pages need.
import type { FastifyRequest } from 'fastify'
import type { RefreshKey } from '../../../crypto/refresh-secret.ts'
import { basePathOf } from '../../base-path.ts'
import {
  deviceCookieOf,
  type FlowCookies,
  flowCookies,
  type ProjectCookie,
  returnCookieOf,
  type SessionCookies,
  sessionCookies,
} from '../../cookies.ts'
import { type OpenedSessionPrinter, openedSessionPrinter } from '../../replaced-session.ts'
import type { ServerOptions } from '../../server-options.ts'
import { visitorFinder } from '../../strategies/cookie.ts'
import { type SessionPrinter, sessionPrinter, userView } from '../../views.ts'
import { type Asset, readAsset, versioned } from '../assets.ts'
import type { FindVisitor } from '../link-page.ts'

export interface HostedParts {
  readonly publicUrl: string
  readonly cookies: SessionCookies
  readonly flowCookies: FlowCookies
  readonly deviceCookie: ProjectCookie
  readonly returnCookie: ProjectCookie
  readonly refreshKeys: readonly RefreshKey[]
  readonly printSession: SessionPrinter
  /** Sends a session that was just opened. */
  readonly printOpened: OpenedSessionPrinter
  /** The path of PUBLIC_URL; usually empty. */
  readonly basePath: string
  /** The URL of the pages' script; null: it was not built. */
  readonly script: string | null
  readonly findVisitor: FindVisitor
  /** Whether the browser has the access token of an operator who acts as a user. */
  readonly isImpersonated: (request: FastifyRequest) => boolean
  /** Counts a refusal by the lockout. */
  readonly lockedOut: () => void
}

/** The pages' script; null: it was not built. */
export const readScript = (): Asset | null => readAsset('pages/pages.js')

/** Builds the parts. */
export function hostedParts(options: ServerOptions): HostedParts {
  const { cookieSecure, publicUrl, refreshKeys, tokens, metrics } = options
  const cookies = sessionCookies(cookieSecure)
  const printSession = sessionPrinter(tokens, cookies, userView(publicUrl))
  const [script, basePath] = [readScript(), basePathOf(publicUrl)]
  return {
    publicUrl,
    cookies,
    refreshKeys,
    printSession,
    basePath,
    deviceCookie: deviceCookieOf(cookieSecure),
    returnCookie: returnCookieOf(cookieSecure),
    flowCookies: flowCookies(cookieSecure),
    printOpened: openedSessionPrinter(printSession, cookies, refreshKeys),
    script: script && versioned(`${basePath}/pages/pages.js`, script),
    findVisitor: visitorFinder(options),
    isImpersonated: (request) => !!tokens.readAccess(cookies.read(request, 'access') ?? '')?.act,
    lockedOut: () => metrics.lockedOut(),
  }
}
