// npx . keys …
import { recordInstallationAct, resealChains } from '../domain/audit/chain.ts'
import { resealTotpSecrets } from '../domain/credentials/totp.ts'
import { resealWebhooks } from '../domain/events/webhooks.ts'
import { revokeKey, rotateKeys } from '../domain/operators/signing-keys.ts'
import * as verbs from '../domain/signing-keys/signing-keys.ts'
import { withServices } from './database.ts'
import { inSentences, type Sentences } from './errors.ts'
import { argument, command, group, jsonOption, notBlank, option, print } from './options.ts'

interface Given {
  readonly json?: boolean
  readonly force?: boolean
}

async function list({ json }: Given): Promise<void> {
  const rows = await withServices(verbs.listSigningKeys)
  const facts = rows.map(({ kid, algorithm, state, createdAt }) => ({
    kid,
    algorithm,
    state,
    created_at: createdAt.toISOString(),
  }))
  const lines = facts.map(
    ({ kid, algorithm, state, created_at }) =>
      `${kid}  ${state.padEnd(8)}  ${algorithm.padEnd(5)}  made ${created_at}`,
  )
  print(json, facts, lines)
}

const sentences: Sentences = {
  signing_key_too_young: `The next key was published less than ${verbs.publishedSeconds / 60} minutes ago, and other services may not have fetched it yet. Wait, or use --force.`,
  signing_key_unknown: 'There is no signing key with this id. See: npx . keys list',
}

async function rotate({ json, force = false }: Given): Promise<void> {
  await inSentences(sentences, () => withServices((services) => rotateKeys(services, force)))
  print(json, { rotated: true }, 'The next key signs from now on.')
}

async function revoke(kid: string, { json }: Given): Promise<void> {
  const state = await inSentences(sentences, () => withServices((services) => revokeKey(services, kid)))
  const words = {
    current: 'It signs and verifies nothing any more; the next key signs from now on.',
    next: 'It will never sign; another next key was made.',
    previous: 'It verifies nothing any more.',
  }[state]
  print(json, { revoked: kid, state }, words)
}

async function reseal({ json }: Given): Promise<void> {
  const resealed = await withServices(async (services) => {
    const count = await verbs.resealSigningKeys(services)
    await resealChains(services)
    await resealTotpSecrets(services)
    await resealWebhooks(services)
    await recordInstallationAct(services, 'signing_keys_resealed')
    return count
  })
  print(json, { resealed }, `Sealed anew: ${resealed}.`)
}

export const keys = group(
  'keys',
  'Manages the keys that sign access tokens. With --json list prints an array of { kid, algorithm, state, created_at }, rotate { rotated }, revoke { revoked, state } and reseal { resealed }.',
  [
    command(
      'list',
      'prints the signing keys: next is published and signs nothing yet, current signs, previous only verifies',
      [jsonOption],
      list,
    ),
    command(
      'rotate',
      'lets the next key sign from now on, once it was published for 10 minutes; running instances follow within a minute, and no token is refused',
      [
        option(
          '--force',
          'do not wait for the 10 minutes: services that verify tokens themselves may refuse new ones until they fetch the keys again',
        ),
        jsonOption,
      ],
      rotate,
    ),
    command(
      'revoke',
      'ends a key at once, everywhere, such as one that is in other hands: no token of it is accepted any more, so its users refresh or sign in again; where it signed, the next key signs from now on',
      [argument('<KID>', 'the key, as keys list prints it', notBlank), jsonOption],
      revoke,
    ).allowUnknownOption(),
    command(
      'reseal',
      'seals under SECRET_KEY what SECRET_KEY_PREVIOUS sealed; after that the previous secret can be removed',
      [jsonOption],
      reseal,
    ),
  ],
)
