// SvelteKit: `export const handle = sallyport(auth)` in hooks.server answers the routes below basePath, and sets
// `event.locals.session` for every other request.
import type { Session } from './access-token.js'
import { withCookies } from './answers.js'
import { refusalOf } from './attached.js'
import type { Sallyport } from './sallyport.js'

interface KitEvent {
  readonly request: Request
  readonly locals: object
}

/** What `App.Locals` declares: `interface Locals extends SallyportLocals {}`. */
export interface SallyportLocals {
  /** Null: signed out. */
  session: Session | null
}

/** The hook `handle`. */
export function sallyport(auth: Sallyport) {
  return async <Event extends KitEvent>({
    event,
    resolve,
  }: {
    event: Event
    resolve(event: Event): Response | Promise<Response>
  }): Promise<Response> => {
    let setCookies: readonly string[]
    try {
      const answer = await auth.handle(event.request)
      if (answer) return answer
      const resumed = await auth.resume(event.request)
      ;(event.locals as SallyportLocals).session = resumed.session
      setCookies = resumed.setCookies
    } catch (error) {
      return refusalOf(auth, event.request, error)
    }
    return withCookies(await resolve(event), setCookies)
  }
}
