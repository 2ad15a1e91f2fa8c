// Stands in for `tap` in test files that share a process: each file's tests are a subtest of the process's own.
import root, { type Test } from 'tap'

// It would have every program that a test starts load a part of tap, which takes longer than the program.
delete process.env.NODE_OPTIONS

let current: Test = root

/** The test of the file that runs now, as `import t from 'tap'` gives it to a file alone. */
const test = new Proxy(root, {
  get(_, key) {
    const value = Reflect.get(current, key, current)
    return typeof value === 'function' ? value.bind(current) : value
  },
  set: (_, key, value) => Reflect.set(current, key, value, current),
})
export default test

/**
 * Runs test files in this process one after the other, so that they load and warm up the service once.
 * @param files the path of each test file, and what imports it
 */
export async function runFiles(files: Record<string, () => Promise<unknown>>): Promise<void> {
  for (const [file, run] of Object.entries(files))
    await root.test(file, async (subtest) => {
      current = subtest
      await run()
    })
}
