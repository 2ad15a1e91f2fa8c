// Step-up: a dialog that asks for a factor when the service demands a recent proof.
import { ApiError, authRequest, type Problem, session } from '../api.ts'
import { Dialog, openDialog } from '../parts/dialog.tsx'
import { t } from '../texts.ts'
import { ProofForm } from './proof.tsx'

/** Opens the dialog. @returns true if the operator has passed the step-up, false if they closed the dialog */
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
                // The session has ended while the dialog was open.
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

/** Has requests that need a step-up open the dialog. */
export function installStepUp(): void {
  session.stepUp = proveAgain
}
