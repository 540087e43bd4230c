// A terminal for programs that ask a person: prompts appear on it, and what is typed is not shown where it is secret.

import { spawn } from 'node:child_process';

const ANSWER_LIMIT_MS = 300_000;

export class Terminal {
  #child;
  #output = '';
  #read = 0;
  #changed = () => {};

  /** Runs a command of the shell on a terminal of its own. */
  constructor(command, { cwd, env }) {
    // Of util-linux, on every Linux: `-e` hands on the command's exit status.
    this.#child = spawn('script', ['-qfec', command, '/dev/null'], { cwd, env: { ...env, SHELL: '/bin/sh' } });
    const more = (text) => {
      this.#output += text;
      this.#changed();
    };
    this.#child.stdout.setEncoding('utf8').on('data', more);
    this.#child.stderr.setEncoding('utf8').on('data', more);
    this.#child.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (status) => {
        resolve(status);
        this.#changed();
      });
    });
  }

  get output() {
    return this.#output.replaceAll('\r\n', '\n');
  }

  /** Waits for a question that was not answered yet, and types what follows from its match. */
  async answer(question, reply) {
    const match = await this.sees(question);
    this.#child.stdin.write(`${typeof reply === 'function' ? reply(match) : reply}\n`);
  }

  /** Waits until this text stands behind everything that was waited for before. */
  async sees(pattern) {
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      this.#changed();
    }, ANSWER_LIMIT_MS);
    try {
      for (;;) {
        const match = this.#output.slice(this.#read).match(pattern);
        if (match) {
          this.#read += match.index + match[0].length;
          return match;
        }
        if (late) throw new Error(`no ${pattern} within ${ANSWER_LIMIT_MS / 1000} s on the terminal:\n${this.output}`);
        if (this.#child.exitCode !== null) throw new Error(`the program ended before ${pattern}:\n${this.output}`);
        await new Promise((resolve) => (this.#changed = resolve));
      }
    } finally {
      clearTimeout(limit);
      this.#changed = () => {};
    }
  }

  /** Ctrl-C, as a person ends a program. */
  async interrupt() {
    this.#child.stdin.write('\x03');
    return this.ended;
  }
}
