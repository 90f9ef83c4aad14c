// Alerts: what needs somebody, with the commands that look and contain, and the button that holds one back for a while.
import { useState } from 'preact/hooks';
import { apiPath, send, useApi } from '../api/client';
import type { Alert, Alerts } from '../api/types';
import { mayMake, useMe } from '../app';
import { Link } from '../router';
import { Dialog, toast } from './dialog';
import { ago, dateTime, nameOf, plain } from './format';
import { Badge, Card, Command, Empty, Loaded, type Tone } from './parts';

export const useAlerts = (all = false) => useApi<Alerts>(apiPath('alerts', all ? { all: 'true', limit: 200 } : {}), 20);

const SHOWN = 5;

const TONES: Record<Alert['severity'], Tone> = { info: 'info', warning: 'warn', critical: 'bad' };

function One({ alert, onSilence }: { alert: Alert; onSilence: (a: Alert) => void }) {
  const me = useMe();
  const session = alert.labels.session;
  return (
    <li class="alert">
      <div class="spread">
        <p class="alert-title">
          <Badge tone={alert.state === 'open' ? TONES[alert.severity] : 'quiet'}>{alert.state === 'open' ? alert.severity : 'over'}</Badge>
          <b>{plain(alert.title ?? alert.kind)}</b>
          {alert.silence && <Badge>silenced</Badge>}
        </p>
        <span class="row tight">
          {session && (
            <Link class="button small" to={`/sessions/${encodeURIComponent(session)}`}>
              Session
            </Link>
          )}
          {alert.labels.budget && (
            <Link class="button small" to={`/budgets?name=${encodeURIComponent(alert.labels.budget)}`}>
              Budget
            </Link>
          )}
          {alert.state === 'open' && !alert.silence && mayMake(me) && (
            <button type="button" class="button small" onClick={() => onSilence(alert)} aria-label={`Silence: ${plain(alert.title ?? alert.kind)}`}>
              Silence
            </button>
          )}
        </span>
      </div>
      {alert.text && <p>{plain(alert.text)}</p>}
      {alert.evidence && alert.evidence !== alert.text && <p class="muted">{plain(alert.evidence)}</p>}
      <p class="muted">
        {alert.kind}, since {dateTime(alert.since ?? alert.raised)} ({ago(alert.since ?? alert.raised)})
        {alert.resolved ? `, over ${ago(alert.resolved)}` : alert.told ? `, told ${ago(alert.told)}` : ''}
      </p>
      {alert.state === 'open' && (alert.look || alert.contain) && (
        <details>
          <summary>Commands</summary>
          <div class="stack tight">
            {alert.look && <Command text={alert.look} />}
            {alert.contain && <Command text={alert.contain} />}
          </div>
        </details>
      )}
    </li>
  );
}

export function AlertList() {
  const [all, setAll] = useState(false);
  const answer = useAlerts(all);
  const [more, setMore] = useState(false);
  const [silencing, setSilencing] = useState<Alert>();
  const me = useMe();
  const end = async (id: string) => {
    try {
      await send('POST', apiPath('alerts/unsilence'), { id });
      toast('It is told again');
    } catch (fault) {
      toast((fault as Error).message);
    }
  };
  return (
    <Card
      title="Alerts"
      aside={
        <label class="check">
          <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} /> Also those that are over
        </label>
      }
    >
      <Loaded of={answer} height={120}>
        {({ alerts, silences }) => (
          <>
            {alerts.length === 0 ? (
              <Empty title={all ? 'There was no alert yet' : 'Nothing needs anybody'} icon="check" />
            ) : (
              <ul class="alerts">
                {(more ? alerts : alerts.slice(0, SHOWN)).map((a) => (
                  <One key={a.id} alert={a} onSilence={setSilencing} />
                ))}
              </ul>
            )}
            {alerts.length > SHOWN && (
              <button type="button" class="more" onClick={() => setMore(!more)}>
                {more ? 'Show fewer' : `Show all ${alerts.length}`}
              </button>
            )}
            {silences.length > 0 && (
              <ul class="row">
                {silences.map((s) => (
                  <li key={s.id} class="chip">
                    <span>
                      silenced: {nameOf(s.where ?? s.alert)} until {dateTime(s.until)}
                    </span>
                    {mayMake(me) && (
                      <button type="button" aria-label="End this silence" onClick={() => end(s.id)}>
                        ×
                      </button>
                    )}
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Loaded>
      {silencing && (
        <Dialog
          title="Silence this alert"
          lead={plain(silencing.title ?? silencing.kind)}
          action="Silence"
          onClose={() => setSilencing(undefined)}
          run={async (form) => {
            const reason = String(form.get('reason')).trim();
            await send('POST', apiPath('alerts/silence'), { alert: silencing.id, for: String(form.get('for')), ...(reason ? { reason } : {}) });
            return 'It is held back';
          }}
        >
          <label class="field">
            <span class="field-label">For</span>
            <select name="for">
              {['1h', '4h', '1d', '7d'].map((t) => (
                <option key={t} value={t} selected={t === '4h'}>
                  {t.replace('h', t === '1h' ? ' hour' : ' hours').replace('d', t === '1d' ? ' day' : ' days')}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span class="field-label">Why</span>
            <input type="text" name="reason" maxLength={200} />
          </label>
        </Dialog>
      )}
    </Card>
  );
}
