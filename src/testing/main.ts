// The process that @sallyport/testing starts: it serves one test process, by messages, and ends with it.
import { isProduction } from '../config/config.ts'
import { operatorMessage } from '../operator-messages.ts'
import { startTestService, type TestService, type TestServiceOptions, type TestUserFacts } from './service.ts'

/** A message of the test process; the answer has the same `id`. */
type Asked = { readonly id: number } & (
  | { readonly verb: 'start'; readonly given: TestServiceOptions }
  | { readonly verb: 'createUser'; readonly given: TestUserFacts }
  | { readonly verb: 'advance'; readonly given: number }
  | { readonly verb: 'now'; readonly given: null }
)

/** Milliseconds after which an end that does not come is forced. */
const endMs = 15_000

let starting: Promise<TestService> | undefined

async function answer(asked: Asked): Promise<unknown> {
  if (asked.verb === 'start') {
    starting ??= startTestService(asked.given)
    const { url, projectId, projectSecret } = await starting
    return { url, projectId, projectSecret }
  }
  const service = await starting
  if (!service) throw new Error('The service was not started.')
  if (asked.verb === 'createUser') return service.createUser(asked.given)
  if (asked.verb === 'advance') return service.advance(asked.given)
  return service.now()
}

/** Sends an answer, unless the test process has ended meanwhile. */
function tell(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

process.on('message', (asked: Asked) => {
  answer(asked).then(
    (value) => tell({ id: asked.id, value }),
    (error: unknown) => tell({ id: asked.id, problem: operatorMessage(error) }),
  )
})

let isEnding = false

/** Ends with the test process, also where that was killed: the channel to it closes then. */
async function end(): Promise<void> {
  if (isEnding) return
  isEnding = true
  setTimeout(() => process.exit(1), endMs).unref()
  const service = await starting?.catch(() => null)
  await service?.close().catch(() => {})
  process.exit()
}
process.on('disconnect', end).on('SIGTERM', end)

if (isProduction() || !process.send) {
  console.error(
    'This program serves tests: @sallyport/testing starts it, and not where NODE_ENV is production.',
  )
  process.exit(1)
}
// A test process that ended before this one listened.
if (!process.connected) await end()
