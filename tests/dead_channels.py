"""A depthwise-separable network whose removable channels are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle, islice

import onnx

from network_writer import NetworkWriter

CHANNELS = 10
BLOCKS = 3
CLASSES = 5


@dataclass(frozen=True)
class SeparableNetwork:
    """model: conv_stem, then depthwise_i and pointwise_i for i in 1..BLOCKS, each with ReLU6.

    removable: layer → output channels that can go without changing the model's outputs: their
    value is the same for every input and at every position, or nothing reads them.
    kept: layer → output channels that are constant and must stay all the same: the padded
    depthwise convolution behind them sees zeros at the border and so is not constant.
    """

    model: onnx.ModelProto
    removable: Mapping[str, tuple[int, ...]]
    kept: Mapping[str, tuple[int, ...]]

    @property
    def dead_count(self) -> int:
        """How many output channels of convolutions can go."""
        return sum(len(channels) for channels in self.removable.values())


@dataclass
class _Ledger:
    removable: dict[str, list[int]] = field(default_factory=dict)
    kept: dict[str, list[int]] = field(default_factory=dict)

    def remove(self, channel: int, *layers: str) -> None:
        for layer in layers:
            self.removable.setdefault(layer, []).append(channel)

    def keep(self, channel: int, layer: str) -> None:
        self.kept.setdefault(layer, []).append(channel)


def separable_network(
    seed: int, dead_channels: int = 3, *, padded: bool = True, batch: int | str = 1
) -> SeparableNetwork:
    """3x12x12 to 5 classes, with this many removable channels behind each dense convolution.

    dead_channels: 0..6. They die in turn of zero weights ("zero"), of a depthwise kernel of zeros
    behind them ("unread"), and of a bias that keeps ReLU6 at its lower bound ("clamped").
    One channel more in each is a constant above zero, which can go only where nothing pads it.
    Without dead channels there is no such one either.
    """
    net = NetworkWriter(seed)
    pad = 1 if padded else 0
    x = net.relu6(net.conv("conv_stem", "image", (3, CHANNELS), pad=1))
    for block in range(1, BLOCKS + 1):
        both = (CHANNELS, CHANNELS)
        x = net.relu6(net.conv(f"depthwise_{block}", x, both, pad=pad, depthwise=True))
        x = net.relu6(net.conv(f"pointwise_{block}", x, both, (1, 1)))
    y = net.classifier(x, CHANNELS, CLASSES)
    _keep_others_alive(net)
    ledger = _kill_channels(net, dead_channels, padded)
    return SeparableNetwork(
        net.model("separable", ("image", [batch, 3, 12, 12]), {y: [batch, CLASSES]}),
        {layer: tuple(sorted(channels)) for layer, channels in ledger.removable.items()},
        {layer: tuple(sorted(channels)) for layer, channels in ledger.kept.items()},
    )


def _keep_others_alive(net: NetworkWriter) -> None:
    """Balanced weights and positive biases: no other channel rests at a bound by chance."""
    for name, value in net.constants.items():
        if name.endswith(".bias"):
            net.constants[name] = 1 + abs(value)
        elif name.endswith(".weight"):
            inputs = tuple(range(1, value.ndim))
            net.constants[name] = value - value.mean(axis=inputs, keepdims=True)


def _kill_channels(net: NetworkWriter, dead_channels: int, padded: bool) -> _Ledger:
    ledger = _Ledger()
    if not dead_channels:
        return ledger
    producers = ["conv_stem", *(f"pointwise_{block}" for block in range(1, BLOCKS + 1))]
    for block, layer in enumerate(producers, start=1):
        follower = f"depthwise_{block}" if block <= BLOCKS else None
        first, *others = map(int, net.rng.permutation(CHANNELS)[: dead_channels + 1])
        _make_constant(net, layer, first, 0.5)
        if follower:  # positive, so that the border's partial sums differ from the interior's
            kernels = net.constants[f"{follower}.weight"]
            kernels[first] = abs(kernels[first])
        _enter_constant(ledger, first, layer, follower, padded)
        causes = _causes(bounded_input=block > 1, has_follower=follower is not None)
        for channel, cause in zip(others, islice(cycle(causes), dead_channels), strict=True):
            _kill(net, cause, channel, layer, follower)
            ledger.remove(channel, layer, *([follower] if follower else []))
    return ledger


def _causes(*, bounded_input: bool, has_follower: bool) -> list[str]:
    return ["zero", *["unread"] * has_follower, *["clamped"] * bounded_input]


def _enter_constant(
    ledger: _Ledger, channel: int, layer: str, follower: str | None, padded: bool
) -> None:
    if follower and padded:
        ledger.keep(channel, layer)
    else:
        ledger.remove(channel, layer, *([follower] if follower else []))


def _kill(net: NetworkWriter, cause: str, channel: int, layer: str, follower: str | None) -> None:
    if cause == "zero":
        _make_constant(net, layer, channel, -0.5)
    elif cause == "unread":
        net.constants[f"{follower}.weight"][channel] = 0
    else:  # the input lies in 0..6, so this bias keeps every sum below zero
        weights = net.constants[f"{layer}.weight"][channel]
        net.constants[f"{layer}.bias"][channel] = -1 - 6 * abs(weights).sum()


def _make_constant(net: NetworkWriter, layer: str, channel: int, value: float) -> None:
    net.constants[f"{layer}.weight"][channel] = 0
    net.constants[f"{layer}.bias"][channel] = value
