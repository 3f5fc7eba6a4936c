// The page's side of the worker: whose turn it is, and what to do when a job is given up.

/** A call that a removed picture waits for is ended with its worker after this, in milliseconds. */
const PATIENCE = 100;

/** Replaced by {@link configure}. */
const settings = {
  priors: [],
  relaxed: true,
  worker: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "dcodec" }),
};

/** A worker that is asked one thing at a time. */
class Link {
  #serial = 0;
  #waiting = new Map();

  constructor() {
    this.worker = settings.worker();
    this.worker.onmessage = ({ data: { serial, reply, error, fatal } }) => {
      const waiting = this.#waiting.get(serial);
      this.#waiting.delete(serial);
      if (!waiting) reply?.picture?.bitmap?.close();
      else if (error === undefined) waiting.resolve(reply);
      else waiting.reject(Object.assign(new Error(error), { name: "DcodecError", fatal }));
    };
    this.worker.onerror = (event) => {
      event.preventDefault?.();
      this.end(Object.assign(new Error(event.message || "the worker could not be started"), { name: "DcodecError", fatal: true }));
    };
    if (settings.priors.length > 0 || !settings.relaxed) {
      this.ask("configure", { priors: settings.priors, relaxed: settings.relaxed }).catch(() => {});
    }
  }

  ask(call, rest, lent = []) {
    return new Promise((resolve, reject) => {
      const serial = this.#serial++;
      this.#waiting.set(serial, { resolve, reject });
      this.worker.postMessage({ ...rest, call, serial }, lent);
    });
  }

  end(error) {
    this.worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Errors of calls that ended because their worker was. */
const ENDED = Object.assign(new Error("the worker was ended"), { ended: true });

class Engine {
  #link = null;
  #jobs = new Set();
  #busy = null;
  #next = 0;

  /**
   * A job, which shows pictures of the bytes that it is fed. `onPicture` gets each, `onError` gets
   * the end of a job that failed, `onEnd` is called after the last picture.
   */
  start({ output, convert, onPicture, onError, onEnd }) {
    const job = {
      id: this.#next++,
      output,
      convert,
      onPicture,
      onError,
      onEnd,
      // All bytes are kept, in case another job's end takes the worker along.
      chunks: [],
      fed: 0,
      last: false,
      more: false,
      layers: 0,
      shown: 0,
    };
    this.#jobs.add(job);
    return {
      feed: (chunk) => {
        job.chunks.push(chunk);
        this.#turn();
      },
      finish: () => {
        job.last = true;
        this.#turn();
      },
      abort: () => this.#abort(job),
    };
  }

  /** True for a job for which the worker has something to do. */
  #ready(job) {
    return job.more || job.fed < job.chunks.length || job.last;
  }

  /** Gives the worker the job that is furthest behind, if the worker is free. */
  async #turn() {
    if (this.#busy) return;
    const ready = [...this.#jobs].filter((job) => this.#ready(job));
    if (ready.length === 0) return;
    const job = ready.reduce((a, b) => (b.layers < a.layers ? b : a));
    this.#busy = job;
    this.#link ??= new Link();
    const link = this.#link;
    try {
      await this.#advance(link, job);
    } catch (error) {
      if (error.fatal) this.#restart(error);
      if (!error.ended && this.#jobs.delete(job)) {
        this.#close(job);
        job.onError(error);
      }
    }
    // Another link has its own turns.
    if (link !== this.#link && this.#link) return;
    this.#busy = null;
    this.#turn();
  }

  async #advance(link, job) {
    const chunks = job.chunks.slice(job.fed);
    job.fed = job.chunks.length;
    const last = job.last;
    const { id, output, convert, shown: skip } = job;
    const reply = await link.ask("advance", { id, chunks, last, skip, output, convert });
    [job.more, job.layers] = [reply.more, reply.layers];
    if (!this.#jobs.has(job)) {
      reply.picture?.bitmap?.close();
      return;
    }
    const end = last && !reply.more;
    if (reply.picture) {
      job.shown = reply.picture.bytes;
      job.onPicture({ ...reply.picture, header: reply.header }, end);
    }
    if (end && this.#jobs.delete(job)) {
      this.#close(job);
      job.onEnd();
    }
  }

  #close(job) {
    this.#link?.ask("close", { id: job.id }).catch(() => {});
  }

  /** Ends the worker and all that it knows. The jobs that are left begin anew, with what they show. */
  #restart(error = ENDED) {
    const link = this.#link;
    this.#link = null;
    this.#busy = null;
    for (const job of this.#jobs) [job.fed, job.more, job.layers] = [0, false, 0];
    link?.end(error);
  }

  #abort(job) {
    if (!this.#jobs.delete(job)) return;
    if (this.#busy !== job) {
      this.#close(job);
      return;
    }
    const link = this.#link;
    setTimeout(() => {
      if (this.#busy === job && this.#link === link) {
        this.#restart();
        this.#turn();
      } else if (this.#link === link) {
        this.#close(job);
      }
    }, PATIENCE);
  }

  /** What the worker says of itself. */
  async facts() {
    this.#link ??= new Link();
    return this.#link.ask("facts", {});
  }

  /** Ends the worker; the next job starts another. */
  dispose() {
    this.#restart();
    this.#turn();
  }
}

/** The one of the page. */
export const engine = new Engine();

/** Sets what workers are made with from now on. */
export function configure({ priors, relaxed, worker } = {}) {
  if (priors) settings.priors = priors.map((prior) => ({ ...prior, url: new URL(prior.url, document.baseURI).href }));
  if (relaxed !== undefined) settings.relaxed = relaxed;
  if (worker) settings.worker = worker;
  engine.dispose();
}

/** One call of a worker of its own, which a signal ends. */
export async function alone(call, rest, lent, signal) {
  signal?.throwIfAborted();
  const link = new Link();
  const stop = () => link.end(signal.reason);
  signal?.addEventListener("abort", stop);
  try {
    return await link.ask(call, rest, lent);
  } finally {
    signal?.removeEventListener("abort", stop);
    link.end(ENDED);
  }
}
