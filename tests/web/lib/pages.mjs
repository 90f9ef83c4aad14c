// Every page of the console, as tests and screenshots go to it: {name, path, has}, where `has` is a text that stands on it.
export async function PAGES(office) {
  const { sessions } = await office.ask('sessions?limit=200', { headers: { 'x-weir-key': office.owner } });
  const paused = sessions.find((s) => s.state === 'paused') ?? sessions[0];
  return [
    { name: 'overview', path: '/', has: 'Spend by team' },
    { name: 'explore', path: '/explore?by=team,model', has: 'In figures' },
    { name: 'explore-bars', path: '/explore?by=repo&view=bars&since=30d&compare=yes', has: 'In figures' },
    { name: 'explore-treemap', path: '/explore?by=team,user&view=treemap', has: 'In figures' },
    { name: 'explore-flow', path: '/explore?by=team,repo,model&view=flow', has: 'In figures' },
    { name: 'budgets', path: '/budgets?name=dev-day', has: 'How it went' },
    { name: 'sessions', path: '/sessions', has: 'Sessions', fold: true },
    { name: 'session', path: `/sessions/${encodeURIComponent(paused.id)}`, has: 'What the context was made of' },
    { name: 'incidents', path: '/incidents?since=today', has: 'What changed' },
    { name: 'savings', path: '/savings', has: 'a month' },
    { name: 'units', path: '/units', has: 'Cost of a session' },
    { name: 'rollout', path: '/rollout', has: 'Cohorts' },
    { name: 'setup', path: '/setup', has: 'Claude Code' },
    { name: 'setup-keys', path: '/setup?tab=keys', has: 'Keys' },
    { name: 'setup-teams', path: '/setup?tab=teams', has: 'Teams' },
    { name: 'setup-freeze', path: '/setup?tab=freeze', has: 'Kill switch' },
    { name: 'setup-providers', path: '/setup?tab=providers', has: 'Providers' },
    { name: 'setup-prices', path: '/setup?tab=prices', has: 'Prices' },
    { name: 'setup-audit', path: '/setup?tab=audit', has: 'Record of changes' },
  ];
}
