// The policy of a project: a form generated from its JSON Schema, with a preview before it is saved.
import { useState } from 'preact/hooks'
import { showName } from '../format.ts'
import { useLoaded, useRead } from '../loading.ts'
import { LoadedView } from '../parts/states.tsx'
import { Card, View } from '../parts/view.tsx'
import { can } from '../permissions.ts'
import { t } from '../texts.ts'
import type { Policy, Project } from '../types.ts'
import { sectionDescription } from './policy-descriptions.ts'
import { changesOf, fieldsOf, type Schema, withValue } from './policy-draft.ts'
import { PolicyField } from './policy-fields.tsx'
import { type EditorProps, type Read, readPolicy, review } from './policy-review.tsx'

export function PolicyPage({ project }: { project: Project }) {
  const schema = useRead<Schema>('policy-schema')
  const policy = useLoaded<Read>(project.id, (signal) => readPolicy(project.id, signal))
  return (
    <View
      title={t('Policy')}
      lead={t('What is set here overrides the defaults. Running instances follow within two seconds.')}
    >
      <LoadedView of={schema} lines={8}>
        {(shape) => (
          <LoadedView of={policy} lines={8}>
            {(now) => <Editor project={project} schema={shape} policy={now} loaded={policy} />}
          </LoadedView>
        )}
      </LoadedView>
    </View>
  )
}

/** The fields by section. Keys outside of sections are in the section `general`. */
function sectionsOf(schema: Schema) {
  const sections = new Map<string, ReturnType<typeof fieldsOf>>([['general', []]])
  for (const field of fieldsOf(schema)) {
    const name = field[0].length > 1 ? (field[0][0] ?? '') : 'general'
    sections.set(name, [...(sections.get(name) ?? []), field])
  }
  // Lists and JSON need the whole width, so they follow the short fields.
  const isLong = ([, { type }]: readonly [unknown, Schema]) => type === 'array' || type === 'object'
  return [...sections].map(
    ([name, fields]) => [name, [...fields].sort((a, b) => Number(isLong(a)) - Number(isLong(b)))] as const,
  )
}

function jumpTo(section: string): void {
  const element = document.getElementById(`section-${section}`)
  element?.scrollIntoView({ block: 'start' })
  element?.querySelector<HTMLElement>('input, select, textarea')?.focus({ preventScroll: true })
}

function Jumps({ sections }: { sections: readonly string[] }) {
  return (
    <nav class="jumps" aria-label={t('Sections')}>
      {sections.map((section) => (
        <button key={section} type="button" class="small" onClick={() => jumpTo(section)}>
          {t(showName(section))}
        </button>
      ))}
    </nav>
  )
}

function Editor({ project, schema, policy, loaded }: EditorProps) {
  const [draft, setDraft] = useState<Policy>(policy.effective)
  // A new key renders new inputs: some have text of their own as state.
  const [turn, setTurn] = useState(0)
  const changes = changesOf(schema, policy.effective, draft)
  const mayWrite = can('policy.write', project.id)
  const start = (from: Policy) => {
    setDraft(from)
    setTurn(turn + 1)
  }
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      <Jumps sections={sectionsOf(schema).map(([section]) => section)} />
      <fieldset key={turn} disabled={!mayWrite}>
        {sectionsOf(schema).map(([section, fields]) => (
          <Card
            key={section}
            id={`section-${section}`}
            title={t(showName(section))}
            lead={t(sectionDescription(section))}
          >
            <div class="fields">
              {fields.map(([path, inner]) => (
                <PolicyField
                  key={path.join('.')}
                  path={path}
                  schema={inner}
                  draft={draft}
                  set={(at, value) => setDraft((before) => withValue(before, at, value))}
                />
              ))}
            </div>
          </Card>
        ))}
      </fieldset>
      {changes.length > 0 && (
        <section class="bar" aria-label={t('Unsaved changes')}>
          <span>
            {changes.length === 1 ? t('1 change') : t('{count} changes', { count: changes.length })}
          </span>
          <button type="button" onClick={() => start(policy.effective)}>
            {t('Discard')}
          </button>
          <button
            type="button"
            class="primary"
            onClick={() => void review({ project, schema, policy, loaded, draft, start })}
          >
            {t('Review changes')}
          </button>
        </section>
      )}
    </form>
  )
}
