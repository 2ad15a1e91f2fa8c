// The models of the refresh race and of the revocation relay, checked by spin over every interleaving; and for each property a change
// of the model that breaks it, so that none holds for want of being looked at.
import t from 'tap'
import { writeProof } from '../support/proof.ts'
import { canCheck, checks, runCheck } from './spin.ts'

t.test('every interleaving keeps the promises, and each promise can be broken', async (t) => {
  if (!(await canCheck())) return t.pass('not here', { skip: 'spin and gcc are not installed' })
  const counts = { properties: 0, mutations: 0, states: 0 }
  for (const check of checks) {
    const { errors, states, violated } = await runCheck(check)
    const name = `${check.model}: ${check.title}`
    if (check.refutes === undefined) {
      t.equal(errors, 0, `${name} ${violated}`)
      t.ok(states > 500, `${states} states`)
      counts.properties++
      counts.states += states
    } else {
      t.equal(errors, 1, `${name}: spin refutes it`)
      t.ok(violated.includes(check.refutes), `${name}: ${violated} is the property that it breaks`)
      counts.mutations++
    }
  }
  writeProof('models', 'test/model/spin.test.ts', counts)
})
