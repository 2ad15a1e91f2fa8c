// npx . listen: forwards the events of a project to a program under development, signed as webhooks are.
import { randomUUID } from 'node:crypto'
import { mintWebhookSecret, printWebhookSecret, webhookHeaders } from '../crypto/webhook-signature.ts'
import type { OperatorContext } from '../domain/context.ts'
import { type EventRow, latestPosition, readEvents } from '../domain/events/events.ts'
import { isLoopback } from '../formats.ts'
import { printEvent } from '../http/admin/event-views.ts'
import { withProject } from './database.ts'
import { UsageError } from './errors.ts'
import { runUntilInterrupted } from './interruption.ts'
import { command, projectOption, required } from './options.ts'
import { printLine } from './standard-output.ts'

/** @throws UsageError for an address that is not on this machine */
function localUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || !isLoopback(url.hostname))
    throw new UsageError(
      '--forward-to must be an address on this machine, such as http://127.0.0.1:3001/hook.',
    )
  return url.href
}

/** Sends one event. @returns what the program said */
async function forward(url: string, secret: Buffer, projectId: string, event: EventRow): Promise<string> {
  const body = printEvent(projectId, event)
  const headers = webhookHeaders([secret], `msg_${randomUUID()}`, body)
  const sent = {
    method: 'POST',
    headers,
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(15_000),
  } as const
  return fetch(url, sent).then(
    async (response) => {
      await response.body?.cancel()
      return String(response.status)
    },
    (error: Error) => `no answer (${(error.cause as Error | undefined)?.message ?? error.message})`,
  )
}

async function follow(ctx: OperatorContext, url: string, signal: AbortSignal): Promise<void> {
  const secret = mintWebhookSecret()
  printLine(`Forwarding the events of ${ctx.project.name} to ${url}. Stop with Ctrl-C.`)
  printLine(`Secret for this run: ${printWebhookSecret(secret)}`)
  let after = await latestPosition(ctx)
  while (!signal.aborted) {
    const page = await readEvents(ctx, { after, limit: 100, waitSeconds: 30 }, signal)
    for (const event of page.kind === 'page' ? page.events : []) {
      after = event.position
      const said = await forward(url, secret, ctx.project.id, event)
      printLine(`${event.at.toISOString()}  ${event.type.padEnd(22)}  ${event.subject}  ${said}`)
    }
  }
}

export const listen = command(
  'listen',
  'Forwards the events of a project, from now on, to a program on this machine, signed as a webhook is, until it is stopped. Nothing is stored: what the program refuses is not sent again.',
  [projectOption, required('--forward-to <URL>', 'where the program listens', localUrl)],
  async ({ project, forwardTo }: { project: string; forwardTo: string }) => {
    const signal = runUntilInterrupted()
    await withProject(project, (ctx) => follow(ctx, forwardTo, signal))
  },
)
