"""Run a PyTorch model once forward and once backward and write down what happened, as a `Record`."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from initlib.diagnosis.pytorch import guard, measure, rates
from initlib.diagnosis.pytorch.mode import Recorder
from initlib.diagnosis.pytorch.tags import CONSTANT, Tag, tensors_in
from initlib.diagnosis.record import Operation, Parameter, Record

PRODUCTS = ("weight", "recurrent")


class UnusableError(RuntimeError):
    """The model or the loss failed on the batch; the message carries its words."""


def examine(
    model: Any,
    batch: Any,
    loss: Callable[..., Any] | None,
    optimizer: Any,
    learning_rate: float | None,
    depth: str,
) -> Record:
    """Return the record of a model on a batch; the model is afterwards as it was before."""
    guard.check(model)
    with torch.inference_mode(False):
        inputs, targets = (_ordinary(one) for one in _split(batch, loss))
    record = Record("PyTorch", [], versions={"torch": torch.__version__})
    record.parameters = _parameters(model, optimizer)
    if any(_uninitialised(p) for p in record.parameters.values()):
        record.skipped.append("everything else, until every parameter is filled")
        return record
    plan = rates.Plan.of(optimizer, learning_rate, record)
    run = Run(model, inputs, targets, loss, record)
    batch = list(tensors_in((inputs, targets)))
    with guard.untouched(model, batch) as values, guard.plain_execution(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run.first(values)
        values.put_back()
        if run.value is not None and run.gradients:
            rates.look_again(run, plan, values)
        if depth == "thorough" and run.value is not None:
            rates.shuffle(run, values)
    return record


class Run:
    """The passes through one model on one batch."""

    def __init__(self, model: Any, inputs: Any, targets: Any, loss: Any, record: Record) -> None:
        self.model, self.inputs, self.targets, self.loss, self.record = model, inputs, targets, loss, record
        self.random = torch.random.get_rng_state()
        self.trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.gradients: dict[str, Any] = {}
        self.value: float | None = None
        self.noise: list[Any] = []

    def first(self, values: guard.Values) -> None:
        """Run forward and backward under the recorder and fill the record."""
        record = self.record
        names = {id(p): name for name, p in self.model.named_parameters(remove_duplicate=False)}
        first_names = {id(p): name for name, p in self.model.named_parameters()}
        record.samples = _samples(self.inputs)
        recorder = Recorder({**names, **first_names}, record.samples, values.keep)
        for tensor in (*self.model.parameters(), *tensors_in((self.inputs, self.targets))):
            recorder.own(tensor)
        self._know_batch(recorder)
        with _places(self.model, recorder):
            with recorder:
                output = self._guarded(lambda: self.call(), "model")
            record.operations, record.weights = recorder.operations, recorder.weights
            self._outputs(output, recorder)
            with recorder:
                recorder.in_loss = True
                total = self._total_or_none(output, recorder)
        record.loss = recorder.loss if self.loss is not None else None
        if total is None:
            record.skipped.append("everything behind the loss, which failed on these targets")
            return
        self._note_use(recorder)
        if record.loss is not None:
            record.loss.value = float(total)
        self._backward(total, recorder)

    def call(self) -> Any:
        """Run the model on the inputs."""
        if isinstance(self.inputs, Mapping):
            return self.model(**self.inputs)
        if isinstance(self.inputs, (tuple, list)):
            return self.model(*self.inputs)
        return self.model(self.inputs)

    def total(self, output: Any) -> Any:
        """Return the loss, or the sum of the outputs times fixed N(0, 1) numbers where there is none."""
        if self.loss is not None:
            value = self.loss(output, self.targets)
            if not isinstance(value, torch.Tensor) or value.numel() != 1:
                kind = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
                raise ValueError(f"loss must return one number as a tensor. Received: {kind}.")
            return value.reshape(())
        floats = [t for t in tensors_in(output) if t.is_floating_point() and t.numel()]
        if not self.noise:
            generator = torch.Generator().manual_seed(0)
            self.noise = [torch.randn(t.shape, generator=generator).to(t.device, t.dtype) for t in floats]
        return sum(((t * n).sum() for t, n in zip(floats, self.noise, strict=True)), torch.zeros(()))

    def again(self) -> Any:
        """Return the loss once more, with the same random numbers in the model."""
        torch.random.set_rng_state(self.random)
        return self.total(self.call())

    def _total_or_none(self, output: Any, recorder: Recorder) -> Any:
        """Return the loss; None where labels outside the classes made it fail, which is a finding."""
        try:
            return self._guarded(lambda: self.total(output), "loss")
        except UnusableError:
            if recorder.loss.outside or recorder.loss.refused:
                return None
            raise

    def _guarded(self, work: Callable[[], Any], what: str) -> Any:
        try:
            return work()
        except Exception as error:
            raise UnusableError(
                f"The {what} failed on this batch with {type(error).__name__}: {error}"
            ) from error

    def _know_batch(self, recorder: Recorder) -> None:
        for number, tensor in enumerate(tensors_in(self.inputs)):
            operation = Operation(
                len(recorder.operations), "input", f"input {number + 1}" if number else "input"
            )
            operation.shape = tuple(tensor.shape)
            recorder.operations.append(operation)
            if measure.measurable(tensor):
                recorder.look(operation, tensor)
                if not number:
                    self.record.input_spread = _feature_spread(tensor)
            recorder.know(tensor, Tag(operation.index))
        for tensor in tensors_in(self.targets):
            if recorder.tag(tensor) is CONSTANT:
                recorder.know(tensor, Tag(target=True))

    def _outputs(self, output: Any, recorder: Recorder) -> None:
        found = []
        for tensor in tensors_in(output):
            node = recorder.tag(tensor).node
            if node is not None and tensor.is_floating_point():
                found.append(node)
                _range(recorder.operations[node], tensor)
        self.record.outputs = tuple(dict.fromkeys(found))
        if not found:
            self.record.skipped.append("the way to the output (no output depends on the inputs)")

    def _note_use(self, recorder: Recorder) -> None:
        record = self.record
        registered = {name for name, _ in self.model.named_parameters(remove_duplicate=False)}
        buffers = {name for name, _ in self.model.named_buffers()}
        for name, weight in record.weights.items():
            weight.registered = name in registered or name in buffers
            weight.trainable = name not in registered or record.parameters[self._first(name)].trainable
        for name in recorder.used:
            if name in registered:
                record.parameters[self._first(name)].used = True
        record.skipped += [f"the inside of {name}" for name in sorted(recorder.partial)]

    def _first(self, name: str) -> str:
        parameters = self.record.parameters
        if name in parameters:
            return name
        return next((key for key, p in parameters.items() if name in p.aliases), name)

    def _backward(self, total: Any, recorder: Recorder) -> None:
        record, names = self.record, list(self.trained)
        self.value = float(total.detach())
        if not names or not total.requires_grad:
            record.skipped.append("gradients (nothing that is trained reaches the loss)")
            for name in names:
                record.parameters[name].reached = False
            return
        if not math.isfinite(self.value):
            record.skipped.append("gradients (the loss is not finite)")
            return
        found = torch.autograd.grad(total, list(self.trained.values()), allow_unused=True)
        largest = 0.0
        for name, gradient in zip(names, found, strict=True):
            record.parameters[name].reached = gradient is not None
            if gradient is not None:
                self.gradients[name] = gradient
                size = measure.largest(gradient)
                record.parameters[name].still = size == 0
                largest = max(largest, size)
        floor = 1e-7 * largest
        for name, weight in record.weights.items():
            gradient = self.gradients.get(name)
            if gradient is not None and gradient.is_sparse:  # rows that were looked up alone
                weight.same_gradients = False if weight.same_rows else None
            elif gradient is not None:
                weight.gradient = float(torch.linalg.vector_norm(gradient, dtype=torch.float64))
                if weight.same_rows:
                    weight.same_gradients = measure.alike(gradient, weight.kind, weight.groups, 1e-4, floor)


def _split(batch: Any, loss: Any) -> tuple[Any, Any]:
    """Return inputs and targets of a batch."""
    if isinstance(batch, (tuple, list)) and len(batch) == 2 and loss is not None:
        return batch[0], batch[1]
    if loss is not None:
        raise ValueError(
            f"With a loss, batch must be (inputs, targets). Received: {type(batch).__name__}"
            + (f" of {len(batch)}." if isinstance(batch, (tuple, list)) else ".")
        )
    if not any(True for _ in tensors_in(batch)):
        raise TypeError(
            "batch must be a tensor, a tuple or dict of tensors, or (inputs, targets). "
            f"Received: {type(batch).__name__}."
        )
    return batch, None


def _ordinary(value: Any) -> Any:
    """Return a batch with copies in place of tensors made in inference mode, which have no gradients."""
    if isinstance(value, torch.Tensor):
        return value.clone() if value.is_inference() else value
    if type(value) in (tuple, list):
        return type(value)(_ordinary(one) for one in value)
    if type(value) is dict:
        return {key: _ordinary(one) for key, one in value.items()}
    return value


def _samples(inputs: Any) -> int:
    first = next(tensors_in(inputs), None)
    if first is None:
        raise TypeError(f"batch must hold tensors. Received: {type(inputs).__name__}.")
    if not first.numel():
        raise ValueError(f"batch must have at least one sample. Received: a tensor of {tuple(first.shape)}.")
    return int(first.shape[0]) if first.dim() else 1


def _parameters(model: Any, optimizer: Any) -> dict[str, Parameter]:
    rates_by_id = {}
    if isinstance(optimizer, torch.optim.Optimizer):
        rates_by_id = {id(p): float(g["lr"]) for g in optimizer.param_groups for p in g["params"]}
    aliases: dict[int, list[str]] = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        aliases.setdefault(id(p), []).append(name)
    found = {}
    for name, p in model.named_parameters():
        one = Parameter(name, tuple(p.shape), p.requires_grad, aliases=tuple(aliases[id(p)][1:]))
        if p.numel() and p.is_floating_point() and p.layout == torch.strided:
            one.bad, one.largest, one.tiny = measure.parameter(p)
        if rates_by_id or isinstance(optimizer, torch.optim.Optimizer):
            one.optimized, one.rate = id(p) in rates_by_id, rates_by_id.get(id(p))
        found[name] = one
    return found


def _uninitialised(parameter: Parameter) -> bool:
    return bool(parameter.bad or parameter.largest > 1e6 or parameter.tiny)


def _range(operation: Operation, tensor: Any) -> None:
    """Write down what an output looks like: its range, and whether rows are probabilities."""
    if not measure.measurable(tensor):
        return
    t = tensor.detach().float()
    operation.lowest, operation.highest = (float(x) for x in torch.aminmax(t))
    if t.dim() > 1:
        sums = t.sum(dim=1)
        operation.row_sums = float((sums - 1).abs().max())


def _feature_spread(tensor: Any) -> float | None:
    """Return the ratio of largest to smallest standard deviation of the features that vary."""
    if tensor.dim() != 2 or tensor.shape[0] < 8 or tensor.shape[1] < 2:
        return None
    x = tensor.detach().double()
    std = x[:, x.amax(dim=0) > x.amin(dim=0)].std(dim=0)
    std = std[std > 0]
    return float(std.max() / std.min()) if len(std) > 1 else None


@contextmanager
def _places(model: Any, recorder: Recorder) -> Iterator[None]:
    """Let the recorder know which module runs, by hooks that belong to no module."""
    names = {id(module): name for name, module in model.named_modules()}

    def enter(module: Any, _: Any) -> None:
        recorder.place.append(names.get(id(module), type(module).__name__))

    def leave(module: Any, _: Any, __: Any) -> None:
        if recorder.place:
            recorder.place.pop()

    hooks = torch.nn.modules.module
    handles = [
        hooks.register_module_forward_pre_hook(enter),
        hooks.register_module_forward_hook(leave, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
