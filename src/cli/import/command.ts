// npx . users import
import { hasherNames } from '../../crypto/foreign/foreign-hashes.ts'
import type { OperatorContext } from '../../domain/context.ts'
import { oneOf, option, type ProjectOptions, required, wholeNumber } from '../options.ts'
import { shown } from '../shown.ts'
import { type Product, products } from './readers.ts'
import { remarksOf } from './report.ts'
import { type ImportOptions, importFile } from './run.ts'
import { checkReadable } from './source.ts'

export type ImportWords = ProjectOptions & ImportOptions

export const importDescription =
  'adds the accounts of an export of another product, or of users export; an account that exists stays as it is, so the same command goes on where it was interrupted. Our own fields (jsonl, csv): email; password_hash, email_verified_at, display_name, first_name, last_name, role, locale, metadata, uuid, created_at, and more: docs/migrate.md'

export const importOptions = [
  option('--from <PRODUCT>', products.join(', '), oneOf(products)).default('jsonl' satisfies Product),
  required('--file <FILE>', 'the file, plain or compressed by gzip'),
  option('--hashes <FILE>', "Auth0's export of password hashes, beside its export of users"),
  option('--dry-run', 'checks the whole file and writes nothing'),
  option('--accept-weak', 'takes single digests (MD5, SHA-1, SHA-2) as hashes too'),
  option(
    '--hasher <NAME>',
    `how hashes were made whose text does not say it: ${hasherNames.join(', ')}`,
    oneOf(hasherNames),
  ),
  option('--signer-key <BASE64>', "of Firebase's password hash parameters"),
  option('--salt-separator <BASE64>', "of Firebase's password hash parameters"),
  option('--rounds <N>', "of Firebase's password hash parameters", wholeNumber(1, 120)),
  option('--mem-cost <N>', "of Firebase's password hash parameters", wholeNumber(1, 20)),
]

export async function prepareImport<Given extends ImportWords>(given: Given): Promise<Given> {
  await checkReadable(given.file)
  if (given.hashes !== undefined) await checkReadable(given.hashes)
  return given
}

export async function runImport(ctx: OperatorContext, given: ImportWords) {
  const facts = await importFile(ctx, given)
  if (!given.json) for (const remark of remarksOf(facts)) console.error(shown(remark))
  if (facts.refused_total > 0) process.exitCode = 1
  const created = given.dryRun ? 'would be created' : 'created'
  const words = `${facts.read} read, ${facts.created} ${created}, ${facts.existing} there already, ${facts.refused_total} refused`
  return [facts, words] as const
}
