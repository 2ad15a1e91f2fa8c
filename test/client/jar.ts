// The cookies of a browser, for requests of Node: kept by name for one host, as browsers keep those of all its ports.

export interface Jar {
  /** The Cookie header. */
  readonly cookie: string
  get(name: string): string | undefined
  delete(name: string): void
  /** Keeps what an answer sets. */
  keep(answer: Response): Jar
  /** Sends a request with the cookies, and keeps those of the answer. Redirects are not followed. */
  send(url: string, init?: RequestInit): Promise<Response>
  /** Follows redirects until `isThere`, which is not requested. @returns the address */
  follow(url: string, isThere: (url: string) => boolean, init?: RequestInit): Promise<string>
}

/** Creates a jar without a cookie. */
export function openJar(): Jar {
  const kept = new Map<string, string>()
  const jar: Jar = {
    get cookie() {
      return [...kept].map(([name, value]) => `${name}=${value}`).join('; ')
    },
    get: (name) => kept.get(name),
    delete: (name) => void kept.delete(name),
    keep(answer) {
      for (const line of answer.headers.getSetCookie()) {
        const pair = line.split(';', 1)[0] ?? ''
        const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
        if (value === '' || /max-age=0\b/i.test(line)) kept.delete(name)
        else kept.set(name, value)
      }
      return jar
    },
    async send(url, init = {}) {
      const headers = { ...(init.headers as Record<string, string>), cookie: jar.cookie }
      const answer = await fetch(url, { ...init, headers, redirect: 'manual' })
      jar.keep(answer)
      return answer
    },
    async follow(url, isThere, init) {
      let [next, sent] = [url, init]
      for (let steps = 0; steps < 20; steps++) {
        const answer = await jar.send(next, sent)
        const location = answer.headers.get('location')
        if (!location) throw new Error(`${next} was answered with ${answer.status}: ${await answer.text()}`)
        next = new URL(location, next).href
        sent = undefined
        if (isThere(next)) return next
      }
      throw new Error('Too many redirects.')
    },
  }
  return jar
}
