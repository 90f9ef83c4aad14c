// Small parts that every page is made of.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Answer } from '../api/client';
import { hasMoved } from '../router';
import { Icon, type IconName } from './icons';
import { nameOf } from './format';

/** A card with a heading; `aside` stands at the right of the heading. */
export function Card({ title, aside, note, children, class: more = '', flush }: { title?: string; aside?: ComponentChildren; note?: ComponentChildren; children: ComponentChildren; class?: string; flush?: boolean }) {
  return (
    <section class={`card ${flush ? 'flush' : ''} ${more}`} aria-label={title}>
      {title && (
        <header class="card-head">
          <h2>{title}</h2>
          {aside && <div class="card-aside">{aside}</div>}
        </header>
      )}
      {note && <p class="card-note">{note}</p>}
      {children}
    </section>
  );
}

export function PageHead({ title, lead, children }: { title: string; lead?: ComponentChildren; children?: ComponentChildren }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Weir`;
    if (hasMoved()) head.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <header class="page-head">
      <div>
        <h1 ref={head} tabIndex={-1}>{title}</h1>
        {lead && <p class="lead">{lead}</p>}
      </div>
      {children && <div class="page-actions">{children}</div>}
    </header>
  );
}

/** Room for what is on its way, as large as it will be. */
export function Skeleton({ height = 20, width }: { height?: number; width?: string }) {
  return <div class="skeleton" style={{ height: `${height}px`, width }} aria-hidden="true" />;
}

export function Empty({ title, children, icon = 'explore' }: { title: string; children?: ComponentChildren; icon?: IconName }) {
  return (
    <div class="empty">
      <Icon name={icon} size={26} />
      <p class="empty-title">{title}</p>
      {children && <div class="empty-more">{children}</div>}
    </div>
  );
}

export function Fault({ message, again }: { message: string; again?: () => void }) {
  return (
    <div class="fault" role="alert">
      <Icon name="incidents" />
      <p>{message}</p>
      {again && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What an answer is at the moment: on its way, faulty, or there. The room is kept, so that nothing jumps. */
export function Loaded<T>({ of, height = 200, children }: { of: Answer<T>; height?: number; children: (data: T) => ComponentChildren }) {
  if (of.data !== undefined)
    return (
      <div class={of.stale ? 'stale' : undefined} aria-busy={of.stale}>
        {of.error && <Fault message={of.error.message} again={of.again} />}
        {children(of.data)}
      </div>
    );
  if (of.error) return <Fault message={of.error.message} again={of.again} />;
  return <Skeleton height={height} />;
}

/** A name from outside, as text; what is not known is said to be so. */
export function Name({ of, mono }: { of: string | number | null | undefined; mono?: boolean }) {
  const text = nameOf(of);
  return text === 'unknown' && !of ? <span class="unknown">unknown</span> : <span class={mono ? 'mono name' : 'name'} title={text.length > 28 ? text : undefined}>{text}</span>;
}

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'quiet';

/** Of a session. */
export const toneOfState = (state: string): Tone => (state === 'paused' ? 'warn' : state === 'stopped' ? 'bad' : 'good');

export function Badge({ tone = 'quiet', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** A share of something as a bar; `mark` is where a forecast would end. */
export function Meter({ share, held = 0, mark, tone = 'info', label }: { share: number; held?: number; mark?: number | null; tone?: Tone; label: string }) {
  const at = (n: number) => `${Math.min(100, Math.max(0, n * 100))}%`;
  return (
    <div class={`meter ${tone}`} role="img" aria-label={label}>
      <span class="meter-fill" style={{ width: at(share) }} />
      {held > 0 && <span class="meter-held" style={{ left: at(share), width: at(Math.min(held, 1 - Math.min(share, 1))) }} />}
      {mark !== undefined && mark !== null && <span class="meter-mark" style={{ left: at(mark) }} />}
    </div>
  );
}

export function Copy({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, set] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.createElement('textarea');
      field.value = text;
      field.setAttribute('readonly', '');
      field.className = 'off-screen';
      document.body.append(field);
      field.select();
      document.execCommand('copy');
      field.remove();
    }
    set(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(false), 1600);
  };
  return (
    <button type="button" class="button small" onClick={copy} aria-live="polite">
      <Icon name={done ? 'check' : 'copy'} size={15} />
      {done ? 'Copied' : label}
    </button>
  );
}

/** A command to copy. */
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code tabIndex={0}>{text}</code>
      <Copy text={text} />
    </div>
  );
}

export interface Choice<T extends string> {
  value: T;
  label: string;
}

/** One of a few: a group of radio buttons that looks like a switch. */
export function Segmented<T extends string>({ label, options, value, onChange }: { label: string; options: readonly Choice<T>[]; value: T; onChange: (value: T) => void }) {
  const name = useRef(`s${Math.random().toString(36).slice(2)}`);
  return (
    <fieldset class="segmented">
      <legend class="off-screen">{label}</legend>
      {options.map((o) => (
        <label key={o.value} class={o.value === value ? 'on' : ''}>
          <input type="radio" name={name.current} value={o.value} checked={o.value === value} onChange={() => onChange(o.value)} />
          {o.label}
        </label>
      ))}
    </fieldset>
  );
}

export function Select({ label, options, value, onChange, hideLabel }: { label: string; options: readonly Choice<string>[]; value: string; onChange: (value: string) => void; hideLabel?: boolean }) {
  return (
    <label class="field">
      <span class={hideLabel ? 'off-screen' : 'field-label'}>{label}</span>
      <select value={value} onChange={(e) => onChange(e.currentTarget.value)}>
        {options.map((o) => (
          <option key={o.value} value={o.value}>
            {o.label}
          </option>
        ))}
      </select>
    </label>
  );
}
