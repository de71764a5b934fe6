"""A serial port as bytes with timeouts; what can go wrong with it in words.

pyserial comes with the extra [mcu].
"""

from __future__ import annotations

import errno
import importlib.util
import os
import time
from types import TracebackType
from typing import Any, Self

from edgetool.errors import DeviceError, MissingToolError

BAUD = 115_200
_POLL_S = 0.05
_WRITE_TIMEOUT_S = 5.0


class SerialPort:
    """An open serial port, locked against other programs.

    path: as the system spells it ("/dev/ttyACM0", "COM3").
    Every method raises DeviceError when the device has gone.
    """

    def __init__(self, path: str, baud: int = BAUD) -> None:
        self.path = path
        self._port = _open(path, baud)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_pseudo_terminal(self) -> bool:
        """Whether a program is on the other end of a pty, and no wire."""
        return os.path.realpath(self.path).startswith("/dev/pts/")

    def write(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._port.write(data)
        except Exception as error:
            raise self._gone(error, "sending") from error

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, as soon as there is anything; empty after timeout_s."""
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                waiting = max(1, min(self._port.in_waiting, 4096))
                data = bytes(self._port.read(waiting))
                if data or time.monotonic() >= deadline:
                    return data
        except Exception as error:
            raise self._gone(error, "reading") from error

    def discard_input(self) -> None:
        """Forget what has arrived so far."""
        try:
            self._port.reset_input_buffer()
        except Exception as error:
            raise self._gone(error, "reading") from error

    def close(self) -> None:
        """Give the port free; harmless when it is closed or gone."""
        try:
            self._port.close()
        except Exception:  # the device may be unplugged: nothing is left to close
            return

    def _gone(self, error: Exception, doing: str) -> Exception:
        """pyserial and termios raise several kinds of error for an unplugged device."""
        import serial

        if not isinstance(error, OSError | serial.SerialException | _termios_error()):
            return error
        return DeviceError(
            f"lost '{self.path}' while {doing}",
            details=[str(error)],
            hints=["check the cable and the board's power, then run it again"],
        )


def _termios_error() -> type[Exception]:
    try:
        import termios
    except ImportError:  # Windows
        return OSError
    return termios.error


def _open(path: str, baud: int) -> Any:
    if importlib.util.find_spec("serial") is None:
        raise MissingToolError(
            "serial ports need pyserial, which is not installed",
            hints=["pip install 'edgetool[mcu]'"],
        )
    import serial

    try:
        # pyserial raises DTR and RTS at opening and puts up with ports that have neither. They are
        # not touched again: setting them fails on a pty (errno 25) and resets some boards.
        return serial.Serial(
            path, baud, timeout=_POLL_S, write_timeout=_WRITE_TIMEOUT_S, exclusive=True
        )
    except (OSError, ValueError) as error:
        raise _cannot_open(path, error) from error


def _cannot_open(path: str, error: Exception) -> DeviceError:
    """pyserial's SerialException is an OSError; what the system said is in errno or in the text."""
    code = getattr(error, "errno", None)
    text = str(error)
    if code == errno.EACCES:
        return DeviceError(
            f"no permission to open '{path}'",
            hints=[
                "sudo usermod -aG dialout $USER, then log in again",
                "on some systems the group is called uucp",
            ],
        )
    if code == errno.ENOENT or "FileNotFoundError" in text:
        return DeviceError(
            f"no serial port '{path}'",
            details=[f"there are: {', '.join(_ports()) or 'none'}"],
            hints=["plug the board in", "--device with one of these"],
        )
    if code in (errno.EBUSY, errno.EWOULDBLOCK) or "exclusively lock" in text:
        return DeviceError(
            f"'{path}' is in use by another program",
            hints=["close the serial monitor that has it open"],
        )
    return DeviceError(
        f"cannot open '{path}' as a serial port",
        details=[text],
        hints=[f"one of: {', '.join(_ports()) or 'none is there; plug the board in'}"],
    )


def _ports() -> list[str]:
    from serial.tools import list_ports

    return sorted(port.device for port in list_ports.comports())
