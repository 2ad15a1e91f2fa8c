// The report of an import: all counts, and the first entries of each list.
import type { InsertedUsers } from '../../repositories/operators/imported-users.ts'

/** A line of the file and why no account was added for it. */
interface RefusedLine {
  /** In a list: its position from 1 on. */
  readonly line: number
  readonly reason: string
}

/** Entries that a report lists: lines, reasons, and what another account has already. It counts all of them. */
const maxShown = 1000
const maxReasons = 50
const maxTaken = 20

/** Something of a person that another account of the project has already, and keeps. */
interface TakenLine {
  readonly line: number
  readonly email: string
  readonly kind: 'identity' | 'passkey'
}

const countIn = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)

export class Report {
  read = 0
  created = 0
  accepted = 0
  teamsCreated = 0
  refusedTotal = 0
  repeatedTotal = 0
  identitiesTaken = 0
  passkeysTaken = 0
  readonly #refused: RefusedLine[] = []
  readonly #reasons = new Map<string, number>()
  readonly #repeated: { line: number; first_line: number }[] = []
  readonly #passwords = new Map<string, number>()
  readonly #taken: TakenLine[] = []
  readonly #leftOut = new Map<string, number>()
  readonly #notes = new Set<string>()

  refuse(line: number, reason: string): void {
    this.refusedTotal++
    if (this.#refused.length < maxShown) this.#refused.push({ line, reason })
    const isNamed = this.#reasons.has(reason) || this.#reasons.size < maxReasons
    countIn(this.#reasons, isNamed ? reason : 'Other reasons.')
  }

  repeat(line: number, firstLine: number): void {
    this.repeatedTotal++
    if (this.#repeated.length < maxShown) this.#repeated.push({ line, first_line: firstLine })
  }

  accept(passwordCost: string | null, leftOut: readonly string[]): void {
    this.accepted++
    countIn(this.#passwords, passwordCost ?? 'none')
    for (const provider of leftOut) countIn(this.#leftOut, provider)
  }

  /** @param lines of the file, by the address that stands in it */
  insert(inserted: InsertedUsers, lines: ReadonlyMap<string, number>): void {
    this.created += inserted.created
    this.identitiesTaken += inserted.takenIdentities
    this.passkeysTaken += inserted.takenPasskeys
    for (const { email, kind } of inserted.taken.slice(0, maxTaken - this.#taken.length))
      this.#taken.push({ line: lines.get(email) ?? 0, email, kind })
  }

  readonly note = (sentence: string): void => {
    if (this.#notes.size < maxReasons) this.#notes.add(sentence)
  }

  /** The report as --json prints it. Lists have their first entries; the totals beside them count all. */
  get facts() {
    return {
      read: this.read,
      created: this.created,
      /** Left as they are: the address or the UUID has an account, or stood in the file before. */
      existing: this.accepted - this.created + this.repeatedTotal,
      teams_created: this.teamsCreated,
      refused: this.#refused,
      refused_total: this.refusedTotal,
      /** Refused entries by their reason. */
      refused_reasons: Object.fromEntries(this.#reasons),
      /** Entries whose address stands in an earlier line, which counts. */
      repeated: this.#repeated,
      repeated_total: this.repeatedTotal,
      /** Accounts by what checking their hash takes; `none`: they have no password. */
      passwords: Object.fromEntries(this.#passwords),
      /** Identities that were left out, by provider, because its issuer is not known. */
      identities_left_out: Object.fromEntries(this.#leftOut),
      /** Identities and passkeys that were left out, because another account has them. */
      identities_taken: this.identitiesTaken,
      passkeys_taken: this.passkeysTaken,
      taken: this.#taken,
      notes: [...this.#notes],
    }
  }
}

export type ReportFacts = Report['facts']

/** Lines of refusals that are printed for people; --json prints more. */
const maxPrinted = 50

const shownKind = { identity: 'An identity', passkey: 'A passkey' } as const

/** The report in sentences besides the counts, one for each line. */
export function remarksOf(facts: ReportFacts): string[] {
  const lines = facts.refused.slice(0, maxPrinted).map(({ line, reason }) => `${line}: ${reason}`)
  if (facts.refused_total > maxPrinted)
    lines.push(
      `… and ${facts.refused_total - maxPrinted} more:`,
      ...Object.entries(facts.refused_reasons).map(([reason, count]) => `  ${count} × ${reason}`),
    )
  for (const { line, first_line } of facts.repeated.slice(0, maxPrinted))
    lines.push(`${line}: The address stands in line ${first_line} already, which counts.`)
  if (facts.repeated_total > maxPrinted)
    lines.push(`… and ${facts.repeated_total - maxPrinted} more addresses that stand in the file twice.`)
  for (const [provider, count] of Object.entries(facts.identities_left_out))
    lines.push(
      `${count} identities at ${provider} were left out: set providers.${provider} with its issuer in the policy first.`,
    )
  for (const { line, email, kind } of facts.taken)
    lines.push(`${line}: ${shownKind[kind]} of ${email} was left out: another account has it.`)
  const taken = facts.identities_taken + facts.passkeys_taken
  if (taken > 0)
    lines.push(
      `${facts.identities_taken} identities and ${facts.passkeys_taken} passkeys were left out because another account has them.`,
    )
  return [...lines, ...facts.notes]
}
