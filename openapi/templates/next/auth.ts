import { createSallyport, optionsFrom } from '@sallyport/server'
import { createNext } from '@sallyport/server/next'

export const sallyport = createSallyport(optionsFrom(process.env))
export const { auth, handlers, middleware } = createNext(sallyport)
