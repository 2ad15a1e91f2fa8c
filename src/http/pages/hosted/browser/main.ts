// The script of the hosted pages. They work without it.
import type { Facts } from './facts.ts'
import { guardForms } from './forms.ts'
import { offerPasskeys } from './passkeys.ts'
import { enhancePasswords } from './passwords.ts'

const place = document.querySelector('main')
const facts: Facts = JSON.parse(place?.dataset.facts ?? '{}')

guardForms(facts)
enhancePasswords(facts)
offerPasskeys(facts)
