// The frame: navigation, who looks, the theme, and the page that the address names.
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { apiPath, send, useApi } from './api/client';
import type { Alerts, Me } from './api/types';
import { PAGES, pageAt } from './pages';
import { Link, useAddress } from './router';
import { SignIn, useSignedIn } from './signin';
import { setZone, zoneName } from './ui/format';
import { Toasts } from './ui/dialog';
import { Icon } from './ui/icons';
import { Empty, Fault, Segmented, Skeleton } from './ui/parts';
import { type Theme, setTheme, useTheme } from './ui/theme';

const MeContext = createContext<Me | undefined>(undefined);

export const useMe = (): Me => useContext(MeContext) as Me;

/** May this reader change things? The server decides in the end; the page only does not offer what it would refuse. */
export const mayKeep = (me: Me): boolean => me.role === 'operator' || me.role === 'owner';
export const mayMake = (me: Me): boolean => mayKeep(me) || me.role === 'developer';

const THEMES: { value: Theme; label: string }[] = [
  { value: 'system', label: 'Auto' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

function Side({ me, path }: { me: Me | undefined; path: string }) {
  const [open, setOpen] = useState(false);
  const [theme] = useTheme();
  const alerts = useApi<Alerts>(me && me.role !== 'agent' ? apiPath('alerts') : null, 20);
  const waiting = alerts.data?.alerts.filter((a) => a.severity !== 'info' && !a.silence).length ?? 0;
  useEffect(() => setOpen(false), [path]);
  return (
    <div class={`side ${open ? 'open' : ''}`}>
      <Link to="/" class="brand">
        <img src="/mark.svg" alt="" width="26" height="26" />
        Weir
      </Link>
      <button type="button" class="menu-button" aria-expanded={open} aria-controls="nav" onClick={() => setOpen(!open)}>
        <Icon name={open ? 'close' : 'menu'} />
        Menu
      </button>
      <nav id="nav" class="nav" aria-label="Pages">
        {PAGES.filter((p) => !p.all || !me || me.sees_all).map((p) => (
          <Link key={p.path} to={p.path} aria-current={pageAt(path) === p ? 'page' : undefined}>
            <Icon name={p.icon} />
            {p.label}
            {p.path === '/incidents' && waiting > 0 && (
              <span class="count" title={`${waiting} open alerts`}>
                {waiting}
              </span>
            )}
          </Link>
        ))}
      </nav>
      <div class="side-foot">
        <Segmented label="Colours" options={THEMES} value={theme} onChange={setTheme} />
        {me && (
          <p class="who">
            {me.user ?? (me.key ? 'a key without a user' : 'on this machine')} · {me.role}
            <br />
            Days begin by the clock of {zoneName()}
          </p>
        )}
        <Sign me={me} />
      </div>
    </div>
  );
}

/** Out, where somebody signed in; in, where one may look without but change nothing. */
function Sign({ me }: { me: Me | undefined }) {
  const signed = useSignedIn();
  if (!me || !signed.data) return null;
  if (signed.data.signed_in)
    return (
      <button type="button" class="button small" onClick={() => void send('POST', apiPath('signout')).then(() => location.assign('/'))}>
        Sign out
      </button>
    );
  return me.key === null && me.role !== 'owner' ? (
    <Link to="/sign-in" class="button small">
      Sign in to change things
    </Link>
  ) : null;
}

function Body({ me, path }: { me: Me; path: string }) {
  const entry = pageAt(path);
  return (
    <MeContext.Provider value={me}>
      {me.simulated && (
        <p class="notice">
          <span>
            <b>All of this is simulated.</b> The provider, the people and their work are made up; no money was spent.
          </span>
        </p>
      )}
      {entry ? (
        <entry.Page rest={path === entry.path ? '' : path.slice(entry.path.length + 1)} />
      ) : (
        <Empty title="There is no such page">
          <Link to="/" class="button">
            To the overview
          </Link>
        </Empty>
      )}
    </MeContext.Provider>
  );
}

export function App() {
  const { path } = useAddress();
  const me = useApi<Me>(apiPath('me'));
  if (me.data) setZone(me.data.timezone);
  useEffect(() => scrollTo(0, 0), [path]);
  if (path === '/sign-in' || (!me.data && me.error?.status === 401)) return <SignIn />;
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Side me={me.data} path={path} />
      <Toasts />
      <main id="main" class="main" tabIndex={-1}>
        {me.data ? <Body me={me.data} path={path} /> : me.error ? <Fault message={me.error.message} again={me.again} /> : <Skeleton height={420} />}
      </main>
    </div>
  );
}
