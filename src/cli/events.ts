// npx . events …
import { type EventRow, readEvents } from '../domain/events/events.ts'
import { group, option, type ProjectOptions, wholeNumber } from './options.ts'
import { projectCommands } from './project-command.ts'

interface Given extends ProjectOptions {
  readonly after?: number
  readonly limit: number
}

const declare = projectCommands<Given>({})

const facts = ({ position, type, subject, at, data }: EventRow) => ({
  position,
  type,
  timestamp: at.toISOString(),
  subject,
  data,
})

export const events = group('events', 'Reads the ordered feed of a project (docs/events.md).', [
  declare(
    'list',
    'prints events in order; prints an array of { position, type, timestamp, subject, data } with --json',
    [
      option(
        '--after <POSITION>',
        'begin after this one; default: at the oldest that is kept',
        wholeNumber(0, 2 ** 52),
      ),
      option('--limit <N>', 'how many', wholeNumber(1, 1000)).default(50),
    ],
    async (ctx, { after = null, limit }) => {
      const page = await readEvents(ctx, { after, limit, waitSeconds: 0 }, new AbortController().signal)
      const rows = page.kind === 'page' ? page.events : []
      const lines = rows.map(
        ({ position, at, type, subject, data }) =>
          `${position}  ${at.toISOString()}  ${type.padEnd(22)}  ${subject}  ${JSON.stringify(data)}`,
      )
      const none = page.kind === 'expired' ? 'Events after this position were removed.' : 'There is none.'
      return [rows.map(facts), lines.length > 0 ? lines : none]
    },
  ),
])
