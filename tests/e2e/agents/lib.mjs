// How each real agent is started for a test: in a scratch home and a scratch git project, with one base URL and one key.
// Paths and settings are as of the versions in package.json; docs/agents.md tells people the same in words.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, WEIR, cleanEnvironment } from '../lib/harness.mjs';

const MODULES = join(ROOT, 'build/agents/node_modules');
export const LIMIT_MS = 180000;

const json = (value) => JSON.stringify(value, null, 2);
const jsonLines = (text) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

// Without a url both are as a user has them who knows nothing of Weir; `weir run` does the rest.
function codexConfig(url) {
  const provider = `[model_providers.weir]
name = "weir"
base_url = "${url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
`;
  return `model = "gpt-5"
${url ? 'model_provider = "weir"' : ''}
approval_policy = "never"
sandbox_mode = "danger-full-access"
${url ? provider : ''}
[analytics]
enabled = false
`;
}

function opencodeConfig(url, key) {
  const weir = { npm: '@ai-sdk/openai-compatible', options: { baseURL: `${url}/v1`, apiKey: key }, models: { 'gpt-5': {}, 'gpt-5-mini': {} } };
  const provider = url ? 'weir' : 'openai';
  return json({
    model: `${provider}/gpt-5`,
    small_model: `${provider}/gpt-5-mini`,
    autoupdate: false,
    share: 'disabled',
    ...(url && { provider: { weir } }),
  });
}

/** name in the ledger, where it says what; prepare() writes its settings, argv and env start it (with `goOn` in its last conversation),
 *  answer() reads its output. */
export const AGENTS = [
  {
    name: 'claude-code',
    program: join(MODULES, 'claude-code-linux-x64/claude'),
    command: 'claude',
    apis: ['anthropic.messages'],
    goOn: ['--continue'],
    argv: (prompt, more = []) => ['-p', prompt, '--model', 'claude-sonnet-4-5', '--dangerously-skip-permissions', '--output-format', 'json', ...more],
    env: (url, key) => ({
      ...(url && { ANTHROPIC_BASE_URL: url }),
      ...(key && { ANTHROPIC_API_KEY: key }),
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_TELEMETRY: '1',
      DISABLE_AUTOUPDATER: '1',
      IS_SANDBOX: '1',
    }),
    answer: (out) => JSON.parse(out).result,
    cost: (out) => JSON.parse(out).total_cost_usd,
  },
  {
    name: 'codex',
    program: join(MODULES, 'codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex'),
    command: 'codex',
    apis: ['openai.responses'],
    prepare: ({ home, url }) => {
      mkdirSync(join(home, '.codex'), { recursive: true });
      writeFileSync(join(home, '.codex/config.toml'), codexConfig(url));
    },
    argv: (prompt, more = []) => ['exec', '--skip-git-repo-check', '--json', ...more, prompt],
    goOn: ['resume', '--last'],
    env: (url, key) => (key ? { OPENAI_API_KEY: key } : {}),
    answer: (out) =>
      jsonLines(out)
        .filter((line) => line.item?.type === 'agent_message')
        .map((line) => line.item.text)
        .pop(),
  },
  {
    name: 'gemini-cli',
    program: process.execPath,
    script: join(MODULES, '@google/gemini-cli/bundle/gemini.js'),
    command: 'gemini',
    apis: ['gemini.generate'],
    prepare: ({ home }) => {
      mkdirSync(join(home, '.gemini'), { recursive: true });
      writeFileSync(
        join(home, '.gemini/settings.json'),
        json({
          security: { auth: { selectedType: 'gemini-api-key' } },
          telemetry: { enabled: false },
          privacy: { usageStatisticsEnabled: false },
          general: { enableAutoUpdate: false },
        }),
      );
    },
    goOn: ['--resume', 'latest'],
    argv: (prompt, more = []) => ['--yolo', ...more, '-m', 'gemini-2.5-pro', '--output-format', 'json', '-p', prompt],
    env: (url, key) => ({
      ...(url && { GOOGLE_GEMINI_BASE_URL: url }),
      ...(key && { GEMINI_API_KEY: key }),
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
      TERM: 'xterm-256color',
    }),
    answer: (out) => JSON.parse(out.slice(out.indexOf('{'))).response,
  },
  {
    name: 'opencode',
    program: join(MODULES, 'opencode-linux-x64/bin/opencode'),
    command: 'opencode',
    apis: ['openai.chat'],
    prepare: ({ project, url, key }) =>
      writeFileSync(join(project, 'opencode.json'), opencodeConfig(url, key)),
    argv: (prompt, more = []) => ['run', ...more, '--format', 'json', prompt],
    goOn: ['--continue'],
    env: (url, key) => ({
      ...(!url && { OPENAI_API_KEY: key }),
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
    }),
    answer: (out) =>
      jsonLines(out)
        .filter((line) => line.type === 'text')
        .map((line) => line.part.text)
        .pop(),
  },
];

/** A git project on a feature branch, with a remote. */
export function makeProject(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const git = (...args) => {
    const done = spawnSync('git', args, { cwd: folder, encoding: 'utf8', env: cleanEnvironment({ GIT_CONFIG_GLOBAL: '/dev/null' }) });
    if (done.status !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
  };
  git('init', '-q', '-b', 'main');
  writeFileSync(join(folder, 'README.md'), '# shop\n\nA small shop.\n');
  git('add', '.');
  git('-c', 'user.name=Ana', '-c', 'user.email=ana@example.com', 'commit', '-q', '-m', 'begin');
  git('remote', 'add', 'origin', 'git@github.com:acme/shop.git');
  git('checkout', '-q', '-b', 'feature/cart');
}

/** Its program under the name that people type, in a folder for PATH. */
function named(agent, base) {
  const bin = join(base, 'bin');
  mkdirSync(bin, { recursive: true });
  const start = [agent.program, ...(agent.script ? [agent.script] : [])].map((word) => `'${word}'`).join(' ');
  writeFileSync(join(bin, agent.command), `#!/bin/sh\nexec ${start} "$@"\n`, { mode: 0o755 });
  return bin;
}

/** Runs an agent on a prompt; {status, answer, cost, notes, stdout, stderr}. With `weirRun`, through `weir run ARGS --`; with `again`
 *  in the conversation and the project of the last run in `base`; with `inPath` the agent itself can start it by name. */
export async function drive(agent, { url, key, base, prompt, weirRun, again, inPath, env = {} }) {
  const home = join(base, 'home');
  const project = join(base, 'shop');
  if (!again) {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    makeProject(project);
    agent.prepare?.({ home, project, url, key });
  }
  const own = [...(agent.script ? [agent.script] : []), ...agent.argv(prompt, again ? agent.goOn : [])];
  let argv = [agent.program, ...own];
  let path = process.env.PATH;
  if (weirRun || inPath) path = `${named(agent, base)}:${path}`;
  if (weirRun) {
    // weir run knows agents by the name that people type.
    argv = [WEIR, 'run', ...weirRun, '--', agent.command, ...agent.argv(prompt)];
  }
  const child = spawn(argv[0], argv.slice(1), {
    cwd: project,
    env: cleanEnvironment({ HOME: home, PATH: path, PWD: project, ...agent.env(url, key), ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const status = await new Promise((done) => child.on('close', (code, signal) => done(code ?? signal)));
  clearTimeout(late);
  const read = (what) => {
    try {
      return what?.(stdout);
    } catch {
      return undefined;
    }
  };
  const notes = join(project, 'sim-notes.txt');
  return {
    status,
    answer: read(agent.answer),
    cost: read(agent.cost),
    notes: existsSync(notes) ? readFileSync(notes, 'utf8') : null,
    stdout,
    stderr,
  };
}

/** What went wrong, if something did. */
export const story = (run) => `\n--- stdout\n${run.stdout.slice(-2500)}\n--- stderr\n${run.stderr.slice(-2500)}`;
/** What an agent prints is JSON, or wrapped and coloured text. */
export const shown = (run) => (run.stdout + run.stderr).replace(/\x1b\[[0-9;]*m/g, '').replace(/\\"/g, '"').replace(/\\n/g, ' ').replace(/\s+/g, ' ');
