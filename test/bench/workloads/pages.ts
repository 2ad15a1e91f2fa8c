// Time until the sign-in page is visible, compared with a page of bare Fastify in the same browser.
import fastify from 'fastify'
import type { Browser } from 'playwright-core'
import { findChromium, launchChromium } from '../../support/browser.ts'
import { makePlace, serve } from '../crowd.ts'
import { type Bench, small } from '../figures.ts'
import { type Figure, median, ms } from '../rounds.ts'

const goalMs = 100

/** Milliseconds from the navigation to the first contentful paint, with an empty browser cache. */
async function firstPaint(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  try {
    const page = await context.newPage()
    await page.goto(url)
    return await page.evaluate<number>(`new Promise((resolve) =>
      new PerformanceObserver((list) => resolve(list.getEntriesByName('first-contentful-paint')[0].startTime))
        .observe({ type: 'paint', buffered: true }))`)
  } finally {
    await context.close()
  }
}

/** @returns no figure if Chromium is not installed */
export async function pages(bench: Bench): Promise<Figure[]> {
  const chromium = findChromium()
  if (!chromium) return []
  const place = await makePlace(bench.serverUrl, 'bench_pages', small)
  const service = await serve(place, bench.folder, 'pages')
  const bare = fastify()
  bare.get('/', (_request, reply) =>
    reply.type('text/html').send('<!doctype html><title>Bare</title><h1>Sign in</h1>'),
  )
  const bareUrl = await bare.listen({ port: 0, host: '127.0.0.1' })
  const browser = await launchChromium(chromium)
  try {
    const [ours, beside]: [number[], number[]] = [[], []]
    // Warm-up: the first page of the browser is not measured.
    for (let round = -2; round < (bench.quick ? 7 : 31); round++) {
      const own = await firstPaint(
        browser,
        `http://127.0.0.1:${service.port}/sign-in?project=${place.projectId}`,
      )
      const other = await firstPaint(browser, bareUrl)
      if (round < 0) continue
      ours.push(own)
      beside.push(other)
    }
    return [
      {
        name: 'first contentful paint of /sign-in in Chromium, nothing cached: median',
        goal: `≤ ${goalMs} ms`,
        measured: ms(median(ours)),
        detail: `slowest ${ms(Math.max(...ours))}; a heading of bare Fastify ${ms(median(beside))}`,
        met: median(ours) <= goalMs,
      },
    ]
  } finally {
    await browser.close()
    await bare.close()
  }
}
