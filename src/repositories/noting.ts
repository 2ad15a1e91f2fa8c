// A store that tells which audit events it wrote: once they stand, never those of a transaction that was rolled back.
import type { AuditEvent } from './audit.ts'
import type { Repositories, Store } from './store.ts'

/** Wraps a store; `told` gets the name of each event. Events of many accounts in one statement count once. */
export function noting(store: Store, told: (event: AuditEvent) => void): Store {
  // The repositories of one connection are one value for its whole life, and a transaction has them alone.
  const wrapped = new WeakMap<Repositories, { repositories: Repositories; written: AuditEvent[] }>()

  function wrap(
    { audit, signIns, ...others }: Repositories,
    note: (event: AuditEvent) => void,
  ): Repositories {
    return {
      ...others,
      audit: {
        ...audit,
        add: (event) => audit.add(event).then(() => note(event.event)),
        addForSessions: (event, ids) => audit.addForSessions(event, ids).then(() => note(event.event)),
        addForTeam: (projectId, teamId, event, but) =>
          audit.addForTeam(projectId, teamId, event, but).then(() => note(event)),
      },
      signIns: {
        ...signIns,
        async open(opening) {
          const opened = await signIns.open(opening)
          if (opened) note(opening.event)
          return opened
        },
      },
    }
  }

  function within(run: Store['transaction']): Store['transaction'] {
    return async (projectId, work) => {
      let events: AuditEvent[] = []
      const result = await run(projectId, async (tx) => {
        const known = wrapped.get(tx) ?? { repositories: tx, written: [] }
        if (known.repositories === tx) {
          known.repositories = wrap(tx, (event) => known.written.push(event))
          wrapped.set(tx, known)
        }
        known.written.length = 0
        const answer = await work(known.repositories)
        events = known.written.splice(0)
        return answer
      })
      for (const event of events) told(event)
      return result
    }
  }

  const alone = wrap(store, told)
  return {
    ...store,
    ...alone,
    transaction: within(store.transaction),
    snapshot: within(store.snapshot),
    statement: (work) => store.statement(() => work(alone)),
  }
}
