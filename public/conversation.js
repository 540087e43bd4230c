// What of a conversation a text job carries.

const encoder = new TextEncoder();
const bytes = (text) => encoder.encode(text).length;

// The newest turns that fit behind the instructions, and whether those are all. They begin with one of the user and take turns, as
// the templates of many models demand, so a message that got no answer is left out once there is a newer one. Undefined where the
// newest message alone is too long.
export function carried(instructions, turns, { messagesMax, bytesMax }) {
  const before = instructions ? [{ role: "system", content: instructions }] : [];
  const newest = turns.length - 1;
  const spoken = turns.filter(({ role, content }, at) => content && (role !== "user" || at === newest || turns[at + 1].content));
  let left = bytesMax - before.reduce((sum, { content }) => sum + bytes(content), 0);
  const taken = [];
  for (const { role, content } of spoken.toReversed()) {
    left -= bytes(content);
    if (left < 0 || taken.length + before.length === messagesMax) break;
    taken.unshift({ role, content });
  }
  while (taken.length && taken[0].role !== "user") taken.shift();
  return taken.length ? { messages: [...before, ...taken], isWhole: taken.length === spoken.length } : undefined;
}
