// Pictures that are stored: whole ones of four kinds, no other content under their names, and no input that stalls the check.
import sharp from 'sharp'
import t from 'tap'
import type { PictureType } from '../../src/domain/accounts/picture-parts.ts'
import { cleanPicture, isPictureType } from '../../src/domain/accounts/pictures.ts'
import { type PixelType, pixels, png } from '../support/pictures.ts'

const isPicture = async (type: PictureType, content: Buffer) => (await cleanPicture(type, content)) !== null
const types = Object.keys(pixels) as PixelType[]
const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 4, background: { r: 18, g: 52, b: 86, alpha: 0.5 } } })
/** A GIF of so many frames, each of one pixel on a canvas of these sides. */
function gif(width: number, height: number, frames: number): Buffer {
  const head = Buffer.from(pixels['image/gif'].subarray(0, 19))
  head.writeUInt16LE(width, 6)
  head.writeUInt16LE(height, 8)
  const frame = pixels['image/gif'].subarray(19, -1)
  return Buffer.concat([head, ...Array.from({ length: frames }, () => frame), Buffer.from(';')])
}

t.test('the smallest picture of each kind is one of its kind, and of no other', async (t) => {
  for (const type of types) {
    t.ok(isPictureType(type))
    for (const claim of types)
      t.equal(await isPicture(claim, pixels[type]), claim === type, `${type} as ${claim}`)
  }
  t.ok(await isPicture('image/png', png(640, 480)))
})

t.test('only four kinds are pictures', async (t) => {
  for (const type of [
    'image/svg+xml',
    'text/html',
    'image/avif',
    'image/x-icon',
    '',
    'constructor',
    '__proto__',
  ])
    t.notOk(isPictureType(type), type)
  const others = { avif: await blank(8, 8).avif().toBuffer(), tiff: await blank(8, 8).tiff().toBuffer() }
  for (const type of types)
    for (const [name, content] of Object.entries(others))
      t.notOk(await isPicture(type, content), `${name} as ${type}`)
})

t.test('every form of a kind is known', async (t) => {
  const lossless = await blank(100, 100).webp({ lossless: true }).toBuffer()
  const forms: [PictureType, Buffer][] = [
    ['image/webp', lossless],
    ['image/webp', await blank(100, 100).removeAlpha().webp().toBuffer()],
    ['image/webp', await blank(100, 100).webp().toBuffer()],
    ['image/webp', await blank(100, 100).withMetadata().webp().toBuffer()],
    ['image/png', await blank(100, 100).png({ progressive: true }).toBuffer()],
    ['image/png', await blank(100, 100).png({ palette: true }).toBuffer()],
    ['image/jpeg', await blank(100, 100).jpeg({ progressive: true }).toBuffer()],
    ['image/jpeg', await blank(100, 100).toColourspace('cmyk').jpeg().toBuffer()],
    ['image/gif', gif(20, 20, 5)],
    [
      'image/webp',
      await sharp(gif(20, 20, 5), { animated: true })
        .webp({ minSize: false })
        .toBuffer(),
    ],
  ]
  for (const [index, [type, content]] of forms.entries())
    t.ok(await isPicture(type, content), `${type}, form ${index}`)
  t.notOk(await isPicture('image/webp', Buffer.concat([lossless, Buffer.from('<script>')])))
})

t.test('a picture larger than a screen can be is none', async (t) => {
  t.ok(await isPicture('image/png', png(8192, 1)))
  t.notOk(await isPicture('image/png', png(8193, 1)))
  t.notOk(await isPicture('image/png', png(1, 100_000)))
  t.notOk(await isPicture('image/png', png(0, 1)))
  t.notOk(await isPicture('image/webp', await blank(8193, 1).webp().toBuffer()))
})

t.test('a small file that decodes to very many pixels is none, alone or in frames', async (t) => {
  t.ok(await isPicture('image/png', await blank(4096, 4096).png().toBuffer()))
  t.notOk(await isPicture('image/png', await blank(4096, 4097).png().toBuffer()))
  t.ok(await isPicture('image/gif', gif(1024, 1024, 16)))
  t.notOk(await isPicture('image/gif', gif(1024, 1024, 17)))
})

t.test('a script behind the first bytes of a picture, or behind its end, is no picture', async (t) => {
  const script = Buffer.from('<script>alert(document.domain)</script>'.repeat(20))
  for (const type of types) {
    for (const kept of [2, 3, 4, 6, 8, 12, 16, 20, 24])
      t.notOk(
        await isPicture(type, Buffer.concat([pixels[type].subarray(0, kept), script])),
        `${type} after ${kept} bytes`,
      )
    // A JPEG may be followed by anything: cameras put previews and depth maps there.
    if (type !== 'image/jpeg') {
      t.notOk(await isPicture(type, Buffer.concat([pixels[type], script])), `${type}, then a script`)
      const again = Buffer.concat([pixels[type], script, pixels[type]])
      t.notOk(await isPicture(type, again), `${type}, a script, and the picture again`)
    }
    t.notOk(await isPicture(type, script))
    t.notOk(await isPicture(type, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')))
    t.notOk(await isPicture(type, Buffer.alloc(0)))
  }
})

t.test('padding behind a picture is no script', async (t) => {
  for (const type of types) t.ok(await isPicture(type, Buffer.concat([pixels[type], Buffer.alloc(3)])), type)
})

t.test('any beginning of a picture is answered, and only a JPEG may lack its last bytes', async (t) => {
  for (const type of types)
    for (let length = 0; length < pixels[type].length; length++) {
      const fits = await isPicture(type, pixels[type].subarray(0, length))
      if (type !== 'image/jpeg') t.notOk(fits, `${type}, ${length} bytes`)
    }
})

t.test('no broken picture throws or takes long', async (t) => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const began = process.cpuUsage()
  for (const type of types)
    for (let round = 0; round < 300; round++) {
      const broken = Buffer.from(pixels[type])
      for (let flips = 1 + random(4); flips > 0; flips--) broken[random(broken.length)] = random(256)
      await isPicture(type, broken)
    }
  // What would make a careless loop turn on the spot or for ever.
  for (const byte of [0x00, 0x01, 0x21, 0x2c, 0x3b, 0xff])
    for (const type of types)
      for (const kept of [13, 2])
        await isPicture(type, Buffer.concat([pixels[type].subarray(0, kept), Buffer.alloc(400_000, byte)]))
  t.ok(process.cpuUsage(began).user < 5_000_000, 'in microseconds of a core')
})
