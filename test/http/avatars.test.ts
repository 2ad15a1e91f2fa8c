// PUT and DELETE /avatar, GET /avatars/{id}: pictures that are what they say, served so that nothing in them can act.
import { randomBytes, randomUUID } from 'node:crypto'
import sharp, { type Metadata } from 'sharp'
import t, { type Test } from 'tap'
import { type Answer, bearer, cookieHeader, startTestApp } from '../support/app.ts'
import { dataUri, type PixelType, pixels, png, pngChunk, pngOf } from '../support/pictures.ts'
import { isProblem } from '../support/problems.ts'

const app = await startTestApp(t)
const put = (who: Answer, avatar: unknown) =>
  app.api('PUT', '/avatar', { headers: bearer(who), body: { avatar } })
const putBytes = (who: Answer, type: string, body: Buffer | string) =>
  app.api('PUT', '/avatar', { headers: { ...bearer(who), 'content-type': type }, body })
const remove = (who: Answer) => app.api('DELETE', '/avatar', { headers: bearer(who) })
const me = async (who: Answer) => (await app.api('GET', '/me', { headers: bearer(who) })).body.user
const types = Object.keys(pixels) as PixelType[]

/** As <img> asks: no project, no session, and the bytes that come. */
async function show(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(new URL(new URL(url).pathname, app.url), { headers, method })
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  }
}

const stored = async (who: { email: string }) =>
  app.sql`select avatars.* from avatars join users on users.id = user_id where email = ${who.email}`

t.test('PUT /avatar · 200 · a data URI of each kind, shown byte for byte under its own type', async (t) => {
  const who = await app.signUp()
  for (const type of types) {
    const answer = await put(who, dataUri(type, pixels[type]))
    t.equal(answer.status, 200)
    const url = answer.body.user.avatar_url
    t.match(url, new RegExp(`^${app.config.publicUrl}/api/auth/avatars/[0-9a-f-]{36}$`))
    t.equal((await me(who)).avatar_url, url)
    const shown = await show(url)
    t.equal(shown.status, 200)
    t.equal(shown.headers.get('content-type'), type)
    t.ok(shown.bytes.equals(pixels[type]))
  }
  t.equal((await stored(who)).length, 1, 'one picture for an account')
})

t.test('PUT /avatar · 200 · the bytes of each kind', async (t) => {
  const who = await app.signUp()
  for (const type of types) {
    const answer = await putBytes(who, type, pixels[type])
    t.equal(answer.status, 200)
    const shown = await show(answer.body.user.avatar_url)
    t.equal(shown.headers.get('content-type'), type)
    t.ok(shown.bytes.equals(pixels[type]))
  }
  for (const type of ['IMAGE/PNG', 'image/png; charset=binary'])
    t.equal((await putBytes(who, type, pixels['image/png'])).status, 200, type)
  t.equal(
    (await putBytes(who, 'image/jpg', pixels['image/jpeg'])).status,
    200,
    'a name that some programs use',
  )
})

t.test(
  'PUT /avatar · 200 · each picture has an address of its own, and the one before is gone',
  async (t) => {
    const who = await app.signUp()
    const first = (await put(who, dataUri('image/png', pixels['image/png']))).body.user.avatar_url
    const second = (await put(who, dataUri('image/png', pixels['image/png']))).body.user.avatar_url
    t.not(first, second)
    t.equal((await show(first)).status, 404)
    t.equal((await show(second)).status, 200)
  },
)

t.test('PUT /avatar · 200 · by cookie', async (t) => {
  const { email, password } = await app.signUp()
  const signedIn = await app.api('POST', '/login', {
    headers: { 'session-transport': 'cookie' },
    body: { email, password },
  })
  const headers = { ...cookieHeader(signedIn), 'content-type': 'image/png' }
  const body = pixels['image/png']
  t.equal((await app.api('PUT', '/avatar', { headers, body })).status, 200)
  const foreign = { ...headers, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  isProblem(t, await app.api('PUT', '/avatar', { headers: foreign, body }), 'cross_site_request')
})

const secrets = { device: 'Leica of Ada 4711', place: 'N 48.8566 E 2.3522', xmp: 'xmp.did:ada-lovelace' }
const xmp = `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">${secrets.xmp}</x:xmpmeta><?xpacket end="w"?>`
const exif = {
  IFD0: { Make: secrets.device, Copyright: secrets.place },
  IFD3: {
    GPSLatitudeRef: 'N',
    GPSLatitude: '48/1 51/1 23/1',
    GPSLongitudeRef: 'E',
    GPSLongitude: '2/1 21/1 7/1',
  },
}
/** Red on the left, blue on the right. */
const halves = () => {
  const pixels = Buffer.alloc(48 * 24 * 3)
  for (let at = 0; at < 48 * 24; at++) pixels[at * 3 + (at % 48 < 24 ? 0 : 2)] = 255
  return sharp(pixels, { raw: { width: 48, height: 24, channels: 3 } })
}
/** As a phone that is held upright stores it: turned by 90° (orientation 6), with place and device. */
const taken = (type: 'jpeg' | 'png' | 'webp') =>
  halves().withMetadata({ orientation: 6, exif }).withXmp(xmp).toFormat(type).toBuffer()
const subBlocks = (text: string) => {
  const bytes = Buffer.from(text, 'latin1')
  const blocks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 255) {
    const block = bytes.subarray(at, at + 255)
    blocks.push(Buffer.from([block.length]), block)
  }
  return Buffer.concat([...blocks, Buffer.from([0])])
}
/** Frames at 10 and 50 hundredths of a second, for ever, with a comment and an XMP block between them. */
async function talkingGif(): Promise<Buffer> {
  const frames = await Promise.all(
    ['#f00', '#00f'].map((background) =>
      sharp({ create: { width: 30, height: 20, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  const gif = await sharp(frames, { join: { animated: true } })
    .gif({ delay: [100, 500], loop: 0 })
    .toBuffer()
  const comment = Buffer.concat([Buffer.from([0x21, 0xfe]), subBlocks(`${secrets.place} ${secrets.device}`)])
  const application = Buffer.concat([
    Buffer.from([0x21, 0xff, 11]),
    Buffer.from('XMP DataXMP'),
    subBlocks(xmp),
  ])
  return Buffer.concat([gif.subarray(0, -1), comment, application, Buffer.from(';')])
}

/** Nothing that tells where, when, with what or by whom is in the bytes. */
async function isSilent(t: Test, bytes: Buffer): Promise<Metadata> {
  for (const secret of Object.values(secrets)) t.notOk(bytes.includes(secret), secret)
  const metadata = await sharp(bytes).metadata()
  const { exif, xmp, iptc, orientation, tifftagPhotoshop, comments } = metadata
  t.same([exif, xmp, iptc, orientation, tifftagPhotoshop, comments], Array(6).fill(undefined))
  return metadata
}
const colorAt = async (bytes: Buffer, left: number, top: number) => {
  const { data } = await sharp(bytes)
    .removeAlpha()
    .extract({ left, top, width: 1, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return (data[0] ?? 0) > (data[2] ?? 0) ? 'red' : 'blue'
}

t.test('PUT /avatar · 200 · place, device and author are removed, and the picture is upright', async (t) => {
  const who = await app.signUp()
  for (const type of ['jpeg', 'png', 'webp'] as const) {
    const picture = await taken(type)
    const before = await sharp(picture).metadata()
    t.ok(before.exif && before.xmp, 'it was there')
    t.equal(before.orientation, 6)
    for (const store of [
      () => put(who, dataUri(`image/${type}`, picture)),
      () => putBytes(who, `image/${type}`, picture),
    ]) {
      const answer = await store()
      t.equal(answer.status, 200, type)
      const { bytes, headers } = await show(answer.body.user.avatar_url)
      t.equal(headers.get('content-type'), `image/${type}`)
      const { format, width, height } = await isSilent(t, bytes)
      t.same([format, width, height], [type, 24, 48], 'turned')
      t.same([await colorAt(bytes, 12, 6), await colorAt(bytes, 12, 42)], ['red', 'blue'], 'the right way')
    }
  }
})

t.test(
  'PUT /avatar · 200 · an animation keeps its frames and their times, and loses what it says',
  async (t) => {
    const who = await app.signUp()
    const gif = await talkingGif()
    const webp = await sharp(gif, { animated: true }).withMetadata({ exif }).webp().toBuffer()
    for (const [type, content] of [
      ['image/gif', gif],
      ['image/webp', webp],
    ] as const) {
      t.ok(content.includes(secrets.device), 'it was there')
      const answer = await putBytes(who, type, content)
      t.equal(answer.status, 200, type)
      const { bytes } = await show(answer.body.user.avatar_url)
      await isSilent(t, bytes)
      const { pages, delay, loop, width, pageHeight } = await sharp(bytes, { animated: true }).metadata()
      t.same([pages, delay, loop, width, pageHeight], [2, [100, 500], 0, 30, 20], type)
    }
  },
)

t.test(
  'PUT /avatar · 200 · texts of a PNG, and a second picture behind a JPEG, are removed too',
  async (t) => {
    const who = await app.signUp()
    const plain = await halves().png().toBuffer()
    const secret = Buffer.from(`Comment\0${secrets.place}`, 'latin1')
    for (const type of ['tEXt', 'zTXt', 'iTXt', 'tIME', 'prVt']) {
      const data = type === 'tIME' ? Buffer.from([7, 234, 1, 2, 3, 4, 5]) : secret
      const spoken = Buffer.concat([plain.subarray(0, 33), pngChunk(type, data), plain.subarray(33)])
      const answer = await putBytes(who, 'image/png', spoken)
      t.equal(answer.status, 200, type)
      const { bytes } = await show(answer.body.user.avatar_url)
      await isSilent(t, bytes)
      t.notOk(bytes.includes(type), type)
    }
    const jpeg = Buffer.concat([await halves().jpeg().toBuffer(), await taken('jpeg')])
    const answer = await putBytes(who, 'image/jpeg', jpeg)
    t.equal(answer.status, 200)
    await isSilent(t, (await show(answer.body.user.avatar_url)).bytes)
  },
)

t.test('PUT /avatar · 200 · what says nothing keeps every byte, its colours too', async (t) => {
  const who = await app.signUp()
  for (const [type, content] of [
    ['image/jpeg', await halves().jpeg({ progressive: true }).toBuffer()],
    ['image/jpeg', await halves().withIccProfile('p3').jpeg().toBuffer()],
    ['image/png', await halves().withIccProfile('p3').png({ palette: true }).toBuffer()],
    ['image/webp', await halves().withIccProfile('p3').webp({ lossless: true }).toBuffer()],
    ['image/webp', await halves().webp().toBuffer()],
    ['image/gif', await halves().gif().toBuffer()],
  ] as const) {
    const answer = await putBytes(who, type, content)
    t.ok((await show(answer.body.user.avatar_url)).bytes.equals(content), type)
  }
})

t.test('PUT /avatar · 200 · the largest photo with a place stays within the limit', async (t) => {
  const who = await app.signUp()
  const noise = randomBytes(400 * 400 * 3)
  const open = () => sharp(noise, { raw: { width: 400, height: 400, channels: 3 } }).withExif(exif)
  let quality = 100
  let photo = await open().jpeg({ quality }).toBuffer()
  while (photo.length > 374_000) photo = await open().jpeg({ quality: --quality }).toBuffer()
  for (const content of [photo, await open().webp({ quality: 60 }).toBuffer()]) {
    const { format } = await sharp(content).metadata()
    const answer = await putBytes(who, `image/${format}`, content)
    t.equal(answer.status, 200)
    await isSilent(t, (await show(answer.body.user.avatar_url)).bytes)
  }
})

t.test('PATCH /nora/auth/profile removes them as well', async (t) => {
  const { email, password } = await app.signUp()
  const login = await app.send('POST', '/nora/auth/login', { body: { email, password } })
  const headers = { authorization: `Bearer ${login.body.token}` }
  const body = { avatar: dataUri('image/jpeg', await taken('jpeg')) }
  const answer = await app.send('PATCH', '/nora/auth/profile', { headers, body })
  t.equal(answer.status, 200)
  await isSilent(t, Buffer.from(answer.body.avatar.split(',')[1], 'base64'))
})

t.test('PUT /avatar · 413 · more than 500 000 characters as a data URI, however it is sent', async (t) => {
  const who = await app.signUp()
  const prefix = 'data:image/png;base64,'.length
  const largest = Math.floor((500_000 - prefix) / 4) * 3
  t.ok(dataUri('image/png', pngOf(largest)).length <= 500_000)
  t.equal((await put(who, dataUri('image/png', pngOf(largest)))).status, 200)
  t.equal((await putBytes(who, 'image/png', pngOf(largest))).status, 200)
  const kept = (await me(who)).avatar_url
  isProblem(t, await put(who, dataUri('image/png', pngOf(largest + 1))), 'body_too_large')
  isProblem(t, await putBytes(who, 'image/png', pngOf(largest + 1)), 'body_too_large')
  isProblem(t, await put(who, dataUri('image/png', pngOf(2_000_000))), 'body_too_large')
  isProblem(t, await putBytes(who, 'image/png', pngOf(2_000_000)), 'body_too_large')
  t.equal((await me(who)).avatar_url, kept, 'nothing was changed')
  const escaped = JSON.stringify({ avatar: dataUri('image/png', pngOf(largest)) }).replaceAll('/', '\\/')
  const headers = bearer(who)
  t.equal((await app.api('PUT', '/avatar', { headers, body: escaped })).status, 200, 'slashes may be escaped')
})

t.test('no other route takes that much, nor bytes', async (t) => {
  const who = await app.signUp()
  const body = { display_name: 'x', more: 'x'.repeat(70_000) }
  isProblem(t, await app.api('PATCH', '/profile', { headers: bearer(who), body }), 'body_too_large')
  const headers = { ...bearer(who), 'content-type': 'image/png' }
  isProblem(
    t,
    await app.api('PATCH', '/profile', { headers, body: pixels['image/png'] }),
    'unsupported_media_type',
  )
})

t.test('PUT /avatar · 422 · what is dressed as a picture', async (t) => {
  const who = await app.signUp()
  const script = Buffer.from('<script>alert(document.domain)</script>')
  const svg = Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
  const signature = pixels['image/png'].subarray(0, 8)
  const dressed: [string, Buffer][] = [
    ['image/svg+xml', svg],
    ['image/png', svg],
    ['image/png', script],
    ['image/gif', Buffer.concat([Buffer.from('GIF89a'), script])],
    ['image/png', Buffer.concat([signature, script])],
    ['image/png', Buffer.concat([pixels['image/png'].subarray(0, 33), script])],
    ['image/png', Buffer.concat([pixels['image/png'], script])],
    ['image/png', pixels['image/gif']],
    ['image/jpeg', pixels['image/png']],
    ['image/webp', pixels['image/jpeg']],
    ['image/png', png(20_000, 20_000)],
    ['image/png', Buffer.alloc(0)],
    ['image/bmp', Buffer.from('BM')],
    ['image/x-icon', pixels['image/png']],
  ]
  for (const [type, content] of dressed) {
    isProblem(t, await put(who, dataUri(type, content)), 'validation_failed', ['avatar'])
    isProblem(t, await putBytes(who, type, content), 'validation_failed', ['avatar'])
  }
  t.equal((await stored(who)).length, 0)
  t.equal((await me(who)).avatar_url, null)
})

t.test('PUT /avatar · 422 · what is no data URI of a picture', async (t) => {
  const who = await app.signUp()
  const base64 = pixels['image/png'].toString('base64')
  const malformed = [
    undefined,
    null,
    5,
    {},
    [],
    '',
    base64,
    `data:image/png,${base64}`,
    `data:image/png;base64,${base64.slice(1)}`,
    `data:image/png;base64,${base64}\r\n`,
    `data:image/png;charset=utf-8;base64,${base64}`,
    ` data:image/png;base64,${base64}`,
    `data:text/html;base64,${base64}`,
    `data:;base64,${base64}`,
    `data:image/png;base64,%3Cscript%3E`,
    `https://example.com/a.png`,
    `javascript:alert(1)`,
  ]
  for (const avatar of malformed) isProblem(t, await put(who, avatar), 'validation_failed', ['avatar'])
  isProblem(t, await app.api('PUT', '/avatar', { headers: bearer(who) }), 'validation_failed', ['avatar'])
})

t.test('PUT /avatar · 415 · neither JSON nor a picture', async (t) => {
  const who = await app.signUp()
  for (const type of [
    'text/html',
    'text/plain',
    'application/octet-stream',
    'multipart/form-data; boundary=x',
  ])
    isProblem(t, await putBytes(who, type, pixels['image/png']), 'unsupported_media_type')
})

t.test('GET /avatars/{id} · 200 · is cached for ever, and nothing in it can act', async (t) => {
  const who = await app.signUp()
  const url: string = (await put(who, dataUri('image/png', pixels['image/png']))).body.user.avatar_url
  const { headers } = await show(url)
  t.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
  t.equal(headers.get('etag'), `"${url.split('/').at(-1)}"`)
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.equal(headers.get('content-security-policy'), "default-src 'none'; sandbox")
  t.equal(headers.get('cross-origin-resource-policy'), 'cross-origin')
  t.equal(headers.get('set-cookie'), null)
  const head = await show(url, {}, 'HEAD')
  t.equal(head.status, 200)
  t.equal(head.headers.get('content-length'), String(pixels['image/png'].length))
  const upper = await show(url.replace(/[^/]+$/, (id) => id.toUpperCase()))
  t.equal(upper.status, 200, 'an id is read in any case')
})

t.test('GET /avatars/{id} · 304 · for whoever has it', async (t) => {
  const who = await app.signUp()
  const url: string = (await put(who, dataUri('image/gif', pixels['image/gif']))).body.user.avatar_url
  const etag = `"${url.split('/').at(-1)}"`
  for (const header of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const answer = await app.send('GET', new URL(url).pathname, { headers: { 'if-none-match': header } })
    t.equal(answer.status, 304, header)
    t.equal(answer.body, '')
    t.equal(answer.headers.get('etag'), etag)
    t.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  }
  for (const header of ['"x"', '', etag.replaceAll('"', '')])
    t.equal((await show(url, { 'if-none-match': header })).status, 200, header)
  await remove(who)
  t.equal((await show(url, { 'if-none-match': etag })).status, 404, 'gone is gone')
})

t.test('GET /avatars/{id} · 404 · what is no picture', async (t) => {
  for (const id of [
    randomUUID(),
    'x',
    '00000000-0000-0000-0000-000000000000',
    '1',
    "'; drop table avatars; --",
    '%00',
    'x'.repeat(300),
  ]) {
    const answer = await app.send(
      'GET',
      `/api/auth/avatars/${encodeURIComponent(id).replace('%2500', '%00')}`,
    )
    isProblem(t, answer, 'not_found')
    t.equal(answer.headers.get('cache-control'), 'no-store')
  }
})

t.test('DELETE /avatar · 204 · takes it away, and again', async (t) => {
  const who = await app.signUp()
  const url = (await put(who, dataUri('image/webp', pixels['image/webp']))).body.user.avatar_url
  t.equal((await remove(who)).status, 204)
  t.equal((await show(url)).status, 404)
  t.equal((await me(who)).avatar_url, null)
  t.equal((await stored(who)).length, 0)
  t.equal((await remove(who)).status, 204)
})

t.test('PUT and DELETE /avatar · 401 · not signed in, or in another project', async (t) => {
  const who = await app.signUp()
  const other = await app.project()
  const body = { avatar: dataUri('image/png', pixels['image/png']) }
  for (const headers of [{}, { authorization: 'Bearer x' }, { ...bearer(who), 'project-id': other.id }]) {
    isProblem(t, await app.api('PUT', '/avatar', { headers, body }), 'unauthenticated')
    isProblem(t, await app.api('DELETE', '/avatar', { headers }), 'unauthenticated')
  }
})

t.test('one account’s picture is not another’s to change', async (t) => {
  const [one, two] = [await app.signUp(), await app.signUp()]
  const url = (await put(one, dataUri('image/png', pixels['image/png']))).body.user.avatar_url
  await put(two, dataUri('image/gif', pixels['image/gif']))
  await remove(two)
  t.equal((await show(url)).status, 200)
  t.equal((await me(one)).avatar_url, url)
})

t.test('the audit tells of pictures and holds none', async (t) => {
  const who = await app.signUp()
  await put(who, dataUri('image/png', pixels['image/png']))
  await remove(who)
  await remove(who)
  const events = await app.sql`select event from audit_events where event like 'avatar%'
    and user_id = (select id from users where email = ${who.email}) order by id`
  t.same(
    events.map(({ event }) => event),
    ['avatar_updated', 'avatar_removed'],
  )
})

t.test('pictures that meet leave one, and it is the one that the user shows', async (t) => {
  const who = await app.signUp()
  for (let round = 0; round < 4; round++) {
    const answers = await Promise.all([
      ...types.map((type) => put(who, dataUri(type, pixels[type]))),
      remove(who),
      ...types.map((type) => putBytes(who, type, pixels[type])),
    ])
    for (const { status } of answers) t.ok([200, 204].includes(status), String(status))
    const { avatar_url } = await me(who)
    const rows = await stored(who)
    t.equal(rows.length, avatar_url === null ? 0 : 1)
    if (avatar_url !== null) t.match(avatar_url, rows.at(0)?.id)
  }
})
