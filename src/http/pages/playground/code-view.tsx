// The code of a step in tabs. Arrow keys move and select (WAI-ARIA Authoring Practices).
import { type KeyboardEvent, useState } from 'react'
import { type Language, languages, type Setting, toCode } from './code.ts'
import { keep, useMemory } from './memory.ts'
import type { Step } from './steps.tsx'

const names = Object.keys(languages) as Language[]

/** The tab to which a key moves, or undefined. */
function after(key: string, at: number): Language | undefined {
  if (key === 'ArrowRight') return names[(at + 1) % names.length]
  if (key === 'ArrowLeft') return names[(at + names.length - 1) % names.length]
  if (key === 'Home') return names[0]
  return key === 'End' ? names.at(-1) : undefined
}

function move(event: KeyboardEvent, at: number): void {
  const next = after(event.key, at)
  if (!next) return
  event.preventDefault()
  keep({ tab: next })
  document.getElementById(`tab-${next}`)?.focus()
}

export function CodeView({ step, setting }: { step: Step; setting: Setting }) {
  const { tab } = useMemory()
  const [said, say] = useState('')
  const open = names.find((name) => name === tab) ?? 'curl'
  const code = toCode(step.id, open, setting)
  const copy = () =>
    navigator.clipboard.writeText(code).then(
      () => say('Copied.'),
      () => say('This browser does not allow that. Select the code by hand.'),
    )
  return (
    <section className="code" aria-labelledby="code">
      <div className="head">
        <h2 id="code">The same in code</h2>
        <div role="tablist" aria-labelledby="code">
          {names.map((name, at) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={name === open}
              aria-controls="code-panel"
              tabIndex={name === open ? 0 : -1}
              onClick={() => keep({ tab: name })}
              onKeyDown={(event) => move(event, at)}
            >
              {languages[name]}
            </button>
          ))}
        </div>
        <button type="button" className="copy" onClick={copy}>
          Copy
        </button>
      </div>
      <div role="tabpanel" id="code-panel" aria-labelledby={`tab-${open}`}>
        <pre>
          <code>{code}</code>
        </pre>
      </div>
      <p role="status" className="quiet small">
        {said}
      </p>
    </section>
  )
}
