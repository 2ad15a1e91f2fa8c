import type { SallyportLocals } from '@sallyport/server/sveltekit'

declare global {
  namespace App {
    interface Locals extends SallyportLocals {}
  }
}
