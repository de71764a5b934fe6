"""Devices that a user has enrolled by name: their records, keys and links."""

from __future__ import annotations

from edgetool.devices.connection import connect
from edgetool.devices.device import BACKENDS, Device, fingerprint
from edgetool.devices.store import find_device, list_devices, remove_device, save_device

__all__ = [
    "BACKENDS",
    "Device",
    "connect",
    "find_device",
    "fingerprint",
    "list_devices",
    "remove_device",
    "save_device",
]
