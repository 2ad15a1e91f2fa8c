// Lists requests, answers and events, the newest first.
import { clearWire, type Exchange, useEntries } from './wire.ts'

const json = (value: unknown) => JSON.stringify(value, null, 2)

function Body({ title, value }: { title: string; value: unknown }) {
  if (value === undefined) return null
  return (
    <>
      <h3>{title}</h3>
      <pre>
        <code>{json(value)}</code>
      </pre>
    </>
  )
}

function Row({ exchange, isOpen }: { exchange: Exchange; isOpen: boolean }) {
  const { method, path, status, ms, sent, answer, completed } = exchange
  return (
    <details open={isOpen}>
      <summary>
        <span className={status && status < 400 ? 'status good' : 'status bad'}>{status ?? 'no answer'}</span>
        <span className="line">
          {method} {path}
        </span>
        <span className="ms">{ms} ms</span>
        {completed && <span className="completed">✓ {completed}</span>}
      </summary>
      <Body title="Sent" value={sent} />
      <Body title="Answer" value={answer ?? null} />
    </details>
  )
}

export function WireView() {
  const entries = useEntries()
  // Opened: the newest change, or the newest request that completed a step. Components send other GETs by themselves.
  const newest = entries.find((entry) => 'method' in entry && (entry.method !== 'GET' || entry.completed))
  return (
    <section className="wire" aria-labelledby="wire">
      <div className="head">
        <h2 id="wire">Over the wire</h2>
        {entries.length > 0 && (
          <button type="button" onClick={clearWire}>
            Clear
          </button>
        )}
      </div>
      {entries.length === 0 ? (
        <p className="quiet">Nothing yet. Use the box, and each request appears here with its answer.</p>
      ) : (
        <ol aria-label="Requests and events, the newest first">
          {entries.map((entry) => (
            <li key={entry.id}>
              {'event' in entry ? (
                <p className="event">Event: {entry.event}</p>
              ) : (
                <Row exchange={entry} isOpen={entry === newest} />
              )}
            </li>
          ))}
        </ol>
      )}
      <p className="quiet small">Passwords, tokens and codes are shortened here, not on the wire.</p>
    </section>
  )
}
