// Imports a file: reads it piece by piece, checks each person, and adds them in batches while the next ones are read.
import type { OperatorContext } from '../../domain/context.ts'
import { ImportPreview } from '../../domain/operators/import-preview.ts'
import { type ReadUser, readTeam, readUser } from '../../domain/operators/imported-person.ts'
import {
  importTeams,
  importUsers,
  isLargeImport,
  offerPasswordsByMail,
  PasswordKinds,
  refreshStatistics,
  StatisticsSchedule,
  unknownProviders,
} from '../../domain/operators/user-import.ts'
import { CommandError } from '../errors.ts'
import { startProgress } from './progress.ts'
import type { ReaderOptions } from './reader.ts'
import { expected, type Product, readers } from './readers.ts'
import { Report, type ReportFacts } from './report.ts'
import { openSource } from './source.ts'

export interface ImportOptions extends Omit<ReaderOptions, 'project' | 'note' | 'openHashes'> {
  readonly from: Product
  readonly file: string
  /** Auth0's second file. */
  readonly hashes?: string | undefined
  readonly acceptWeak?: boolean | undefined
  /** Whether nothing is written. */
  readonly dryRun?: boolean | undefined
}

/** Accounts that one statement adds. */
const batchSize = 500

/** Adds full batches one after another while the caller reads on; at most one is being added. */
class Batches {
  #users: ReadUser[] = []
  #adding: Promise<void> = Promise.resolve()
  readonly #add: (users: readonly ReadUser[]) => Promise<void>

  constructor(add: (users: readonly ReadUser[]) => Promise<void>) {
    this.#add = add
  }

  async put(user: ReadUser): Promise<void> {
    if (this.#users.push(user) >= batchSize) await this.#next()
  }

  async #next(): Promise<void> {
    const users = this.#users
    this.#users = []
    await this.#adding
    if (users.length === 0) return
    this.#adding = this.#add(users)
    // A failure rejects the next `put` or `end`.
    this.#adding.catch(() => {})
  }

  async end(): Promise<void> {
    await this.#next()
    await this.#adding
  }
}

/** Renews the planner's statistics of the tables that an import fills. Where that fails, autovacuum does it later. */
class Statistics {
  readonly #ctx: OperatorContext
  readonly #schedule = new StatisticsSchedule()
  /** Accounts that had been created when they were renewed last. */
  #renewedAt = 0

  constructor(ctx: OperatorContext) {
    this.#ctx = ctx
  }

  async afterBatch(created: number): Promise<void> {
    if (this.#schedule.isDue(created)) await this.#renew(created)
  }

  async atEnd(created: number): Promise<void> {
    if (!isLargeImport(created)) return
    if (this.#renewedAt < created) await this.#renew(created)
    if (this.#renewedAt === created) console.error('The statistics of the tables were renewed (analyze)')
  }

  async #renew(created: number): Promise<void> {
    try {
      await refreshStatistics(this.#ctx.services)
      this.#renewedAt = created
    } catch {
      console.error('The statistics of the tables could not be renewed (analyze)')
    }
  }
}

/** @throws CommandError for a file without an entry, with what it must be */
function mustHaveEntries({ read }: Report, { from, file }: ImportOptions): void {
  if (read === 0)
    throw new CommandError(
      `The file ${file} has no account. With --from ${from} it must be ${expected[from]}.`,
    )
}

/**
 * Imports a file and reports its progress on standard error. An account and all that belongs to it is added in one statement, and one
 * that exists stays as it is: the same command goes on where it was interrupted.
 * @throws CommandError where the file cannot be read, has no entry, or is not of the product's form; what was read before was added
 */
export async function importFile(ctx: OperatorContext, options: ImportOptions): Promise<ReportFacts> {
  const { from, file, hashes, dryRun = false, acceptWeak = false } = options
  const report = new Report()
  const kinds = new PasswordKinds(ctx)
  const statistics = dryRun ? null : new Statistics(ctx)
  const preview = new ImportPreview(ctx)
  const lines = new Map<string, number>()
  const progress = await startProgress(file, process.stderr)
  const batches = new Batches(async (users) => {
    report.insert(dryRun ? await preview.of(users) : await importUsers(ctx, users, kinds), lines)
    progress.show(() => `${report.read} read, ${report.created} created, ${report.refusedTotal} refused`)
    await statistics?.afterBatch(report.created)
  })

  async function take(line: number, value: unknown): Promise<void> {
    const team = from === 'jsonl' ? readTeam(value) : null
    if (typeof team === 'string') return report.refuse(line, team)
    if (team) {
      if (!dryRun) report.teamsCreated += await importTeams(ctx, [team])
      return
    }
    const user = readUser(value, { acceptsWeak: acceptWeak })
    if (typeof user === 'string') return report.refuse(line, user)
    const firstLine = lines.get(user.email)
    if (firstLine !== undefined) return report.repeat(line, firstLine)
    const refusal = kinds.admit(user)
    if (refusal) return report.refuse(line, refusal)
    lines.set(user.email, line)
    report.accept(user.passwordCost, unknownProviders(ctx, user))
    await batches.put(user)
  }

  try {
    if (from === 'cognito' && !dryRun) await offerPasswordsByMail(ctx)
    const openHashes = hashes === undefined ? undefined : () => openSource(hashes)
    const bytes = progress.measure(await openSource(file))
    const entries = readers[from](bytes, {
      ...options,
      project: ctx.project.id,
      note: report.note,
      openHashes,
    })
    for await (const { line, value, refused } of entries) {
      report.read++
      if (refused !== undefined) report.refuse(line, refused)
      else await take(line, value)
    }
  } catch (error) {
    await batches.end()
    console.error(`${report.created} accounts were added before the import ended; the same command goes on.`)
    throw error
  } finally {
    progress.end()
  }
  mustHaveEntries(report, options)
  await batches.end()
  await statistics?.atEnd(report.created)
  return report.facts
}
