// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows how an arm is asked and answers: the same object trains in a worker and, where none can start, on the page's thread.

// What the page asks for: {settings} builds an arm; {steps} advances it. Each is answered by a report.
class Trainer {
  constructor(shared) {
    this.shared = shared; // the kernel, the rules, and the data sets as they are shipped
    this.sets = {};
  }

  // A generator that pauses often; its value is the report.
  *answer({ settings, steps = 0 }) {
    const begin = performance.now();
    if (settings) {
      this.arm = new Arm(this.shared, settings, this.set(settings.data));
      yield* this.arm.begin();
    }
    yield* this.arm.advance(steps);
    return { ...(yield* this.report(steps > 0)), time: performance.now() - begin };
  }

  set(name) {
    return (this.sets[name] ??= unpack(this.shared.sets[name]));
  }

  *report(stepped) {
    const { arm } = this;
    const first = arm.living;
    const profiles = [];
    for (const net of arm.nets) {
      profiles.push(profileOf(arm, net));
      yield;
    }
    if (!arm.step) {
      const { rms, cosine } = inputsOf(arm);
      arm.theory = predict(this.shared.rules, arm.settings, arm.net.plan, rms ** 2, cosine);
    }
    return {
      step: arm.step,
      points: arm.points,
      seeds: arm.nets.map(({ losses, accuracies, diverged }) => ({ losses, accuracies, diverged })),
      profiles,
      theory: arm.theory,
      shapes: arm.net.plan.shapes,
      updates: stepped && arm.remembered.diverged < 0 ? updateSizes(arm) : null,
      spread: spreadOfUnits(arm, first),
      pictures: arm.data.inputs === 2 ? yield* decisions(arm, first) : firstWeights(arm, first),
    };
  }
}

// Statistics of the probe's inputs.
function inputsOf(arm) {
  const numbers = probe(arm);
  arm.feed(arm.data.train, numbers);
  return statisticsOf(arm.memory.floats, arm.net.input, numbers.length, arm);
}

// The worker's side.
function serve(scope) {
  let trainer;
  scope.onmessage = ({ data: { shared, ...request } }) => {
    if (shared) trainer = new Trainer(shared);
    const run = trainer.answer(request);
    let step = run.next();
    while (!step.done) step = run.next();
    scope.postMessage(step.value);
  };
}
