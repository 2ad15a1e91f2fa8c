// Access to the account, on the account page: devices, connected providers, API keys; and the account's data.
import { useState } from 'react'
import type { Account } from './account.js'
import { Card, Careful, Once, Row, Rows, save, useDay } from './account-parts.js'
import { useAction } from './action.js'
import { Button, Dialog, Field, Form, Said } from './parts.js'
import { useSallyport } from './provider.js'
import { nameOfProvider } from './sign-in.js'
import { fill } from './texts/en.js'

/** The devices on which the user is signed in. */
export function Sessions({ account }: { account: Account }) {
  const { texts } = useSallyport()
  const action = useAction(texts)
  const day = useDay()
  const held = action.busy !== null
  const others = account.sessions?.filter(({ current }) => !current) ?? []
  return (
    <Card title={texts.sessions}>
      <Rows of={account.sessions} empty="">
        {({ id, current, device, last_seen_at, address_prefix }) => {
          const name = [device.browser, device.os].filter(Boolean).join(' · ') || texts.unknownDevice
          const facts = [fill(texts.lastSeen, { date: day(last_seen_at) }), address_prefix]
          return (
            <Row
              key={id}
              name={name}
              facts={
                current ? (
                  <span className="sp-badge">{texts.thisDevice}</span>
                ) : (
                  facts.filter(Boolean).join(' · ')
                )
              }
            >
              {!current && (
                <Button
                  busy={action.busy === id}
                  held={held}
                  label={fill(texts.endSessionOf, { name })}
                  onClick={() => action.run(id, () => account.change((client) => client.revokeSession(id)))}
                >
                  {texts.endSession}
                </Button>
              )}
            </Row>
          )
        }}
      </Rows>
      {others.length > 0 && (
        <Button
          busy={action.busy === 'others'}
          held={held}
          onClick={() =>
            action.run(
              'others',
              () => account.change((client) => client.revokeOtherSessions()),
              texts.othersEnded,
            )
          }
        >
          {texts.endOthers}
        </Button>
      )}
      <Said error={action.error?.message} notice={action.notice} />
    </Card>
  )
}

/** The providers that sign in to the account. */
export function Identities({ account }: { account: Account }) {
  const { texts, options } = useSallyport()
  const day = useDay()
  if (!options.providers?.length && !account.identities?.length) return null
  return (
    <Card title={texts.identities}>
      <Rows of={account.identities} empty={texts.noIdentities}>
        {({ id, provider, email, created_at }) => {
          const name = nameOfProvider(provider)
          return (
            <Row key={id} name={name} facts={email ?? fill(texts.added, { date: day(created_at) })}>
              <Careful
                text={texts.disconnect}
                label={`${texts.disconnect}: ${name}`}
                question={fill(texts.removeSure, { name })}
                onYes={() => account.change((client) => client.unlinkIdentity(id))}
              />
            </Row>
          )
        }}
      </Rows>
    </Card>
  )
}

/** The keys of the user's programs. */
export function ApiKeys({ account }: { account: Account }) {
  const { texts } = useSallyport()
  const action = useAction(texts)
  const day = useDay()
  const [made, show] = useState<string | null>(null)
  return (
    <Card title={texts.apiKeys} lead={texts.apiKeysLead}>
      <Rows of={account.apiKeys?.filter(({ revoked_at }) => !revoked_at)} empty={texts.noApiKeys}>
        {({ id, name, key_prefix, created_at }) => (
          <Row
            key={id}
            name={name}
            facts={
              <>
                <bdi>{key_prefix}…</bdi> · {fill(texts.added, { date: day(created_at) })}
              </>
            }
          >
            <Careful
              text={texts.revoke}
              label={`${texts.revoke}: ${name}`}
              question={fill(texts.revokeSure, { name })}
              onYes={() => account.change((client) => client.revokeUserApiKey(id))}
            />
          </Row>
        )}
      </Rows>
      <Form
        action={made ? { busy: null, error: null, notice: '' } : action}
        label={texts.createKey}
        resets
        onSubmit={({ name = '' }) =>
          action.run('create', async () =>
            show((await account.change((client) => client.createUserApiKey({ name }))).plain_text_key),
          )
        }
      >
        <Field name="name" label={texts.keyName} autoComplete="off" maxLength={255} required />
        <Button busy={action.busy === 'create'}>{texts.createKey}</Button>
      </Form>
      {made && (
        <Dialog title={texts.createKey} onClose={() => show(null)}>
          <Once
            lead={texts.keyShownOnce}
            text={made}
            file="api-key.txt"
            action={action}
            onClose={() => show(null)}
          />
        </Dialog>
      )}
    </Card>
  )
}

/** The export of the account, and its end. */
export function Data({ account }: { account: Account }) {
  const { texts } = useSallyport()
  const action = useAction(texts)
  return (
    <Card title={texts.data} lead={texts.dataLead}>
      <div className="sp-acts">
        <Button
          busy={action.busy !== null}
          onClick={() =>
            action.run('export', async () => {
              const all = await account.change((client) => client.exportAccount())
              save('account.json', JSON.stringify(all, null, 2), 'application/json')
            })
          }
        >
          {texts.export}
        </Button>
        <Careful
          text={texts.deleteAccount}
          question={texts.deleteSure}
          onYes={() => account.change((client) => client.deleteAccount({}))}
        />
      </div>
      <Said error={action.error?.message} notice={action.notice} />
    </Card>
  )
}
