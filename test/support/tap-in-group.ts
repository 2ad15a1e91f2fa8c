// Replaces `tap` in test files that share a process: the tests of each file are a subtest.
import root, { type Test } from 'tap'

// Otherwise every program that a test starts would load a part of tap, which takes longer than the program.
delete process.env.NODE_OPTIONS

let current: Test = root

/** The subtest of the current file, in place of `import t from 'tap'`. */
const test = new Proxy(root, {
  get(_, key) {
    const value = Reflect.get(current, key, current)
    return typeof value === 'function' ? value.bind(current) : value
  },
  set: (_, key, value) => Reflect.set(current, key, value, current),
})
export default test

/**
 * Runs test files one after the other in this process, so that the service is loaded once.
 * @param files the path of each test file, and a function that imports it
 */
export async function runFiles(files: Record<string, () => Promise<unknown>>): Promise<void> {
  for (const [file, run] of Object.entries(files))
    await root.test(file, async (subtest) => {
      current = subtest
      await run()
    })
}
