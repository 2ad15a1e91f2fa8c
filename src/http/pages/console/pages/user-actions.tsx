// The actions on a user. Actions that the operator's roles do not allow are not rendered.
import { change } from '../api.ts'
import type { Loaded } from '../loading.ts'
import { ActionButton } from '../parts/buttons.tsx'
import { ask, Checkbox, Field, Select } from '../parts/form.tsx'
import { showSecret } from '../parts/text.tsx'
import { toast } from '../parts/toasts.tsx'
import { can } from '../permissions.ts'
import { go } from '../route.ts'
import { t } from '../texts.ts'
import type { ImpersonationSession, Project, User } from '../types.ts'

interface ActionsProps {
  project: Project
  user: User
  path: string
  loaded: Loaded<User>
}

/** Asks for confirmation, sends the action, and shows the user of the answer. */
function askAndChange(
  { path, loaded }: ActionsProps,
  action: 'disable' | 'verify',
  done: string,
  texts: { title: string; submit: string; lead: string },
): void {
  ask({
    ...texts,
    isDanger: true,
    onSubmit: async () => {
      loaded.set(await change<User>('POST', `${path}/${action}`))
      toast(done)
    },
  })
}

const askToDisable = (props: ActionsProps) =>
  askAndChange(props, 'disable', t('The user is disabled.'), {
    title: t('Disable user'),
    submit: t('Disable'),
    lead: t('Sessions and API keys end at once, and no sign-in works until you enable the user again.'),
  })

const askToVerify = (props: ActionsProps) =>
  askAndChange(props, 'verify', t('The address is verified.'), {
    title: t('Verify address'),
    submit: t('I vouch for it'),
    lead: t('The address then counts as proven by its holder. Do this only where you know who holds it.'),
  })

function askToDelete({ project, user, path, loaded }: ActionsProps): void {
  ask({
    title: t('Delete user'),
    submit: t('Delete'),
    isDanger: true,
    lead: t('The account and everything in it goes, after the grace period of the policy.'),
    confirmation: user.email,
    fields: <Checkbox label={t('At once, without a grace period')} name="now" />,
    onSubmit: async ({ now }) => {
      const left = await change<User | null>('DELETE', now === undefined ? path : `${path}?now=true`)
      if (left) loaded.set(left)
      else go(['projects', project.id, 'users'])
      toast(left ? t('The user waits for the deletion.') : t('The user is deleted.'))
    },
  })
}

function askToResetFactors({ path, loaded }: ActionsProps): void {
  ask({
    title: t('Reset second factors'),
    submit: t('Reset factors'),
    isDanger: true,
    lead: t(
      'The factors are removed after the waiting time of the policy, and the user is told by mail. Until then you or the user can take it back.',
    ),
    onSubmit: async () => {
      await change('POST', `${path}/reset-factors`)
      loaded.reload()
      toast(t('The factors will be removed.'))
    },
  })
}

const minutes = [5, 10, 15] as const

function askToImpersonate({ user, path }: ActionsProps): void {
  ask({
    title: t('Act as {email}', { email: user.email }),
    submit: t('Begin'),
    lead: t(
      'The session can neither see nor change what proves who the owner is. The user sees it in their activity.',
    ),
    fields: (
      <>
        <Field
          label={t('Reason')}
          name="reason"
          minlength={3}
          maxlength={500}
          hint={t('Kept in the security log, such as the number of a ticket.')}
          required
          autofocus
        />
        <Select
          label={t('For')}
          name="seconds"
          value="900"
          options={minutes.map((count) => [String(count * 60), t('{count} minutes', { count })])}
        />
      </>
    ),
    onSubmit: async ({ reason, seconds }) => {
      const made = await change<ImpersonationSession>('POST', `${path}/impersonate`, {
        reason,
        seconds: Number(seconds),
      })
      showSecret(
        t('Token of the session'),
        t(
          'Send it to the application as Authorization: Bearer. The overview of the project lists the session, and ends it.',
        ),
        made.access_token,
      )
    },
  })
}

/** The actions that change the state of the account: verify, disable or enable, delete or restore. */
function StateActions(props: ActionsProps) {
  const { project, user, path, loaded } = props
  const act = (action: string) => async () => loaded.set(await change<User>('POST', `${path}/${action}`))
  return (
    <>
      {can('users.verify', project.id) && !user.email_verified_at && (
        <button type="button" onClick={() => askToVerify(props)}>
          {t('Verify address')}
        </button>
      )}
      {can('users.disable', project.id) &&
        (user.disabled_at ? (
          <ActionButton work={act('enable')} done={t('The user is enabled.')}>
            {t('Enable')}
          </ActionButton>
        ) : (
          <button type="button" class="danger" onClick={() => askToDisable(props)}>
            {t('Disable')}
          </button>
        ))}
      {can('users.delete', project.id) &&
        (user.deletion_due_at ? (
          <ActionButton work={act('restore')} done={t('The user is restored.')}>
            {t('Restore')}
          </ActionButton>
        ) : (
          <button type="button" class="danger" onClick={() => askToDelete(props)}>
            {t('Delete')}
          </button>
        ))}
    </>
  )
}

export function UserActions(props: ActionsProps) {
  const { project, user, path, loaded } = props
  const mayReset = can('users.reset-factors', project.id)
  return (
    <>
      {can('users.send-reset', project.id) && !user.disabled_at && (
        <ActionButton
          work={() => change('POST', `${path}/send-reset`, {})}
          done={t('The mail is on its way, unless one was sent a moment ago.')}
        >
          {t('Send reset')}
        </ActionButton>
      )}
      {can('users.impersonate', project.id) && !user.disabled_at && !project.reserved && (
        <button type="button" onClick={() => askToImpersonate(props)}>
          {t('Act as user')}
        </button>
      )}
      {mayReset && user.second_factors.length > 0 && !user.factors_reset_due_at && (
        <button type="button" class="danger" onClick={() => askToResetFactors(props)}>
          {t('Reset factors')}
        </button>
      )}
      {mayReset && user.factors_reset_due_at && (
        <ActionButton
          work={async () => {
            await change('DELETE', `${path}/reset-factors`)
            loaded.reload()
          }}
          done={t('The factors stay.')}
        >
          {t('Keep the factors')}
        </ActionButton>
      )}
      <StateActions {...props} />
    </>
  )
}
