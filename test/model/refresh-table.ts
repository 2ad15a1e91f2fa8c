// What the refresh of a session does with each token in each state: one table. `refresh.pml` includes it as a macro, and
// `transitions.test.ts` compares every row with what the statements do on PostgreSQL.

/** The session's row as a refresh finds it, and which token it was given. */
export interface Situation {
  /** Neither revoked, expired, nor ended with its user. */
  readonly alive: boolean
  /** The token's generation: the session's, the one before, or one before that. */
  readonly presented: 'current' | 'former' | 'older'
  /** The token is from before the session was secured anew (`valid_generation`), as by a change of the password. */
  readonly secured: boolean
  /** Within `replay_grace_seconds` of the last rotation or repetition. */
  readonly inGrace: boolean
  /** Within `access_seconds` of the last rotation. */
  readonly inRepeat: boolean
  /** An access token of the current generation was presented. */
  readonly used: boolean
  /** The current token was repeated once. */
  readonly recovered: boolean
}

/** As the service counts them; `reused` ends the session. */
export type Outcome = 'rotated' | 'replayed' | 'recovered' | 'reused' | 'refused'

/** What follows for the row: whatever is not named stays. A rotation adds one to the generation. */
export const effects: Record<Outcome, Partial<Omit<Situation, 'presented' | 'secured'>>> = {
  rotated: { used: false, recovered: false, inGrace: true, inRepeat: true },
  replayed: {},
  recovered: { recovered: true, inGrace: true },
  reused: { alive: false },
  refused: {},
}

/** The first rule that fits decides. */
export const rules: readonly { readonly when: Partial<Situation>; readonly outcome: Outcome }[] = [
  { when: { alive: false }, outcome: 'refused' },
  { when: { presented: 'current' }, outcome: 'rotated' },
  { when: { secured: true, inGrace: true }, outcome: 'refused' },
  { when: { secured: true }, outcome: 'reused' },
  { when: { presented: 'former', inGrace: true }, outcome: 'replayed' },
  { when: { presented: 'former', inRepeat: true, used: false, recovered: false }, outcome: 'recovered' },
  { when: {}, outcome: 'reused' },
]

/** What the two conditional statements check again, because the row may have changed since it was examined. */
export const statements: Record<'rotate' | 'recover', Partial<Situation>> = {
  rotate: { alive: true, presented: 'current' },
  /** Asked for the generation that was examined as the current one. */
  recover: { alive: true, presented: 'current', used: false, recovered: false },
}

const fits = (situation: Situation, when: Partial<Situation>) =>
  Object.entries(when).every(([name, value]) => situation[name as keyof Situation] === value)

/** The outcome of a refresh in a situation. */
export const outcomeOf = (situation: Situation): Outcome =>
  rules.find(({ when }) => fits(situation, when))?.outcome ?? 'reused'

/** Whether a statement finds the row in a situation. */
export const findsRow = (statement: keyof typeof statements, situation: Situation): boolean =>
  fits(situation, statements[statement])

const booleans = [false, true]

/** Every situation that a row can be in: the current token is never from before the session was secured. */
export const situations: readonly Situation[] = booleans.flatMap((alive) =>
  (['current', 'former', 'older'] as const).flatMap((presented) =>
    booleans.flatMap((secured) =>
      booleans.flatMap((inGrace) =>
        booleans.flatMap((inRepeat) =>
          booleans.flatMap((used) =>
            booleans.flatMap((recovered) =>
              presented === 'current' && secured
                ? []
                : [{ alive, presented, secured, inGrace, inRepeat, used, recovered }],
            ),
          ),
        ),
      ),
    ),
  ),
)

const behind = { current: 'behind == 0', former: 'behind == 1', older: 'behind >= 2' } as const

/** A condition in Promela, on the variables of refresh.pml. */
function promela(when: Partial<Situation>): string {
  const terms = Object.entries(when).map(([name, value]) => {
    if (name === 'presented') return behind[value as Situation['presented']]
    return value ? name : `!${name}`
  })
  return terms.length === 0 ? 'true' : terms.join(' && ')
}

const assignments = (outcome: Outcome) =>
  Object.entries(effects[outcome]).map(([name, value]) => `${name} = ${value}`)

/**
 * The table as Promela: `classify` sets `outcome` by the rules in their order, `effect_<outcome>` changes the row, and
 * `<statement>_finds` is the condition of a statement. They read `behind` and `secured`, which the model derives from the token.
 */
export function refreshTable(): string {
  const nested = rules.reduceRight(
    (otherwise, { when, outcome }) =>
      `if :: (${promela(when)}) -> outcome = ${outcome.toUpperCase()} :: else -> ${otherwise || 'skip'} fi`,
    '',
  )
  const outcomes = Object.keys(effects) as Outcome[]
  return [
    '/* Generated from refresh-table.ts. */',
    ...outcomes.map((outcome, index) => `#define ${outcome.toUpperCase()} ${index + 1}`),
    ...Object.entries(statements).map(([name, when]) => `#define ${name}_finds (${promela(when)})`),
    `inline classify() { ${nested} }`,
    ...outcomes.map(
      (outcome) => `inline effect_${outcome}() { ${[...assignments(outcome), 'skip'].join('; ')} }`,
    ),
    '',
  ].join('\n')
}
