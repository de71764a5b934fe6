"""A trainable network in NumPy: the layers of a small CNN with their gradients, and Adam.

Activations are (batch, height, width, channel), so that a pointwise convolution is a matmul.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

TAPS = [(row, column) for row in range(3) for column in range(3)]


class Parameter:
    """A trainable array and the gradient of the loss by it, of the same shape."""

    def __init__(self, value: Array) -> None:
        self.value = value
        self.gradient = np.zeros_like(value)


class Layer(Protocol):
    """forward remembers what backward needs; backward fills gradients, returns the input's."""

    @property
    def parameters(self) -> list[Parameter]:
        """What the optimiser may change."""

    def forward(self, x: Array, training: bool) -> Array:
        """The layer's output; training says whether batch statistics are used and kept."""

    def backward(self, gradient: Array) -> Array:
        """The loss's gradient by the input, given that by the output."""


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> Parameter:
    """Normal weights of variance 2 / fan_in, which keeps a ReLU network's signal level.

    Source: He et al. 2015, "Delving Deep into Rectifiers".
    """
    return Parameter((rng.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32))


class Convolution3x3:
    """3x3 convolution, padded by one on each side, without bias. Weights (3, 3, in, out)."""

    def __init__(self, weights: Parameter, stride: int = 1) -> None:
        self.weights = weights
        self.parameters = [weights]
        self.stride = stride

    def forward(self, x: Array, training: bool) -> Array:
        """(n, h, w, in) → (n, ceil(h / stride), ceil(w / stride), out)."""
        self.padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        kernel = self.weights.value
        return np.asarray(sum(self.patch(self.padded, tap) @ kernel[tap] for tap in TAPS))

    def backward(self, gradient: Array) -> Array:
        """(n, h', w', out) → (n, h, w, in)."""
        padded_gradient = np.zeros_like(self.padded)
        for tap in TAPS:
            patch = self.patch(self.padded, tap)
            self.weights.gradient[tap] = np.tensordot(patch, gradient, axes=([0, 1, 2], [0, 1, 2]))
            self.patch(padded_gradient, tap)[...] += gradient @ self.weights.value[tap].T
        return padded_gradient[:, 1:-1, 1:-1]

    def patch(self, padded: Array, tap: tuple[int, int]) -> Array:
        """The view of a padded activation that one kernel position sees."""
        row, column = tap
        height, width = (size - 2 for size in padded.shape[1:3])
        rows, columns = slice(row, row + height, self.stride), slice(column, column + width)
        return padded[:, rows, columns][:, :, :: self.stride]


class Depthwise3x3(Convolution3x3):
    """3x3 depthwise convolution, padded by one, without bias. Weights (3, 3, channel)."""

    def forward(self, x: Array, training: bool) -> Array:
        """(n, h, w, c) → (n, ceil(h / stride), ceil(w / stride), c)."""
        self.padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        kernel = self.weights.value
        return np.asarray(sum(self.patch(self.padded, tap) * kernel[tap] for tap in TAPS))

    def backward(self, gradient: Array) -> Array:
        """(n, h', w', c) → (n, h, w, c)."""
        padded_gradient = np.zeros_like(self.padded)
        for tap in TAPS:
            patch = self.patch(self.padded, tap)
            self.weights.gradient[tap] = np.einsum("nhwc,nhwc->c", patch, gradient)
            self.patch(padded_gradient, tap)[...] += gradient * self.weights.value[tap]
        return padded_gradient[:, 1:-1, 1:-1]


class Pointwise:
    """A 1x1 convolution without bias: a matmul on the last axis. Weights (in, out)."""

    def __init__(self, weights: Parameter) -> None:
        self.weights = weights
        self.parameters = [weights]

    def forward(self, x: Array, training: bool) -> Array:
        """(…, in) → (…, out)."""
        self.x = x
        return np.asarray(x @ self.weights.value)

    def backward(self, gradient: Array) -> Array:
        """(…, out) → (…, in)."""
        rows = gradient.reshape(-1, gradient.shape[-1])
        self.weights.gradient[...] = self.x.reshape(len(rows), -1).T @ rows
        return np.asarray(gradient @ self.weights.value.T)


class Dense(Pointwise):
    """A matmul with a bias. Weights (in, out), bias (out,)."""

    def __init__(self, weights: Parameter, bias: Parameter) -> None:
        super().__init__(weights)
        self.bias = bias
        self.parameters = [weights, bias]

    def forward(self, x: Array, training: bool) -> Array:
        """(n, in) → (n, out)."""
        return super().forward(x, training) + self.bias.value

    def backward(self, gradient: Array) -> Array:
        """(n, out) → (n, in)."""
        self.bias.gradient[...] = gradient.sum(axis=0)
        return super().backward(gradient)


class BatchNorm:
    """Batch normalization per channel; running statistics serve outside training."""

    epsilon = 1e-5
    momentum = 0.9

    def __init__(self, channels: int) -> None:
        self.scale = Parameter(np.ones(channels, np.float32))
        self.bias = Parameter(np.zeros(channels, np.float32))
        self.mean = np.zeros(channels, np.float32)
        self.variance = np.ones(channels, np.float32)
        self.parameters = [self.scale, self.bias]

    def forward(self, x: Array, training: bool) -> Array:
        """Normalize by the batch's statistics in training, by the running ones otherwise."""
        mean, variance = self.batch_statistics(x) if training else (self.mean, self.variance)
        self.inverse_deviation = 1 / np.sqrt(variance + self.epsilon)
        self.normalized = (x - mean) * self.inverse_deviation
        return np.asarray(self.normalized * self.scale.value + self.bias.value)

    def backward(self, gradient: Array) -> Array:
        """Gradient through the batch's own mean and variance (Ioffe and Szegedy 2015, §3)."""
        self.bias.gradient[...] = gradient.sum(axis=(0, 1, 2))
        self.scale.gradient[...] = (gradient * self.normalized).sum(axis=(0, 1, 2))
        count = gradient[..., 0].size
        shared = self.bias.gradient + self.normalized * self.scale.gradient
        slope = self.scale.value * self.inverse_deviation
        return np.asarray((gradient - shared / count) * slope)

    def batch_statistics(self, x: Array) -> tuple[Array, Array]:
        """Mean and variance of this batch; the running ones move towards them."""
        mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
        self.mean = self.momentum * self.mean + (1 - self.momentum) * mean
        self.variance = self.momentum * self.variance + (1 - self.momentum) * variance
        return mean, variance


class ReLU:
    """max(x, 0)."""

    def __init__(self) -> None:
        self.parameters: list[Parameter] = []

    def forward(self, x: Array, training: bool) -> Array:
        """Same shape."""
        self.positive = x > 0
        return x * self.positive

    def backward(self, gradient: Array) -> Array:
        """Same shape; nothing passes where the input was not positive."""
        return gradient * self.positive


class GlobalAverage:
    """The mean over height and width."""

    def __init__(self) -> None:
        self.parameters: list[Parameter] = []

    def forward(self, x: Array, training: bool) -> Array:
        """(n, h, w, c) → (n, c)."""
        self.shape = x.shape
        return np.asarray(x.mean(axis=(1, 2)))

    def backward(self, gradient: Array) -> Array:
        """(n, c) → (n, h, w, c)."""
        _, height, width, _ = self.shape
        spread = gradient[:, None, None, :] / np.float32(height * width)
        return np.broadcast_to(spread, self.shape)


class Chain:
    """Layers one after the other."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    @property
    def parameters(self) -> list[Parameter]:
        """Those of all layers, in order."""
        return [parameter for layer in self.layers for parameter in layer.parameters]

    def forward(self, x: Array, training: bool) -> Array:
        """First layer first."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient: Array) -> Array:
        """Last layer first."""
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient


class Residual(Chain):
    """x + layers(x)."""

    def forward(self, x: Array, training: bool) -> Array:
        """Same shape."""
        return x + super().forward(x, training)

    def backward(self, gradient: Array) -> Array:
        """Same shape."""
        return gradient + super().backward(gradient)


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def cross_entropy_gradient(logits: Array, labels: NDArray[np.int64]) -> Array:
    """The gradient, by the logits (n, classes), of the mean cross-entropy to the labels (n,)."""
    gradient = softmax(logits)
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient / np.float32(len(labels))


class Adam:
    """Adam with its usual constants. Source: Kingma and Ba 2014, algorithm 1."""

    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-8

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters
        self.first = [np.zeros_like(parameter.value) for parameter in parameters]
        self.second = [np.zeros_like(parameter.value) for parameter in parameters]
        self.steps = 0

    def step(self, learning_rate: float) -> None:
        """Move every parameter once, by its gradient."""
        self.steps += 1
        correction_1, correction_2 = 1 - self.beta_1**self.steps, 1 - self.beta_2**self.steps
        for parameter, first, second in zip(self.parameters, self.first, self.second, strict=True):
            first += (1 - self.beta_1) * (parameter.gradient - first)
            second += (1 - self.beta_2) * (parameter.gradient**2 - second)
            deviation = np.sqrt(second / correction_2) + self.epsilon
            parameter.value -= learning_rate * (first / correction_1) / deviation


def batches(rng: np.random.Generator, samples: int, batch_size: int) -> Iterator[NDArray[np.int64]]:
    """The indices of one epoch in random order, batch by batch; the last may be smaller."""
    order = rng.permutation(samples)
    for start in range(0, samples, batch_size):
        yield order[start : start + batch_size]


def train(
    network: Layer,
    x: Array,
    labels: NDArray[np.int64],
    *,
    epochs: int,
    rng: np.random.Generator,
    learning_rate: float = 4e-3,
    batch_size: int = 64,
    progress: Callable[[int], None] = lambda epoch: None,
) -> None:
    """Minimise the cross-entropy by Adam; the learning rate falls to zero along a cosine.

    x: (n, h, w, c) float32.  labels: (n,).  progress is called after each epoch.
    """
    optimiser = Adam(network.parameters)
    for epoch in range(epochs):
        rate = learning_rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for indices in batches(rng, len(x), batch_size):
            logits = network.forward(x[indices], training=True)
            network.backward(cross_entropy_gradient(logits, labels[indices]))
            optimiser.step(rate)
        progress(epoch)
