// user_words: the words of the names of accounts, so that operators find a person by the beginning of any of them.
//
// Written by the trigger users_words whenever display_name, first_name or last_name is set or changed; an account without names has
// no row. word is in lower case, at most 64 characters, in the byte order of UTF-8 (collation C), so that the words that begin with
// a text are a range of the index. A B-tree, because under row-level security no index serves an operator that is not leakproof: of
// those, LIKE, the text search and pg_trgm are none.
import { customType, index, pgTable, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { reference } from './columns.ts'
import { ofUser } from './users.ts'

/** Text that is compared by its bytes. */
const byteText = customType<{ data: string }>({ dataType: () => 'text collate "C"' })

export const userWords = pgTable(
  'user_words',
  {
    projectId: uuid('project_id').notNull(),
    userId: reference('user_id').notNull(),
    word: byteText('word').notNull(),
  },
  (table) => [
    ofUser(table),
    uniqueIndex('user_words_project_word').on(table.projectId, table.word, table.userId),
    index('user_words_project_user').on(table.projectId, table.userId),
  ],
)
