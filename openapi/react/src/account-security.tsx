// How the user signs in, on the account page: password, passkeys, and the second factor with its recovery codes.
import { useState } from 'react'
import type { Account } from './account.js'
import { Card, Careful, Once, Row, Rows, useDay } from './account-parts.js'
import { useAction } from './action.js'
import { Button, CodeField, Dialog, Field, Form, NewPasswordField, Said, Username } from './parts.js'
import { useSallyport, useUser } from './provider.js'
import { fill } from './texts/en.js'

/** Changes the password, or sets the first one of an account that came by a provider or a mailed code. */
export function Password({ account }: { account: Account }) {
  const { texts, options } = useSallyport()
  const user = useUser()
  const action = useAction(texts)
  const [isFirst, setFirst] = useState(false)
  // The service does not tell whether an account has a password, so where it may have none, its owner says so.
  const mayHaveNone = Boolean(user?.provider || account.identities?.length || options.emailSignIn)
  return (
    <Card title={texts.password}>
      <Form
        key={String(isFirst)}
        action={action}
        label={texts.changePassword}
        resets
        onSubmit={({ current_password = '', new_password = '' }) =>
          action.run(
            'password',
            () =>
              account.change<unknown>((client) =>
                isFirst
                  ? client.setPassword({ new_password })
                  : client.changePassword({ current_password, new_password }),
              ),
            isFirst ? texts.saved : texts.passwordChanged,
          )
        }
      >
        <Username email={user?.email ?? ''} />
        {!isFirst && (
          <Field
            name="current_password"
            label={texts.currentPassword}
            type="password"
            autoComplete="current-password"
            required
          />
        )}
        <NewPasswordField name="new_password" label={texts.newPassword} />
        {mayHaveNone && (
          <label className="sp-check">
            <input type="checkbox" checked={isFirst} onChange={({ target }) => setFirst(target.checked)} />
            <span>{texts.noPasswordYet}</span>
          </label>
        )}
        <Button busy={action.busy !== null}>{isFirst ? texts.setPassword : texts.changePassword}</Button>
      </Form>
    </Card>
  )
}

/** The passkeys of the account. */
export function Passkeys({ account }: { account: Account }) {
  const { texts, options } = useSallyport()
  const action = useAction(texts)
  const day = useDay()
  const [renaming, rename] = useState<string | null>(null)
  const naming = useAction(texts)
  if (options.passkeys === false) return null
  return (
    <Card title={texts.passkeys} lead={texts.passkeysLead}>
      <Rows of={account.passkeys} empty={texts.noPasskeys}>
        {({ id, name, created_at }) => (
          <Row key={id} name={name} facts={fill(texts.added, { date: day(created_at) })}>
            <Button label={fill(texts.renameNamed, { name })} onClick={() => rename(id)}>
              {texts.rename}
            </Button>
            <Careful
              text={texts.remove}
              label={fill(texts.removeNamed, { name })}
              question={fill(texts.removeSure, { name })}
              onYes={() => account.change((client) => client.removePasskey(id))}
            />
            {renaming === id && (
              <Dialog title={fill(texts.renameNamed, { name })} onClose={() => rename(null)}>
                <Form
                  action={naming}
                  onSubmit={async ({ name: wanted = '' }) => {
                    const done = await naming.run('name', () =>
                      account.change((client) => client.renamePasskey(id, { name: wanted })),
                    )
                    if (done) rename(null)
                    return done
                  }}
                >
                  <Field name="name" label={texts.passkeyName} defaultValue={name} maxLength={100} required />
                  <Button look="main" busy={naming.busy !== null}>
                    {texts.save}
                  </Button>
                  <Button look="link" onClick={() => rename(null)}>
                    {texts.cancel}
                  </Button>
                </Form>
              </Dialog>
            )}
          </Row>
        )}
      </Rows>
      <Button
        busy={action.busy !== null}
        onClick={() =>
          action.run('add', () => account.change((client) => client.registerPasskey()), texts.saved)
        }
      >
        {texts.addPasskey}
      </Button>
      <Said error={action.error?.message} notice={action.notice} />
    </Card>
  )
}

/** The open dialog of the second factor: the key that is not confirmed yet, or recovery codes. */
interface Shown {
  readonly key?: { readonly secret: string; readonly qr_svg: string }
  readonly codes?: readonly string[]
}

/** The authenticator app with its recovery codes, and the devices that are not asked. */
export function Factors({ account }: { account: Account }) {
  const { texts } = useSallyport()
  const action = useAction(texts)
  const [{ key, codes }, show] = useState<Shown>({})
  const { factors } = account
  const trusted = factors?.trusted_devices.length ?? 0
  const held = action.busy !== null

  const propose = () =>
    action.run('propose', async () =>
      show({ key: await account.change((client) => client.proposeAuthenticator()) }),
    )
  const renew = () =>
    action.run('renew', async () =>
      show({ codes: (await account.change((client) => client.renewRecoveryCodes())).recovery_codes }),
    )
  const confirm = (code: string) =>
    action.run('confirm', async () =>
      show({
        codes: (await account.change((client) => client.confirmAuthenticator({ code }))).recovery_codes,
      }),
    )

  return (
    <Card title={texts.factors} lead={texts.factorsLead}>
      {!factors && <p className="sp-hint">{texts.loading}</p>}
      {factors && !factors.totp && (
        <Button busy={action.busy === 'propose'} held={held} onClick={propose}>
          {texts.setUpApp}
        </Button>
      )}
      {factors?.totp && (
        <>
          <p>
            {texts.appOn} {fill(texts.recoveryLeft, { count: factors.recovery_codes_left })}
          </p>
          <div className="sp-acts">
            <Button busy={action.busy === 'renew'} held={held} onClick={renew}>
              {texts.newRecovery}
            </Button>
            <Careful
              text={texts.removeApp}
              question={texts.removeAppSure}
              onYes={() => account.change((client) => client.removeAuthenticator())}
            />
          </div>
        </>
      )}
      {trusted > 0 && (
        <div className="sp-acts">
          <span>{fill(texts.trustedDevices, { count: trusted })}</span>
          <Button
            held={held}
            onClick={() =>
              action.run('trusted', () => account.change((client) => client.endTrustedDevices()), texts.saved)
            }
          >
            {texts.endTrusted}
          </Button>
        </div>
      )}
      {!key && !codes && <Said error={action.error?.message} notice={action.notice} />}
      {key && (
        <Dialog title={texts.setUpApp} onClose={() => show({})}>
          <Form action={action} onSubmit={({ code = '' }) => confirm(code.trim())}>
            <p>{texts.scan}</p>
            <img
              className="sp-qr"
              alt={texts.qr}
              src={`data:image/svg+xml,${encodeURIComponent(key.qr_svg)}`}
            />
            <code className="sp-secret" dir="ltr">
              {key.secret}
            </code>
            <CodeField label={texts.codeOfApp} />
            <Button look="main" busy={action.busy === 'confirm'} held={held}>
              {texts.continue}
            </Button>
            <Button look="link" onClick={() => show({})}>
              {texts.cancel}
            </Button>
          </Form>
        </Dialog>
      )}
      {codes && (
        <Dialog title={texts.recoveryTitle} onClose={() => show({})}>
          <Once
            lead={texts.recoveryLead}
            text={codes.join('\n')}
            file="recovery-codes.txt"
            action={action}
            onClose={() => show({})}
          />
        </Dialog>
      )}
    </Card>
  )
}
