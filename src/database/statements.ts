// Statements as this service writes them, in the manner of postgres.js, whichever connection they will run on.
import type { Sql } from 'postgres'

/** Where statements of one project are issued: a pool, or the connection of a transaction. */
export interface ProjectSql {
  readonly options: Sql['options']
  /** Statements that see the rows of this project alone. */
  of(projectId: string): Sql
}

/** What a query builder and our own statements use of postgres.js; `values()` asks for rows as arrays. */
export type Issue = (sql: Sql) => PromiseLike<unknown> & { values(): PromiseLike<unknown> }
/** Finds a connection for what is asked of it. */
export type Run = (ask: (sql: Sql) => PromiseLike<unknown>) => Promise<unknown>
/** Told of each statement as it is asked, by its text without its parameters. Out: told how it ended. */
export type Watch = (text: string) => (error?: unknown) => void

/** Runs once the caller's turn is over: until then it may ask for `values()`. */
export function statement(run: Run, issue: Issue) {
  let asValues = false
  const answer = Promise.resolve().then(() => run((sql) => (asValues ? issue(sql).values() : issue(sql))))
  const values = () => {
    asValues = true
    return answer
  }
  return Object.assign(answer, { values })
}

/** The part of postgres.js that this service uses: the tagged template and `unsafe`. */
export function facade(issueOne: (issue: Issue, text: string) => Promise<unknown>, watch?: Watch): Sql {
  function asked(text: string, issue: Issue) {
    if (!watch) return issueOne(issue, text)
    const ended = watch(text)
    const answer = issueOne(issue, text)
    answer.then(() => ended(), ended)
    return answer
  }
  const tagged = (strings: TemplateStringsArray, ...args: never[]) =>
    asked(strings.join('?'), (sql) => sql(strings, ...args))
  const unsafe = (...query: Parameters<Sql['unsafe']>) => asked(query[0], (sql) => sql.unsafe(...query))
  return Object.assign(tagged, { unsafe }) as unknown as Sql
}
