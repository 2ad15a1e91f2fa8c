// What counts as a picture: whole ones of four kinds, nothing dressed as one, and no input that holds the check up.
import t from 'tap'
import { isPicture, isPictureType, type PictureType } from '../../src/domain/pictures.ts'
import { type PixelType, pixels, png } from '../support/pictures.ts'

const types = Object.keys(pixels) as PixelType[]

t.test('the smallest picture of each kind is one of its kind, and of no other', async (t) => {
  for (const type of types) {
    t.ok(isPictureType(type))
    for (const claim of types) t.equal(isPicture(claim, pixels[type]), claim === type, `${type} as ${claim}`)
  }
  t.ok(isPicture('image/png', png(640, 480)))
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
})

t.test('every kind of WebP is known', async (t) => {
  const riff = (...chunks: [string, Buffer][]) => {
    const body = Buffer.concat(
      chunks.flatMap(([name, data]) => {
        const length = Buffer.alloc(4)
        length.writeUInt32LE(data.length)
        return [Buffer.from(name), length, data, Buffer.alloc(data.length % 2)]
      }),
    )
    const size = Buffer.alloc(4)
    size.writeUInt32LE(4 + body.length)
    return Buffer.concat([Buffer.from('RIFF'), size, Buffer.from('WEBP'), body])
  }
  const lossless = Buffer.from('2f0000001007101111888808fe07000000', 'hex')
  t.ok(isPicture('image/webp', riff(['VP8L', lossless])))
  const canvas = (side: number) => {
    const data = Buffer.alloc(10)
    data.writeUIntLE(side - 1, 4, 3)
    data.writeUIntLE(side - 1, 7, 3)
    return data
  }
  t.ok(isPicture('image/webp', riff(['VP8X', canvas(100)], ['VP8L', lossless])))
  t.ok(
    isPicture(
      'image/webp',
      riff(['VP8X', canvas(100)], ['ANIM', Buffer.alloc(6)], ['ANMF', Buffer.alloc(24)]),
    ),
  )
  t.notOk(
    isPicture('image/webp', riff(['VP8X', canvas(100)], ['EXIF', Buffer.alloc(8)])),
    'a canvas without a picture',
  )
  t.notOk(isPicture('image/webp', riff(['VP8X', canvas(8193)], ['VP8L', lossless])))
  t.notOk(isPicture('image/webp', Buffer.concat([riff(['VP8L', lossless]), Buffer.from('<script>')])))
})

t.test('a picture larger than a screen can be is none', async (t) => {
  t.ok(isPicture('image/png', png(8192, 1)))
  t.notOk(isPicture('image/png', png(8193, 1)))
  t.notOk(isPicture('image/png', png(1, 100_000)))
  t.notOk(isPicture('image/png', png(0, 1)))
})

t.test('a script behind the first bytes of a picture, or behind its end, is no picture', async (t) => {
  const script = Buffer.from('<script>alert(document.domain)</script>'.repeat(20))
  for (const type of types) {
    for (const kept of [2, 3, 4, 6, 8, 12, 16, 20, 24])
      t.notOk(
        isPicture(type, Buffer.concat([pixels[type].subarray(0, kept), script])),
        `${type} after ${kept} bytes`,
      )
    // A JPEG may be followed by anything: cameras put previews and depth maps there.
    if (type !== 'image/jpeg')
      t.notOk(isPicture(type, Buffer.concat([pixels[type], script])), `${type}, then a script`)
    t.notOk(isPicture(type, script))
    t.notOk(isPicture(type, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')))
    t.notOk(isPicture(type, Buffer.alloc(0)))
  }
})

t.test('padding behind a picture is no script', async (t) => {
  for (const type of types) t.ok(isPicture(type, Buffer.concat([pixels[type], Buffer.alloc(3)])), type)
})

t.test('any beginning of a picture is answered, and only a JPEG may lack its last bytes', async (t) => {
  for (const type of types)
    for (let length = 0; length < pixels[type].length; length++) {
      const fits = isPicture(type, pixels[type].subarray(0, length))
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
    for (let round = 0; round < 3000; round++) {
      const broken = Buffer.from(pixels[type])
      for (let flips = 1 + random(4); flips > 0; flips--) broken[random(broken.length)] = random(256)
      isPicture(type, broken)
    }
  // What would make a careless loop turn on the spot or for ever.
  for (const byte of [0x00, 0x01, 0x21, 0x2c, 0x3b, 0xff])
    for (const type of types) {
      isPicture(type, Buffer.concat([pixels[type].subarray(0, 13), Buffer.alloc(400_000, byte)]))
      isPicture(
        type as PictureType,
        Buffer.concat([pixels[type].subarray(0, 2), Buffer.alloc(400_000, byte)]),
      )
    }
  t.ok(process.cpuUsage(began).user < 5_000_000, 'in microseconds of a core')
})
