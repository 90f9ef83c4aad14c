// Who looks: by a Weir key, or at an issuer of the settings. The key goes to this gateway once and is kept nowhere here; the session is a
// cookie that no script reads.
import { useState } from 'preact/hooks';
import { apiPath, send, useApi } from './api/client';
import { useAddress } from './router';
import { plain } from './ui/format';
import { Fault, Loaded } from './ui/parts';

export interface SignedIn {
  signed_in: boolean;
  user: string | null;
  role: string | null;
  needed: boolean;
  issuers: { name: string; url: string }[];
}

export const useSignedIn = () => useApi<SignedIn>(apiPath('signin'));

/** Where to go afterwards: an address of this page, never another host's. */
const target = (query: URLSearchParams, path: string): string => {
  const to = query.get('to') ?? (path === '/sign-in' ? '/' : location.pathname + location.search);
  return to.startsWith('/') && !to.startsWith('//') && !to.startsWith('/\\') ? to : '/';
};

export function SignIn() {
  const { path, query } = useAddress();
  const answer = useSignedIn();
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);
  const to = target(query, path);
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    setBusy(true);
    setFault('');
    try {
      await send('POST', apiPath('signin'), { key: String(new FormData(e.target as HTMLFormElement).get('key')).trim() });
      location.assign(to);
    } catch (error) {
      setFault((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <div class="sign-in">
      <section class="card" aria-labelledby="sign-in-title">
        <img src="/mark.svg" alt="" width="44" height="44" />
        <h1 id="sign-in-title">Sign in to Weir</h1>
        <Loaded of={answer} height={160}>
          {({ issuers }) => (
            <div class="stack">
              {issuers.map((i) => (
                <a key={i.name} class="button primary" href={`${i.url}&to=${encodeURIComponent(to)}`}>
                  Continue with {plain(i.name)}
                </a>
              ))}
              {issuers.length > 0 && <p class="or">or</p>}
              <form class="stack" onSubmit={submit}>
                <label class="field">
                  <span class="field-label">A Weir key</span>
                  <input type="password" name="key" required autocomplete="current-password" placeholder="wk_…" spellcheck={false} />
                </label>
                {fault && <Fault message={fault} />}
                <button type="submit" class={`button ${issuers.length ? '' : 'primary'}`} disabled={busy}>
                  Sign in
                </button>
              </form>
              <p class="muted">
                Who runs the gateway makes a key: <code>weir key create --user you@example.com --role developer</code>
              </p>
            </div>
          )}
        </Loaded>
      </section>
    </div>
  );
}
