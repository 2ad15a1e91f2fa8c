// The parts of a process that have started, closed in the opposite order.

/** The parts that have started. */
export class Started {
  readonly #closers: (() => unknown)[] = []
  #closing: Promise<void> | undefined

  /** Registers a part, as soon as it has started, with what closes it. @returns the part */
  add<T>(part: T, close: (part: NonNullable<T>) => unknown): T {
    if (part) this.#closers.push(() => close(part))
    return part
  }
  /** Closes the parts, the last one first. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      for (const close of this.#closers.toReversed()) await close()
    })()
    return this.#closing
  }
}
