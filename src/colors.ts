// Makes a project's colour readable, as text and behind text, with the contrast that WCAG 2.2 asks for.

type Rgb = readonly [number, number, number]

const parse = (hex: string): Rgb => {
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16)
  return [part(1), part(3), part(5)]
}

const print = (rgb: Rgb): string =>
  `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`

function luminance(rgb: Rgb): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((part) => {
    const value = part / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** WCAG 2.2, contrast ratio of two colours written `#rrggbb`. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(parse(one)), luminance(parse(other))]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** White or black, whichever reads better on `color`: never less than 4.5:1. */
export function inkOn(color: string): string {
  return contrast('#ffffff', color) >= contrast('#000000', color) ? '#ffffff' : '#000000'
}

/** `color`, moved towards black or white in steps until it stands out from `paper` by `ratio`. */
export function readableOn(paper: string, color: string, ratio: number): string {
  const far: Rgb = inkOn(paper) === '#ffffff' ? [255, 255, 255] : [0, 0, 0]
  const from = parse(color)
  for (let step = 0; step < 20; step++) {
    const share = step / 20
    const moved = print(from.map((part, at) => part + ((far[at] ?? 0) - part) * share) as unknown as Rgb)
    if (contrast(moved, paper) >= ratio) return moved
  }
  return print(far)
}
