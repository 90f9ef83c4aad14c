// A reporter for node's test runner that tells only what went wrong, and the counts at the end: tools/check reads them.
const reason = (error) => error?.cause ?? error;

export default async function* reporter(events) {
  for await (const { type, data } of events) {
    if (type === 'test:fail') {
      const error = data.details?.error;
      const kind = error?.failureType;
      if (kind === 'cancelledByParent' || kind === 'subtestsFailed' || kind === 'parentAlreadyFinished') continue;
      const cause = reason(error);
      const text = (cause?.stack ?? String(cause)).split('\n').filter((line) => !/^\s+at .*(node:|node_modules)/.test(line));
      yield `not ok: ${data.name} (${(data.file ?? '').split('/').pop()}:${data.line ?? ''})\n${text.slice(0, 60).join('\n')}\n`;
    } else if (type === 'test:stderr') {
      // Warnings of the libraries under test are not news.
      if (!/deprecat|migrate to a newer|ExperimentalWarning|--trace-warnings/.test(data.message)) yield data.message;
    } else if (type === 'test:stdout') {
      yield data.message;
    } else if (type === 'test:diagnostic' && data.nesting === 0 && /^(pass|fail|cancelled|skipped) \d+$/.test(data.message)) {
      yield `# ${data.message}\n`;
    }
  }
}
