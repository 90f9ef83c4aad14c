import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './ui/theme';
import { render } from 'preact';
import { App } from './app';
import { pageAt } from './pages';

// what the address needs is on its way before anything is asked
const first = pageAt(location.pathname);
first?.Page.preload();
if (first?.draws) void import('./ui/echarts').catch(() => undefined);

render(<App />, document.getElementById('app') as HTMLElement);
