// Long loops of short hashes, in pieces of a millisecond, so that the event loop serves others between them.
import { setImmediate } from 'node:timers/promises'

/** Milliseconds that a piece may take. */
const pieceMs = 1
/** Rounds between two looks at the clock. */
const roundsPerLook = 128

/** Calls `round` with 0, 1, … as often as `count` says. */
export async function inPieces(count: number, round: (index: number) => void): Promise<void> {
  let since = performance.now()
  for (let index = 0; index < count; index++) {
    round(index)
    if (index % roundsPerLook !== roundsPerLook - 1 || performance.now() - since < pieceMs) continue
    await setImmediate()
    since = performance.now()
  }
}
