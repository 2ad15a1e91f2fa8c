// Creates teams through the API, by users whose address is proven.
import { type Answer, bearer, type RequestOptions, type TestApp } from './app.ts'

export type Person = Answer & { email: string; password: string; uuid: string }

export function teamsOf(app: TestApp) {
  const as = (who: Answer, method: string, path: string, body?: unknown, options: RequestOptions = {}) =>
    app.api(method, path, { body, ...options, headers: { ...bearer(who), ...options.headers } })
  const secret = { headers: { 'project-secret': app.projectSecret } }

  async function person(facts: Record<string, unknown> = {}): Promise<Person> {
    const signedUp = await app.signUp(facts)
    await app.sql`update users set email_verified_at = now() where email = ${signedUp.email}`
    return { ...signedUp, uuid: signedUp.body.user.uuid }
  }

  /** Creates a team of `admin`; returns its id. */
  async function team(admin: Answer, name = 'Rockets'): Promise<string> {
    return (await as(admin, 'POST', '/teams', { name })).body.id
  }

  /** Adds a member at once, as the application's back end can. */
  const add = (admin: Answer, id: string, who: { email: string }, role: string) =>
    as(admin, 'POST', `/teams/${id}/members`, { email: who.email, role }, secret)

  /** The newest invitation mail to an address. */
  async function invitationMail(address: string) {
    for (let i = 0; i < 160; i++) {
      const mails = (await app.mailbox.all()).filter((one) => one.to === address)
      const mail = mails.filter((one) => one.kind === 'team_invitation').at(-1)
      if (mail) return mail
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`No invitation came for ${address}.`)
  }

  const rolesOf = async (who: Answer, id: string): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await as(who, 'GET', `/teams/${id}/members`)).body.data.map(
        ({ user_uuid, role }: { user_uuid: string; role: string }) => [user_uuid, role],
      ),
    )

  return { as, secret, person, team, add, invitationMail, rolesOf }
}
