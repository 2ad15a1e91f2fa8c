// The parsed URL of a database.

/** How a connection is encrypted; null: it is not. */
export interface TlsTarget {
  /** True: unencrypted where the server offers no TLS. */
  readonly optional: boolean
  /** Whether the server's certificate must be issued by a known authority, and also be made out to the host. */
  readonly verify: 'nothing' | 'authority' | 'host'
  /** Paths of PEM files; null: the authorities that Node knows, no certificate of ours. */
  readonly rootCertificate: string | null
  readonly certificate: string | null
  readonly key: string | null
  readonly keyPassword: string | null
  readonly minVersion: TlsVersion | null
  readonly maxVersion: TlsVersion | null
}
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** The server, the login and the settings of a connection. For a part that is null, the driver reads PGHOST, PGUSER and so on. */
export interface DatabaseTarget {
  /** A name, an address without brackets, or the folder of a Unix socket. */
  readonly host: string | null
  readonly port: number | null
  readonly user: string | null
  readonly password: string | null
  readonly database: string | null
  readonly tls: TlsTarget | null
  /** The schema of the tables; null: `public`. */
  readonly schema: string | null
  readonly applicationName: string | null
  readonly connectTimeoutSeconds: number
  /** Settings of the session from `options=-c name=value`. */
  readonly settings: Readonly<Record<string, string>>
  /** True for `pgbouncer=true`: the URL leads to a pooler in transaction mode. */
  readonly pooled: boolean
  /** Which server of a cluster is wanted; the service itself needs one that takes writes. */
  readonly role: 'any' | 'primary' | 'standby'
}
