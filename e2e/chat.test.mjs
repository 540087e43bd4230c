// A visitor talks with a text model: answers come while they are written, carry what was said before, and are jobs with receipts.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { carried } from '../public/conversation.js';
import { assertAccessible } from './support/axe.mjs';
import { assertQuiet, launch, openPage, screenshots } from './support/browser.mjs';
import { writeLikeliestWords } from './support/likeliest_words.mjs';
import { System } from './support/system.mjs';

const SLOW = { timeout: 180_000 };
const LIMITS = { messagesMax: 4, bytesMax: 20 };

let system;
let browser;

before(async () => {
  system = await System.start('chat');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

const answered = (page, count) =>
  page.waitForFunction((wanted) => document.querySelectorAll('.chat-assistant').length === wanted
    && document.querySelector('#chat-stop').hidden && !document.querySelector('#chat-send').disabled, count, SLOW);

async function ask(page, text) {
  await page.fill('#chat-message', text);
  await page.press('#chat-message', 'Enter');
}

test('a conversation is written while one watches, outlives the page, and begins anew', async () => {
  const page = await openPage(browser);
  await writeLikeliestWords(page);
  await page.goto(`${system.url}/models/aitbc-words-1`);
  // A key that is pressed before the script of the page listens is lost.
  await Promise.all([page.waitForURL(/\/chat\?model=aitbc-words-1$/), page.click('text=Chat with this model')]);
  assert.match(await page.innerText('main'), /Nothing said yet/);
  await screenshots(page, 'chat-empty');
  await ask(page, 'Improve this prompt: city');
  await answered(page, 1);
  const text = await page.innerText('.chat-assistant .chat-text');
  const first = await page.getAttribute('.chat-assistant:last-child a', 'href');
  const delivered = await (await fetch(`${system.url}/v1${first}/artifacts/0`)).text();
  assert.equal(text, delivered.trim(), 'what is shown is what was delivered, without the blanks around it');
  await page.waitForFunction(() => /AIT minted/.test(document.querySelector('.chat-assistant .chat-foot').innerText), undefined, SLOW);

  await ask(page, 'Improve this prompt: lake');
  await answered(page, 2);
  const link = await page.getAttribute('.chat-assistant:last-child a', 'href');
  const job = await (await fetch(`${system.url}/v1${link}`)).json();
  assert.deepEqual(job.input.messages.map(({ role }) => role), ['user', 'assistant', 'user']);
  assert.equal(job.input.messages[1].content, delivered, 'the model is told its own answer as it was delivered');
  await assertAccessible(page, 'a conversation');
  await screenshots(page, 'chat');

  await page.goto(`${system.url}${link}`);
  await page.waitForSelector('.proof', SLOW);
  await page.goBack();
  await answered(page, 2);
  assert.equal(await page.innerText('.chat-assistant .chat-text'), text);
  assertQuiet(page);

  await page.click('#chat-new');
  await page.waitForSelector('.chat-turn', { state: 'detached' });
  await page.reload();
  assert.match(await page.innerText('main'), /Nothing said yet/, 'what was thrown away stays away');
  await page.context().close();
});

test('what is wrong is said, and nothing is sent or lost', async () => {
  const page = await openPage(browser);
  await page.goto(`${system.url}/chat`);
  const long = 'x'.repeat(33_000);
  await ask(page, long);
  await page.waitForFunction(() => /longer than a model/.test(document.querySelector('#chat-error').innerText), undefined, SLOW);
  assert.equal((await page.inputValue('#chat-message')).length, long.length, 'the message is still there');
  assert.equal(await page.locator('.chat-turn').count(), 0);
  await page.context().close();
});

test('a job carries the newest turns that fit, and begins with the user', () => {
  const turn = (role, content) => ({ role, content, job: 'job_1' });
  const [user, model] = ['user', 'assistant'].map((role) => (content) => turn(role, content));
  const sent = ({ role, content }) => ({ role, content });
  const talk = [user('one'), model('two'), user('three')];
  assert.deepEqual(carried('', talk, LIMITS), { messages: talk.map(sent), isWhole: true });
  const long = [user('12345678'), model('1234'), user('1234567890')];
  const short = [{ role: 'system', content: 'be' }, { role: 'user', content: '1234567890' }];
  assert.deepEqual(carried('be', long, LIMITS), { messages: short, isWhole: false });
  const contents = (turns) => carried('', turns, LIMITS).messages.map(({ content }) => content);
  assert.deepEqual(contents([user('1'), model('2'), user('3'), model('4'), user('5')]), ['3', '4', '5']);
  assert.deepEqual(contents([user('ask'), model(''), user('again')]), ['again'], 'a message without an answer is left out');
  assert.equal(carried('', [user('é'.repeat(11))], LIMITS), undefined, 'bytes count, not characters');
});
