/** The icons, drawn on 16×16. Decoration for the eye: words stand beside them, so screen readers pass them over. */

const PATHS = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4 4l8 8M12 4l-8 8",
  warning: "M8 2.2L14.3 13H1.7zM8 6.5v3M8 11.3v.2",
  clock: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M8 4.5V8l2.3 1.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  busy: "M8 1.8a6.2 6.2 0 1 1-6.2 6.2",
  minus: "M3.5 8h9",
  stop: "M4 4h8v8H4z",
  question: "M5.6 6a2.4 2.4 0 1 1 3.5 2.2C8.2 8.7 8 9.2 8 10M8 12.3v.2",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.4 10.4L14 14",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  plus: "M8 3v10M3 8h10",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0-5.6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.8A6 6 0 1 1 6.2 2.5a4.8 4.8 0 0 0 7.3 7.3z",
  auto: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  menu: "M2 4h12M2 8h12M2 12h12",
  dashboard: "M2 2.5h5v5H2zM9 2.5h5v3H9zM9 7.5h5v6H9zM2 9.5h5v4H2z",
  project: "M2 4h4.5l1.5 1.8H14V13H2z",
  tasks: "M2 4l1.2 1.2L5.5 3M2 9l1.2 1.2L5.5 8M8 4h6M8 9h6M8 13.2h6M3 13.2h2",
  machine: "M2 3h12v4.5H2zM2 9h12v4.5H2zM4.5 5.2v.1M4.5 11.2v.1",
  console: "M2 3h12v10H2zM4.5 6l2 2-2 2M8.5 10.3h3",
  library: "M3 2.5h3v11H3zM7.5 2.5h2.5v11H7.5zM11.5 3.2l2-.5 1 10.5-2 .4z",
  people: "M6 3a2.3 2.3 0 1 0 0 4.6A2.3 2.3 0 1 0 6 3M2 13c0-3 2-4.2 4-4.2s4 1.2 4 4.2M11 4a2 2 0 0 1 0 4M12 9.3c1.6.5 2.3 1.7 2.3 3.7",
  audit: "M4 1.8h6l2.5 2.5V14H4zM6 7h5M6 9.5h5M6 12h3",
  settings: "M2 5h7M12 5h2M2 11h2M7 11h7M9 3.2h3v3.6H9zM4 9.2h3v3.6H4z",
  package: "M2 5l6-3 6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6",
  play: "M4.5 3l8 5-8 5z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16, spins = false }: { name: IconName; size?: number; spins?: boolean }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5"
      strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" className={spins ? "spin" : undefined}>
      <path d={PATHS[name]} />
    </svg>
  );
}
