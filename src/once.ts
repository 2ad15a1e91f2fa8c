// Work that is done once, at its first use.

/**
 * Runs `load` at the first call and gives its result to every later one. A failure is not kept: the next call tries again.
 * @throws the error of `load`
 */
export function onceLoaded<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined
  return async () => {
    loading ??= load()
    try {
      return await loading
    } catch (error) {
      loading = undefined
      throw error
    }
  }
}
