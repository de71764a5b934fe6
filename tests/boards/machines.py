"""What each Linux board of targets/ shows of itself, as small tables.

Values are typical ones, not recordings of a board; where they come from is in docs/jetson.md and
in the [facts] of each target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Core:
    """A kind of CPU core.   part: MIDR's part number.   max_khz, min_khz: of its clock."""

    part: int
    max_khz: int
    min_khz: int
    dot_product: bool = False
    implementer: int = 0x41


@dataclass(frozen=True)
class Rail:
    """A channel of an INA3221."""

    name: str
    millivolts: int
    milliamperes: int

    @property
    def milliwatts(self) -> int:
        """Volts times amperes, as the JetPack 4 driver rounds it down."""
        return self.millivolts * self.milliamperes // 1000


@dataclass(frozen=True)
class Jetson:
    """What only a Jetson has.

    sensors: path of each INA3221 below /sys/bus/i2c/drivers, JetPack 4's (iio) or 5/6's (hwmon),
    with its channels.
    tegrastats: a line of it.   tensorrt, sm: of its JetPack, of its GPU.
    """

    tensorrt: tuple[int, int, int]
    cuda: str
    sm: str
    release: str
    gpu: str
    gpu_hz: int
    emc: str
    emc_hz: int
    sensors: Mapping[str, tuple[Rail, ...]]
    modes: tuple[tuple[int, str], ...]
    mode: int
    tegrastats: str
    int8: bool = True


@dataclass(frozen=True)
class Machine:
    """A board.   model: of its device tree.   thermal: zone type → millidegrees Celsius."""

    target: str
    model: str
    compatible: tuple[str, ...]
    core: Core
    cores: int
    memory_kb: int
    thermal: Mapping[str, int]
    governor: str = "schedutil"
    jetson: Jetson | None = None
    vcgencmd: Mapping[str, str] = field(default_factory=dict)


A53_PI3 = Core(0xD03, 1_200_000, 600_000)
A53_ZERO = Core(0xD03, 1_000_000, 600_000)
A57 = Core(0xD07, 1_479_000, 102_000)
A72 = Core(0xD08, 1_500_000, 600_000)
A76 = Core(0xD0B, 2_400_000, 1_500_000, dot_product=True)
CARMEL = Core(0x004, 1_907_200, 115_200, implementer=0x4E)
A78_NANO = Core(0xD42, 1_728_000, 115_200, dot_product=True)
A78_AGX = Core(0xD42, 2_201_600, 115_200, dot_product=True)

THROTTLED = {"get_throttled": "throttled=0x0", "measure_temp": "temp=48.3'C"}
PMIC = "\n".join(
    [
        "     3V7_WL_SW_A current(0)=0.07904106A",
        "       3V3_SYS_A current(1)=0.14833480A",
        "       1V8_SYS_A current(2)=0.18247450A",
        "      DDR_VDD2_A current(3)=0.01951920A",
        "      DDR_VDDQ_A current(4)=0.00000000A",
        "       1V1_SYS_A current(5)=0.18832030A",
        "        0V8_SW_A current(6)=0.32492370A",
        "      VDD_CORE_A current(7)=1.42880000A",
        "       3V3_DAC_A current(17)=0.00018315A",
        "       3V3_ADC_A current(18)=0.00012210A",
        "       0V8_AON_A current(16)=0.00390720A",
        "          HDMI_A current(22)=0.01221000A",
        "     3V7_WL_SW_V volt(8)=3.70507900V",
        "       3V3_SYS_V volt(9)=3.31354600V",
        "       1V8_SYS_V volt(10)=1.80219800V",
        "      DDR_VDD2_V volt(11)=1.10549400V",
        "      DDR_VDDQ_V volt(12)=0.60549400V",
        "       1V1_SYS_V volt(13)=1.10476160V",
        "        0V8_SW_V volt(14)=0.80219780V",
        "      VDD_CORE_V volt(15)=0.90659250V",
        "       3V3_DAC_V volt(20)=3.30770150V",
        "       3V3_ADC_V volt(21)=3.30678570V",
        "       0V8_AON_V volt(19)=0.79795120V",
        "          HDMI_V volt(23)=5.12244000V",
        "         EXT5V_V volt(24)=5.12612000V",
        "          BATT_V volt(25)=0.00000000V",
    ]
)

NANO = Jetson(
    tensorrt=(8, 2, 1),
    cuda="10.2",
    sm="5.3",
    int8=False,
    release="# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref, EABI: aarch64, "
    "DATE: Sat Feb 19 17:05:08 UTC 2022",
    gpu="57000000.gpu",
    gpu_hz=921_600_000,
    emc="debug/clk/override.emc/clk_rate",
    emc_hz=1_600_000_000,
    sensors={
        "ina3221x/6-0040/iio:device0": (
            Rail("POM_5V_IN", 5064, 413),
            Rail("POM_5V_GPU", 5064, 32),
            Rail("POM_5V_CPU", 5064, 88),
        )
    },
    modes=((0, "MAXN"), (1, "5W")),
    mode=0,
    tegrastats="RAM 1082/3964MB (lfb 12x4MB) SWAP 0/1982MB (cached 0MB) CPU [8%@1479,5%@1479,"
    "3%@1479,2%@1479] EMC_FREQ 0% GR3D_FREQ 0% PLL@30.5C CPU@33.5C PMIC@100C GPU@31C AO@39C "
    "thermal@32.25C POM_5V_IN 2091/2091 POM_5V_GPU 162/162 POM_5V_CPU 445/445",
)
XAVIER_NX = Jetson(
    tensorrt=(8, 5, 2),
    cuda="11.4",
    sm="7.2",
    release="# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, "
    "DATE: Tue Aug  1 19:57:35 UTC 2023",
    gpu="17000000.gv11b",
    gpu_hz=1_109_250_000,
    emc="debug/bpmp/debug/clk/emc/rate",
    emc_hz=1_866_000_000,
    sensors={
        "ina3221/7-0040/hwmon/hwmon5": (
            Rail("VDD_IN", 4968, 720),
            Rail("VDD_CPU_GPU_CV", 4968, 120),
            Rail("VDD_SOC", 4968, 240),
        )
    },
    modes=(
        (0, "MODE_15W_2CORE"),
        (1, "MODE_15W_4CORE"),
        (2, "MODE_15W_6CORE"),
        (3, "MODE_10W_2CORE"),
        (4, "MODE_10W_4CORE"),
        (5, "MODE_10W_DESKTOP"),
        (6, "MODE_20W_2CORE"),
        (7, "MODE_20W_4CORE"),
        (8, "MODE_20W_6CORE"),
    ),
    mode=8,
    tegrastats="08-09-2023 12:00:01 RAM 1503/6852MB (lfb 955x4MB) SWAP 0/3426MB (cached 0MB) CPU "
    "[3%@1190,1%@1190,0%@1190,1%@1190,0%@1190,0%@1190] EMC_FREQ 0%@1866 GR3D_FREQ 0%@[114] "
    "CPU@42.5C GPU@41.5C VDD_IN 3576mW/3576mW VDD_CPU_GPU_CV 596mW/596mW VDD_SOC 1192mW/1192mW",
)
ORIN_RELEASE = (
    "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, "
    "DATE: Wed Jan  8 01:49:37 UTC 2025"
)
ORIN_NANO = Jetson(
    tensorrt=(10, 3, 0),
    cuda="12.6",
    sm="8.7",
    release=ORIN_RELEASE,
    gpu="17000000.gpu",
    gpu_hz=1_020_000_000,
    emc="debug/bpmp/debug/clk/emc/rate",
    emc_hz=3_199_000_000,
    sensors={
        "ina3221/1-0040/hwmon/hwmon1": (
            Rail("VDD_IN", 5088, 976),
            Rail("VDD_CPU_GPU_CV", 5088, 120),
            Rail("VDD_SOC", 5080, 288),
        )
    },
    modes=((0, "15W"), (1, "25W"), (2, "MAXN_SUPER"), (3, "7W")),
    mode=1,
    tegrastats="01-15-2025 10:00:01 RAM 2135/7620MB (lfb 3x4MB) SWAP 0/3810MB (cached 0MB) CPU "
    "[2%@1728,0%@1728,0%@1728,0%@1728,0%@729,0%@729] EMC_FREQ 0%@2133 GR3D_FREQ 0%@[611] "
    "cpu@47.2C gpu@46.9C VDD_IN 4965mW/4965mW VDD_CPU_GPU_CV 610mW/610mW VDD_SOC 1463mW/1463mW",
)
AGX_ORIN = Jetson(
    tensorrt=(10, 3, 0),
    cuda="12.6",
    sm="8.7",
    release=ORIN_RELEASE,
    gpu="17000000.gpu",
    gpu_hz=1_300_500_000,
    emc="debug/bpmp/debug/clk/emc/rate",
    emc_hz=3_199_000_000,
    sensors={
        "ina3221/1-0040/hwmon/hwmon3": (
            Rail("VDD_GPU_SOC", 19_240, 164),
            Rail("VDD_CPU_CV", 19_240, 40),
            Rail("VIN_SYS_5V0", 5_032, 720),
        ),
        "ina3221/1-0041/hwmon/hwmon4": (
            Rail("NC", 0, 0),
            Rail("VDDQ_VDD2_1V8AO", 5_032, 312),
            Rail("NC", 0, 0),
        ),
    },
    modes=((0, "MAXN"), (1, "MODE_15W"), (2, "MODE_30W"), (3, "MODE_50W")),
    mode=0,
    tegrastats="01-15-2025 10:00:01 RAM 3270/62841MB (lfb 2x4MB) SWAP 0/31420MB (cached 0MB) CPU "
    "[1%@2201,0%@2201,0%@2201,0%@2201,0%@2201,0%@2201,0%@2201,0%@2201,0%@2201,0%@2201,0%@2201,"
    "0%@2201] EMC_FREQ 0%@2133 GR3D_FREQ 0%@[305,305] cpu@50.1C gpu@45.3C "
    "VDD_GPU_SOC 3155mW/3155mW VDD_CPU_CV 769mW/769mW VIN_SYS_5V0 3623mW/3623mW",
)


def _pi(target: str, model: str, soc: str, core: Core, memory_kb: int, **more: str) -> Machine:
    compatible = (f"raspberrypi,{target.removeprefix('raspberry-pi-')}", f"brcm,{soc}")
    zone = {"cpu-thermal": 48_312}
    answers = {**THROTTLED, "measure_clock arm": f"frequency(48)={core.max_khz * 1000}", **more}
    return Machine(
        target, model, compatible, core, 4, memory_kb, zone, governor="ondemand", vcgencmd=answers
    )


MACHINES = {
    machine.target: machine
    for machine in (
        _pi("raspberry-pi-3", "Raspberry Pi 3 Model B Rev 1.2", "bcm2837", A53_PI3, 927_000),
        _pi("raspberry-pi-4", "Raspberry Pi 4 Model B Rev 1.4", "bcm2711", A72, 3_884_000),
        _pi(
            "raspberry-pi-5",
            "Raspberry Pi 5 Model B Rev 1.0",
            "bcm2712",
            A76,
            8_255_000,
            pmic_read_adc=PMIC,
        ),
        _pi("raspberry-pi-zero-2w", "Raspberry Pi Zero 2 W Rev 1.0", "bcm2837", A53_ZERO, 432_000),
        Machine(
            "jetson-nano",
            "NVIDIA Jetson Nano Developer Kit",
            ("nvidia,p3450-0000+p3448-0000", "nvidia,tegra210"),
            A57,
            4,
            4_059_000,
            {"CPU-therm": 33_500, "GPU-therm": 31_000, "PMIC-Die": 100_000},
            jetson=NANO,
        ),
        Machine(
            "jetson-xavier-nx",
            "NVIDIA Jetson Xavier NX Developer Kit",
            ("nvidia,p3509-0000+p3668-0000", "nvidia,tegra194"),
            CARMEL,
            6,
            7_016_000,
            {"CPU-therm": 42_500, "GPU-therm": 41_500},
            jetson=XAVIER_NX,
        ),
        Machine(
            "jetson-orin-nano",
            "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
            ("nvidia,p3768-0000+p3767-0005-super", "nvidia,tegra234"),
            A78_NANO,
            6,
            7_802_000,
            {"cpu-thermal": 47_218, "gpu-thermal": 46_906},
            jetson=ORIN_NANO,
        ),
        Machine(
            "jetson-agx-orin",
            "NVIDIA Jetson AGX Orin Developer Kit",
            ("nvidia,p3737-0000+p3701-0005", "nvidia,tegra234"),
            A78_AGX,
            12,
            64_349_000,
            {"cpu-thermal": 50_093, "gpu-thermal": 45_312},
            jetson=AGX_ORIN,
        ),
    )
}
