// How a route may be called: alternatives of OpenAPI's security requirements, by the names of the schemes.
type Requirements = readonly Record<string, readonly string[]>[]

export const byAnyone: Requirements = [{}]

export const bySession: Requirements = [{ bearer: [] }, { cookie: [] }]

/** By a session, or by an API key with the scope of the route. */
export const bySessionOrKey: Requirements = [...bySession, { apiKey: [] }]
