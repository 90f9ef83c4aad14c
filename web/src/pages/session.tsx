// One session: what it is made of, turn by turn, why it was held, and the buttons that hold it.
import { useMemo, useState } from 'preact/hooks';
import { apiPath, send, useApi } from '../api/client';
import { useLive } from '../api/live';
import type { Call, Report, Session, SessionDetail } from '../api/types';
import { mayMake, useMe } from '../app';
import { Link } from '../router';
import { Chart, type Colours, tooltip, tooltipBox } from '../ui/chart';
import { ago, clock, compact, count, dateTime, dateTimeFull, duration, money, moneyShort, nameOf, percent, plain } from '../ui/format';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icons';
import { Badge, Card, Command, Copy, Empty, Loaded, Name, PageHead, toneOfState } from '../ui/parts';
import { figure } from '../ui/series';
import { axes } from '../ui/stack';
import { Table } from '../ui/table';

const CALLS_MOST = 1000;

type Act = 'pause' | 'resume' | 'stop' | 'escalate';

const ACTS: Record<Act, { title: string; lead: string; done: string; reason: string; needed: boolean }> = {
  pause: { title: 'Pause this session', lead: 'Its calls are refused until somebody resumes it. The agent is told why.', done: 'The session is paused', reason: 'Why', needed: false },
  resume: { title: 'Let this session go on', lead: 'The reason stands in the record of changes.', done: 'The session goes on', reason: 'Why it may go on', needed: true },
  stop: { title: 'Stop this session for good', lead: 'Its calls are refused from now on. This cannot be taken back.', done: 'The session is stopped', reason: 'Why', needed: false },
  escalate: { title: 'Hand this session to somebody', lead: 'It is paused, and its refusals name whom it waits for.', done: 'The session waits for them', reason: 'What they should know', needed: false },
};

function Actions({ session, onAct }: { session: Session; onAct: (act: Act) => void }) {
  if (!mayMake(useMe())) return null;
  return (
    <>
      {session.state === 'running' && (
        <button type="button" class="button" onClick={() => onAct('pause')}>
          <Icon name="pause" size={16} /> Pause
        </button>
      )}
      {session.state === 'paused' && (
        <button type="button" class="button primary" onClick={() => onAct('resume')}>
          <Icon name="play" size={16} /> Resume
        </button>
      )}
      {session.state !== 'stopped' && (
        <>
          <button type="button" class="button" onClick={() => onAct('escalate')}>
            Hand over
          </button>
          <button type="button" class="button danger" onClick={() => onAct('stop')}>
            <Icon name="stop" size={16} /> Stop
          </button>
        </>
      )}
    </>
  );
}

function ActDialog({ id, act, onClose }: { id: string; act: Act; onClose: () => void }) {
  const of = ACTS[act];
  return (
    <Dialog
      title={of.title}
      lead={of.lead}
      action={of.title.split(' ')[0] === 'Let' ? 'Resume' : (of.title.split(' ')[0] as string)}
      danger={act === 'stop'}
      onClose={onClose}
      run={async (form) => {
        const reason = String(form.get('reason') ?? '').trim();
        await send('POST', apiPath(`sessions/${encodeURIComponent(id)}/${act}`), { ...(reason ? { reason } : {}), ...(act === 'escalate' ? { to: String(form.get('to') ?? '').trim() } : {}) });
        return of.done;
      }}
    >
      {act === 'escalate' && (
        <label class="field">
          <span class="field-label">To whom</span>
          <input type="text" name="to" required maxLength={60} placeholder="chat@example.com" />
        </label>
      )}
      <label class="field">
        <span class="field-label">
          {of.reason}
          {of.needed ? '' : ' (may be empty)'}
        </span>
        <textarea name="reason" required={of.needed} maxLength={400} />
      </label>
    </Dialog>
  );
}

const THREADS = [
  ['cache_read_tokens', 'Read from cache'],
  ['cache_write', 'Written to cache'],
  ['input_tokens', 'Fresh'],
] as const;

const tokensOf = (c: Call, what: string): number => (what === 'cache_write' ? (c.cache_write_5m_tokens ?? 0) + (c.cache_write_1h_tokens ?? 0) : ((c[what as keyof Call] as number | null) ?? 0));

/** The context of each call of one thread: what of it was read from the cache, written to it, and fresh. */
function Growth({ calls, window }: { calls: Call[]; window: number | null }) {
  const labels = useMemo(() => calls.map((c) => (c.turn === null ? '' : String(c.turn))), [calls]);
  const option = useMemo(
    () => (c: Colours) => ({
      ...axes(c, labels, compact),
      tooltip: {
        ...tooltip(c),
        trigger: 'axis',
        axisPointer: { type: 'shadow', shadowStyle: { color: c.muted, opacity: 0.08 } },
        formatter: (points: { dataIndex: number; seriesName: string; value: number; color: string }[]) => {
          const call = calls[points[0]?.dataIndex ?? 0];
          return call
            ? tooltipBox(`Turn ${call.turn ?? '–'} · ${clock(call.time)}`, points.map((p) => ({ colour: p.color, name: p.seriesName, value: compact(p.value) })), `${money(call.cost_nanousd)} · ${compact(call.output_tokens)} tokens out`)
            : tooltipBox('', []);
        },
      },
      series: THREADS.map(([what, name], i) => ({
        name,
        type: 'bar',
        stack: 'context',
        color: [c.series[1], c.series[2], c.series[4]][i],
        barCategoryGap: '20%',
        barMaxWidth: 34,
        data: calls.map((call) => tokensOf(call, what)),
      })),
    }),
    [calls, labels],
  );
  const table = useMemo(
    () => ({ head: ['Turn', ...THREADS.map(([, n]) => n), 'Cost'], rows: calls.map((c) => [c.turn ?? '–', ...THREADS.map(([w]) => count(tokensOf(c, w))), money(c.cost_nanousd)]) }),
    [calls],
  );
  const last = calls[calls.length - 1]?.context_tokens ?? null;
  return (
    <>
      <Chart option={option} height={250} label="Context of each turn" table={table} />
      <ul class="legend">
        {THREADS.map(([what, name], i) => (
          <li key={what}>
            <i style={{ background: `var(--series-${[2, 3, 5][i]})` }} />
            {name}
          </li>
        ))}
        {window && last !== null && (
          <li>
            The context is {compact(last)} tokens, {percent(last / window)} of the model’s window
          </li>
        )}
      </ul>
    </>
  );
}

function CostOfTurns({ calls }: { calls: Call[] }) {
  const sums = useMemo(() => {
    let sum = 0;
    return calls.map((c) => (sum += c.cost_nanousd ?? 0));
  }, [calls]);
  const labels = useMemo(() => calls.map((c) => clock(c.time)), [calls]);
  const option = useMemo(
    () => (c: Colours) => ({
      ...axes(c, labels, moneyShort),
      tooltip: {
        ...tooltip(c),
        trigger: 'axis',
        formatter: (points: { dataIndex: number }[]) => {
          const at = points[0]?.dataIndex ?? 0;
          return tooltipBox(labels[at] ?? '', [
            { name: 'this call', value: money(calls[at]?.cost_nanousd) },
            { name: 'until then', value: money(sums[at]) },
          ]);
        },
      },
      series: [{ name: 'Spent', type: 'line', symbol: 'none', step: 'end', lineStyle: { width: 2 }, areaStyle: { opacity: 0.12 }, color: c.series[0], data: sums }],
    }),
    [calls, sums, labels],
  );
  const table = useMemo(() => ({ head: ['Time', 'Cost', 'Until then'], rows: calls.map((c, i) => [clock(c.time), money(c.cost_nanousd), money(sums[i])]) }), [calls, sums]);
  return <Chart option={option} height={250} label="Money spent as the session went on" table={table} />;
}

const PART_NAMES: Record<string, string> = { system: 'System prompt', tool: 'Tools', assistant: 'The model’s own words', user: 'The person’s words', image: 'Images', document: 'Documents', reasoning: 'Reasoning' };
const PART_FIGURES = ['definition_tokens', 'argument_tokens', 'result_tokens', 'text_tokens'] as const;

/** What the context was made of, and what sending it again and again cost. */
function Anatomy({ report }: { report: Report }) {
  const rows = report.rows.filter((r) => PART_FIGURES.some((f) => figure(r, f) > 0) || figure(r, 'cost_nanousd') > 0);
  const total = rows.reduce((n, r) => n + figure(r, 'cost_nanousd'), 0);
  const shown = [...rows].sort((a, b) => figure(b, 'cost_nanousd') - figure(a, 'cost_nanousd'));
  if (!shown.length) return <Empty title="Nothing is known of what its context was made of" />;
  const name = (r: (typeof rows)[number]) => (r.tool ? nameOf(r.tool) : (PART_NAMES[String(r.part)] ?? nameOf(r.part)));
  return (
    <div class="stack">
      <div class="parts" role="img" aria-label={`Shares of cost: ${shown.slice(0, 8).map((r) => `${name(r)} ${percent(figure(r, 'cost_nanousd') / total)}`).join(', ')}`}>
        {shown.slice(0, 9).map((r, i) => (
          <span key={i} style={{ flexGrow: Math.max(0.5, (figure(r, 'cost_nanousd') / (total || 1)) * 100), background: `var(--series-${(i % 9) + 1})` }} title={`${name(r)}: ${percent(figure(r, 'cost_nanousd') / total)}`} />
        ))}
        {shown.length > 9 && <span style={{ flexGrow: (shown.slice(9).reduce((n, r) => n + figure(r, 'cost_nanousd'), 0) / (total || 1)) * 100, background: 'var(--series-10)' }} title="Others" />}
      </div>
      <div class="bleed">
        <Table
          label="What the context was made of"
          rows={shown}
          id={(r) => `${r.part} ${r.tool}`}
          sortBy="cost"
          limit={10}
          columns={[
            {
              key: 'part',
              head: 'Part',
              cell: (r) => (
                <span class="row">
                  <i class="swatch" style={{ background: `var(--series-${shown.indexOf(r) < 9 ? shown.indexOf(r) + 1 : 10})` }} />
                  <Name of={name(r)} />
                </span>
              ),
            },
            { key: 'calls', head: 'Used', figure: true, wide: true, sort: (r) => figure(r, 'tool_calls'), cell: (r) => (r.tool ? count(figure(r, 'tool_calls')) : '') },
            { key: 'failures', head: 'Failed', figure: true, wide: true, sort: (r) => figure(r, 'tool_failures'), cell: (r) => (figure(r, 'tool_failures') ? count(figure(r, 'tool_failures')) : '') },
            { key: 'tokens', head: 'Tokens', figure: true, sort: (r) => PART_FIGURES.reduce((n, f) => n + figure(r, f), 0), cell: (r) => compact(PART_FIGURES.reduce((n, f) => n + figure(r, f), 0)) },
            { key: 'resent', head: 'Sent again', figure: true, wide: true, sort: (r) => figure(r, 'resent_tokens'), cell: (r) => compact(figure(r, 'resent_tokens')) },
            { key: 'cost', head: 'Cost', figure: true, sort: (r) => figure(r, 'cost_nanousd'), cell: (r) => money(r.cost_nanousd as number | null) },
            { key: 'share', head: 'Share', figure: true, cell: (r) => percent(total ? figure(r, 'cost_nanousd') / total : null) },
          ]}
        />
      </div>
    </div>
  );
}

const LANES_MOST = 12;

/** The threads of the session side by side: each call a mark, as wide as it took, where a rule spoke in colour. */
function Timeline({ calls }: { calls: Call[] }) {
  const lanes = useMemo(() => {
    const map = new Map<string, Call[]>();
    for (const c of calls) {
      const lane = c.subagent ?? '';
      map.set(lane, [...(map.get(lane) ?? []), c]);
    }
    return [...map];
  }, [calls]);
  const from = Date.parse(calls[0]?.time ?? '');
  const to = Math.max(from + 1000, ...calls.map((c) => Date.parse(c.time) + (c.duration_ms ?? 0)));
  const at = (ms: number) => `${(((ms - from) / (to - from)) * 100).toFixed(3)}%`;
  return (
    <div class="timeline" role="img" aria-label={`${calls.length} calls in ${lanes.length} threads; the table of calls below has each of them`}>
      {lanes.slice(0, LANES_MOST).map(([lane, of]) => (
        <div key={lane} class="lane">
          <span class="lane-name">{lane ? <Name of={lane} /> : 'Main thread'}</span>
          <span class="lane-line">
            {of.map((c) => (
              <i
                key={c.id}
                class={c.decision === 'refused' ? 'bad' : c.rule ? 'warn' : c.ending !== 'complete' ? 'cut' : ''}
                style={{ left: at(Date.parse(c.time)), width: `max(3px, ${(((c.duration_ms ?? 0) / (to - from)) * 100).toFixed(3)}%)` }}
                title={`${clock(c.time)} · ${nameOf(c.model_served ?? c.model_requested)} · ${money(c.cost_nanousd)}${c.rule ? ` · ${plain(c.rule)}` : ''}`}
              />
            ))}
          </span>
        </div>
      ))}
      <div class="lane-axis">
        <span>{clock(calls[0]?.time)}</span>
        <span>{duration((to - from) / 1000)}</span>
        <span>{clock(new Date(to).toISOString())}</span>
      </div>
      {lanes.length > LANES_MOST && <p class="hint">and {lanes.length - LANES_MOST} threads more</p>}
    </div>
  );
}

function Calls({ calls }: { calls: Call[] }) {
  return (
    <Table
      label="Calls of this session"
      rows={[...calls].reverse()}
      id={(c) => c.id}
      limit={20}
      columns={[
        { key: 'time', head: 'Time', cell: (c) => <span title={dateTimeFull(c.time)}>{clock(c.time)}</span>, sort: (c) => c.time },
        { key: 'thread', head: 'Thread', wide: true, cell: (c) => (c.subagent ? <Name of={c.subagent} /> : <span class="muted">main</span>) },
        { key: 'turn', head: 'Turn', figure: true, cell: (c) => count(c.turn), sort: (c) => c.turn },
        { key: 'model', head: 'Model', wide: true, cell: (c) => <Name of={c.model_served ?? c.model_requested} /> },
        { key: 'input', head: 'Input', figure: true, wide: true, cell: (c) => compact(c.context_tokens), sort: (c) => c.context_tokens },
        { key: 'output', head: 'Output', figure: true, wide: true, cell: (c) => compact(c.output_tokens), sort: (c) => c.output_tokens },
        { key: 'ending', head: 'Ending', cell: (c) => <Badge tone={c.decision === 'refused' || c.decision === 'paused' ? 'bad' : c.ending === 'complete' ? 'quiet' : 'warn'}>{nameOf(c.decision === 'admitted' ? c.ending.replace(/_/g, ' ') : c.decision)}</Badge> },
        { key: 'cost', head: 'Cost', figure: true, cell: (c) => money(c.cost_nanousd), sort: (c) => c.cost_nanousd },
      ]}
    />
  );
}

export default function SessionPage({ id }: { id: string }) {
  const live = useLive()?.sessions.get(id);
  const detail = useApi<SessionDetail>(apiPath(`sessions/${encodeURIComponent(id)}`), 30);
  const answer = useApi<{ rows: Call[] }>(apiPath('calls', { since: '90d', where: `session=${id}`, limit: CALLS_MOST }), 30);
  const [act, setAct] = useState<Act>();
  const calls = useMemo(() => [...(answer.data?.rows ?? [])].reverse(), [answer.data]);
  const main = useMemo(() => calls.filter((c) => !c.subagent && c.context_tokens !== null && (c.turn ?? 0) > 0), [calls]);
  const session = detail.data?.sessions.find((s) => s.id === id);
  const first = calls[calls.length - 1];
  const ruled = calls.filter((c) => c.rule || c.explanation);
  const children = detail.data?.sessions.filter((s) => s.id !== id) ?? [];
  const state = live?.state ?? session?.state ?? 'running';

  return (
    <div class="page">
      <p class="crumb">
        <Link to="/sessions">Sessions</Link>
      </p>
      <PageHead
        title={`Session ${plain(id).slice(0, 8)}`}
        lead={
          session && (
            <span class="row">
              <Badge tone={toneOfState(state)}>{state}</Badge>
              <span class="mono">{plain(id)}</span>
            </span>
          )
        }
      >
        {session && <Actions session={{ ...session, state: state as Session['state'] }} onAct={setAct} />}
      </PageHead>
      {act && <ActDialog id={id} act={act} onClose={() => setAct(undefined)} />}
      <Loaded of={detail} height={400}>
        {(d) => {
          const s = d.sessions.find((x) => x.id === id);
          if (!s) return <Empty title="There is no such session" />;
          return (
            <div class="page">
              {s.reason && s.state !== 'running' && (
                <div class={`headline ${s.state === 'stopped' ? 'bad' : 'warn'}`}>
                  <span class="headline-icon">
                    <Icon name={s.state === 'stopped' ? 'stop' : 'pause'} />
                  </span>
                  <div>
                    <strong>{s.state === 'stopped' ? 'Stopped for good' : 'Paused, and waits for somebody'}</strong>
                    <p>{plain(s.reason)}</p>
                  </div>
                </div>
              )}
              <div class="grid">
                <Card title="Who and where" class="w6">
                  <dl class="facts">
                    <dt>Person</dt>
                    <dd>
                      <Name of={first?.user ?? live?.user} /> <span class="muted">{first?.team ? nameOf(first.team) : ''}</span>
                    </dd>
                    <dt>Agent</dt>
                    <dd>
                      <Name of={s.agent} />
                    </dd>
                    <dt>Repository</dt>
                    <dd>
                      <Name of={first?.repo ?? live?.repo} /> <span class="muted">{first?.branch ? nameOf(first.branch) : ''}</span>
                    </dd>
                    {s.directory && (
                      <>
                        <dt>Folder</dt>
                        <dd>
                          <Name of={s.directory} mono />
                        </dd>
                      </>
                    )}
                    {s.parent && (
                      <>
                        <dt>Started by</dt>
                        <dd>
                          <Link to={`/sessions/${encodeURIComponent(s.parent)}`} class="mono">
                            {plain(s.parent)}
                          </Link>
                        </dd>
                      </>
                    )}
                    <dt>From</dt>
                    <dd>
                      {dateTime(s.started)}, last seen {ago(s.seen)}
                    </dd>
                  </dl>
                </Card>
                <Card title="What it came to" class="w6">
                  <div class="figures">
                    {(
                      [
                        ['Cost', money(s.cost_nanousd)],
                        ['Burn', live?.minute_nanousd ? `${money(live.minute_nanousd)}/min` : '–'],
                        ['Calls', count(s.calls)],
                        ['Turns', count(s.turns)],
                        ['Active', duration(s.active_s)],
                        ['Retries', count(s.retries)],
                        ['Compacted', count(s.compactions)],
                        ['Growth', d.growth.tokens_per_turn === null ? '–' : `${compact(d.growth.tokens_per_turn)}/turn`],
                      ] as const
                    ).map(([label, value]) => (
                      <div key={label} class="stat">
                        <span class="stat-label">{label}</span>
                        <span class="stat-value small">{value}</span>
                      </div>
                    ))}
                  </div>
                </Card>
                <Card title="Context of each turn" class="w7 has-chart">
                  <Loaded of={answer} height={280}>
                    {() => (main.length ? <Growth calls={main} window={d.growth.context_window} /> : <Empty title="No turn with a known context yet" />)}
                  </Loaded>
                </Card>
                <Card title="Money spent" class="w5 has-chart">
                  <Loaded of={answer} height={280}>
                    {() => (calls.length ? <CostOfTurns calls={calls} /> : <Empty title="No calls in the last ninety days" />)}
                  </Loaded>
                </Card>
                {ruled.length > 0 && (
                  <Card title="What rules said" flush note="Loops, limits and gates, with their evidence">
                    <Table
                      label="What rules said of this session"
                      rows={ruled}
                      id={(c) => c.id}
                      limit={10}
                      columns={[
                        { key: 'time', head: 'Time', cell: (c) => clock(c.time) },
                        { key: 'rule', head: 'Rule', cell: (c) => <Name of={c.rule} /> },
                        { key: 'decision', head: 'Decision', cell: (c) => <Badge tone={c.decision === 'admitted' ? 'warn' : 'bad'}>{nameOf(c.decision)}</Badge> },
                        { key: 'why', head: 'Evidence', cell: (c) => <span class="evidence">{c.explanation ? plain(c.explanation) : '–'}</span> },
                      ]}
                    />
                  </Card>
                )}
                <Card title="Threads and calls over time" class="w12">
                  <Loaded of={answer} height={120}>
                    {() => (calls.length ? <Timeline calls={calls} /> : <Empty title="No calls in the last ninety days" />)}
                  </Loaded>
                </Card>
                <Card title="What the context was made of">
                  <Anatomy report={d.anatomy} />
                </Card>
                <Card title="Calls" flush aside={calls.length === CALLS_MOST ? `the newest ${count(CALLS_MOST)}` : count(calls.length)}>
                  <Calls calls={calls} />
                </Card>
                {children.length > 0 && (
                  <Card title="Sessions it started" flush>
                    <Table
                      label="Sessions it started"
                      rows={children}
                      id={(c) => c.id}
                      columns={[
                        {
                          key: 'id',
                          head: 'Session',
                          cell: (c) => (
                            <Link to={`/sessions/${encodeURIComponent(c.id)}`} class="mono">
                              {plain(c.id).slice(0, 8)}
                            </Link>
                          ),
                        },
                        { key: 'agent', head: 'Agent', cell: (c) => <Name of={c.agent} /> },
                        { key: 'calls', head: 'Calls', figure: true, cell: (c) => count(c.calls) },
                        { key: 'cost', head: 'Cost', figure: true, cell: (c) => money(c.cost_nanousd) },
                      ]}
                    />
                  </Card>
                )}
              </div>
              <div class="row">
                <Command text={`weir session show ${id}`} /> <Copy text={id} label="Copy the id" />
              </div>
            </div>
          );
        }}
      </Loaded>
    </div>
  );
}
