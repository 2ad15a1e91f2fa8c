// The icons: strokes in the colour of the text, hidden from screen readers.

const paths = {
  overview: 'M4 19V11M10 19V5M16 19v-6M20 19H2',
  users:
    'M16 19v-1.5a3.5 3.5 0 0 0-3.5-3.5h-6A3.5 3.5 0 0 0 3 17.5V19M9.5 10.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6M21 19v-1.5a3.5 3.5 0 0 0-2.6-3.4M15.5 4.6a3 3 0 0 1 0 5.8',
  teams:
    'M12 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M5.5 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M18.5 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M12 7.500v4M5.5 15.500v-1.500a2.5 2.5 0 0 1 2.5-2.500h8a2.5 2.5 0 0 1 2.5 2.500v1.5',
  mails: 'M3 6.500h18v12H3zM3.5 7l8.5 6.500L20.5 7',
  webhooks: 'M4 12h9M9 7l5 5-5 5M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4',
  events: 'M4 6h.01M4 12h.01M4 18h.01M8.5 6H20M8.5 12H20M8.5 18H20',
  log: 'M12 3l7.5 3v5.500c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.500V6zM9 12l2.200 2.200L15.300 10',
  policy:
    'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M9 19.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5',
  projects: 'M4 4.500h6.500V11H4zM13.5 4.500H20V11h-6.500zM4 14h6.500v6.500H4zM13.5 14H20v6.500h-6.500z',
  operators: 'M12 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M5 20.500c.7-3.700 3.5-6 7-6s6.300 2.300 7 6',
  keys: 'M14.5 13.500a4.5 4.5 0 1 0-4.300-3.200L4 16.500V20h3.500v-2.500H10V15h1.700l1-1',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.5 15.500L20.5 20.5',
  leave: 'M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M15 8l4 4-4 4M19 12H9',
  refresh: 'M20 12a8 8 0 1 1-2.300-5.700L20 8.500M20 4v4.500h-4.500',
  plus: 'M12 5v14M5 12h14',
} as const

export type IconName = keyof typeof paths

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  )
}

/** The logo of Sallyport. */
export function Logo() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="mark-ground" width="32" height="32" rx="8" />
      <path class="mark-arch" d="M9 24V14a7 7 0 0 1 14 0v10" />
      <path class="mark-door" d="M13.5 24v-8.5a2.5 2.5 0 0 1 5 0V24" />
    </svg>
  )
}
