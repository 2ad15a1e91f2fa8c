import { createSallyport, optionsFrom } from '@sallyport/server'
import { env } from '$env/dynamic/private'

export const auth = createSallyport(optionsFrom(env))
