// npx . keys …
import { readConfig } from '../config.ts'
import { deriveKey } from '../crypto/secrets.ts'
import { keptSecretKey } from '../database/secret-file.ts'
import { createSigningKeys, publishedSeconds, type SigningKeys } from '../domain/signing-keys.ts'
import { OperatorError } from '../operator.ts'
import { type Command, readOptions, UsageError } from './command.ts'
import { withStore } from './database.ts'

const usage = `Usage:
  npx . keys list
  npx . keys rotate [--force]
  npx . keys reseal

  list     the signing keys: next is published and signs nothing yet, current signs, previous only verifies
  rotate   the next key signs from now on; running instances follow within a minute, and no token is refused.
           A key signs after it was published for ${publishedSeconds / 60} minutes; --force does not wait for that: services that
           verify tokens themselves may refuse new ones until they fetch the keys again
  reseal   seals under SECRET_KEY what SECRET_KEY_PREVIOUS sealed; after that the previous one can go
  --json   print JSON: a list of { kid, state, created_at }, { rotated }, { resealed }`

async function openRing<T>(work: (keys: SigningKeys) => Promise<T>): Promise<T> {
  const config = readConfig()
  return withStore(async (store) => {
    const secrets = [config.secretKey ?? (await keptSecretKey(config.dataDir)), config.previousSecretKey]
    const [newest, ...older] = secrets.filter((secret) => secret !== null)
    const sealing = (secret: string | undefined) => deriveKey(Buffer.from(secret ?? '', 'utf8'), 'seal')
    return work(createSigningKeys(store, [sealing(newest), ...older.map(sealing)]))
  })
}

async function list(keys: SigningKeys, json: boolean): Promise<void> {
  const rows = await keys.list()
  if (json)
    console.log(
      JSON.stringify(
        rows.map(({ kid, state, createdAt }) => ({ kid, state, created_at: createdAt.toISOString() })),
      ),
    )
  else
    for (const { kid, state, createdAt } of rows)
      console.log(`${kid}  ${state.padEnd(8)}  made ${createdAt.toISOString()}`)
}

async function rotate(keys: SigningKeys, json: boolean, force: boolean): Promise<void> {
  await keys.open()
  if (!(await keys.rotate({ currentSeconds: 0, nextSeconds: force ? 0 : publishedSeconds })))
    throw new OperatorError(
      `The next key was published less than ${publishedSeconds / 60} minutes ago, and not everybody may know it yet. Wait, or use --force.`,
    )
  await keys.retire()
  console.log(json ? JSON.stringify({ rotated: true }) : 'The next key signs from now on.')
}

export const command: Command = {
  usage,
  async run(words) {
    const options = { force: { type: 'boolean' }, json: { type: 'boolean' } } as const
    const { values, positionals } = readOptions(words, options, usage)
    const [verb, ...rest] = positionals
    const json = values.json ?? false
    if (rest.length > 0 || (values.force && verb !== 'rotate'))
      throw new UsageError('That is not a keys command.', usage)
    if (verb === 'list') return openRing((keys) => list(keys, json))
    if (verb === 'rotate') return openRing((keys) => rotate(keys, json, values.force ?? false))
    if (verb === 'reseal')
      return openRing(async (keys) => {
        const resealed = await keys.reseal()
        console.log(json ? JSON.stringify({ resealed }) : `Sealed anew: ${resealed}.`)
      })
    throw new UsageError('That is not a keys command.', usage)
  },
}
