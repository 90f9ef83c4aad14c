// Line icons of 20 by 20, drawn for this page.
const PATHS = {
  overview: 'M3 11l7-7 7 7M5 9.5V16h10V9.5',
  explore: 'M3 16.5h14M5.5 13.5V9m4.5 4.5v-9m4.5 9V7',
  budgets: 'M3 6.5h14v9H3zM3 9.5h14M12.5 12.5h2',
  sessions: 'M3 5h14v8H9l-3.5 3v-3H3z',
  incidents: 'M10 3.5L17.5 16h-15zM10 8.5v3.5M10 13.8v.4',
  savings: 'M10 3v14M13.5 6.2C12.8 5.4 11.6 5 10 5 8 5 6.5 5.8 6.5 7.4c0 3.6 7.2 1.7 7.2 5.2 0 1.6-1.6 2.4-3.7 2.4-1.7 0-3-.5-3.7-1.4',
  units: 'M4 16V8m4 8V4m4 12v-5m4 5V6',
  rollout: 'M3 14c3 0 3-8 7-8s4 5 7 5M3 17h14',
  setup: 'M10 7.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6zM10 2.5v2.2M10 15.3v2.2M2.5 10h2.2M15.3 10h2.2M4.7 4.7l1.6 1.6M13.7 13.7l1.6 1.6M15.3 4.7l-1.6 1.6M6.3 13.7l-1.6 1.6',
  sun: 'M10 6.8a3.2 3.2 0 100 6.4 3.2 3.2 0 000-6.4zM10 2.5v1.6M10 15.9v1.6M2.5 10h1.6M15.9 10h1.6M4.7 4.7l1.1 1.1M14.2 14.2l1.1 1.1M15.3 4.7l-1.1 1.1M5.8 14.2l-1.1 1.1',
  moon: 'M16.5 11.8A6.8 6.8 0 018.2 3.5a6.8 6.8 0 108.3 8.3z',
  screen: 'M3 4.5h14v9H3zM7.5 16.5h5M10 13.5v3',
  menu: 'M3 6h14M3 10h14M3 14h14',
  close: 'M5 5l10 10M15 5L5 15',
  copy: 'M7 7h9v9H7zM13 7V4H4v9h3',
  check: 'M4 10.5l4 4 8-9',
  up: 'M10 16V4M5 9l5-5 5 5',
  down: 'M10 4v12M5 11l5 5 5-5',
  right: 'M7.5 4.5L13 10l-5.5 5.5',
  pause: 'M7 4.5v11M13 4.5v11',
  play: 'M6 4l10 6-10 6z',
  stop: 'M5 5h10v10H5z',
  table: 'M3 4.5h14v11H3zM3 8.5h14M8.5 8.5v7',
  download: 'M10 3v9.5M6 9l4 4 4-4M3.5 16.5h13',
  search: 'M9 4a5 5 0 100 10A5 5 0 009 4zM12.7 12.7L17 17',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
