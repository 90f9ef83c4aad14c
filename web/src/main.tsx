import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './ui/theme';
import { render } from 'preact';
import { App } from './app';

render(<App />, document.getElementById('app') as HTMLElement);
