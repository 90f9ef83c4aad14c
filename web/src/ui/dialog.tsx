// A question that stops the page: the browser's own dialog, which keeps the keyboard within it and closes by Escape.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api/client';
import { Fault } from './parts';

interface Props {
  title: string;
  lead?: ComponentChildren;
  /** The button that does it. */
  action: string;
  danger?: boolean;
  children?: ComponentChildren;
  /** Resolves to what is said afterwards; what it throws is shown, and the dialog stays. */
  run: (form: FormData) => Promise<string>;
  onClose: () => void;
}

export function Dialog({ title, lead, action, danger, children, run, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  useEffect(() => {
    const back = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => back?.focus?.();
  }, []);
  const submit = async (e: SubmitEvent) => {
    e.preventDefault();
    setBusy(true);
    setFault('');
    try {
      toast(await run(new FormData(e.target as HTMLFormElement)));
      onClose();
    } catch (error) {
      setFault((error as ApiError).message);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{title}</h2>
      {lead && <p class="muted">{lead}</p>}
      <form class="form" onSubmit={submit}>
        {children}
        {fault && <Fault message={fault} />}
        <div class="form-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={`button ${danger ? 'danger' : 'primary'}`} disabled={busy}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}

const TOAST_MS = 5000;
let show: ((text: string) => void) | undefined;

export function toast(text: string): void {
  show?.(text);
}

/** Where what was done is said; a screen reader reads it out. */
export function Toasts() {
  const [texts, set] = useState<{ id: number; text: string }[]>([]);
  useEffect(() => {
    let next = 0;
    show = (text) => {
      const id = next++;
      set((old) => [...old.slice(-3), { id, text }]);
      setTimeout(() => set((old) => old.filter((t) => t.id !== id)), TOAST_MS);
    };
    return () => {
      show = undefined;
    };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {texts.map((t) => (
        <div key={t.id} class="toast">
          {t.text}
        </div>
      ))}
    </div>
  );
}
