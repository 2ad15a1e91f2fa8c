// Runs long loops of short hashes in pieces of a millisecond, so that the event loop handles other requests between them.
import { setImmediate } from 'node:timers/promises'

/** Duration of a piece in milliseconds. */
const pieceMs = 1
/** Rounds between two readings of the clock. */
const roundsPerLook = 128

/** Calls `round` with 0, 1, … up to `count - 1`, and yields to the event loop between pieces. */
export async function inPieces(count: number, round: (index: number) => void): Promise<void> {
  let since = performance.now()
  for (let index = 0; index < count; index++) {
    round(index)
    if (index % roundsPerLook !== roundsPerLook - 1 || performance.now() - since < pieceMs) continue
    await setImmediate()
    since = performance.now()
  }
}
