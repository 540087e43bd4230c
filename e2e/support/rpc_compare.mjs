// Compares two answers of JSON-RPC: which fields they have, how each is encoded, and the values that have to be equal.

/** Forms of hexadecimal text that EIP-1474 tells apart. One text may have several. */
const FORMS = [
  ['quantity', /^0x(0|[1-9a-f][0-9a-f]{0,63})$/],
  ['bytes', /^0x([0-9a-f]{2})*$/],
];

const formsOf = (text) => FORMS.filter(([, form]) => form.test(text)).map(([name]) => name);

/** Bytes of these lengths are something of their own: an address, a hash, a bloom filter. */
const FIXED_BYTES = new Set([8, 20, 32, 256]);

const fixedBytes = (text) => (/^0x([0-9a-f]{2})+$/.test(text) && FIXED_BYTES.has(text.length / 2 - 1) ? text.length / 2 - 1 : undefined);

const kindOf = (value) => (Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value);

/**
 * Where `ours` and `theirs` differ, as lines of a path and what is there. Values are compared but for those whose name
 * `varies`.
 */
export function differences(ours, theirs, varies, path = '') {
  const [kind, other] = [kindOf(ours), kindOf(theirs)];
  if (kind !== other) return [`${path || '.'}: ${kind} here, ${other} there`];
  if (kind === 'object') return ofObjects(ours, theirs, varies, path);
  if (kind === 'list') return ofLists(ours, theirs, varies, path);
  const name = path.split('.').at(-1).replace(/\[\]$/, '');
  const encoding = kind === 'string' ? ofTexts(ours, theirs, path || '.') : [];
  if (encoding.length > 0) return encoding;
  return ours === theirs || varies.has(name) ? [] : [`${path || '.'}: ${shown(ours)} here, ${shown(theirs)} there`];
}

function ofObjects(ours, theirs, varies, path) {
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...names].flatMap((name) => {
    const place = path ? `${path}.${name}` : name;
    if (!(name in ours)) return [`${place}: missing here, ${shown(theirs[name])} there`];
    if (!(name in theirs)) return [`${place}: ${shown(ours[name])} here, missing there`];
    return differences(ours[name], theirs[name], varies, place);
  });
}

function ofLists(ours, theirs, varies, path) {
  const place = `${path}[]`;
  if (ours.length !== theirs.length) {
    return varies.has(path.split('.').at(-1)) ? [] : [`${place}: ${ours.length} here, ${theirs.length} there`];
  }
  return ours.flatMap((one, index) => differences(one, theirs[index], varies, place));
}

function ofTexts(ours, theirs, path) {
  const isHex = (text) => /^0x/i.test(text);
  if (!isHex(ours) && !isHex(theirs)) return [];
  const [forms, others] = [formsOf(ours), formsOf(theirs)];
  const fit = forms.some((form) => others.includes(form));
  const sameLength = fixedBytes(ours) === fixedBytes(theirs) || [forms, others].some((of) => !of.includes('bytes') || of.includes('quantity'));
  return fit && sameLength ? [] : [`${path}: ${shown(ours)} here, ${shown(theirs)} there`];
}

function shown(value) {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
