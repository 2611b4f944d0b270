// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows where an arm trains: in a worker, or, where none can start, on the page's thread in small slices.

const SLICE = 5; // ms

class Lane {
  constructor(shared) {
    this.shared = shared;
    try {
      const source = new Blob([`(${makeEngine})().serve(self)`], { type: "text/javascript" });
      const address = URL.createObjectURL(source);
      this.worker = new Worker(address);
      URL.revokeObjectURL(address);
    } catch {
      this.worker = null;
    }
  }

  get slow() {
    return !this.worker;
  }

  // Resolves to the report, one request after the other. The first builds the trainer.
  ask(request) {
    this.last = Promise.resolve(this.last).catch(() => {}).then(() => this.send(request));
    return this.last;
  }

  async send(request) {
    if (this.worker) {
      try {
        return await this.askWorker(request);
      } catch (error) {
        if (this.answered) throw error;
        this.worker = null; // it never started
      }
    }
    return this.askHere(request);
  }

  askWorker(request) {
    return new Promise((resolve, reject) => {
      this.worker.onmessage = ({ data }) => {
        this.answered = true;
        resolve(data);
      };
      this.worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message || "the worker cannot start"));
      };
      this.worker.postMessage(this.answered ? request : { shared: this.shared, ...request });
    });
  }

  async askHere(request) {
    this.trainer ??= new (makeEngine().Trainer)(this.shared);
    const run = this.trainer.answer(request);
    while (true) {
      for (const begin = performance.now(); performance.now() - begin < SLICE;) {
        const { done, value } = run.next();
        if (done) return value;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  close() {
    this.worker?.terminate();
  }
}
