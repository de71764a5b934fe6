"""Records of devices: what is written comes back, and what no device can have is named."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edgetool.devices import Device, find_device, fingerprint, list_devices, save_device
from edgetool.devices.store import config_folder, devices_folder, read_record
from edgetool.errors import OutputExistsError, PackError, UsageError

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHK5LQg7xbdZ2OnrL+3gTYZAkFPBtgtbfJyRJQCE8z1p"
PI = Device("pi5-kitchen", "raspberry-pi-5", "pi5.example", user="pi", host_keys=(HOST_KEY,))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGETOOL_DEVICES", str(tmp_path / "devices"))
    return tmp_path / "devices"


@pytest.mark.parametrize(
    "device",
    [
        PI,
        Device("here", "host", backend="local", root="/srv/edge tool"),
        Device("ipv6", "jetson-nano", "fe80::1%eth0", user="nvidia", port=2222,
               host_keys=(HOST_KEY, HOST_KEY), backend="openssh", identity="/home/ü/\"id\" \\1",
               root="lab/edgetool"),
    ],
)  # fmt: skip
def test_a_record_comes_back_as_it_was(device: Device, folder: Path) -> None:
    path = save_device(device)
    assert find_device(device.name) == device
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [entry.name for entry in folder.iterdir()] == [f"{device.name}.toml"]


def test_devices_are_listed_by_name_and_other_files_are_not(folder: Path) -> None:
    assert list_devices() == []
    for name in ("b", "a"):
        save_device(Device(name, "host", backend="local"))
    (folder / "notes.txt").write_text("no record")
    (folder / ".b.toml.x1").write_text("half of one")
    assert [device.name for device in list_devices()] == ["a", "b"]


def test_a_name_that_is_taken_stays_as_it_is_unless_forced() -> None:
    save_device(PI)
    other = Device("pi5-kitchen", "host", backend="local")
    with pytest.raises(OutputExistsError, match="'pi5-kitchen' is enrolled already"):
        save_device(other)
    assert find_device("pi5-kitchen") == PI
    save_device(other, force=True)
    assert find_device("pi5-kitchen") == other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('target = "host"\nbackend = "local"\nrot = "x"', "rot: unknown key; did you mean root?"),
        ('target = "host"\nbackend = "local"\nroot = 5', "root: must be a string, is 5"),
        ('backend = "local"', "target: missing"),
        ('target = "host"\nbackend = "locl"', "backend: 'locl' is not one of paramiko, openssh"),
        ('target = "host"\nbackend = "local"\nname = "x"', "name: unknown key"),
        ('target = "host"\nbackend = "local"\nhost = "h"', "host: is for a device behind a link"),
        ('target = "host"\nhost = "pi"', "host_keys: none is pinned"),
        ('target = "host"\nbackend = "local"\nroot = "../x"', "root: '../x' is not a folder's"),
        ('target = "host"\nbackend = "local"\nroot = "~/x"', "root: '~/x' is not a folder's"),
        ('target = "host"\nhost = "-oProxyCommand=x"', "host: '-oProxyCommand=x' is no host name"),
        ('target = "host"\nhost = "pi"\nuser = "-l"', "user: '-l' is no user name"),
        ('target = "host"\nhost = "pi"\nport = 0', "port: 0 is not 1 to 65535"),
        ('target = "host"\nhost = "pi"\nhost_keys = ["ssh-rsa AAAA"]', "host_keys[0]: "),
        (f'target = "host"\nhost = "pi"\nhost_keys = ["ssh-rsa {HOST_KEY[12:]}"]', "host_keys[0]"),
        ("target = ", "not valid TOML"),
    ],
)
def test_a_broken_record_names_what_is_wrong(text: str, said: str, folder: Path) -> None:
    folder.mkdir()
    (folder / "x.toml").write_text(text)
    with pytest.raises(PackError) as caught:
        find_device("x")
    assert said in str(caught.value)
    assert str(folder / "x.toml") in caught.value.message


def test_every_mistake_is_named_at_once(folder: Path) -> None:
    folder.mkdir()
    (folder / "x.toml").write_text('target = 5\nhots = "pi"\nport = "22"\n')
    with pytest.raises(PackError) as caught:
        read_record(folder / "x.toml")
    assert len(caught.value.details) == 3


@pytest.mark.parametrize("name", ["pi5-kitchn", "PI5-kitchen"])
def test_an_unknown_name_says_which_one_is_close(name: str) -> None:
    save_device(PI)
    with pytest.raises(UsageError) as caught:
        find_device(name)
    assert "did you mean: pi5-kitchen" in str(caught.value)
    assert "edgetool devices add" in str(caught.value)


@pytest.mark.parametrize("name", ["../x", "", "-x", "a/b", "x" * 64])
def test_a_name_never_leads_out_of_the_folder(name: str, folder: Path) -> None:
    (folder.parent / "x.toml").write_text('target = "host"\nbackend = "local"\n')
    with pytest.raises(UsageError):
        find_device(name)
    with pytest.raises(PackError):
        save_device(Device(name, "host", backend="local"))


def test_a_fingerprint_is_openssh_s() -> None:
    assert fingerprint(HOST_KEY).startswith("SHA256:")
    assert len(fingerprint(HOST_KEY)) == len("SHA256:") + 43


def test_the_folder_is_the_system_s_unless_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("EDGETOOL_DEVICES")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert devices_folder() == tmp_path / "edgetool" / "devices"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_folder() == tmp_path / ".config" / "edgetool"
    monkeypatch.setattr("sys.platform", "darwin")
    assert config_folder() == tmp_path / "Library" / "Application Support" / "edgetool"
