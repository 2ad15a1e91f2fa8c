// Lets so many at once do something under a key, the others in the order in which they came.

export interface Turns {
  /**
   * Runs `work` when fewer than `width` run under this key in this process, and returns what it returns; null, and
   * nothing run, when too many wait already.
   */
  take<T>(key: string, width: number, work: () => Promise<T>): Promise<T | null>
}

interface Line {
  running: number
  readonly waiting: (() => void)[]
}

/** `room`: how many may wait under one key. */
export function createTurns(room: number): Turns {
  const lines = new Map<string, Line>()

  function leave(key: string, line: Line): void {
    const next = line.waiting.shift()
    // A turn is handed on, so that nobody who comes later slips in between.
    if (next) next()
    else if (--line.running === 0) lines.delete(key)
  }

  return {
    async take(key, width, work) {
      const line = lines.get(key) ?? { running: 0, waiting: [] }
      if (line.running < width) {
        line.running++
        lines.set(key, line)
      } else {
        if (line.waiting.length >= room) return null
        await new Promise<void>((start) => line.waiting.push(start))
      }
      try {
        return await work()
      } finally {
        leave(key, line)
      }
    },
  }
}
