// The limit of sign-in: argon2id in a bare loop, as many hashes at once as cores, in a separate process.
import { availableParallelism } from 'node:os'
import { defaultParameters, loadArgon2 } from '../../src/crypto/passwords.ts'

export interface HashOutcome {
  readonly binding: string
  readonly perSecond: number
}

const argon2 = await loadArgon2()
const password = Buffer.from('a good long password')
const hash = await argon2.hash(password, defaultParameters)

process.on('message', async ({ seconds }: { seconds: number }) => {
  const begun = performance.now()
  let done = 0
  async function loop(): Promise<void> {
    while (performance.now() < begun + seconds * 1000) {
      if (!(await argon2.verify(hash, password))) throw new Error('A right password was refused.')
      done++
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, loop))
  const perSecond = (done * 1000) / (performance.now() - begun)
  process.send?.({ binding: argon2.binding, perSecond } satisfies HashOutcome)
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
