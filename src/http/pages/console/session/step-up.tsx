// Step-up: where the service asks again who the operator is, a dialog asks, and the request is sent once more.
import { ApiError, authRequest, type Problem, session } from '../api.ts'
import { Dialog, openDialog } from '../parts/dialog.tsx'
import { t } from '../texts.ts'
import { ProofForm } from './proof.tsx'

/** @returns whether the operator was proven */
function proveAgain(problem: Problem): Promise<boolean> {
  return new Promise((resolve) => {
    let isProven = false
    openDialog(
      (close) => (
        <Dialog title={t('Prove that it is you')} close={close}>
          <p class="lead">{t('This change needs a proof from the last minutes.')}</p>
          <ProofForm
            problem={problem}
            prove={async (proof) => {
              await authRequest('POST', 'step-up', proof).catch((error: unknown) => {
                // The session ended meanwhile.
                if (error instanceof ApiError && error.code === 'unauthenticated') session.onEnded()
                throw error
              })
              isProven = true
              close()
            }}
            mail={() => authRequest('POST', 'step-up/email-code')}
          />
        </Dialog>
      ),
      () => resolve(isProven),
    )
  })
}

/** Lets requests that lack a recent proof ask for one. */
export function installStepUp(): void {
  session.stepUp = proveAgain
}
