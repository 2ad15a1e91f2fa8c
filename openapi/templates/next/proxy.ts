// Refreshes the session before a page is rendered. Files need none.
import { middleware } from './auth'

export const proxy = (request: Request) => middleware(request)
export const config = { matcher: ['/((?!_next/|favicon.ico).*)'] }
