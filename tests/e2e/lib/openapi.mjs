// The OpenAPI document held against what the server answers.
import assert from 'node:assert/strict';

/** The few words of JSON Schema that the document uses. */
function holds(schema, value, at, doc) {
  if (schema.$ref) return holds(schema.$ref.split('/').slice(1).reduce((o, k) => o[k], doc), value, at, doc);
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  const types = [schema.type ?? type].flat();
  assert.ok(types.includes(type) || (type === 'integer' && types.includes('number')), `${at} is ${type}, not ${schema.type}`);
  if (schema.enum) assert.ok(schema.enum.includes(value), `${at}: ${value}`);
  for (const name of schema.required ?? []) assert.ok(name in value, `${at}.${name} is missing`);
  if (type === 'object' && schema.properties) {
    for (const [name, inner] of Object.entries(value)) {
      assert.ok(name in schema.properties, `${at}.${name} is not in the document`);
      holds(schema.properties[name], inner, `${at}.${name}`, doc);
    }
  }
  if (type === 'array' && schema.items) value.forEach((v, i) => holds(schema.items, v, `${at}[${i}]`, doc));
}
/** The answer, once it is held against what the document says of it: a good one, or an error. */
export const checked = (doc, method, path, answer) => {
  const operation = doc.paths[path][method];
  const good = answer.status < 300;
  holds((good ? operation.responses['2XX'] : operation.responses.default).content['application/json'].schema, answer.json, `${method} ${path}`, doc);
  return answer;
};
