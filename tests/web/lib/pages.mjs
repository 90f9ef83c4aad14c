// Every page of the console, as tests and screenshots go to it: {name, path, has}, where `has` is a text that stands on it.
export async function PAGES(_office) {
  return [{ name: 'overview', path: '/', has: 'Spend by team' }];
}
